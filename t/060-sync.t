# Copyright (C) TgoRTC contributors
#
# GET /api/v1/rooms/sync

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

TgoRTC::Suite::setup();

run_tests();

__DATA__

=== TEST 1: who is in no room
--- request
GET /api/v1/rooms/sync?uid=alice&device_type=app
--- response_headers
Content-Type: application/json
--- response_body: []



=== TEST 2: a call that rings: for the creator, for the invitee on any device
--- request
POST /api/v1/rooms
{"creator":"user_001","device_type":"app","room_id":"room_abc123","rtc_type":1,"invite_on":1,"uids":["user_002"]}

GET /api/v1/rooms/sync?uid=user_001&device_type=app

GET /api/v1/rooms/sync?uid=user_001&device_type=web

GET /api/v1/rooms/sync?uid=user_002&device_type=app

GET /api/v1/rooms/sync?device_type=tablet&uid=user_002

GET /api/v1/rooms/sync?uid=user_003&device_type=app
--- response_body
{"room_id":"room_abc123",*}
[{"room_id":"room_abc123","creator":"user_001","token":"TOKEN","url":"wss://livekit.example.com","status":0,"created_at":"NOW","max_participants":2,"timeout":30,"rtc_type":1,"uids":["user_001","user_002"]}]
[{"room_id":"room_abc123","creator":"user_001","token":"TOKEN","url":"wss://livekit.example.com","status":0,"created_at":"NOW","max_participants":2,"timeout":30,"rtc_type":1,"uids":["user_001","user_002"]}]
[{"room_id":"room_abc123","creator":"user_001","token":"TOKEN","url":"wss://livekit.example.com","status":0,"created_at":"NOW","max_participants":2,"timeout":30,"rtc_type":1,"uids":["user_001","user_002"]}]
[{"room_id":"room_abc123","creator":"user_001","token":"TOKEN","url":"wss://livekit.example.com","status":0,"created_at":"NOW","max_participants":2,"timeout":30,"rtc_type":1,"uids":["user_001","user_002"]}]
[]



=== TEST 3: joined: for the device that joined, not for another
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"bob","device_type":"phone"}

GET /api/v1/rooms/sync?uid=bob&device_type=phone

GET /api/v1/rooms/sync?uid=bob&device_type=tablet

POST /api/v1/rooms/r1/join
{"uid":"bob","device_type":"tablet"}

GET /api/v1/rooms/sync?uid=bob&device_type=tablet

GET /api/v1/rooms/sync?uid=bob&device_type=phone
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
[{"room_id":"r1",*}]
[]
{"room_id":"r1",*}
[{"room_id":"r1",*}]
[]



=== TEST 4: joined on a device that nobody knows
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

GET /api/v1/rooms/sync?uid=bob&device_type=phone

GET /api/v1/rooms/sync?uid=bob&device_type=tablet
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
[{"room_id":"r1",*}]
[{"room_id":"r1",*}]



=== TEST 5: back on a device that nobody knows
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"bob","device_type":"phone"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

GET /api/v1/rooms/sync?uid=bob&device_type=web

POST /api/v1/rooms/r1/leave
{"uid":"bob","device_type":"web"}

GET /api/v1/rooms/sync?uid=bob&device_type=web
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{"room_id":"r1",*}
[{"room_id":"r1",*}]
{}
[]



=== TEST 6: the uids of who is active
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":5,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/join
{"uid":"dave","device_type":"app"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

GET /api/v1/rooms/sync?uid=dave&device_type=app

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

GET /api/v1/rooms/sync?uid=carol&device_type=app

POST /api/v1/rooms/r1/invite
{"uids":["bob"]}

GET /api/v1/rooms/sync?uid=dave&device_type=app
--- response_body
{"room_id":"r1",*,"uids":["alice","bob","carol"]}
{"room_id":"r1",*,"uids":["alice","bob","carol","dave"]}
{}
[{"room_id":"r1","creator":"alice",*,"uids":["alice","carol","dave"]}]
{}
[{"room_id":"r1","creator":"alice",*,"uids":["carol","dave"]}]
{}
[{"room_id":"r1","creator":"alice",*,"uids":["bob","carol","dave"]}]



=== TEST 7: not for who rejected, who left, whose room ended
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":5,"uids":["bob","carol","dave"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

GET /api/v1/rooms/sync?uid=bob&device_type=app

POST /api/v1/rooms/r1/join
{"uid":"carol","device_type":"app"}

POST /api/v1/rooms/r1/leave
{"uid":"carol"}

GET /api/v1/rooms/sync?uid=carol&device_type=app

GET /api/v1/rooms/sync?uid=dave&device_type=app

POST /api/v1/rooms/r1/join
{"uid":"carol","device_type":"app"}

GET /api/v1/rooms/sync?uid=carol&device_type=app

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

POST /api/v1/rooms/r1/leave
{"uid":"carol"}

GET /api/v1/rooms/sync?uid=dave&device_type=app

GET /api/v1/rooms/sync?uid=carol&device_type=app
--- response_body
{"room_id":"r1",*}
{}
[]
{"room_id":"r1",*}
{}
[]
[{"room_id":"r1",*,"uids":["alice","dave"]}]
{"room_id":"r1",*}
[{"room_id":"r1",*,"uids":["alice","carol","dave"]}]
{}
{}
[]
[]



=== TEST 8: the room one is in now, not the one before
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms
{"creator":"bob","device_type":"app","room_id":"r2"}

GET /api/v1/rooms/sync?uid=bob&device_type=app

GET /api/v1/rooms/sync?uid=alice&device_type=app
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r2",*}
[{"room_id":"r2","creator":"bob",*,"uids":["bob"]}]
[{"room_id":"r1","creator":"alice",*,"uids":["alice"]}]



=== TEST 9: asking changes nothing
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

GET /api/v1/rooms/sync?uid=bob&device_type=app

GET /api/v1/rooms/r1

HEAD /api/v1/rooms/sync?uid=bob&device_type=app
--- response_body
{"room_id":"r1",*}
[{"room_id":"r1",*}]
{"room_id":"r1",*,{"uid":"bob","status":0,"device_type":null,"connected":false,"joined_at":null,"left_at":null}]}
-



=== TEST 10: both arguments are required
--- request
GET /api/v1/rooms/sync

GET /api/v1/rooms/sync?device_type=app

GET /api/v1/rooms/sync?uid=&device_type=app

GET /api/v1/rooms/sync?uid=alice

GET /api/v1/rooms/sync?uid=alice&device_type=

GET /api/v1/rooms/sync?xuid=alice&device_type=app&uidx=alice
--- error_code: 400
--- response_body
{"code":400,"message":"Parameter error: uid *"}
{"code":400,"message":"Parameter error: uid *"}
{"code":400,"message":"Parameter error: uid *"}
{"code":400,"message":"Parameter error: device_type *"}
{"code":400,"message":"Parameter error: device_type *"}
{"code":400,"message":"Parameter error: uid *"}
