# Copyright (C) TgoRTC contributors
#
# POST /api/v1/rooms

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

TgoRTC::Suite::setup();

run_tests();

__DATA__

=== TEST 1: the example of the reference
--- request
POST /api/v1/rooms
{"creator":"user_001","device_type":"app","room_id":"room_abc123","rtc_type":1,"invite_on":1,"max_participants":2,"uids":["user_002"]}
--- response_headers
Content-Type: application/json
--- response_body
{"room_id":"room_abc123","creator":"user_001","token":"TOKEN","url":"wss://livekit.example.com","status":0,"created_at":"NOW","max_participants":2,"timeout":30,"rtc_type":1,"uids":["user_001","user_002"]}



=== TEST 2: an audio call of two, anyone may join, unless it says otherwise
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms/r1/join
{"uid":"anyone"}
--- response_body
{"room_id":"r1","creator":"alice","token":"TOKEN","url":"wss://livekit.example.com","status":0,"created_at":"NOW","max_participants":2,"timeout":30,"rtc_type":0,"uids":["alice"]}
{"room_id":"r1","creator":"alice","token":"TOKEN","url":"wss://livekit.example.com","status":0,"created_at":"NOW","max_participants":2,"timeout":30,"rtc_type":0,"uids":["alice","anyone"]}



=== TEST 3: creator and invitees are inviting, the creator's device is known
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob","carol"]}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*,"uids":["alice","bob","carol"]}
{"room_id":"r1",*,"participants":[{"uid":"alice","status":0,"device_type":"app","connected":false,"joined_at":null,"left_at":null},{"uid":"bob","status":0,"device_type":null,"connected":false,"joined_at":null,"left_at":null},{"uid":"carol","status":0,"device_type":null,"connected":false,"joined_at":null,"left_at":null}]}



=== TEST 4: uids: once each, as first named, without the creator
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["dave","bob","alice","dave","carol","bob"]}
--- response_body
{"room_id":"r1",*,"max_participants":4,*,"uids":["alice","dave","bob","carol"]}



=== TEST 5: one uid more than there are places
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob","carol"]}

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob","carol","dave"]}

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob","carol","bob","alice"]}
--- error_code: 400 400 200
--- response_body
{"code":400,"message":"Parameter error: uids *1*"}
{"code":400,"message":"Parameter error: uids *2*"}
{"room_id":"r1",*,"uids":["alice","bob","carol"]}



=== TEST 6: no uids, and none but the creator
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":[]}

POST /api/v1/rooms
{"creator":"bob","device_type":"app","room_id":"r2","uids":["bob"]}
--- response_body
{"room_id":"r1",*,"uids":["alice"]}
{"room_id":"r2",*,"uids":["bob"]}



=== TEST 7: a thousand participants
--- request eval
my $uids = CORE::join ',', map { qq{"user_$_"} } 1 .. 999;

qq{POST /api/v1/rooms
{"creator":"user_0","device_type":"app","room_id":"r1","max_participants":1000,"uids":[$uids]}}
--- response_body eval
my $uids = CORE::join ',', map { qq{"user_$_"} } 0 .. 999;

qr/^\{"room_id":"r1",.*,"max_participants":1000,.*,"uids":\[\Q$uids\E\]\}$/



=== TEST 8: an id of 128 random bits where none is given
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app"}

POST /api/v1/rooms
{"creator":"bob","device_type":"app","room_id":""}

POST /api/v1/rooms
{"creator":"carol","device_type":"app"}
--- response_body_filters eval
my %seen;

sub {
    my ($body) = @_;

    # 22 characters of base64, or 32 of hex

    return $body if $body !~ /^\{"room_id":"([\w.~:@-]{22,64})","creator"/;

    return $seen{$1}++ ? "$1 again" : 'unheard of';
}
--- response_body: unheard of



=== TEST 9: the id of a live room is taken, and nothing is changed
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

redis hgetall {tgortc}:users

POST /api/v1/rooms
{"creator":"carol","device_type":"app","room_id":"r1","uids":["dave"]}

redis hgetall {tgortc}:users

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

redis hgetall {tgortc}:users

GET /api/v1/rooms/r1
--- error_code: 200 409 409 200
--- response_body
{"room_id":"r1",*}
alice r1 bob r1
{"code":409,"message":"The room id is already in use"}
alice r1 bob r1
{"code":409,"message":"The room id is already in use"}
alice r1 bob r1
{"room_id":"r1","creator":"alice",*,"uids":["alice","bob"],*}



=== TEST 10: the id of a room that ended is taken while it is remembered
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

POST /api/v1/rooms
{"creator":"carol","device_type":"app","room_id":"r1","uids":["dave"]}

redis hgetall {tgortc}:users

GET /api/v1/rooms/r1
--- error_code: 200 200 409 200
--- response_body
{"room_id":"r1",*}
{}
{"code":409,"message":"The room id is already in use"}
-
{"room_id":"r1","creator":"alice","status":3,*}



=== TEST 11: once it is forgotten it can be had again
--- http_config
    tgortc_redis           127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key     devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url     wss://livekit.example.com;
    tgortc_room_retention  1ms;
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

redis blpop nothing 0.01

redis exists {tgortc}:room:r1

POST /api/v1/rooms
{"creator":"bob","device_type":"app","room_id":"r1"}
--- response_body
{"room_id":"r1","creator":"alice",*}
{}
-
0
{"room_id":"r1","creator":"bob",*}



=== TEST 12: a creator who is in another live room, in whatever way
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r2","uids":["carol"]}

POST /api/v1/rooms
{"creator":"bob","device_type":"app","room_id":"r2","uids":["carol"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms
{"creator":"bob","device_type":"app","room_id":"r2","uids":["carol"]}

GET /api/v1/rooms/r2
--- error_code: 200 409 409 200 409 404
--- response_body
{"room_id":"r1",*}
{"code":409,"message":"Busy in another call: alice"}
{"code":409,"message":"Busy in another call: bob"}
{"room_id":"r1",*}
{"code":409,"message":"Busy in another call: bob"}
{"code":404,"message":"Room not found"}



=== TEST 13: every busy uid is named, nobody else, and nothing is changed
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms
{"creator":"carol","device_type":"app","room_id":"r2"}

POST /api/v1/rooms
{"creator":"dave","device_type":"app","room_id":"r3","max_participants":9,"uids":["erin","carol","frank","bob","grace"]}

redis hgetall {tgortc}:users

redis zrange {tgortc}:deadlines 0 -1

redis exists {tgortc}:room:r3

GET /api/v1/rooms/r3
--- error_code: 200 200 409 404
--- response_body
{"room_id":"r1",*}
{"room_id":"r2",*}
{"code":409,"message":"Busy in another call: carol, bob"}
alice r1 bob r1 carol r2
r1 r2
0
{"code":404,"message":"Room not found"}



=== TEST 14: creator and invitees are named together
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r2","max_participants":3,"uids":["carol","bob"]}
--- error_code: 200 409
--- response_body
{"room_id":"r1",*}
{"code":409,"message":"Busy in another call: alice, bob"}



=== TEST 15: who left, or whose room ended, is busy no more
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms
{"creator":"bob","device_type":"app","room_id":"r2"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

POST /api/v1/rooms
{"creator":"carol","device_type":"app","room_id":"r3","uids":["alice"]}
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r2","creator":"bob",*}
{}
{"room_id":"r3","creator":"carol",*,"uids":["carol","alice"]}
