-- How an endpoint does, for those who look on.

-- a breaker as in parts/sending.lua
local FAILURES, OPEN_UNTIL, BREAKER_FAILURES = 1, 2, 10


-- ms that the oldest event waits, -1 if none does
local function oldest_of(id)
    local oldest = call('ZRANGE', BASE .. 'age:' .. id, 0, 0, 'WITHSCORES')[2]

    return oldest and now - oldest or -1
end


-- 0 closed, 1 open, 2 half open
local function breaker_state(id)
    local packed = call('HGET', BREAKERS, id)
    local breaker = packed and cmsgpack.unpack(packed)

    if not breaker or breaker[FAILURES] < BREAKER_FAILURES then
        return 0
    end

    return breaker[OPEN_UNTIL] > now and 1 or 2
end


