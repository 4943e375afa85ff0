# Copyright (C) TgoRTC contributors
#
# The logs of webhooks: what became of them, what was given up and is sent
# again, what is forgotten.

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

no_shuffle();
no_long_string();

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(config => locations()) if !defined $block->config;
    $block->set_value(http_config => endpoint('')) if !defined $block->http_config;

    TgoRTC::Suite::prepare($block);
});


# What "redis eval" is given, which a shell puts in.

# entries of the log, as parts/outbox.lua writes them, of times to come: so
# the cursors are known, and nothing forgets them.  ARGV: of each endpoint's
# id, kind, room id, type, uid, reason

$ENV{ENTRIES} = <<'END';
    for i = 1, #ARGV / 6 do
        local a = 6 * i - 5

        redis.call('XADD', KEYS[1], '900000000000' .. i .. '-0', 'e',
                   cmsgpack.pack({
            ARGV[a + 1], 9000000000000 + i, ARGV[a], ARGV[a + 2],
            tonumber(ARGV[a + 3]), 'event-' .. i, ARGV[a + 4], i, ARGV[a + 5]
        }))
    end

    return redis.call('XLEN', KEYS[1])
END

# many old letters of an endpoint that is gone.  ARGV: how many, days

$ENV{LETTERS} = <<'END';
    local now = tonumber(redis.call('TIME')[1])

    for i = 1, tonumber(ARGV[1]) do
        local id = 'old-' .. i .. ':0123456789abcdef'

        redis.call('HSET', KEYS[1], id, cmsgpack.pack({ '0123456789abcdef',
                   'r' .. i, { 3, 1, '12345678', 0, 0, 0, 0, 0, 0, 2, '',
                               { 'bob' }, { 'alice', 'bob' }, {}, 0 } }))
        redis.call('ZADD', KEYS[2], 1000 * (now - 86400 * ARGV[2]), id)
    end

    return redis.call('ZCARD', KEYS[2])
END

# an entry of three days ago

$ENV{OLD_ENTRY} = <<'END';
    return redis.call('XADD', KEYS[1], redis.call('TIME')[1] - 259200 .. '000-0', 'e',
                      cmsgpack.pack({ 'failed', 0, '', 'r1', 3, 'old', '', 1, '' }))
END

# a breaker.  ARGV: of which endpoint, failures, seconds that it is open yet

$ENV{BREAKER} = <<'END';
    return redis.call('HSET', KEYS[1], ARGV[1], cmsgpack.pack({
        tonumber(ARGV[2]), 1000 * (redis.call('TIME')[1] + ARGV[3]), 1000,
        ''
    }))
END

# the beginning of sha1('app') and sha1('other')

$ENV{APP} = '7d1043473d55bfa9';
$ENV{OTHER} = 'd0941e68da8f3815';

# waits until a command prints what is expected of it

$ENV{UNTIL} = <<'END';
    for i in $(seq 1000); do
        out=$(redis-cli -p $TEST_NGINX_REDIS_PORT $1);
        [ "$out" = "$2" ] && break;
        sleep 0.02;
    done;
    echo $out
END


sub endpoint {
    my ($more) = @_;

    return <<"END";
    tgortc_redis        127.0.0.1:\$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
    tgortc_webhook      http://127.0.0.1:\$TEST_NGINX_SERVER_PORT/hook name=app;
    $more
END
}


# a backend that is gone, until it has a file that says it is back

sub locations {
    return <<'END';
    location /api/v1/rooms {
        tgortc_rooms;
    }

    location /api/v1/webhooks/logs {
        tgortc_webhook_logs;
    }

    location = /hook {
        root html;

        if (-f $document_root/back) {
            return 200;
        }

        return 410;
    }
END
}


# a request with each of these bodies

sub posts {
    my ($path, @bodies) = @_;

    return [ map { "POST /api/v1/webhooks/logs/$path\n$_" } @bodies ];
}


# the list, with each of these queries

