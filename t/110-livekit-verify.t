# Copyright (C) TgoRTC contributors
#
# LiveKit's webhooks: who may send them, what a refusal says, what is answered.
#
# In a header <> is a token that LiveKit would send for the request's body.
# What stands between the angle brackets makes it another one:
#
#   exp=-30        a claim that is a time, in seconds from now
#   exp:null       a claim as JSON; with nothing after the colon there is none
#   sha256!hex     the hash in another spelling: hex, HEX, bare (base64 without
#                  its padding), other (of another body)
#   header:{…}     the header as JSON, in place of {"alg":"HS256","typ":"JWT"}
#   payload:…      the claims as they are, whatever they are
#   secret:TEXT    signed with this secret

use Test::Nginx::Socket 'no_plan';
use Digest::SHA qw(hmac_sha256 sha256 sha256_hex);
use FindBin;
use MIME::Base64 qw(encode_base64 encode_base64url);

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

no_shuffle();
no_long_string();

# Right before a block runs: a token is not valid for ever.

add_block_preprocessor(sub {
    my ($block) = @_;

    if (!defined $block->config) {
        $block->set_value(config => locations());
    }

    TgoRTC::Suite::prepare($block);

    my @headers = @{$block->more_headers || []};
    my $requests = $block->request;

    for my $i (0 .. $#headers) {
        my (undef, $body) = split /\n/, $requests->[$i], 2;

        $body = '' if !defined $body;
        $body =~ s/\A\s+|\s+\z//g;

        $headers[$i] =~ s/<([^>]*)>/token($body, split ' ', $1)/eg;
    }

    $block->set_value(more_headers => \@headers) if @headers;
});


sub locations {
    return <<'END';
    location /api/v1/rooms {
        tgortc_rooms;
    }

    location /api/v1/webhooks/livekit {
        tgortc_livekit_webhook;
    }
END
}


sub token {
    my ($body, @changes) = @_;

    my $header = '{"alg":"HS256","typ":"JWT"}';
    my $secret = 'secret-of-at-least-32-characters-0000';
    my ($payload, %claims);

    $claims{iss} = '"devkey"';
    $claims{exp} = time + 300;
    $claims{nbf} = $claims{iat} = time;
    $claims{sha256} = '"' . encode_base64(sha256($body), '') . '"';

    for my $change (@changes) {
        my ($name, $sign, $value) = $change =~ /\A(\w+)([=:!])(.*)\z/
            or die "what is $change?\n";

        if ($name eq 'header') {
            $header = $value;

        } elsif ($name eq 'payload') {
            $payload = $value;

        } elsif ($name eq 'secret') {
            $secret = $value;

        } elsif ($sign eq '=') {
            $claims{$name} = time + $value;

        } elsif ($sign eq '!') {
            $claims{$name} = '"' . spelling($value, $body) . '"';

        } elsif ($value eq '') {
            delete $claims{$name};

        } else {
            $claims{$name} = $value;
        }
    }

    if (!defined $payload) {
        $payload = '{' . join(',', map { qq("$_":$claims{$_}) }
                                   grep { exists $claims{$_} }
                                   qw(iss exp nbf iat sha256)) . '}';
    }

    my $text = join '.', map { encode_base64url($_) } $header, $payload;

    return "$text." . encode_base64url(hmac_sha256($text, $secret));
}


sub spelling {
    my ($how, $body) = @_;

    return sha256_hex($body) if $how eq 'hex';
    return uc sha256_hex($body) if $how eq 'HEX';

    my $hash = encode_base64(sha256($how eq 'other' ? "$body " : $body), '');

    $hash =~ s/=+\z// if $how eq 'bare';

    return $hash;
}


# as many requests with the same body as there are headers

sub sends {
    my ($n, $body) = @_;

    $body = '{"event":"room_started","id":"EV_1"}' if !defined $body;

    return [ ("POST /api/v1/webhooks/livekit\n$body") x $n ];
}


run_tests();

__DATA__

=== TEST 1: the token as LiveKit sends it, as people write it, signed elsewhere
--- request eval
main::sends(8)
--- more_headers
Authorization: <>

Authorization: Bearer <>

Authorization: bearer <>

Authorization: BEARER    <>

Authorization:      <>

authorization: <>

Authorization: <header:{"alg":"HS256"}>

Authorization: <header:{"typ":"jwt","alg":"HS256","kid":"x"}>
--- response_headers
Content-Length: 0
!Content-Type
--- response_body: -



