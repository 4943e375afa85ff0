-- What only Redis knows, for metrics.
--
-- ARGV   10… ids of endpoints
-- reply  'ok', 4 live rooms, 5 active participants, 6 those of them who ring,
--        then for each endpoint: events that wait, ms that the oldest does, -1
--        if none does, dead letters, events that overflowed, breaker (0 closed,
--        1 open, 2 half open)

-- include base
-- include outbox
-- include breaker
local RINGING = BASE .. 'ringing'

local live = call('ZCARD', DEADLINES)
local ringing = tonumber(call('GET', RINGING)) or 0

-- rooms that an operator deleted took no leave: begin anew when nobody rings
if live == 0 and ringing ~= 0 then
    redis.pcall('DEL', RINGING)
    ringing = 0
end

local reply = { 'ok', now, 0, live, call('HLEN', USERS), math.max(0, ringing) }

for k = 10, #ARGV do
    local id = ARGV[k]
    local fields = { id .. ':waiting', id .. ':overflow' }

    for type = 1, 8 do
        fields[2 + type] = id .. ':dead:' .. type
    end

    local counts = call('HMGET', STATS, unpack(fields))
    local dead, n = 0, #reply

    for type = 1, 8 do
        dead = dead + (tonumber(counts[2 + type]) or 0)
    end

    reply[n + 1], reply[n + 2] = tonumber(counts[1]) or 0, oldest_of(id)
    reply[n + 3], reply[n + 4] = dead, tonumber(counts[2]) or 0
    reply[n + 5] = breaker_state(id)
end

return reply
