# Copyright (C) TgoRTC contributors
#
# The module loads, its directives stand where they may, and a wrong
# configuration stops nginx with a line that says what is wrong and where.

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

TgoRTC::Suite::setup();

# a line of a configuration that stops nginx: [emerg] PID#TID: MESSAGE

sub emerg {
    my ($message) = @_;

    return qr/\[emerg\] \d+#\d+: $message in \S+nginx\.conf:\d+/;
}

# the line that names two places of one app, by file and line

sub differs {
    my ($directive) = @_;

    my $place = qr/\S+nginx\.conf:\d+/;

    return qr/\[emerg\] \d+#\d+: "$directive" differs between $place and $place/;
}

run_tests();

__DATA__

=== TEST 1: a room, and health
--- request
GET /api/v1/health

HEAD /api/v1/health

POST /api/v1/rooms
{"creator":"alice","device_type":"app"}
--- response_headers
Content-Type: application/json
--- response_body
{"status":"ok"}
-
{"room_id":*,"creator":"alice",*}



=== TEST 2: health without a Redis
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_RAND_PORT_1 timeout=100ms;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- request
GET /api/v1/health

POST /api/v1/rooms
{"creator":"alice","device_type":"app"}
--- error_code: 503
--- response_headers_like
Content-Type: application/json
Retry-After: [1-9]\d*
--- response_body: {"code":503,"message":"*"}
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 3: health is asked by GET
--- request
POST /api/v1/health
--- error_code: 405
--- response_headers
Content-Type: application/json
Allow: GET, HEAD
--- response_body: {"code":405,"message":"Method not allowed"}



=== TEST 4: health needs neither key nor address of LiveKit
--- http_config
    tgortc_redis  127.0.0.1:$TEST_NGINX_REDIS_PORT;
--- config
    location /health {
        tgortc_health;
    }
--- request
GET /health
--- response_body: {"status":"ok"}



=== TEST 5: everything in http
--- http_config
    tgortc_redis           127.0.0.1:$TEST_NGINX_REDIS_PORT db=0 prefix=tgortc timeout=1s;
    tgortc_livekit_key     devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_key     oldkey another-secret-of-32-characters-0000;
    tgortc_livekit_url     wss://livekit.example.com:7880/path?x=y;
    tgortc_token_ttl       1h;
    tgortc_ring_timeout    30s;
    tgortc_join_timeout    500ms;
    tgortc_room_max_age    1d;
    tgortc_room_retention  1w;
    tgortc_api_key         k1;
    tgortc_api_key         k2;
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}
--- more_headers
Authorization: Bearer k2
--- response_body
{"room_id":"r1",*,"url":"wss://livekit.example.com:7880/path?x=y",*,"timeout":30,*}



=== TEST 6: everything in a server
--- http_config
--- config
    tgortc_redis           127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key     devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url     https://livekit.example.com;
    tgortc_token_ttl       60;
    tgortc_ring_timeout    1m;
    tgortc_join_timeout    1m;
    tgortc_room_max_age    1h;
    tgortc_room_retention  1h;
    tgortc_api_key         k1;

    location /api/v1/rooms {
        tgortc_rooms;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}
--- more_headers
Authorization: Bearer k1
--- response_body
{"room_id":"r1",*,"url":"https://livekit.example.com",*,"timeout":60,*}



=== TEST 7: everything in a location
--- http_config
--- config
    location /api/v1/rooms {
        tgortc_rooms;
        tgortc_redis           127.0.0.1:$TEST_NGINX_REDIS_PORT;
        tgortc_livekit_key     devkey secret-of-at-least-32-characters-0000;
        tgortc_livekit_url     ws://livekit.example.com;
        tgortc_token_ttl       60;
        tgortc_ring_timeout    1m;
        tgortc_join_timeout    1m;
        tgortc_room_max_age    1h;
        tgortc_room_retention  1h;
        tgortc_api_key         k1;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}
--- more_headers
Authorization: Bearer k1
--- response_body
{"room_id":"r1",*,"url":"ws://livekit.example.com",*,"timeout":60,*}



