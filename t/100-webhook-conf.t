# Copyright (C) TgoRTC contributors
#
# The directives of webhooks and of what came with them: where they may stand,
# what stops nginx with a line that says what is wrong and where, and that no
# secret is in that line.

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

=== TEST 1: everything in http
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
    tgortc_rejoin_grace           5s;
    tgortc_webhook                http://127.0.0.1:$TEST_NGINX_SERVER_PORT/hook?a=b
                                  name=app secret=first
                                  secret=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
                                  timeout=60s max_in_flight=1024
                                  events=room.started,room.finished,participant.invited,participant.joined,participant.left,participant.rejected,participant.missed,participant.cancelled;
    tgortc_webhook                HTTPS://webhook.example.com:8443/hook timeout=1ms max_in_flight=1 events=room.finished;
    tgortc_webhook                http://[::1]:9/ events=room.finished;
    tgortc_webhook                http://127.0.0.1:9?x events=room.finished;
    tgortc_webhook_retry          delays=500ms,5s,1m,1h max_age=2h max_queued=1000;
    tgortc_webhook_log_retention  1d;
    tgortc_livekit_api            https://livekit.example.com:7880/path/;
--- config
    location /api/v1/rooms {
        tgortc_rooms;
    }

    location /api/v1/webhooks/livekit {
        tgortc_livekit_webhook;
    }

    location /api/v1/webhooks/logs {
        tgortc_webhook_logs;
    }

    location = /hook {
        return 200;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}
--- response_body: {"room_id":"r1",*}



=== TEST 2: everything in a server
--- http_config

--- config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
    tgortc_rejoin_grace           5s;
    tgortc_webhook                http://127.0.0.1:9/ events=room.finished;
    tgortc_webhook_retry          max_queued=1;
    tgortc_webhook_log_retention  1w;

    location /api/v1/rooms {
        tgortc_rooms;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}
--- response_body: {"room_id":"r1",*}



=== TEST 3: everything in a location
--- http_config

--- config
    location /api/v1/rooms {
        tgortc_rooms;
        tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
        tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
        tgortc_livekit_url  wss://livekit.example.com;
        tgortc_rejoin_grace           5s;
        tgortc_webhook                http://127.0.0.1:9/ events=room.finished;
        tgortc_webhook_retry          max_age=500s;
        tgortc_webhook_log_retention  500ms;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}
--- response_body: {"room_id":"r1",*}



=== TEST 4: places of one app that say the same in other words
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- config
    location /api/v1/rooms {
        tgortc_rooms;
        tgortc_webhook        http://127.0.0.1:9/a name=b timeout=10s secret=x events=room.finished,room.started;
        tgortc_webhook_retry  delays=60s,1h max_age=24h;
    }

    location /api/v1/webhooks/livekit {
        tgortc_livekit_webhook;
        tgortc_webhook                http://127.0.0.1:9/a secret=x max_in_flight=64 events=room.started,room.finished name=b;
        tgortc_webhook_retry          max_age=1d delays=1m,60m max_queued=1000000;
        tgortc_webhook_log_retention  7d;
        tgortc_rejoin_grace           10s;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}
--- response_body: {"room_id":"r1",*}



=== TEST 5: places of different apps may say different things; health may anyway
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
    tgortc_webhook      http://127.0.0.1:9/a events=room.finished;
--- config
    location /a {
        tgortc_rooms;
    }

    location /b {
        tgortc_rooms;
        tgortc_redis                  127.0.0.1:$TEST_NGINX_REDIS_PORT prefix=b;
        tgortc_webhook                http://127.0.0.1:9/b events=room.finished;
        tgortc_webhook_retry          max_queued=5;
        tgortc_webhook_log_retention  5d;
        tgortc_rejoin_grace           5s;
    }

    location /health {
        tgortc_health;
        tgortc_webhook                http://127.0.0.1:9/c;
        tgortc_webhook_retry          max_queued=6;
        tgortc_webhook_log_retention  6d;
        tgortc_rejoin_grace           6s;
    }
--- request
POST /a
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /b
{"creator":"alice","device_type":"app","room_id":"r1"}

GET /health
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{"status":"ok"}



=== TEST 6: nothing of it in the main context
--- main_config
tgortc_webhook http://a.example.com/;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook" directive is not allowed here')



=== TEST 7: LiveKit's webhook in http
--- http_config
    tgortc_livekit_webhook;
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_webhook" directive is not allowed here')



=== TEST 8: LiveKit's webhook in a server
--- config
    tgortc_livekit_webhook;
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_webhook" directive is not allowed here')



=== TEST 9: LiveKit's webhook in a location with a regular expression
--- config
    location ~ /x {
        tgortc_livekit_webhook;
    }
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_webhook" directive takes a location with a prefix, .*')



=== TEST 10: LiveKit's webhook in a location with a name
--- config
    location @x {
        tgortc_livekit_webhook;
    }
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_webhook" directive takes a location with a prefix, .*')



=== TEST 11: LiveKit's webhook with an argument
--- config
    location /x {
        tgortc_livekit_webhook on;
    }
