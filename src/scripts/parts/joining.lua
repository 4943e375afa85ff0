-- Who may join: the same for a request of the API and for LiveKit's word that
-- somebody is there.


-- The creator may always come, and who has an invitation that stands.
local function is_invited(room, member)
    return member and (member == room[MEMBERS][1]
                       or member[INVITED] == true
                          and member[STATE] ~= CANCELLED)
end


-- Makes a place for a user; returns the member, or nil and the refusal.
local function admit(room, uid)
    local member = find(room, uid)

    if room[INVITE_ON] == 1 and not is_invited(room, member) then
        return nil, { 'uninvited', now }
    end

    if member and is_active(member) then
        return member
    end

    if busy_elsewhere({ uid }) then
        return nil, { 'busy', now, uid }
    end

    if count_active(room) >= room[MAX]
        or (not member and #room[MEMBERS] >= MEMBERS_MAX)
    then
        return nil, { 'full', now }
    end

    joining = { uid }
    member = member or add_member(room, uid)

    -- the one that he left from need not be the one that he comes back on
    member[DEVICE] = ''

    return member
end


local function set_joined(member)
    if member[STATE] ~= JOINED then
        count_silent(member)
        member[STATE], member[JOINED_AT], member[LEFT_AT] = JOINED, now, 0
    end
end


