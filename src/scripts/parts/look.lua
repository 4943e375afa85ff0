-- A room as it is shown, live or ended.


-- Adds to a reply: status, created (s), max_participants, rtc_type,
-- duration (s), ended (s), then for each member six values: uid, status,
-- device type, connected, joined (s), left (s).
local function add_room(reply, room)
    local n = #reply

    reply[n + 1], reply[n + 2] = room[STATUS], seconds(room[CREATED])
    reply[n + 3], reply[n + 4] = room[MAX], room[RTC_TYPE]
    reply[n + 5], reply[n + 6] = duration(room), seconds(room[ENDED])

    for i, member in ipairs(room[MEMBERS]) do
        local left = is_active(member) and 0 or member[LEFT_AT]
        local m = n + 6 * i

        reply[m + 1], reply[m + 2] = member[UID], member[STATE]
        reply[m + 3] = member[DEVICE]
        reply[m + 4] = is_connected(member) and 1 or 0
        reply[m + 5], reply[m + 6] = seconds(member[JOINED_AT]), seconds(left)
    end
end


