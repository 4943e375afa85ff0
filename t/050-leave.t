# Copyright (C) TgoRTC contributors
#
# POST /api/v1/rooms/{room_id}/leave: who leaves, when, and what becomes of the
# room.  What depends on a call that was answered needs LiveKit and is not here.

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

TgoRTC::Suite::setup();

run_tests();

__DATA__

=== TEST 1: 1:1, the creator while it rings: cancelled
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

redis hlen {tgortc}:users

redis zcard {tgortc}:deadlines

GET /api/v1/rooms/r1
--- response_headers
Content-Type: application/json
--- response_body
{"room_id":"r1",*}
{}
0
0
{"room_id":"r1","creator":"alice","status":3,"created_at":"NOW","max_participants":2,"timeout":30,"rtc_type":0,"uids":["alice","bob"],"duration":0,"ended_at":"NOW","participants":[{"uid":"alice","status":6,"device_type":"app","connected":false,"joined_at":null,"left_at":null},{"uid":"bob","status":6,"device_type":null,"connected":false,"joined_at":null,"left_at":null}]}



=== TEST 2: 1:1, the creator who joined, while it rings: cancelled
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"alice","device_type":"app"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{"room_id":"r1","creator":"alice","status":3,*,"duration":0,"ended_at":"NOW","participants":[{"uid":"alice","status":6,*,"joined_at":"NOW","left_at":"NOW"},{"uid":"bob","status":6,*,"joined_at":null,"left_at":null}]}



=== TEST 3: 1:1, the creator when both joined, but not answered: cancelled
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"alice","device_type":"app"}

POST /api/v1/rooms/r1/join
{"uid":"bob","device_type":"app"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{"room_id":"r1","creator":"alice","status":3,*,"duration":0,"ended_at":"NOW","participants":[{"uid":"alice","status":6,*},{"uid":"bob","status":3,*,"joined_at":"NOW","left_at":"NOW"}]}



=== TEST 4: 1:1, a creator whom nobody was to meet yet: cancelled
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r1","creator":"alice","status":3,*,"participants":[{"uid":"alice","status":6,*}]}



=== TEST 5: 1:1, the callee while it rings: rejected
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

redis hlen {tgortc}:users

redis zcard {tgortc}:deadlines

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{}
0
0
{"room_id":"r1","creator":"alice","status":4,*,"duration":0,"ended_at":"NOW","participants":[{"uid":"alice","status":6,"device_type":"app","connected":false,"joined_at":null,"left_at":null},{"uid":"bob","status":2,"device_type":null,"connected":false,"joined_at":null,"left_at":null}]}



=== TEST 6: 1:1, the callee while it rings, the creator waiting for him: rejected
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"alice","device_type":"app"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{"room_id":"r1","creator":"alice","status":4,*,"participants":[{"uid":"alice","status":3,*,"joined_at":"NOW","left_at":"NOW"},{"uid":"bob","status":2,*}]}



=== TEST 7: 1:1, the callee who joined, but not answered: finished, no duration
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"bob","device_type":"app"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

redis hlen {tgortc}:users

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
0
{"room_id":"r1","creator":"alice","status":2,*,"duration":0,"ended_at":"NOW","participants":[{"uid":"alice","status":6,*,"joined_at":null,"left_at":null},{"uid":"bob","status":3,*,"joined_at":"NOW","left_at":"NOW"}]}



=== TEST 8: 1:1, who came without an invitation leaves as the callee does
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{"room_id":"r1","creator":"alice","status":2,*,"participants":[{"uid":"alice","status":6,*},{"uid":"bob","status":3,*}]}



=== TEST 9: group, an invitee while it rings: rejected, the room goes on
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

redis hgetall {tgortc}:users

redis zrange {tgortc}:deadlines 0 -1

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{}
alice r1 carol r1
r1
{"room_id":"r1","creator":"alice","status":0,*,"uids":["alice","bob","carol"],"duration":0,"ended_at":null,"participants":[{"uid":"alice","status":0,*},{"uid":"bob","status":2,"device_type":null,"connected":false,"joined_at":null,"left_at":null},{"uid":"carol","status":0,*}]}



=== TEST 10: group, all invitees reject, while the creator is there it goes on
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"carol"}

