-- What every script begins with: how a room is stored, read, changed, saved.
--
-- KEYS   1 users      hash    uid -> id of the one live room the user is in
--        2 deadlines  zset    room id, scored by its earliest deadline (ms)
--        3 room       string  the room as below, MessagePack
-- ARGV   1 not after  ms of Redis's clock; a change that comes later is refused
--        2 nonce      8 bytes; the same in a request that is sent again
--        3 room id
-- reply  1 outcome    'ok' or the reason of a refusal, see each script
--        2 now        ms of Redis's clock, by which the worker sets its own
--
-- Times are ms since 1970, 0 for never.  A refusal changes nothing.  Redis can
-- refuse a write to a replica, or one that needs memory it does not have, but
-- only the first of a script.  So what makes a room larger writes first what
-- needs memory, what makes it smaller writes first what frees it, and either
-- way a change is made wholly or not at all.

local call = redis.call

local USERS, DEADLINES, ROOM = KEYS[1], KEYS[2], KEYS[3]
local NOT_AFTER, NONCE, ROOM_ID = tonumber(ARGV[1]), ARGV[2], ARGV[3]

-- a room is an array; the creator is its first member
local FORMAT, STATUS, RTC_TYPE, INVITE_ON, MAX = 1, 2, 3, 4, 5
local CREATED, UPDATED, ANSWERED, ENDED, APPLIED, MEMBERS = 6, 7, 8, 9, 10, 11

local NOT_STARTED, IN_PROGRESS, FINISHED = 0, 1, 2
local ROOM_CANCELLED, ROOM_REJECTED, ROOM_MISSED = 3, 4, 6

-- a member is an array as well; DEADLINE: of ringing, or of connecting
local UID, STATE, DEVICE, DEADLINE, JOINED_AT, LEFT_AT = 1, 2, 3, 4, 5, 6

local INVITING, JOINED, REJECTED, HUNG_UP, CANCELLED = 0, 1, 2, 3, 6

-- everyone who was ever in a room stays listed, so this has to end somewhere
local MEMBERS_MAX = 4000


local function time_ms()
    local t = call('TIME')
    return t[1] * 1000 + (t[2] - t[2] % 1000) / 1000
end


local function seconds(ms)
    return (ms - ms % 1000) / 1000
end


local function load_room(key)
    local packed = call('GET', key)
    return packed and cmsgpack.unpack(packed)
end


local function is_live(room)
    return room[STATUS] <= IN_PROGRESS
end


local function is_active(member)
    return member[STATE] <= JOINED
end


local function find(room, uid)
    for _, member in ipairs(room[MEMBERS]) do
        if member[UID] == uid then
            return member
        end
    end
end


local function count_active(room)
    local n = 0

    for _, member in ipairs(room[MEMBERS]) do
        if is_active(member) then
            n = n + 1
        end
    end

    return n
end


local function active_uids(room)
    local set = {}

    for _, member in ipairs(room[MEMBERS]) do
        if is_active(member) then
            set[member[UID]] = true
        end
    end

    return set
end


-- Those of the uids who are active in another live room; nil if there are
-- none.  The room that the users hash names is asked itself, so that an entry
-- left behind by a room that is gone makes nobody busy.
local function busy_elsewhere(uids)
    local ids = call('HMGET', USERS, unpack(uids))
    local prefix = string.sub(ROOM, 1, -1 - #ROOM_ID)
    local active, busy = {}, nil

    for i, uid in ipairs(uids) do
        local id = ids[i]

        if id and id ~= ROOM_ID then
            if not active[id] then
                local room = load_room(prefix .. id)
                active[id] = room and is_live(room) and active_uids(room) or {}
            end

            if active[id][uid] then
                busy = busy or {}
                busy[#busy + 1] = uid
            end
        end
    end

    return busy
end


local function occupy(uids)
    local entries = {}

    for i, uid in ipairs(uids) do
        entries[2 * i - 1], entries[2 * i] = uid, ROOM_ID
    end

    call('HSET', USERS, unpack(entries))
end


local function add_member(room, uid)
    local member = { uid, INVITING, '', 0, 0, 0 }

    table.insert(room[MEMBERS], member)

    return member
end


local function close(member, state, now)
    if member[STATE] == JOINED then
        member[LEFT_AT] = now
    end

    member[STATE], member[DEADLINE] = state, 0
end


-- Whether this very request was carried out before its answer was lost.
local function is_applied(room)
    local applied = room[APPLIED]

    for i = 1, #applied, 2 do
        if applied[i] == NONCE then
            return true
        end
    end

    return false
end


-- A nonce is of no use once a request that carries it would be refused.
local function remember_nonce(room, now)
    local applied, kept = room[APPLIED], { NONCE, NOT_AFTER }

    for i = 1, #applied, 2 do
        if applied[i + 1] >= now then
            kept[#kept + 1], kept[#kept + 2] = applied[i], applied[i + 1]
        end
    end

    room[APPLIED] = kept
end


-- A live room is never without a deadline: the earliest of its members', or
-- the end of its life should there be no other sign of it.
local function save_live(room, now, max_age, joining)
    local due = now + max_age

    for _, member in ipairs(room[MEMBERS]) do
        local deadline = member[DEADLINE]

        if deadline > 0 and deadline < due then
            due = deadline
        end
    end

    room[UPDATED] = now
    remember_nonce(room, now)

    call('ZADD', DEADLINES, due, ROOM_ID)

    if joining then
        occupy(joining)
    end

    call('SET', ROOM, cmsgpack.pack(room))
end


-- Ends the room: whoever is still active is closed silently.  "leaver" was
-- closed before, his place is given back here.
local function save_ended(room, status, leaver, now, retention)
    local gone = { leaver[UID] }

    for _, member in ipairs(room[MEMBERS]) do
        if is_active(member) then
            gone[#gone + 1] = member[UID]
            close(member, member[STATE] == JOINED and HUNG_UP or CANCELLED, now)
        end
    end

    room[STATUS], room[ENDED], room[UPDATED] = status, now, now
    remember_nonce(room, now)

    call('ZREM', DEADLINES, ROOM_ID)
    call('HDEL', USERS, unpack(gone))
    call('SET', ROOM, cmsgpack.pack(room), 'PX', retention)
end


-- reply from 3: status, created (s), max_participants, rtc_type, creator and
-- the other uids in the order they were first added
local function room_reply(room, now)
    local reply = {
        'ok', now, room[STATUS], seconds(room[CREATED]), room[MAX],
        room[RTC_TYPE]
    }

    for i, member in ipairs(room[MEMBERS]) do
        reply[6 + i] = member[UID]
    end

    return reply
end


local now = time_ms()

-- A change that comes too late is not made; one that was made in time, and is
-- asked for again because the answer was lost, gets its answer.
if now > NOT_AFTER then
    local room = load_room(ROOM)

    if not room or not is_applied(room) then
        return { 'late', now }
    end
end


