-- Acts on what is due, the longest overdue first (contract, section 6).
--
-- KEYS   3 a room's key without its id; ARGV 3 is empty
-- ARGV   10 how many rooms at most
-- reply  'ok', 4 ms until the next one is due, -1 if there is none

-- include base
-- include room
-- include outbox
-- include events
-- include leaving
local ROOM_KEY, CALL_NONCE = ROOM, NONCE


local function unanswered_status(room)
    return is_answered(room) and FINISHED or ROOM_MISSED
end


-- Everyone whose ringing ends at this moment, in one go.
local function stop_ringing(room, deadline)
    local missed = {}

    for i, member in ipairs(room[MEMBERS]) do
        if member[STATE] == INVITING and member[DEADLINE] == deadline then
            close(member, MISSED)

            -- the creator never rings
            if i > 1 then
                missed[#missed + 1] = member[UID]
            end
        end
    end

    if #missed > 0 then
        emit(room, E_MISSED, missed)
    end

    if room[MAX] == 2 then
        finish(room, ROOM_MISSED)
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


local function first_due(room)
    local first

    for _, member in ipairs(room[MEMBERS]) do
        local deadline = member[DEADLINE]

        if deadline > 0 and deadline <= now
            and (not first or deadline < first[DEADLINE])
        then
            first = member
        end
    end

    return first
end


-- One thing after the other, as if each had been done in its time.
local function act(room)
    while is_live(room) do
        local member = first_due(room)

        if not member then
            break
        end

        if member[STATE] == INVITING then
            stop_ringing(room, member[DEADLINE])

        elseif member[LINK] == GRACE or member[LINK] == SHORT then
            depart(room, member)

        else
            stop_connecting(room, member)
        end
    end

    if is_live(room) and room[AGE] <= now then
        finish(room, unanswered_status(room))
    end
end


local limit = tonumber(ARGV[10])
local due = call('ZRANGE', DEADLINES, 0, limit, 'WITHSCORES')
local events = 0

for i = 1, #due, 2 do
    local id, wait = due[i], due[i + 1] - now

    if wait > 0 or i > 2 * limit then
        return { 'ok', now, events, math.max(0, math.ceil(wait)) }
    end

    ROOM_ID, ROOM = id, ROOM_KEY .. id
    joining, leaving = {}, {}

    -- an event's id is its change's nonce, which two rooms must not share
    NONCE = string.sub(CALL_NONCE, 1, -2) .. string.char((i - 1) / 2 % 256)

    local room = load_room(ROOM)

    if room and is_live(room) then
        act(room)
        events = events + save(room)
    else
        call('ZREM', DEADLINES, id)
    end
end

return { 'ok', now, events, -1 }
