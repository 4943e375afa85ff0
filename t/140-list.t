# Copyright (C) TgoRTC contributors
#
# GET /api/v1/rooms: rooms, live or ended, page by page.

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

TgoRTC::Suite::setup();


# Gives rooms other times in the list, as if they had begun then: rooms of one
# millisecond are there at every border of pages.

$ENV{AT} = <<'END';
    for i = 2, #ARGV do
        local key = '{tgortc}:room:' .. ARGV[i]
        local room = cmsgpack.unpack(redis.call('GET', key))

        room[6] = tonumber(ARGV[1])
        redis.call('SET', key, cmsgpack.pack(room))
        redis.call('ZADD', '{tgortc}:rooms', 'XX', ARGV[1], ARGV[i])
    end

    return #ARGV - 1
END

# Rooms with so many members each.

$ENV{CROWD} = <<'END';
    for _, id in ipairs({ 'r1', 'r2', 'r3' }) do
        local key = '{tgortc}:room:' .. id
        local room = cmsgpack.unpack(redis.call('GET', key))

        for i = #room[13] + 1, tonumber(ARGV[1]) do
            room[13][i] = { id .. '-' .. i, 3, '', 0, 0, 0, 0, '', 0, false,
                            true, 0 }
        end

        redis.call('SET', key, cmsgpack.pack(room))
    end

    return ARGV[1]
END


