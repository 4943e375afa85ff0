-- The live room in which a user is inviting or joined.  Nobody is active in
-- two rooms at once, so there is one or none.
--
-- KEYS   3 a room's key without its id; ARGV 3 is empty
-- ARGV   4 uid, 5 device type
-- reply  'ok', and if there is a room: 3 room id, 4 status, 5 created (s),
--        6 max_participants, 7 rtc_type, 8 creator, 9… the active uids

local uid, device = ARGV[4], ARGV[5]
local id = call('HGET', USERS, uid)
local room = id and load_room(ROOM .. id)
local member = room and is_live(room) and find(room, uid)

if not (member and is_active(member)) then
    return { 'ok', now }
end

if member[STATE] == JOINED and member[DEVICE] ~= ''
    and member[DEVICE] ~= device
then
    return { 'ok', now }
end

local reply = {
    'ok', now, id, room[STATUS], seconds(room[CREATED]), room[MAX],
    room[RTC_TYPE], room[MEMBERS][1][UID]
}

for _, other in ipairs(room[MEMBERS]) do
    if is_active(other) then
        reply[#reply + 1] = other[UID]
    end
end

return reply
