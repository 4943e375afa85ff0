-- The sessions that participants have in LiveKit.

-- ms between two questions who is there, and after which somebody who is
-- missing is asked for again
local ASK_EVERY, ASK_AGAIN = 60000, 30000


-- That somebody is not seen does not say that his session is over: whoever
-- knows that buries it.
local function start_grace(member, link, grace)
    member[LINK], member[DEADLINE] = link, now + grace
end


local function start(room)
    if room[STATUS] == NOT_STARTED then
        room[STATUS] = IN_PROGRESS
        emit(room, E_STARTED)
    end
end


local function note_answered(room)
    local connected = 0

    -- a thousand who are found there at once do not count each other
    if room[ANSWERED] > 0 then
        return
    end

    for _, member in ipairs(room[MEMBERS]) do
        if is_connected(member) then
            connected = connected + 1
        end
    end

    if connected >= 2 then
        room[ANSWERED] = now
    end
end


local function connect(room, member, sid, made_at, device)
    local was = member[LINK]

    if member[SID] ~= '' and member[SID] ~= sid then
        bury(member, member[SID])
    end

    start(room)
    set_joined(member)

    member[LINK], member[SID], member[SID_AT] = LIVE, sid, made_at
    member[DEADLINE], member[ABSENT_AT] = 0, 0

    if device ~= '' then
        member[DEVICE] = device
    end

    note_answered(room)

    -- from now on LiveKit is asked, should it fail to tell of the end
    if room[ASK_AT] == 0 then
        room[ASK_AT] = now + ASK_EVERY
    end

    if was == NONE then
        emit(room, E_JOINED, { member[UID] }, member[DEVICE])
    end
end


