# Copyright (C) TgoRTC contributors
#
# POST /api/v1/rooms/{room_id}/join

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

TgoRTC::Suite::setup();

run_tests();

__DATA__

=== TEST 1: an invitee and the creator join
--- request
POST /api/v1/rooms
{"creator":"user_001","device_type":"app","room_id":"room_abc123","rtc_type":1,"invite_on":1,"uids":["user_002"]}

POST /api/v1/rooms/room_abc123/join
{"uid":"user_002","device_type":"web"}

POST /api/v1/rooms/room_abc123/join
{"uid":"user_001","device_type":"app"}

GET /api/v1/rooms/room_abc123
--- response_headers
Content-Type: application/json
--- response_body
{"room_id":"room_abc123",*}
{"room_id":"room_abc123","creator":"user_001","token":"TOKEN","url":"wss://livekit.example.com","status":0,"created_at":"NOW","max_participants":2,"timeout":30,"rtc_type":1,"uids":["user_001","user_002"]}
{"room_id":"room_abc123","creator":"user_001","token":"TOKEN","url":"wss://livekit.example.com","status":0,"created_at":"NOW","max_participants":2,"timeout":30,"rtc_type":1,"uids":["user_001","user_002"]}
{"room_id":"room_abc123",*,"participants":[{"uid":"user_001","status":1,"device_type":"app","connected":false,"joined_at":"NOW","left_at":null},{"uid":"user_002","status":1,"device_type":"web","connected":false,"joined_at":"NOW","left_at":null}]}



=== TEST 2: joining again, from another device, from one that says nothing
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"bob","device_type":"app"}

POST /api/v1/rooms/r1/join
{"uid":"bob","device_type":"web"}

GET /api/v1/rooms/r1

POST /api/v1/rooms/r1/join
{"uid":"bob"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*,"token":"TOKEN",*}
{"room_id":"r1",*,"token":"TOKEN",*}
{"room_id":"r1",*,"uids":["alice","bob"],*,{"uid":"bob","status":1,"device_type":"web",*}]}
{"room_id":"r1",*,"token":"TOKEN",*}
{"room_id":"r1",*,"uids":["alice","bob"],*,{"uid":"bob","status":1,"device_type":"web",*}]}



=== TEST 3: a device need not be named; the creator's is known
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"alice"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{"room_id":"r1",*}
{"room_id":"r1",*,"participants":[{"uid":"alice","status":1,"device_type":"app",*},{"uid":"bob","status":1,"device_type":null,*}]}



=== TEST 4: anyone, while there is a place
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3}

POST /api/v1/rooms/r1/join
{"uid":"carol"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"dave"}

redis hgetall {tgortc}:users

GET /api/v1/rooms/r1
--- error_code: 200 200 200 409 200
--- response_body
{"room_id":"r1",*,"uids":["alice"]}
{"room_id":"r1",*,"uids":["alice","carol"]}
{"room_id":"r1",*,"uids":["alice","carol","bob"]}
{"code":409,"message":"The room is full"}
alice r1 carol r1 bob r1
{"room_id":"r1",*,"uids":["alice","carol","bob"],*}



=== TEST 5: an invitation that rings keeps its place, one rejected gives it up
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/join
{"uid":"dave"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"dave"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"dave"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}
--- error_code: 200 409 200 200 409 200 200
--- response_body
{"room_id":"r1",*}
{"code":409,"message":"The room is full"}
{}
{"room_id":"r1",*,"uids":["alice","bob","carol","dave"]}
{"code":409,"message":"The room is full"}
{}
{"room_id":"r1",*,"uids":["alice","bob","carol","dave"]}



=== TEST 6: who has a place joins a full room, first and again
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"alice"}

POST /api/v1/rooms/r1/join
{"uid":"alice"}
--- response_body: {"room_id":"r1",*,"uids":["alice","bob"]}



=== TEST 7: invited people only
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","invite_on":1,"max_participants":4,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/join
{"uid":"dave"}

