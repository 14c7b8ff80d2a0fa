-- The request mix of one wrk run: operation, host and credentials come from the environment.
-- wrk runs one copy of this script per thread; ids are spread so that threads do not update the same ticket.
local operation = os.getenv("BENCH_OPERATION") or "get"
local host = os.getenv("BENCH_HOST")
local authorization = os.getenv("BENCH_AUTHORIZATION")
local tickets = tonumber(os.getenv("BENCH_TICKETS") or "1000")

local headers = {
    ["Host"] = host, ["Authorization"] = authorization, ["Content-Type"] = "application/json",
}
local statuses = { "open", "pending", "hold" }
local threads = 0

function setup(thread)
    threads = threads + 1
    thread:set("seed", threads)
end

function init(args) math.randomseed(seed) end

local body = string.rep("The kettle in the second-floor kitchen trips the fuse when it boils. ", 7)

local function get()
    return wrk.format("GET", "/api/v2/tickets/" .. math.random(tickets) .. ".json", headers)
end
local function list()
    return wrk.format(
        "GET", "/api/v2/tickets.json?page%5Bsize%5D=25", headers)
end
local function create()
    local json = '{"ticket":{"subject":"Kettle ' .. math.random(1000000)
        .. '","priority":"normal","tags":["kitchen","power"],"comment":{"body":"' .. body .. '"}}}'
    return wrk.format("POST", "/api/v2/tickets.json", headers, json)
end
local function update()
    local json = '{"ticket":{"status":"' .. statuses[math.random(#statuses)] .. '"}}'
    return wrk.format("PUT", "/api/v2/tickets/" .. math.random(tickets) .. ".json", headers, json)
end

local operations = { get = get, list = list, create = create, update = update }
request = operations[operation]

function response(status, headers, body)
    if status >= 400 and not reported then
        reported = true
        io.stderr:write("first error: " .. status .. " " .. body:sub(1, 300) .. "\n")
    end
end

function done(summary, latency, requests)
    io.write(string.format(
        "RESULT %.0f %.3f %.3f %d\n", summary.requests / (summary.duration / 1e6),
        latency:percentile(50) / 1000, latency:percentile(99) / 1000,
        summary.errors.status + summary.errors.connect + summary.errors.read
            + summary.errors.write + summary.errors.timeout))
end
