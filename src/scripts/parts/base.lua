-- What every script begins with.
--
-- KEYS   1 users      hash    uid -> id of the one live room the user is in
--        2 deadlines  zset    room id, scored by its earliest deadline (ms)
--        3 room       string  a room, see parts/room.lua
--        4 never      a key that is never there: a cluster that moves the slot
--                     refuses what names one, or it would be done in part
--        5 once       string  only with an Idempotency-Key, see parts/once.lua
-- ARGV   1 not after  ms of Redis's clock; a change that comes later is refused
--        2 nonce      8 bytes; the same in a request that is sent again; behind
--                     it what KEYS 5 goes with
--        3 room id
--        4 bits: 1 the app has endpoints for events, 2 it may act on LiveKit
--        5 ring timeout, 6 connect timeout, 7 rejoin grace, 8 room age,
--        9 retention, all in ms; 10… see each script
-- reply  1 outcome    'ok' or the reason of a refusal, see each script
--        2 now        ms of Redis's clock, by which the worker sets its own
--        3 events     how many changes wait to be delivered because of this;
--                     not in a refusal
--
-- Times are ms since 1970, 0 for never.  A refusal changes nothing.  Redis can
-- refuse a write to a replica, or one that needs memory it does not have, but
-- only the first of a script.  So what makes a room larger writes first what
-- needs memory, what makes it smaller writes first what frees it, and either
-- way a change is made wholly or not at all.

local call = redis.call

local USERS, DEADLINES, ROOM = KEYS[1], KEYS[2], KEYS[3]
local NOT_AFTER, ROOM_ID = tonumber(ARGV[1]), ARGV[3]
local NONCE = string.sub(ARGV[2], 1, 8)
local RING, CONNECT, REJOIN, MAX_AGE, RETENTION = 5, 6, 7, 8, 9

local HAS_ENDPOINTS = ARGV[4] == '1' or ARGV[4] == '3'
local HAS_LIVEKIT = ARGV[4] == '2' or ARGV[4] == '3'

-- the part of every key before its name: "{prefix}:"
local BASE = string.sub(USERS, 1, -1 - #'users')


local function time_ms()
    local t = call('TIME')
    return t[1] * 1000 + (t[2] - t[2] % 1000) / 1000
end


local function seconds(ms)
    return (ms - ms % 1000) / 1000
end


local now = time_ms()
local is_late = now > NOT_AFTER


