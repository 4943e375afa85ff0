# Copyright (C) TgoRTC contributors
#
# POST /api/v1/rooms/{room_id}/invite

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

TgoRTC::Suite::setup();


# somebody joined and left, long ago

$ENV{LONG_AGO} = <<'END';
    local room = cmsgpack.unpack(redis.call('GET', KEYS[1]))
    local member = room[13][tonumber(ARGV[1])]

    member[5], member[6] = 1704096500000, 1704096600000
    redis.call('SET', KEYS[1], cmsgpack.pack(room))

    return member[1]
END

run_tests();

__DATA__

=== TEST 1: who is invited is inviting, listed after those who were there
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":5,"uids":["bob"]}

POST /api/v1/rooms/r1/invite
{"uids":["dave","carol"]}

redis hgetall {tgortc}:users

GET /api/v1/rooms/r1
--- response_headers
Content-Type: application/json
--- response_body
{"room_id":"r1",*}
{}
alice r1 bob r1 dave r1 carol r1
{"room_id":"r1",*,"uids":["alice","bob","dave","carol"],*,{"uid":"dave","status":0,"device_type":null,"connected":false,"joined_at":null,"left_at":null},{"uid":"carol","status":0,"device_type":null,"connected":false,"joined_at":null,"left_at":null}]}



=== TEST 2: in a room for invited people too: it lets them in
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","invite_on":1}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/invite
{"uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}
--- error_code: 200 403 200 200
--- response_body
{"room_id":"r1",*}
{"code":403,"message":"Only invited users may join this room"}
{}
{"room_id":"r1",*,"uids":["alice","bob"]}



=== TEST 3: the same uid twice takes one place
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms/r1/invite
{"uids":["bob","bob","bob"]}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r1",*,"uids":["alice","bob"],*}



=== TEST 4: who is active already is skipped, and needs no other place
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob"]}

POST /api/v1/rooms/r1/invite
{"uids":["carol"]}

POST /api/v1/rooms/r1/join
{"uid":"bob","device_type":"web"}

POST /api/v1/rooms/r1/invite
{"uids":["alice","bob","carol","dave"]}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r1",*}
{}
{"room_id":"r1",*,"uids":["alice","bob","carol","dave"],*,{"uid":"bob","status":1,"device_type":"web",*},{"uid":"carol","status":0,*},{"uid":"dave","status":0,*}]}



=== TEST 5: nobody left to invite, though the room is full
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/invite
{"uids":["bob","alice"]}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r1",*,"uids":["alice","bob"],*,"participants":[{"uid":"alice","status":0,*},{"uid":"bob","status":0,*}]}



=== TEST 6: one busy invitee refuses all; every busy one is named
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":9}

POST /api/v1/rooms
{"creator":"bob","device_type":"app","room_id":"r2","uids":["carol"]}

POST /api/v1/rooms/r1/invite
{"uids":["dave","carol","erin","bob"]}

redis hgetall {tgortc}:users

GET /api/v1/rooms/r1
--- error_code: 200 200 409 200
--- response_body
{"room_id":"r1",*}
{"room_id":"r2",*}
{"code":409,"message":"Busy in another call: carol, bob"}
alice r1 bob r2 carol r2
{"room_id":"r1",*,"uids":["alice"],*}



=== TEST 7: one invitee too many refuses all
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob"]}

POST /api/v1/rooms/r1/invite
{"uids":["carol","dave"]}

redis hgetall {tgortc}:users

GET /api/v1/rooms/r1

POST /api/v1/rooms/r1/invite
{"uids":["carol"]}

POST /api/v1/rooms/r1/invite
{"uids":["dave"]}
--- error_code: 200 409 200 200 409
--- response_body
{"room_id":"r1",*}
{"code":409,"message":"The room is full"}
alice r1 bob r1
{"room_id":"r1",*,"uids":["alice","bob"],*}
{}
{"code":409,"message":"The room is full"}



=== TEST 8: busy comes before full
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms
{"creator":"carol","device_type":"app","room_id":"r2"}

POST /api/v1/rooms/r1/invite
{"uids":["dave","carol"]}
--- error_code: 200 200 409
--- response_body
{"room_id":"r1",*}
{"room_id":"r2",*}
{"code":409,"message":"Busy in another call: carol"}



=== TEST 9: who rejected, or left, is invited again, in the place of old
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob","carol","dave"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"carol","device_type":"web"}

POST /api/v1/rooms/r1/leave
{"uid":"carol"}

GET /api/v1/rooms/r1

POST /api/v1/rooms/r1/invite
{"uids":["carol","bob"]}

redis hmget {tgortc}:users bob carol

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r1",*}
{}
{"room_id":"r1",*,{"uid":"bob","status":2,*},{"uid":"carol","status":3,*,"left_at":"NOW"},{"uid":"dave","status":0,*}]}
{}
r1 r1
{"room_id":"r1",*,"uids":["alice","bob","carol","dave"],*,{"uid":"bob","status":0,*},{"uid":"carol","status":0,*,"left_at":null},{"uid":"dave","status":0,*}]}



=== TEST 10: an invitation that is not taken changes nothing of when he left
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

redis eval "$LONG_AGO" 1 {tgortc}:room:r1 2

POST /api/v1/rooms/r1/invite
{"uids":["bob"]}

GET /api/v1/rooms/r1

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

GET /api/v1/rooms/r1

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
bob
{}
{"room_id":"r1",*,{"uid":"bob","status":0,*,"joined_at":"1704096500","left_at":null}]}
{}
{"room_id":"r1",*,{"uid":"bob","status":2,*,"joined_at":"1704096500","left_at":"1704096600"}]}
{"room_id":"r1",*}
{}
{"room_id":"r1",*,{"uid":"bob","status":3,*,"joined_at":"NOW","left_at":"NOW"}]}



=== TEST 11: a creator who left his group can be invited to it
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

POST /api/v1/rooms/r1/invite
{"uids":["alice"]}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{}
{"room_id":"r1","creator":"alice",*,"uids":["alice","bob"],*,"participants":[{"uid":"alice","status":0,*},{"uid":"bob","status":1,*}]}



=== TEST 12: who comes back needs a place as anyone does
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/invite
{"uids":["dave"]}

POST /api/v1/rooms/r1/invite
{"uids":["bob"]}
--- error_code: 200 200 200 409
--- response_body
{"room_id":"r1",*}
{}
{}
{"code":409,"message":"The room is full"}



=== TEST 13: a busy one who rejected here is busy there
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms
{"creator":"bob","device_type":"app","room_id":"r2"}

POST /api/v1/rooms/r1/invite
{"uids":["bob"]}
--- error_code: 200 200 200 409
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r2",*}
{"code":409,"message":"Busy in another call: bob"}



=== TEST 14: a room nobody knows, a room that ended
--- request
POST /api/v1/rooms/r1/invite
{"uids":["bob"]}

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob"]}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

POST /api/v1/rooms
{"creator":"carol","device_type":"app","room_id":"r2"}

POST /api/v1/rooms/r1/invite
{"uids":["carol"]}
--- error_code: 404 200 200 200 410
--- response_body
{"code":404,"message":"Room not found"}
{"room_id":"r1",*}
{}
{"room_id":"r2",*}
{"code":410,"message":"The room has ended"}
