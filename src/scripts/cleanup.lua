-- Forgets what the log and the dead letters have from before a time.
--
-- ARGV   10 how long to keep (ms)
-- reply  'ok'

-- include base
-- include outbox
-- include tidying
if is_late then
    return { 'late', now }
end

local more = true

while more do
    more = tidy(now - ARGV[10])
end

return { 'ok', now, 0 }
