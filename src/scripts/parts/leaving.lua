-- How participants leave, and how calls end: the table of docs/api.md,
-- "Leaving", and what ends a group.

local DEAD_SIDS_MAX = 8


local function contains(list, value)
    for _, v in ipairs(list) do
        if v == value then
            return true
        end
    end

    return false
end


-- A session that is over stays so, whatever is heard of it later.
local function bury(member, sid)
    local dead = member[DEAD] or {}

    if contains(dead, sid) then
        return
    end

    table.insert(dead, sid)

    if #dead > DEAD_SIDS_MAX then
        table.remove(dead, 1)
    end

    member[DEAD] = dead
end


local function close(member, state)
    if member[SID] ~= '' then
        bury(member, member[SID])
    end

    count_silent(member)

    if member[STATE] == JOINED then
        member[LEFT_AT] = now
    end

    member[STATE], member[DEADLINE], member[CLOSED_AT] = state, 0, now
    member[LINK], member[SID] = NONE, ''

    leaving[#leaving + 1] = member[UID]
end


-- Ends the call for whoever is still in it, silently.
local function finish(room, status, ringing)
    for _, member in ipairs(room[MEMBERS]) do
        if is_active(member) then
            close(member, member[STATE] == JOINED and HUNG_UP
                          or ringing or CANCELLED)
        end
    end

    room[STATUS], room[ENDED] = status, now
    emit(room, E_FINISHED)

    -- nobody stays connected to a call that is over
    ask_livekit(room, A_DELETE)
end


local function is_answered(room)
    return room[ANSWERED] > 0
end


local function others_ever_joined(room, leaver)
    for _, member in ipairs(room[MEMBERS]) do
        if member ~= leaver and member[JOINED_AT] > 0 then
            return true
        end
    end

    return false
end


-- Who came without an invitation is no invitee.
local function all_rejected(room)
    local invited = false

    for _, member in ipairs(room[MEMBERS]) do
        if member[INVITED] then
            if member[STATE] ~= REJECTED then
                return false
            end

            invited = true
        end
    end

    return invited
end


local function group_status(room)
    if is_answered(room) then
        return FINISHED
    end

    return all_rejected(room) and ROOM_REJECTED or ROOM_MISSED
end


-- The room of this step, and the last of its members who may be there, or be
-- inviting: in a step that somebody leaves in nobody comes after that, so a
-- thousand who leave one after the other are not gone through a thousand times.
local seen_room, last_there, last_inviting


-- Ends a group in which nobody is active, or from which the last one joined
-- has left and only ringing invitees remain.  A creator who does not ring is
-- on his way.
local function finish_deserted(room, was_joined, status)
    local members = room[MEMBERS]

    if seen_room ~= room then
        seen_room, last_there, last_inviting = room, #members, #members
    end

    while last_there > 0 do
        local member = members[last_there]

        if member[STATE] == JOINED
            or (member[STATE] == INVITING and not member[INVITED])
        then
            return
        end

        last_there = last_there - 1
    end

    while last_inviting > 0
          and members[last_inviting][STATE] ~= INVITING
    do
        last_inviting = last_inviting - 1
    end

    if was_joined or last_inviting == 0 then
        finish(room, status or group_status(room))
    end
end


-- Whether the call is off when its creator goes.
local function is_withdrawn(room, creator)
    if room[MAX] == 2 then
        return not is_answered(room)
    end

    return not others_ever_joined(room, creator)
end


local function depart(room, leaver)
    local creator = room[MEMBERS][1]
    local was_joined = leaver[STATE] == JOINED
    local one_to_one = room[MAX] == 2
    local uids = { leaver[UID] }

    if leaver == creator and is_withdrawn(room, creator) then
        close(leaver, CANCELLED)
        emit(room, E_CANCELLED, uids)
        finish(room, ROOM_CANCELLED)

    elseif was_joined or leaver == creator then
        close(leaver, HUNG_UP)
        emit(room, E_LEFT, uids)

        if one_to_one then
            finish(room, FINISHED)
        else
            finish_deserted(room, was_joined)
        end

    else
        close(leaver, REJECTED)
        emit(room, E_REJECTED, uids)

        if one_to_one then
            finish(room, ROOM_REJECTED)
        else
            finish_deserted(room, false)
        end
    end
end


