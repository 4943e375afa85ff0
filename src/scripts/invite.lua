-- Invites people to a room, all or nobody.
--
-- ARGV   4 ring timeout (ms), 5 room age (ms), 6… uids
-- reply  'ok'; 'unknown'; 'ended'; 'busy' and from 3 the busy uids; 'full'

local room = load_room(ROOM)

if not room then
    return { 'unknown', now }
end

if not is_live(room) then
    return { 'ended', now }
end

if is_applied(room) then
    return { 'ok', now }
end

local known, fresh, added = {}, {}, 0

for _, member in ipairs(room[MEMBERS]) do
    known[member[UID]] = member
end

for i = 6, #ARGV do
    local member = known[ARGV[i]]

    if not (member and is_active(member)) then
        fresh[#fresh + 1] = ARGV[i]
        added = added + (member and 0 or 1)
    end
end

if #fresh == 0 then
    return { 'ok', now }
end

local busy = busy_elsewhere(fresh)

if busy then
    return { 'busy', now, unpack(busy) }
end

if count_active(room) + #fresh > room[MAX]
    or #room[MEMBERS] + added > MEMBERS_MAX
then
    return { 'full', now }
end

for _, uid in ipairs(fresh) do
    local member = known[uid] or add_member(room, uid)

    member[STATE], member[DEVICE] = INVITING, ''
    member[DEADLINE], member[LEFT_AT] = now + ARGV[4], 0
end

save_live(room, now, ARGV[5], fresh)

return { 'ok', now }
