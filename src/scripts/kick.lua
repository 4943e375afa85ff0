-- Removes people, whether they ring or have joined.
--
-- ARGV   10… uids
-- reply  'ok'; 'unknown'; 'ended'

-- include base
-- include room
-- include outbox
-- include events
-- include leaving
-- include once
return once(function ()
    local room = load_room(ROOM)

    if not room then
        return { 'unknown', now }
    end

    if not is_live(room) then
        return { is_applied(room) and 'ok' or 'ended', now, 0 }
    end

    if is_applied(room) then
        return { 'ok', now, 0 }
    end

    local named = {}

    for i = 10, #ARGV do
        named[ARGV[i]] = true
    end

    local removed = {}

    for _, member in ipairs(room[MEMBERS]) do
        if named[member[UID]] and is_active(member) then
            removed[#removed + 1] = member
        end
    end

    if #removed == 0 then
        return { 'ok', now, 0 }
    end

    local joined = expel(room, removed)

    if is_live(room) then
        for _, uid in ipairs(joined) do
            ask_livekit(room, A_REMOVE, { uid })
        end
    end

    return { 'ok', now, save_request(room) }
end)
