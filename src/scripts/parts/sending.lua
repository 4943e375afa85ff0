-- Leases, and the breaker of an endpoint.
--
-- ARGV   10 endpoint's id, 11 lease (ms), 12 owner, from 0 to 4095,
--        13 how many events of one change at most

local ENDPOINT, LEASE, OWNER = ARGV[10], tonumber(ARGV[11]), tonumber(ARGV[12])
local EVENTS_MAX = tonumber(ARGV[13])
local DUE = BASE .. 'due:' .. ENDPOINT

local BREAKER_FAILURES, BREAKER_MIN, BREAKER_MAX = 10, 1000, 15000

-- a breaker: failures in a row, open until (ms), how long it was open last,
-- the token of the attempt that probes
local FAILURES, OPEN_UNTIL, OPEN_FOR, PROBE = 1, 2, 3, 4


local function load_breaker()
    local packed = call('HGET', BREAKERS, ENDPOINT)
    return packed and cmsgpack.unpack(packed) or { 0, 0, 0, '' }
end


local function save_breaker(breaker)
    if breaker[FAILURES] == 0 then
        call('HDEL', BREAKERS, ENDPOINT)
    else
        call('HSET', BREAKERS, ENDPOINT, cmsgpack.pack(breaker))
    end
end


-- The owner is in the fraction, so that a worker that comes in the place of
-- one that died finds what that one held.
local function lease_end()
    return now + LEASE + OWNER / 4096
end


-- Adds to a reply what is to be sent of a change: room id, token, number of
-- events, number of uids, type, nonce, time, status, duration, created,
-- rtc_type, invite_on, max_participants, device, the uids, and for each event
-- its index, seq, target, how often it was tried.
local function add_change(reply, room_id, token, change)
    local events, tries = {}, change[C_TRIES]

    for i = 1, count_events(change) do
        if #events < EVENTS_MAX and not is_done(change, i)
            and (tries[2 * i] or 0) <= now
        then
            events[#events + 1] = i
        end
    end

    EVENTS_MAX = EVENTS_MAX - #events

    local n = #reply
    local uids = change[C_UIDS]

    reply[n + 1], reply[n + 2] = room_id, token
    reply[n + 3], reply[n + 4] = #events, #uids
    reply[n + 5], reply[n + 6] = change[C_TYPE], change[C_NONCE]
    reply[n + 7], reply[n + 8] = change[C_TIME], change[C_STATUS]
    reply[n + 9], reply[n + 10] = change[C_DURATION], change[C_CREATED]
    reply[n + 11], reply[n + 12] = change[C_RTC_TYPE], change[C_INVITE_ON]
    reply[n + 13], reply[n + 14] = change[C_MAX], change[C_DEVICE]

    for i, uid in ipairs(uids) do
        reply[n + 14 + i] = uid
    end

    for _, i in ipairs(events) do
        n = #reply
        reply[n + 1], reply[n + 2] = i, change[C_SEQ] + i - 1
        reply[n + 3] = change[C_TARGETS][i] or ''
        reply[n + 4] = tries[2 * i - 1] or 0
    end
end


-- When what is left of a change may be sent.
local function retry_at(change)
    local tries, earliest = change[C_TRIES], nil

    for i = 1, count_events(change) do
        if not is_done(change, i) then
            local at = tries[2 * i] or 0
            earliest = math.min(earliest or at, at)
        end
    end

    return earliest
end