=== TEST 8: a location that inherits, one that does not
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://http.example.com;
--- config
    tgortc_livekit_url   wss://server.example.com;
    tgortc_ring_timeout  20s;

    location /a {
        tgortc_rooms;
    }

    location /b {
        location /b/rooms {
            tgortc_rooms;
            tgortc_redis  127.0.0.1:$TEST_NGINX_REDIS_PORT prefix=b;
        }

        tgortc_livekit_url   wss://location.example.com;
        tgortc_ring_timeout  10s;
    }
--- request
POST /a
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /b/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}
--- response_body
{"room_id":"r1",*,"url":"wss://server.example.com",*,"timeout":20,*}
{"room_id":"r1",*,"url":"wss://location.example.com",*,"timeout":10,*}



=== TEST 9: places of one app that say the same in other words
--- http_config
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- config
    location /a {
        tgortc_rooms;
        tgortc_redis           127.0.0.1:$TEST_NGINX_REDIS_PORT;
        tgortc_ring_timeout    30s;
        tgortc_room_max_age    1d;
        tgortc_room_retention  24h;
    }

    location /b {
        tgortc_rooms;
        tgortc_redis         localhost:$TEST_NGINX_REDIS_PORT prefix=tgortc db=0 timeout=1000ms;
        tgortc_livekit_key   devkey secret-of-at-least-32-characters-0000;
        tgortc_livekit_url   wss://livekit.example.com;
        tgortc_token_ttl     60m;
        tgortc_join_timeout  1m;
    }
--- request
POST /a
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /b/r1/join
{"uid":"alice"}
--- response_body: {"room_id":"r1","creator":"alice",*}



=== TEST 10: places of different apps may say different things
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://a.example.com;
--- config
    location /a {
        tgortc_rooms;
    }

    location /b {
        tgortc_rooms;
        tgortc_redis         127.0.0.1:$TEST_NGINX_REDIS_PORT prefix=b timeout=2s;
        tgortc_livekit_url   wss://b.example.com;
        tgortc_ring_timeout  10s;
    }

    location /c {
        tgortc_rooms;
        tgortc_redis         127.0.0.1:$TEST_NGINX_REDIS_PORT db=1;
        tgortc_livekit_url   wss://c.example.com;
        tgortc_ring_timeout  20s;
    }
--- request
POST /a
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /b
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /c
{"creator":"alice","device_type":"app","room_id":"r1"}
--- response_body
{"room_id":"r1",*,"url":"wss://a.example.com",*,"timeout":30,*}
{"room_id":"r1",*,"url":"wss://b.example.com",*,"timeout":10,*}
{"room_id":"r1",*,"url":"wss://c.example.com",*,"timeout":20,*}



=== TEST 11: a secret that is shorter than the hash is warned about
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey a-short-secret;
    tgortc_livekit_url  wss://livekit.example.com;
--- request
GET /api/v1/health
--- response_body: {"status":"ok"}
--- error_log eval
qr/\[warn\] .*"tgortc_livekit_key devkey" is shorter than 32 bytes in \S+nginx\.conf:\d+/
--- no_error_log
a-short-secret



=== TEST 12: no directive in the main context
--- main_config
tgortc_redis 127.0.0.1:6379;
--- must_die
--- error_log eval
main::emerg('"tgortc_redis" directive is not allowed here')



=== TEST 13: a handler in http
--- http_config
    tgortc_rooms;
--- must_die
--- error_log eval
main::emerg('"tgortc_rooms" directive is not allowed here')



=== TEST 14: a handler in a server
--- config
    tgortc_health;
--- must_die
--- error_log eval
main::emerg('"tgortc_health" directive is not allowed here')



=== TEST 15: a handler with an argument
--- config
    location /rooms {
        tgortc_rooms on;
    }
--- must_die
--- error_log eval
main::emerg('invalid number of arguments in "tgortc_rooms" directive')



=== TEST 16: a handler in a location with a regular expression
--- config
    location ~ /rooms {
        tgortc_rooms;
    }
