-- Leaves a room: hangs up, rejects or cancels, as the table of the contract
-- (section 4, Leave) has it.
--
-- ARGV   4 uid, 5 device type or empty, 6 room age (ms), 7 retention (ms)
-- reply  'ok'; 'unknown'; 'stranger'

local room = load_room(ROOM)

if not room then
    return { 'unknown', now }
end

if not is_live(room) then
    return { 'ok', now }
end

local uid, device = ARGV[4], ARGV[5]
local leaver = find(room, uid)

if not leaver then
    return { 'stranger', now }
end

if not is_active(leaver) or is_applied(room) then
    return { 'ok', now }
end

local was_joined = leaver[STATE] == JOINED

-- the tablet that stops ringing does not hang up the phone
if was_joined and device ~= '' and leaver[DEVICE] ~= ''
    and leaver[DEVICE] ~= device
then
    return { 'ok', now }
end

local members = room[MEMBERS]
local creator = members[1]
local answered = room[ANSWERED] > 0


local function others_ever_joined()
    for _, member in ipairs(members) do
        if member ~= leaver and member[JOINED_AT] > 0 then
            return true
        end
    end

    return false
end


local function all_rejected()
    for i = 2, #members do
        if members[i][STATE] ~= REJECTED then
            return false
        end
    end

    return #members > 1
end


local function group_status()
    if answered then
        return FINISHED
    end

    return all_rejected() and ROOM_REJECTED or ROOM_MISSED
end


local function is_deserted()
    local ringing = false

    for _, member in ipairs(members) do
        if member[STATE] == JOINED
            or (member == creator and member[STATE] == INVITING)
        then
            return false
        end

        ringing = ringing or member[STATE] == INVITING
    end

    return was_joined or not ringing
end


local ending

if room[MAX] == 2 then
    if leaver == creator and not answered then
        close(leaver, CANCELLED, now)
        ending = ROOM_CANCELLED

    elseif was_joined or leaver == creator then
        close(leaver, HUNG_UP, now)
        ending = FINISHED

    else
        close(leaver, REJECTED, now)
        ending = ROOM_REJECTED
    end

elseif leaver == creator and not others_ever_joined() then
    close(leaver, CANCELLED, now)
    ending = ROOM_CANCELLED

else
    local rejects = leaver ~= creator and not was_joined

    close(leaver, rejects and REJECTED or HUNG_UP, now)
    ending = is_deserted() and group_status()
end

if ending then
    save_ended(room, ending, leaver, now, ARGV[7])

else
    call('HDEL', USERS, uid)
    save_live(room, now, ARGV[6])
end

return { 'ok', now }