sub lists {
    return [ map { "GET /api/v1/webhooks/logs?$_" } @_ ];
}


run_tests();

__DATA__

=== TEST 1: nothing has happened yet, and there are no endpoints
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
--- config
    location /api/v1/webhooks/logs {
        tgortc_webhook_logs;
    }
--- request
GET /api/v1/webhooks/logs

GET /api/v1/webhooks/logs/stats

HEAD /api/v1/webhooks/logs

HEAD /api/v1/webhooks/logs/stats

POST /api/v1/webhooks/logs/cleanup
{"retention_days":7}

POST /api/v1/webhooks/logs/replay
{"since":0,"until":2000000000}
--- response_headers
Content-Type: application/json
Cache-Control: no-store
--- response_body
{"code":200,"message":"ok","data":{"entries":[],"next_cursor":null}}
{"code":200,"message":"ok","data":{"total_count":0,"success_count":0,"failed_count":0,"pending_count":0,"by_event":{"room.started":{"total_count":0,"success_count":0,"failed_count":0,"pending_count":0},"room.finished":{"total_count":0,"success_count":0,"failed_count":0,"pending_count":0},"participant.invited":{"total_count":0,"success_count":0,"failed_count":0,"pending_count":0},"participant.joined":{"total_count":0,"success_count":0,"failed_count":0,"pending_count":0},"participant.left":{"total_count":0,"success_count":0,"failed_count":0,"pending_count":0},"participant.rejected":{"total_count":0,"success_count":0,"failed_count":0,"pending_count":0},"participant.missed":{"total_count":0,"success_count":0,"failed_count":0,"pending_count":0},"participant.cancelled":{"total_count":0,"success_count":0,"failed_count":0,"pending_count":0}},"endpoints":[]}}
-
-
{}
{"replayed":0}



=== TEST 2: an endpoint of which nothing is known but its name
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

GET /api/v1/webhooks/logs/stats
--- response_body
{"room_id":"r1",*}
{"code":200,"message":"ok","data":{"total_count":0,*,"endpoints":[{"name":"app","total_count":0,"success_count":0,"failed_count":0,"pending_count":0,"oldest_pending_seconds":null,"breaker":"closed","by_event":{"room.started":{"total_count":0,"success_count":0,"failed_count":0,"pending_count":0},*,"participant.cancelled":{"total_count":0,"success_count":0,"failed_count":0,"pending_count":0}}}]}}



=== TEST 3: two events that the endpoint does not want, sent again, taken
--- init
$ENV{BACK} = main::html_dir() . '/back';
unlink $ENV{BACK};
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob","carol"]}

redis ping > /dev/null; sh -c "$UNTIL" - "zcard {tgortc}:dead:age" 2

GET /api/v1/webhooks/logs

GET /api/v1/webhooks/logs/stats

POST /api/v1/webhooks/logs/replay
{"since":0,"until":1000000000}

redis ping; touch "$BACK"

POST /api/v1/webhooks/logs/replay
{"since":0,"until":4000000000}

redis ping > /dev/null; sh -c "$UNTIL" - "hget {tgortc}:stats $APP:ok:3" 2

GET /api/v1/webhooks/logs/stats

POST /api/v1/webhooks/logs/replay
{"since":0,"until":4000000000}

