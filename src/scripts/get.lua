-- A room as it stands, ended or not.
--
-- reply  'ok', 3 status, 4 created (s), 5 max_participants, 6 rtc_type,
--        7 duration (s), 8 ended (s), then for each member six values:
--        uid, status, device type, connected, joined (s), left (s);
--        'unknown'

local room = load_room(ROOM)

if not room then
    return { 'unknown', now }
end

local duration = 0

if room[ANSWERED] > 0 and room[ENDED] > 0 then
    duration = seconds(room[ENDED] - room[ANSWERED])
end

local reply = {
    'ok', now, room[STATUS], seconds(room[CREATED]), room[MAX],
    room[RTC_TYPE], duration, seconds(room[ENDED])
}

for _, member in ipairs(room[MEMBERS]) do
    local n = #reply

    reply[n + 1], reply[n + 2] = member[UID], member[STATE]
    reply[n + 3], reply[n + 4] = member[DEVICE], 0
    reply[n + 5] = seconds(member[JOINED_AT])
    reply[n + 6] = seconds(member[LEFT_AT])
end

return reply