--- must_die
--- error_log eval
main::emerg('invalid number of arguments in "tgortc_livekit_webhook" directive')



=== TEST 12: LiveKit's webhook beside rooms
--- config
    location /x {
        tgortc_rooms;
        tgortc_livekit_webhook;
    }
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_webhook" directive is in a location that has a handler already')



=== TEST 13: LiveKit's webhook without a key of LiveKit
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_url  wss://livekit.example.com;
--- config
    location /x {
        tgortc_livekit_webhook;
    }
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_webhook" needs "tgortc_livekit_key"')



=== TEST 14: the logs in http
--- http_config
    tgortc_webhook_logs;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook_logs" directive is not allowed here')



=== TEST 15: the logs in a server
--- config
    tgortc_webhook_logs;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook_logs" directive is not allowed here')



=== TEST 16: the logs in a location with a regular expression
--- config
    location ~ /x {
        tgortc_webhook_logs;
    }
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook_logs" directive takes a location with a prefix, .*')



=== TEST 17: the logs in a location with a name
--- config
    location @x {
        tgortc_webhook_logs;
    }
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook_logs" directive takes a location with a prefix, .*')



=== TEST 18: the logs with an argument
--- config
    location /x {
        tgortc_webhook_logs on;
    }
--- must_die
--- error_log eval
main::emerg('invalid number of arguments in "tgortc_webhook_logs" directive')



=== TEST 19: the logs beside rooms
--- config
    location /x {
        tgortc_rooms;
        tgortc_webhook_logs;
    }
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook_logs" directive is in a location that has a handler already')



=== TEST 20: the logs without a key of LiveKit
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_url  wss://livekit.example.com;
--- config
    location /x {
        tgortc_webhook_logs;
    }
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook_logs" needs "tgortc_livekit_key"')



=== TEST 21: LiveKit's webhook and the logs need no address of LiveKit
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
--- config
    location /livekit {
        tgortc_livekit_webhook;
    }

    location /logs {
        tgortc_webhook_logs;
    }
--- request
POST /livekit
{}

GET /logs
--- error_code: 401 200
--- response_body
{"code":401,*}
{"code":200,"message":"ok","data":{"entries":[],"next_cursor":null}}



=== TEST 22: no address of an endpoint
--- http_config
    tgortc_webhook;
--- must_die
--- error_log eval
main::emerg('invalid number of arguments in "tgortc_webhook" directive')



=== TEST 23: an empty address
--- http_config
    tgortc_webhook "";
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook " does not begin with "http://" or "https://"')



=== TEST 24: an address without a protocol
--- http_config
    tgortc_webhook webhook.example.com/hook;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook webhook\.example\.com/hook" does not begin with "http://" or "https://"')



=== TEST 25: an address of another protocol
--- http_config
    tgortc_webhook ftp://webhook.example.com/;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook ftp://webhook\.example\.com/" does not begin with "http://" or "https://"')



=== TEST 26: an address that is relative
--- http_config
    tgortc_webhook //webhook.example.com/;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook //webhook\.example\.com/" does not begin with "http://" or "https://"')



=== TEST 27: an address with half a protocol
--- http_config
    tgortc_webhook http:/webhook.example.com;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook http:/webhook\.example\.com" does not begin with "http://" or "https://"')



=== TEST 28: an address that is a socket
--- http_config
    tgortc_webhook unix:/run/webhook.sock;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook unix:/run/webhook\.sock" does not begin with "http://" or "https://"')



=== TEST 29: an address without a host: http://
--- http_config
    tgortc_webhook http://;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook http://" has no host')



=== TEST 30: an address without a host: https:///hook
--- http_config
    tgortc_webhook https:///hook;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook https:///hook" has no host')



=== TEST 31: an address without a host: http://:80/hook
--- http_config
    tgortc_webhook http://:80/hook;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook http://:80/hook" has no host')



=== TEST 32: an address without a host: https://?hook
--- http_config
    tgortc_webhook https://?hook;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook https://\?hook" has no host')



=== TEST 33: an address with a space
--- http_config
    tgortc_webhook "http://webhook.example.com/a b";
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook http://webhook\.example\.com/a b" has a character that no URL has')



=== TEST 34: an address with a letter that needs to be encoded
--- http_config
    tgortc_webhook "http://webhook.example.com/é";
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook http://webhook\.example\.com/é" has a character that no URL has')



=== TEST 35: an address with a fragment
--- http_config
    tgortc_webhook "http://webhook.example.com/#hook";
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook http://webhook\.example\.com/#hook" has a character that no URL has')



=== TEST 36: an address that is none: http://webhook.example.com:99999/
--- http_config
    tgortc_webhook "http://webhook.example.com:99999/";
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook http://webhook\.example\.com:99999/" is not a URL')



=== TEST 37: an address that is none: http://webhook.example.com:http/
--- http_config
    tgortc_webhook "http://webhook.example.com:http/";
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook http://webhook\.example\.com:http/" is not a URL')



