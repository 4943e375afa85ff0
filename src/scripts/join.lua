-- Joins a room, or joins it again.
--
-- ARGV   10 uid, 11 device type or empty
-- reply  'ok' as room_reply(); 'unknown'; 'ended'; 'uninvited';
--        'busy' and at 3 the uid; 'full'

-- include base
-- include room
-- include joining
-- include once
return once(function ()
    local room = load_room(ROOM)

    if not room then
        return { 'unknown', now }
    end

    if is_applied(room) then
        return room_reply(room, 0)
    end

    if not is_live(room) then
        return { 'ended', now }
    end

    local member, refusal = admit(room, ARGV[10])

    if not member then
        return refusal
    end

    set_joined(member)

    -- while a session is live its device is the one that counts
    if member[LINK] ~= LIVE then
        member[LINK] = member[LINK] == NONE and NONE or AGAIN
        member[DEADLINE] = now + ARGV[CONNECT]

        if ARGV[11] ~= '' then
            member[DEVICE] = ARGV[11]
        end
    end

    return room_reply(room, save_request(room))
end)