sub create {
    my ($room, $creator, $more) = @_;

    return "POST /api/v1/rooms\n"
           . qq({"creator":"$creator","device_type":"app","room_id":"$room")
           . (defined $more ? ",$more" : '') . '}';
}


# the ids on a page, and whether there is another one

sub ids {
    my ($body) = @_;

    return $body if $body !~ /^\{"rooms":/;

    my $page = JSON::PP::decode_json($body);

    return CORE::join ' ', (map { $_->{room_id} } @{$page->{rooms}}),
                      defined $page->{next_cursor} ? $page->{next_cursor} : '.';
}


run_tests();

__DATA__

=== TEST 1: no rooms, one room: as GET shows it
--- request
GET /api/v1/rooms

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"],"rtc_type":1}

POST /api/v1/rooms/r1/join
{"uid":"bob","device_type":"web"}

GET /api/v1/rooms

GET /api/v1/rooms/r1
--- response_headers
Content-Type: application/json
--- response_body
{"rooms":[],"next_cursor":null}
{"room_id":"r1",*}
{"room_id":"r1",*}
{"rooms":[{"room_id":"r1","creator":"alice","status":0,"created_at":"NOW","max_participants":2,"timeout":30,"rtc_type":1,"uids":["alice","bob"],"duration":0,"ended_at":null,"participants":[{"uid":"alice","status":0,"device_type":"app","connected":false,"joined_at":null,"left_at":null},{"uid":"bob","status":1,"device_type":"web","connected":false,"joined_at":"NOW","left_at":null}]}],"next_cursor":null}
{"room_id":"r1","creator":"alice","status":0,"created_at":"NOW","max_participants":2,"timeout":30,"rtc_type":1,"uids":["alice","bob"],"duration":0,"ended_at":null,"participants":[{"uid":"alice","status":0,"device_type":"app","connected":false,"joined_at":null,"left_at":null},{"uid":"bob","status":1,"device_type":"web","connected":false,"joined_at":"NOW","left_at":null}]}



=== TEST 2: the newest first, live or ended
--- request eval
[ main::create('r1', 'a'), main::create('r2', 'b'), main::create('r3', 'c'),
  main::create('r4', 'd'),
  "redis eval \"\$AT\" 0 1700000000001 r1",
  "redis eval \"\$AT\" 0 1700000000002 r2",
  "redis eval \"\$AT\" 0 1700000000003 r3",
  "redis eval \"\$AT\" 0 1700000000004 r4",
  "GET /api/v1/rooms",
  "POST /api/v1/rooms/r4/end", "POST /api/v1/rooms/r2/end",
  "redis zadd {tgortc}:rooms XX -9700000000009 r4",
  "GET /api/v1/rooms", "GET /api/v1/rooms?state=live",
  "GET /api/v1/rooms?state=ended" ]
--- response_body_filters eval: \&main::ids
--- response_body
{"room_id":"r1",*}
{"room_id":"r2",*}
{"room_id":"r3",*}
{"room_id":"r4",*}
1
1
1
1
r4 r3 r2 r1 .
{}
{}
0
r3 r1 .
r3 r1 .
r4 r2 .



=== TEST 3: pages, over rooms of the same millisecond
--- request eval
[ (map { main::create("r$_", "a$_") } 1 .. 5),
  "redis eval \"\$AT\" 0 1700000000005 r1 r2 r3 r4 r5",
  "GET /api/v1/rooms?limit=2",
  "GET /api/v1/rooms?limit=2&cursor=1700000000005-r4",
  "GET /api/v1/rooms?limit=2&cursor=1700000000005-r2",
  "GET /api/v1/rooms?limit=5", "GET /api/v1/rooms?limit=1",
  "GET /api/v1/rooms?cursor=1700000000006-a",
  "GET /api/v1/rooms?cursor=1700000000004-zzz" ]
--- response_body_filters eval: \&main::ids
--- response_body
{"room_id":"r1",*}
{"room_id":"r2",*}
{"room_id":"r3",*}
{"room_id":"r4",*}
{"room_id":"r5",*}
5
r5 r4 1700000000005-r4
r3 r2 1700000000005-r2
r1 .
r5 r4 r3 r2 r1 .
r5 1700000000005-r5
r5 r4 r3 r2 r1 .
.



=== TEST 4: a cursor holds where its room is gone; bytes are compared, not letters
--- request eval
[ (map { main::create($_, "by-$_") } 'B', 'a', 'b', 'A', '_'),
  "redis eval \"\$AT\" 0 1700000000005 A B _ a b",
  "GET /api/v1/rooms?limit=2",
  "POST /api/v1/rooms/a/end",
  "GET /api/v1/rooms?limit=2&cursor=1700000000005-a",
  "GET /api/v1/rooms?limit=2&cursor=1700000000005-B" ]
--- response_body_filters eval: \&main::ids
--- response_body
{"room_id":"B",*}
{"room_id":"a",*}
{"room_id":"b",*}
{"room_id":"A",*}
{"room_id":"_",*}
5
b a 1700000000005-a
{}
_ B 1700000000005-B
A .



=== TEST 5: pages of ended rooms
--- request eval
[ (map { (main::create("r$_", "a$_"), "POST /api/v1/rooms/r$_/end") } 1 .. 3),
  "redis zadd {tgortc}:rooms XX -9700000000005 r1 -9700000000005 r2 -9700000000006 r3",
  "GET /api/v1/rooms?state=ended&limit=2",
  "GET /api/v1/rooms?state=ended&limit=2&cursor=9700000000005-r1",
  "GET /api/v1/rooms?state=ended&cursor=9700000000006-r3",
  "GET /api/v1/rooms?state=ended&cursor=9700000000005-r2",
  "GET /api/v1/rooms" ]
--- response_body_filters eval: \&main::ids
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r2",*}
{}
{"room_id":"r3",*}
{}
0
r3 r1 9700000000005-r1
r2 .
r1 r2 .
.
.



=== TEST 6: of a user: the one room in which he is active
--- request eval
[ main::create('r1', 'alice', '"uids":["bob"]'),
  main::create('r2', 'carol', '"uids":["dave","erin"],"max_participants":5'),
  "POST /api/v1/rooms/r2/leave\n{\"uid\":\"dave\"}",
  (map { "GET /api/v1/rooms?uid=$_" } qw(alice bob carol dave erin mallory)),
  "GET /api/v1/rooms?uid=bob&creator=alice",
  "GET /api/v1/rooms?uid=bob&creator=bob",
  "GET /api/v1/rooms?uid=bob&cursor=9700000000000-a",
  "GET /api/v1/rooms?uid=bob&cursor=1600000000000-a" ]
--- response_body_filters eval: \&main::ids
--- response_body
{"room_id":"r1",*}
{"room_id":"r2",*}
{}
r1 .
r1 .
r2 .
.
r2 .
.
r1 .
.
r1 .
.



=== TEST 7: of a creator: also groups that go on without him
--- request eval
my $group = '"uids":["U"],"max_participants":5';

[ (map { my $uid = "u$_";
         (main::create("g$_", 'alice', $group =~ s/U/$uid/r),
          "POST /api/v1/rooms/g$_/join\n{\"uid\":\"$uid\"}",
          "POST /api/v1/rooms/g$_/leave\n{\"uid\":\"alice\"}") } 1 .. 3),
  main::create('other', 'alice2'),
  main::create('one', 'alice', '"uids":["bob"]'),
  "GET /api/v1/rooms?creator=alice",
  "GET /api/v1/rooms?creator=alic",
  "GET /api/v1/rooms?creator=bob",
  "POST /api/v1/rooms/g2/leave\n{\"uid\":\"u2\"}",
  "GET /api/v1/rooms?creator=alice",
  "POST /api/v1/rooms/one/end",
  "GET /api/v1/rooms?creator=alice",
  "redis zcard {tgortc}:hosts" ]
--- response_body_filters eval: \&main::ids
--- response_body
{"room_id":"g1",*}
{"room_id":"g1",*}
{}
{"room_id":"g2",*}
{"room_id":"g2",*}
{}
{"room_id":"g3",*}
{"room_id":"g3",*}
{}
{"room_id":"other",*}
{"room_id":"one",*}
one g3 g2 g1 .
.
.
{}
one g3 g1 .
{}
g3 g1 .
2



=== TEST 8: pages of a creator's rooms, the one-to-one call in its place
--- request eval
[ (map { my $uid = "u$_";
         (main::create("g$_", 'alice',
                       "\"uids\":[\"$uid\"],\"max_participants\":5"),
          "POST /api/v1/rooms/g$_/join\n{\"uid\":\"$uid\"}",
          "POST /api/v1/rooms/g$_/leave\n{\"uid\":\"alice\"}") } 1 .. 2),
  main::create('one', 'alice', '"uids":["bob"]'),
  "redis eval \"\$AT\" 0 1600000000000 one",
  "GET /api/v1/rooms?creator=alice&limit=2",
  "GET /api/v1/rooms?creator=alice&limit=3",
  "redis eval \"\$AT\" 0 9700000000000 one",
  "GET /api/v1/rooms?creator=alice&limit=1",
  "GET /api/v1/rooms?creator=alice&limit=1&cursor=9700000000000-one",
  "GET /api/v1/rooms?creator=alice&cursor=1600000000000-one" ]
--- response_body_filters eval: \&main::ids
--- response_body
{"room_id":"g1",*}
{"room_id":"g1",*}
{}
{"room_id":"g2",*}
{"room_id":"g2",*}
{}
{"room_id":"one",*}
1
g2 g1 *-g1
g2 g1 one .
1
one 9700000000000-one
g2 *-g2
.



=== TEST 9: a page has so many members at most, and goes on with the cursor
--- request eval
[ (map { main::create("r$_", "a$_", '"max_participants":5') } 1 .. 3),
  "redis eval \"\$AT\" 0 1700000000005 r1 r2 r3",
  "redis eval \"\$CROWD\" 0 1900",
  "GET /api/v1/rooms", "GET /api/v1/rooms?cursor=1700000000005-r2",
  "redis eval \"\$CROWD\" 0 4000",
  "GET /api/v1/rooms", "GET /api/v1/rooms?cursor=1700000000005-r3" ]
--- response_body_filters eval: \&main::ids
--- response_body
{"room_id":"r1",*}
{"room_id":"r2",*}
{"room_id":"r3",*}
3
1900
r3 r2 1700000000005-r2
r1 .
4000
r3 1700000000005-r3
r2 1700000000005-r2



=== TEST 10: rooms that are missing are passed over
--- request eval
[ (map { main::create("r$_", "a$_") } 1 .. 3),
  "redis del {tgortc}:room:r2",
  "GET /api/v1/rooms", "GET /api/v1/rooms?limit=1&cursor=9700000000000-r" ]
--- response_body_filters eval: \&main::ids
--- response_body
{"room_id":"r1",*}
{"room_id":"r2",*}
{"room_id":"r3",*}
1
r3 r1 .
r3 *-r3



=== TEST 11: what is wrong with a question
--- request eval
[ map { "GET /api/v1/rooms?$_" }
      'state=dead', 'state=', 'state=LIVE', 'limit=0', 'limit=101',
      'limit=-1', 'limit=ten', 'limit=', 'limit=0x10', 'cursor=', 'cursor=x',
      'cursor=123', 'cursor=-r1', 'cursor=123-', 'cursor=123-a/b',
      'cursor=1234567890123456-r1', 'cursor=1-sync', 'creator=', 'uid=%00',
      'uid=a%0Ab', 'state=ended&creator=alice', 'state=ended&uid=alice' ]
--- error_code: 400
--- response_body
{"code":400,"message":"Parameter error: state must be live or ended"}
{"code":400,"message":"Parameter error: state must be live or ended"}
{"code":400,"message":"Parameter error: state must be live or ended"}
{"code":400,"message":"Parameter error: limit must be a number from 1 to 100"}
{"code":400,"message":"Parameter error: limit must be a number from 1 to 100"}
{"code":400,"message":"Parameter error: limit must be a number from 1 to 100"}
{"code":400,"message":"Parameter error: limit must be a number from 1 to 100"}
{"code":400,"message":"Parameter error: limit must be a number from 1 to 100"}
{"code":400,"message":"Parameter error: limit must be a number from 1 to 100"}
{"code":400,"message":"Parameter error: cursor must be the cursor of an earlier page"}
{"code":400,"message":"Parameter error: cursor must be the cursor of an earlier page"}
{"code":400,"message":"Parameter error: cursor must be the cursor of an earlier page"}
{"code":400,"message":"Parameter error: cursor must be the cursor of an earlier page"}
{"code":400,"message":"Parameter error: cursor must be the cursor of an earlier page"}
{"code":400,"message":"Parameter error: cursor must be the cursor of an earlier page"}
{"code":400,"message":"Parameter error: cursor must be the cursor of an earlier page"}
{"code":400,"message":"Parameter error: cursor must be the cursor of an earlier page"}
{"code":400,"message":"Parameter error: creator must be a string *"}
{"code":400,"message":"Parameter error: uid must be a string *"}
{"code":400,"message":"Parameter error: uid must be a string *"}
{"code":400,"message":"Parameter error: creator may only be given with state live"}
{"code":400,"message":"Parameter error: uid may only be given with state live"}



=== TEST 12: a list that is no list keeps no call from beginning and ending
--- init
TgoRTC::Suite::redis('set {tgortc}:rooms x');
TgoRTC::Suite::redis('set {tgortc}:hosts x');
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"],"max_participants":3}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

GET /api/v1/rooms/r1

GET /api/v1/rooms
--- error_code: 200 200 200 500
--- no_error_log
[crit]
[alert]
[emerg]
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r1",*,"status":3,*}
{"code":500,"message":"Internal error"}



=== TEST 13: HEAD, and no other method than these
--- request
HEAD /api/v1/rooms

PUT /api/v1/rooms
--- error_code: 200 405
--- response_headers
Content-Type: application/json

Allow: GET, HEAD, POST
--- response_body
-
{"code":405,"message":"Method not allowed"}
