-- What happens when deadlines have passed: docs/api.md, "Without anybody's
-- doing".

-- ms that a deadline waits for LiveKit's word
local ASK_TIMEOUT = 3000

local F_RING, F_CONNECT, F_REJOIN, F_AGE = 1, 2, 3, 4

-- what was acted on: the kind of the deadline and the room, by turns
local fired = {}


local function note_fired(kind)
    fired[#fired + 1], fired[#fired + 2] = kind, ROOM_ID
end


local function unanswered_status(room)
    return is_answered(room) and FINISHED or ROOM_MISSED
end


-- Everyone whose ringing ends at this moment, in one go: they are next to each
-- other in what is due, from k on.
local function stop_ringing(room, due, k)
    local deadline, missed = due[k][1], {}

    while due[k] and due[k][1] == deadline do
        local member = due[k][3]

        if member[STATE] == INVITING then
            close(member, MISSED)

            -- the creator does not ring, unless he was invited again
            if member[INVITED] then
                missed[#missed + 1] = member[UID]
            end
        end

        k = k + 1
    end

    if #missed > 0 then
        emit(room, E_MISSED, missed)
    end

    if room[MAX] == 2 then
        finish(room, ROOM_MISSED, MISSED)
    else
        finish_deserted(room, false)
    end
end


local function stop_connecting(room, member)
    close(member, HUNG_UP)
    emit(room, E_LEFT, { member[UID] })

    if room[MAX] == 2 then
        finish(room, unanswered_status(room))
    else
        finish_deserted(room, true, unanswered_status(room))
    end
end


local function is_due(member)
    return member[DEADLINE] > 0 and member[DEADLINE] <= now
end


-- Who has a deadline that has passed: deadline, place in the room, member.
local function list_due(room)
    local due = {}

    for i, member in ipairs(room[MEMBERS]) do
        if is_due(member) then
            due[#due + 1] = { member[DEADLINE], i, member }
        end
    end

    return due
end


local function is_earlier(one, two)
    if one[1] ~= two[1] then
        return one[1] < two[1]
    end

    return one[2] < two[2]
end


local function act_on(room, due, k)
    local member = due[k][3]

    if member[STATE] == INVITING then
        note_fired(F_RING)
        stop_ringing(room, due, k)

    elseif member[LINK] == GRACE or member[LINK] == SHORT then
        note_fired(F_REJOIN)
        depart(room, member)

    else
        note_fired(F_CONNECT)
        stop_connecting(room, member)
    end
end


-- One thing after the other, as if each had been done in its time.
local function act(room)
    local due = list_due(room)

    table.sort(due, is_earlier)

    for k, entry in ipairs(due) do
        -- what was done to another one may have been done to him as well
        if is_live(room) and is_due(entry[3]) then
            act_on(room, due, k)
        end
    end

    if is_live(room) and room[AGE] <= now then
        note_fired(F_AGE)
        finish(room, unanswered_status(room))
    end
end


-- The last of the deadlines that have passed, 0 if none has.
local function last_due(room)
    local last = room[AGE] <= now and room[AGE] or 0

    for _, member in ipairs(room[MEMBERS]) do
        if is_due(member) then
            last = math.max(last, member[DEADLINE])
        end
    end

    return last
end


-- Whether LiveKit is asked before anybody is closed; then it is time again
-- when it has answered, or did not in time.  What has passed after that is
-- asked for anew.
local function asks_first(room)
    local last = last_due(room)

    if not HAS_LIVEKIT or last == 0 then
        return false
    end

    if room[ASKED_UNTIL] >= last then
        return room[ASKED_UNTIL] > now
    end

    room[ASKED_UNTIL] = now + ASK_TIMEOUT
    ask_livekit(room, A_LIST)

    return true
end


local function ask_in_turn(room)
    if HAS_LIVEKIT and room[ASK_AT] > 0 and room[ASK_AT] <= now then
        room[ASK_AT] = now + ASK_EVERY
        ask_livekit(room, A_LIST)
    end
end