GET /api/v1/webhooks/logs?limit=1
--- response_body
{"room_id":"r1",*}
2
{"code":200,"message":"ok","data":{"entries":[{"kind":"dead","time":*,"endpoint":"app","room_id":"r1","event_type":"participant.invited","event_id":"*-2","uid":"carol","attempts":1,"reason":"HTTP 410"},{"kind":"dead","time":*,"endpoint":"app","room_id":"r1","event_type":"participant.invited","event_id":"*-1","uid":"bob","attempts":1,"reason":"HTTP 410"}],"next_cursor":null}}
{"code":200,"message":"ok","data":{"total_count":2,"success_count":0,"failed_count":2,"pending_count":0,"by_event":{*,"participant.invited":{"total_count":2,"success_count":0,"failed_count":2,"pending_count":0},*},"endpoints":[{"name":"app","total_count":2,"success_count":0,"failed_count":2,"pending_count":0,"oldest_pending_seconds":null,"breaker":"closed",*}]}}
{"replayed":0}
PONG
{"replayed":2}
2
{"code":200,"message":"ok","data":{"total_count":2,"success_count":2,"failed_count":0,"pending_count":0,"by_event":{*,"participant.invited":{"total_count":2,"success_count":2,"failed_count":0,"pending_count":0},*},"endpoints":[{"name":"app","total_count":2,"success_count":2,"failed_count":0,"pending_count":0,"oldest_pending_seconds":null,"breaker":"closed",*}]}}
{"replayed":0}
{"code":200,"message":"ok","data":{"entries":[{"kind":"dead",*,"uid":"carol",*}],"next_cursor":"*-*"}}



=== TEST 4: one event is sent again by its id, to whom it was not delivered
--- init
$ENV{BACK} = main::html_dir() . '/back';
unlink $ENV{BACK};
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob","carol"]}

redis ping > /dev/null; sh -c "$UNTIL" - "zcard {tgortc}:dead:age" 2

redis ping > /dev/null; redis-cli -p $TEST_NGINX_REDIS_PORT zrange {tgortc}:dead:age 1 1 | cut -d: -f1 > "$BACK.id"

redis ping; touch "$BACK"

redis ping > /dev/null; curl -s -d "{\"event_id\":\"$(cat $BACK.id)\"}" http://127.0.0.1:$TEST_NGINX_SERVER_PORT/api/v1/webhooks/logs/replay

redis ping > /dev/null; sh -c "$UNTIL" - "hget {tgortc}:stats $APP:ok:3" 1

redis ping > /dev/null; curl -s -d "{\"event_id\":\"$(cat $BACK.id)\"}" http://127.0.0.1:$TEST_NGINX_SERVER_PORT/api/v1/webhooks/logs/replay

redis zcard {tgortc}:dead:age

GET /api/v1/webhooks/logs/stats
--- response_body
{"room_id":"r1",*}
2
-
PONG
{"replayed":1}
1
{"replayed":0}
1
{"code":200,"message":"ok","data":{"total_count":2,"success_count":1,"failed_count":1,"pending_count":0,*}}



=== TEST 5: an endpoint that cannot be reached: what waits, and for how long
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
    tgortc_webhook      http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/;

    tgortc_webhook_retry  delays=1h;
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

redis ping > /dev/null; sh -c "$UNTIL" - "xlen {tgortc}:log" 1

GET /api/v1/webhooks/logs

GET /api/v1/webhooks/logs/stats
--- response_body
{"room_id":"r1",*}
1
{"code":200,"message":"ok","data":{"entries":[{"kind":"failed","time":*,"endpoint":"http://127.0.0.1:*/","room_id":"r1","event_type":"participant.invited","event_id":"*-1","uid":"bob","attempts":1,"reason":"*efused*"}],"next_cursor":null}}
{"code":200,"message":"ok","data":{"total_count":1,"success_count":0,"failed_count":0,"pending_count":1,"by_event":{*,"participant.invited":{"total_count":1,"success_count":0,"failed_count":0,"pending_count":1},*},"endpoints":[{"name":"http://127.0.0.1:*/",*,"pending_count":1,"oldest_pending_seconds":*.*,"breaker":"closed",*}]}}



=== TEST 6: the breaker: closed, open, half-open
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

redis eval "$BREAKER" 1 {tgortc}:breakers $APP 9 0

GET /api/v1/webhooks/logs/stats

redis eval "$BREAKER" 1 {tgortc}:breakers $APP 10 60

GET /api/v1/webhooks/logs/stats

redis eval "$BREAKER" 1 {tgortc}:breakers $APP 12 -1

