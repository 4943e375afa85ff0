# Copyright (C) TgoRTC contributors
#
# tgortc_metrics, and the variables

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";
require "$FindBin::Bin/lib/TgoRTC/Prometheus.pm";

TgoRTC::Suite::setup();

# A filter: what is wrong with metrics, and then the values that are asked for,
# each a name and its labels; other bodies pass.

sub values_of {
    my (@asked) = @_;

    return sub {
        my ($body) = @_;

        return $body if $body !~ /^# HELP/;

        my $metrics = TgoRTC::Prometheus->new($body);

        return join ' ', grep { $_ ne '' } $metrics->faults,
               map { my $value = $metrics->value(split / /);
                     defined $value ? $value : 'none' } @asked;
    };
}

run_tests();

__DATA__

=== TEST 1: what was asked, and what Redis knows
--- config
    location /api/v1/rooms {
        tgortc_rooms;
    }

    location = /metrics {
        tgortc_metrics;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob","carol"]}

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

GET /api/v1/rooms/r2

GET /api/v1/rooms/r1/dance

PUT /api/v1/rooms/r1/join

GET /metrics

GET /metrics

HEAD /metrics
--- error_code: 200 409 200 404 404 405 200 200 200
--- response_headers
Content-Type: application/json

Content-Type: application/json

Content-Type: application/json

Content-Type: application/json

Content-Type: application/json

Content-Type: application/json

Content-Type: text/plain; version=0.0.4; charset=utf-8

Content-Type: text/plain; version=0.0.4; charset=utf-8

Content-Type: text/plain; version=0.0.4; charset=utf-8
--- response_body_filters eval
main::values_of(
    'tgortc_redis_up app tgortc',
    'tgortc_requests_total operation create code 200',
    'tgortc_requests_total operation create code 409',
    'tgortc_requests_total operation join code 200',
    'tgortc_requests_total operation join code 405',
    'tgortc_requests_total operation get code 404',
    'tgortc_requests_total operation unknown code 404',
    'tgortc_requests_total operation metrics code 200',
    'tgortc_request_duration_seconds_count operation create',
    'tgortc_live_rooms', 'tgortc_active_participants',
    'tgortc_ringing_participants', 'tgortc_redis_reconnects_total')
--- response_body
{"room_id":"r1",*}
{"code":409,"message":"*"}
{"room_id":"r1",*}
{"code":404,"message":"*"}
{"code":404,"message":"*"}
{"code":405,"message":"*"}
1 1 1 1 1 1 1 0 2 1 3 1 0
1 1 1 1 1 1 1 1 2 1 3 1 0
-



=== TEST 2: who rings
--- config
    location /api/v1/rooms {
        tgortc_rooms;
    }

    location = /metrics {
        tgortc_metrics;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":9,"uids":["bob","carol","dave","erin"]}

POST /api/v1/rooms/r1/join
{"uid":"alice"}

redis get {tgortc}:ringing

POST /api/v1/rooms/r1/join
{"uid":"bob"}

redis get {tgortc}:ringing

POST /api/v1/rooms/r1/leave
{"uid":"carol"}

redis get {tgortc}:ringing

POST /api/v1/rooms/r1/cancel
{"uids":["dave","bob"]}

redis get {tgortc}:ringing

POST /api/v1/rooms/r1/invite
{"uids":["frank","carol","erin"]}

redis get {tgortc}:ringing

POST /api/v1/rooms/r1/join
{"uid":"stranger"}

redis get {tgortc}:ringing

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

redis get {tgortc}:ringing

GET /metrics

POST /api/v1/rooms/r1/end

redis get {tgortc}:ringing

GET /metrics

redis exists {tgortc}:users
--- response_body_filters eval
main::values_of('tgortc_live_rooms', 'tgortc_active_participants',
                'tgortc_ringing_participants')
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
4
{"room_id":"r1",*}
3
{}
2
{}
1
{}
3
{"room_id":"r1",*}
3
{}
{}
3
1 5 3
{}
-
0 0 0
0



=== TEST 3: a number that is wrong, or none, harms nothing
--- config
    location /api/v1/rooms {
        tgortc_rooms;
    }

    location = /metrics {
        tgortc_metrics;
    }
--- init
TgoRTC::Suite::redis('set {tgortc}:ringing many');
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

redis set {tgortc}:ringing -7

GET /metrics

POST /api/v1/rooms/r1/end

GET /metrics

redis exists {tgortc}:ringing
--- response_body_filters eval
main::values_of('tgortc_live_rooms', 'tgortc_ringing_participants')
--- response_body
{"room_id":"r1",*}
OK
1 0
{}
0 0
0



=== TEST 4: of an endpoint, its name escaped
--- http_config
    tgortc_redis          127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key    devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url    wss://livekit.example.com;
    tgortc_webhook        http://127.0.0.1:1/ 'name=a"b\c é';
    tgortc_webhook_retry  delays=1h;
--- config
    location /api/v1/rooms {
        tgortc_rooms;
    }

    location /api/v1/webhooks/logs {
        tgortc_webhook_logs;
    }

    location = /metrics {
        tgortc_metrics;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

GET /metrics
--- response_body_like eval
[qr/r1/, qr/^tgortc_webhook_waiting_events\{app="tgortc",endpoint="a\\"b\\\\c é"\} 1$/m]
--- no_error_log
[alert]



=== TEST 5: needs the API key, or one of its own
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
    tgortc_api_key      key;
--- config
    location /api/v1/rooms {
        tgortc_rooms;
    }

    location = /metrics {
        tgortc_metrics;
    }

    location = /own {
        tgortc_api_key  scraper;
        tgortc_metrics;
    }
--- request
GET /metrics

GET /metrics

GET /own

GET /own

GET /api/v1/rooms/r1
--- more_headers
-

Authorization: Bearer key

Authorization: Bearer key

Authorization: Bearer scraper

Authorization: Bearer scraper
--- error_code: 401 200 401 200 401
--- response_body_filters eval
main::values_of('tgortc_requests_total operation metrics code 401')
--- response_body
{"code":401,"message":"*"}
1
{"code":401,"message":"*"}
2
{"code":401,"message":"*"}



=== TEST 6: asked for by GET, in its place
--- config
    location /metrics {
        tgortc_metrics;
    }
--- request
POST /metrics

GET /metrics/
--- error_code: 405 200
--- response_headers
Allow: GET, HEAD

Content-Type: text/plain; version=0.0.4; charset=utf-8
--- response_body_filters eval
main::values_of('tgortc_requests_total operation metrics code 405')
--- response_body
{"code":405,"message":"Method not allowed"}
1



=== TEST 7: needs neither key nor address of LiveKit, and speaks of its own app
--- http_config
    tgortc_redis  127.0.0.1:$TEST_NGINX_REDIS_PORT prefix=one;
--- config
    location /one {
        tgortc_metrics;
    }

    location /two {
        tgortc_redis  127.0.0.1:$TEST_NGINX_REDIS_PORT prefix=two;
        tgortc_metrics;
    }
--- request
GET /one

GET /two

GET /two
--- response_body_filters eval
main::values_of('tgortc_redis_up app one', 'tgortc_redis_up app two',
                'tgortc_requests_total operation metrics code 200',
                'tgortc_live_rooms')
--- response_body
1 none 0 0
none 1 0 0
none 1 1 0



=== TEST 8: what nginx refuses is counted as what was asked
--- config
    location /api/v1/rooms {
        deny all;
        tgortc_rooms;
    }

    location = /metrics {
        tgortc_metrics;
    }
--- request
POST /api/v1/rooms/r1/leave
{"uid":"alice"}

GET /metrics
--- error_code: 403 200
--- response_body_filters eval
main::values_of('tgortc_requests_total operation leave code 403',
                'tgortc_request_duration_seconds_count operation leave')
--- response_body
{"code":403,"message":"*"}
1 1
--- no_error_log
[crit]
[alert]



=== TEST 9: it has to agree with its app in the Redis only
--- config
    location /api/v1/rooms {
        tgortc_rooms;
    }

    location = /metrics {
        tgortc_ring_timeout  5s;
        tgortc_metrics;
    }
--- request
GET /metrics
--- response_body_filters eval
main::values_of('tgortc_redis_up')
--- response_body
1



=== TEST 10: which it has to
--- config
    location /api/v1/rooms {
        tgortc_rooms;
    }

    location = /metrics {
        tgortc_redis  127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=5s;
        tgortc_metrics;
    }
--- must_die
--- error_log eval
qr/\[emerg\] \d+#\d+: "tgortc_redis" differs between /



=== TEST 11: variables, while the request is answered
--- config
    add_header X-Is "$tgortc_operation|$tgortc_room_id|$tgortc_uid|$tgortc_code" always;

    location /api/v1/rooms {
        tgortc_rooms;
    }

    location = /api/v1/health {
        tgortc_health;
    }

    location /other {
        return 200 "[$tgortc_operation$tgortc_room_id$tgortc_uid$tgortc_code$tgortc_redis_time]";
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/join
{"uid":"dave"}

GET /api/v1/rooms/sync?uid=b%6fb&device_type=web

GET /api/v1/rooms/r1

POST /api/v1/rooms/r1/invite
{"uids":["bob"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r9/end

GET /api/v1/rooms/r1/dance

GET /api/v1/health

GET /other/r1
--- error_code: 200 200 409 200 200 200 200 404 404 200 200
--- response_headers
X-Is: create|r1|alice|200

X-Is: join|r1|bob|200

X-Is: join|r1|dave|409

X-Is: sync||bob|200

X-Is: get|r1||200

X-Is: invite|r1||200

X-Is: leave|r1|bob|200

X-Is: end|r9||404

X-Is: unknown|r1||404

X-Is: health|||200

X-Is: |||
--- response_body
*
*
*
*
*
*
*
*
*
*
[]



=== TEST 12: limits by operation, room and uid, which are known before the body
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;

    map $tgortc_operation $creating {
        create  $binary_remote_addr;
    }

    limit_req_zone  $creating zone=create:1m rate=1r/m;
    limit_req_zone  $tgortc_uid zone=uid:1m rate=1r/m;
    limit_req_zone  $tgortc_room_id zone=room:1m rate=1r/m;
    limit_req_status  429;
--- config
    location /api/v1/rooms {
        limit_req  zone=create;
        limit_req  zone=uid;
        limit_req  zone=room burst=1 nodelay;
        add_header X-Is "$tgortc_operation|$tgortc_room_id|$tgortc_uid|$tgortc_code" always;
        tgortc_rooms;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms
{"creator":"bob","device_type":"app","room_id":"r2"}

GET /api/v1/rooms/sync?uid=alice&device_type=web

GET /api/v1/rooms/sync?uid=bob&device_type=web

GET /api/v1/rooms/sync?uid=alice&device_type=web

GET /api/v1/rooms/r1

GET /api/v1/rooms/r1

GET /api/v1/rooms/r1

GET /api/v1/rooms/r2
--- error_code: 200 429 200 200 429 200 200 429 404
--- response_headers
X-Is: create|r1|alice|200

X-Is: create|||429

X-Is: sync||alice|200

X-Is: sync||bob|200

X-Is: sync||alice|429

X-Is: get|r1||200

X-Is: get|r1||200

X-Is: get|r1||429

X-Is: get|r2||404
--- response_body
*
*
*
*
*
*
*
*
*
--- no_error_log
[crit]
[alert]