=== TEST 2: a minute's leeway, and what a token need not have
--- request eval
main::sends(7)
--- more_headers
Authorization: <exp=-30>

Authorization: <nbf=59>

Authorization: <nbf:>

Authorization: <iat:>

Authorization: <nbf:1.5>

Authorization: <exp:2000000000.25>

Authorization: <exp:1e10>
--- response_body: -



=== TEST 3: the hash in other spellings
--- request eval
main::sends(3)
--- more_headers
Authorization: <sha256!hex>

Authorization: <sha256!HEX>

Authorization: <sha256!bare>
--- response_body: -



=== TEST 4: the claims may be escaped, and say more
--- request
POST /api/v1/webhooks/livekit
{"event":"room_started","id":"EV_1"}

POST /api/v1/webhooks/livekit
{"event":"room_started","id":"EV_1"}
--- more_headers eval
use Digest::SHA;
use MIME::Base64;

my $hash = MIME::Base64::encode_base64(
    Digest::SHA::sha256('{"event":"room_started","id":"EV_1"}'), '');
my $exp = time + 3600;

(my $escaped = $hash) =~ s/=/\\u003d/g;

[ map { "Authorization: <payload:$_>\n" }
  qq({"iss":"\\u0064evkey","exp":$exp,"sha256":"$escaped"}),
  qq({"sha256":"$hash","video":{"room":["a"]},"exp":$exp,"iss":"devkey"}) ]
--- response_body: -



=== TEST 5: no token
--- log_level: info
--- request eval
main::sends(4)
--- more_headers
X-Nothing: here

Authorization:

Authorization: Bearer

Authorization: bearer  
--- error_code: 401
--- response_headers
Content-Type: application/json
!WWW-Authenticate
--- response_body: {"code":401,"message":"The webhook has no Authorization header"}
--- error_log
tgortc: The webhook has no Authorization header



=== TEST 6: what is no token
--- log_level: info
--- request eval
main::sends(18)
--- more_headers
Authorization: devkey

Authorization: Basic ZGV2a2V5OnNlY3JldA==

Authorization: Bearer Bearer <>

Authorization: Bearer<>

Authorization: <> <>

Authorization: <>=

Authorization: <>.

Authorization: .<>

Authorization: ..

Authorization: a.b

Authorization: a.b.c

Authorization: eyJhbGciOiJIUzI1NiJ.e30.x

Authorization: <header:null>

Authorization: <header:["HS256"]>

Authorization: <header:{"alg":"HS256","alg":"HS256"}>

Authorization: <payload:>

Authorization: <payload:[]>

Authorization: <payload:{"iss":"devkey","iss":"devkey"}>
--- error_code: 401
--- response_body: {"code":401,"message":"The webhook's Authorization header is not a JWT"}
--- error_log
tgortc: The webhook's Authorization header is not a JWT
--- no_error_log eval
qr/eyJ|\[(?:error|crit|alert|emerg)\]/



=== TEST 7: a token that is too long to be one
--- log_level: info
--- http_config
    tgortc_redis                 127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key           devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url           wss://livekit.example.com;
    large_client_header_buffers  4 32k;
--- request eval
main::sends(2)
--- more_headers eval
my $exp = time + 3600;

