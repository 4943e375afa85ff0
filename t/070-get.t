# Copyright (C) TgoRTC contributors
#
# GET /api/v1/rooms/{room_id}

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

TgoRTC::Suite::setup();

run_tests();

__DATA__

=== TEST 1: a live room
--- request
POST /api/v1/rooms
{"creator":"user_001","device_type":"app","room_id":"room_abc123","rtc_type":1,"invite_on":1,"max_participants":4,"uids":["user_002"]}

POST /api/v1/rooms/room_abc123/join
{"uid":"user_002","device_type":"web"}

POST /api/v1/rooms/room_abc123/invite
{"uids":["user_003"]}

GET /api/v1/rooms/room_abc123
--- response_headers
Content-Type: application/json
--- response_body
{"room_id":"room_abc123",*}
{"room_id":"room_abc123",*}
{}
{"room_id":"room_abc123","creator":"user_001","status":0,"created_at":"NOW","max_participants":4,"timeout":30,"rtc_type":1,"uids":["user_001","user_002","user_003"],"duration":0,"ended_at":null,"participants":[{"uid":"user_001","status":0,"device_type":"app","connected":false,"joined_at":null,"left_at":null},{"uid":"user_002","status":1,"device_type":"web","connected":false,"joined_at":"NOW","left_at":null},{"uid":"user_003","status":0,"device_type":null,"connected":false,"joined_at":null,"left_at":null}]}



=== TEST 2: a room that ended, while it is remembered
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"bob","device_type":"web"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

GET /api/v1/rooms/r1

redis del {tgortc}:room:r1

GET /api/v1/rooms/r1
--- error_code: 200 200 200 200 404
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{"room_id":"r1","creator":"alice","status":2,"created_at":"NOW","max_participants":2,"timeout":30,"rtc_type":0,"uids":["alice","bob"],"duration":0,"ended_at":"NOW","participants":[{"uid":"alice","status":6,"device_type":"app","connected":false,"joined_at":null,"left_at":null},{"uid":"bob","status":3,"device_type":"web","connected":false,"joined_at":"NOW","left_at":"NOW"}]}
1
{"code":404,"message":"Room not found"}



=== TEST 3: participants are in the order of uids, whoever comes and goes
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["dave","bob"]}

POST /api/v1/rooms/r1/join
{"uid":"carol"}

POST /api/v1/rooms/r1/leave
{"uid":"dave"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"dave"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{"room_id":"r1",*}
{"room_id":"r1",*}
{"room_id":"r1",*,"uids":["alice","dave","bob","carol"],*,"participants":[{"uid":"alice","status":0,*},{"uid":"dave","status":1,*},{"uid":"bob","status":1,*},{"uid":"carol","status":1,*}]}



=== TEST 4: a room nobody knows
--- request
GET /api/v1/rooms/r1
--- error_code: 404
--- response_headers
Content-Type: application/json
--- response_body: {"code":404,"message":"Room not found"}



=== TEST 5: asking changes nothing, HEAD says as much as GET but the body
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

GET /api/v1/rooms/r1

HEAD /api/v1/rooms/r1

HEAD /api/v1/rooms/r2

GET /api/v1/rooms/r1
--- error_code: 200 200 200 404 200
--- response_headers
Content-Type: application/json
--- raw_response_headers_like: \r\nContent-Length: [1-9]
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*,"participants":[{"uid":"alice","status":0,"device_type":"app","connected":false,"joined_at":null,"left_at":null}]}
-
-
{"room_id":"r1",*,"participants":[{"uid":"alice","status":0,"device_type":"app","connected":false,"joined_at":null,"left_at":null}]}



=== TEST 6: the ring timeout is what is configured, in seconds
--- http_config
    tgortc_redis         127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key   devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url   wss://livekit.example.com;
    tgortc_ring_timeout  2m;
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms/r1/join
{"uid":"alice"}

GET /api/v1/rooms/sync?uid=alice&device_type=app

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*,"timeout":120,*}
{"room_id":"r1",*,"timeout":120,*}
[{"room_id":"r1",*,"timeout":120,*}]
{"room_id":"r1",*,"timeout":120,*}



=== TEST 7: names that need escaping come back as they were
--- request
POST /api/v1/rooms
{"creator":"al\"ice\\","device_type":"a/b","room_id":"A-z_0.9~:@","uids":["b\u00f6b \ud83d\ude00"]}

GET /api/v1/rooms/A-z_0.9~:@

GET /api/v1/rooms/%41-z_0.9%7e%3a%40

GET /api/v1/rooms/sync?uid=al%22ice%5C&device_type=a%2Fb
--- response_body
{"room_id":"A-z_0.9~:@","creator":"al\"ice\\",*,"uids":["al\"ice\\","böb 😀"]}
{"room_id":"A-z_0.9~:@","creator":"al\"ice\\",*,"participants":[{"uid":"al\"ice\\","status":0,"device_type":"a/b",*},{"uid":"böb 😀",*}]}
{"room_id":"A-z_0.9~:@",*}
[{"room_id":"A-z_0.9~:@","creator":"al\"ice\\",*,"uids":["al\"ice\\","böb 😀"]}]