GET /api/v1/webhooks/logs/stats

redis del {tgortc}:breakers

GET /api/v1/webhooks/logs/stats
--- response_body
{"room_id":"r1",*}
1
{*,"endpoints":[{"name":"app",*,"breaker":"closed",*}]}}
0
{*,"endpoints":[{"name":"app",*,"breaker":"open",*}]}}
0
{*,"endpoints":[{"name":"app",*,"breaker":"half-open",*}]}}
1
{*,"endpoints":[{"name":"app",*,"breaker":"closed",*}]}}



=== TEST 7: pages, newest first, by limit and cursor
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r9"}

redis eval "$ENTRIES" 1 {tgortc}:log $APP failed r1 3 bob "HTTP 500" $APP dead r1 3 bob "HTTP 410" $OTHER failed r2 1 "" Timeout $APP failed r2 2 "" "HTTP 302" $APP failed r1 8 carol "HTTP 500"

GET /api/v1/webhooks/logs?limit=2

GET /api/v1/webhooks/logs?limit=2&cursor=9000000000004-0

GET /api/v1/webhooks/logs?limit=2&cursor=9000000000002-0

GET /api/v1/webhooks/logs?limit=2&cursor=9000000000001-0

GET /api/v1/webhooks/logs?limit=5&cursor=

GET /api/v1/webhooks/logs?limit=4

GET /api/v1/webhooks/logs?cursor=1-0

