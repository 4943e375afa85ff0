# Copyright (C) TgoRTC contributors
#
# Who may ask, where, and which app is asked: API keys, prefixes of locations,
# several apps in one nginx, the ways to a Redis.

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

TgoRTC::Suite::setup();

run_tests();

__DATA__

=== TEST 1: an API key: none, wrong ones, in the wrong way
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
    tgortc_api_key      The-Key;
--- request eval
[ (qq{POST /api/v1/rooms\n{"creator":"alice","device_type":"app"}}) x 14 ]
--- more_headers eval
[ '', map { "Authorization: $_\n" }
  'Bearer wrong', 'Bearer', 'Bearer ', 'Bearer The-Ke', 'Bearer The-Keyy',
  'Bearer the-key', 'Bearer The-Key The-Key', 'The-Key', 'Basic The-Key',
  'BearerThe-Key', 'Bearer "The-Key"', 'Bearer devkey',
  'Bearer secret-of-at-least-32-characters-0000' ]
--- error_code: 401
--- response_headers
Content-Type: application/json
WWW-Authenticate: Bearer
--- response_body: {"code":401,"message":"The API key is missing or wrong"}



=== TEST 2: the right one
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
    tgortc_api_key      The-Key;
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms/r1/join
{"uid":"alice"}

GET /api/v1/rooms/r1
--- more_headers
Authorization: Bearer The-Key

Authorization: bearer The-Key

AUTHORIZATION: BEARER The-Key
--- response_headers
!WWW-Authenticate
--- response_body: {"room_id":"r1",*}



=== TEST 3: every operation asks for it, and before anything else
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
    tgortc_api_key      The-Key;
