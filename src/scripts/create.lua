-- Creates a room: the creator and the invitees are inviting.
--
-- ARGV   4 creator, 5 device type, 6 rtc_type, 7 invite_on, 8 max_participants,
--        9 ring timeout (ms), 10 room age (ms), 11… invitees
-- reply  'ok' as room_reply(); 'taken'; 'busy' and from 3 the busy uids

local room = load_room(ROOM)

if room then
    if is_applied(room) then
        return room_reply(room, now)
    end

    return { 'taken', now }
end

local uids = { ARGV[4], unpack(ARGV, 11) }
local busy = busy_elsewhere(uids)

if busy then
    return { 'busy', now, unpack(busy) }
end

local deadline = now + ARGV[9]

room = {
    1, NOT_STARTED, tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]),
    now, now, 0, 0, {}, {}
}

for _, uid in ipairs(uids) do
    add_member(room, uid)[DEADLINE] = deadline
end

room[MEMBERS][1][DEVICE] = ARGV[5]

save_live(room, now, ARGV[10], uids)

return room_reply(room, now)
