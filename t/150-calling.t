# Copyright (C) TgoRTC contributors
#
# POST /api/v1/participants/calling: who is in a call, and in which.

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

TgoRTC::Suite::setup();


# alice is connected

$ENV{CONNECT} = <<'END';
    local room = cmsgpack.unpack(redis.call('GET', KEYS[1]))

    room[13][1][2], room[13][1][7] = 1, 1
    redis.call('SET', KEYS[1], cmsgpack.pack(room))

    return 'connected'
END


run_tests();

__DATA__

=== TEST 1: who is in a call, in the order asked
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

redis eval "$CONNECT" 1 {tgortc}:room:r1

POST /api/v1/rooms
{"creator":"carol","device_type":"web","room_id":"r2","max_participants":4,"uids":["dave","erin"]}

POST /api/v1/rooms/r2/leave
{"uid":"dave"}

POST /api/v1/participants/calling
{"uids":["erin","mallory","bob","dave","alice","carol","bob"]}

POST /api/v1/rooms/r1/end

POST /api/v1/participants/calling
{"uids":["alice","bob","carol"]}

POST /api/v1/participants/calling
{"uids":["alice"]}
--- response_headers
Content-Type: application/json
--- response_body
{"room_id":"r1",*}
connected
{"room_id":"r2",*}
{}
{"participants":[{"uid":"erin","room_id":"r2","status":0,"device_type":null,"connected":false},{"uid":"bob","room_id":"r1","status":0,"device_type":null,"connected":false},{"uid":"alice","room_id":"r1","status":1,"device_type":"app","connected":true},{"uid":"carol","room_id":"r2","status":0,"device_type":"web","connected":false}]}
{}
{"participants":[{"uid":"carol","room_id":"r2",*}]}
{"participants":[]}



=== TEST 2: what the room does not say itself does not count
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

redis hset {tgortc}:users mallory r1 frank gone

POST /api/v1/participants/calling
{"uids":["mallory","frank","alice"]}

redis del {tgortc}:room:r1

POST /api/v1/participants/calling
{"uids":["mallory","frank","alice"]}
--- response_body
{"room_id":"r1",*}
2
{"participants":[{"uid":"alice",*}]}
1
{"participants":[]}



=== TEST 3: each room is read once
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":9,"uids":["bob","carol","dave"]}

POST /api/v1/participants/calling
{"uids":["alice"]}

redis config resetstat

POST /api/v1/participants/calling
{"uids":["alice","bob","carol","dave"]}

redis info commandstats | grep -oE 'cmdstat_get:calls=[0-9]+'
--- response_body
{"room_id":"r1",*}
{"participants":[*]}
OK
{"participants":[{*"dave"*}]}
cmdstat_get:calls=1



=== TEST 4: a thousand, and no more
--- request eval
[ map { my $n = $_; "POST /api/v1/participants/calling\n" . '{"uids":['
        . CORE::join(',', map { "\"u$_\"" } 1 .. $n) . ']}' } 1000, 1001 ]
--- error_code: 200 400
--- response_body
{"participants":[]}
{"code":400,"message":"Parameter error: uids may name at most 1000 users"}



=== TEST 5: whom, has to be said
--- request eval
[ map { "POST /api/v1/participants/calling\n$_" }
      '{}', '{"uids":[]}', '{"uids":"bob"}', '{"uids":[""]}', 'x' ]
--- error_code: 400
--- response_body
{"code":400,"message":"Parameter error: uids must name at least one user"}
{"code":400,"message":"Parameter error: uids must name at least one user"}
{"code":400,"message":"Parameter error: uids must be a list of user ids, *"}
{"code":400,"message":"Parameter error: uids must be a list of user ids, *"}
{"code":400,"message":"Parameter error: the body must be valid JSON *"}



=== TEST 6: no other path, no other method
--- request
GET /api/v1/participants/calling

POST /api/v1/participants

POST /api/v1/participants/calling/
--- error_code: 405 404 404
--- response_body
{"code":405,"message":"Method not allowed"}
{"code":404,"message":"Path not found"}
{"code":404,"message":"Path not found"}



=== TEST 7: with an API key
--- config
    location /api/v1/participants {
        tgortc_api_key KEY;
        tgortc_participants;
    }
--- request
POST /api/v1/participants/calling
{"uids":["alice"]}

POST /api/v1/participants/calling
{"uids":["alice"]}
--- more_headers
X-None: 1

Authorization: Bearer KEY
--- error_code: 401 200
--- response_body
{"code":401,"message":"The API key is missing or wrong"}
{"participants":[]}



=== TEST 8: it needs the app's key
--- http_config
--- config
    location /api/v1/participants {
        tgortc_participants;
    }
--- must_die
--- error_log
"tgortc_participants" needs "tgortc_livekit_key" in
