# Copyright (C) TgoRTC contributors
#
# What is in Redis, what a request costs there, and what happens when Redis is
# not as it should be.

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

TgoRTC::Suite::setup();


# Scripts for "redis eval", which a shell puts in.  The seconds that a key has
# left, and those until a room's deadline, both rounded up to tens.

$ENV{TTL} = <<'END';
    return math.ceil(redis.call('PTTL', KEYS[1]) / 10000) * 10
END

$ENV{DUE} = <<'END';
    local now = redis.call('TIME')
    local due = redis.call('ZSCORE', KEYS[1], ARGV[1])

    return math.ceil((due - now[1] * 1000 - now[2] / 1000) / 10000) * 10
END


# How often scripts read a room: once for a request, and once more for a room in
# which somebody is busy.  (Scripts themselves are called by timers as well.)

$ENV{READS} = 'cmdstat_get:calls=[0-9]+';


run_tests();

__DATA__

=== TEST 1: a request is one script, a wrong one is none
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3}

POST /api/v1/rooms/r1/invite
{"uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

GET /api/v1/rooms/sync?uid=bob&device_type=app

GET /api/v1/rooms/r1

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

redis config resetstat

POST /api/v1/rooms
{"creator":"carol","device_type":"app","room_id":"r2","max_participants":3,"uids":["dave","erin"]}

redis info commandstats | grep -oE "$READS"

POST /api/v1/rooms/r2/invite
{"uids":["bob"]}

redis info commandstats | grep -oE "$READS"

POST /api/v1/rooms/r2/join
{"uid":"dave"}

redis info commandstats | grep -oE "$READS"

POST /api/v1/rooms/r2/join
{"uid":"alice"}

redis info commandstats | grep -oE "$READS"

GET /api/v1/rooms/sync?uid=dave&device_type=app

redis info commandstats | grep -oE "$READS"

GET /api/v1/rooms/r2

redis info commandstats | grep -oE "$READS"

POST /api/v1/rooms/r2/leave
{"uid":"dave"}

redis info commandstats | grep -oE "$READS"

POST /api/v1/rooms/r2/leave
{"uid":

POST /api/v1/rooms/r2/dance

PUT /api/v1/rooms

redis info commandstats | grep -oE "$READS"
--- error_code: 200 200 200 200 200 200 200 409 200 409 200 200 200 400 404 405
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r1",*}
[{"room_id":"r1",*}]
{"room_id":"r1",*}
{}
OK
{"room_id":"r2",*}
cmdstat_get:calls=1
{"code":409,*}
cmdstat_get:calls=2
{"room_id":"r2",*}
cmdstat_get:calls=3
{"code":409,*}
cmdstat_get:calls=5
[{"room_id":"r2",*}]
cmdstat_get:calls=6
{"room_id":"r2",*}
cmdstat_get:calls=7
{}
cmdstat_get:calls=8
{"code":400,*}
{"code":404,*}
{"code":405,*}
cmdstat_get:calls=8



=== TEST 2: scripts that Redis has forgotten
--- init
TgoRTC::Suite::redis('script flush');
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3}

redis script flush

POST /api/v1/rooms/r1/invite
{"uids":["bob"]}

redis script flush

POST /api/v1/rooms/r1/join
{"uid":"bob","device_type":"app"}

redis script flush

GET /api/v1/rooms/sync?uid=bob&device_type=app

redis script flush

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

redis script flush

GET /api/v1/rooms/r1

redis config resetstat

GET /api/v1/rooms/r1

redis info commandstats | grep -oE "$READS"
--- response_body
{"room_id":"r1",*}
OK
{}
OK
{"room_id":"r1",*}
OK
[{"room_id":"r1",*}]
OK
{}
OK
{"room_id":"r1",*,"participants":[{"uid":"alice","status":0,*},{"uid":"bob","status":3,*}]}
OK
{"room_id":"r1",*}
cmdstat_get:calls=1



=== TEST 3: a live room is kept, and has a deadline
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob"]}

redis pttl {tgortc}:room:r1

redis zrange {tgortc}:deadlines 0 -1

POST /api/v1/rooms/r1/invite
{"uids":["carol"]}

redis pttl {tgortc}:room:r1

redis zrange {tgortc}:deadlines 0 -1

POST /api/v1/rooms/r1/join
{"uid":"bob"}

redis pttl {tgortc}:room:r1

redis zrange {tgortc}:deadlines 0 -1

POST /api/v1/rooms/r1/leave
{"uid":"carol"}

redis pttl {tgortc}:room:r1

redis zrange {tgortc}:deadlines 0 -1

redis pttl {tgortc}:users

redis pttl {tgortc}:deadlines
--- response_body
{"room_id":"r1",*}
-1
r1
{}
-1
r1
{"room_id":"r1",*}
-1
r1
{}
-1
r1
-1
-1



=== TEST 4: a room that ended is remembered for a day, in its list, no more
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":5,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/join
{"uid":"dave"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

POST /api/v1/rooms/r1/leave
{"uid":"dave"}

redis eval "$TTL" 1 {tgortc}:room:r1

redis exists {tgortc}:deadlines {tgortc}:users {tgortc}:hosts

redis zrange {tgortc}:rooms 0 -1

redis dbsize
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{}
86400
0
r1
2



=== TEST 5: tgortc_room_retention, whichever way a room ends
--- http_config
    tgortc_redis           127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key     devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url     wss://livekit.example.com;
    tgortc_room_retention  10m;
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

redis eval "$TTL" 1 {tgortc}:room:r1

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r2","uids":["bob"]}

POST /api/v1/rooms/r2/leave
{"uid":"bob"}

redis eval "$TTL" 1 {tgortc}:room:r2

GET /api/v1/rooms/r2

POST /api/v1/rooms/r2/leave
{"uid":"bob"}

redis eval "$TTL" 1 {tgortc}:room:r2

redis exists {tgortc}:deadlines {tgortc}:users
--- response_body
{"room_id":"r1",*}
{}
600
{"room_id":"r2",*}
{}
600
{"room_id":"r2",*}
{}
600
0



=== TEST 6: the deadline of a room is the earliest of its participants
--- http_config
    tgortc_redis         127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key   devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url   wss://livekit.example.com;
    tgortc_ring_timeout  50s;
    tgortc_join_timeout  20s;
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob"]}

redis eval "$DUE" 1 {tgortc}:deadlines r1

POST /api/v1/rooms/r1/join
{"uid":"carol"}

redis eval "$DUE" 1 {tgortc}:deadlines r1

POST /api/v1/rooms/r1/leave
{"uid":"carol"}

redis eval "$DUE" 1 {tgortc}:deadlines r1

POST /api/v1/rooms/r1/join
{"uid":"bob"}

redis eval "$DUE" 1 {tgortc}:deadlines r1
--- response_body
{"room_id":"r1",*}
50
{"room_id":"r1",*}
20
{}
50
{"room_id":"r1",*}
20



=== TEST 7: who joins stops ringing
--- http_config
    tgortc_redis         127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key   devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url   wss://livekit.example.com;
    tgortc_ring_timeout  20s;
    tgortc_join_timeout  50s;
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob"]}

redis eval "$DUE" 1 {tgortc}:deadlines r1

POST /api/v1/rooms/r1/join
{"uid":"bob"}

redis eval "$DUE" 1 {tgortc}:deadlines r1

POST /api/v1/rooms/r1/join
{"uid":"alice"}

redis eval "$DUE" 1 {tgortc}:deadlines r1

POST /api/v1/rooms/r1/invite
{"uids":["carol"]}

redis eval "$DUE" 1 {tgortc}:deadlines r1

POST /api/v1/rooms/r1/leave
{"uid":"carol"}

redis eval "$DUE" 1 {tgortc}:deadlines r1
--- response_body
{"room_id":"r1",*}
20
{"room_id":"r1",*}
20
{"room_id":"r1",*}
50
{}
20
{}
50



=== TEST 8: the defaults: 30 seconds to ring, 60 to connect
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

redis eval "$DUE" 1 {tgortc}:deadlines r1

POST /api/v1/rooms/r1/join
{"uid":"alice"}

redis eval "$DUE" 1 {tgortc}:deadlines r1
--- response_body
{"room_id":"r1",*}
30
{"room_id":"r1",*}
60



=== TEST 9: no room outlives tgortc_room_max_age
--- http_config
    tgortc_redis         127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key   devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url   wss://livekit.example.com;
    tgortc_ring_timeout  1h;
    tgortc_room_max_age  20s;
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

redis eval "$DUE" 1 {tgortc}:deadlines r1
--- response_body
{"room_id":"r1",*}
20



=== TEST 10: an entry that a vanished room has left makes nobody busy
--- init
TgoRTC::Suite::redis('hset {tgortc}:users alice gone bob gone carol gone');
--- request
GET /api/v1/rooms/sync?uid=alice&device_type=app

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"carol"}

redis hgetall {tgortc}:users
--- response_body
[]
{"room_id":"r1",*}
{"room_id":"r1",*}
alice r1 bob r1 carol r1



=== TEST 11: nor one that names a room which he has left, or which has ended
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

redis hset {tgortc}:users bob r1 dave r1

GET /api/v1/rooms/sync?uid=bob&device_type=app

POST /api/v1/rooms
{"creator":"bob","device_type":"app","room_id":"r2","uids":["dave"]}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

redis hset {tgortc}:users alice r1 carol r1

GET /api/v1/rooms/sync?uid=carol&device_type=app

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r3","uids":["carol"]}
--- response_body
{"room_id":"r1",*}
{}
2
[]
{"room_id":"r2",*}
{}
2
[]
{"room_id":"r3",*}



=== TEST 12: a room that is no room
--- init
TgoRTC::Suite::redis('rpush {tgortc}:room:r1 a b');
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms/r1/invite
{"uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"alice"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

GET /api/v1/rooms/r1

redis lrange {tgortc}:room:r1 0 -1

redis dbsize
--- error_code: 500
--- response_headers
Content-Type: application/json
--- response_body
{"code":500,"message":"Internal error"}
{"code":500,"message":"Internal error"}
{"code":500,"message":"Internal error"}
{"code":500,"message":"Internal error"}
{"code":500,"message":"Internal error"}
a b
1
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 13: users who are no hash
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob"]}

redis rename {tgortc}:users saved

redis set {tgortc}:users text

POST /api/v1/rooms
{"creator":"carol","device_type":"app","room_id":"r2"}

POST /api/v1/rooms/r1/invite
{"uids":["carol"]}

POST /api/v1/rooms/r1/join
{"uid":"carol"}

GET /api/v1/rooms/sync?uid=alice&device_type=app

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

redis get {tgortc}:users

redis exists {tgortc}:room:r2

redis zrange {tgortc}:deadlines 0 -1

redis rename saved {tgortc}:users

GET /api/v1/rooms/r1
--- error_code: 200 500 500 500 500 500 500 200
--- response_body
{"room_id":"r1",*}
OK
OK
{"code":500,*}
{"code":500,*}
{"code":500,*}
{"code":500,*}
{"code":500,*}
{"code":500,*}
text
0
r1
OK
{"room_id":"r1","creator":"alice","status":0,*,"uids":["alice","bob"],*,"participants":[{"uid":"alice","status":0,*},{"uid":"bob","status":0,*}]}
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 14: deadlines that are no sorted set
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob"]}

redis rename {tgortc}:deadlines saved

redis set {tgortc}:deadlines text

POST /api/v1/rooms
{"creator":"carol","device_type":"app","room_id":"r2"}

POST /api/v1/rooms/r1/invite
{"uids":["carol"]}

POST /api/v1/rooms/r1/join
{"uid":"carol"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

redis hgetall {tgortc}:users

redis exists {tgortc}:room:r2

redis get {tgortc}:deadlines

GET /api/v1/rooms/r1
--- error_code: 200 500 500 500 500 500 500 200
--- response_body
{"room_id":"r1",*}
OK
OK
{"code":500,*}
{"code":500,*}
{"code":500,*}
{"code":500,*}
{"code":500,*}
{"code":500,*}
alice r1 bob r1
0
text
{"room_id":"r1","creator":"alice","status":0,*,"uids":["alice","bob"],*,"participants":[{"uid":"alice","status":0,*},{"uid":"bob","status":0,*}]}
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 15: connections that Redis closes
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

redis client kill type normal

POST /api/v1/rooms/r1/join
{"uid":"bob"}

redis client kill type normal

GET /api/v1/health

redis client kill type normal

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
1
{"room_id":"r1",*}
1
{"status":"ok"}
1
{"room_id":"r1",*,{"uid":"bob","status":1,*}]}
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 16: a Redis too slow: what timed out is not done later
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=300ms;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

redis client pause 60000 write

POST /api/v1/rooms
{"creator":"carol","device_type":"app","room_id":"r2"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

redis client unpause

await /api/v1/health

GET /api/v1/rooms/r2

GET /api/v1/rooms/r1

redis hgetall {tgortc}:users

POST /api/v1/rooms
{"creator":"carol","device_type":"app","room_id":"r2"}
--- error_code: 200 503 503 503 404 200 200
--- response_headers_like
Content-Type: application/json

Content-Type: application/json
Retry-After: [1-9]\d*

Content-Type: application/json
Retry-After: [1-9]\d*

Content-Type: application/json
Retry-After: [1-9]\d*

Content-Type: application/json

Content-Type: application/json

Content-Type: application/json
--- response_body
{"room_id":"r1",*}
OK
{"code":503,"message":"*"}
{"code":503,"message":"*"}
{"code":503,"message":"*"}
OK
200
{"code":404,*}
{"room_id":"r1","creator":"alice","status":0,*,"participants":[{"uid":"alice","status":0,*},{"uid":"bob","status":0,*}]}
alice r1 bob r1
{"room_id":"r2",*}
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 17: a Redis without memory: refused, not done by half
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":5,"uids":["bob"]}

redis config set maxmemory 1

POST /api/v1/rooms
{"creator":"carol","device_type":"app","room_id":"r2"}

POST /api/v1/rooms/r1/invite
{"uids":["carol"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

GET /api/v1/rooms/r1

redis config set maxmemory 0

redis hgetall {tgortc}:users

redis zrange {tgortc}:deadlines 0 -1

redis exists {tgortc}:room:r2

POST /api/v1/rooms/r1/join
{"uid":"bob"}
--- error_code: 200 503 503 503 200 200
--- response_body
{"room_id":"r1",*}
OK
{"code":503,*}
{"code":503,*}
{"code":503,*}
{"room_id":"r1",*,"uids":["alice","bob"],*,"participants":[{"uid":"alice","status":0,*},{"uid":"bob","status":0,*}]}
OK
alice r1 bob r1
r1
0
{"room_id":"r1",*}
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 18: without memory one can still leave, and the room is closed whole
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms
{"creator":"carol","device_type":"app","room_id":"r2","max_participants":5,"uids":["dave"]}

redis config set maxmemory 1

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

POST /api/v1/rooms/r2/leave
{"uid":"dave"}

redis config set maxmemory 0

redis hgetall {tgortc}:users

redis zrange {tgortc}:deadlines 0 -1

GET /api/v1/rooms/r1

GET /api/v1/rooms/r2
--- response_body
{"room_id":"r1",*}
{"room_id":"r2",*}
OK
{}
{}
OK
carol r2
r2
{"room_id":"r1","creator":"alice","status":3,*}
{"room_id":"r2","creator":"carol","status":0,*,{"uid":"dave","status":2,*}]}



=== TEST 19: a Redis that became a replica
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

redis replicaof 127.0.0.1 1

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

redis replicaof no one

await /api/v1/health

GET /api/v1/rooms/r1

POST /api/v1/rooms/r1/join
{"uid":"bob"}
--- error_code: 200 503 503 200 200
--- response_body
{"room_id":"r1",*}
OK
{"code":503,*}
{"code":503,*}
OK
200
{"room_id":"r1","creator":"alice","status":0,*,"participants":[{"uid":"alice","status":0,*},{"uid":"bob","status":0,*}]}
{"room_id":"r1",*}
--- no_error_log
[crit]
[alert]
[emerg]
