-- Dead letters, and what is done with the head of a queue.


local function event_id(change, i)
    local nonce = string.gsub(change[C_NONCE], '.', function (c)
        return string.format('%02x', string.byte(c))
    end)

    return nonce .. '-' .. (change[C_SEQ] + i - 1)
end


local function get_tries(change)
    local tries = change[C_TRIES]

    if #tries == 0 then
        for i = 1, count_events(change) do
            tries[2 * i - 1], tries[2 * i] = 0, 0
        end
    end

    return tries
end


local function is_done(change, i)
    return change[C_TRIES][2 * i - 1] == -1
end


local function head_of(endpoint, room_id)
    local packed = call('LINDEX', queue_key(endpoint, room_id), 0)
    return packed and cmsgpack.unpack(packed)
end


-- Whether a score of "due" is a lease that has not run out: these have a
-- fraction.
local function is_lease(score)
    score = tonumber(score)

    return score and score > now and score % 1 > 0
end


-- Whether the head of a room is being sent just now.
local function is_sent(endpoint, room_id)
    return is_lease(call('ZSCORE', BASE .. 'due:' .. endpoint, room_id))
end


local function log(kind, endpoint, room_id, change, i, tries, reason)
    call('XADD', LOG, 'MAXLEN', '~', LOG_MAX, '*', 'e', cmsgpack.pack({
        kind, now, endpoint, room_id, change[C_TYPE], event_id(change, i),
        change[C_TARGETS][i] or '', tries, reason
    }))
end


-- Gives up one event of a change, which goes to the dead letters.
local function give_up(endpoint, room_id, change, i, reason)
    local id = event_id(change, i) .. ':' .. endpoint
    local tries = get_tries(change)
    local letter = {}

    for k, v in ipairs(change) do
        letter[k] = v
    end

    letter[C_SEQ] = change[C_SEQ] + i - 1
    letter[C_TARGETS] = { change[C_TARGETS][i] }
    letter[C_TRIES] = {}

    log('dead', endpoint, room_id, change, i, tries[2 * i - 1], reason)

    call('HSET', DEAD_LETTERS, id,
         cmsgpack.pack({ endpoint, room_id, letter }))
    call('ZADD', DEAD_AGE, now, id)
    call('HINCRBY', STATS, endpoint .. ':dead:' .. change[C_TYPE], 1)
    call('HINCRBY', STATS, endpoint .. ':waiting', -1)

    tries[2 * i - 1] = -1

    if call('ZCARD', DEAD_AGE) > DEAD_MAX then
        call('HDEL', DEAD_LETTERS, call('ZPOPMIN', DEAD_AGE)[1])
    end
end


-- The head of a room is done with: the next one may be sent from "due" on.
-- Returns the next one; if there is none the room must not stay in "due": it is
-- for the callers to take it out.
local function advance(endpoint, room_id, due)
    call('LPOP', queue_key(endpoint, room_id))

    local head = head_of(endpoint, room_id)

    if head then
        call('ZADD', BASE .. 'due:' .. endpoint, due, room_id)
        call('ZADD', BASE .. 'age:' .. endpoint, head[C_WRITTEN], room_id)

    else
        call('ZREM', BASE .. 'age:' .. endpoint, room_id)
    end

    return head
end


-- Gives up what is left of the head of a room, but not more events than "most";
-- returns how many, and what the head is then.
local function give_up_head(endpoint, room_id, head, most, reason)
    local n = 0

    -- also the first write, which a Redis without memory lets pass
    call('ZREM', BASE .. 'due:' .. endpoint, room_id)

    for i = 1, count_events(head) do
        if not is_done(head, i) then
            if n == most then
                call('LSET', queue_key(endpoint, room_id), 0,
                     cmsgpack.pack(head))
                call('ZADD', BASE .. 'due:' .. endpoint, now, room_id)

                return n, head
            end

            give_up(endpoint, room_id, head, i, reason)
            n = n + 1
        end
    end

    return n, advance(endpoint, room_id, now)
end

