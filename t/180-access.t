# Copyright (C) TgoRTC contributors
#
# nginx's own ways to let in and to keep out, and what they make of our API
# key: auth_request, satisfy, limit_req, and what nginx refuses before it has
# looked for a location.

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

TgoRTC::Suite::setup();

run_tests();

__DATA__

=== TEST 1: auth_request lets in, refuses, forbids, fails
--- config
    location = /auth {
        internal;

        if ($http_x_session = good) {
            return 204;
        }

        if ($http_x_session = other) {
            return 403;
        }

        if ($http_x_session = broken) {
            return 502;
        }

        return 401;
    }

    location /api/v1/rooms {
        auth_request /auth;
        tgortc_rooms;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r2"}

GET /api/v1/rooms/r1

GET /api/v1/rooms/r1?lang=fr-FR

GET /api/v1/rooms/r1

redis exists {tgortc}:room:r2
--- more_headers
X-Session: good

-

X-Session: other

-

X-Session: broken
--- error_code: 200 401 403 401 500
--- response_headers
Content-Type: application/json
--- response_body
{"room_id":"r1",*}
{"code":401,"message":"Authentication required"}
{"code":403,"message":"Access denied"}
{"code":401,"message":"Authentification requise"}
{"code":500,"message":"Internal error"}
0
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 2: auth_request and an API key: both are asked for, auth_request first
--- config
    tgortc_api_key key;

    location = /auth {
        internal;

        if ($http_x_session = good) {
            return 204;
        }

        return 403;
    }

    location /api/v1/rooms {
        auth_request /auth;
        tgortc_rooms;
    }
--- request
GET /api/v1/rooms/r1

GET /api/v1/rooms/r1

GET /api/v1/rooms/r1

GET /api/v1/rooms/r1
--- more_headers
-

X-Session: good

Authorization: Bearer key

X-Session: good
Authorization: Bearer key
--- error_code: 403 401 403 404
--- response_body
{"code":403,"message":"Access denied"}
{"code":401,"message":"The API key is missing or wrong"}
{"code":403,"message":"Access denied"}
{"code":404,"message":"Room not found"}



=== TEST 3: what auth_request says of how to authenticate is passed on
--- config
    location /api/v1/rooms {
        auth_request /basic;
        tgortc_rooms;
    }

    location = /basic {
        internal;
        proxy_pass               http://127.0.0.1:$TEST_NGINX_SERVER_PORT/who;
        proxy_pass_request_body  off;
        proxy_set_header         Content-Length "";
    }

    location /who {
        auth_basic            "calls";
        auth_basic_user_file  $TEST_NGINX_SERVER_ROOT/html/users;
        root                  $TEST_NGINX_SERVER_ROOT/html;
    }
--- user_files
>>> users
alice:{PLAIN}secret
>>> who
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



=== TEST 4: satisfy any: an address or auth_request, and the API key all the same
--- config
    tgortc_api_key key;

    location = /no {
        internal;
        return 401;
    }

    location /inside {
        satisfy any;
        allow 127.0.0.1;
        deny all;
        auth_request /no;
        tgortc_rooms;
    }

    location /outside {
        satisfy any;
        deny all;
        auth_request /no;
        tgortc_rooms;
    }
--- request
GET /inside/r1

GET /inside/r1

GET /outside/r1
--- more_headers
-

Authorization: Bearer key

Authorization: Bearer key
--- error_code: 401 404 401
--- response_body
{"code":401,"message":"The API key is missing or wrong"}
{"code":404,"message":"Room not found"}
{"code":401,"message":"Authentication required"}
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 5: too many come before who they are, and a burst is let through
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
    tgortc_api_key      key;

    limit_req_zone    $binary_remote_addr  zone=calls:1m  rate=1r/m;
    limit_req_status  429;
--- config
    location /api/v1/rooms {
        limit_req zone=calls burst=2 nodelay;
        tgortc_rooms;
    }

    location = /api/v1/health {
        tgortc_health;
    }
--- request
GET /api/v1/rooms/r1

GET /api/v1/rooms/r1

GET /api/v1/rooms/r1

GET /api/v1/rooms/r1

GET /api/v1/rooms/r1

GET /api/v1/health
--- more_headers
Authorization: Bearer key

-

Authorization: Bearer key

Authorization: Bearer key

X-Language: zh-CN

-
--- error_code: 404 401 404 429 429 200
--- response_headers
Content-Type: application/json
--- response_body
{"code":404,*}
{"code":401,*}
{"code":404,*}
{"code":429,"message":"Too many requests, please slow down"}
{"code":429,"message":"*过*"}
{"status":"ok"}
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 6: the handlers of management ask for the key, by themselves for an address
--- config
    tgortc_api_key key;

    location /api/v1/webhooks/logs {
        allow 10.0.0.0/8;
        deny  all;
        tgortc_webhook_logs;
    }

    location /logs {
        allow 127.0.0.1;
        deny  all;
        tgortc_webhook_logs;
    }
--- request
GET /api/v1/webhooks/logs/stats

GET /logs/stats

GET /logs/stats
--- more_headers
Authorization: Bearer key

-

Authorization: Bearer key
--- error_code: 403 401 200
--- response_headers
Content-Type: application/json
--- response_body
{"code":403,"message":"Access denied"}
{"code":401,"message":"The API key is missing or wrong"}
{"code":200,*}
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 7: refused before there is a location: a host that is none
--- config
    location /api/v1/rooms {
        tgortc_rooms;
    }

    location = /api/v1/health {
        tgortc_health;
    }

    location = /health/ {
        tgortc_health;
    }

    location /api/v1/rooms/page {
        return 200 "page";
    }
--- request eval
[ map { "GET $_" }
  '/api/v1/rooms', '/api/v1/rooms/r1', '/api/v1/rooms/r1?lang=fr-FR',
  '/api/v1/health', '/health/', '/api/v1/healthy', '/api/v1/health/x',
  '/health/x', '/api/v1/roomsx', '/api/v1', '/' ]
--- more_headers
Host: a b
--- error_code: 400
--- response_body_like eval
[ (qr/^\{"code":400,"message":"[^<]+"\}$/) x 5, (qr/<html>/) x 6 ]



=== TEST 8: a method that nginx itself refuses
--- config
    location /api/v1/rooms {
        tgortc_rooms;
    }
--- request
TRACE /api/v1/rooms/r1

TRACE /other
--- error_code: 405
--- response_body_like eval
[ qr/^\{"code":405,"message":"Method not allowed"\}$/, qr/<html>/ ]



=== TEST 9: an answer of the server for everybody
--- config
    return 403;

    location /api/v1/rooms {
        tgortc_rooms;
    }
--- request
GET /api/v1/rooms/r1

GET /other
--- error_code: 403
--- response_body_like eval
[ qr/^\{"code":403,"message":"Access denied"\}$/, qr/<html>/ ]



=== TEST 10: refused before there is a location: a path that cannot be decoded
--- config
    location /api/v1/rooms {
        tgortc_rooms;
    }
--- request eval
[ map { "GET $_" }
  '/api/v1/rooms/50%', '/api/v1/rooms/%zz/join', '/api/v1/rooms/%00?lang=%',
  '/api/v1/roomsx/%zz', '/%zz', '%zz', '/api/v1/rooms' . '/a' x 5000 ]
--- error_code: 400 400 400 400 400 400 414
--- response_body_like eval
[ (qr/^\{"code":400,"message":"Bad request"\}$/) x 3, (qr/<html>/) x 4 ]
