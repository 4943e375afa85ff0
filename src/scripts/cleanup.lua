-- Forgets what the log and the dead letters have from before a time.
--
-- ARGV   10 how long to keep (ms)
-- reply  'ok'

-- include base
-- include outbox
tidy(now - ARGV[10])

return { 'ok', now, 0 }
