-- A request that carries an Idempotency-Key is answered once.
--
-- KEYS 5 is {prefix}:once:HASH of that key, a string: the fingerprint of the
-- first request (what it asked for) and the reply that it got, kept for a day.
-- It is written in the same step as the change, and behind it: a Redis that is
-- full refuses the first write of a script, so there is no change without an
-- answer kept.  It may be the first itself where nothing changes; then that
-- Redis keeps no answer, and so gives none.

local ONCE, FINGERPRINT = KEYS[5], string.sub(ARGV[2], 9)
local ONCE_TTL = 24 * 3600 * 1000


-- What the script returns: the reply of "run", or of a run before;
-- 'reused' if that was of another request.
local function once(run)
    if not ONCE then
        return run()
    end

    local kept = call('GET', ONCE)

    if not kept then
        local reply = run()

        call('SET', ONCE, cmsgpack.pack({ FINGERPRINT, reply }), 'PX',
             ONCE_TTL)

        return reply
    end

    local fingerprint, reply = unpack(cmsgpack.unpack(kept))

    if fingerprint ~= FINGERPRINT then
        return { 'reused', now }
    end

    reply[2] = now

    return reply
end


