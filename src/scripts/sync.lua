-- The live room in which a user is inviting or joined.  Nobody is active in
-- two rooms at once, so there is one or none.
--
-- KEYS   3 a room's key without its id; ARGV 3 is empty
-- ARGV   10 uid, 11 device type
-- reply  'ok', and if there is a room: 4 room id, 5 status, 6 created (s),
--        7 max_participants, 8 rtc_type, 9 creator, 10… the active uids

-- include base
-- include room
local uid, device = ARGV[10], ARGV[11]
local id = call('HGET', USERS, uid)
local room = id and load_room(ROOM .. id)
local member = room and is_live(room) and find(room, uid)

if not (member and is_active(member)) then
    return { 'ok', now, 0 }
end

if member[STATE] == JOINED and member[DEVICE] ~= ''
    and member[DEVICE] ~= device
then
    return { 'ok', now, 0 }
end

local reply = {
    'ok', now, 0, id, room[STATUS], seconds(room[CREATED]), room[MAX],
    room[RTC_TYPE], room[MEMBERS][1][UID]
}

for _, other in ipairs(room[MEMBERS]) do
    if is_active(other) then
        reply[#reply + 1] = other[UID]
    end
end

return reply
