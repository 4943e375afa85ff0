# Copyright (C) TgoRTC contributors
#
# What a request may say: fields, JSON, paths, query arguments, bodies.

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

TgoRTC::Suite::setup();


# requests that create a room, each with one of these bodies

sub creates {
    return [ map { "POST /api/v1/rooms\n$_" } @_ ];
}


# the same, each with one of these for a field

sub creates_with {
    my ($field, @values) = @_;

    my %room = (creator => '"alice"', device_type => '"app"');

    delete $room{$field};

    my $rest = join '', map { qq{,"$_":$room{$_}} } sort keys %room;

    return creates(map { qq{{"$field":$_$rest}} } @values);
}


# everything that is no string, in JSON

sub no_strings {
    return qw(null true false 0 1 1.5 [] {} ["alice"] {"uid":"alice"});
}


run_tests();

__DATA__

=== TEST 1: creator is required
--- request
POST /api/v1/rooms
{"device_type":"app"}

POST /api/v1/rooms
{}

POST /api/v1/rooms
{"Creator":"alice","CREATOR":"alice","device_type":"app"}
--- error_code: 400
--- response_headers
Content-Type: application/json
--- response_body: {"code":400,"message":"Parameter error: creator *128*"}



=== TEST 2: creator is a string
--- request eval
main::creates_with('creator', main::no_strings())
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: creator *128*"}



=== TEST 3: creator, too long, too short, with control characters
--- request eval
main::creates_with('creator', '""', '"' . 'a' x 129 . '"',
                   '"' . 'é' x 64 . 'a"', '"a\\nb"', '"\\u0001"', '"\\u001f"',
                   '"a\\u007f"', "\"a\x7f\"", '"\\u0080"', '"\\u009f"',
                   "\"\xc2\x85\"")
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: creator *128*"}



=== TEST 4: creator, as long and as odd as it may be
--- request eval
main::creates_with('creator', '"' . 'a' x 128 . '"', '"' . 'é' x 64 . '"',
                   '"a"', '" "', '"\\u00a0"', '"\\u00e9\\ud83d\\ude00"',
                   '"a/b\\\\c\\"d{}:,*"')
--- response_body: {"room_id":*,"token":"TOKEN",*}



=== TEST 5: device_type is required
--- request
POST /api/v1/rooms
{"creator":"alice"}
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: device_type *32*"}



=== TEST 6: device_type is a string
--- request eval
main::creates_with('device_type', main::no_strings())
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: device_type *32*"}



=== TEST 7: device_type, too long, too short, with control characters
--- request eval
main::creates_with('device_type', '""', '"' . 'a' x 33 . '"',
                   '"' . 'é' x 16 . 'a"', '"a\\tb"', '"\\u0085"')
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: device_type *32*"}



=== TEST 8: device_type, as long as it may be
--- request eval
[ map { qq{POST /api/v1/rooms\n{"creator":"u$_->[0]","device_type":"$_->[1]"}} }
  [ 1, 'a' x 32 ], [ 2, 'é' x 16 ], [ 3, 'a' ] ]
--- response_body: {"room_id":*,"token":"TOKEN",*}



=== TEST 9: room_id is a string
--- request eval
main::creates_with('room_id', main::no_strings())
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: room_id *64*"}



