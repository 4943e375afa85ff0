-- What happens is told to every endpoint that the app has anywhere, in the
-- step that makes it happen.

local E_STARTED, E_FINISHED, E_INVITED, E_JOINED = 1, 2, 3, 4
local E_LEFT, E_REJECTED, E_MISSED, E_CANCELLED = 5, 6, 7, 8

local endpoints = call('HGETALL', ENDPOINTS)

-- Redis lost them: the worker registers its own and comes again
if #endpoints == 0 and HAS_ENDPOINTS then
    return { 'unregistered', now }
end

local changes = {}

local actions = {}


local function ask_livekit(room, type, uids)
    if HAS_LIVEKIT then
        actions[#actions + 1] = cmsgpack.pack({
            type, 0, NONCE, now, 0, 0, room[CREATED], 0, 0, 0, '', uids or {},
            {}, {}, now
        })
    end
end


local function append_actions()
    if #actions == 0 then
        return 0
    end

    local n = #actions

    push(LIVEKIT, ROOM_ID, actions)
    actions = {}

    return n
end


-- Events of one type: one for each of the uids, or one of the room.  What a
-- step does to one person after the other is one change: a thousand who are
-- lost at once are not a thousand changes with a thousand uids each.
local function emit(room, type, uids, device)
    local seq, last = room[SEQ], changes[#changes]

    device = device or ''
    room[SEQ] = seq + (uids and #uids or 1)

    if #endpoints == 0 then
        return
    end

    if uids and last and last[C_TYPE] == type and last[C_DEVICE] == device then
        for _, uid in ipairs(uids) do
            table.insert(last[C_TARGETS], uid)
        end

        return
    end

    changes[#changes + 1] = {
        type, seq + 1, NONCE, now, 0, 0, room[CREATED], room[RTC_TYPE],
        room[INVITE_ON], room[MAX], device, uids or {}, {}, {}, now
    }
end


-- The events show the room as it is after the whole step.
append_events = function (room)
    local n = #changes + append_actions()

    if #changes == 0 then
        return n
    end

    local uids, packed = {}, {}

    for i, member in ipairs(room[MEMBERS]) do
        uids[i] = member[UID]
    end

    for i, change in ipairs(changes) do
        change[C_STATUS], change[C_UIDS] = room[STATUS], uids

        if change[C_TYPE] == E_FINISHED then
            change[C_DURATION] = duration(room)
        end

        packed[i] = cmsgpack.pack(change)
    end

    for e = 1, #endpoints, 2 do
        local id, registered = endpoints[e], cmsgpack.unpack(endpoints[e + 1])
        local taken, events = {}, 0

        for i, change in ipairs(changes) do
            if bit.band(registered[N_TYPES], bit.lshift(1, change[C_TYPE])) > 0
            then
                local n = count_events(change)

                taken[#taken + 1], events = packed[i], events + n
                call('HINCRBY', STATS, id .. ':total:' .. change[C_TYPE], n)
            end
        end

        if #taken > 0 then
            enqueue(id, registered, ROOM_ID, taken, events)
        end
    end

    changes = {}

    return n
end


