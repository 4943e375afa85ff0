-- Removes people, whether they ring or have joined.
--
-- ARGV   10… uids
-- reply  'ok'; 'unknown'; 'ended'

-- include base
-- include room
-- include outbox
-- include events
-- include leaving
-- include once
-- Removes members who are active, from the first to the last; returns the uids
-- of those who had joined.
local function expel(room, members)
    local creator = room[MEMBERS][1]
    local withdraws = members[1] == creator and is_withdrawn(room, creator)
    local left, cancelled, joined = {}, {}, {}

    for _, member in ipairs(members) do
        local is_joined = member[STATE] == JOINED

        if is_joined then
            joined[#joined + 1] = member[UID]
        end

        if member == creator and withdraws
            or member ~= creator and not is_joined
        then
            close(member, CANCELLED)
            cancelled[#cancelled + 1] = member[UID]
        else
            close(member, HUNG_UP)
            left[#left + 1] = member[UID]
        end

        -- he comes back by another invitation only
        member[INVITED] = member[INVITED] and SPENT
    end

    if #left > 0 then
        emit(room, E_LEFT, left)
    end

    if #cancelled > 0 then
        emit(room, E_CANCELLED, cancelled)
    end

    if withdraws or room[MAX] == 2 and #left == 0 then
        finish(room, ROOM_CANCELLED)
    elseif room[MAX] == 2 then
        finish(room, FINISHED)
    else
        finish_deserted(room, #joined > 0)
    end

    return joined
end


return once(function ()
    local room = load_room(ROOM)

    if not room then
        return { 'unknown', now }
    end

    if not is_live(room) then
        return { is_applied(room) and 'ok' or 'ended', now, 0 }
    end

    if is_applied(room) then
        return { 'ok', now, 0 }
    end

    local named = {}

    for i = 10, #ARGV do
        named[ARGV[i]] = true
    end

    local removed = {}

    for _, member in ipairs(room[MEMBERS]) do
        if named[member[UID]] and is_active(member) then
            removed[#removed + 1] = member
        end
    end

    if #removed == 0 then
        return { 'ok', now, 0 }
    end

    local joined = expel(room, removed)

    if is_live(room) then
        for _, uid in ipairs(joined) do
            ask_livekit(room, A_REMOVE, { uid })
        end
    end

    return { 'ok', now, save_request(room) }
end)