=== TEST 38: an address that is none: http://[::1/
--- http_config
    tgortc_webhook "http://[::1/";
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook http://\[::1/" is not a URL')



=== TEST 39: an endpoint, an empty name
--- http_config
    tgortc_webhook http://webhook.example.com/ name=;
--- must_die
--- error_log eval
main::emerg('invalid parameter "name=" of "tgortc_webhook"')



=== TEST 40: an endpoint, a name of 65 characters
--- http_config
    tgortc_webhook http://webhook.example.com/ name=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx;
--- must_die
--- error_log eval
main::emerg('invalid parameter "name=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" of "tgortc_webhook"')



=== TEST 41: an endpoint, an empty timeout
--- http_config
    tgortc_webhook http://webhook.example.com/ timeout=;
--- must_die
--- error_log eval
main::emerg('invalid parameter "timeout=" of "tgortc_webhook"')



=== TEST 42: an endpoint, no timeout at all
--- http_config
    tgortc_webhook http://webhook.example.com/ timeout=0;
--- must_die
--- error_log eval
main::emerg('invalid parameter "timeout=0" of "tgortc_webhook"')



=== TEST 43: an endpoint, a timeout that is no time
--- http_config
    tgortc_webhook http://webhook.example.com/ timeout=soon;
--- must_die
--- error_log eval
main::emerg('invalid parameter "timeout=soon" of "tgortc_webhook"')



=== TEST 44: an endpoint, a timeout below 0
--- http_config
    tgortc_webhook http://webhook.example.com/ timeout=-1;
--- must_die
--- error_log eval
main::emerg('invalid parameter "timeout=-1" of "tgortc_webhook"')



=== TEST 45: an endpoint, a timeout of more than a minute
--- http_config
    tgortc_webhook http://webhook.example.com/ timeout=61s;
--- must_die
--- error_log eval
main::emerg('invalid parameter "timeout=61s" of "tgortc_webhook"')



=== TEST 46: an endpoint, a timeout in a unit that nobody knows
--- http_config
    tgortc_webhook http://webhook.example.com/ timeout=5x;
--- must_die
--- error_log eval
main::emerg('invalid parameter "timeout=5x" of "tgortc_webhook"')



=== TEST 47: an endpoint, an empty max_in_flight
--- http_config
    tgortc_webhook http://webhook.example.com/ max_in_flight=;
--- must_die
--- error_log eval
main::emerg('invalid parameter "max_in_flight=" of "tgortc_webhook"')



=== TEST 48: an endpoint, none in flight
--- http_config
    tgortc_webhook http://webhook.example.com/ max_in_flight=0;
--- must_die
--- error_log eval
main::emerg('invalid parameter "max_in_flight=0" of "tgortc_webhook"')



=== TEST 49: an endpoint, fewer than none in flight
--- http_config
    tgortc_webhook http://webhook.example.com/ max_in_flight=-1;
--- must_die
--- error_log eval
main::emerg('invalid parameter "max_in_flight=-1" of "tgortc_webhook"')



=== TEST 50: an endpoint, too many in flight
--- http_config
    tgortc_webhook http://webhook.example.com/ max_in_flight=1025;
--- must_die
--- error_log eval
main::emerg('invalid parameter "max_in_flight=1025" of "tgortc_webhook"')



=== TEST 51: an endpoint, max_in_flight that is no number
--- http_config
    tgortc_webhook http://webhook.example.com/ max_in_flight=many;
--- must_die
--- error_log eval
main::emerg('invalid parameter "max_in_flight=many" of "tgortc_webhook"')



=== TEST 52: an endpoint, two names
--- http_config
    tgortc_webhook http://webhook.example.com/?name=x name=a secret=s name=b;
--- must_die
--- error_log eval
main::emerg('duplicate parameter "name=" of "tgortc_webhook"')



=== TEST 53: an endpoint, the same list twice
--- http_config
    tgortc_webhook http://webhook.example.com/ events=room.started events=room.started;
--- must_die
--- error_log eval
main::emerg('duplicate parameter "events=" of "tgortc_webhook"')



=== TEST 54: an endpoint, a parameter that nobody knows
--- http_config
    tgortc_webhook http://webhook.example.com/ retries=5;
--- must_die
--- error_log eval
main::emerg('unknown parameter "retries=" of "tgortc_webhook"')



=== TEST 55: an endpoint, a parameter in capitals
--- http_config
    tgortc_webhook http://webhook.example.com/ NAME=app;
--- must_die
--- error_log eval
main::emerg('unknown parameter "NAME=" of "tgortc_webhook"')



=== TEST 56: an endpoint, a parameter without a value
--- http_config
    tgortc_webhook http://webhook.example.com/ name;
--- must_die
--- error_log eval
main::emerg('unknown parameter "name" of "tgortc_webhook"')



=== TEST 57: an endpoint, a secret without a value
--- http_config
    tgortc_webhook http://webhook.example.com/ secret;
--- must_die
--- error_log eval
main::emerg('unknown parameter "secret" of "tgortc_webhook"')



