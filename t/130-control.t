# Copyright (C) TgoRTC contributors
#
# POST /api/v1/rooms/{room_id}/end and /cancel: how an app's backend ends a
# call for everybody, and takes invitations back.

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

TgoRTC::Suite::setup();


# Events that a room has had so far, as "type:targets", of the queue of an
# endpoint that nobody delivers to: no place of this nginx has it.

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

# two people whom LiveKit has said to be connected, for as many seconds

$ENV{CONNECT} = <<'END';
    local room = cmsgpack.unpack(redis.call('GET', KEYS[1]))
    local t = redis.call('TIME')

    room[2], room[8] = 1, t[1] * 1000 + math.floor(t[2] / 1000) - 1000 * ARGV[1]

    for i = 1, 2 do
        local member = room[13][i]

        member[2], member[5], member[4], member[7] = 1, room[8], 0, 1
        member[8] = 'PA_' .. i
    end

    redis.call('SET', KEYS[1], cmsgpack.pack(room))

    return #room[13]
END


# the same operation with each of these bodies

sub cancels {
    return [ map { "POST /api/v1/rooms/r1/cancel\n$_" } @_ ];
}


run_tests();

__DATA__

=== TEST 1: end a call that rings
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/end

GET /api/v1/rooms/r1

POST /api/v1/rooms/r1/join
{"uid":"bob"}
--- error_code: 200 200 200 410
--- response_headers
Content-Type: application/json
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r1","creator":"alice","status":3,*,"duration":0,"ended_at":"NOW","participants":[{"uid":"alice","status":6,"device_type":"app","connected":false,"joined_at":null,"left_at":null},{"uid":"bob","status":6,"device_type":null,"connected":false,"joined_at":null,"left_at":null}]}
{"code":410,"message":"The room has ended"}



=== TEST 2: end a call that somebody joined, and nobody answered
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/join
{"uid":"alice"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/end
{}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{"room_id":"r1",*,"status":3,*,"duration":0,"ended_at":"NOW","participants":[{"uid":"alice","status":3,*,"left_at":"NOW"},{"uid":"bob","status":3,*,"left_at":"NOW"},{"uid":"carol","status":6,*,"left_at":null}]}



=== TEST 3: end a call that was answered: it lasted
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob","carol"]}

redis eval "$CONNECT" 1 {tgortc}:room:r1 65

POST /api/v1/rooms/r1/end

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
3
{}
{"room_id":"r1",*,"status":2,*,"duration":65,"ended_at":"NOW","participants":[{"uid":"alice","status":3,*,"connected":false,*},{"uid":"bob","status":3,*,"connected":false,*},{"uid":"carol","status":6,*}]}



=== TEST 4: end it again, end one that ended otherwise: nothing changes
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/end

POST /api/v1/rooms/r1/end

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{}
{}
{}
{"room_id":"r1",*,"status":4,*}



=== TEST 5: nobody is busy after it
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/end

redis hlen {tgortc}:users

redis zcard {tgortc}:deadlines

GET /api/v1/rooms/sync?uid=bob&device_type=app

POST /api/v1/rooms
{"creator":"bob","device_type":"app","room_id":"r2","uids":["alice"]}
--- response_body
{"room_id":"r1",*}
{}
0
0
[]
{"room_id":"r2",*}



=== TEST 6: its only event is room.finished
--- request
GET /api/v1/rooms/r1

redis eval "$REGISTER" 1 {tgortc}:endpoints

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/end

POST /api/v1/rooms/r1/end

redis eval "$EVENTS" 1 {tgortc}:queue:nobody:r1
--- error_code: 404 200 200 200
--- response_body
{"code":404,*}
1
{"room_id":"r1",*}
{}
{}
3:bob:1:0 2::2:3



=== TEST 7: end, what is not looked at: a body
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms/r1/end
this is no JSON

POST /api/v1/rooms/r1/end
{"uids":5}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{}
{}
{"room_id":"r1",*,"status":3,*}



=== TEST 8: end, a room nobody knows, a room that cannot be
--- request
POST /api/v1/rooms/r1/end

POST /api/v1/rooms/a+b/end

POST /api/v1/rooms/sync/end
--- error_code: 404 400 400
--- response_headers
Content-Type: application/json
--- response_body
{"code":404,"message":"Room not found"}
{"code":400,"message":"Parameter error: room_id must be 1 to 64 characters of A-Z a-z 0-9 _ - . ~ : @, and not ., .. or sync"}
{"code":400,"message":"Parameter error: room_id must be 1 to 64 characters of A-Z a-z 0-9 _ - . ~ : @, and not ., .. or sync"}



=== TEST 9: cancel: the invitation of one of several is taken back
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/cancel
{"uids":["bob"]}

GET /api/v1/rooms/r1

GET /api/v1/rooms/sync?uid=bob&device_type=app
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r1",*,"status":0,*,"uids":["alice","bob","carol"],*,"ended_at":null,"participants":[{"uid":"alice","status":0,*},{"uid":"bob","status":6,*},{"uid":"carol","status":0,*}]}
[]



=== TEST 10: cancel takes a 1:1 call with it
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"alice"}