--- must_die
--- error_log eval
main::emerg('"tgortc_rooms" directive takes a location with a prefix, .*')



=== TEST 17: a handler in a location with a name
--- config
    location @rooms {
        tgortc_rooms;
    }
--- must_die
--- error_log eval
main::emerg('"tgortc_rooms" directive takes a location with a prefix, .*')



=== TEST 18: two handlers in a location
--- config
    location /rooms {
        tgortc_rooms;
        tgortc_health;
    }
--- must_die
--- error_log eval
main::emerg('"tgortc_health" directive is in a location that has a handler already')



=== TEST 19: a handler beside another module's
--- config
    location /rooms {
        stub_status;
        tgortc_rooms;
    }
--- must_die
--- error_log eval
main::emerg('"tgortc_rooms" directive is in a location that has a handler already')



=== TEST 20: no key of LiveKit
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_url  wss://livekit.example.com;
--- must_die
--- error_log eval
main::emerg('"tgortc_rooms" needs "tgortc_livekit_key"')



=== TEST 21: no address of LiveKit
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
--- must_die
--- error_log eval
main::emerg('"tgortc_rooms" needs "tgortc_livekit_url"')



=== TEST 22: an empty key
--- http_config
    tgortc_livekit_key  "" secret-of-at-least-32-characters-0000;
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_key" directive has an empty key')



=== TEST 23: an empty secret
--- http_config
    tgortc_livekit_key  devkey "";
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_key" directive has an empty secret')



=== TEST 24: a key without a secret
--- http_config
    tgortc_livekit_key  devkey;
--- must_die
--- error_log eval
main::emerg('invalid number of arguments in "tgortc_livekit_key" directive')



=== TEST 25: the same key twice, and the log does not have its secret
--- http_config
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0001;
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_key" has key "devkey" twice')
--- no_error_log
secret-of-at-least



=== TEST 26: an empty address of LiveKit
--- http_config
    tgortc_livekit_url  "";
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_url .*')



=== TEST 27: an address of LiveKit that is none
--- http_config
    tgortc_livekit_url  livekit.example.com;
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_url livekit.example.com" .*')



=== TEST 28: an address of LiveKit of another protocol
--- http_config
    tgortc_livekit_url  ftp://livekit.example.com;
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_url ftp://livekit.example.com" .*')



=== TEST 29: an address of LiveKit without a host
--- http_config
    tgortc_livekit_url  wss:///;
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_url wss:///" has no host')



=== TEST 30: an address of LiveKit with a space
--- http_config
    tgortc_livekit_url  "wss://livekit example";
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_url wss://livekit example" .*')



=== TEST 31: two addresses of LiveKit
--- http_config
    tgortc_livekit_url  wss://a.example.com;
    tgortc_livekit_url  wss://a.example.com;
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_url" directive is duplicate')



=== TEST 32: an empty API key
--- http_config
    tgortc_api_key  "";
--- must_die
--- error_log eval
main::emerg('"tgortc_api_key" directive is empty')



=== TEST 33: two Redis
--- http_config
    tgortc_redis  127.0.0.1:6379;
    tgortc_redis  127.0.0.1:6379;
--- must_die
--- error_log eval
main::emerg('"tgortc_redis" directive is duplicate')



=== TEST 34: a Redis on a host that nobody knows
--- http_config
    tgortc_redis  no-such-host.invalid:6379;
--- must_die
--- error_log eval
main::emerg('.*"no-such-host.invalid:6379" of "tgortc_redis"')



=== TEST 35: a Redis on a port that is none
--- http_config
    tgortc_redis  127.0.0.1:99999;
--- must_die
--- error_log eval
main::emerg('.*"127.0.0.1:99999".*"tgortc_redis".*')



=== TEST 36: a Redis on a port of letters
--- http_config
    tgortc_redis  127.0.0.1:redis;
--- must_die
--- error_log eval
main::emerg('.*"127.0.0.1:redis".*"tgortc_redis".*')



=== TEST 37: a Redis without a host
--- http_config
    tgortc_redis  ":6379";
