-- Joins a room, or joins it again.
--
-- ARGV   4 uid, 5 device type or empty, 6 connect timeout (ms),
--        7 room age (ms)
-- reply  'ok' as room_reply(); 'unknown'; 'ended'; 'uninvited';
--        'busy' and at 3 the uid; 'full'

local room = load_room(ROOM)

if not room then
    return { 'unknown', now }
end

if not is_live(room) then
    return { 'ended', now }
end

if is_applied(room) then
    return room_reply(room, now)
end

local uid, device = ARGV[4], ARGV[5]
local member = find(room, uid)

if room[INVITE_ON] == 1 and not (member and member[STATE] ~= CANCELLED) then
    return { 'uninvited', now }
end

local joining

if not (member and is_active(member)) then
    if busy_elsewhere({ uid }) then
        return { 'busy', now, uid }
    end

    if count_active(room) >= room[MAX]
        or (not member and #room[MEMBERS] >= MEMBERS_MAX)
    then
        return { 'full', now }
    end

    joining = { uid }

    member = member or add_member(room, uid)
end

if member[STATE] ~= JOINED then
    member[STATE], member[JOINED_AT], member[LEFT_AT] = JOINED, now, 0
end

if device ~= '' then
    member[DEVICE] = device
end

member[DEADLINE] = now + ARGV[6]

save_live(room, now, ARGV[7], joining)

return room_reply(room, now)