[ map { 'Authorization: <payload:{"iss":"devkey","exp":' . $exp
        . ',"x":"' . 'x' x $_ . qq("}>\n) } 5000, 9000 ]
--- error_code: 401
--- response_body
{"code":401,"message":"The webhook's token has no sha256 claim"}
{"code":401,"message":"The webhook's Authorization header is not a JWT"}



=== TEST 8: other algorithms, and none
--- log_level: info
--- request eval
main::sends(9)
--- more_headers
Authorization: <header:{"alg":"none"}>

Authorization: <header:{"alg":"None"}>

Authorization: <header:{"alg":"HS384"}>

Authorization: <header:{"alg":"RS256"}>

Authorization: <header:{"alg":"hs256"}>

Authorization: <header:{"alg":null}>

Authorization: <header:{"alg":["HS256"]}>

Authorization: <header:{"typ":"JWT"}>

Authorization: <header:{"alg":"HS256","crit":["exp"]}>
--- error_code: 401
--- response_body: {"code":401,"message":"The webhook's token is not signed with HS256"}
--- error_log
tgortc: The webhook's token is not signed with HS256
--- no_error_log eval
qr/eyJ|\[(?:error|crit|alert|emerg)\]/



=== TEST 9: of an API key that is not ours
--- log_level: info
--- request eval
main::sends(6)
--- more_headers
Authorization: <iss:"other">

Authorization: <iss:"devke">

Authorization: <iss:"devkeyy">

Authorization: <iss:"">

Authorization: <iss:>

Authorization: <iss:["devkey"]>
--- error_code: 401
--- response_body: {"code":401,"message":"The webhook's token is of an unknown API key"}
--- error_log
tgortc: The webhook's token is of an unknown API key
--- no_error_log eval
qr/eyJ|\[(?:error|crit|alert|emerg)\]/



=== TEST 10: a signature that is wrong
--- log_level: info
--- request eval
main::sends(5)
--- more_headers
Authorization: <secret:another-secret-of-32-characters-0000>

Authorization: <secret:>

Authorization: <>A

Authorization: eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJkZXZrZXkifQ.

Authorization: eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJkZXZrZXkifQ.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
--- error_code: 401
--- response_body: {"code":401,"message":"The webhook's token has a wrong signature"}
--- error_log
tgortc: The webhook's token has a wrong signature
--- no_error_log eval
qr/eyJ|\[(?:error|crit|alert|emerg)\]/



=== TEST 11: no expiry time
--- log_level: info
--- request eval
main::sends(6)
--- more_headers
Authorization: <exp:>

Authorization: <exp:null>

Authorization: <exp:"2000000000">

Authorization: <exp:true>

Authorization: <exp:[2000000000]>

Authorization: <exp:1e13>
--- error_code: 401
--- response_body: {"code":401,"message":"The webhook's token has no expiry time"}
--- error_log
tgortc: The webhook's token has no expiry time
--- no_error_log eval
qr/eyJ|\[(?:error|crit|alert|emerg)\]/



=== TEST 12: expired for a minute and more
--- log_level: info
--- request eval
main::sends(4)
--- more_headers
Authorization: <exp=-61>

Authorization: <exp=-3600 nbf=-3900>

Authorization: <exp:0>

Authorization: <exp:-1e300>
--- error_code: 401
--- response_body: {"code":401,"message":"The webhook's token has expired"}
--- error_log
tgortc: The webhook's token has expired
--- no_error_log eval
qr/eyJ|\[(?:error|crit|alert|emerg)\]/



=== TEST 13: not valid yet
--- log_level: info
--- request eval
main::sends(4)
--- more_headers
Authorization: <nbf=120>

Authorization: <nbf:1e300>

Authorization: <nbf:"1">

Authorization: <nbf:null>
--- error_code: 401
--- response_body: {"code":401,"message":"The webhook's token is not valid yet"}
--- error_log
tgortc: The webhook's token is not valid yet
--- no_error_log eval
qr/eyJ|\[(?:error|crit|alert|emerg)\]/



=== TEST 14: no hash: the token of a participant
--- log_level: info
--- request eval
main::sends(4)
--- more_headers
Authorization: <sha256:>

Authorization: <sha256:null>

Authorization: <sha256:1>

Authorization: <sha256:[]>
--- error_code: 401
--- response_body: {"code":401,"message":"The webhook's token has no sha256 claim"}
--- error_log
tgortc: The webhook's token has no sha256 claim
--- no_error_log eval
qr/eyJ|\[(?:error|crit|alert|emerg)\]/



=== TEST 15: the hash of another body
--- log_level: info
--- request eval
main::sends(5)
--- more_headers
Authorization: <sha256!other>

Authorization: <sha256:"">

Authorization: <sha256:"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=">

Authorization: <sha256:"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855">

Authorization: <sha256:"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU">
--- error_code: 401
--- response_body: {"code":401,"message":"The webhook's token is of another body: the hashes differ"}
--- error_log
tgortc: The webhook's token is of another body: the hashes differ
--- no_error_log eval
qr/eyJ|\[(?:error|crit|alert|emerg)\]/



=== TEST 16: of several reasons the first that matters
--- log_level: info
--- request eval
main::sends(5)
--- more_headers
Authorization: <header:{"alg":"none"} iss:"other" exp:0>

Authorization: <iss:"other" secret:wrong exp:0>

Authorization: <secret:wrong exp:0 sha256:>

Authorization: <exp:0 nbf=3600 sha256:>

Authorization: <nbf=3600 sha256:>
--- error_code: 401
--- response_body
{"code":401,"message":"The webhook's token is not signed with HS256"}
{"code":401,"message":"The webhook's token is of an unknown API key"}
{"code":401,"message":"The webhook's token has a wrong signature"}
{"code":401,"message":"The webhook's token has expired"}
{"code":401,"message":"The webhook's token is not valid yet"}



=== TEST 17: a refusal in each language; the log is in English
--- log_level: info
--- request eval
main::sends(5)
--- more_headers
Authorization: <sha256!other>
X-Language: en-US

Authorization: <sha256!other>
X-Language: zh-CN

Authorization: <sha256!other>
X-Language: zh-TW

Authorization: <sha256!other>
Accept-Language: fr

Authorization: <sha256!other>
X-Language: ja-JP
--- error_code: 401
--- response_headers
Content-Type: application/json
--- response_body
{"code":401,"message":"The webhook's token is of another body: the hashes differ"}
{"code":401,"message":"Webhook 的令牌属于另一个请求体：哈希值不一致"}
{"code":401,"message":"Webhook 的權杖屬於另一個請求內文：雜湊值不一致"}
{"code":401,"message":"Le jeton du webhook est celui d’un autre corps : les empreintes diffèrent"}
{"code":401,"message":"Webhook のトークンは別の本文のものです（ハッシュが一致しません）"}
--- error_log
tgortc: The webhook's token is of another body: the hashes differ



=== TEST 18: a second key, for rotation: each with its own secret
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  newkey a-new-secret-of-at-least-32-characters-00;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
--- config
    location /api/v1/webhooks/livekit {
        tgortc_livekit_webhook;
    }
--- request eval
main::sends(4)
--- more_headers
Authorization: <iss:"newkey" secret:a-new-secret-of-at-least-32-characters-00>

Authorization: <>

Authorization: <iss:"newkey">

Authorization: <secret:a-new-secret-of-at-least-32-characters-00>
--- error_code: 200 200 401 401
--- response_body
-
-
{"code":401,"message":"The webhook's token has a wrong signature"}
{"code":401,"message":"The webhook's token has a wrong signature"}



=== TEST 19: nobody asks LiveKit for the API key, and it is no substitute
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
    tgortc_api_key      The-Key;
--- request
POST /api/v1/webhooks/livekit
{"event":"room_started","id":"EV_1"}

POST /api/v1/webhooks/livekit
{"event":"room_started","id":"EV_1"}

GET /api/v1/rooms/r1
--- more_headers
Authorization: <>

Authorization: Bearer The-Key

Authorization: Bearer <>
--- error_code: 200 401 401
--- response_body
-
{"code":401,"message":"The webhook's Authorization header is not a JWT"}
{"code":401,"message":"The API key is missing or wrong"}



=== TEST 20: any content type, or none
--- request eval
main::sends(5)
--- more_headers
Authorization: <>
Content-Type: application/webhook+json

Authorization: <>
Content-Type: application/json; charset=utf-8

Authorization: <>
Content-Type: text/plain

Authorization: <>
Content-Type: multipart/form-data

Authorization: <>
--- response_body: -



=== TEST 21: a body in memory, in a file, in pieces
--- config
    location /api/v1/webhooks/livekit {
        tgortc_livekit_webhook;
    }

    location /file/livekit {
        client_body_in_file_only  clean;
        tgortc_livekit_webhook;
    }

    location /small/livekit {
        client_body_buffer_size  128;
        tgortc_livekit_webhook;
    }
--- request eval
my $body = '{"event":"room_started","id":"EV_1","room":{"metadata":"'
           . 'x' x 300000 . '"}}';

[ (map { "POST $_\n$body" } '/api/v1/webhooks/livekit', '/file/livekit',
   '/small/livekit'),
  (map { "POST $_\n{\"event\":\"room_started\"}" } '/file/livekit',
   '/small/livekit', '/file/livekit') ]
--- more_headers
Authorization: <>

Authorization: <>

Authorization: <>

Authorization: <>

Authorization: <>

Authorization: <sha256!other>
--- error_code: 200 200 200 200 200 401
--- response_body
-
-
-
-
-
{"code":401,"message":"The webhook's token is of another body: the hashes differ"}



=== TEST 22: 4 MiB and no more, unless the location says so
--- config
    location /api/v1/webhooks/livekit {
        tgortc_livekit_webhook;
    }

    location /5m/livekit {
        client_max_body_size  5m;
        tgortc_livekit_webhook;
    }
--- timeout: 20
--- request eval
my $start = '{"event":"room_started","id":"EV_1","room":{"metadata":"';
my $end = '"}}';
my $fits = 4 * 1024 * 1024 - CORE::length "$start$end";

[ map { "POST $_->[0]\n$start" . 'x' x $_->[1] . $end }
  [ '/api/v1/webhooks/livekit', $fits ],
  [ '/api/v1/webhooks/livekit', $fits + 1 ],
  [ '/5m/livekit', $fits + 1 ] ]
--- more_headers
Authorization: <>

Authorization: <>

Authorization: <>
--- error_code: 200 413 200
--- response_body
-
{"code":413,"message":"The request body is too large"}
-
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 23: it is sent by POST, and the token is not looked at before that
--- request
GET /api/v1/webhooks/livekit

HEAD /api/v1/webhooks/livekit

PUT /api/v1/webhooks/livekit
{"event":"room_started","id":"EV_1"}

DELETE /api/v1/webhooks/livekit

OPTIONS /api/v1/webhooks/livekit
--- more_headers
X-Nothing: here

X-Nothing: here

Authorization: <>

Authorization: nonsense

X-Nothing: here
--- error_code: 405
--- response_headers
Content-Type: application/json
Allow: POST
--- response_body
{"code":405,"message":"Method not allowed"}
-
{"code":405,"message":"Method not allowed"}
{"code":405,"message":"Method not allowed"}
{"code":405,"message":"Method not allowed"}



=== TEST 24: paths beside and below
--- request
POST /api/v1/webhooks/livekit/
{}

POST /api/v1/webhooks/livekit/room_started
{}

POST /api/v1/webhooks/livekit2
{}

GET /api/v1/webhooks/livekit/x
--- more_headers
Authorization: <>

Authorization: <>

Authorization: <>

X-Nothing: here
--- error_code: 404
--- response_headers
Content-Type: application/json
--- response_body: {"code":404,"message":"Path not found"}



=== TEST 25: what means nothing to a call is fine: events, rooms, people
--- request eval
[ map { "POST /api/v1/webhooks/livekit\n$_" }
  '{}',
  '{"event":"room_started"}',
  '{"event":"egress_started","id":"EV_1","egressInfo":{"egressId":"EG_1"}}',
  '{"event":"agent_job_ended","id":"EV_2","job":{"id":"AJ_1"}}',
  '{"event":"","id":"EV_3"}',
  '{"event":5,"id":"EV_4"}',
  '{"event":"room_started","id":"EV_5","room":{"sid":"RM_1","name":"r9"}}',
  '{"event":"room_started","id":"EV_6","room":"r9"}',
  '{"event":"room_started","id":"EV_7","room":{"sid":"RM_1","name":"a b"}}',
  '{"event":"room_started","id":"EV_8","room":{"sid":"RM_1","name":"sync"}}',
  '{"event":"room_finished","id":"EV_9","room":{"name":"r9"}}',
  '{"event":"participant_joined","id":"EV_10","room":{"sid":"RM_1","name":"r9"}}',
  '{"event":"participant_joined","id":"EV_11","room":{"sid":"RM_1","name":"r9"},"participant":{"sid":"PA_1","identity":"alice"}}' ]
--- more_headers eval
[ ("Authorization: <>\n") x 13 ]
--- response_headers
Content-Length: 0
--- response_body: -



=== TEST 26: signed, and no JSON
--- request eval
[ map { "POST /api/v1/webhooks/livekit\n$_" }
  '', '{', 'x', '{"event":}', "{\"event\":\"\x01", '{"a":' x 2000 ]
--- more_headers eval
[ ("Authorization: <>\n") x 6 ]
--- error_code: 400
--- response_headers
Content-Type: application/json
--- response_body: {"code":400,"message":"Parameter error: the body must be valid JSON in UTF-8 (error at byte offset 0)"}



=== TEST 27: JSON that LiveKit may come to send one day
--- request eval
[ map { "POST /api/v1/webhooks/livekit\n$_" }
  '[]', 'null', '"event"', '{"event":"a","event":"b"}',
  '{"a":' x 40 . '1' . '}' x 40, "{\"event\":\"\xff\"}" ]
--- more_headers eval
[ ("Authorization: <>\n") x 6 ]
--- response_body: -



=== TEST 28: without a Redis: LiveKit sends it again, soon, and only what matters
--- http_config
    tgortc_redis        127.0.0.1:$TEST_NGINX_RAND_PORT_1 timeout=100ms;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
--- request eval
[ map { "POST /api/v1/webhooks/livekit\n$_" }
  '{"event":"room_started","id":"EV_1","room":{"sid":"RM_1","name":"r1"}}',
  '{"event":"egress_started","id":"EV_2","room":{"sid":"RM_1","name":"r1"}}',
  '{' ]
--- more_headers eval
[ ("Authorization: <>\n") x 3 ]
--- error_code: 503 200 400
--- response_headers
!Retry-After
--- response_body
{"code":503,"message":"Service temporarily unavailable, please try again later"}
-
{"code":400,*}
--- no_error_log
[crit]
[alert]
[emerg]



=== TEST 29: a call: it starts, two are there, one is an agent, they leave
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","max_participants":4,"uids":["bob"]}

POST /api/v1/webhooks/livekit
{"event":"room_started","id":"EV_1","room":{"sid":"RM_1","name":"r1"},"createdAt":"1787500000"}

POST /api/v1/webhooks/livekit
{"event":"participant_joined","id":"EV_2","room":{"sid":"RM_1","name":"r1"},"participant":{"sid":"PA_1","identity":"alice","state":"ACTIVE","metadata":"{\"device_type\":\"web\"}","joinedAt":"1787500001","joinedAtMs":"1787500001456"}}

POST /api/v1/webhooks/livekit
{"event":"participant_joined","id":"EV_3","room":{"sid":"RM_1","name":"r1"},"participant":{"sid":"PA_2","identity":"robot","kind":"AGENT","joinedAtMs":"1787500001456"}}

POST /api/v1/webhooks/livekit
{"event":"participant_joined","id":"EV_4","room":{"sid":"RM_1","name":"r1"},"participant":{"sid":"PA_3","identity":"spy","permission":{"hidden":true},"joinedAtMs":"1787500001456"}}

POST /api/v1/webhooks/livekit
{"event":"participant_joined","id":"EV_5","room":{"sid":"RM_1","name":"r1"},"participant":{"sid":"PA_4","identity":"bob","metadata":"not JSON","joinedAtMs":1787500001456}}

GET /api/v1/rooms/r1

POST /api/v1/webhooks/livekit
{"event":"participant_left","id":"EV_6","room":{"sid":"RM_1","name":"r1"},"participant":{"sid":"PA_4","identity":"bob","disconnectReason":"PARTICIPANT_REMOVED","joinedAtMs":"1787500001456"}}

POST /api/v1/webhooks/livekit
{"event":"room_finished","id":"EV_7","room":{"sid":"RM_1","name":"r1"}}

GET /api/v1/rooms/r1
--- more_headers
X-Nothing: here

Authorization: <>

Authorization: <>

Authorization: <>

Authorization: <>

Authorization: <>

X-Nothing: here

Authorization: <>

Authorization: <>

X-Nothing: here
--- response_body
{"room_id":"r1",*}
-
-
-
-
-
{"room_id":"r1",*,"status":1,*,"uids":["alice","bob"],"duration":0,"ended_at":null,"participants":[{"uid":"alice","status":1,"device_type":"web","connected":true,"joined_at":"NOW","left_at":null},{"uid":"bob","status":1,"device_type":null,"connected":true,"joined_at":"NOW","left_at":null}]}
-
-
{"room_id":"r1",*,"status":2,*,"ended_at":"NOW","participants":[{"uid":"alice","status":3,*,"connected":false,*},{"uid":"bob","status":3,*,"connected":false,*}]}



=== TEST 30: a name that clients choose may have any character
--- request
POST /api/v1/rooms
{"creator":"alice","device_type":"app","room_id":"r1","uids":["bob"]}

POST /api/v1/webhooks/livekit
{"event":"participant_joined","id":"EV_1","room":{"sid":"RM_1","name":"r1"},"participant":{"sid":"PA_1","identity":"alice","name":"a\u0000b","tracks":[{"sid":"TR_1","name":"\u0000"}],"joinedAtMs":"1787500001456"}}

GET /api/v1/rooms/r1
--- more_headers
X-Nothing: here

Authorization: <>

X-Nothing: here
--- response_body
{"room_id":"r1",*}
-
{"room_id":"r1",*,"status":1,*,"participants":[{"uid":"alice","status":1,*,"connected":true,*},*]}



=== TEST 31: a location that ends with a slash
--- config
    location = / {
        tgortc_livekit_webhook;
    }

    location = /hooks/ {
        tgortc_livekit_webhook;
    }
--- request
POST /
{"event":"room_started","id":"EV_1","room":{"sid":"RM_1","name":"r1"}}

POST /hooks/
{"event":"room_started","id":"EV_1","room":{"sid":"RM_1","name":"r1"}}
--- more_headers
Authorization: <>
--- error_code: 200
--- response_body
-
-