--- must_die
--- error_log eval
main::emerg('.*":6379".*"tgortc_redis".*')



=== TEST 38: a Redis whose address is empty
--- http_config
    tgortc_redis  "";
--- must_die
--- error_log eval
main::emerg('.*"tgortc_redis".*')



=== TEST 39: a Redis with a path of another kind
--- http_config
    tgortc_redis  127.0.0.1:6379/1;
--- must_die
--- error_log eval
main::emerg('"tgortc_redis 127.0.0.1:6379/1" takes host:port or unix:path, the database is "db="')



=== TEST 40: a Redis with a URL: its password is not said
--- http_config
    tgortc_redis  redis://calls:p@ss@127.0.0.1:6379;
--- must_die
--- error_log eval
main::emerg('"tgortc_redis 127.0.0.1:6379" takes host:port or unix:path, the database is "db="')



=== TEST 41: a Redis on an empty path
--- http_config
    tgortc_redis  unix:;
--- must_die
--- error_log eval
main::emerg('.*"unix:".*"tgortc_redis".*')



=== TEST 42: Redis, two databases
--- http_config
    tgortc_redis  127.0.0.1:6379 db=1 prefix=a db=2;
--- must_die
--- error_log eval
main::emerg('duplicate parameter "db=" of "tgortc_redis"')



=== TEST 43: Redis, two passwords
--- http_config
    tgortc_redis  127.0.0.1:6379 password=first-pass password=second-pass;
--- must_die
--- error_log eval
main::emerg('duplicate parameter "password=" of "tgortc_redis"')
--- no_error_log eval
["first-pass", "second-pass"]



=== TEST 44: Redis, a database that is no number
--- http_config
    tgortc_redis  127.0.0.1:6379 db=one;
--- must_die
--- error_log eval
main::emerg('invalid parameter "db=one" of "tgortc_redis"')



=== TEST 45: Redis, a database below 0
--- http_config
    tgortc_redis  127.0.0.1:6379 db=-1;
--- must_die
--- error_log eval
main::emerg('invalid parameter "db=-1" of "tgortc_redis"')



=== TEST 46: Redis, an empty database
--- http_config
    tgortc_redis  127.0.0.1:6379 db=;
--- must_die
--- error_log eval
main::emerg('invalid parameter "db=" of "tgortc_redis"')



=== TEST 47: Redis, an empty prefix
--- http_config
    tgortc_redis  127.0.0.1:6379 prefix=;
--- must_die
--- error_log eval
main::emerg('invalid parameter "prefix=" of "tgortc_redis"')



=== TEST 48: Redis, a prefix with braces
--- http_config
    tgortc_redis  127.0.0.1:6379 "prefix=a{b";
--- must_die
--- error_log eval
main::emerg('invalid parameter "prefix=a[{]b" of "tgortc_redis"')



=== TEST 49: Redis, a prefix with a closing brace
--- http_config
    tgortc_redis  127.0.0.1:6379 "prefix=a}b";
--- must_die
--- error_log eval
main::emerg('invalid parameter "prefix=a[}]b" of "tgortc_redis"')



=== TEST 50: Redis, no timeout at all
--- http_config
    tgortc_redis  127.0.0.1:6379 timeout=0;
--- must_die
--- error_log eval
main::emerg('invalid parameter "timeout=0" of "tgortc_redis"')



=== TEST 51: Redis, an empty timeout
--- http_config
    tgortc_redis  127.0.0.1:6379 timeout=;
--- must_die
--- error_log eval
main::emerg('invalid parameter "timeout=" of "tgortc_redis"')



=== TEST 52: Redis, a timeout that is no time
--- http_config
    tgortc_redis  127.0.0.1:6379 timeout=soon;
--- must_die
--- error_log eval
main::emerg('invalid parameter "timeout=soon" of "tgortc_redis"')



=== TEST 53: Redis, a timeout in a unit that nobody knows
--- http_config
    tgortc_redis  127.0.0.1:6379 timeout=5x;
--- must_die
--- error_log eval
main::emerg('invalid parameter "timeout=5x" of "tgortc_redis"')



