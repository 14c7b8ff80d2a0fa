-- Ticket writes, create : update : comment = 1 : 3 : 2, or reads of single tickets, over several tenants.
-- BENCH_TENANTS: lines "host authorization"; BENCH_MODE: write or read; BENCH_TICKETS: tickets each tenant has to begin with.
local tenants = {}
for host, authorization in (os.getenv("BENCH_TENANTS") or ""):gmatch("(%S+) ([^\n]+)\n") do
    tenants[#tenants + 1] = { Host = host, Authorization = authorization, ["Content-Type"] = "application/json" }
end
local tickets = tonumber(os.getenv("BENCH_TICKETS") or "50")
local mode = os.getenv("BENCH_MODE") or "write"
local statuses = { "open", "pending", "hold" }
local body = string.rep("The kettle in the second-floor kitchen trips the fuse when it boils. ", 7)
local threads = 0

function setup(thread)
    threads = threads + 1
    thread:set("seed", threads + tonumber(os.getenv("BENCH_SEED") or "0") * 100)
end

function init(args) math.randomseed(seed) end

function request()
    local headers = tenants[math.random(#tenants)]
    local path = "/api/v2/tickets/" .. math.random(tickets) .. ".json"
    if mode == "read" then return wrk.format("GET", path, headers) end
    local dice = math.random(6)
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
