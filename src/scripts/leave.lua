-- Leaves a room: hangs up, rejects or cancels.
--
-- ARGV   10 uid, 11 device type or empty
-- reply  'ok'; 'unknown'; 'stranger'

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
        return { 'ok', now, 0 }
    end

    local leaver, device = find(room, ARGV[10]), ARGV[11]

    if not leaver then
        return { 'stranger', now }
    end

    if not is_active(leaver) or is_applied(room) then
        return { 'ok', now, 0 }
    end

    -- the tablet that stops ringing does not hang up the phone
    if leaver[STATE] == JOINED and device ~= '' and leaver[DEVICE] ~= ''
        and leaver[DEVICE] ~= device
    then
        return { 'ok', now, 0 }
    end

    local was_joined = leaver[STATE] == JOINED

    depart(room, leaver)

    if was_joined and is_live(room) then
        ask_livekit(room, A_REMOVE, { leaver[UID] })
    end

    return { 'ok', now, save_request(room) }
end)