=== TEST 58: an endpoint, a misspelt secret
--- http_config
    tgortc_webhook http://webhook.example.com/ secrets=top-secret;
--- must_die
--- error_log eval
main::emerg('unknown parameter "secrets=" of "tgortc_webhook"')
--- no_error_log
top-secret



=== TEST 59: an endpoint, an empty secret
--- http_config
    tgortc_webhook http://webhook.example.com/ secret=;
--- must_die
--- error_log eval
main::emerg('an empty "secret=" of "tgortc_webhook http://webhook\.example\.com/"')



=== TEST 60: an endpoint, an empty second secret
--- http_config
    tgortc_webhook http://webhook.example.com/ secret=top-secret secret=;
--- must_die
--- error_log eval
main::emerg('an empty "secret=" of "tgortc_webhook http://webhook\.example\.com/"')
--- no_error_log
top-secret



=== TEST 61: an endpoint, whsec_ and nothing
--- http_config
    tgortc_webhook http://webhook.example.com/ secret=whsec_;
--- must_die
--- error_log eval
main::emerg('a "secret=whsec_\.\.\." of "tgortc_webhook http://webhook\.example\.com/" is not base64')



=== TEST 62: an endpoint, whsec_ and no base64
--- http_config
    tgortc_webhook http://webhook.example.com/ secret=whsec_top-secret;
--- must_die
--- error_log eval
main::emerg('a "secret=whsec_\.\.\." of "tgortc_webhook http://webhook\.example\.com/" is not base64')
--- no_error_log
top-secret



=== TEST 63: an endpoint, whsec_ without its padding
--- http_config
    tgortc_webhook http://webhook.example.com/ secret=whsec_c2VjcmV0cw;
--- must_die
--- error_log eval
main::emerg('a "secret=whsec_\.\.\." of "tgortc_webhook http://webhook\.example\.com/" is not base64')
--- no_error_log
c2VjcmV0cw



=== TEST 64: an endpoint, whsec_ with padding in the midst of it
--- http_config
    tgortc_webhook http://webhook.example.com/ secret=whsec_c2Vj=mV0;
--- must_die
--- error_log eval
main::emerg('a "secret=whsec_\.\.\." of "tgortc_webhook http://webhook\.example\.com/" is not base64')
--- no_error_log
c2Vj=mV0



=== TEST 65: an endpoint, whsec_ with too much padding
--- http_config
    tgortc_webhook http://webhook.example.com/ secret=whsec_c2VjcmV0c==;
--- must_die
--- error_log eval
main::emerg('a "secret=whsec_\.\.\." of "tgortc_webhook http://webhook\.example\.com/" is not base64')
--- no_error_log
c2VjcmV0c==



=== TEST 66: an endpoint, no events
--- http_config
    tgortc_webhook http://webhook.example.com/ "events=";
--- must_die
--- error_log eval
main::emerg('unknown event "" in "events=" of "tgortc_webhook http://webhook\.example\.com/"')



=== TEST 67: an endpoint, an event that nobody knows
--- http_config
    tgortc_webhook http://webhook.example.com/ "events=room.ended";
--- must_die
--- error_log eval
main::emerg('unknown event "room\.ended" in "events=" of "tgortc_webhook http://webhook\.example\.com/"')



=== TEST 68: an endpoint, an event of LiveKit's
--- http_config
    tgortc_webhook http://webhook.example.com/ "events=room.started,participant_joined";
--- must_die
--- error_log eval
main::emerg('unknown event "participant_joined" in "events=" of "tgortc_webhook http://webhook\.example\.com/"')



=== TEST 69: an endpoint, events with a comma at the end
--- http_config
    tgortc_webhook http://webhook.example.com/ "events=room.started,";
--- must_die
--- error_log eval
main::emerg('unknown event "" in "events=" of "tgortc_webhook http://webhook\.example\.com/"')



=== TEST 70: an endpoint, events with a space
--- http_config
    tgortc_webhook http://webhook.example.com/ "events=room.started, room.finished";
--- must_die
--- error_log eval
main::emerg('unknown event " room\.finished" in "events=" of "tgortc_webhook http://webhook\.example\.com/"')



=== TEST 71: an endpoint, an event in capitals
--- http_config
    tgortc_webhook http://webhook.example.com/ "events=Room.Started";
--- must_die
--- error_log eval
main::emerg('unknown event "Room\.Started" in "events=" of "tgortc_webhook http://webhook\.example\.com/"')



=== TEST 72: an endpoint, half an event
--- http_config
    tgortc_webhook http://webhook.example.com/ "events=room.";
--- must_die
--- error_log eval
main::emerg('unknown event "room\." in "events=" of "tgortc_webhook http://webhook\.example\.com/"')



=== TEST 73: two endpoints of one name
--- http_config
    tgortc_webhook http://a.example.com/ name=app;
    tgortc_webhook http://b.example.com/ name=app secret=top-secret;
--- must_die
--- error_log eval
main::emerg('two "tgortc_webhook" have the name "app"')
--- no_error_log
top-secret



