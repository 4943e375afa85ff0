-- A room as it stands, ended or not.
--
-- reply  'ok', 4 status, 5 created (s), 6 max_participants, 7 rtc_type,
--        8 duration (s), 9 ended (s), then for each member six values:
--        uid, status, device type, connected, joined (s), left (s);
--        'unknown'

-- include base
-- include room
local room = load_room(ROOM)

if not room then
    return { 'unknown', now }
end

local duration = 0

if room[ANSWERED] > 0 and room[ENDED] > 0 then
    duration = seconds(room[ENDED] - room[ANSWERED])
end

local reply = {
    'ok', now, 0, room[STATUS], seconds(room[CREATED]), room[MAX],
    room[RTC_TYPE], duration, seconds(room[ENDED])
}

for _, member in ipairs(room[MEMBERS]) do
    local n = #reply
    local left = member[JOINED_AT] > 0 and member[LEFT_AT] or 0

    reply[n + 1], reply[n + 2] = member[UID], member[STATE]
    reply[n + 3], reply[n + 4] = member[DEVICE], is_connected(member) and 1 or 0
    reply[n + 5] = seconds(member[JOINED_AT])
    reply[n + 6] = seconds(left)
end

return reply
