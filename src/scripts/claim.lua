-- Takes what is due for an endpoint, for as long as the lease.
--
-- ARGV   14 how many rooms at most
-- reply  'ok', 4 ms until there is more, -1 if nothing waits,
--        5… changes as add_change()

-- include base
-- include room
-- include outbox
-- include letters
-- include sending
local breaker = load_breaker()
local limit = tonumber(ARGV[14])

-- events in one call, and ms until the next one
local OLD_AT_ONCE, MORE_OLD = 100, 20

-- values of a reply: a change of a large group has thousands of uids, and what
-- is larger than a worker believes in costs it the connection
local REPLY_MAX = 8000


-- What has waited for longer than max_age is given up, also while the breaker
-- keeps it waiting; what is being sent just now is not.  Returns whether there
-- may be more.
local function give_up_old()
    local registered = call('HGET', ENDPOINTS, ENDPOINT)

    -- what is to be done in LiveKit is looked at below
    if not registered then
        return false
    end

    local before = now - cmsgpack.unpack(registered)[N_MAX_AGE]
    local rooms = call('ZRANGEBYSCORE', BASE .. 'age:' .. ENDPOINT, '-inf',
                       '(' .. string.format('%.0f', before), 'LIMIT', 0,
                       OLD_AT_ONCE)
    local given_up = 0

    for _, room_id in ipairs(rooms) do
        local change = not is_sent(ENDPOINT, room_id)
                       and head_of(ENDPOINT, room_id)

        while change and change[C_WRITTEN] < before
              and given_up < OLD_AT_ONCE
        do
            local n

            n, change = give_up_head(ENDPOINT, room_id, change,
                                     OLD_AT_ONCE - given_up, 'max_age')
            given_up = given_up + n
        end

        if given_up >= OLD_AT_ONCE then
            return true
        end
    end

    return false
end


-- it would be sent, because it is what has been due for longest
if give_up_old() then
    return { 'ok', now, 0, MORE_OLD }
end

if breaker[OPEN_UNTIL] > now then
    return { 'ok', now, 0, math.ceil(breaker[OPEN_UNTIL] - now) }
end

-- half open: one of all workers tries one event
if breaker[FAILURES] >= BREAKER_FAILURES then
    limit, EVENTS_MAX = 1, 1
end

local looked_at, passed_over = nil, 0


-- What was to be done in LiveKit may have become wrong: it is looked at again
-- at each attempt.
local function is_moot(room_id, change)
    if now - change[C_TIME] > LIVEKIT_MAX_AGE then
        return true
    end

    -- once for all that is to be done in a room
    looked_at = looked_at or { pcall(load_room, BASE .. 'room:' .. room_id) }

    local is_room, room = unpack(looked_at)

    is_room = is_room and type(room) == 'table'

    -- of the room itself, unless another call has its id by now
    if change[C_TYPE] == A_DELETE then
        return is_room and is_live(room)
    end

    if not is_room then
        return true
    end

    if change[C_TYPE] == A_LIST then
        return not is_live(room)
    end

    local member = change[C_TYPE] == A_REMOVE
                   and find(room, change[C_TARGETS][1])

    return member and is_active(member)
end


local reply = { 'ok', now, 0, -1 }
local due = call('ZRANGE', DUE, 0, limit, 'WITHSCORES')
local is_written = false

for k = 1, #due, 2 do
    local room_id, score = due[k], tonumber(due[k + 1])

    if score > now or k > 2 * limit or EVENTS_MAX == 0 or #reply > REPLY_MAX
    then
        reply[4] = math.max(0, math.ceil(score - now))
        break
    end

    local change = head_of(ENDPOINT, room_id)

    -- the first write is one that a Redis without memory lets pass
    if not is_written then
        call('ZREM', DUE, room_id)
        is_written = true
    end

    looked_at = nil

    while change and ENDPOINT == LIVEKIT and passed_over < OLD_AT_ONCE
          and is_moot(room_id, change)
    do
        change = advance(ENDPOINT, room_id, now)
        passed_over = passed_over + 1
    end

    if not change then
        call('ZREM', DUE, room_id)
        call('ZREM', BASE .. 'age:' .. ENDPOINT, room_id)

    elseif passed_over == OLD_AT_ONCE then
        reply[4] = MORE_OLD
        break

    elseif retry_at(change) > now then
        call('ZADD', DUE, retry_at(change), room_id)

    else
        local token = string.format('%.17g', lease_end())

        call('ZADD', DUE, token, room_id)
        add_change(reply, room_id, token, change)

        if breaker[FAILURES] >= BREAKER_FAILURES then
            breaker[OPEN_UNTIL], breaker[PROBE] = now + LEASE, token
            save_breaker(breaker)
            reply[4] = LEASE
            break
        end
    end
end

return reply
