#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# conf/production.conf: who gets through to what, from inside, from outside,
# with a key, with a certificate; how much; what is logged.

use strict;
use warnings;

use Digest::SHA qw(sha256_base64 hmac_sha256);
use JSON::PP;
use MIME::Base64 qw(encode_base64url);
use Test::More;
use TgoRTC::Live;
use TgoRTC::Production;
use Time::HiRes qw(time);


ok(system("docs/pages.sh '$ENV{BUILD}' >&2") == 0, 'the pages are made');

my $json = JSON::PP->new->canonical->utf8;
my $redis = redis();
my $server = production($redis);
my $certificates = $server->{certificates};

my $KEY = 'Authorization: Bearer API-KEY';
my $LIVEKIT = '/api/v1/webhooks/livekit';
my $ROOM = '{"creator":"alice","device_type":"app","room_id":"%s"}';

# What is asked by curl: status, head as a hash, body.

sub ask_tls {
    my ($from, $path, @options) = @_;
    my $port = $from eq 'mtls' ? $server->{mtls_port} : $server->{port};
    my $address = $from eq 'inside' ? '127.0.0.1' : '127.0.0.2';

    open my $pipe, '-|', 'curl', '-si', '--max-time', '20', '--http1.1',
         '--interface', $address, '--cacert', "$certificates/server.pem",
         '--resolve', "calls.example.com:$port:127.0.0.1", @options,
         "https://calls.example.com:$port$path" or die "curl: $!";
    local $/;
    my $text = readline $pipe;
    close $pipe;

    $text = '' if !defined $text;

    my ($head, $body) = $text =~ /^(.*?)\r\n\r\n(.*)/s ? ($1, $2) : ('', '');
    my ($status) = $head =~ m{^HTTP/\S+ (\d+)};
    my %head = map { /^([^:]+): (.*?)\r?$/ ? (lc $1 => $2) : () }
               split /\n/, $head;

    return ($status || 0, \%head, $body);
}


# "status code", the latter of a body in JSON.

sub outcome {
    my ($status, $head, $body) = ask_tls(@_);

    return $status if ($head->{'content-type'} || '') ne 'application/json';

    my $data = eval { $json->decode($body) };

    return "$status not JSON" if !$data;
    return ref $data eq 'HASH' && $data->{code} ? "$status $data->{code}"
                                                : "$status ok";
}


sub key { return ('-H', $KEY) }

sub certificate {
    my ($name) = @_;

    return ('--cert', "$certificates/$name.pem",
            '--key', "$certificates/$name.key");
}

sub livekit {
    my ($body) = @_;
    my $hash = sha256_base64($body);

    $hash .= '=' while length($hash) % 4;

    my $token = encode_base64url('{"alg":"HS256","typ":"JWT"}') . '.'
        . encode_base64url($json->encode({ iss => 'LIVEKIT-KEY',
            exp => int(time) + 300, sha256 => $hash }));

    return ('-d', $body, '-H', "Authorization: $token." . encode_base64url(
        hmac_sha256($token, 'LIVEKIT-SECRET-OF-32-BYTES-OR-MORE')));
}


# --- from inside

is(outcome('inside', '/api/v1/rooms', '-d', sprintf($ROOM, 'r1')), '401 401',
   'inside, no key');
is(outcome('inside', '/api/v1/rooms', '-d', sprintf($ROOM, 'r1'), '-H',
           'Authorization: Bearer api-key'), '401 401', 'inside, a wrong key');
is(outcome('inside', '/api/v1/rooms', '-d', sprintf($ROOM, 'r1'), key()),
   '200 ok', 'inside, with the key');
is(outcome('inside', '/api/v1/webhooks/logs'), '401 401', 'logs, no key');
is(outcome('inside', '/api/v1/webhooks/logs', key()), '200 200',
   'logs, with the key');
is(outcome('inside', '/api/v1/health'), '200 ok', 'health needs none');

# --- from outside

for my $path ('/api/v1/rooms/r1', '/api/v1/rooms/sync?uid=a&device_type=b',
              '/api/v1/rooms/r1/dance', '/api/v1/webhooks/logs',
              '/api/v1/webhooks/logs/stats', '/api/v1/health')
{
    is(outcome('outside', $path, key()), '403 403', "outside, $path");
}

like(outcome('outside', $_, key()), qr/^403$/, "outside, $_")
    for '/', '/swagger/index.html', '/openapi.json', '/tgortc/', '/metrics';

my $event = '{"event":"room_started","id":"EV_1","room":'
            . '{"sid":"RM_1","name":"r1"}}';

is(outcome('outside', $LIVEKIT, '-d', $event), '401 401',
   "LiveKit's webhook, not signed");
is((ask_tls('outside', $LIVEKIT, livekit($event)))[0], 200,
   "LiveKit's webhook, signed");
like((ask_tls('inside', '/api/v1/rooms/r1', key()))[2], qr/"status":1/,
     'and it was understood');

# --- with a certificate

is(outcome('mtls', '/api/v1/rooms/r1', key()), '400 400', 'no certificate');
is(outcome('mtls', '/api/v1/rooms', key(), '-d', sprintf $ROOM, 'r2'),
   '400 400', 'no certificate, a POST');