GET /api/v1/rooms/r1

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{}
{}
{"room_id":"r1","creator":"alice","status":0,*,"ended_at":null,"participants":[{"uid":"alice","status":0,*},{"uid":"bob","status":2,*},{"uid":"carol","status":2,*}]}
{}
{"room_id":"r1","creator":"alice","status":3,*,"ended_at":"NOW","participants":[{"uid":"alice","status":6,*},{"uid":"bob","status":2,*},{"uid":"carol","status":2,*}]}



=== TEST 11: group, the creator, nobody else ever joined: cancelled
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/join
{"uid":"alice","device_type":"app"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

redis hlen {tgortc}:users

redis zcard {tgortc}:deadlines

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
0
0
{"room_id":"r1","creator":"alice","status":3,*,"duration":0,"ended_at":"NOW","participants":[{"uid":"alice","status":6,*},{"uid":"bob","status":6,*},{"uid":"carol","status":6,*}]}



=== TEST 12: group, anyone joined: hung up, the room goes on
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/join
{"uid":"bob","device_type":"web"}

POST /api/v1/rooms/r1/join
{"uid":"dave"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"dave"}

redis hgetall {tgortc}:users

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{}
alice r1 carol r1
{"room_id":"r1","creator":"alice","status":0,*,"ended_at":null,"participants":[{"uid":"alice","status":0,*},{"uid":"bob","status":3,"device_type":"web","connected":false,"joined_at":"NOW","left_at":"NOW"},{"uid":"carol","status":0,*},{"uid":"dave","status":3,*,"left_at":"NOW"}]}



=== TEST 13: group, the creator while somebody is joined: hung up, it goes on
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/join
{"uid":"alice","device_type":"app"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

redis hgetall {tgortc}:users

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
bob r1 carol r1
{"room_id":"r1","creator":"alice","status":0,*,"ended_at":null,"participants":[{"uid":"alice","status":3,*,"joined_at":"NOW","left_at":"NOW"},{"uid":"bob","status":1,*},{"uid":"carol","status":0,*}]}



=== TEST 14: group, a creator who never joined, somebody else did: the same
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{"room_id":"r1","creator":"alice","status":0,*,"ended_at":null,"participants":[{"uid":"alice","status":3,*},{"uid":"bob","status":1,*},{"uid":"carol","status":0,*}]}



=== TEST 15: group, the creator, somebody joined once but left: not cancelled
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"alice"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{}
{"room_id":"r1","creator":"alice","status":6,*,"ended_at":"NOW","participants":[{"uid":"alice","status":3,*},{"uid":"bob","status":3,*}]}



=== TEST 16: a group ends when nobody is active: missed, it was not answered
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/join
{"uid":"alice"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"carol"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

GET /api/v1/rooms/r1

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

redis hlen {tgortc}:users

redis zcard {tgortc}:deadlines

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{}
{"room_id":"r1","creator":"alice","status":0,*,"ended_at":null,*}
{}
0
0
{"room_id":"r1","creator":"alice","status":6,*,"duration":0,"ended_at":"NOW","participants":[{"uid":"alice","status":3,*},{"uid":"bob","status":3,*},{"uid":"carol","status":2,*}]}



=== TEST 17: a group ends when the last one joined leaves others ringing
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob","carol","dave"]}

POST /api/v1/rooms/r1/join
{"uid":"alice"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

redis hlen {tgortc}:users

redis zcard {tgortc}:deadlines

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{}
0
0
{"room_id":"r1","creator":"alice","status":6,*,"ended_at":"NOW","participants":[{"uid":"alice","status":3,*},{"uid":"bob","status":3,*},{"uid":"carol","status":6,*,"left_at":null},{"uid":"dave","status":6,*,"left_at":null}]}



=== TEST 18: but not while the creator is still connecting
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

redis hgetall {tgortc}:users

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
alice r1 carol r1
{"room_id":"r1","creator":"alice","status":0,*,"ended_at":null,"participants":[{"uid":"alice","status":0,*},{"uid":"bob","status":3,*},{"uid":"carol","status":0,*}]}



=== TEST 19: a group ends rejected when every invitee rejected
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/leave
{"uid":"carol"}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/invite
{"uids":["bob"]}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

GET /api/v1/rooms/r1

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r1",*}
{}
{}
{}
{"room_id":"r1","creator":"alice","status":0,*,"participants":[{"uid":"alice","status":3,*},{"uid":"bob","status":0,*},{"uid":"carol","status":2,*}]}
{}
{"room_id":"r1","creator":"alice","status":4,*,"duration":0,"ended_at":"NOW","participants":[{"uid":"alice","status":3,*},{"uid":"bob","status":2,*},{"uid":"carol","status":2,*}]}



=== TEST 20: who came without an invitation is no invitee
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/join
{"uid":"dave"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"carol"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

POST /api/v1/rooms/r1/leave
{"uid":"dave"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{}
{}
{}
{"room_id":"r1","creator":"alice","status":4,*,"ended_at":"NOW","participants":[{"uid":"alice","status":3,*},{"uid":"bob","status":2,*},{"uid":"carol","status":2,*},{"uid":"dave","status":3,*}]}



=== TEST 21: a group without invitees was not rejected
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{}
{"room_id":"r1","creator":"alice","status":6,*,"ended_at":"NOW",*}



=== TEST 22: the tablet that stops ringing does not hang up the phone
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"bob","device_type":"phone"}

POST /api/v1/rooms/r1/leave
{"uid":"bob","device_type":"tablet"}

GET /api/v1/rooms/r1

POST /api/v1/rooms/r1/leave
{"uid":"bob","device_type":"phone"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{"room_id":"r1","creator":"alice","status":0,*,"ended_at":null,"participants":[{"uid":"alice","status":0,*},{"uid":"bob","status":1,"device_type":"phone",*,"left_at":null}]}
{}
{"room_id":"r1","creator":"alice","status":2,*,{"uid":"bob","status":3,*}]}



=== TEST 23: whichever device says no, while it rings
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob","device_type":"tablet"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r1","creator":"alice","status":4,*}



=== TEST 24: a creator who has not joined is on no device yet
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"phone","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/leave
{"uid":"alice","device_type":"tablet"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{}
{"room_id":"r1","creator":"alice","status":3,*}



=== TEST 25: joined on a device that nobody knows
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/join
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"bob","device_type":"tablet"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{"room_id":"r1","creator":"alice","status":2,*,{"uid":"bob","status":3,*}]}



=== TEST 26: leaving again changes nothing
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":3,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

GET /api/v1/rooms/r1

POST /api/v1/rooms/r1/join
{"uid":"carol"}

POST /api/v1/rooms/r1/leave
{"uid":"carol"}

POST /api/v1/rooms/r1/leave
{"uid":"carol"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{}
{}
{"room_id":"r1","creator":"alice","status":0,*,{"uid":"bob","status":2,*}*}
{"room_id":"r1",*}
{}
{}
{"room_id":"r1","creator":"alice","status":0,*,{"uid":"bob","status":2,*},{"uid":"carol","status":3,*}]}



=== TEST 27: leaving a room that ended, whoever it is, changes nothing
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"bob"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

POST /api/v1/rooms/r1/leave
{"uid":"stranger"}

GET /api/v1/rooms/r1
--- response_body
{"room_id":"r1",*}
{}
{}
{}
{}
{"room_id":"r1","creator":"alice","status":4,*,"participants":[{"uid":"alice","status":6,*},{"uid":"bob","status":2,*}]}



=== TEST 28: a room and a participant nobody knows
--- request
POST /api/v1/rooms/r1/leave
{"uid":"alice"}

POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/rooms/r1/leave
{"uid":"carol"}

GET /api/v1/rooms/r1
--- error_code: 404 200 404 200
--- response_body
{"code":404,"message":"Room not found"}
{"room_id":"r1",*}
{"code":404,"message":"Participant not found"}
{"room_id":"r1","creator":"alice","status":0,*,"ended_at":null,*}



=== TEST 29: everyone is free when a room has ended
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob","carol"]}

POST /api/v1/rooms/r1/join
{"uid":"dave"}

POST /api/v1/rooms/r1/leave
{"uid":"alice"}

POST /api/v1/rooms/r1/leave
{"uid":"dave"}

POST /api/v1/rooms
{"creator":"carol","device_type":"app","room_id":"r2","max_participants":4,"uids":["dave","bob","alice"]}
--- response_body
{"room_id":"r1",*}
{"room_id":"r1",*}
{}
{}
{"room_id":"r2",*,"uids":["carol","dave","bob","alice"]}
