-- Ends a call for everybody.
--
-- reply  'ok'; 'unknown'

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

    finish(room, is_answered(room) and FINISHED or ROOM_CANCELLED)

    return { 'ok', now, save_request(room) }
end)
