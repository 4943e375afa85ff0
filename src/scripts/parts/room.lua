-- How a room is stored, read, changed and saved.

-- a room is an array; the creator is its first member
local FORMAT, STATUS, RTC_TYPE, INVITE_ON, MAX = 1, 2, 3, 4, 5
local CREATED, UPDATED, ANSWERED, ENDED, AGE = 6, 7, 8, 9, 10
local SEQ, APPLIED, MEMBERS = 11, 12, 13
local ROOM_SIDS, CLOSED, EVENT_IDS = 14, 15, 16

-- when LiveKit is asked next who is there; until when a deadline waits for the
-- answer
local ASK_AT, ASKED_UNTIL = 17, 18

-- sids that are over, of people who are no members
local STRAYS = 19

local NOT_STARTED, IN_PROGRESS, FINISHED = 0, 1, 2
local ROOM_CANCELLED, ROOM_REJECTED, ROOM_MISSED = 3, 4, 6

-- a member is an array as well; DEADLINE: of ringing, connecting or rejoining,
-- as STATE and LINK say
local UID, STATE, DEVICE, DEADLINE, JOINED_AT, LEFT_AT = 1, 2, 3, 4, 5, 6
local LINK, SID, SID_AT, DEAD, INVITED, ABSENT_AT = 7, 8, 9, 10, 11, 12

-- when he was closed last, other than by LiveKit's word; LEFT_AT is when he was
-- joined last
local CLOSED_AT = 13

-- INVITED of one whose invitation ended when he was removed: he still is an
-- invitee, but needs another one to come back
local SPENT = 0

local INVITING, JOINED, REJECTED = 0, 1, 2
local HUNG_UP, MISSED, CANCELLED = 3, 4, 6

-- what LiveKit says of a member: never connected while he is in the room; a
-- live session; a session lost, with the grace to come back, or the short one
-- of a client that hung up; was connected and has to connect anew
local NONE, LIVE, GRACE, SHORT, AGAIN = 0, 1, 2, 3, 4

-- everyone who was ever in a room stays listed, so this has to end somewhere
local MEMBERS_MAX = 4000

-- what the change at hand does to the users hash
local joining, leaving = {}, {}

-- and to the number of those who ring
local ringing = 0

-- set by parts/events.lua, in the scripts that have it
local append_events

-- For whoever asks for more than one room:
--   {prefix}:rooms  zset  rooms, live ones by when they were created (ms), ended
--                         ones by minus when they ended
--   {prefix}:hosts  zset  live groups, whose creator may have left them, as
--                         host_entry(); all scores are 0
-- They must not be what keeps a call from beginning or ending, so nothing that
-- is wrong with them is an error there.
local ROOMS = BASE .. 'rooms'
local HOSTS = BASE .. 'hosts'


local function load_room(key)
    local packed = call('GET', key)
    return packed and cmsgpack.unpack(packed)
end


local function is_live(room)
    return room[STATUS] <= IN_PROGRESS
end


-- How long the call lasted (s); the clock may have been set back meanwhile.
local function duration(room)
    if room[ANSWERED] == 0 or room[ENDED] == 0 then
        return 0
    end

    return math.max(0, seconds(room[ENDED] - room[ANSWERED]))
end


local function is_active(member)
    return member[STATE] <= JOINED
end


-- Notes that somebody rings no longer, if he did; the creator of a call is
-- inviting, but nobody calls him.
local function count_silent(member)
    if member[STATE] == INVITING and member[INVITED] then
        ringing = ringing - 1
    end
end


local function is_connected(member)
    return member[LINK] >= LIVE and member[LINK] <= SHORT
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
    local active, busy = {}, nil

    for i, uid in ipairs(uids) do
        local id = ids[i]

        if id and id ~= ROOM_ID then
            if not active[id] then
                local room = load_room(BASE .. 'room:' .. id)
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


-- Sorts the groups of a creator as {prefix}:rooms does.
local function host_entry(creator, created, id)
    return creator .. '\0' .. string.format('%015.0f', created) .. '\0' .. id
