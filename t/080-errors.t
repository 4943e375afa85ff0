# Copyright (C) TgoRTC contributors
#
# Failures are JSON, whoever raises them, in five languages; what they say of a
# request leaves the next one alone.

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

TgoRTC::Suite::setup();

run_tests();

__DATA__

=== TEST 1: a 400 in each language
--- request
GET /api/v1/rooms/sync

GET /api/v1/rooms/sync

GET /api/v1/rooms/sync

GET /api/v1/rooms/sync

GET /api/v1/rooms/sync
--- more_headers
X-Language: en-US

X-Language: zh-CN

X-Language: zh-TW

X-Language: fr-FR

X-Language: ja-JP
--- error_code: 400
--- response_headers
Content-Type: application/json
--- response_body
{"code":400,"message":"Parameter error: uid *128*"}
{"code":400,"message":"参数错误：uid *128*"}
{"code":400,"message":"參數錯誤：uid *128*"}
{"code":400,"message":"Paramètre invalide : uid *128*"}
{"code":400,"message":"パラメータエラー：uid *128*"}



=== TEST 2: another failure in each language: room, room, room, salle, room
--- request
GET /api/v1/rooms/r1

GET /api/v1/rooms/r1

GET /api/v1/rooms/r1

GET /api/v1/rooms/r1

GET /api/v1/rooms/r1
--- more_headers
X-Language: en-US

X-Language: zh-CN

X-Language: zh-TW

X-Language: fr-FR

X-Language: ja-JP
--- error_code: 404
--- response_body
{"code":404,"message":"Room not found"}
{"code":404,"message":"*房间*"}
{"code":404,"message":"*房間*"}
{"code":404,"message":"*alle*"}
{"code":404,"message":"*ルーム*"}



=== TEST 3: what nginx raises is in the client's language as well
--- config
    location /api/v1/rooms {
        deny all;
        tgortc_rooms;
    }
--- request
GET /api/v1/rooms/r1

GET /api/v1/rooms/r1?lang=fr

GET /api/v1/rooms/r1

GET /api/v1/rooms/r1
--- more_headers
-

-

X-Language: zh-CN

Accept-Language: ja
--- error_code: 403
--- response_body
{"code":403,"message":"Access denied"}
{"code":403,"message":"*é*"}
{"code":403,"message":"*访问*"}
{"code":403,"message":"*アクセス*"}
--- error_log
access forbidden by rule



=== TEST 4: X-Language, else lang, else Accept-Language, else English
--- request
GET /api/v1/rooms/sync?lang=ja-JP

GET /api/v1/rooms/sync?lang=ja-JP

GET /api/v1/rooms/sync

GET /api/v1/rooms/sync

GET /api/v1/rooms/sync?lang=tlh

GET /api/v1/rooms/sync
--- more_headers
X-Language: fr-FR
Accept-Language: zh-CN

Accept-Language: zh-CN

Accept-Language: zh-CN

-

X-Language: xx
Accept-Language: fr

X-Language: de
--- error_code: 400
--- response_body
{"code":400,"message":"Paramètre invalide : *"}
{"code":400,"message":"パラメータエラー：*"}
{"code":400,"message":"参数错误：*"}
{"code":400,"message":"Parameter error: *"}
{"code":400,"message":"Paramètre invalide : *"}
{"code":400,"message":"Parameter error: *"}



=== TEST 5: prefixes: zh finds zh-CN, fr-CA finds fr-FR
--- request eval
my @languages = ('zh', 'fr-CA', 'fr', 'ja', 'en', 'en-GB', 'ZH', 'FR-ca',
                 'zh-tw', 'JA-jp', 'fro', 'j', 'zhx');

[ (map { "GET /api/v1/rooms/sync?lang=$_" } @languages),
  ('GET /api/v1/rooms/sync') x (2 * @languages) ]
--- more_headers eval
my @languages = ('zh', 'fr-CA', 'fr', 'ja', 'en', 'en-GB', 'ZH', 'FR-ca',
                 'zh-tw', 'JA-jp', 'fro', 'j', 'zhx');

[ ('') x @languages, (map { "X-Language: $_\n" } @languages),
  (map { "Accept-Language: $_\n" } @languages) ]
