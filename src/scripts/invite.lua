-- Invites people to a room, all or nobody.
--
-- ARGV   10… uids
-- reply  'ok'; 'unknown'; 'ended'; 'busy' and from 3 the busy uids; 'full'

-- include base
-- include room
-- include outbox
-- include events
-- include once
return once(function ()
    local room = load_room(ROOM)

    if not room then
        return { 'unknown', now }
    end

    if is_applied(room) then
        return { 'ok', now, 0 }
    end

    if not is_live(room) then
        return { 'ended', now }
    end

    local known, fresh, added = {}, {}, 0

    for _, member in ipairs(room[MEMBERS]) do
        known[member[UID]] = member
    end

    for i = 10, #ARGV do
        local member = known[ARGV[i]]

        if not (member and is_active(member)) then
            fresh[#fresh + 1] = ARGV[i]
            added = added + (member and 0 or 1)
        end
    end

    if #fresh == 0 then
        return { 'ok', now, 0 }
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

        member[STATE], member[DEVICE], member[INVITED] = INVITING, '', true
        member[DEADLINE] = now + ARGV[RING]
    end

    joining, ringing = fresh, #fresh
    emit(room, E_INVITED, fresh)

    return { 'ok', now, save_request(room) }
end)