end


local function list_room(room)
    local is_group = room[MAX] > 2
    local entry = is_group and host_entry(room[MEMBERS][1][UID], room[CREATED],
                                          ROOM_ID)

    if is_live(room) then
        redis.pcall('ZADD', ROOMS, room[CREATED], ROOM_ID)

        if is_group then
            redis.pcall('ZADD', HOSTS, 0, entry)
        end

    else
        redis.pcall('ZADD', ROOMS, -room[ENDED], ROOM_ID)

        if is_group then
            redis.pcall('ZREM', HOSTS, entry)
        end
    end
end


local function add_member(room, uid)
    local member = {
        uid, INVITING, '', 0, 0, 0, NONE, '', 0, false, false, 0, 0
    }

    table.insert(room[MEMBERS], member)

    return member
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
local function remember_nonce(room)
    local applied, kept = room[APPLIED], { NONCE, NOT_AFTER }

    for i = 1, #applied, 2 do
        if applied[i + 1] >= now then
            kept[#kept + 1], kept[#kept + 2] = applied[i], applied[i + 1]
        end
    end

    room[APPLIED] = kept
end


local function occupy(uids)
    local entries = {}

    for i, uid in ipairs(uids) do
        entries[2 * i - 1], entries[2 * i] = uid, ROOM_ID
    end

    call('HSET', USERS, unpack(entries))
end


-- A live room is never without a deadline: the earliest of its members', or
-- the end of its life should there be no other sign of it.
local function next_deadline(room)
    local due = room[AGE]

    for _, member in ipairs(room[MEMBERS]) do
        local deadline = member[DEADLINE]

        if deadline > 0 and deadline < due then
            due = deadline
        end
    end

    if room[ASKED_UNTIL] > 0 then
        due = math.max(due, room[ASKED_UNTIL])
    end

    if HAS_LIVEKIT and room[ASK_AT] > 0 then
        due = math.min(due, room[ASK_AT])
    end

    return due
end


-- Writes the room and all that goes with the change; returns the number of
-- changes that wait to be delivered.
local function save(room)
    room[UPDATED] = now

    if #leaving > 0 then
        -- fails before anything is written, should this be no sorted set
        call('ZSCORE', DEADLINES, ROOM_ID)
        call('HDEL', USERS, unpack(leaving))
    end

    if is_live(room) then
        call('ZADD', DEADLINES, next_deadline(room), ROOM_ID)

        if #joining > 0 then
            occupy(joining)
        end

    else
        call('ZREM', DEADLINES, ROOM_ID)
    end

    local events = append_events and append_events(room) or 0

    if is_live(room) then
        call('SET', ROOM, cmsgpack.pack(room))
    else
        call('SET', ROOM, cmsgpack.pack(room), 'PX', ARGV[RETENTION])
        list_room(room)
    end

    -- for metrics only: should this be no number, the change is made anyway
    if ringing ~= 0 then
        if redis.pcall('INCRBY', BASE .. 'ringing', ringing) == 0 then
            call('DEL', BASE .. 'ringing')
        end

        ringing = 0
    end

    return events
end


-- The same for a request of the API: a sign of life, and done only once.
local function save_request(room)
    room[AGE] = now + ARGV[MAX_AGE]
    remember_nonce(room)

    return save(room)
end


-- reply from 4: room id, status, created (s), max_participants, rtc_type,
-- creator and the other uids in the order they were first added
local function room_reply(room, events)
    local reply = {
        'ok', now, events, ROOM_ID, room[STATUS], seconds(room[CREATED]),
        room[MAX], room[RTC_TYPE]
    }

    for i, member in ipairs(room[MEMBERS]) do
        reply[8 + i] = member[UID]
    end

    return reply
end


-- A change that comes too late is not made; one that was made in time, and is
-- asked for again because the answer was lost, gets its answer.
if is_late then
    local room = load_room(ROOM)

    if not room or not is_applied(room) then
        return { 'late', now }
    end
end