--- error_code: 400
--- response_body eval
[ map { qr/^\{"code":400,"message":"$_.*uid .*"\}$/ }
  ('参数错误：', 'Paramètre invalide : ', 'Paramètre invalide : ',
   'パラメータエラー：', 'Parameter error: ', 'Parameter error: ', '参数错误：',
   'Paramètre invalide : ', '參數錯誤：', 'パラメータエラー：',
   'Parameter error: ', 'Parameter error: ', 'Parameter error: ') x 3 ]



=== TEST 6: Accept-Language with quality values
--- request eval
[ ('GET /api/v1/rooms/sync') x 14 ]
--- more_headers eval
[ map { "Accept-Language: $_\n" }
  'fr;q=0.5, ja;q=0.9, en;q=0.1', 'fr, ja', 'ja;q=0.9,fr;q=0.9',
  'de, zh-TW;q=0.3', 'de;q=1, nl', 'fr;q=0.001, ja;q=0.002', 'ja;q=0, fr;q=0.1',
  'fr;q=0', 'en;q=0.5,zh;q=0.6', 'zh-TW;q=0.8,zh-CN;q=0.9,zh;q=0.7',
  'fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5', '*', ' ja ; q=1.0 , fr',
  'fr;q=0.999,ja;q=1.000' ]
--- error_code: 400
--- response_body eval
[ map { qr/^\{"code":400,"message":"$_.*uid .*"\}$/ }
  'パラメータエラー：', 'Paramètre invalide : ', 'パラメータエラー：',
  '參數錯誤：', 'Parameter error: ', 'パラメータエラー：', 'Paramètre invalide : ',
  'Parameter error: ', '参数错误：', '参数错误：', 'Paramètre invalide : ',
  'Parameter error: ', 'パラメータエラー：', 'パラメータエラー：' ]



=== TEST 7: no method but those of a path, which Allow names
--- request eval
my @methods = qw(GET HEAD PUT DELETE PATCH OPTIONS);

[ (map { my $path = $_; map { "$_ /api/v1/rooms/r1/$path" } @methods }
   qw(invite join leave kick)),
  (map { "$_ /api/v1/rooms" } qw(PUT DELETE PATCH OPTIONS)),
  (map { "$_ /api/v1/rooms/r1" } qw(POST PUT DELETE PATCH OPTIONS)),
  (map { "$_ /api/v1/rooms/sync" } qw(POST PUT DELETE PATCH OPTIONS)) ]
--- error_code: 405
--- response_headers eval
[ ("Content-Type: application/json\nAllow: POST") x 24,
  ("Content-Type: application/json\nAllow: GET, HEAD, POST") x 4,
  ("Content-Type: application/json\nAllow: GET, HEAD") x 10 ]
--- response_body eval
my $body = '{"code":405,"message":"Method not allowed"}';

[ map { $_ % 6 == 2 && $_ <= 24 ? '' : $body } 1 .. 38 ]



