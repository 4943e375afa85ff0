-- The requests of t/bench/run.sh, one operation at a time:
--
--     wrk -t1 … -s wrk.lua URL -- OPERATION [ROOMS [PAUSE]]
--
-- The users of a create are new in each request.  join, leave and sync go
-- through the ROOMS rooms that rooms.pl has made.  Before a request a connection
-- waits for PAUSE ms on average, by chance.

local n = -1
local operations = {}


local function post(path, body)
    return wrk.format("POST", path, nil, body)
end


function operations.same(path)
    return wrk.format("GET", path)
end


function operations.create(path)
    return post(path, string.format(
        '{"creator":"user_%07d","device_type":"app","uids":["user_%07d"]}',
        2 * n, 2 * n + 1))
end


function operations.join(path)
    return post(string.format("%s/%022x/join", path, n), string.format(
        '{"uid":"user_%07d","device_type":"app"}', 2 * n + 1))
end


function operations.leave(path)
    return post(string.format("%s/%022x/leave", path, n), string.format(
        '{"uid":"user_%07d"}', 2 * n + 1))
end


function operations.sync(path)
    return wrk.format("GET", string.format(
        "%s/sync?uid=user_%07d&device_type=app", path, 2 * n))
end


function init(args)
    operation, rooms = operations[args[1]], tonumber(args[2])

    local pause = tonumber(args[3])

    -- wrk looks whether there is this function
    if pause then
        function delay()
            return math.floor(-pause * math.log(1 - math.random()) + 0.5)
        end
    end
end


function request()
    n = n + 1

    if rooms and n == rooms then
        n = 0
    end

    return operation(wrk.path)
end


function done(summary, latency)
    local e = summary.errors

    print(string.format("requests=%d rate=%.0f p50=%.2f p99=%.2f failed=%d",
        summary.requests, summary.requests / summary.duration * 1e6,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000,
        e.status + e.connect + e.read + e.write + e.timeout))
end