=== TEST 54: Redis, a parameter that nobody knows
--- http_config
    tgortc_redis  127.0.0.1:6379 retry=1;
--- must_die
--- error_log eval
main::emerg('unknown parameter "retry=" of "tgortc_redis"')



=== TEST 55: Redis, a parameter without a value
--- http_config
    tgortc_redis  127.0.0.1:6379 db;
--- must_die
--- error_log eval
main::emerg('unknown parameter "db" of "tgortc_redis"')



=== TEST 56: Redis, a parameter in capitals
--- http_config
    tgortc_redis  127.0.0.1:6379 DB=1;
--- must_die
--- error_log eval
main::emerg('unknown parameter "DB=" of "tgortc_redis"')



=== TEST 57: Redis, a user without a password
--- http_config
    tgortc_redis  127.0.0.1:6379 user=alice;
--- must_die
--- error_log eval
main::emerg('"tgortc_redis" directive has "user=" without "password="')



=== TEST 58: Redis, no address
--- http_config
    tgortc_redis;
--- must_die
--- error_log eval
main::emerg('invalid number of arguments in "tgortc_redis" directive')



=== TEST 59: tgortc_token_ttl of 0
--- http_config
    tgortc_token_ttl  0;
--- must_die
--- error_log eval
main::emerg('"tgortc_token_ttl" directive must be longer than 0')



=== TEST 60: tgortc_token_ttl that is no time
--- http_config
    tgortc_token_ttl  soon;
--- must_die
--- error_log eval
main::emerg('"tgortc_token_ttl" directive invalid value')



=== TEST 61: tgortc_token_ttl below 0
--- http_config
    tgortc_token_ttl  -1;
--- must_die
--- error_log eval
main::emerg('"tgortc_token_ttl" directive invalid value')



=== TEST 62: tgortc_token_ttl twice
--- http_config
    tgortc_token_ttl  1m;
    tgortc_token_ttl  1m;
--- must_die
--- error_log eval
main::emerg('"tgortc_token_ttl" directive is duplicate')



=== TEST 63: tgortc_ring_timeout of 0
--- http_config
    tgortc_ring_timeout  0;
--- must_die
--- error_log eval
main::emerg('"tgortc_ring_timeout" directive must be longer than 0')



=== TEST 64: tgortc_ring_timeout that is no time
--- http_config
    tgortc_ring_timeout  soon;
--- must_die
--- error_log eval
main::emerg('"tgortc_ring_timeout" directive invalid value')



=== TEST 65: tgortc_ring_timeout below 0
--- http_config
    tgortc_ring_timeout  -1;
--- must_die
--- error_log eval
main::emerg('"tgortc_ring_timeout" directive invalid value')



=== TEST 66: tgortc_ring_timeout twice
--- http_config
    tgortc_ring_timeout  1m;
    tgortc_ring_timeout  1m;
--- must_die
--- error_log eval
main::emerg('"tgortc_ring_timeout" directive is duplicate')



=== TEST 67: tgortc_join_timeout of 0
--- http_config
    tgortc_join_timeout  0;
--- must_die
--- error_log eval
main::emerg('"tgortc_join_timeout" directive must be longer than 0')



=== TEST 68: tgortc_join_timeout that is no time
--- http_config
    tgortc_join_timeout  soon;
--- must_die
--- error_log eval
main::emerg('"tgortc_join_timeout" directive invalid value')



=== TEST 69: tgortc_join_timeout below 0
--- http_config
    tgortc_join_timeout  -1;
--- must_die
--- error_log eval
main::emerg('"tgortc_join_timeout" directive invalid value')



=== TEST 70: tgortc_join_timeout twice
--- http_config
    tgortc_join_timeout  1m;
    tgortc_join_timeout  1m;
--- must_die
--- error_log eval
main::emerg('"tgortc_join_timeout" directive is duplicate')



=== TEST 71: tgortc_room_max_age of 0
--- http_config
    tgortc_room_max_age  0;
--- must_die
--- error_log eval
main::emerg('"tgortc_room_max_age" directive must be longer than 0')