=== TEST 8: a wrong method comes before a wrong body, a wrong path before it
--- request
PUT /api/v1/rooms/r1/join
{

PUT /api/v1/rooms/r1/dance
{

PUT /api/v1/rooms/a+b
{

POST /api/v1/rooms/a+b/dance
{
--- error_code: 405 404 405 404
--- response_body
{"code":405,*}
{"code":404,"message":"Path not found"}
{"code":405,*}
{"code":404,"message":"Path not found"}



=== TEST 9: paths that nobody knows
--- request eval
my @paths = ('rooms/', 'rooms/r1/', 'rooms/r1/dance', 'rooms/r1/Join',
             'rooms/r1/join/', 'rooms/r1/join/x', 'rooms/r1/join%20',
             'roomsx', 'rooms.json', 'rooms/sync/', 'rooms/r1/sync',
             'rooms/r1/joi', 'rooms/r1/joinx');

[ map { ("GET /api/v1/$_", "POST /api/v1/$_\n{\"uid\":\"alice\"}") } @paths ]
--- error_code: 404
--- response_headers
Content-Type: application/json
--- response_body: {"code":404,"message":"Path not found"}



=== TEST 10: no error_page of the server and none of http, whoever fails
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;

    error_page  400 401 403 404 405 409 410 413 429 500 503  /page;
--- config
    error_page  400 401 403 404 405 409 410 413 429 500 503  =200 /page;

    location = /page {
        return 200 "page";
    }

    location /api/v1/rooms {
        tgortc_rooms;
    }

    location /denied {
        deny all;
        tgortc_rooms;
    }

    location /small {
        client_max_body_size 1;
        tgortc_rooms;
    }

    location /returned {
        return 403;
        tgortc_rooms;
    }

    location /internal {
        internal;
        tgortc_rooms;
    }

    location /health {
        deny all;
        tgortc_health;

        location /health/rooms {
            deny all;
            tgortc_rooms;
        }
    }
--- request
GET /api/v1/rooms/r1

PUT /api/v1/rooms

GET /api/v1/rooms/r1/dance

POST /api/v1/rooms

GET /denied/r1

POST /small/r1/join
{"uid":"alice"}

GET /returned/r1

GET /internal/r1

GET /health

GET /health/rooms/r1
--- error_code: 404 405 404 400 403 413 403 404 403 403
--- response_headers
Content-Type: application/json
--- response_body
{"code":404,"message":"Room not found"}
{"code":405,*}
{"code":404,"message":"Path not found"}
{"code":400,*}
{"code":403,"message":"*"}
{"code":413,"message":"*"}
{"code":403,"message":"*"}
{"code":404,"message":"*"}
{"code":403,"message":"*"}
{"code":403,"message":"*"}
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 11: other locations keep their pages
--- config
    error_page 404 =200 /page;

    location = /page {
        return 200 "page";
    }

    location /api/v1/rooms {
        tgortc_rooms;
    }
--- request
GET /nothing

POST /index.html
--- error_code: 200 405
--- response_body
page
<html>*
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 12: limit_req, rate limited
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;

    limit_req_zone  $binary_remote_addr  zone=a:1m  rate=1r/m;
    limit_req_zone  $binary_remote_addr  zone=b:1m  rate=1r/m;
--- config
    location /api/v1/rooms {
        limit_req zone=a;
        limit_req_status 429;
        tgortc_rooms;
    }

    location /other {
        limit_req zone=b;
        tgortc_rooms;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r2"}

redis exists {tgortc}:room:r2

GET /other/r1

GET /other/r1
--- error_code: 200 429 200 503
--- response_headers
Content-Type: application/json
--- response_body
{"room_id":"r1",*}
{"code":429,"message":"Too many requests, please slow down"}
0
{"room_id":"r1",*}
{"code":503,"message":"*"}
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 13: auth_basic
--- config
    location /api/v1/rooms {
        auth_basic "calls";
        auth_basic_user_file $TEST_NGINX_SERVER_ROOT/html/users;
        tgortc_rooms;
    }
--- user_files
>>> users
alice:{PLAIN}secret
--- request
GET /api/v1/rooms/r1

GET /api/v1/rooms/r1
--- more_headers
-

Authorization: Basic YWxpY2U6c2VjcmV0
--- error_code: 401 404
--- response_headers
Content-Type: application/json
WWW-Authenticate: Basic realm="calls"

Content-Type: application/json
!WWW-Authenticate
--- response_body
{"code":401,"message":"Authentication required"}
{"code":404,"message":"Room not found"}



=== TEST 14: of several reasons nginx's own is first: 413, 403, 429
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
    tgortc_api_key      key;

    limit_req_zone  $binary_remote_addr  zone=a:1m  rate=1r/m;
--- config
    location /small {
        client_max_body_size 1;
        tgortc_rooms;
    }

    location /denied {
        deny all;
        tgortc_rooms;
    }

    location /limited {
        limit_req zone=a;
        limit_req_status 429;
        tgortc_rooms;
    }
--- request
POST /small/dance
{}

POST /denied/dance

PUT /limited/dance

PUT /limited/dance
--- error_code: 413 403 401 429
--- response_body
{"code":413,*}
{"code":403,*}
{"code":401,*}
{"code":429,*}
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 15: HEAD has no body
--- config
    location /api/v1/rooms {
        tgortc_rooms;
    }

    location /denied {
        deny all;
        tgortc_rooms;
    }
--- request
HEAD /api/v1/rooms/r1/join

HEAD /api/v1/rooms/r1

HEAD /api/v1/rooms/sync

HEAD /api/v1/rooms/r1/dance

HEAD /api/v1/rooms/a+b

HEAD /denied
--- error_code: 405 404 400 404 400 403
--- response_headers
Content-Type: application/json
--- raw_response_headers_like: \r\nContent-Length: [1-9]
--- response_body: -
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 16: a refused body is read away, the next request is answered
--- pipelined_requests
POST /api/v1/rooms
{"creator":"alice","device_type":

POST /api/v1/rooms/r1/dance
{"uid":"GET / HTTP/1.1"}

PUT /api/v1/rooms
{"creator":"alice","device_type":"app"}

POST /api/v1/rooms/a+b/join
{"uid":"alice"}

POST /api/v1/rooms/r1/join
{"uid":"alice"}

POST /api/v1/rooms/sync
{"uid":"alice"}

GET /api/v1/rooms/sync?uid=alice&device_type=app
{"a":"body","of":"a GET"}

GET /api/v1/rooms/r1
{"a":"body","of":"a GET"}

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

GET /api/v1/health
{"a":"body","of":"a GET"}

GET /api/v1/rooms/r1
--- error_code: 400 404 405 400 404 405 200 404 200 200 200
--- response_body
{"code":400,*}
{"code":404,"message":"Path not found"}
{"code":405,*}
{"code":400,*}
{"code":404,"message":"Room not found"}
{"code":405,*}
[]
{"code":404,"message":"Room not found"}
{"room_id":"r1",*}
{"status":"ok"}
{"room_id":"r1","creator":"alice",*}



=== TEST 17: the same without an API key, and where nginx refuses
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;

    limit_req_zone  $binary_remote_addr  zone=a:1m  rate=1r/m;
--- config
    location /api/v1/rooms {
        tgortc_rooms;
    }

    location /key {
        tgortc_api_key key;
        tgortc_rooms;
    }

    location /denied {
        deny all;
        tgortc_rooms;
    }

    location /limited {
        limit_req zone=a;
        limit_req_status 429;
        tgortc_rooms;
    }
--- pipelined_requests
POST /key
{"creator":"alice","device_type":"app"}

POST /denied
{"creator":"alice","device_type":"app"}

POST /limited
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /limited
{"creator":"bob","device_type":"app"}

GET /api/v1/rooms/r1
--- error_code: 401 403 200 429 200
--- response_body
{"code":401,*}
{"code":403,*}
{"room_id":"r1",*}
{"code":429,*}
{"room_id":"r1","creator":"alice",*}
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 18: the same with bodies in chunks
--- pipelined_requests eval
[ map { $_ . "5\r\n{\"a\":\r\n1\r\n1\r\n0\r\n\r\n" }
  "POST /api/v1/rooms/r1/dance\n", "PUT /api/v1/rooms\n",
  "POST /api/v1/rooms/r1/join\n", "GET /api/v1/rooms/r1\n",
  "GET /api/v1/rooms/sync?uid=alice&device_type=app\n" ]
--- more_headers
Transfer-Encoding: chunked
--- error_code: 404 405 400 404 200
--- response_body
{"code":404,"message":"Path not found"}
{"code":405,*}
{"code":400,*}
{"code":404,"message":"Room not found"}
[]



=== TEST 19: no token, secret or key in the log
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
    tgortc_api_key      the-right-api-key;
--- log_level: info
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms/r1/join
{"uid":"alice"}

GET /api/v1/rooms/sync?uid=alice&device_type=app

POST /api/v1/rooms/r1/join
{"uid":"alice

POST /api/v1/rooms/r1/join
{"uid":"alice"}
--- more_headers
Authorization: Bearer the-right-api-key

Authorization: Bearer a-wrong-api-key

Authorization: Bearer the-right-api-key

Authorization: Bearer the-right-api-key

Authorization: Bearer the-right-api-key

-
--- error_code: 200 401 200 200 400 401
--- response_body
{"room_id":"r1",*,"token":"TOKEN",*}
{"code":401,*}
{"room_id":"r1",*,"token":"TOKEN",*}
[{"room_id":"r1",*,"token":"TOKEN",*}]
{"code":400,*}
{"code":401,*}
--- no_error_log
[error]
[crit]
[alert]
[emerg]
secret-of-at-least
api-key
eyJ



=== TEST 20: what was done is answered, whatever the client has in its cache
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms/r1/join
{"uid":"alice"}

GET /api/v1/rooms/r1

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

POST /api/v1/rooms/r1/end
--- more_headers
If-None-Match: *

If-Match: "x"

If-None-Match: *

If-Unmodified-Since: Sat, 29 Oct 1994 19:43:31 GMT

If-None-Match: *
--- response_body
{"room_id":"r1",*,"token":"*"*}
{"room_id":"r1",*,"token":"*"*}
{"room_id":"r1",*}
{}
{}
--- no_error_log
[crit]
[alert]
[emerg]