=== TEST 74: two endpoints of one address
--- http_config
    tgortc_webhook http://a.example.com/;
    tgortc_webhook http://a.example.com/ secret=top-secret;
--- must_die
--- error_log eval
main::emerg('two "tgortc_webhook" have the name "http://a\.example\.com/"')
--- no_error_log
top-secret



=== TEST 75: an endpoint with the address of another for its name
--- http_config
    tgortc_webhook http://a.example.com/;
    tgortc_webhook http://b.example.com/ name=http://a.example.com/;
--- must_die
--- error_log eval
main::emerg('two "tgortc_webhook" have the name "http://a\.example\.com/"')



=== TEST 76: tgortc_webhook_retry with nothing
--- http_config
    tgortc_webhook_retry;
--- must_die
--- error_log eval
main::emerg('invalid number of arguments in "tgortc_webhook_retry" directive')



=== TEST 77: tgortc_webhook_retry, no delays
--- http_config
    tgortc_webhook_retry delays=;
--- must_die
--- error_log eval
main::emerg('invalid parameter "delays=" of "tgortc_webhook_retry"')



=== TEST 78: tgortc_webhook_retry, a delay of 0
--- http_config
    tgortc_webhook_retry delays=0;
--- must_die
--- error_log eval
main::emerg('invalid parameter "delays=0" of "tgortc_webhook_retry"')



=== TEST 79: tgortc_webhook_retry, a delay of 0 among others
--- http_config
    tgortc_webhook_retry delays=1s,0,5s;
--- must_die
--- error_log eval
main::emerg('invalid parameter "delays=1s,0,5s" of "tgortc_webhook_retry"')



=== TEST 80: tgortc_webhook_retry, an empty delay
--- http_config
    tgortc_webhook_retry delays=1s,,5s;
--- must_die
--- error_log eval
main::emerg('invalid parameter "delays=1s,,5s" of "tgortc_webhook_retry"')



=== TEST 81: tgortc_webhook_retry, a comma at the end
--- http_config
    tgortc_webhook_retry delays=1s,;
--- must_die
--- error_log eval
main::emerg('invalid parameter "delays=1s," of "tgortc_webhook_retry"')



=== TEST 82: tgortc_webhook_retry, a comma at the beginning
--- http_config
    tgortc_webhook_retry delays=,1s;
--- must_die
--- error_log eval
main::emerg('invalid parameter "delays=,1s" of "tgortc_webhook_retry"')



=== TEST 83: tgortc_webhook_retry, a delay that is no time
--- http_config
    tgortc_webhook_retry delays=soon;
--- must_die
--- error_log eval
main::emerg('invalid parameter "delays=soon" of "tgortc_webhook_retry"')



=== TEST 84: tgortc_webhook_retry, a delay below 0
--- http_config
    tgortc_webhook_retry delays=-1s;
--- must_die
--- error_log eval
main::emerg('invalid parameter "delays=-1s" of "tgortc_webhook_retry"')



=== TEST 85: tgortc_webhook_retry, another sign between delays
--- http_config
    tgortc_webhook_retry "delays=1s;5s";
--- must_die
--- error_log eval
main::emerg('invalid parameter "delays=1s;5s" of "tgortc_webhook_retry"')



=== TEST 86: tgortc_webhook_retry, an empty max_age
--- http_config
    tgortc_webhook_retry max_age=;
--- must_die
--- error_log eval
main::emerg('invalid parameter "max_age=" of "tgortc_webhook_retry"')



=== TEST 87: tgortc_webhook_retry, a max_age of 0
--- http_config
    tgortc_webhook_retry max_age=0;
--- must_die
--- error_log eval
main::emerg('invalid parameter "max_age=0" of "tgortc_webhook_retry"')



=== TEST 88: tgortc_webhook_retry, a max_age that is no time
--- http_config
    tgortc_webhook_retry max_age=soon;
--- must_die
--- error_log eval
main::emerg('invalid parameter "max_age=soon" of "tgortc_webhook_retry"')



=== TEST 89: tgortc_webhook_retry, a max_age below 0
--- http_config
    tgortc_webhook_retry max_age=-1;
--- must_die
--- error_log eval
main::emerg('invalid parameter "max_age=-1" of "tgortc_webhook_retry"')



=== TEST 90: tgortc_webhook_retry, a max_age twice
--- http_config
    tgortc_webhook_retry max_age=1h delays=1s max_age=2h;
--- must_die
--- error_log eval
main::emerg('duplicate parameter "max_age=" of "tgortc_webhook_retry"')



=== TEST 91: tgortc_webhook_retry, delays twice
--- http_config
    tgortc_webhook_retry delays=1s delays=5s;
--- must_die
--- error_log eval
main::emerg('duplicate parameter "delays=" of "tgortc_webhook_retry"')



=== TEST 92: tgortc_webhook_retry, an empty max_queued
--- http_config
    tgortc_webhook_retry max_queued=;
--- must_die
--- error_log eval
main::emerg('invalid parameter "max_queued=" of "tgortc_webhook_retry"')



=== TEST 93: tgortc_webhook_retry, a max_queued of 0
--- http_config
    tgortc_webhook_retry max_queued=0;