redis hexists {tgortc}:users dave

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"alice"}
--- error_code: 200 403 200 200
--- response_body
{"room_id":"r1",*}
{"code":403,"message":"Only invited users may join this room"}
0
{"room_id":"r1",*,"uids":["alice","bob","carol"]}
{"room_id":"r1",*,"uids":["alice","bob","carol"]}



=== TEST 8: who was invited stays so, having rejected or left
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","invite_on":1,"max_participants":3,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

GET /api/v1/rooms/r1

POST /api/v1/rooms/r1/join
{"uid":"bob"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r1",*}
{}
{"room_id":"r1",*,{"uid":"bob","status":3,"device_type":null,"connected":false,"joined_at":"NOW","left_at":"NOW"},*}
{"room_id":"r1",*}
{"room_id":"r1",*,{"uid":"bob","status":1,"device_type":null,"connected":false,"joined_at":"NOW","left_at":null},*}



=== TEST 9: the creator of a room for invited people comes back
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","invite_on":1,"max_participants":3,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

POST /api/v1/rooms/r1/join
{"uid":"alice"}
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{"room_id":"r1","creator":"alice",*,"uids":["alice","bob","carol"]}



=== TEST 10: active in another live room, in whatever way
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms
{"creator":"carol","device_type":"app","room_id":"r2","max_participants":9}

POST /api/v1/rooms/r2/join
{"uid":"alice"}

POST /api/v1/rooms/r2/join
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r2/join
{"uid":"bob"}

redis hgetall {tgortc}:users

GET /api/v1/rooms/r2
--- error_code: 200 200 409 409 200 409 200
--- response_body
{"room_id":"r1",*}
{"room_id":"r2",*}
{"code":409,"message":"Busy in another call: alice"}
{"code":409,"message":"Busy in another call: bob"}
{"room_id":"r1",*}
{"code":409,"message":"Busy in another call: bob"}
alice r1 bob r1 carol r2
{"room_id":"r2",*,"uids":["carol"],*}



=== TEST 11: a room nobody knows, a room that ended
--- request
POST /api/v1/rooms/r1/join
{"uid":"alice"}

redis dbsize

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"alice"}
--- error_code: 404 200 200 410 410
--- response_body
{"code":404,"message":"Room not found"}
0
{"room_id":"r1",*}
{}
{"code":410,"message":"The room has ended"}
{"code":410,"message":"The room has ended"}



=== TEST 12: of several reasons: ended, not invited, busy, full
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"full","invite_on":1,"uids":["bob"]}

POST /api/v1/rooms
{"creator":"carol","device_type":"app","room_id":"r2"}

POST /api/v1/rooms/full/join
{"uid":"carol"}

POST /api/v1/rooms
{"creator":"dave","device_type":"app","room_id":"r3","uids":["erin"]}

POST /api/v1/rooms/r3/join
{"uid":"carol"}

POST /api/v1/rooms/r3/join
{"uid":"frank"}

POST /api/v1/rooms/full/leave
{"uid":"alice"}

POST /api/v1/rooms/full/join
{"uid":"carol"}
--- error_code: 200 200 403 200 409 409 200 410
--- response_body
{"room_id":"full",*}
{"room_id":"r2",*}
{"code":403,"message":"Only invited users may join this room"}
{"room_id":"r3",*}
{"code":409,"message":"Busy in another call: carol"}
{"code":409,"message":"The room is full"}
{}
{"code":410,"message":"The room has ended"}



=== TEST 13: who left is free to join elsewhere, and is busy there
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob"]}

POST /api/v1/rooms
{"creator":"carol","device_type":"app","room_id":"r2"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r2/join
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}
--- error_code: 200 200 200 200 409
--- response_body
{"room_id":"r1",*}
{"room_id":"r2",*}
{}
{"room_id":"r2",*,"uids":["carol","bob"]}
{"code":409,"message":"Busy in another call: bob"}