=== TEST 10: room_id, too long, in characters that it does not take
--- request eval
main::creates_with('room_id', '"' . 'a' x 65 . '"', '"."', '".."', '"sync"',
                   map { qq{"a$_"} } ' ', qw(/ ? + & = % ! * ( ) [ ] { } < > ^
                   ` | ; ' $ é), '#', ',', '\\\\', '\\"', '\\n', '\\u007f')
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: room_id *64*"}



=== TEST 11: room_id, as long as it may be, in all characters that it takes
--- request eval
my $i = 0;

[ map { $i++; qq{POST /api/v1/rooms
{"creator":"user_$i","device_type":"app","room_id":"$_"}} }
  'a', 'a' x 64, CORE::join('', 'A' .. 'Z', 'a' .. 'z'), '0123456789_-.~:@',
  '...', 'Sync', 'sync1', '-', '_', '~', ':', '@' ]
--- response_body: {"room_id":*,"token":"TOKEN",*}



=== TEST 12: rtc_type is 0 or 1
--- request eval
main::creates_with('rtc_type', qw(-1 2 1.0 0.0 1e0 0e0 1E0 10e-1 0.5 "1" "" null
                   true false [] {} [1] 4294967297 18446744073709551617))
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: rtc_type *0*1*"}



=== TEST 13: invite_on is 0 or 1
--- request eval
main::creates_with('invite_on', qw(-1 2 1.0 0.0 1e0 0e0 1E0 10e-1 0.5 "1" ""
                   null true false [] {} [1] 4294967297 18446744073709551617))
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: invite_on *0*1*"}



=== TEST 14: max_participants is an integer of 2 to 1000
--- request eval
main::creates_with('max_participants', qw(1 1001 0 -1 -2 2.0 2.5 2e0 1e3 "2" ""
                   null true false [] {} [2] 4294967298 18446744073709551618
                   1e400 -9223372036854775808 9223372036854775808))
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: max_participants *2*1000*"}



=== TEST 15: integers on both sides of their limits
--- request
POST /api/v1/rooms
{"creator":"u1","device_type":"app","rtc_type":0,"invite_on":0,"max_participants":2}

POST /api/v1/rooms
{"creator":"u2","device_type":"app","rtc_type":1,"invite_on":1,"max_participants":1000}
--- response_body
{"room_id":*,"max_participants":2,*,"rtc_type":0,*}
{"room_id":*,"max_participants":1000,*,"rtc_type":1,*}



=== TEST 16: uids is a list of uids
--- request eval
main::creates_with('uids', 'null', 'true', '0', '"bob"', '{}', '{"0":"bob"}',
                   '[null]', '[1]', '[true]', '[""]', '["bob",""]',
                   '["bob",1]', '["bob",null]', '["' . 'a' x 129 . '"]',
                   '["a\\nb"]', '["\\u0080"]')
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: uids *128*"}



=== TEST 17: uids on both sides of their limits
--- request eval
my $long = 'a' x 128;

[ qq{POST /api/v1/rooms\n{"creator":"u1","device_type":"app","uids":["$long"]}},
  qq{POST /api/v1/rooms\n{"creator":"u2","device_type":"app","uids":["x"]}} ]
--- response_body: {"room_id":*,"token":"TOKEN",*}



=== TEST 18: a uid is told by its bytes, however it is written
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","max_participants":9,"uids":["\u00e9","é","E","e","\u0061lice","é"]}
--- response_body
{"room_id":*,"uids":["alice","é","E","e"]}



=== TEST 19: invite: uids is required, not empty, a list of uids
--- request eval
my @requests = map { "POST /api/v1/rooms/r1/invite\n$_" }
    '{}', '{"uids":[]}', '{"uids":null}', '{"uids":"bob"}', '{"uids":[1]}',
    '{"uids":[""]}', '{"uids":["bob",null]}', '{"uids":{}}',
    '{"uids":["' . 'a' x 129 . '"]}', '{"uids":["\\u001b"]}';

\@requests
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: uids *"}



=== TEST 20: join: uid is required, device_type is not, both are strings
--- request eval
my @uids = map { "{\"uid\":$_}" } main::no_strings(), '""', '"\\u0007"',
                                  '"' . 'a' x 129 . '"';
my @devices = map { "{\"uid\":\"bob\",\"device_type\":$_}" }
              main::no_strings(), '""', '"\\u0007"', '"' . 'a' x 33 . '"';

[ map { "POST /api/v1/rooms/r1/join\n$_" } '{}', @uids, @devices ]
--- error_code: 400
--- response_body eval
[ map { qr/^\{"code":400,"message":"Parameter error: $_"\}$/ }
  ('uid .*128.*') x 14, ('device_type .*32.*') x 13 ]



=== TEST 21: leave: uid is required, device_type is not, both are strings
--- request eval
my @uids = map { "{\"uid\":$_}" } main::no_strings(), '""', '"\\u0007"',
                                  '"' . 'a' x 129 . '"';
my @devices = map { "{\"uid\":\"bob\",\"device_type\":$_}" }
              main::no_strings(), '""', '"\\u0007"', '"' . 'a' x 33 . '"';

[ map { "POST /api/v1/rooms/r1/leave\n$_" } '{}', @uids, @devices ]
--- error_code: 400
--- response_body eval
[ map { qr/^\{"code":400,"message":"Parameter error: $_"\}$/ }
  ('uid .*128.*') x 14, ('device_type .*32.*') x 13 ]



=== TEST 22: join and leave, as long as it may be
--- request eval
my ($uid, $device) = ('a' x 128, 'b' x 32);

[ qq{POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3}},
  qq{POST /api/v1/rooms/r1/join
{"uid":"$uid","device_type":"$device"}},
  qq{POST /api/v1/rooms/r1/leave
{"uid":"$uid","device_type":"$device"}} ]
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}



=== TEST 23: fields that nobody knows are ignored
--- request
POST /api/v1/rooms
{"creator":"alice","x":null,"device_type":"app","room_id":"r1","uid":1,"y":{},"z":["a",1.5e3,true,null],"token":"t","status":9,"":""}

POST /api/v1/rooms/r1/invite
{"uids":["bob"],"uid":0,"device_type":{"a":1}}

POST /api/v1/rooms/r1/join
{"uid":"bob","uids":"x","creator":[]}

POST /api/v1/rooms/r1/leave
{"uid":"bob","uids":"x","room_id":"r2"}
--- response_body
{"room_id":"r1","creator":"alice",*,"status":0,*}
{}
{"room_id":"r1",*}
{}



=== TEST 24: what is no JSON
--- request eval
main::creates('{', '}', '{"creator"', '{"creator":', '{"creator":"alice"',
    '{"creator":"alice","device_type":"app"',
    '{"creator":"alice","device_type":"app",}',
    '{"creator":"alice","device_type":"app",,"x":1}',
    '{"creator":"alice" "device_type":"app"}',
    '{"creator":"alice","device_type":"app"]',
    "{'creator':'alice','device_type':'app'}",
    '{creator:"alice",device_type:"app"}',
    '{"creator":"alice","device_type":"app","x":01}',
    '{"creator":"alice","device_type":"app","x":+1}',
    '{"creator":"alice","device_type":"app","x":.5}',
    '{"creator":"alice","device_type":"app","x":1.}',
    '{"creator":"alice","device_type":"app","x":1e}',
    '{"creator":"alice","device_type":"app","x":0x10}',
    '{"creator":"alice","device_type":"app","x":NaN}',
    '{"creator":"alice","device_type":"app","x":Infinity}',
    '{"creator":"alice","device_type":"app","x":-}',
    '{"creator":"alice","device_type":"app","x":True}',
    '{"creator":"alice","device_type":"app","x":nul}',
    '{"creator":"alice","device_type":"app","x":[1,]}',
    '{"creator":"alice","device_type":"app","x":"\\x41"}',
    '{"creator":"alice","device_type":"app","x":"\\u12"}',
    '{"creator":"alice","device_type":"app","x":"\\u12g4"}',
    "{\"creator\":\"alice\",\"device_type\":\"app\",\"x\":\"a\nb\"}",
    "{\"creator\":\"alice\",\"device_type\":\"app\",\"x\":\"a\tb\"}",
    '{"creator":"alice","device_type":"app"}/* x */',
    '// x' . "\n" . '{"creator":"alice","device_type":"app"}',
    "\xef\xbb\xbf" . '{"creator":"alice","device_type":"app"}')
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: *JSON*"}



=== TEST 25: JSON that is no object
--- request eval
main::creates('[]', '"alice"', '1', 'true', 'null',
              '[{"creator":"alice","device_type":"app"}]')
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: *JSON*"}



=== TEST 26: bytes after the document
--- request eval
my $room = '{"creator":"alice","device_type":"app"}';

main::creates("$room$room", "$room}", "$room x", "$room,", "$room\0", "$room\n\0\n",
              "$room null")
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: *JSON*"}



=== TEST 27: white space around the document, and in it
--- request eval
my $room = " \t\r\n{ \"creator\"\t:\n\"alice\" ,\r\n\"device_type\" : \"app\","
           . " \"uids\" : [ ] } \t\r\n";

[ CORE::sprintf("POST /api/v1/rooms\n%x\r\n%s\r\n0\r\n\r\n",
                CORE::length($room), $room) ]
--- more_headers
Transfer-Encoding: chunked
--- response_body: {"room_id":*,"creator":"alice",*}



=== TEST 28: a repeated key, however it is written, known or not
--- request eval
main::creates('{"creator":"alice","device_type":"app","creator":"alice"}',
              '{"creator":"alice","device_type":"app","creator":"bob"}',
              '{"creator":"alice","device_type":"app","cr\\u0065ator":"bob"}',
              '{"creator":"alice","device_type":"app","x":1,"y":2,"x":1}',
              '{"creator":"alice","device_type":"app","":1,"":2}',
              '{"creator":"alice","device_type":"app","x":{"y":1,"y":2}}')
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: *"}



=== TEST 29: the same key in another object, or in other letters, is no repetition
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","x":{"creator":"bob"},"y":{"creator":"carol"},"Creator":"dave"}
--- response_body: {"room_id":*,"creator":"alice",*}



=== TEST 30: U+0000 and lone surrogates
--- request eval
main::creates_with('creator', '"a\\u0000"', '"\\u0000"', '"\\ud800"',
                   '"\\udc00"', '"\\udfff\\ud800"', '"\\ud83dx"',
                   '"\\ud83d\\n"', '"\\ud83d\\u0041"', '"\\uD83D\\uD83D"',
                   "\"a\0b\"")
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: *"}



=== TEST 31: the same where nobody looks
--- request eval
main::creates_with('x', '"\\u0000"', '"\\ud800"', '"\\udc00"', '["\\udc00"]',
                   '{"\\u0000":1}', '{"\\ud800":1}')
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: *"}



=== TEST 32: invalid UTF-8, where somebody looks and where nobody does
--- request eval
my @wrong = ("\x80", "\xff", "\xc3", "\xc3(", "\xc0\x80", "\xc1\xbf",
             "\xe0\x80\xaf", "\xe2\x82", "\xed\xa0\x80", "\xed\xbf\xbf",
             "\xf0\x80\x80\xaf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
             "\xf8\x88\x80\x80\x80", "\xe9");

[ map { @{main::creates_with($_, map { "\"a$_\"" } @wrong)} } qw(creator x) ]
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: *"}



=== TEST 33: the first and the last character of each length in UTF-8
--- request eval
main::creates_with('creator', map { "\"$_\"" } "\xc2\xa0", "\xdf\xbf",
                   "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                   "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf")
--- response_body: {"room_id":*,"token":"TOKEN",*}



=== TEST 34: as deep as needed, and deeper
--- request eval
main::creates_with('x', '[]', '{}', '[[]]', '[{}]', '{"y":[]}', '{"y":{}}',
                   '[' x 10000 . ']' x 10000, '[' x 10000)
--- error_code: 200 409 400 400 400 400 400 400
--- response_body
{"room_id":*}
{"code":409,*}
{"code":400,"message":"Parameter error: *"}
{"code":400,"message":"Parameter error: *"}
{"code":400,"message":"Parameter error: *"}
{"code":400,"message":"Parameter error: *"}
{"code":400,"message":"Parameter error: *"}
{"code":400,"message":"Parameter error: *"}



=== TEST 35: no body
--- request
POST /api/v1/rooms

POST /api/v1/rooms/r1/invite

POST /api/v1/rooms/r1/join

POST /api/v1/rooms/r1/leave
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: *JSON*"}



=== TEST 36: an empty body, a body of spaces
--- request eval
[ "POST /api/v1/rooms\n", "POST /api/v1/rooms\n   " ]
--- more_headers
Content-Length: 0

Content-Length: 3
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: *JSON*"}



=== TEST 37: whatever the content type, and without one
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app"}

POST /api/v1/rooms
{"creator":"bob","device_type":"app"}

POST /api/v1/rooms
{"creator":"carol","device_type":"app"}
--- more_headers
-

Content-Type: application/json; charset=utf-8

Content-Type: text/plain
--- response_body: {"room_id":*}



=== TEST 38: the room id of a path
--- request eval
my @paths = map { "GET /api/v1/rooms/$_" }
            'a' x 65, 'a%20b', 'a%0ab', '%7f', 'a+b', 'a%25', 'a&b', 'a*b',
            'a,b', '%c3%a9', 'a;b', 'a=b', '(a)', "a'b", 'a!b', '%3F';
my @methods = map { "POST /api/v1/rooms/a+b/$_\n{\"uid\":\"x\",\"uids\":[\"x\"]}" }
              qw(invite join leave);

[ @paths, @methods ]
--- error_code: 400
--- response_body: {"code":400,"message":"Parameter error: room_id *64*"}



=== TEST 39: the longest room id, and one of every kind of character
--- request eval
[ map { "GET /api/v1/rooms/$_" } 'a' x 64, 'azAZ09_-.~:@', '%61%7E' ]
--- error_code: 404
--- response_body: {"code":404,"message":"Room not found"}



=== TEST 40: a body that is wrong comes before a room that nobody knows
--- request
POST /api/v1/rooms/r1/invite
{"uids":[]}

POST /api/v1/rooms/r1/join
{}

POST /api/v1/rooms/r1/leave
{

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

POST /api/v1/rooms/r1/join
{"uid":""}

POST /api/v1/rooms/r1/leave
{"uid":""}

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":1}
--- error_code: 400 400 400 200 200 400 400 400
--- response_body
{"code":400,*}
{"code":400,*}
{"code":400,*}
{"room_id":"r1",*}
{}
{"code":400,*}
{"code":400,*}
{"code":400,*}



=== TEST 41: query arguments are form-encoded
--- request
POST /api/v1/rooms
{"creator":"a b+c&d=e%é","device_type":"my app","room_id":"r1"}

GET /api/v1/rooms/sync?uid=a+b%2Bc%26d%3De%25%C3%A9&device_type=my+app

GET /api/v1/rooms/sync?device_type=my%20app&x=1&uid=a%20b%2bc%26d%3de%25%c3%a9&y

POST /api/v1/rooms/r1/join
{"uid":"a b+c&d=e%é"}

GET /api/v1/rooms/sync?uid=a+b%2Bc%26d%3De%25%C3%A9&device_type=my+app

GET /api/v1/rooms/sync?uid=a+b%2Bc%26d%3De%25%C3%A9&device_type=my%2Bapp
--- response_body
{"room_id":"r1",*}
[{"room_id":"r1",*}]
[{"room_id":"r1",*}]
{"room_id":"r1",*}
[{"room_id":"r1",*}]
[]



=== TEST 42: query arguments on both sides of their limits
--- request eval
my ($uid, $device) = ('a' x 128, 'b' x 32);

[ map { "GET /api/v1/rooms/sync?$_" }
  "uid=$uid&device_type=$device", "uid=${uid}a&device_type=app",
  "uid=alice&device_type=${device}b", "uid=a%00b&device_type=app",
  "uid=a%0a&device_type=app", "uid=%7f&device_type=app",
  "uid=%ff&device_type=app", "uid=%c3&device_type=app",
  "uid=%ed%a0%80&device_type=app", "uid=%c2%80&device_type=app",
  "uid=alice&device_type=%00", "uid=alice&device_type=%c3%28" ]
--- error_code eval
[ 200, (400) x 11 ]
--- response_body
[]
{"code":400,"message":"Parameter error: uid *128*"}
{"code":400,"message":"Parameter error: device_type *32*"}
{"code":400,"message":"Parameter error: uid *128*"}
{"code":400,"message":"Parameter error: uid *128*"}
{"code":400,"message":"Parameter error: uid *128*"}
{"code":400,"message":"Parameter error: uid *128*"}
{"code":400,"message":"Parameter error: uid *128*"}
{"code":400,"message":"Parameter error: uid *128*"}
{"code":400,"message":"Parameter error: uid *128*"}
{"code":400,"message":"Parameter error: device_type *32*"}
{"code":400,"message":"Parameter error: device_type *32*"}



=== TEST 43: a chunked body
--- request eval
"POST /api/v1/rooms
10\r
{\"creator\":\"alic\r
17;ext=1\r
e\",\"device_type\":\"app\"}\r
0\r
Trailer: x\r
\r
"
--- more_headers
Transfer-Encoding: chunked
--- response_body: {"room_id":*,"creator":"alice",*}



=== TEST 44: a chunked body without a byte, one that is no chunked body
--- request eval
[ "POST /api/v1/rooms\n0\r\n\r\n", "POST /api/v1/rooms\nxyz\r\n\r\n" ]
--- more_headers
Transfer-Encoding: chunked
--- error_code: 400
--- no_error_log
[crit]
[alert]
[emerg]
--- response_body: {"code":400,"message":"*"}



=== TEST 45: a body that comes in pieces
--- request eval
[ [ "POST /api/v1/rooms\n{\"creator\":\"al",
    { value => "ice\",\"device_type\":\"app\",", delay_before => 0.02 },
    { value => "\"room_id\":\"r1\"}", delay_before => 0.02 } ],
  "GET /api/v1/rooms/r1" ]
--- response_body
{"room_id":"r1","creator":"alice",*}
{"room_id":"r1","creator":"alice",*}



=== TEST 46: a body in a file
--- config
    location /api/v1/rooms {
        client_body_in_file_only on;
        tgortc_rooms;
    }
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":
--- error_code: 200 200 400
--- response_body
{"room_id":"r1",*,"uids":["alice","bob"]}
{"room_id":"r1",*}
{"code":400,"message":"Parameter error: *JSON*"}
--- error_log
a client request body is buffered to a temporary file



=== TEST 47: a body that no buffer holds
--- config
    location /api/v1/rooms {
        client_body_buffer_size 16;
        tgortc_rooms;
    }
--- request eval
my $uids = CORE::join ',', map { "\"user_$_\"" } 1 .. 99;

[ qq{POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":100,"uids":[$uids]}},
  qq{POST /api/v1/rooms/r1/join
{"uid":"user_99"}} ]
--- response_body
{"room_id":"r1",*,"user_98","user_99"]}
{"room_id":"r1",*}
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 48: 64 KiB, and a byte more
--- request eval
my ($start, $end) = ('{"creator":"alice","device_type":"app","room_id":"r1","x":"',
                     '"}');

main::creates(map { $start . 'x' x ($_ - CORE::length("$start$end")) . $end }
              65537, 65536)
--- error_code: 413 200
--- response_body
{"code":413,"message":"*"}
{"room_id":"r1",*}
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 49: the same in chunks
--- request eval
my ($start, $end) = ('{"creator":"alice","device_type":"app","room_id":"r1","x":"',
                     '"}');

main::creates(map { CORE::sprintf("%x\r\n%s\r\n0\r\n\r\n", $_,
                                  $start . 'x' x ($_ - CORE::length("$start$end"))
                                  . $end) }
              65537, 65536)
--- more_headers
Transfer-Encoding: chunked
--- error_code: 413 200
--- response_body
{"code":413,"message":"*"}
{"room_id":"r1",*}
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 50: a limit of the location's own, larger and smaller
--- config
    location /api/v1/rooms {
        client_max_body_size 1m;
        tgortc_rooms;
    }

    location /small {
        client_max_body_size 50;
        tgortc_rooms;
    }
--- request eval
[ 'POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","x":"' . 'x' x 1000000 . '"}',
  'POST /small
{"creator":"bob","device_type":"app","room_id":"r2"}',
  'POST /small
{"creator":"bob","device_type":"app"}' ]
--- error_code: 200 413 200
--- response_body
{"room_id":"r1",*}
{"code":413,"message":"*"}
{"room_id":*,"creator":"bob",*}
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 51: a limit of the location's own that equals the server's
--- config
    location /api/v1/rooms {
        client_max_body_size 30M;
        tgortc_rooms;
    }
--- request eval
[ 'POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","x":"' . 'x' x 100000 . '"}' ]
--- response_body
{"room_id":"r1",*}



=== TEST 52: a limit of the server's, smaller, and blocks inside of the location
--- http_config
    client_max_body_size  50;
    tgortc_redis          127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=10s;
    tgortc_livekit_key    devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url    wss://livekit.example.com;
--- config
    location /api/v1/rooms {
        tgortc_rooms;

        limit_except GET {
            allow all;
        }
    }

    location /if {
        tgortc_rooms;

        if ($http_user_agent) {
            set $x 1;
        }

        location /if/not {
            tgortc_rooms;
        }
    }
--- request eval
[ map {
    my ($path, $creator, $size) = @$_;
    my $start = qq({"creator":"$creator","device_type":"app","x":");

    "POST $path\n"
    . CORE::sprintf("%x\r\n%s\r\n0\r\n\r\n", $size,
                    $start . 'x' x ($size - CORE::length($start) - 2) . '"}')
} ['/api/v1/rooms', 'a', 65537], ['/if', 'b', 65537],
  ['/api/v1/rooms', 'c', 65536], ['/if', 'd', 65536],
  ['/if/not', 'e', 65537], ['/if/not', 'f', 65536] ]
--- more_headers
Transfer-Encoding: chunked
User-Agent: test
--- error_code: 413 413 200 200 413 200
--- response_body
{"code":413,"message":"*"}
{"code":413,"message":"*"}
{"room_id":"*}
{"room_id":"*}
{"code":413,"message":"*"}
{"room_id":"*}
--- no_error_log
temporary file
[crit]
[alert]
[emerg]