--- must_die
--- error_log eval
main::emerg('invalid parameter "max_queued=0" of "tgortc_webhook_retry"')



=== TEST 94: tgortc_webhook_retry, a max_queued below 0
--- http_config
    tgortc_webhook_retry max_queued=-1;
--- must_die
--- error_log eval
main::emerg('invalid parameter "max_queued=-1" of "tgortc_webhook_retry"')



=== TEST 95: tgortc_webhook_retry, a max_queued with a unit
--- http_config
    tgortc_webhook_retry max_queued=1k;
--- must_die
--- error_log eval
main::emerg('invalid parameter "max_queued=1k" of "tgortc_webhook_retry"')



=== TEST 96: tgortc_webhook_retry, a max_queued beyond all numbers
--- http_config
    tgortc_webhook_retry max_queued=99999999999999999999;
--- must_die
--- error_log eval
main::emerg('invalid parameter "max_queued=99999999999999999999" of "tgortc_webhook_retry"')



=== TEST 97: tgortc_webhook_retry, a parameter that nobody knows
--- http_config
    tgortc_webhook_retry delay=1s;
--- must_die
--- error_log eval
main::emerg('unknown parameter "delay=" of "tgortc_webhook_retry"')



=== TEST 98: tgortc_webhook_retry, a parameter without a value
--- http_config
    tgortc_webhook_retry delays;
--- must_die
--- error_log eval
main::emerg('unknown parameter "delays" of "tgortc_webhook_retry"')



=== TEST 99: tgortc_webhook_retry, a first delay that is longer than max_age
--- http_config
    tgortc_webhook_retry delays=2h,1s max_age=1h;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook_retry" directive has a first delay that is longer than "max_age="')



=== TEST 100: tgortc_webhook_retry, the same the other way round
--- http_config
    tgortc_webhook_retry max_age=1h delays=2h;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook_retry" directive has a first delay that is longer than "max_age="')



=== TEST 101: tgortc_webhook_retry, max_age shorter than the first delay that is the default
--- http_config
    tgortc_webhook_retry max_age=999ms;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook_retry" directive has a first delay that is longer than "max_age="')



=== TEST 102: tgortc_webhook_retry, the first delay longer than the max_age that is the default
--- http_config
    tgortc_webhook_retry delays=25h;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook_retry" directive has a first delay that is longer than "max_age="')



=== TEST 103: tgortc_webhook_retry twice
--- http_config
    tgortc_webhook_retry max_age=1h;
    tgortc_webhook_retry max_queued=5;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook_retry" directive is duplicate')



=== TEST 104: no address of RoomService
--- http_config
    tgortc_livekit_api;
--- must_die
--- error_log eval
main::emerg('invalid number of arguments in "tgortc_livekit_api" directive')



=== TEST 105: an empty address of RoomService
--- http_config
    tgortc_livekit_api "";
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_api " does not begin with "http://" or "https://"')



=== TEST 106: the clients' address for RoomService
--- http_config
    tgortc_livekit_api wss://livekit.example.com;
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_api wss://livekit\.example\.com" does not begin with "http://" or "https://"')



=== TEST 107: an address of RoomService without a host
--- http_config
    tgortc_livekit_api https://;
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_api https://" has no host')



=== TEST 108: an address of RoomService with a space
--- http_config
    tgortc_livekit_api "http://livekit example";
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_api http://livekit example" has a character that no URL has')



=== TEST 109: an address of RoomService that is none
--- http_config
    tgortc_livekit_api http://livekit.example.com:99999;
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_api http://livekit\.example\.com:99999" is not a URL')



=== TEST 110: an address of RoomService with a query
--- http_config
    tgortc_livekit_api http://livekit.example.com/?a=b;
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_api" directive takes a URL without a query')



=== TEST 111: two addresses of RoomService
--- http_config
    tgortc_livekit_api http://a.example.com;
    tgortc_livekit_api http://a.example.com;
--- must_die
--- error_log eval
main::emerg('"tgortc_livekit_api" directive is duplicate')



=== TEST 112: tgortc_webhook_log_retention of 0
--- http_config
    tgortc_webhook_log_retention  0;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook_log_retention" directive must be longer than 0')



=== TEST 113: tgortc_webhook_log_retention that is no time
--- http_config
    tgortc_webhook_log_retention  soon;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook_log_retention" directive invalid value')



=== TEST 114: tgortc_webhook_log_retention below 0
--- http_config
    tgortc_webhook_log_retention  -1;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook_log_retention" directive invalid value')



=== TEST 115: tgortc_webhook_log_retention twice
--- http_config
    tgortc_webhook_log_retention  1m;
    tgortc_webhook_log_retention  1m;
--- must_die
--- error_log eval
main::emerg('"tgortc_webhook_log_retention" directive is duplicate')



=== TEST 116: tgortc_webhook_log_retention with two times
--- http_config
    tgortc_webhook_log_retention  1m 2m;
--- must_die
--- error_log eval
main::emerg('invalid number of arguments in "tgortc_webhook_log_retention" directive')



