-- Says which endpoints this nginx has, and tidies up: what nobody has said for
-- an endpoint's max_age is dropped, and what the log keeps too long.
--
-- ARGV   10 retention of the log (ms), then for each endpoint: id, name,
--        types (bits), max_queued, max_age (ms)
-- reply  'ok', 4… for each endpoint how many events overflowed so far

-- include base
-- include outbox
-- include letters
-- include tidying
local ROOMS_AT_ONCE = 100

-- ms without which nobody has an endpoint, however short its max_age:
-- heartbeats come every 5 s
local UNSEEN_MIN = 15000

local reply = { 'ok', now, 0 }

-- first what a Redis without memory lets pass, and gets some by
tidy(now - ARGV[10])

for k = 11, #ARGV, 5 do
    local id = ARGV[k]

    call('HSET', ENDPOINTS, id, cmsgpack.pack({
        ARGV[k + 1], tonumber(ARGV[k + 2]), now, tonumber(ARGV[k + 3]),
        tonumber(ARGV[k + 4])
    }))

    reply[#reply + 1] = tonumber(call('HGET', STATS, id .. ':overflow')) or 0
end


local function drop_queue(id, room_id)
    local packed = call('LRANGE', queue_key(id, room_id), 0, -1)

    for _, change in ipairs(packed) do
        change = cmsgpack.unpack(change)

        for i = 1, count_events(change) do
            if not is_done(change, i) then
                call('HINCRBY', STATS, id .. ':dead:' .. change[C_TYPE], 1)
                call('HINCRBY', STATS, id .. ':waiting', -1)
            end
        end
    end

    call('DEL', queue_key(id, room_id))
    call('ZREM', BASE .. 'due:' .. id, room_id)
    call('ZREM', BASE .. 'age:' .. id, room_id)
end


local registered = call('HGETALL', ENDPOINTS)

for k = 1, #registered, 2 do
    local id, endpoint = registered[k], cmsgpack.unpack(registered[k + 1])

    if endpoint[N_SEEN] + math.max(endpoint[N_MAX_AGE], UNSEEN_MIN) < now then

        -- nothing more comes while it is dropped, part by part
        if endpoint[N_TYPES] ~= 0 then
            endpoint[N_TYPES] = 0
            call('HSET', ENDPOINTS, id, cmsgpack.pack(endpoint))
        end

        local rooms = call('ZRANGE', BASE .. 'due:' .. id, 0,
                           ROOMS_AT_ONCE - 1)

        for _, room_id in ipairs(rooms) do
            drop_queue(id, room_id)
        end

        if #rooms < ROOMS_AT_ONCE then
            call('HDEL', ENDPOINTS, id)
            call('HDEL', BREAKERS, id)
        end
    end
end

return reply
