-- Who of these users is in a call, and in which.
--
-- KEYS   3 a room's key without its id; ARGV 3 is empty
-- ARGV   10… uids
-- reply  'ok', 4… for each who is, in the order asked: uid, room id, status,
--        device type, connected

-- include base
-- include room
local reply = { 'ok', now, 0 }
local ids = call('HMGET', USERS, unpack(ARGV, 10))
local active = {}


local function active_members(id)
    local room = load_room(ROOM .. id)
    local members = {}

    if room and is_live(room) then
        for _, member in ipairs(room[MEMBERS]) do
            if is_active(member) then
                members[member[UID]] = member
            end
        end
    end

    return members
end


-- the room that the users hash names is asked itself, once
for i = 10, #ARGV do
    local id = ids[i - 9]

    if id then
        active[id] = active[id] or active_members(id)

        local member, n = active[id][ARGV[i]], #reply

        if member then
            reply[n + 1], reply[n + 2] = ARGV[i], id
            reply[n + 3], reply[n + 4] = member[STATE], member[DEVICE]
            reply[n + 5] = is_connected(member) and 1 or 0
        end
    end
end

return reply
