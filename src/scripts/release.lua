-- Gives back what this worker holds without knowing of it: what one held that
-- died in its place, or what a reply said that was lost; or, when it ends,
-- what it does not wait for.
--
-- ARGV   14… the tokens of what it keeps
-- reply  'ok'

-- include base
-- include outbox
-- include sending
if is_late then
    return { 'late', now }
end

local HELD_MAX = 10000

local held = call('ZRANGEBYSCORE', DUE, now, now + LEASE + 1, 'WITHSCORES',
                  'LIMIT', 0, HELD_MAX)
local breaker, known = load_breaker(), {}

for k = 14, #ARGV do
    known[tonumber(ARGV[k])] = true
end

for k = 1, #held, 2 do
    local token = tonumber(held[k + 1])

    if token % 1 == OWNER / 4096 and not known[token] then

        -- also the first write, which a Redis without memory lets pass
        call('ZREM', DUE, held[k])
        call('ZADD', DUE, now, held[k])

        -- how that probe went nobody will say: there may be another one
        if tonumber(breaker[PROBE]) == token then
            breaker[OPEN_UNTIL], breaker[PROBE] = now, ''
            save_breaker(breaker)
        end
    end
end

return { 'ok', now, 1 }
