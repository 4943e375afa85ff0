# Copyright (C) TgoRTC contributors
#
# POST /api/v1/rooms/{room_id}/kick: how an app's backend removes people.

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

TgoRTC::Suite::setup();


# Events that a room has had so far, as "type:targets:seq:status of the room",
# of the queue of an endpoint that nobody delivers to.

$ENV{REGISTER} = <<'END';
    local now = redis.call('TIME')[1] * 1000

    return redis.call('HSET', KEYS[1], 'nobody', cmsgpack.pack({
        'nobody', 510, now, 1000, 86400000
    }))
END

$ENV{EVENTS} = <<'END';
    local text = {}

    for _, packed in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
        local change = cmsgpack.unpack(packed)

        text[#text + 1] = change[1] .. ':' .. table.concat(change[12], ',')
                          .. ':' .. change[2] .. ':' .. change[5]
    end

    return table.concat(text, ' ')
END

# the call was answered

$ENV{ANSWER} = <<'END';
    local room = cmsgpack.unpack(redis.call('GET', KEYS[1]))

    room[2], room[8] = 1, redis.call('TIME')[1] * 1000
    redis.call('SET', KEYS[1], cmsgpack.pack(room))

    return 'answered'
END


run_tests();

__DATA__

=== TEST 1: one who has joined, one who rings: both go, the others stay
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":5,"uids":["bob","carol","dave"]}

redis eval "$REGISTER" 1 {tgortc}:endpoints

POST /api/v1/rooms/r1/join
{"uid":"alice"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/kick
{"uids":["carol","bob","carol"]}

GET /api/v1/rooms/r1

redis eval "$EVENTS" 1 {tgortc}:queue:nobody:r1

redis hkeys {tgortc}:users
--- response_body
{"room_id":"r1",*}
1
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{"room_id":"r1",*,"status":0,*,"ended_at":null,"participants":[{"uid":"alice","status":1,*},{"uid":"bob","status":3,*,"left_at":"NOW"},{"uid":"carol","status":6,*},{"uid":"dave","status":0,*}]}
5:bob:4:0 8:carol:5:0
alice dave



=== TEST 2: several at once are one change of each type
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":9,"uids":["bob","carol","dave","erin"]}

POST /api/v1/rooms/r1/join
{"uid":"alice"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"dave"}

redis eval "$REGISTER" 1 {tgortc}:endpoints

POST /api/v1/rooms/r1/kick
{"uids":["erin","dave","carol","bob"]}

redis eval "$EVENTS" 1 {tgortc}:queue:nobody:r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{"room_id":"r1",*}
{"room_id":"r1",*}
1
{}
5:bob,dave:5:0 8:carol,erin:7:0



=== TEST 3: who is not active is skipped, and where nobody is left nothing happens
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":9,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/cancel
{"uids":["carol"]}

redis eval "$REGISTER" 1 {tgortc}:endpoints

POST /api/v1/rooms/r1/kick
{"uids":["bob","carol","mallory"]}

GET /api/v1/rooms/r1

redis eval "$EVENTS" 1 {tgortc}:queue:nobody:r1
--- response_body
{"room_id":"r1",*}
{}
{}
1
{}
{"room_id":"r1",*,"status":0,*,"uids":["alice","bob","carol"],*,"participants":[{"uid":"alice","status":0,*},{"uid":"bob","status":2,*},{"uid":"carol","status":6,*}]}
-



=== TEST 4: 1:1, the callee rings: as a cancellation
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

redis eval "$REGISTER" 1 {tgortc}:endpoints

POST /api/v1/rooms/r1/kick
{"uids":["bob"]}

GET /api/v1/rooms/r1

redis eval "$EVENTS" 1 {tgortc}:queue:nobody:r1
--- response_body
{"room_id":"r1",*}
1
{}
{"room_id":"r1",*,"status":3,*,"participants":[{"uid":"alice","status":6,*},{"uid":"bob","status":6,*}]}
8:bob:2:3 2::3:3



=== TEST 5: 1:1, the callee has joined, not answered: as if he left
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

redis eval "$REGISTER" 1 {tgortc}:endpoints

POST /api/v1/rooms/r1/kick
{"uids":["bob"]}

GET /api/v1/rooms/r1

redis eval "$EVENTS" 1 {tgortc}:queue:nobody:r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
1
{}
{"room_id":"r1",*,"status":2,*,"duration":0,*,"participants":[{"uid":"alice","status":6,*},{"uid":"bob","status":3,*}]}
5:bob:2:2 2::3:2



=== TEST 6: 1:1, the creator, not answered: the call is off, whoever goes with him
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"alice"}

redis eval "$REGISTER" 1 {tgortc}:endpoints

POST /api/v1/rooms/r1/kick
{"uids":["alice"]}

redis eval "$EVENTS" 1 {tgortc}:queue:nobody:r1

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r2","uids":["bob"]}

POST /api/v1/rooms/r2/join
{"uid":"bob"}

POST /api/v1/rooms/r2/kick
{"uids":["bob","alice"]}

GET /api/v1/rooms/r2

redis eval "$EVENTS" 1 {tgortc}:queue:nobody:r2
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
1
{}
8:alice:2:3 2::3:3
{"room_id":"r2",*}
{"room_id":"r2",*}
{}
{"room_id":"r2",*,"status":3,*,"participants":[{"uid":"alice","status":6,*},{"uid":"bob","status":3,*}]}
3:bob:1:0 5:bob:2:3 8:alice:3:3 2::4:3



=== TEST 7: 1:1, answered: finished, one or both
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"alice"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

redis eval "$ANSWER" 1 {tgortc}:room:r1

redis eval "$REGISTER" 1 {tgortc}:endpoints

POST /api/v1/rooms/r1/kick
{"uids":["bob","alice"]}

redis eval "$EVENTS" 1 {tgortc}:queue:nobody:r1

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r2","uids":["bob"]}

POST /api/v1/rooms/r2/join
{"uid":"alice"}

POST /api/v1/rooms/r2/join
{"uid":"bob"}

redis eval "$ANSWER" 1 {tgortc}:room:r2

POST /api/v1/rooms/r2/kick
{"uids":["alice"]}

GET /api/v1/rooms/r2
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{"room_id":"r1",*}
answered
1
{}
5:alice,bob:2:2 2::4:2
{"room_id":"r2",*}
{"room_id":"r2",*}
{"room_id":"r2",*}
answered
{}
{"room_id":"r2",*,"status":2,*,"participants":[{"uid":"alice","status":3,*},{"uid":"bob","status":3,*}]}



=== TEST 8: a group, its creator, nobody else ever joined: it is off
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob","carol"]}

redis eval "$REGISTER" 1 {tgortc}:endpoints

POST /api/v1/rooms/r1/kick
{"uids":["carol","alice"]}

GET /api/v1/rooms/r1

redis eval "$EVENTS" 1 {tgortc}:queue:nobody:r1
--- response_body
{"room_id":"r1",*}
1
{}
{"room_id":"r1",*,"status":3,*,"participants":[{"uid":"alice","status":6,*},{"uid":"bob","status":6,*},{"uid":"carol","status":6,*}]}
8:alice,carol:3:3 2::5:3



=== TEST 9: a group goes on without its creator, and ends with the last one joined
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

redis eval "$REGISTER" 1 {tgortc}:endpoints

POST /api/v1/rooms/r1/kick
{"uids":["alice"]}

GET /api/v1/rooms/r1

POST /api/v1/rooms/r1/kick
{"uids":["bob"]}

GET /api/v1/rooms/r1

redis eval "$EVENTS" 1 {tgortc}:queue:nobody:r1

redis hlen {tgortc}:users

redis zcard {tgortc}:deadlines
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
1
{}
{"room_id":"r1",*,"status":0,*,"participants":[{"uid":"alice","status":3,*},{"uid":"bob","status":1,*},{"uid":"carol","status":0,*}]}
{}
{"room_id":"r1",*,"status":6,*,"participants":[{"uid":"alice","status":3,*},{"uid":"bob","status":3,*},{"uid":"carol","status":6,*}]}
5:alice:3:0 5:bob:4:6 2::5:6
0
0



=== TEST 10: who was removed by force did not reject
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/join
{"uid":"carol"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/kick
{"uids":["alice","carol"]}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{}
{"room_id":"r1",*,"status":6,*,"participants":[{"uid":"alice","status":3,*},{"uid":"bob","status":2,*},{"uid":"carol","status":3,*}]}



=== TEST 11: by invitation only: a new one is needed to come back
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","invite_on":1,"max_participants":5,"uids":["bob","carol","dave"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"dave"}

POST /api/v1/rooms/r1/kick
{"uids":["alice","bob","carol"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"carol"}

POST /api/v1/rooms/r1/join
{"uid":"alice"}

POST /api/v1/rooms/r1/invite
{"uids":["bob","carol"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"carol"}

POST /api/v1/rooms/r1/leave
{"uid":"dave"}

POST /api/v1/rooms/r1/join
{"uid":"dave"}
--- error_code: 200 200 200 200 403 403 200 200 200 200 200 200
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{"code":403,"message":"Only invited users may join this room"}
{"code":403,"message":"Only invited users may join this room"}
{"room_id":"r1",*}
{}
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{"room_id":"r1",*}



=== TEST 12: an open room: he may join again
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":5,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/kick
{"uids":["bob","carol"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"carol"}
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{"room_id":"r1",*}
{"room_id":"r1",*}



=== TEST 13: LiveKit is told of those who had joined, where the call goes on
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
    tgortc_livekit_api  http://127.0.0.1:1;
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":5,"uids":["bob","carol","dave"]}

POST /api/v1/rooms/r1/join
{"uid":"alice"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"carol"}

POST /api/v1/rooms/r1/kick
{"uids":["dave","carol","bob"]}

redis eval "$EVENTS" 1 {tgortc}:queue:livekit:r1

POST /api/v1/rooms
{"creator":"frank","device_type":"app","room_id":"r2","max_participants":5,"uids":["grace"]}

POST /api/v1/rooms/r2/join
{"uid":"frank"}

POST /api/v1/rooms/r2/kick
{"uids":["frank"]}

redis eval "$EVENTS" 1 {tgortc}:queue:livekit:r2
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
17:bob:0:0 17:carol:0:0
{"room_id":"r2",*}
{"room_id":"r2",*}
{}
16::0:0
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 14: no such room, a room that ended, a room that cannot be
--- request
POST /api/v1/rooms/r1/kick
{"uids":["bob"]}

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/kick
{"uids":["bob"]}

POST /api/v1/rooms/r1/kick
{"uids":["bob"]}

POST /api/v1/rooms/a+b/kick
{"uids":["bob"]}
--- error_code: 404 200 200 410 400
--- response_body
{"code":404,"message":"Room not found"}
{"room_id":"r1",*}
{}
{"code":410,"message":"The room has ended"}
{"code":400,"message":"Parameter error: room_id *"}



=== TEST 15: whom, has to be said
--- request eval
[ map { "POST /api/v1/rooms/r1/kick\n$_" }
      '{}', '{"uids":[]}', '{"uids":"bob"}', '{"uids":[5]}', '{"uids":null}',
      '[]', '{"uids":[' . CORE::join(',', map { "\"u$_\"" } 1 .. 1001) . ']}' ]
--- error_code: 400
--- response_body
{"code":400,"message":"Parameter error: uids must name at least one user"}
{"code":400,"message":"Parameter error: uids must name at least one user"}
{"code":400,"message":"Parameter error: uids must be a list of user ids, *"}
{"code":400,"message":"Parameter error: uids must be a list of user ids, *"}
{"code":400,"message":"Parameter error: uids must be a list of user ids, *"}
{"code":400,"message":"Parameter error: the body must be a JSON object"}
{"code":400,"message":"Parameter error: uids may name at most 1000 users"}