is(outcome('mtls', '/api/v1/rooms/r1', key(), certificate('stranger')),
   '400 400', 'of another CA');
is(outcome('mtls', '/api/v1/rooms/r1', certificate('client')), '401 401',
   'a certificate and no key');
is(outcome('mtls', '/api/v1/rooms/r1', key(), certificate('client')),
   '200 ok', 'both');
like((ask_tls('mtls', '/api/v1/rooms/r1', '-H', 'X-Language: ja-JP'))[2],
     qr/^\{"code":400,"message":"[^<"]*\P{ASCII}/, 'in another language');
is(outcome('mtls', $_, key(), certificate('client')), 404, "mtls, no $_")
    for $LIVEKIT, '/api/v1/webhooks/logs', '/swagger/index.html';
is($redis->command('EXISTS', '{tgortc}:room:r2'), 0, 'nothing was done');

# --- sizes

sub large { return ('-d', '{"x":"' . 'x' x $_[0] . '"}') }

is(outcome('inside', '/api/v1/rooms', key(), large(65536)), '413 413',
   'a body too large');
is(outcome('inside', '/api/v1/rooms', key(), large(60000)), '400 400',
   'one that is not');
is(outcome('inside', '/api/v1/webhooks/logs/cleanup', key(), large(5000)),
   '413 413', 'too large for the logs');
is(outcome('outside', $LIVEKIT, large(100_000)), '401 401',
   "LiveKit's may be larger");

# --- pages and their headers

for my $path ('/swagger/index.html', '/openapi.json', '/swagger/none') {
    my ($status, $head) = ask_tls('inside', $path);

    is($status, $path =~ /none/ ? 404 : 200, $path);
    like($head->{'content-security-policy'},
         qr/default-src 'none'.*frame-ancestors 'none'/, "$path, CSP");
    is($head->{'x-content-type-options'}, 'nosniff', "$path, its type");
    is($head->{'referrer-policy'}, 'no-referrer', "$path, referrer");
    like($head->{'strict-transport-security'}, qr/^max-age=\d{8,}/,
         "$path, HSTS");
}

is((ask_tls('inside', '/openapi.json'))[1]{server}, 'nginx',
   'no version of nginx');

for my $path ('/api/v1/health', '/api/v1/rooms/r1') {
    like((ask_tls('inside', $path))[1]{'strict-transport-security'},
         qr/^max-age=/, "$path, HSTS");
}

# --- what is logged

my $token = ($json->decode((ask_tls('inside', '/api/v1/rooms/r1/join', key(),
                                    '-d', '{"uid":"alice"}'))[2]))->{token};
ask_tls('inside', "/api/v1/rooms/r1?token=in-a-query&key=API-KEY", key());

my ($log, $errors) = map { slurp("$server->{dir}/$_.log") } qw(access error);

like($log, qr/"POST \/api\/v1\/rooms\/r1\/join" 200 /, 'requests are logged');
unlike($log, qr/API-KEY|in-a-query|Bearer|\?/, 'no keys, no queries');
unlike("$log$errors", qr/\Q$token\E|eyJ|LIVEKIT-SECRET|WEBHOOK-SECRET/,
       'no tokens, no secrets');
is($server->trouble, '', 'nothing to worry about');
$server->stop;


# --- certificates of some locations only, as docs/access.md has it

$server = production($redis,
    'ssl_verify_client       on;' => 'ssl_verify_client optional;',
    "        location / {\n            return  404;" => <<'END'
        location /some/rooms {
            if ($ssl_client_verify != SUCCESS) {
                return 403;
            }

            tgortc_rooms;
        }

        location / {
            return 404;
END
);
$certificates = $server->{certificates};

is(outcome('mtls', '/some/rooms/r1', key()), '403 403', 'no certificate');
is(outcome('mtls', '/some/rooms/r1', key(), certificate('client')),
   '200 ok', 'a certificate');
is(outcome('mtls', '/some/rooms/r1', key(), certificate('stranger')),
   '400 400', 'of another CA');
$server->stop;


# --- over the limit

$server = production($redis, 'rate=500r/s' => 'rate=1r/m',
                     'burst=1000' => 'burst=2', 'burst=2000' => 'burst=1',
                     'rate=20r/s' => 'rate=1r/m', 'burst=100' => 'burst=1');
$certificates = $server->{certificates};

is(join(' ', map { (outcome('inside', '/api/v1/rooms/r1', key())) } 1 .. 5),
   '200 ok 200 ok 200 ok 429 429 429 429', 'the room API');
is(join(' ', map { (outcome('outside', $LIVEKIT, '-d', 'x')) } 1 .. 3),
   '401 401 401 401 429 429', "LiveKit's webhook");
is(join(' ', map { (outcome('inside', '/api/v1/webhooks/logs', key())) }
             1 .. 3), '200 200 200 200 429 429', 'logs');
is(outcome('inside', '/api/v1/health'), '200 ok', 'health is not limited');
is($server->trouble, '', 'nothing to worry about');

done_testing();
