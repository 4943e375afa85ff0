-- Creates a room: the creator and the invitees are inviting.
--
-- ARGV   10 creator, 11 device type, 12 rtc_type, 13 invite_on,
--        14 max_participants, 15… invitees
-- reply  'ok' as room_reply(); 'taken'; 'busy' and from 3 the busy uids

-- include base
-- include room
-- include outbox
-- include events
-- include once
return once(function ()
    local room = load_room(ROOM)

    if room then
        if is_applied(room) then
            return room_reply(room, 0)
        end

        return { 'taken', now }
    end

    local uids = { ARGV[10], unpack(ARGV, 15) }
    local busy = busy_elsewhere(uids)

    if busy then
        return { 'busy', now, unpack(busy) }
    end

    room = {
        1, NOT_STARTED, tonumber(ARGV[12]), tonumber(ARGV[13]),
        tonumber(ARGV[14]), now, now, 0, 0, 0, 0, {}, {}, {}, 0, {}, 0, 0, {}
    }

    for i, uid in ipairs(uids) do
        local member = add_member(room, uid)

        member[DEADLINE], member[INVITED] = now + ARGV[RING], i > 1
    end

    room[MEMBERS][1][DEVICE] = ARGV[11]
    joining, ringing = uids, #uids - 1

    if #uids > 1 then
        emit(room, E_INVITED, { unpack(uids, 2) })
    end

    local events = save_request(room)

    list_room(room)

    return room_reply(room, events)
end)
