-- Says how sending went.
--
-- ARGV   14 token, 15 '1' to go on with the room at once,
--        16 how often the endpoint as a whole failed (connection, timeout, 5xx,
--        429) since anything came through, 17 how long it asked to wait (ms),
--        then for each event: index, 'ok', 'retry' or 'dead', delay (ms),
--        reason
-- reply  'ok', 4 what became of the breaker: 0 nothing, 1 it opened, 2 it
--        closed; 5 the indices of the events that were given up, 6… what is to
--        be sent next, as add_change(); 'stale' if the lease had run out

-- include base
-- include outbox
-- include letters
-- include sending
local TOKEN, GO_ON, FAILED = ARGV[14], ARGV[15], tonumber(ARGV[16])
local ASKED, FIRST = tonumber(ARGV[17]), 18

local score = call('ZSCORE', DUE, ROOM_ID)
local change = head_of(ENDPOINT, ROOM_ID)

if not change or tonumber(score) ~= tonumber(TOKEN) then
    return { 'stale', now }
end

-- also the first write, and one that a Redis without memory lets pass
call('ZREM', DUE, ROOM_ID)

local breaker = load_breaker()
local failures = breaker[FAILURES]
local is_probe = breaker[PROBE] == TOKEN
local was_closed = failures < BREAKER_FAILURES

-- of those side by side one that came through is enough to end the row
if FAILED < (#ARGV - FIRST + 1) / 4 then
    failures = 0
    breaker[OPEN_UNTIL], breaker[OPEN_FOR], breaker[PROBE] = 0, 0, ''
end

if FAILED > 0 then
    local opens = failures < BREAKER_FAILURES

    failures = failures + FAILED

    -- what was under way when it opened tells nothing new
    if (opens and failures >= BREAKER_FAILURES) or is_probe then
        breaker[OPEN_FOR] = math.min(BREAKER_MAX,
                                math.max(BREAKER_MIN, 2 * breaker[OPEN_FOR]))
        breaker[OPEN_UNTIL], breaker[PROBE] = now + breaker[OPEN_FOR], ''
    end
end

if failures ~= breaker[FAILURES] or FAILED > 0 then
    breaker[FAILURES] = failures
    save_breaker(breaker)
end

local registered = call('HGET', ENDPOINTS, ENDPOINT)
local max_age = registered and cmsgpack.unpack(registered)[N_MAX_AGE]
                or 86400000
local tries = get_tries(change)
local given_up = {}

for k = FIRST, #ARGV, 4 do
    local i, outcome = tonumber(ARGV[k]), ARGV[k + 1]
    local delay, reason = tonumber(ARGV[k + 2]), ARGV[k + 3]

    if ENDPOINT == LIVEKIT then
        tries[2 * i - 1] = outcome == 'retry' and tries[2 * i - 1] + 1 or -1
        tries[2 * i] = now + delay

    elseif outcome == 'ok' then
        tries[2 * i - 1] = -1
        call('HINCRBY', STATS, ENDPOINT .. ':ok:' .. change[C_TYPE], 1)
        call('HINCRBY', STATS, ENDPOINT .. ':waiting', -1)

    else
        -- a probe is the breaker's, not the event's, but a wait that was asked
        -- for is kept
        if is_probe and FAILED > 0 then
            tries[2 * i] = now + ASKED
        else
            tries[2 * i - 1], tries[2 * i] = tries[2 * i - 1] + 1, now + delay
        end

        if outcome == 'dead' or tries[2 * i] > change[C_WRITTEN] + max_age
            or now > change[C_WRITTEN] + max_age
        then
            give_up(ENDPOINT, ROOM_ID, change, i, reason)
            given_up[#given_up + 1] = i
        else
            log('failed', ENDPOINT, ROOM_ID, change, i, tries[2 * i - 1],
                reason)
        end
    end
end

local again_at = retry_at(change)
local is_closed = failures < BREAKER_FAILURES
local turn = is_closed == was_closed and 0 or is_closed and 2 or 1
local reply = { 'ok', now, 0, turn, given_up }
local lease, due = lease_end(), now

-- what is to be done in LiveKit may have become wrong: a claim looks at it
local go_on = GO_ON == '1' and ENDPOINT ~= LIVEKIT and is_closed
              and EVENTS_MAX > 0 and (again_at or 0) <= now

-- in the ms of the lease before it: a report that is sent again, because its
-- answer was lost, must not be taken for one about what that leased, or a claim
-- in this ms
if lease == tonumber(TOKEN) then
    lease, due = lease + 1, now + 1
end

local token = string.format('%.17g', lease)

if again_at then
    call('LSET', queue_key(ENDPOINT, ROOM_ID), 0, cmsgpack.pack(change))
    call('ZADD', DUE, go_on and token or math.max(due, again_at), ROOM_ID)
else
    change = advance(ENDPOINT, ROOM_ID, go_on and token or due)
end

if change and go_on then
    add_change(reply, ROOM_ID, token, change)
end

return reply