=== TEST 117: tgortc_rejoin_grace of 0
--- http_config
    tgortc_rejoin_grace  0;
--- must_die
--- error_log eval
main::emerg('"tgortc_rejoin_grace" directive must be longer than 0')



=== TEST 118: tgortc_rejoin_grace that is no time
--- http_config
    tgortc_rejoin_grace  soon;
--- must_die
--- error_log eval
main::emerg('"tgortc_rejoin_grace" directive invalid value')



=== TEST 119: tgortc_rejoin_grace below 0
--- http_config
    tgortc_rejoin_grace  -1;
--- must_die
--- error_log eval
main::emerg('"tgortc_rejoin_grace" directive invalid value')



=== TEST 120: tgortc_rejoin_grace twice
--- http_config
    tgortc_rejoin_grace  1m;
    tgortc_rejoin_grace  1m;
--- must_die
--- error_log eval
main::emerg('"tgortc_rejoin_grace" directive is duplicate')



=== TEST 121: tgortc_rejoin_grace with two times
--- http_config
    tgortc_rejoin_grace  1m 2m;
--- must_die
--- error_log eval
main::emerg('invalid number of arguments in "tgortc_rejoin_grace" directive')



=== TEST 122: two places of an app differ in tgortc_rejoin_grace
--- config
    location /a {
        tgortc_rooms;
        tgortc_rejoin_grace 5s;
    }

    location /b {
        tgortc_rooms;
        tgortc_rejoin_grace 6s;
    }
--- must_die
--- error_log eval
main::differs('tgortc_rejoin_grace')



=== TEST 123: in tgortc_rejoin_grace, one has the default
--- config
    location /a {
        tgortc_rooms;
        tgortc_rejoin_grace 11s;
    }

    location /b {
        tgortc_livekit_webhook;
    }
--- must_die
--- error_log eval
main::differs('tgortc_rejoin_grace')



=== TEST 124: in tgortc_webhook_log_retention
--- config
    location /a {
        tgortc_rooms;
    }

    location /b {
        tgortc_webhook_logs;
        tgortc_webhook_log_retention 8d;
    }
--- must_die
--- error_log eval
main::differs('tgortc_webhook_log_retention')



=== TEST 125: in tgortc_webhook, one has none
--- config
    location /a {
        tgortc_rooms;
        tgortc_webhook http://127.0.0.1:9/;
    }

    location /b {
        tgortc_rooms;
    }
--- must_die
--- error_log eval
main::differs('tgortc_webhook')



=== TEST 126: in tgortc_webhook, rooms have none
--- config
    location /a {
        tgortc_rooms;
    }

    location /b {
        tgortc_livekit_webhook;
        tgortc_webhook http://127.0.0.1:9/;
    }
--- must_die
--- error_log eval
main::differs('tgortc_webhook')



=== TEST 127: in the address of an endpoint
--- config
    location /a {
        tgortc_rooms;
        tgortc_webhook http://127.0.0.1:9/ name=app;
    }

    location /b {
        tgortc_rooms;
        tgortc_webhook http://127.0.0.1:9/b name=app;
    }
--- must_die
--- error_log eval
main::differs('tgortc_webhook')



=== TEST 128: in the name of an endpoint
--- config
    location /a {
        tgortc_rooms;
        tgortc_webhook http://127.0.0.1:9/ name=a;
    }

    location /b {
        tgortc_rooms;
        tgortc_webhook http://127.0.0.1:9/ name=b;
    }
--- must_die
--- error_log eval
main::differs('tgortc_webhook')



=== TEST 129: in the number of endpoints
--- config
    location /a {
        tgortc_rooms;
        tgortc_webhook http://127.0.0.1:9/;
    }

    location /b {
        tgortc_webhook_logs;
        tgortc_webhook http://127.0.0.1:9/;
        tgortc_webhook http://127.0.0.1:9/b;
    }
--- must_die
--- error_log eval
main::differs('tgortc_webhook')



=== TEST 130: in the secret of an endpoint
--- config
    location /a {
        tgortc_rooms;
        tgortc_webhook http://127.0.0.1:9/ secret=top-secret;
    }

    location /b {
        tgortc_rooms;
        tgortc_webhook http://127.0.0.1:9/ secret=other-secret;
    }
--- must_die
--- error_log eval
main::differs('tgortc_webhook')
--- no_error_log
top-secret
other-secret



=== TEST 131: in the second secret of an endpoint
--- config
    location /a {
        tgortc_rooms;
        tgortc_webhook http://127.0.0.1:9/ secret=a;
    }

    location /b {
        tgortc_rooms;
        tgortc_webhook http://127.0.0.1:9/ secret=a secret=b;
    }
--- must_die
--- error_log eval
main::differs('tgortc_webhook')



=== TEST 132: in the order of secrets
--- config
    location /a {
        tgortc_rooms;
        tgortc_webhook http://127.0.0.1:9/ secret=a secret=b;
    }

    location /b {
        tgortc_rooms;
        tgortc_webhook http://127.0.0.1:9/ secret=b secret=a;
    }
