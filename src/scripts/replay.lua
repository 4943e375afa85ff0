-- Sends dead letters again: they wait behind what waits already.
--
-- ARGV   10 event id, or empty for those that were given up from 11 to 12 (ms),
--        a thousand at once, or fewer if they are large; 13 how many to pass
--        over, 14 when the first call of this replay was (ms), or 0
-- reply  'ok', 3 and 4 how many, 5 how many to pass over in the next call, -1
--        if this was the last one, 6 when the first call was

-- include base
-- include outbox
if is_late then
    return { 'late', now }
end

local EVENT_ID, SINCE, UNTIL = ARGV[10], ARGV[11], ARGV[12]
local SKIPPED, BEGAN = tonumber(ARGV[13]), tonumber(ARGV[14])
local AT_ONCE = 1000

-- a letter of a large group has all of its uids
local BYTES_AT_ONCE = 500000

if BEGAN == 0 then
    BEGAN = now
end

local replayed, bytes = 0, 0


-- Nothing if there is no such letter, or nobody to send it to.
local function replay(id)
    local packed = call('HGET', DEAD_LETTERS, id)
    local letter = packed and cmsgpack.unpack(packed)

    bytes = bytes + (packed and #packed or 0)

    local registered = letter and call('HGET', ENDPOINTS, letter[1])

    if not registered then
        return
    end

    local change = letter[3]

    call('HDEL', DEAD_LETTERS, id)
    call('ZREM', DEAD_AGE, id)
    call('HINCRBY', STATS, letter[1] .. ':dead:' .. change[C_TYPE], -1)

    -- the event is given another life, not another identity
    change[C_WRITTEN] = now

    enqueue(letter[1], cmsgpack.unpack(registered), letter[2],
            { cmsgpack.pack(change) }, 1)

    replayed = replayed + 1
end


if EVENT_ID ~= '' then
    for _, endpoint in ipairs(call('HKEYS', ENDPOINTS)) do
        replay(EVENT_ID .. ':' .. endpoint)
    end

    return { 'ok', now, replayed, replayed, -1, BEGAN }
end

-- Events of a room may have been given up in the same ms: by their numbers.
local function is_earlier(one, two)
    if one[2] ~= two[2] then
        return one[2] < two[2]
    end

    return one[3] < two[3]
end


-- not what is given up meanwhile, because these come into a full queue
local last = math.min(UNTIL, BEGAN - 1)
local found = call('ZRANGEBYSCORE', DEAD_AGE, SINCE, last, 'WITHSCORES',
                   'LIMIT', SKIPPED, AT_ONCE)
local letters = {}

for k = 1, #found, 2 do
    local id, at = found[k], tonumber(found[k + 1])

    letters[#letters + 1] = { id, at, tonumber(string.match(id, '-(%d+):')) }
end

table.sort(letters, is_earlier)

local looked_at = 0

for _, letter in ipairs(letters) do
    replay(letter[1])
    looked_at = looked_at + 1

    local next_one = letters[looked_at + 1]

    -- those of endpoints that are gone stay, and within a ms they are sorted
    -- otherwise there, where they are to be passed over
    if bytes > BYTES_AT_ONCE
        and (replayed == looked_at or next_one and next_one[2] ~= letter[2])
    then
        break
    end
end

local is_last = #letters < AT_ONCE and looked_at == #letters
local skipped = is_last and -1 or SKIPPED + looked_at - replayed

return { 'ok', now, replayed, replayed, skipped, BEGAN }
