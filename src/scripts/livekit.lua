-- What LiveKit says happened: docs/livekit.md has the rules.
--
-- ARGV   10 event: started, finished, joined, left, aborted, track
--        11 event id, 12 room sid, 13 participant sid, 14 identity,
--        15 when the session was made (ms of LiveKit's clock),
--        16 why it left: transient, client, other; 17 device type or empty,
--        18 when LiveKit told of it (ms of its clock, in whole seconds)
-- reply  'ok'; also when nothing changes

-- include base
-- include room
-- include outbox
-- include events
-- include leaving
-- include joining
-- include sessions
local EVENT, EVENT_ID, ROOM_SID, P_SID = ARGV[10], ARGV[11], ARGV[12], ARGV[13]
local IDENTITY, MADE_AT, REASON = ARGV[14], tonumber(ARGV[15]), ARGV[16]
local P_DEVICE, TOLD_AT = ARGV[17], tonumber(ARGV[18])

local EVENT_IDS_MAX, ROOM_SIDS_MAX, STRAYS_MAX = 64, 8, 32

-- ms; an event that is later is rare, and the end of its session follows it
local DELAY_MAX = 60000

-- a client that hangs up says the same as one that reconnects from scratch
local SHORT_GRACE = 2000

local room = load_room(ROOM)

if not room then
    return { 'ok', now, 0 }
end

-- a call that is over stays so: whoever opened its room again is sent away
if not is_live(room) then
    if EVENT == 'started' or EVENT == 'joined' then
        ask_livekit(room, A_DELETE)
    end

    return { 'ok', now, append_actions() }
end


local function remember(list, value, max)
    table.insert(list, value)

    if #list > max then
        table.remove(list, 1)
    end
end


-- The session of this event is over, whoever it is.
local function bury_session(member)
    if member then
        bury(member, P_SID)

    elseif not contains(room[STRAYS], P_SID) then
        remember(room[STRAYS], P_SID, STRAYS_MAX)
    end
end


local function is_current(member)
    return member and member[LINK] == LIVE and member[SID] == P_SID
end


local function is_buried(member)
    return contains(room[STRAYS], P_SID)
           or contains(member and member[DEAD] or {}, P_SID)
end


-- Of which instance of the room this speaks: 'current', 'superseded', or 'new',
-- which then is the current one.
local function place_room_sid()
    local sids = room[ROOM_SIDS]

    if sids[#sids] == ROOM_SID then
        return 'current'
    end

    if contains(sids, ROOM_SID) then
        return 'superseded'
    end

    -- A session that LiveKit's list told of first is of no older instance if
    -- none is known, or if this is about it.
    for _, member in ipairs(room[MEMBERS]) do
        if member[LINK] == LIVE and #sids > 0 and member[SID] ~= P_SID then
            start_grace(member, GRACE, ARGV[REJOIN])
        end
    end

    remember(sids, ROOM_SID, ROOM_SIDS_MAX)
    room[CLOSED] = 0

    return 'new'
end


-- When the session was made by Redis's clock, where the two clocks differ by
-- more than a late event explains: how old it was when LiveKit told of it does
-- not depend on them.
local function made_here()
    local ahead = TOLD_AT - now

    if TOLD_AT > 0 and (ahead > 0 or ahead < -DELAY_MAX) then
        return MADE_AT - ahead
    end

    return MADE_AT
end


-- A session that began before the person left, or before the current one did,
-- is over, however late its beginning is heard of.
local function is_stale(member)
    return MADE_AT < member[SID_AT]
           or (not is_active(member) and made_here() <= member[CLOSED_AT])
end


local function on_joined()
    local member = find(room, IDENTITY)

    if room[CLOSED] == 1 then
        bury_session(member)
        return
    end

    -- a track was heard of before
    if is_current(member) then
        member[SID_AT] = MADE_AT

        if P_DEVICE ~= '' then
            member[DEVICE] = P_DEVICE
        end

        return
    end

    if is_buried(member) or (member and is_stale(member)) then
        bury_session(member)

        -- he was removed, or left, before LiveKit knew of him
        if member and not is_active(member) then
            ask_livekit(room, A_REMOVE, { IDENTITY })
        end

        return
    end

    member = admit(room, IDENTITY)

    if member then
        connect(room, member, P_SID, MADE_AT, P_DEVICE)
    else
        ask_livekit(room, A_REMOVE, { IDENTITY })
    end
end


-- says that a session is there whose beginning was lost
local function on_track()
    local member = find(room, IDENTITY)

    if member and is_active(member) and member[LINK] ~= LIVE
        and room[CLOSED] == 0 and not is_buried(member)
    then
        -- nobody said when it was made: no later one is refused for it
        connect(room, member, P_SID, member[SID_AT], P_DEVICE)
    end
end


local function on_left()
    local member = find(room, IDENTITY)

    bury_session(member)

    if not is_current(member) then
        return
    end

    if REASON == 'transient' then
        start_grace(member, GRACE, ARGV[REJOIN])

    elseif REASON == 'client' then
        start_grace(member, SHORT, math.min(SHORT_GRACE, ARGV[REJOIN]))

    else
        local closed_at = member[CLOSED_AT]

        depart(room, member)

        -- this may be heard of late: he may have another session since then
        member[CLOSED_AT] = closed_at
    end
end


local function on_aborted()
    local member = find(room, IDENTITY)

    bury_session(member)

    if is_current(member) then
        start_grace(member, GRACE, ARGV[REJOIN])
    end
end


-- A session that began after the room was closed is one of its next instance,
-- of which only LiveKit's list has told yet.
local function is_of_next(member)
    return TOLD_AT > 0 and member[SID_AT] >= TOLD_AT + 1000
end


-- Every session is over.  Whoever may still come back, or is on the way,
-- keeps his time, and the call with it; who was still thought to be connected
-- then has time to come back as well.
local function on_finished()
    local awaited, over = false, {}

    room[CLOSED] = 1

    for _, member in ipairs(room[MEMBERS]) do
        local link = member[LINK]

        if link == LIVE and not is_of_next(member) then
            over[#over + 1] = member

        elseif member[STATE] == JOINED and link ~= SHORT then
            awaited = true
        end
    end

    if not awaited then
        finish(room, is_answered(room) and FINISHED or ROOM_MISSED)
        return
    end

    for _, member in ipairs(over) do
        bury(member, member[SID])
        start_grace(member, GRACE, ARGV[REJOIN])
    end
end


if contains(room[EVENT_IDS], EVENT_ID) then
    return { 'ok', now, 0 }
end

remember(room[EVENT_IDS], EVENT_ID, EVENT_IDS_MAX)

if place_room_sid() == 'superseded' then
    local member = find(room, IDENTITY)

    if P_SID ~= '' and not is_current(member) then
        bury_session(member)
    end

elseif EVENT == 'started' then
    room[CLOSED] = 0
    start(room)

elseif EVENT == 'finished' then
    on_finished()

elseif EVENT == 'joined' then
    on_joined()

elseif EVENT == 'left' then
    on_left()

elseif EVENT == 'aborted' then
    on_aborted()

elseif EVENT == 'track' then
    on_track()
end

room[AGE] = now + ARGV[MAX_AGE]

return { 'ok', now, save(room) }
