-- Acts on what is due, the longest overdue first.
--
-- KEYS   3 a room's key without its id; ARGV 3 is empty
-- ARGV   10 how many rooms at most; fewer if they are large
-- reply  'ok', 4 ms until the next one is due, -1 if there is none,
--        5 what was acted on, see parts/acting.lua; an error, behind all
--        others, if one of the rooms is none

-- include base
-- include room
-- include outbox
-- include events
-- include leaving
-- include joining
-- include sessions
-- include acting
local ROOM_KEY, CALL_NONCE = ROOM, NONCE
local ROOMS_AT_ONCE = 1000

-- sixteen large groups would hold up Redis as many times as long as one
local MEMBERS_AT_ONCE = 1000

-- when a room at which the script failed is looked at again (ms)
local BROKEN_AGAIN = 60000


-- Rooms that ended so long ago that they are forgotten.
local function tidy_rooms()
    local before = string.format('%.0f', ARGV[RETENTION] - now)
    local old = redis.pcall('ZRANGE', ROOMS, '(' .. before, '(0', 'BYSCORE',
                            'LIMIT', 0, ROOMS_AT_ONCE)

    if #old > 0 then
        redis.pcall('ZREM', ROOMS, unpack(old))
    end
end


tidy_rooms()

local limit = tonumber(ARGV[10])
local due = call('ZRANGE', DEADLINES, 0, limit, 'WITHSCORES')
local events, members, broken = 0, 0, nil


local function attend(id)
    local room = load_room(ROOM)

    if room and is_live(room) then
        members = members + #room[MEMBERS]

        -- the first write, which a Redis without memory lets pass; put back
        call('ZREM', DEADLINES, id)

        ask_in_turn(room)

        if not asks_first(room) then
            room[ASKED_UNTIL] = 0
            act(room)
        end

        events = events + save(room)
    else
        call('ZREM', DEADLINES, id)

        if not room then
            redis.pcall('ZREM', ROOMS, id)
        end
    end
end


for i = 1, #due, 2 do
    local id, wait = due[i], due[i + 1] - now

    if wait > 0 or i > 2 * limit or members >= MEMBERS_AT_ONCE then
        if broken then
            break
        end

        return { 'ok', now, events, math.max(0, math.ceil(wait)), fired }
    end

    ROOM_ID, ROOM = id, ROOM_KEY .. id
    joining, leaving, ringing = {}, {}, 0
    changes, actions = {}, {}

    -- an event's id is its change's nonce, which two rooms must not share
    NONCE = string.sub(CALL_NONCE, 1, -2) .. string.char((i - 1) / 2 % 256)

    local is_done, why = pcall(attend, id)

    -- a room that is none must not keep the others waiting
    if not is_done then
        call('ZADD', DEADLINES, now + BROKEN_AGAIN, id)
        broken = broken or why
    end
end

if broken then
    return redis.error_reply(type(broken) == 'table' and broken.err or broken)
end

return { 'ok', now, events, -1, fired }
