# Copyright (C) TgoRTC contributors
#
# Idempotency-Key: a repeated request changes nothing and is answered as it was
# the first time.

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

TgoRTC::Suite::setup();


# How many answers are kept; the time that the only one has left, rounded up to
# hours.

$ENV{KEPT} = <<'END';
    return #redis.call('KEYS', '{tgortc}:once:*')
END

$ENV{HOURS} = <<'END';
    local key = redis.call('KEYS', '{tgortc}:once:*')[1]

    return math.ceil(redis.call('PTTL', key) / 3600000)
END


run_tests();

__DATA__

=== TEST 1: a room that is made once: with the same id, and a token of now
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","uids":["bob"]}

redis eval "$KEPT" 0

POST /api/v1/rooms
{"creator":"alice","device_type":"app","uids":["bob"]}

redis eval "$KEPT" 0

redis eval "$HOURS" 0

redis zcard {tgortc}:rooms
--- more_headers
Idempotency-Key: 8e03978e-40d5-43e8-bc93-6894a57f9324
--- response_body_filters eval
my $id;
sub { my ($body) = @_; my ($is) = $body =~ /"room_id":"([\w-]{22})"/;
      $id = $is if !defined $id; $body =~ s/\Q$id\E/ID/; $body }
--- response_body
{"room_id":"ID","creator":"alice","token":"TOKEN",*,"uids":["alice","bob"]}
1
{"room_id":"ID","creator":"alice","token":"TOKEN",*,"uids":["alice","bob"]}
1
24
1



=== TEST 2: without the header, and with another key, it is another request
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

redis eval "$KEPT" 0
--- more_headers
Idempotency-Key: a

-

Idempotency-Key: b
--- error_code: 200 409 409
--- response_body
{"room_id":"r1",*}
{"code":409,*}
{"code":409,*}
2



=== TEST 3: what has happened since is not undone: he leaves once
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

GET /api/v1/rooms/r1
--- more_headers
X-None: 1

Idempotency-Key: leave

X-None: 1

Idempotency-Key: leave

X-None: 1
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r1",*}
{}
{"room_id":"r1",*,"participants":[*{"uid":"bob","status":1,*}]}



=== TEST 4: also where nothing changed the first time
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

GET /api/v1/rooms/r1
--- more_headers
X-None: 1

X-None: 1

Idempotency-Key: leave

X-None: 1

Idempotency-Key: leave

X-None: 1
--- response_body
{"room_id":"r1",*}
{}
{}
{"room_id":"r1",*}
{}
{"room_id":"r1",*,"participants":[*{"uid":"bob","status":1,*}]}



=== TEST 5: refusals are repeated: 404, 403, 409, 410, with all they name, in the language of now
--- request
POST /api/v1/rooms/r2/join
{"uid":"bob"}

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","invite_on":1,"uids":["carol"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms
{"creator":"bob","device_type":"app","room_id":"r2","max_participants":3,"uids":["alice","carol"]}

POST /api/v1/rooms/r1/end

POST /api/v1/rooms/r1/invite
{"uids":["bob"]}

POST /api/v1/rooms
{"creator":"bob","device_type":"app","room_id":"r2","max_participants":3,"uids":["alice","carol"]}

POST /api/v1/rooms
{"creator":"bob","device_type":"app","room_id":"r2"}

POST /api/v1/rooms/r2/join
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/invite
{"uids":["bob"]}
--- more_headers
Idempotency-Key: one

X-None: 1

Idempotency-Key: two

Idempotency-Key: three

X-None: 1

Idempotency-Key: four

Idempotency-Key: three
X-Language: fr

X-None: 1

Idempotency-Key: one

Idempotency-Key: two

Idempotency-Key: four
--- error_code: 404 200 403 409 200 410 409 200 404 403 410
--- response_body
{"code":404,"message":"Room not found"}
{"room_id":"r1",*}
{"code":403,"message":"Only invited users may join this room"}
{"code":409,"message":"Busy in another call: alice, carol"}
{}
{"code":410,"message":"The room has ended"}
{"code":409,"message":"Déjà dans un autre appel : alice, carol"}
{"room_id":"r2",*}
{"code":404,"message":"Room not found"}
{"code":403,"message":"Only invited users may join this room"}
{"code":410,"message":"The room has ended"}



=== TEST 6: the same key for something else: another body, room or operation
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/cancel
{"uids":["bob"]}

POST /api/v1/rooms/r1/cancel
{"uids":["carol"]}

POST /api/v1/rooms/r1/cancel
{"uids": ["bob"]}

POST /api/v1/rooms/r2/cancel
{"uids":["bob"]}

POST /api/v1/rooms/r1/kick
{"uids":["bob"]}

POST /api/v1/rooms/r1/end

POST /api/v1/rooms/r1/cancel?lang=de
{"uids":["bob"]}

GET /api/v1/rooms/r1
--- more_headers
X-None: 1

Idempotency-Key: k

Idempotency-Key: k

Idempotency-Key: k
X-Language: zh-CN

Idempotency-Key: k
X-Language: zh-TW

Idempotency-Key: k
X-Language: fr-FR

Idempotency-Key: k
X-Language: ja-JP

Idempotency-Key: k

