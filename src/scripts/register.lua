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
local STEPS_AT_ONCE = 200

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


-- Drops what waits for a room, in so many steps at most; returns how many it
-- took: one for each change, and one for the room.
local function drop_queue(id, room_id, most)
    for step = 1, most do
        local packed = call('LPOP', queue_key(id, room_id))

        if not packed then
            call('ZREM', BASE .. 'due:' .. id, room_id)
            call('ZREM', BASE .. 'age:' .. id, room_id)
            return step
        end

        local change, dropped = cmsgpack.unpack(packed), 0

        for i = 1, count_events(change) do
            dropped = dropped + (is_done(change, i) and 0 or 1)
        end

        call('HINCRBY', STATS, id .. ':dead:' .. change[C_TYPE], dropped)
        call('HINCRBY', STATS, id .. ':waiting', -dropped)
    end

    return most
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
                           STEPS_AT_ONCE - 1)
        local left = STEPS_AT_ONCE

        for _, room_id in ipairs(rooms) do
            left = left - drop_queue(id, room_id, left)
        end

        if left > 0 then
            call('HDEL', ENDPOINTS, id)
            call('HDEL', BREAKERS, id)
        end
    end
end

return reply
