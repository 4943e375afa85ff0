-- A page of rooms, the newest first: live ones by when they were created,
-- ended ones by when they ended.
--
-- KEYS   3 a room's key without its id; ARGV 3 is empty
-- ARGV   10 live or ended, 11 how many at most, 12 time (ms) and 13 id of the
--        room after which to go on, or empty; 14 creator, 15 somebody who is
--        active in it, or empty: only such live rooms
-- reply  'ok', 4 time and 5 id after which to go on, 0 and '' if there are no
--        more; then for each room its id, the number of its members, and what
--        add_room() adds

-- include base
-- include room
-- include look
local ENDED_ONES, LIMIT = ARGV[10] == 'ended', tonumber(ARGV[11])
local AFTER, AFTER_ID = tonumber(ARGV[12]), ARGV[13]
local CREATOR, SOMEBODY = ARGV[14], ARGV[15]

-- what a page costs at most, whatever is in the rooms, or missing
local SEEN_MAX, SHOWN_MEMBERS_MAX = 1000, MEMBERS_MAX


-- As Redis compares, whatever the locale does.
local function is_less(a, b)
    for i = 1, math.min(#a, #b) do
        local x, y = string.byte(a, i), string.byte(b, i)

        if x ~= y then
            return x < y
        end
    end

    return #a < #b
end


local function comes_first(time, id, other_time, other_id)
    if time ~= other_time then
        return time > other_time
    end

    if ENDED_ONES then
        return is_less(id, other_id)
    end

    return is_less(other_id, id)
end


local function is_after(time, id)
    return not AFTER or comes_first(AFTER, AFTER_ID, time, id)
end


-- What follows gives the rooms to look at one after the other, as time and id,
-- and nil at the end.

-- "fetch" gets so many of a sorted set, from an offset on.
local function each(fetch)
    local entries, k, offset, is_last = {}, 0, 0, false

    return function ()
        while true do
            k = k + 1

            if k > #entries then
                if is_last then
                    return nil
                end

                entries, k = fetch(offset, LIMIT + 1), 1
                offset = offset + LIMIT + 1
                is_last = #entries <= LIMIT
            end

            local entry = entries[k]

            if not entry or is_after(entry[1], entry[2]) then
                return entry and entry[1], entry and entry[2]
            end
        end
    end
end


-- The live ones, or those that ended.
local function each_room()
    local sign = ENDED_ONES and -1 or 1
    local from = AFTER and string.format('%.0f', sign * AFTER)
                 or (ENDED_ONES and '-inf' or '+inf')

    return each(function (offset, n)
        local found, entries

        if ENDED_ONES then
            found = call('ZRANGE', ROOMS, from, '(0', 'BYSCORE', 'LIMIT',
                         offset, n, 'WITHSCORES')
        else
            found = call('ZRANGE', ROOMS, from, '(0', 'BYSCORE', 'REV',
                         'LIMIT', offset, n, 'WITHSCORES')
        end

        entries = {}

        for i = 1, #found, 2 do
            entries[#entries + 1] = { sign * found[i + 1], found[i] }
        end

        return entries
    end)
end


-- The live groups of a creator.
local function each_group()
    local first = '[' .. CREATOR .. '\0'
    local from = '(' .. (AFTER and host_entry(CREATOR, AFTER, AFTER_ID)
                         or CREATOR .. '\0\255')

    return each(function (offset, n)
        local entries = call('ZRANGE', HOSTS, from, first, 'BYLEX', 'REV',
                             'LIMIT', offset, n)

        for i, entry in ipairs(entries) do
            local time, id = string.match(entry, '^(%d+)%z(.*)$', #first)

            entries[i] = { tonumber(time), id }
        end

        return entries
    end)
end


-- The live room in which a user is active.
local function room_of(uid)
    local id = call('HGET', USERS, uid)
    local room = id and load_room(ROOM .. id)
    local member = room and is_live(room) and find(room, uid)

    if member and is_active(member) and is_after(room[CREATED], id) then
        return room, id
    end
end


-- One room, or none, and then the others.
local function with(room, id, others)
    local time, other = others()

    return function ()
        local this_time, this = time, other

        if room and (not this or comes_first(room[CREATED], id, time, other))
        then
            this_time, this, room = room[CREATED], id, nil
        else
            time, other = others()
        end

        return this_time, this
    end
end


local function none() end


local function rooms()
    if SOMEBODY ~= '' then
        local room, id = room_of(SOMEBODY)

        return with(room, id, none)
    end

    if CREATOR == '' then
        return each_room()
    end

    -- nobody leaves his one-to-one call without ending it
    local room, id = room_of(CREATOR)

    return with(room and room[MAX] == 2 and room, id, each_group())
end


local function is_wanted(room)
    return room and is_live(room) ~= ENDED_ONES
           and (CREATOR == '' or room[MEMBERS][1][UID] == CREATOR)
end


local reply = { 'ok', now, 0, 0, '' }
local shown, members, seen, last_time, last = 0, 0, 0, 0, ''

for time, id in rooms() do
    local is_full = shown == LIMIT or seen == SEEN_MAX
    local room = not is_full and load_room(ROOM .. id)
    local size = is_wanted(room) and #room[MEMBERS] or 0

    if is_full or (shown > 0 and members + size > SHOWN_MEMBERS_MAX) then
        reply[4], reply[5] = last_time, last
        break
    end

    if size > 0 then
        reply[#reply + 1] = id
        reply[#reply + 1] = size
        add_room(reply, room)
        shown, members = shown + 1, members + size
    end

    seen, last_time, last = seen + 1, time, id
end

return reply
