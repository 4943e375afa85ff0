-- Sends dead letters again: they wait behind what waits already.
--
-- ARGV   10 event id, or empty for all that were given up from 11 to 12 (ms)
-- reply  'ok', 3 and 4 how many

-- include base
-- include outbox
local EVENT_ID, SINCE, UNTIL = ARGV[10], ARGV[11], ARGV[12]
local AT_ONCE = 1000

local replayed = 0


-- Nothing if there is no such letter, or nobody to send it to.
local function replay(id)
    local packed = call('HGET', DEAD_LETTERS, id)
    local letter = packed and cmsgpack.unpack(packed)
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

    return { 'ok', now, replayed, replayed }
end

local skipped, ids = 0, nil

repeat
    ids = call('ZRANGEBYSCORE', DEAD_AGE, SINCE, UNTIL, 'LIMIT', skipped,
               AT_ONCE)

    local before = replayed

    for _, id in ipairs(ids) do
        replay(id)
    end

    -- those of endpoints that are gone stay
    skipped = skipped + #ids - (replayed - before)
until #ids < AT_ONCE

return { 'ok', now, replayed, replayed }
