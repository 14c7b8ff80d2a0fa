-- Ticket writes, create : update : comment = 1 : 3 : 2, or one of the three alone, or reads of single tickets, over several tenants;
-- or the newest 20 of those that are new, or 20 of those with two words one after the other in the subject.
-- BENCH_TENANTS: lines "host authorization"; BENCH_MODE: write, create, update, comment, read, list or search; BENCH_TICKETS: tickets
-- each tenant has to begin with.
local tenants = {}
for host, authorization in (os.getenv("BENCH_TENANTS") or ""):gmatch("(%S+) ([^\n]+)\n") do
    tenants[#tenants + 1] = { Host = host, Authorization = authorization, ["Content-Type"] = "application/json" }
end
local tickets = tonumber(os.getenv("BENCH_TICKETS") or "50")
local mode = os.getenv("BENCH_MODE") or "write"
local statuses = { "open", "pending", "hold" }
local words = {}
for word in ([[the a to and of I it is in we not for on that this have my you with be was but at when are can so an if as after our
from no or your there has they all since would any which will been please just then only one now out still time two again does more
than before what how some get did about also by could them us yesterday today morning week every other new back same made see
account address again alert amount answer app arrived assigned attached average battery bill billing blank blocked box broken
browser button cable calendar call cancelled card change charge charged checkout code colleague color company computer confirm
connection contract copy customer damaged data date deadline delayed deleted delivery device discount document double download
driver email empty enabled error escalated export failed fault field file filter form frozen guest half headset import invoice item
keyboard label language laptop late license limit line link list locked login lost machine mail manager meeting message missing
mobile monitor month moved network number office old open order outage page paid paper parcel password payment phone plan port
price printer problem product profile purchase queue quote rate receipt record refund region release remote renewal report request
reset return router sales scanner screen screenshot search seat security sent server service setting setup shared shift shipment
shop signature slow software spam speed stock stopped store subscription support switch sync system tablet team template test
ticket total tracking training transfer trial twice update upgrade upload user vendor version video visit warning warranty website
window wireless wrong]]):gmatch("%S+") do
    words[#words + 1] = word
end
-- What the tickets of Benchmarks/peers are made of: words that are searched for there.
local subjects = {}
for word in ([[printer vpn login password invoice laptop screen network slow error cannot reset account mail outage server request
access license upgrade broken please urgent office customer payment refund delivery timeout certificate database backup]]):gmatch("%S+") do
    subjects[#subjects + 1] = word
end
local list = "/api/v2/search.json?query=type%3Aticket+status%3Anew&sort_by=updated_at&sort_order=desc&per_page=20"
local bodies = {}
local threads = 0

function setup(thread)
    threads = threads + 1
    thread:set("seed", threads + tonumber(os.getenv("BENCH_SEED") or "0") * 100)
end

-- Words in no order, the first ones often: about as hard to compress as what people write.
local function text(length)
    local result = ""
    while #result < length do
        result = result .. words[math.floor((#words) ^ math.random())] .. " "
    end
    return result:sub(1, length)
end

function init(args)
    math.randomseed(seed)
    for number = 1, 200 do bodies[number] = text(500) end
end

function request()
    local headers = tenants[math.random(#tenants)]
    local path = "/api/v2/tickets/" .. math.random(tickets) .. ".json"
    if mode == "read" then return wrk.format("GET", path, headers) end
    if mode == "list" then return wrk.format("GET", list, headers) end
    if mode == "search" then
        local two = subjects[math.random(#subjects)] .. "+" .. subjects[math.random(#subjects)]
        return wrk.format("GET", "/api/v2/search.json?query=type%3Aticket+subject%3A%22" .. two .. "%22&per_page=20", headers)
    end
    local dice = ({ create = 1, update = 2, comment = 6 })[mode] or math.random(6)
    local body = bodies[math.random(#bodies)]
    if dice == 1 then
        local json = '{"ticket":{"subject":"Kettle ' .. math.random(1000000)
            .. '","priority":"normal","tags":["kitchen","power"],"comment":{"body":"' .. body .. '"}}}'
        return wrk.format("POST", "/api/v2/tickets.json", headers, json)
    elseif dice <= 4 then
        local json = '{"ticket":{"status":"' .. statuses[math.random(#statuses)] .. '"}}'
        return wrk.format("PUT", path, headers, json)
    end
    return wrk.format("PUT", path, headers, '{"ticket":{"comment":{"body":"' .. body:sub(1, 200) .. '"}}}')
end

function response(status, headers, body)
    if status >= 400 and not reported then
        reported = true
        io.stderr:write("first error: " .. status .. " " .. body:sub(1, 300) .. "\n")
    end
end

function done(summary, latency, requests)
    io.write(string.format(
        "RESULT %d %.6f %.3f %.3f %d\n", summary.requests, summary.duration / 1e6,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000,
        summary.errors.status + summary.errors.connect + summary.errors.read
            + summary.errors.write + summary.errors.timeout))
end
