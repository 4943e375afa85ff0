-- The outbox: what waits to be delivered, and what became of it.
--
-- For each endpoint of the app, by its id:
--   {prefix}:queue:ID:ROOM  list    changes not yet delivered, oldest first
--   {prefix}:due:ID         zset    rooms, by when the head may be sent (ms)
--   {prefix}:age:ID         zset    rooms, by when the head was written (ms)
-- and for all of them
--   {prefix}:endpoints      hash    id -> an endpoint as registered
--   {prefix}:breakers       hash    id -> its breaker; none: closed, no failure
--   {prefix}:stats          hash    'ID:total:TYPE', 'ID:ok:TYPE',
--                                   'ID:dead:TYPE', 'ID:waiting',
--                                   'ID:overflow' -> events
--   {prefix}:dead           hash    'EVENT ID:ID' -> what was given up
--   {prefix}:dead:age       zset    the same, by when it was given up (ms)
--   {prefix}:log            stream  failed attempts and dead letters
--
-- The score in "due" of a room that is being sent is the end of the lease, its
-- fraction the owner: it is due again when its worker does not report, and a
-- report that comes after that finds another score.

local ENDPOINTS, STATS = BASE .. 'endpoints', BASE .. 'stats'
local DEAD_LETTERS, DEAD_AGE = BASE .. 'dead', BASE .. 'dead:age'
local BREAKERS, LOG = BASE .. 'breakers', BASE .. 'log'

-- What is to be done in LiveKit waits in the same way, under this id.
local LIVEKIT, LIVEKIT_MAX_AGE = 'livekit', 60000
local A_DELETE, A_REMOVE, A_LIST = 16, 17, 18

local DEAD_MAX, LOG_MAX, LETTERS_AT_ONCE = 100000, 100000, 1000

-- A change is an array: events of one type from one step, one for each target
-- or one without.  TIME: when it happened; WRITTEN: when it was written, or
-- replayed.  TRIES: for each event how often it was tried (-1: done with) and
-- when it may be tried again; empty until an attempt fails.
local C_TYPE, C_SEQ, C_NONCE, C_TIME, C_STATUS, C_DURATION = 1, 2, 3, 4, 5, 6
local C_CREATED, C_RTC_TYPE, C_INVITE_ON, C_MAX, C_DEVICE = 7, 8, 9, 10, 11
local C_TARGETS, C_UIDS, C_TRIES, C_WRITTEN = 12, 13, 14, 15

-- an endpoint; TYPES: a bit for each type of event it takes
local N_NAME, N_TYPES, N_SEEN, N_MAX_QUEUED, N_MAX_AGE = 1, 2, 3, 4, 5


local function count_events(change)
    return math.max(1, #change[C_TARGETS])
end


local function event_id(change, i)
    local nonce = string.gsub(change[C_NONCE], '.', function (c)
        return string.format('%02x', string.byte(c))
    end)

    return nonce .. '-' .. (change[C_SEQ] + i - 1)
end


local function queue_key(endpoint, room_id)
    return BASE .. 'queue:' .. endpoint .. ':' .. room_id
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
-- Returns the next one.
local function advance(endpoint, room_id, due)
    call('LPOP', queue_key(endpoint, room_id))

    local head = head_of(endpoint, room_id)

    if head then
        call('ZADD', BASE .. 'due:' .. endpoint, due, room_id)
        call('ZADD', BASE .. 'age:' .. endpoint, head[C_WRITTEN], room_id)

    else
        call('ZREM', BASE .. 'due:' .. endpoint, room_id)
        call('ZREM', BASE .. 'age:' .. endpoint, room_id)
    end

    return head
end


-- Too much waits: the oldest is given up.
local function overflow(endpoint, excess)
    while excess > 0 do
        local room_id = call('ZRANGE', BASE .. 'age:' .. endpoint, 0, 0)[1]
        local head = room_id and head_of(endpoint, room_id)

        if not head then
            return
        end

        for i = 1, count_events(head) do
            if not is_done(head, i) then
                give_up(endpoint, room_id, head, i, 'queue full')
                call('HINCRBY', STATS, endpoint .. ':overflow', 1)
                excess = excess - 1
            end
        end

        advance(endpoint, room_id, now)
    end
end


-- Puts packed changes of one room behind what waits already.
local function push(endpoint, room_id, packed)
    local length = call('RPUSH', queue_key(endpoint, room_id), unpack(packed))

    if length == #packed then
        call('ZADD', BASE .. 'due:' .. endpoint, 'NX', now, room_id)
        call('ZADD', BASE .. 'age:' .. endpoint, 'NX', now, room_id)
    end
end


-- The same for an endpoint's events, of which only so many may wait.
local function enqueue(endpoint, registered, room_id, packed, events)
    push(endpoint, room_id, packed)

    local waiting = call('HINCRBY', STATS, endpoint .. ':waiting', events)

    if waiting > registered[N_MAX_QUEUED] then
        overflow(endpoint, waiting - registered[N_MAX_QUEUED])
    end
end


-- Forgets what is older than a time; returns whether there may be more.
local function tidy(before)
    before = math.max(0, before)

    local letters = call('ZRANGEBYSCORE', DEAD_AGE, '-inf', before, 'LIMIT', 0,
                         LETTERS_AT_ONCE)

    call('XTRIM', LOG, 'MINID', string.format('%.0f', before))

    if #letters > 0 then
        call('HDEL', DEAD_LETTERS, unpack(letters))
        call('ZREM', DEAD_AGE, unpack(letters))
    end

    return #letters == LETTERS_AT_ONCE
end