GET /api/v1/webhooks/logs?limit=100&cursor=999999999999999-999999999999999&unknown=x
--- response_body
{"room_id":"r9",*}
5
{"code":200,"message":"ok","data":{"entries":[{"kind":"failed","time":9000000000,"endpoint":"app","room_id":"r1","event_type":"participant.cancelled","event_id":"event-5","uid":"carol","attempts":5,"reason":"HTTP 500"},{"kind":"failed","time":9000000000,"endpoint":"app","room_id":"r2","event_type":"room.finished","event_id":"event-4","uid":null,"attempts":4,"reason":"HTTP 302"}],"next_cursor":"9000000000004-0"}}
{"code":200,"message":"ok","data":{"entries":[{*,"event_type":"room.started","event_id":"event-3","uid":null,"attempts":3,"reason":"Timeout"},{"kind":"dead",*,"event_id":"event-2",*}],"next_cursor":"9000000000002-0"}}
{"code":200,"message":"ok","data":{"entries":[{"kind":"failed",*,"event_id":"event-1",*}],"next_cursor":null}}
{"code":200,"message":"ok","data":{"entries":[],"next_cursor":null}}
{"code":200,"message":"ok","data":{"entries":[{*event-5*event-4*event-3*event-2*event-1*],"next_cursor":null}}
{"code":200,"message":"ok","data":{"entries":[{*event-5*event-4*event-3*event-2*],"next_cursor":"9000000000002-0"}}
{"code":200,"message":"ok","data":{"entries":[],"next_cursor":null}}
{"code":200,"message":"ok","data":{"entries":[{*event-5*event-1*],"next_cursor":null}}



=== TEST 8: by room, type and endpoint
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r9"}

redis eval "$ENTRIES" 1 {tgortc}:log $APP failed r1 3 bob "HTTP 500" $APP dead r1 3 bob "HTTP 410" $OTHER failed r2 1 "" Timeout $APP failed r2 2 "" "HTTP 302" $APP failed r1 8 carol "HTTP 500"

GET /api/v1/webhooks/logs?room_id=r2

GET /api/v1/webhooks/logs?event_type=participant.invited

GET /api/v1/webhooks/logs?endpoint=app

GET /api/v1/webhooks/logs?endpoint=other

GET /api/v1/webhooks/logs?room_id=r1&event_type=participant.cancelled&endpoint=app

GET /api/v1/webhooks/logs?room_id=r2&event_type=participant.cancelled

GET /api/v1/webhooks/logs?endpoint=app&limit=1&room_id=r%31

GET /api/v1/webhooks/logs?endpoint=app&limit=1&room_id=r1&cursor=9000000000005-0

GET /api/v1/webhooks/logs?endpoint=nobody
--- response_body
{"room_id":"r9",*}
5
{"code":200,"message":"ok","data":{"entries":[{*,"endpoint":"app",*event-4*},{*,"endpoint":null,*event-3*}],"next_cursor":null}}
{"code":200,"message":"ok","data":{"entries":[{*event-2*},{*event-1*}],"next_cursor":null}}
{"code":200,"message":"ok","data":{"entries":[{*event-5*},{*event-4*},{*event-2*},{*event-1*}],"next_cursor":null}}
{"code":200,"message":"ok","data":{"entries":[{*,"endpoint":null,*event-3*}],"next_cursor":null}}
{"code":200,"message":"ok","data":{"entries":[{*event-5*}],"next_cursor":null}}
{"code":200,"message":"ok","data":{"entries":[],"next_cursor":null}}
{"code":200,"message":"ok","data":{"entries":[{*event-5*}],"next_cursor":"9000000000005-0"}}
{"code":200,"message":"ok","data":{"entries":[{*event-2*}],"next_cursor":"9000000000002-0"}}
{"code":200,"message":"ok","data":{"entries":[],"next_cursor":null}}



=== TEST 9: limit is 1 to 100
--- request eval
main::lists(map { "limit=$_" } 0, 101, -1, '1.5', 'ten', '', '1e1', '%2B1', '+1', '99999999999999999999')
--- error_code: 400
--- response_headers
Content-Type: application/json
--- response_body: {"code":400,"message":"Parameter error: limit must be a number from 1 to 100"}



=== TEST 10: a cursor is one that a page gave
--- request eval
main::lists(map { "cursor=$_" } '-', '1', '1-', '-1', '1-1-1', 'x', '1-x', '+', '%28', '0-0',
            '0-1', '18446744073709551616-0', '99999999999999999999999-0', '1-18446744073709551616')
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: cursor must be the cursor of an earlier page"}



=== TEST 11: a room id is one that a room can have
--- request eval
main::lists(map { "room_id=$_" } '', '.', '..', 'sync', 'a+b', 'a%00b', 'a%2Fb', '%C3%A9', 'a' x 65)
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: room_id must be 1 to 64 characters of A-Z a-z 0-9 _ - . ~ : @, and not ., .. or sync"}



=== TEST 12: a type is one that there is
--- request eval
main::lists(map { "event_type=$_" } '', 'room', 'room.ended', 'participant_joined', 'Room.Started', 'room.started+', 'room.started,room.finished')
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: event_type must be a type of event, like participant.invited"}



=== TEST 13: each type is one
--- request eval
main::lists(map { "event_type=$_" } qw(room.started room.finished participant.invited participant.joined
            participant.left participant.rejected participant.missed participant.cancelled))
--- response_body: {"code":200,"message":"ok","data":{"entries":[],"next_cursor":null}}



=== TEST 14: how many days
--- request eval
main::posts('cleanup', '{}', '{"retention_days":0}', '{"retention_days":-1}', '{"retention_days":36501}',
            '{"retention_days":1.5}', '{"retention_days":7.0}', '{"retention_days":1e1}', '{"retention_days":"7"}',
            '{"retention_days":null}', '{"retention_days":true}', '{"retention_days":[7]}', '{"Retention_Days":7}',
            '{"retention_days":99999999999999999999}')
--- error_code: 400
--- response_headers
Content-Type: application/json
--- response_body: {"code":400,"message":"Parameter error: retention_days must be a number of days from 1 to 36500"}



=== TEST 15: as many days as there may be, also more than there were
--- request eval
main::posts('cleanup', '{"retention_days":1}', '{"retention_days":36500}', '{"retention_days":7,"unknown":{}}',
            ' {"retention_days": 30} ')
--- response_body: {}



=== TEST 16: bodies that are none
--- request eval
[ map { @$_ } map { main::posts($_, '', '{', '[]', 'null', '{"event_id":"a"} x') } 'cleanup', 'replay' ]
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: the body must be *"}



=== TEST 17: cleanup forgets all that is old, and nothing else
--- request
POST /api/v1/webhooks/logs/cleanup
{"retention_days":2}

redis eval "$LETTERS" 2 {tgortc}:dead {tgortc}:dead:age 2500 3

redis eval "$LETTERS" 2 {tgortc}:dead {tgortc}:dead:age 5 1

redis zcard {tgortc}:dead:age

redis eval "$OLD_ENTRY" 1 {tgortc}:log

redis eval "$ENTRIES" 1 {tgortc}:log $APP failed r1 3 bob "HTTP 500"

POST /api/v1/webhooks/logs/cleanup
{"retention_days":2}

redis zcard {tgortc}:dead:age

redis hlen {tgortc}:dead

redis xlen {tgortc}:log

GET /api/v1/webhooks/logs

POST /api/v1/webhooks/logs/cleanup
{"retention_days":1}
--- response_body
{}
2500
2500
2500
*000-0
2
{}
5
5
1
{"code":200,"message":"ok","data":{"entries":[{*event-1*}],"next_cursor":null}}
{}



=== TEST 18: counts outlive a cleanup
--- init
unlink main::html_dir() . '/back';
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

redis ping > /dev/null; sh -c "$UNTIL" - "zcard {tgortc}:dead:age" 1

redis zadd {tgortc}:dead:age 1000 $(redis-cli -p $TEST_NGINX_REDIS_PORT zrange {tgortc}:dead:age 0 0)

POST /api/v1/webhooks/logs/cleanup
{"retention_days":1}

redis hlen {tgortc}:dead

GET /api/v1/webhooks/logs/stats
--- response_body
{"room_id":"r1",*}
1
0
{}
0
{"code":200,"message":"ok","data":{"total_count":1,"success_count":0,"failed_count":1,*}}



=== TEST 19: what to send again
--- request eval
main::posts('replay', '{}', '{"event_id":""}', '{"event_id":5}', '{"event_id":null}', '{"event_id":["a"]}',
            '{"event_id":"' . 'x' x 65 . '"}', '{"since":1}', '{"until":1}', '{"since":-1,"until":1}',
            '{"since":1,"until":1.5}', '{"since":"1","until":"2"}', '{"since":null,"until":null}',
            '{"since":0,"until":253402300801}', '{"event_id":"a","since":"x"}', '{"Event_Id":"a"}')
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: event_id must be an event id, or since and until unix times in seconds"}



=== TEST 20: what nobody gave up is not sent again
--- request eval
main::posts('replay', '{"event_id":"0123456789abcdef-1"}', '{"event_id":"' . 'x' x 64 . '"}', '{"event_id":"*"}',
            '{"since":0,"until":0}', '{"since":2,"until":1}', '{"since":0,"until":253402300800}',
            '{"event_id":"a","since":1,"until":2,"unknown":[]}')
--- response_body: {"replayed":0}



=== TEST 21: letters of an endpoint that is gone are in nobody's way
--- init
$ENV{BACK} = main::html_dir() . '/back';
unlink $ENV{BACK};
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

redis ping > /dev/null; sh -c "$UNTIL" - "zcard {tgortc}:dead:age" 1

redis eval "$LETTERS" 2 {tgortc}:dead {tgortc}:dead:age 2500 1

redis ping; touch "$BACK"

POST /api/v1/webhooks/logs/replay
{"since":0,"until":4000000000}

POST /api/v1/webhooks/logs/replay
{"event_id":"old-1"}

redis zcard {tgortc}:dead:age
--- response_body
{"room_id":"r1",*}
1
2501
PONG
{"replayed":1}
{"replayed":0}
2500



=== TEST 22: paths that there are not, and trailing slashes
--- request
GET /api/v1/webhooks/logs/

GET /api/v1/webhooks/logs/statistics

GET /api/v1/webhooks/logs/stats/

POST /api/v1/webhooks/logs/replay/all
{}

GET /api/v1/webhooks/logs2
--- error_code: 404
--- response_headers
Content-Type: application/json
--- response_body: {"code":404,"message":"Path not found"}



=== TEST 23: methods
--- request
POST /api/v1/webhooks/logs
{}

DELETE /api/v1/webhooks/logs

PUT /api/v1/webhooks/logs/stats

GET /api/v1/webhooks/logs/cleanup

HEAD /api/v1/webhooks/logs/replay

OPTIONS /api/v1/webhooks/logs/replay
--- error_code: 405
--- response_headers
Allow: GET, HEAD

Allow: GET, HEAD

Allow: GET, HEAD

Allow: POST

Allow: POST

Allow: POST
--- response_body
{"code":405,"message":"Method not allowed"}
{"code":405,"message":"Method not allowed"}
{"code":405,"message":"Method not allowed"}
{"code":405,"message":"Method not allowed"}
-
{"code":405,"message":"Method not allowed"}



=== TEST 24: every operation asks for the API key, before anything else
--- http_config eval
main::endpoint('tgortc_api_key The-Key;')
--- request
GET /api/v1/webhooks/logs

GET /api/v1/webhooks/logs/stats

POST /api/v1/webhooks/logs/cleanup
{

POST /api/v1/webhooks/logs/replay
{"since":0,"until":1}

GET /api/v1/webhooks/logs/nothing

DELETE /api/v1/webhooks/logs

GET /api/v1/webhooks/logs?limit=0
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer
--- response_body: {"code":401,"message":"The API key is missing or wrong"}



=== TEST 25: and with it
--- http_config eval
main::endpoint('tgortc_api_key The-Key;')
--- request
GET /api/v1/webhooks/logs

GET /api/v1/webhooks/logs/stats

POST /api/v1/webhooks/logs/cleanup
{"retention_days":1}

POST /api/v1/webhooks/logs/replay
{"since":0,"until":1}

GET /api/v1/webhooks/logs/nothing
--- more_headers
Authorization: Bearer The-Key
--- error_code: 200 200 200 200 404
--- response_body
{"code":200,*}
{"code":200,*}
{}
{"replayed":0}
{"code":404,"message":"Path not found"}



=== TEST 26: refusals in each language
--- request
POST /api/v1/webhooks/logs/replay
{}

POST /api/v1/webhooks/logs/cleanup?lang=zh-TW
{}

GET /api/v1/webhooks/logs?limit=0

GET /api/v1/webhooks/logs?cursor=x
--- more_headers
X-Language: zh-CN

-

Accept-Language: fr

X-Language: ja-JP
--- error_code: 400
--- response_body
{"code":400,"message":"参数错误：event_id 必须是事件 ID，或者使用 since 和 until（Unix 秒）"}
{"code":400,"message":"參數錯誤：retention_days 必須是 1 到 36500 之間的天數"}
{"code":400,"message":"Paramètre invalide : limit doit être un nombre de 1 à 100"}
{"code":400,"message":"パラメータエラー：cursor は前のページで返されたカーソルを指定してください"}



=== TEST 27: without a Redis
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_RAND_PORT_1 timeout=100ms;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- request
GET /api/v1/webhooks/logs

GET /api/v1/webhooks/logs/stats

POST /api/v1/webhooks/logs/cleanup
{"retention_days":1}

POST /api/v1/webhooks/logs/replay
{"event_id":"a"}
--- error_code: 503
--- response_headers_like
Content-Type: application/json
Retry-After: [1-9]\d*
--- response_body: {"code":503,"message":"Service temporarily unavailable, please try again later"}
--- no_error_log
[crit]
[alert]
[emerg]