--- must_die
--- error_log eval
main::differs('tgortc_webhook')



=== TEST 133: in the timeout of an endpoint
--- config
    location /a {
        tgortc_rooms;
        tgortc_webhook http://127.0.0.1:9/ timeout=5s;
    }

    location /b {
        tgortc_rooms;
        tgortc_webhook http://127.0.0.1:9/ timeout=6s;
    }
--- must_die
--- error_log eval
main::differs('tgortc_webhook')



=== TEST 134: in max_in_flight
--- config
    location /a {
        tgortc_rooms;
        tgortc_webhook http://127.0.0.1:9/ max_in_flight=5;
    }

    location /b {
        tgortc_rooms;
        tgortc_webhook http://127.0.0.1:9/ max_in_flight=6;
    }
--- must_die
--- error_log eval
main::differs('tgortc_webhook')



=== TEST 135: in the events of an endpoint
--- config
    location /a {
        tgortc_rooms;
        tgortc_webhook http://127.0.0.1:9/ events=room.started;
    }

    location /b {
        tgortc_rooms;
        tgortc_webhook http://127.0.0.1:9/;
    }
--- must_die
--- error_log eval
main::differs('tgortc_webhook')



=== TEST 136: in the delays of tgortc_webhook_retry
--- config
    location /a {
        tgortc_rooms;
        tgortc_webhook_retry delays=1s,5s;
    }

    location /b {
        tgortc_rooms;
        tgortc_webhook_retry delays=1s,6s;
    }
--- must_die
--- error_log eval
main::differs('tgortc_webhook_retry')



=== TEST 137: in the number of delays
--- config
    location /a {
        tgortc_rooms;
        tgortc_webhook_retry delays=1s,5s;
    }

    location /b {
        tgortc_rooms;
        tgortc_webhook_retry delays=1s;
    }
--- must_die
--- error_log eval
main::differs('tgortc_webhook_retry')



=== TEST 138: in max_age
--- config
    location /a {
        tgortc_rooms;
        tgortc_webhook_retry max_age=1h;
    }

    location /b {
        tgortc_livekit_webhook;
        tgortc_webhook_retry max_age=2h;
    }
--- must_die
--- error_log eval
main::differs('tgortc_webhook_retry')



=== TEST 139: in max_queued
--- config
    location /a {
        tgortc_rooms;
    }

    location /b {
        tgortc_webhook_logs;
        tgortc_webhook_retry max_queued=5;
    }
--- must_die
--- error_log eval
main::differs('tgortc_webhook_retry')



=== TEST 140: in tgortc_livekit_api
--- config
    location /a {
        tgortc_rooms;
        tgortc_livekit_api http://127.0.0.1:9;
    }

    location /b {
        tgortc_livekit_webhook;
    }
--- must_die
--- error_log eval
main::differs('tgortc_livekit_api')



=== TEST 141: in the keys of LiveKit
--- config
    location /a {
        tgortc_rooms;
    }

    location /b {
        tgortc_livekit_webhook;
        tgortc_livekit_key devkey another-secret-of-32-characters-0000;
    }
--- must_die
--- error_log eval
main::differs('tgortc_livekit_key')
--- no_error_log
another-secret



=== TEST 142: an endpoint, a name that is not UTF-8
--- http_config eval
"tgortc_webhook http://webhook.example.com/ name=caf\xe9;"
--- must_die
--- error_log eval
qr/\[emerg\].*invalid parameter "name=caf.*" of "tgortc_webhook"/



=== TEST 143: an endpoint, a name in UTF-8
--- http_config eval
"tgortc_redis 127.0.0.1:$ENV{TEST_NGINX_REDIS_PORT};
tgortc_webhook http://127.0.0.1:9/ name=caf\xc3\xa9 secret=s;
tgortc_livekit_key devkey a-secret-of-the-tests-0123456789abcdef;
tgortc_livekit_url wss://livekit.example.com/caf\xc3\xa9;"
--- request
GET /api/v1/rooms/none
--- error_code: 404



=== TEST 144: LiveKit's URL, not UTF-8
--- http_config eval
"tgortc_livekit_url wss://livekit.example.com/caf\xe9;"
--- must_die
--- error_log eval
qr/\[emerg\].*"tgortc_livekit_url .*is not UTF-8/



=== TEST 145: a password in the URL of an endpoint that has no name
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
    tgortc_webhook      https://user:open-sesame@webhook.example.com/hook;
--- request
GET /api/v1/health
--- response_body: {"status":"ok"}
--- error_log eval
qr/\[warn\] \d+#\d+: a "tgortc_webhook" with a password in its URL has no "name=": logs and metrics show it in \S+nginx\.conf:\d+/
--- no_error_log
open-sesame



=== TEST 146: a password in the URL of an endpoint that has a name
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
    tgortc_webhook      https://user:open-sesame@webhook.example.com/hook name=app;
    tgortc_webhook      https://user@webhook.example.com/hook;
--- request
GET /api/v1/health
--- response_body: {"status":"ok"}
--- no_error_log
[warn]