=== TEST 72: tgortc_room_max_age that is no time
--- http_config
    tgortc_room_max_age  soon;
--- must_die
--- error_log eval
main::emerg('"tgortc_room_max_age" directive invalid value')



=== TEST 73: tgortc_room_max_age below 0
--- http_config
    tgortc_room_max_age  -1;
--- must_die
--- error_log eval
main::emerg('"tgortc_room_max_age" directive invalid value')



=== TEST 74: tgortc_room_max_age twice
--- http_config
    tgortc_room_max_age  1m;
    tgortc_room_max_age  1m;
--- must_die
--- error_log eval
main::emerg('"tgortc_room_max_age" directive is duplicate')



=== TEST 75: tgortc_room_retention of 0
--- http_config
    tgortc_room_retention  0;
--- must_die
--- error_log eval
main::emerg('"tgortc_room_retention" directive must be longer than 0')



=== TEST 76: tgortc_room_retention that is no time
--- http_config
    tgortc_room_retention  soon;
--- must_die
--- error_log eval
main::emerg('"tgortc_room_retention" directive invalid value')



=== TEST 77: tgortc_room_retention below 0
--- http_config
    tgortc_room_retention  -1;
--- must_die
--- error_log eval
main::emerg('"tgortc_room_retention" directive invalid value')



=== TEST 78: tgortc_room_retention twice
--- http_config
    tgortc_room_retention  1m;
    tgortc_room_retention  1m;
--- must_die
--- error_log eval
main::emerg('"tgortc_room_retention" directive is duplicate')



=== TEST 79: two places of an app differ in the timeout of Redis
--- http_config
    tgortc_redis  127.0.0.1:6379;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- config
    location /a {
        tgortc_rooms;
        tgortc_redis  127.0.0.1:6379 timeout=1s;
    }

    location /b {
        tgortc_rooms;
        tgortc_redis  127.0.0.1:6379 timeout=2s;
    }
--- must_die
--- error_log eval
main::differs('tgortc_redis')



=== TEST 80: two places of an app differ in the password of Redis
--- http_config
    tgortc_redis  127.0.0.1:6379;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- config
    location /a {
        tgortc_rooms;
        tgortc_redis  127.0.0.1:6379 password=one;
    }

    location /b {
        tgortc_rooms;
        tgortc_redis  127.0.0.1:6379 password=two;
    }
--- must_die
--- error_log eval
main::differs('tgortc_redis')
--- no_error_log eval
qr/password=(one|two)/



=== TEST 81: two places of an app differ in the user of Redis
--- http_config
    tgortc_redis  127.0.0.1:6379;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- config
    location /a {
        tgortc_rooms;
        tgortc_redis  127.0.0.1:6379 user=one password=p;
    }

    location /b {
        tgortc_rooms;
        tgortc_redis  127.0.0.1:6379 user=two password=p;
    }
--- must_die
--- error_log eval
main::differs('tgortc_redis')



=== TEST 82: two places of an app differ in the key of LiveKit
--- http_config
    tgortc_redis  127.0.0.1:6379;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- config
    location /a {
        tgortc_rooms;
        tgortc_livekit_key  k1 secret-of-at-least-32-characters-0000;
    }

    location /b {
        tgortc_rooms;
        tgortc_livekit_key  k2 secret-of-at-least-32-characters-0000;
    }
--- must_die
--- error_log eval
main::differs('tgortc_livekit_key')
--- no_error_log
secret-of-at-least



=== TEST 83: two places of an app differ in the secret of LiveKit
--- http_config
    tgortc_redis  127.0.0.1:6379;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- config
    location /a {
        tgortc_rooms;
        tgortc_livekit_key  k1 secret-of-at-least-32-characters-0000;
    }

    location /b {
        tgortc_rooms;
        tgortc_livekit_key  k1 secret-of-at-least-32-characters-0001;
    }
--- must_die
--- error_log eval
main::differs('tgortc_livekit_key')
--- no_error_log
secret-of-at-least



