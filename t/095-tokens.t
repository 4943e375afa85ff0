# Copyright (C) TgoRTC contributors
#
# LiveKit's tokens: what is in them, who signs them.

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

TgoRTC::Suite::setup();

run_tests();

__DATA__

=== TEST 1: the header
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}
--- response_body_filters eval
\&TgoRTC::Suite::header
--- response_body: {"alg":"HS256","typ":"JWT"}



=== TEST 2: the claims in an audio call
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","rtc_type":0}
--- response_body_filters eval
\&TgoRTC::Suite::claims
--- response_body
{"exp":3600,"iat":0,"iss":"devkey","metadata":"{\"device_type\":\"app\"}","nbf":"NOW","roomConfig":{"maxParticipants":2},"sub":"alice","video":{"canPublish":true,"canPublishData":true,"canPublishSources":["microphone"],"canSubscribe":true,"room":"r1","roomJoin":true}}



=== TEST 3: the claims in a video call
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","rtc_type":1}
--- response_body_filters eval
\&TgoRTC::Suite::claims
--- response_body
{"exp":3600,"iat":0,"iss":"devkey","metadata":"{\"device_type\":\"app\"}","nbf":"NOW","roomConfig":{"maxParticipants":2},"sub":"alice","video":{"canPublish":true,"canPublishData":true,"canSubscribe":true,"room":"r1","roomJoin":true}}



=== TEST 4: a call is audio unless it says otherwise
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}
--- response_body_filters eval
\&TgoRTC::Suite::claims
--- response_body
{*,"canPublishSources":["microphone"],*}



=== TEST 5: who joins, by the kind and the limit of the room
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","rtc_type":1,"max_participants":50}

POST /api/v1/rooms/r1/join
{"uid":"bob","device_type":"web","rtc_type":0}
--- response_body_filters eval
\&TgoRTC::Suite::claims
--- response_body
{*,"sub":"alice",*}
{"exp":3600,"iat":0,"iss":"devkey","metadata":"{\"device_type\":\"web\"}","nbf":"NOW","roomConfig":{"maxParticipants":50},"sub":"bob","video":{"canPublish":true,"canPublishData":true,"canSubscribe":true,"room":"r1","roomJoin":true}}



=== TEST 6: who joins an audio call
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms/r1/join
{"uid":"bob","device_type":"web"}
--- response_body_filters eval
\&TgoRTC::Suite::claims
--- response_body
{*,"sub":"alice",*}
{"exp":3600,"iat":0,"iss":"devkey","metadata":"{\"device_type\":\"web\"}","nbf":"NOW","roomConfig":{"maxParticipants":2},"sub":"bob","video":{"canPublish":true,"canPublishData":true,"canPublishSources":["microphone"],"canSubscribe":true,"room":"r1","roomJoin":true}}



=== TEST 7: sync, for the device that asks
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob"]}

GET /api/v1/rooms/sync?uid=bob&device_type=tablet

GET /api/v1/rooms/sync?uid=alice&device_type=pc
--- response_body_filters eval
\&TgoRTC::Suite::claims
--- response_body
{*,"sub":"alice",*}
{"exp":3600,"iat":0,"iss":"devkey","metadata":"{\"device_type\":\"tablet\"}","nbf":"NOW","roomConfig":{"maxParticipants":3},"sub":"bob","video":{"canPublish":true,"canPublishData":true,"canPublishSources":["microphone"],"canSubscribe":true,"room":"r1","roomJoin":true}}
{"exp":3600,"iat":0,"iss":"devkey","metadata":"{\"device_type\":\"pc\"}","nbf":"NOW","roomConfig":{"maxParticipants":3},"sub":"alice","video":{"canPublish":true,"canPublishData":true,"canPublishSources":["microphone"],"canSubscribe":true,"room":"r1","roomJoin":true}}



=== TEST 8: names that need escaping, in metadata twice
--- request
POST /api/v1/rooms
{"creator":"al\"ice\\ \u00e9\ud83d\ude00","device_type":"a\"b\\c\u00e9","room_id":"A-z_0.9~:@"}
--- response_body_filters eval
\&TgoRTC::Suite::claims
--- response_body
{*,"metadata":"{\"device_type\":\"a\\\"b\\\\cé\"}",*,"sub":"al\"ice\\ é😀",*,"room":"A-z_0.9~:@",*}



=== TEST 9: the signature, under the raw bytes of the secret
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey c2VjcmV0LXRoYXQtbG9va3MtbGlrZS1iYXNlNjQ=;
    tgortc_livekit_url  wss://livekit.example.com;
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

GET /api/v1/rooms/sync?uid=alice&device_type=app
--- response_body_filters eval
sub { TgoRTC::Suite::signed($_[0], 'c2VjcmV0LXRoYXQtbG9va3MtbGlrZS1iYXNlNjQ=') }
--- response_body: yes



=== TEST 10: of several keys the first signs
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  newkey new-secret-of-at-least-32-characters;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}
--- response_body_filters eval
sub {
    my ($body) = @_;

    return TgoRTC::Suite::signed($body, 'new-secret-of-at-least-32-characters')
           . ' ' . TgoRTC::Suite::claims($body);
}
--- response_body
yes {*,"iss":"newkey",*}



=== TEST 11: keys of a level replace those above it
--- config
    tgortc_livekit_key  ourkey our-secret-of-at-least-32-characters;

    location /api/v1/rooms {
        tgortc_rooms;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}
--- response_body_filters eval
sub {
    my ($body) = @_;

    return TgoRTC::Suite::signed($body, 'our-secret-of-at-least-32-characters')
           . ' ' . TgoRTC::Suite::claims($body);
}
--- response_body
yes {*,"iss":"ourkey",*}



=== TEST 12: each app has its own
--- config
    location /a {
        tgortc_rooms;
    }

    location /b {
        tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT prefix=b;
        tgortc_livekit_key  ourkey our-secret-of-at-least-32-characters;
        tgortc_token_ttl    90s;
        tgortc_rooms;
    }
--- request
POST /a
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /b
{"creator":"alice","device_type":"app","room_id":"r1"}
--- response_body_filters eval
\&TgoRTC::Suite::claims
--- response_body
{"exp":3600,"iat":0,"iss":"devkey",*}
{"exp":90,"iat":0,"iss":"ourkey",*}



=== TEST 13: tgortc_token_ttl
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
    tgortc_token_ttl    5m;
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms/r1/join
{"uid":"bob","device_type":"app"}

GET /api/v1/rooms/sync?uid=alice&device_type=app
--- response_body_filters eval
\&TgoRTC::Suite::claims
--- response_body: {"exp":300,"iat":0,*,"nbf":"NOW",*}
