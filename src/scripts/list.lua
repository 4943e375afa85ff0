-- Failed attempts and dead letters, newest first.
--
-- ARGV   10 cursor: where the page before ended, or empty, 11 how many,
--        12 room id or empty, 13 type or 0, 14 endpoint's id or empty
-- reply  'ok', 4 cursor of the next page, empty if this is the last one,
--        5… for each entry: kind ('failed' or 'dead'), time (ms), endpoint's
--        id, its name or empty, room id, type, event id, uid or empty, tries,
--        reason

-- include base
-- include outbox
local CURSOR, COUNT = ARGV[10], tonumber(ARGV[11])
local OF_ROOM, OF_TYPE, OF_ENDPOINT = ARGV[12], tonumber(ARGV[13]), ARGV[14]

-- an entry that is looked at costs as one that is shown
local LOOKED_AT_MAX = 2000

local is_filtered = OF_ROOM ~= '' or OF_TYPE ~= 0 or OF_ENDPOINT ~= ''

local reply = { 'ok', now, 0, '' }
local from = CURSOR == '' and '+' or '(' .. CURSOR
local entries = call('XREVRANGE', LOG, from, '-', 'COUNT',
                     is_filtered and LOOKED_AT_MAX or COUNT + 1)
local names, found = {}, 0

for k, entry in ipairs(entries) do
    local e = cmsgpack.unpack(entry[2][2])

    if (OF_ROOM == '' or OF_ROOM == e[4])
        and (OF_TYPE == 0 or OF_TYPE == e[5])
        and (OF_ENDPOINT == '' or OF_ENDPOINT == e[3])
    then
        local id = e[3]

        if names[id] == nil then
            local packed = call('HGET', ENDPOINTS, id)
            names[id] = packed and cmsgpack.unpack(packed)[N_NAME] or ''
        end

        local n = #reply

        reply[n + 1], reply[n + 2], reply[n + 3] = e[1], e[2], id
        reply[n + 4], reply[n + 5], reply[n + 6] = names[id], e[4], e[5]
        reply[n + 7], reply[n + 8], reply[n + 9] = e[6], e[7], e[8]
        reply[n + 10] = e[9]

        found = found + 1
    end

    if (found == COUNT and k < #entries) or k == LOOKED_AT_MAX then
        reply[4] = entry[1]
        break
    end

    if found == COUNT then
        break
    end
end

return reply