Idempotency-Key: k
--- error_code: 200 200 422 422 422 422 422 200 200
--- response_headers
Content-Type: application/json
--- response_body
{"room_id":"r1",*}
{}
{"code":422,"message":"This Idempotency-Key was used for another request"}
{"code":422,"message":"该 Idempotency-Key 已用于另一个请求"}
{"code":422,"message":"此 Idempotency-Key 已用於另一個請求"}
{"code":422,"message":"Cet Idempotency-Key a déjà servi pour une autre requête"}
{"code":422,"message":"この Idempotency-Key は別のリクエストで使用されています"}
{}
{"room_id":"r1",*,"participants":[{"uid":"alice","status":0,*},{"uid":"bob","status":6,*},{"uid":"carol","status":0,*}]}



=== TEST 7: every operation that changes a room takes it
--- request eval
my @steps = ("POST /api/v1/rooms/r1/invite\n{\"uids\":[\"carol\"]}",
             "POST /api/v1/rooms/r1/join\n{\"uid\":\"alice\"}",
             "POST /api/v1/rooms/r1/leave\n{\"uid\":\"bob\"}",
             "POST /api/v1/rooms/r1/cancel\n{\"uids\":[\"carol\"]}",
             "POST /api/v1/rooms/r1/kick\n{\"uids\":[\"alice\"]}",
             "POST /api/v1/rooms/r1/end");

[ "POST /api/v1/rooms\n{\"creator\":\"alice\",\"device_type\":\"app\","
  . "\"room_id\":\"r1\",\"max_participants\":4,\"uids\":[\"bob\"]}",
  (map { $_, $_ } @steps), 'redis eval "$KEPT" 0' ]
--- more_headers eval
[ map { 'Idempotency-Key: k' . int($_ / 2) } 1 .. 13 ]
--- response_body
{"room_id":"r1",*}
{}
{}
{"room_id":"r1",*"token":"TOKEN"*}
{"room_id":"r1",*"token":"TOKEN"*}
{}
{}
{}
{}
{}
{}
{}
{}
7



=== TEST 8: a 400 is not kept, and neither is a 401
--- config
    location /api/v1/rooms {
        tgortc_api_key KEY;
        tgortc_rooms;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms
{"creator":"alice","room_id":"r1"}

redis eval "$KEPT" 0

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}
--- more_headers
Idempotency-Key: k

Idempotency-Key: k
Authorization: Bearer KEY

Idempotency-Key: k
Authorization: Bearer KEY
--- error_code: 401 400 200
--- response_body
{"code":401,*}
{"code":400,*}
0
{"room_id":"r1",*}



=== TEST 9: what a key may look like
--- request eval
[ map { "POST /api/v1/rooms/r1/end" } 1 .. 7 ]
--- more_headers eval
[ map { "Idempotency-Key: $_" } '', 'a b', "caf\xc3\xa9", 'x' x 256,
  'x' x 255, '"quoted"', "a\tb" ]
--- error_code: 400 400 400 400 404 404 400
--- response_body
{"code":400,"message":"Parameter error: Idempotency-Key must be 1 to 255 visible ASCII characters"}
{"code":400,"message":"Parameter error: Idempotency-Key must be 1 to 255 visible ASCII characters"}
{"code":400,"message":"Parameter error: Idempotency-Key must be 1 to 255 visible ASCII characters"}
{"code":400,"message":"Parameter error: Idempotency-Key must be 1 to 255 visible ASCII characters"}
{"code":404,*}
{"code":404,*}
{"code":400,"message":"Parameter error: Idempotency-Key must be 1 to 255 visible ASCII characters"}



=== TEST 10: it is one app's, whatever the location is called
--- config
    location /a/rooms {
        tgortc_rooms;
    }

    location /b/rooms/ {
        tgortc_rooms;
    }
--- request
POST /a/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /b/rooms/r1/end

POST /a/rooms/r1/end

redis eval "$KEPT" 0
--- more_headers
X-None: 1

Idempotency-Key: k

Idempotency-Key: k
--- response_body
{"room_id":"r1",*}
{}
{}
1



=== TEST 11: requests that change nothing take no notice of it
--- request
GET /api/v1/rooms

GET /api/v1/rooms/sync?uid=a&device_type=app

POST /api/v1/participants/calling
{"uids":["a"]}

redis eval "$KEPT" 0
--- more_headers
Idempotency-Key: a b
--- response_body
{"rooms":[],"next_cursor":null}
[]
{"participants":[]}
0



=== TEST 12: a Redis that is full keeps no answer, and changes nothing without
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob"]}

redis config set maxmemory 1

POST /api/v1/rooms/r1/invite
{"uids":["carol"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"mallory"}

redis config set maxmemory 0

POST /api/v1/rooms/r1/invite
{"uids":["carol"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"mallory"}

GET /api/v1/rooms/r1
--- more_headers
X-None: 1

Idempotency-Key: invite

Idempotency-Key: bob

Idempotency-Key: mallory

Idempotency-Key: invite

Idempotency-Key: bob

Idempotency-Key: mallory

X-None: 1
--- error_code: 200 503 200 503 200 200 404 200
--- no_error_log
[crit]
[alert]
[emerg]
--- response_body
{"room_id":"r1",*}
OK
{"code":503,*}
{}
{"code":503,*}
OK
{}
{}
{"code":404,*}
{"room_id":"r1",*,"participants":[{"uid":"alice","status":0,*},{"uid":"bob","status":2,*},{"uid":"carol","status":0,*}]}



=== TEST 13: the logs have the id of the room that there is
--- config
    location /api/v1/rooms {
        sub_filter        '"$tgortc_room_id"'  '"ID"';
        sub_filter_types  application/json;
        tgortc_rooms;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app"}

POST /api/v1/rooms
{"creator":"alice","device_type":"app"}
--- more_headers
Idempotency-Key: k
--- response_body: {"room_id":"ID","creator":"alice",*}