--- request
POST /api/v1/rooms
{

POST /api/v1/rooms/r1/invite
{"uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"alice"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

GET /api/v1/rooms/r1

GET /api/v1/rooms/sync?uid=alice&device_type=app

GET /api/v1/rooms/r1/dance

PUT /api/v1/rooms

GET /api/v1/rooms/a+b
--- error_code: 401
--- response_body: {"code":401,*}



=== TEST 4: several keys, for rotation; health needs none
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
    tgortc_api_key      new;
    tgortc_api_key      older;
    tgortc_api_key      oldest;
--- request
GET /api/v1/rooms/sync?uid=alice&device_type=app

GET /api/v1/rooms/sync?uid=alice&device_type=app

GET /api/v1/rooms/sync?uid=alice&device_type=app

GET /api/v1/rooms/sync?uid=alice&device_type=app

GET /api/v1/health
--- more_headers
Authorization: Bearer new

Authorization: Bearer older

Authorization: Bearer oldest

Authorization: Bearer newolder

-
--- error_code: 200 200 200 401 200
--- response_body
[]
[]
[]
{"code":401,*}
{"status":"ok"}



=== TEST 5: keys are inherited, unless a level has its own
--- config
    tgortc_api_key server;

    location /api/v1/rooms {
        tgortc_rooms;
    }

    location /own {
        tgortc_api_key own;
        tgortc_rooms;
    }
--- request
GET /api/v1/rooms/r1

GET /api/v1/rooms/r1

GET /own/r1

GET /own/r1
--- more_headers
Authorization: Bearer server

Authorization: Bearer own

Authorization: Bearer server

Authorization: Bearer own
--- error_code: 404 401 401 404
--- response_body
{"code":404,*}
{"code":401,*}
{"code":401,*}
{"code":404,*}



=== TEST 6: paths are relative to the prefix of the location
--- config
    location /b/rooms {
        tgortc_rooms;
    }
--- request
POST /b/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob"]}

POST /b/rooms/r1/invite
{"uids":["carol"]}

POST /b/rooms/r1/join
{"uid":"bob","device_type":"app"}

GET /b/rooms/sync?uid=bob&device_type=app

GET /b/rooms/r1

POST /b/rooms/r1/leave
{"uid":"bob"}

GET /b/rooms/b/rooms
--- error_code: 200 200 200 200 200 200 404
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r1",*}
[{"room_id":"r1",*}]
{"room_id":"r1",*}
{}
{"code":404,"message":"Path not found"}



=== TEST 7: the same app below two prefixes, and inside of another location
--- config
    location /a {
        tgortc_rooms;
    }

    location /b/ {
        location /b/c/calls {
            tgortc_rooms;
        }
    }
--- request
POST /a
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /b/c/calls/r1/join
{"uid":"bob"}

GET /a/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{"room_id":"r1",*,{"uid":"bob","status":1,*}]}



=== TEST 8: a prefix that nginx prefers to regular expressions, a rewritten path
--- config
    location ^~ /api/v1/rooms {
        tgortc_rooms;
    }

    location ~ r1 {
        return 200 "regular";
    }

    rewrite ^/v2/calls(.*)$ /api/v1/rooms$1 last;
--- request
POST /v2/calls
{"creator":"alice","device_type":"app","room_id":"r1"}

GET /v2/calls/r1
--- response_body: {"room_id":"r1","creator":"alice",*}



=== TEST 9: several apps do not see each other
--- config
    location /a {
        tgortc_redis  127.0.0.1:$TEST_NGINX_REDIS_PORT prefix=a;
        tgortc_rooms;
    }

    location /b {
        tgortc_redis  127.0.0.1:$TEST_NGINX_REDIS_PORT prefix=b;
        tgortc_rooms;
    }
--- request
POST /a
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

GET /b/r1

GET /b/sync?uid=alice&device_type=app

POST /b
{"creator":"bob","device_type":"app","room_id":"r1","uids":["alice"]}

GET /a/r1

GET /a/sync?uid=bob&device_type=app

redis hkeys {a}:users

redis hkeys {b}:users

redis exists {tgortc}:users
--- error_code: 200 404 200 200 200 200
--- response_body
{"room_id":"r1","creator":"alice",*}
{"code":404,"message":"Room not found"}
[]
{"room_id":"r1","creator":"bob",*}
{"room_id":"r1","creator":"alice",*}
[{"room_id":"r1","creator":"alice",*}]
alice bob
bob alice
0



=== TEST 10: everything that an app keeps has its prefix, in braces
--- config
    location /api/v1/rooms {
        tgortc_redis  127.0.0.1:$TEST_NGINX_REDIS_PORT "prefix=my app:1";
        tgortc_rooms;
    }
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "prefix=my app:1" of "tgortc_redis" in /



=== TEST 11: a prefix in any characters that it takes
--- config
    location /api/v1/rooms {
        tgortc_redis  127.0.0.1:$TEST_NGINX_REDIS_PORT prefix=My_app:1/*~;
        tgortc_rooms;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

redis --scan --pattern "*" | sort
--- response_body
{"room_id":"r1",*}
{My_app:1/*~}:deadlines {My_app:1/*~}:room:r1 {My_app:1/*~}:users



=== TEST 12: another database
--- config
    location /api/v1/rooms {
        tgortc_redis  127.0.0.1:$TEST_NGINX_REDIS_PORT db=3;
        tgortc_rooms;
    }

    location /zero {
        tgortc_redis  127.0.0.1:$TEST_NGINX_REDIS_PORT db=0;
        tgortc_rooms;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

redis -n 3 exists {tgortc}:room:r1

redis dbsize

GET /zero/r1

GET /api/v1/rooms/r1
--- error_code: 200 404 200
--- response_body
{"room_id":"r1",*}
1
0
{"code":404,*}
{"room_id":"r1",*}



=== TEST 13: a database that Redis does not have
--- config
    location /api/v1/rooms {
        tgortc_redis  127.0.0.1:$TEST_NGINX_REDIS_PORT db=16 timeout=100ms;
        tgortc_rooms;
    }
--- request
GET /api/v1/rooms/r1
--- error_code: 503
--- response_body: {"code":503,*}
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 14: a unix socket
--- config
    location /api/v1/rooms {
        tgortc_redis  unix:$TEST_NGINX_REDIS_SOCKET prefix=local timeout=2s;
        tgortc_rooms;
    }

    location /api/v1/health {
        tgortc_redis  unix:$TEST_NGINX_REDIS_SOCKET prefix=local timeout=2s;
        tgortc_health;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

redis exists {local}:room:r1

GET /api/v1/health
--- response_body
{"room_id":"r1",*}
1
{"status":"ok"}



=== TEST 15: a user of Redis who may do what the documentation says, no more
--- post_setup_server_root
TgoRTC::Suite::redis('acl setuser calls reset on \\>pass-of-calls "~{tgortc}:*"'
    . ' +eval +evalsha +ping +time +select +get +set +del +incrby +hget +hmget'
    . ' +hgetall +hkeys +hlen +hset +hdel +hincrby +zadd +zrem +zrange'
    . ' +zrangebyscore +zscore +zmscore +zcard +zpopmin +rpush +lpop +lindex'
    . ' +lset +xadd +xtrim +xrevrange') eq 'OK' or die "no user\n";
--- config
    location /api/v1/rooms {
        tgortc_redis  127.0.0.1:$TEST_NGINX_REDIS_PORT db=1 user=calls password=pass-of-calls;
        tgortc_rooms;
    }

    location /api/v1/health {
        tgortc_redis  127.0.0.1:$TEST_NGINX_REDIS_PORT db=1 user=calls password=pass-of-calls;
        tgortc_health;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob"]}

POST /api/v1/rooms/r1/invite
{"uids":["carol"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

GET /api/v1/rooms/sync?uid=bob&device_type=app

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

GET /api/v1/rooms/r1

GET /api/v1/health
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r1",*}
[{"room_id":"r1",*}]
{}
{}
{"room_id":"r1","creator":"alice","status":6,*}
{"status":"ok"}



=== TEST 16: a user with the wrong password, which is not logged
--- config
    location /api/v1/rooms {
        tgortc_redis  127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=100ms user=calls password=another-pass;
        tgortc_rooms;
    }
--- log_level: info
--- request
GET /api/v1/rooms/r1
--- error_code: 503
--- response_headers_like
Retry-After: [1-9]\d*
--- response_body: {"code":503,*}
--- no_error_log
[crit]
[alert]
[emerg]
another-pass



=== TEST 17: a user who may not do it: nothing is done
--- post_setup_server_root
TgoRTC::Suite::redis('acl setuser guest reset on \\>pass-of-guest "~{tgortc}:*"'
    . ' +@all -hset') eq 'OK' or die "no user\n";
--- config
    location /api/v1/rooms {
        tgortc_redis  127.0.0.1:$TEST_NGINX_REDIS_PORT user=guest password=pass-of-guest;
        tgortc_rooms;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

redis exists {tgortc}:room:r1

redis exists {tgortc}:users
--- error_code_like: ^50[03]$
--- response_body
{"code":50*,"message":"*"}
0
0
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 18: a password for everybody
--- post_setup_server_root
TgoRTC::Suite::redis('config set requirepass pass-of-all') eq 'OK'
    or die "no password\n";
$ENV{REDISCLI_AUTH} = 'pass-of-all';
--- init
delete $ENV{REDISCLI_AUTH};
--- config
    location /api/v1/rooms {
        tgortc_redis  127.0.0.1:$TEST_NGINX_REDIS_PORT password=pass-of-all;
        tgortc_rooms;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

redis ping

redis -a pass-of-all --no-auth-warning config set requirepass ""

redis ping
--- response_body
{"room_id":"r1",*}
NOAUTH *
OK
PONG



=== TEST 19: limit_except
--- config
    location /api/v1/rooms {
        limit_except POST {
            deny all;
        }

        tgortc_rooms;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

GET /api/v1/rooms/r1

POST /api/v1/rooms/r1/join
{"uid":"alice"}

PUT /api/v1/rooms

POST /api/v1/rooms/r1/dance
--- error_code: 200 403 200 403 404
--- response_headers
Content-Type: application/json
--- response_body
{"room_id":"r1",*}
{"code":403,*}
{"room_id":"r1",*}
{"code":403,*}
{"code":404,"message":"Path not found"}
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 20: what limit_except lets through
--- config
    location /api/v1/rooms {
        limit_except GET {
            allow 127.0.0.1;
            deny all;
        }

        tgortc_rooms;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

PUT /api/v1/rooms

POST /api/v1/rooms/r1/join
{

GET /api/v1/rooms/r1
--- error_code: 200 405 400 200
--- response_body
{"room_id":"r1",*}
{"code":405,*}
{"code":400,*}
{"room_id":"r1",*}



=== TEST 21: an "if" in a location
--- config
    error_page 403 404 =200 /page;

    location = /page {
        return 200 "page";
    }

    location /api/v1/rooms {
        if ($arg_no) {
            return 403;
        }

        if ($arg_yes) {
            add_header X-If yes always;
        }

        tgortc_rooms;
    }
--- request
POST /api/v1/rooms?yes=1
{"creator":"alice","device_type":"app","room_id":"r1"}

GET /api/v1/rooms/r1?yes=1

GET /api/v1/rooms/r1/dance?yes=1

GET /api/v1/rooms/r1?no=1

GET /api/v1/rooms/r1
--- error_code: 200 200 404 403 200
--- response_headers
Content-Type: application/json
X-If: yes

Content-Type: application/json
X-If: yes

Content-Type: application/json
X-If: yes

Content-Type: application/json
!X-If

Content-Type: application/json
!X-If
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{"code":404,"message":"Path not found"}
{"code":403,*}
{"room_id":"r1",*}



=== TEST 22: an "if" does not open what a key locks
--- config
    location /api/v1/rooms {
        tgortc_api_key key;

        if ($arg_yes) {
            add_header X-If yes always;
        }

        limit_except GET {
            allow all;
        }

        tgortc_rooms;
    }
--- request
GET /api/v1/rooms/r1?yes=1

POST /api/v1/rooms?yes=1
{"creator":"alice","device_type":"app"}

POST /api/v1/rooms
{"creator":"alice","device_type":"app"}
--- error_code: 401
--- response_body: {"code":401,*}



=== TEST 23: a location that ends with a slash has its own path with it
--- config
    location = / {
        tgortc_rooms;
    }

    location /api/v1/rooms/ {
        tgortc_rooms;
    }

    location /logs/ {
        tgortc_webhook_logs;
    }
--- request
POST /api/v1/rooms/
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /
{"creator":"bob","device_type":"app","room_id":"r2"}

GET /?lang=fr-FR

GET /api/v1/rooms/r2

GET /api/v1/rooms/r1/

GET /logs/
--- error_code: 200 200 200 200 404 200
--- response_body
{"room_id":"r1",*}
{"room_id":"r2",*}
{"rooms":[{"room_id":*},{"room_id":*}],"next_cursor":null}
{"room_id":"r2",*}
{"code":404,"message":"Path not found"}
{"code":200,"message":"ok",*}



=== TEST 24: without a key, a POST that a page of another site had sent
--- request eval
[ ('POST /api/v1/rooms'."\n".'{"creator":"alice","device_type":"app"}') x 8,
  'POST /api/v1/rooms/r1/end', 'redis exists {tgortc}:rooms' ]
--- more_headers eval
[ map { "$_\n" }
  'Origin: https://evil.example', "Origin: null\nContent-Type: text/plain",
  "Origin: http://localhost.evil.example",
  "Origin: http://evil.example/?http://localhost",
  "Origin: http://localhost\nSec-Fetch-Site: cross-site",
  "Origin: http://localhost:8081\nSec-Fetch-Site: same-site",
  "Origin: https://evil.example\n"
  . 'Content-Type: text/plain; x=application/json',
  "Origin: https://evil.example\n"
  . 'Content-Type: multipart/form-data; boundary=x',
  'Origin: https://evil.example' ]
--- error_code: 403
--- response_body eval
('{"code":403,"message":"Access denied"}'."\n") x 9 . "0\n"



=== TEST 25: one that no such page can have sent unasked, or that has a key
--- config
    location /api/v1/rooms {
        tgortc_rooms;
    }

    location /locked {
        tgortc_api_key key;
        tgortc_rooms;
    }
--- request eval
[ (map { "POST $_" . '{"creator":"alice","device_type":"app","room_id":"r"}' }
   "/api/v1/rooms\n", "/locked\n"),
  ("POST /api/v1/rooms/r/join\n" . '{"uid":"alice"}') x 5,
  'GET /api/v1/rooms/r' ]
--- more_headers eval
[ map { "$_\n" }
  'Content-Type: text/plain',
  "Origin: https://other.example\nAuthorization: Bearer key",
  'Origin: http://localhost', 'Origin: https://LOCALHOST',
  "Origin: https://proxy.example\nSec-Fetch-Site: same-origin",
  "Origin: https://other.example\nContent-Type: application/json",
  "Origin: https://other.example\n"
  . 'Content-Type: Application/JSON; charset=utf-8',
  'Origin: https://other.example' ]
--- error_code: 200 409 200 200 200 200 200 200
--- response_body
{"room_id":"r",*}
{"code":409,*}
{"room_id":"r",*}
{"room_id":"r",*}
{"room_id":"r",*}
{"room_id":"r",*}
{"room_id":"r",*}
{"room_id":"r",*}
