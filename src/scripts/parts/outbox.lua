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

local ENDPOINTS = BASE .. 'endpoints'
local BREAKERS = BASE .. 'breakers'
local STATS = BASE .. 'stats'
local DEAD_LETTERS = BASE .. 'dead'
local DEAD_AGE = BASE .. 'dead:age'
local LOG = BASE .. 'log'

-- What is to be done in LiveKit waits in the same way, under this id.
local LIVEKIT = 'livekit'
local LIVEKIT_MAX_AGE = 60000
local A_DELETE, A_REMOVE, A_LIST = 16, 17, 18

local DEAD_MAX, LOG_MAX, LETTERS_AT_ONCE = 100000, 100000, 1000
local OVERFLOW_AT_ONCE, SENT_AT_ONCE = 100, 1000

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


local function queue_key(endpoint, room_id)
    return BASE .. 'queue:' .. endpoint .. ':' .. room_id
end


-- Puts packed changes of one room behind what waits already.
local function push(endpoint, room_id, packed)
    local length = call('RPUSH', queue_key(endpoint, room_id), unpack(packed))

    if length == #packed then
        call('ZADD', BASE .. 'due:' .. endpoint, 'NX', now, room_id)
        call('ZADD', BASE .. 'age:' .. endpoint, 'NX', now, room_id)
    end
end


-- Too much waits: the oldest is given up, but not what is being sent, which may
-- arrive, and would be overtaken.  What that takes is made only then.
local function overflow(endpoint, excess)
    -- include letters
    local age, due = BASE .. 'age:' .. endpoint, BASE .. 'due:' .. endpoint
    local sent = 0

    -- Hundreds may be sent at once: they are passed over ever more in one go.
    local function oldest()
        local at_once = 1

        while true do
            local rooms = call('ZRANGE', age, sent, sent + at_once - 1)

            if #rooms == 0 then
                return nil
            end

            local scores = call('ZMSCORE', due, unpack(rooms))

            for k, room_id in ipairs(rooms) do
                if not is_lease(scores[k]) then
                    return room_id
                end

                sent = sent + 1
            end

            at_once = math.min(2 * at_once, SENT_AT_ONCE)
        end
    end

    while excess > 0 do
        local room_id = oldest()
        local head = room_id and head_of(endpoint, room_id)

        if not head then
            return
        end

        local n = give_up_head(endpoint, room_id, head, excess, 'queue full')

        call('HINCRBY', STATS, endpoint .. ':overflow', n)
        excess = excess - n
    end
end


-- The same for an endpoint's events, of which only so many may wait.
local function enqueue(endpoint, registered, room_id, packed, events)
    push(endpoint, room_id, packed)

    local excess = call('HINCRBY', STATS, endpoint .. ':waiting', events)
                   - registered[N_MAX_QUEUED]

    -- a bound that was lowered is reached step by step, Redis has other work
    if excess > 0 then
        overflow(endpoint, math.min(excess, events + OVERFLOW_AT_ONCE))
    end
end


