-- Forgets what the log and the dead letters have from before a time.
--
-- ARGV   10 how long to keep (ms)
-- reply  'ok', 4 with what to call it again, -1 if there is no more

-- include base
-- include outbox
-- include tidying
if is_late then
    return { 'late', now }
end

return { 'ok', now, 0, tidy(now - ARGV[10]) and tonumber(ARGV[10]) or -1 }