POST /api/v1/rooms/r1/cancel
{"uids":["bob"]}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{"room_id":"r1",*,"status":3,*,"ended_at":"NOW","participants":[{"uid":"alice","status":3,*},{"uid":"bob","status":6,*}]}



=== TEST 11: who does not ring is skipped: the creator, who joined, left, rejected, was cancelled, was never there
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":9,"uids":["bob","carol","dave","erin","frank"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"carol"}

POST /api/v1/rooms/r1/join
{"uid":"dave"}

POST /api/v1/rooms/r1/leave
{"uid":"dave"}

POST /api/v1/rooms/r1/cancel
{"uids":["erin"]}

POST /api/v1/rooms/r1/cancel
{"uids":["alice","bob","carol","dave","erin","mallory"]}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{"room_id":"r1",*}
{}
{}
{}
{"room_id":"r1",*,"uids":["alice","bob","carol","dave","erin","frank"],*,"ended_at":null,"participants":[{"uid":"alice","status":0,*},{"uid":"bob","status":1,*},{"uid":"carol","status":2,*},{"uid":"dave","status":3,*},{"uid":"erin","status":6,*},{"uid":"frank","status":0,*}]}



=== TEST 12: a 1:1 call in which nobody rings goes on
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/cancel
{"uids":["bob","alice"]}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{"room_id":"r1",*,"status":0,*,"ended_at":null,"participants":[{"uid":"alice","status":0,*},{"uid":"bob","status":1,*}]}



=== TEST 13: a group from which all invitations are taken back goes on with its creator
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/cancel
{"uids":["bob","carol","bob"]}

GET /api/v1/rooms/r1

POST /api/v1/rooms/r1/join
{"uid":"alice"}
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r1",*,"status":0,*,"ended_at":null,"participants":[{"uid":"alice","status":0,*},{"uid":"bob","status":6,*},{"uid":"carol","status":6,*}]}
{"room_id":"r1",*}



=== TEST 14: and ends if nobody is left in it
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob","carol"]}

redis eval "$CONNECT" 1 {tgortc}:room:r1 5