=== TEST 84: two places of an app differ in the number of keys of LiveKit
--- http_config
    tgortc_redis  127.0.0.1:6379;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- config
    location /a {
        tgortc_rooms;
        tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    }

    location /b {
        tgortc_rooms;
        tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
        tgortc_livekit_key  k2 secret-of-at-least-32-characters-0001;
    }
--- must_die
--- error_log eval
main::differs('tgortc_livekit_key')
--- no_error_log
secret-of-at-least



=== TEST 85: two places of an app differ in the address of LiveKit
--- http_config
    tgortc_redis  127.0.0.1:6379;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- config
    location /a {
        tgortc_rooms;
        tgortc_livekit_url  wss://a.example.com;
    }

    location /b {
        tgortc_rooms;
        tgortc_livekit_url  wss://b.example.com;
    }
--- must_die
--- error_log eval
main::differs('tgortc_livekit_url')
--- no_error_log
secret-of-at-least



=== TEST 86: two places of an app differ in tgortc_token_ttl
--- http_config
    tgortc_redis  127.0.0.1:6379;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- config
    location /a {
        tgortc_rooms;
        tgortc_token_ttl  10s;
    }

    location /b {
        tgortc_rooms;
        tgortc_token_ttl  20s;
    }
--- must_die
--- error_log eval
main::differs('tgortc_token_ttl')



=== TEST 87: two places of an app differ in tgortc_ring_timeout
--- http_config
    tgortc_redis  127.0.0.1:6379;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- config
    location /a {
        tgortc_rooms;
        tgortc_ring_timeout  10s;
    }

    location /b {
        tgortc_rooms;
        tgortc_ring_timeout  20s;
    }
--- must_die
--- error_log eval
main::differs('tgortc_ring_timeout')



=== TEST 88: two places of an app differ in tgortc_join_timeout
--- http_config
    tgortc_redis  127.0.0.1:6379;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- config
    location /a {
        tgortc_rooms;
        tgortc_join_timeout  10s;
    }

    location /b {
        tgortc_rooms;
        tgortc_join_timeout  20s;
    }
--- must_die
--- error_log eval
main::differs('tgortc_join_timeout')



=== TEST 89: two places of an app differ in tgortc_room_max_age
--- http_config
    tgortc_redis  127.0.0.1:6379;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- config
    location /a {
        tgortc_rooms;
        tgortc_room_max_age  10s;
    }

    location /b {
        tgortc_rooms;
        tgortc_room_max_age  20s;
    }
--- must_die
--- error_log eval
main::differs('tgortc_room_max_age')



=== TEST 90: two places of an app differ in tgortc_room_retention
--- http_config
    tgortc_redis  127.0.0.1:6379;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- config
    location /a {
        tgortc_rooms;
        tgortc_room_retention  10s;
    }

    location /b {
        tgortc_rooms;
        tgortc_room_retention  20s;
    }
--- must_die
--- error_log eval
main::differs('tgortc_room_retention')



=== TEST 91: two places of an app that name its Redis differently
--- http_config
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- config
    location /a {
        tgortc_rooms;
        tgortc_redis  127.0.0.1;
    }

    location /b {
        tgortc_rooms;
        tgortc_redis  localhost:6379 timeout=2s;
    }
--- must_die
--- error_log eval
main::differs('tgortc_redis')



=== TEST 92: two servers with one app, and the Redis that is the default
--- http_config
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;

    server {
        listen  127.0.0.1:$TEST_NGINX_RAND_PORT_1;

        location /rooms {
            tgortc_rooms;
            tgortc_ring_timeout  10s;
        }
    }
--- config
    location /rooms {
        tgortc_rooms;
        tgortc_redis  127.0.0.1:6379 db=0 prefix=tgortc;
    }
--- must_die
--- error_log eval
main::differs('tgortc_ring_timeout')



=== TEST 93: a handler before another module's
--- config
    location /rooms {
        tgortc_rooms;
        proxy_pass  http://127.0.0.1:1;
    }
--- must_die
--- error_log eval
main::emerg('"tgortc_rooms" is in a location that has another handler behind it')
