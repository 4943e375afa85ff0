-- Gives back what the worker held that was in this one's place before.
--
-- reply  'ok'

-- include base
-- include outbox
-- include sending
if is_late then
    return { 'late', now }
end

local OWNERS_MAX = 10000

local held = call('ZRANGEBYSCORE', DUE, now, now + LEASE + 1, 'WITHSCORES',
                  'LIMIT', 0, OWNERS_MAX)

for k = 1, #held, 2 do
    if tonumber(held[k + 1]) % 1 == OWNER / 4096 then
        call('ZADD', DUE, now, held[k])
    end
end

return { 'ok', now, 1 }
