-- Withdraws invitations that still ring.
--
-- ARGV   10… uids
-- reply  'ok'; 'unknown'; 'ended'

-- include base
-- include room
-- include outbox
-- include events
-- include leaving
-- include once
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

    local named, withdrawn = {}, {}

    for i = 10, #ARGV do
        named[ARGV[i]] = true
    end

    for i = 2, #room[MEMBERS] do
        local member = room[MEMBERS][i]

        if named[member[UID]] and member[STATE] == INVITING then
            close(member, CANCELLED)
            withdrawn[#withdrawn + 1] = member[UID]
        end
    end

    if #withdrawn == 0 then
        return { 'ok', now, 0 }
    end

    emit(room, E_CANCELLED, withdrawn)

    if room[MAX] == 2 then
        finish(room, ROOM_CANCELLED)
    else
        finish_deserted(room, false)
    end

    return { 'ok', now, save_request(room) }
end)