POST /api/v1/rooms/r1/invite
{"uids":["dave"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/cancel
{"uids":["carol","dave"]}

GET /api/v1/rooms/r1

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
3
{}
{}
{}
{"room_id":"r1",*,"status":1,*,"ended_at":null,"participants":[{"uid":"alice","status":1,*},{"uid":"bob","status":3,*},{"uid":"carol","status":6,*},{"uid":"dave","status":6,*}]}
{}
{"room_id":"r1",*,"status":2,*,"duration":5,"ended_at":"NOW",*}



=== TEST 15: who was cancelled is free, may be invited again, and until then not join a call by invitation
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","invite_on":1,"max_participants":4,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/cancel
{"uids":["bob","carol"]}

redis hkeys {tgortc}:users

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms
{"creator":"bob","device_type":"app","room_id":"r2"}

POST /api/v1/rooms/r1/invite
{"uids":["carol"]}

POST /api/v1/rooms/r1/join
{"uid":"carol"}
--- error_code: 200 200 403 200 200 200
--- response_body
{"room_id":"r1",*}
{}
alice
{"code":403,"message":"Only invited users may join this room"}
{"room_id":"r2",*}
{}
{"room_id":"r1",*}



=== TEST 16: each cancelled one is an event; in a 1:1 call the end is one more
--- request
GET /api/v1/rooms/r1

redis eval "$REGISTER" 1 {tgortc}:endpoints

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob","carol","dave"]}

POST /api/v1/rooms/r1/cancel
{"uids":["dave","alice","bob"]}

POST /api/v1/rooms/r1/cancel
{"uids":["dave","alice","bob"]}

redis eval "$EVENTS" 1 {tgortc}:queue:nobody:r1

POST /api/v1/rooms
{"creator":"erin","device_type":"app","room_id":"r2","uids":["frank"]}

POST /api/v1/rooms/r2/cancel
{"uids":["frank"]}

redis eval "$EVENTS" 1 {tgortc}:queue:nobody:r2
--- error_code: 404 200 200 200 200 200
--- response_body
{"code":404,*}
1
{"room_id":"r1",*}
{}
{}
3:bob,carol,dave:1:0 8:bob,dave:4:0
{"room_id":"r2",*}
{}
3:frank:1:0 8:frank:2:3 2::3:3



=== TEST 17: cancel, a room that has ended, a room nobody knows, a room that cannot be
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/end

POST /api/v1/rooms/r1/cancel
{"uids":["bob"]}

POST /api/v1/rooms/r2/cancel
{"uids":["bob"]}

POST /api/v1/rooms/a+b/cancel
{"uids":["bob"]}
--- error_code: 200 200 410 404 400
--- response_headers
Content-Type: application/json
--- response_body
{"room_id":"r1",*}
{}
{"code":410,"message":"The room has ended"}
{"code":404,"message":"Room not found"}
{"code":400,"message":"Parameter error: room_id *"}



=== TEST 18: cancel needs somebody to cancel
--- request eval
main::cancels('{}', '{"uids":null}', '{"uids":"bob"}', '{"uids":{"a":"bob"}}', '{"uids":5}', '{"Uids":["bob"]}')
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: uids must *"}



=== TEST 19: cancel, an empty list
--- request eval
main::cancels('{"uids":[]}')
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: uids must name at least one user"}



=== TEST 20: cancel, what is no uid
--- request eval
main::cancels(map { qq({"uids":["bob",$_]}) } '""', '5', 'null', 'true', '"a\\nb"', '"' . 'a' x 129 . '"')
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: uids must be a list of user ids, each a string of 1 to 128 bytes without control characters"}



=== TEST 21: cancel, what is no JSON
--- request eval
main::cancels('', '{', '[]', '{"uids":["bob"],"uids":["bob"]}', '{"uids":["bob"]} x', '{"uids":[["bob"]]}')
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: *"}



=== TEST 22: 400 before 404 and 410
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms/r1/end

POST /api/v1/rooms/r1/cancel
{"uids":[]}

POST /api/v1/rooms/r2/cancel
{"uids":[]}
--- error_code: 200 200 400 400
--- response_body
{"room_id":"r1",*}
{}
{"code":400,*}
{"code":400,*}



=== TEST 23: methods and paths
--- request
GET /api/v1/rooms/r1/end

PUT /api/v1/rooms/r1/end

GET /api/v1/rooms/r1/cancel

DELETE /api/v1/rooms/r1/cancel

POST /api/v1/rooms/r1/end/
{}

POST /api/v1/rooms/r1/cancel/bob
{}

POST /api/v1/rooms/end
{}
--- error_code: 405 405 405 405 404 404 405
--- response_headers_like
Allow: POST

Allow: POST

Allow: POST

Allow: POST

Content-Type: application/json

Content-Type: application/json

Allow: GET, HEAD
--- response_body
{"code":405,"message":"Method not allowed"}
{"code":405,"message":"Method not allowed"}
{"code":405,"message":"Method not allowed"}
{"code":405,"message":"Method not allowed"}
{"code":404,"message":"Path not found"}
{"code":404,"message":"Path not found"}
{"code":405,"message":"Method not allowed"}



=== TEST 24: an API key
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
    tgortc_api_key      The-Key;
--- request
POST /api/v1/rooms/r1/end

POST /api/v1/rooms/r1/cancel
{

POST /api/v1/rooms/r1/end
--- more_headers
X-Nothing: here

X-Nothing: here

Authorization: Bearer The-Key
--- error_code: 401 401 404
--- response_body
{"code":401,"message":"The API key is missing or wrong"}
{"code":401,"message":"The API key is missing or wrong"}
{"code":404,"message":"Room not found"}



=== TEST 25: without a Redis
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_RAND_PORT_1 timeout=100ms;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- request
POST /api/v1/rooms/r1/end

POST /api/v1/rooms/r1/cancel
{"uids":["bob"]}
--- error_code: 503
--- response_headers_like
Retry-After: [1-9]\d*
--- response_body: {"code":503,"message":"Service temporarily unavailable, please try again later"}
--- no_error_log
[crit]
[alert]
[emerg]
