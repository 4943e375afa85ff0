#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# Requests that know the grammar and break it somewhere, against the running
# server: bodies that are nearly JSON, in wrong encodings, too long and too
# deep; lengths and chunks that are not so; queries and headers; pipelines and
# clients that go away; and what LiveKit would sign, but would never say.
# Nothing of it may kill a worker, make an error that is not JSON, or leave
# something in Redis that is at odds with itself.
#
# FUZZ_SEED is another run, FUZZ_REQUESTS is how many.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Test::More;
use TgoRTC::Calls;
use TgoRTC::Live;


my $seed = $ENV{FUZZ_SEED} || 1;
my $count = $ENV{FUZZ_REQUESTS} || 2000;

diag("FUZZ_SEED=$seed FUZZ_REQUESTS=$count");
srand $seed;

my $json = JSON::PP->new->canonical->utf8->allow_nonref;

my $calls = calls(ring => '2s', join => '2s', grace => '500ms',
                  server => <<'END');
location /api/v1/participants {
    tgortc_participants;
}

location /api/v1/webhooks/logs {
    tgortc_webhook_logs;
}

location /key/rooms {
    tgortc_rooms;
    tgortc_api_key The-Key;
}
END

my $nginx = $calls->{nginx};
my $redis = $calls->{redis};
my $port = $nginx->{port};
my @pids = $nginx->pids;


# --- what there is to break

sub pick { return $_[rand @_] }
sub maybe { return rand() < $_[0] }
sub bytes { return join '', map { chr int rand 256 } 1 .. 1 + int rand $_[0] }

my @rooms = map { "r$_" } 1 .. 12;
my @uids = map { "u$_" } 1 .. 20;

sub room { return maybe(0.9) ? pick(@rooms) : odd_text() }
sub uid { return maybe(0.9) ? pick(@uids) : odd_text() }


sub odd_text {
    return pick('', ' ', 'a' x 64, 'a' x 65, 'b' x 128, 'b' x 129, "\x{e9}",
                "\x{1f600}", '%2f', '../..', 'sync', '"', '\\', "\n", "\0",
                "\x{7f}", "\x{ffff}", '%s%n%x', 'null', '-', '+', '&=&', '#');
}


sub odd_value {
    return pick(undef, \1, \0, -1, 0, 1, 1.5, 2, 3, 1000, 1001, 4294967296,
                1e300, 9007199254740993, '', '1', [], {}, [[]], [undef],
                { a => {} }, odd_text(), [map { uid() } 1 .. 3]);
}


sub body_of {
    my ($operation) = @_;
    my %body;

    if ($operation eq 'create') {
        %body = (creator => uid(), device_type => pick('app', 'web'),
                 uids => [map { uid() } 1 .. int rand 4],
                 max_participants => 2 + int(rand 4), room_id => room(),
                 rtc_type => pick(0, 1), invite_on => pick(0, 1));
        delete $body{pick(keys %body)} if maybe(0.3);

    } elsif ($operation =~ /^(?:invite|cancel|kick|calling)$/) {
        %body = (uids => [map { uid() } 1 .. 1 + int rand 3]);

    } elsif ($operation eq 'cleanup') {
        %body = (retention_days => pick(1, 30, 365));

    } elsif ($operation eq 'replay') {
        %body = maybe(0.5) ? (event_id => '00-1')
                           : (since => 1, until => 2000000000);

    } elsif ($operation eq 'end') {
        return '';

    } else {
        %body = (uid => uid(), device_type => pick('app', 'web'));
    }

    $body{pick(keys %body)} = odd_value() if maybe(0.25);
    $body{odd_text()} = odd_value() if maybe(0.1);

    return $json->encode(\%body);
}


# What is nearly what it was.

sub spoil {
    my ($text) = @_;
    my $length = length $text;
    my $at = int rand($length || 1);

    return pick(
        sub { substr $text, 0, $at },
        sub { $text . pick(' ', "\0", '}', ',', '{}', 'x', "\xff") },
        sub { pick("\xef\xbb\xbf", "\xff\xfe", ' ', "\0") . $text },
        sub { substr($text, $at, 1) = '' if $length; $text },
        sub { substr($text, $at, 0) = bytes(3); $text },
        sub { substr($text, $at, 1) = chr int rand 256 if $length; $text },
        sub { join '', map { "\0$_" } split //, $text },
        sub { $text =~ s/"([a-z_]+)":/"$1":1,"$1":/; $text },
        sub { $text =~ s/"([a-z])([a-z_]+)":/sprintf '"\\u%04x%s":',
                                             ord $1, $2/e; $text },
        sub { $text =~ s/(?<=:)\d+/pick('01', '1.0', '1e2', '-0', '1e999',
                                        '9' x 70, '+1', '0x1', 'NaN')/e;
              $text },
        sub { $text =~ s/"u(\d+)"/pick('"\ud800"', '"\udc00\ud800"',
                                       '"\u0000"', "\"\xc0\x80\"",
                                       "'u$1'", "u$1")/e; $text },
        sub { $text =~ s/\[/'[' x (1 + rand 2000)/e; $text },
        sub { '[' x 100_000 },
        sub { '{"a":' x 5000 . '1' . '}' x 5000 },
        sub { $text =~ s/:"/':"' . 'a' x (rand 70_000)/e; $text },
        sub { bytes(200) },
        sub { '' },
    )->();
}


sub escape {
    my ($text) = @_;

    utf8::encode($text) if utf8::is_utf8($text);
    $text =~ s/([^A-Za-z0-9_.-])/sprintf '%%%02x', ord $1/ge if maybe(0.8);
    $text =~ s/[\r\n\0 ]/+/g;

    return $text;
}


sub query {
    my (@names) = @_;
    my @args;

    for (1 .. rand 5) {
        my $value = pick(uid(), uid(), room(), odd_text(), 'app', 'live',
                         'ended', '10', '0', '101', '-1', '1704096500000-r1',
                         '1-1', 'room.started', 'tgortc', 'fr-FR',
                         '%', '%zz', '%0', 'x' x 3000);

        push @args, pick(@names) . pick('=', '=', '=', '', '==')
                    . escape($value);
    }

    return @args ? '?' . join(pick('&', '&', '&&', '&;'), @args) : '';
}


sub path_of {
    my ($operation) = @_;
    my $prefix = maybe(0.9) ? '/api/v1/rooms' : '/key/rooms';
    my $room = escape(room());

    return pick('/api/v1/webhooks/logs/', '/api/v1/webhooks/logs//')
           . $operation if $operation =~ /^(?:cleanup|replay)$/;
    return '/api/v1/participants/calling' if $operation eq 'calling';
    return $prefix if $operation eq 'create';

    return "$prefix/$room/$operation";
}


my @languages = ('fr', 'zh-TW;q=0.5, *', 'ja-JP', 'x' x 500, ';q=', 'en;q=2',
                 ',,,', "\xff", 'de-CH-1901, fr;q=0.001');

sub headers {
    my @headers;

    push @headers, pick('Content-Type: application/json', 'Content-Type: x',
                        'Content-Type:', 'Content-Type: text/plain; a="')
        if maybe(0.5);
    push @headers, 'Accept-Language: ' . pick(@languages) if maybe(0.3);
    push @headers, 'X-Language: ' . pick(@languages) if maybe(0.2);
    push @headers, 'Idempotency-Key: '
                   . pick('k1', 'k2', '', 'k' x 255, 'k' x 256, 'a b', "\xe9")
        if maybe(0.2);
    push @headers, 'Authorization: '
                   . pick('Bearer The-Key', 'Bearer  The-Key ', 'bearer x',
                          'Basic Og==', 'Bearer', 'Bearer ' . 'x' x 3000)
        if maybe(0.3);
    push @headers, 'X-' . pick('A', 'B') . ': ' . 'y' x rand 20_000
        if maybe(0.03);
    push @headers, map { 'X-Many: ' . $_ } 1 .. 200 if maybe(0.02);
    push @headers, 'Expect: 100-continue' if maybe(0.03);

    return @headers;
}


sub livekit_event {
    my %event = (
        event => pick(qw(room_started room_finished participant_joined
                         participant_left participant_connection_aborted
                         track_published egress_started), ''),
        id => 'EV_' . int rand 1000, createdAt => '1787500042',
        room => { sid => 'RM_' . int rand 3, name => room() },
        participant => {
            sid => 'PA_' . int rand 40, identity => uid(),
            joinedAt => pick('1787500042', 1787500042, '9' x 19, -1, 1e300),
            joinedAtMs => pick('1787500042000', '0', '', 'x', '9' x 30),
            metadata => pick('{"device_type":"app"}', '{', '', '[]',
                             '[' x 3000, '{"device_type":"' . 'x' x 40 . '"}'),
            disconnectReason => pick('CLIENT_INITIATED', 14, -1, 1e99, {}),
            kind => pick('STANDARD', 'AGENT', 4, 1e99, undef),
            permission => pick({ hidden => \1 }, {}, [], undef)
        }
    );

    my $of = pick(\%event, $event{room}, $event{participant});

    $of->{pick(keys %$of)} = odd_value() if maybe(0.3);
    delete $of->{pick(keys %$of)} if maybe(0.1);

    my $text = $json->encode(\%event);

    return maybe(0.15) ? spoil($text) : $text;
}


my @gets = (
    ['/api/v1/rooms/sync', qw(uid device_type lang)],
    ['/api/v1/rooms', qw(state limit cursor creator uid lang)],
    ['/api/v1/webhooks/logs/stats', qw(lang)],
    ['/api/v1/webhooks/logs', qw(cursor limit room_id event endpoint)],
    ['/api/v1/health', qw(lang)],
    ['/api/v1/webhooks/livekit', qw(lang)],
    ['/key/rooms/sync', qw(uid device_type)],
);

my @posts = qw(create create create invite join join leave end cancel kick
               cleanup replay calling);


# A request: its bytes, whether it is one as far as HTTP goes, and its method.

sub request {
    my ($method, $path, $body, @headers);

    @headers = headers();

    if (maybe(0.2)) {
        $body = livekit_event();
        $path = '/api/v1/webhooks/livekit';
        $method = 'POST';
        @headers = grep { !/^Authorization/ } @headers;
        push @headers, 'Authorization: ' . (maybe(0.1) ? 'Bearer ' : '')
                       . TgoRTC::Calls::token($body)
            if maybe(0.95);

    } elsif (maybe(0.25)) {
        my ($base, @names) = @{pick(@gets)};

        $path = $base . query(@names);
        $path = "/api/v1/rooms/" . escape(room()) if maybe(0.2);
        $method = pick('GET', 'GET', 'GET', 'HEAD');
        $body = maybe(0.05) ? bytes(100) : '';

    } else {
        my $operation = pick(@posts);

        $body = body_of($operation);
        $body = spoil($body) if maybe(0.35);
        $path = path_of($operation);
        $method = 'POST';
    }

    $method = pick(qw(PUT DELETE OPTIONS PATCH TRACE HEAD GET POST))
        if maybe(0.03);

    return framed($method, $path, $body, @headers);
}


sub framed {
    my ($method, $path, $body, @headers) = @_;
    my $sane = 1;
    my @length = 'Content-Length: ' . length $body;

    if (maybe(0.15)) {
        @length = 'Transfer-Encoding: chunked';
        my $rest = $body;
        my $sent = '';

        while (length $rest) {
            my $piece = substr $rest, 0, 1 + int rand 300, '';

            $sent .= sprintf pick("%x\r\n", "%X\r\n", "000%x\r\n",
                                  "%x;a=b\r\n"),
                             length $piece;
            $sent .= "$piece\r\n";
        }

        $body = "${sent}0\r\n\r\n";

        if (maybe(0.2)) {
            $sane = 0;
            $body = pick("-1\r\n\r\n", "ffffffffffffffff\r\nabc\r\n",
                         "zz\r\n", substr($body, 0, rand length $body),
                         "5\r\nabc\r\n0\r\n\r\n", "0\r\nA: b\r\n\r\n", "\r\n");
        }

    } elsif (maybe(0.06)) {
        $sane = 0;
        @length = pick(['Content-Length: -1'], ['Content-Length: 1' . '0' x 9],
                       ['Content-Length: 9999999999999999999999'],
                       ['Content-Length: '], ['Content-Length: 5',
                                              'Content-Length: 6'],
                       ['Content-Length: 0'], ['Content-Length: abc'], [],
                       ['Content-Length: 3', 'Transfer-Encoding: chunked'],
                       ['Transfer-Encoding: gzip'],
                       ['Content-Length: ' . (1 + length $body)]);
        @length = @{$length[0]};
    }

    my $version = 'HTTP/1.1';

    if (maybe(0.02)) {
        $sane = 0;
        $version = pick('HTTP/1.0', 'HTTP/0.9', 'HTTP/3.0', 'HTTP/1.1x', '');
    }

    $sane = 0 if $path =~ /\.\.|[\x00-\x20\x7f-\xff]|%00/
                 || $path =~ /%(?![0-9a-fA-F]{2})/
                 || "@headers" =~ /y{4000}/ || $method eq 'TRACE';

    return {
        method => $method, sane => $sane, path => $path, body => $body,
        bytes => join("\r\n", "$method $path $version",
                      maybe(0.99) ? 'Host: localhost' : (), @headers, @length,
                      '', $body)
    };
}


# --- sending it

my (%status, %wrong);


# Sends the requests on one connection, in one of the ways that clients have,
# and looks at the answers.

sub exchange {
    my (@requests) = @_;
    my $bytes = join '', map { $_->{bytes} } @requests;
    my $way = rand;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port, Timeout => 20);

    if (!$socket) {
        wrong("cannot connect: $!", @requests);
        return;
    }

    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
    $socket->blocking(0);

    if ($way < 0.05) {

        # goes away in the middle, or when all is sent, with or without a word

        syswrite $socket, substr $bytes, 0, int rand(1.5 * length $bytes);
        setsockopt $socket, Socket::SOL_SOCKET(), Socket::SO_LINGER(),
                   pack('ii', 1, 0) if maybe(0.5);
        close $socket;
        return;
    }

    my @pieces = ($bytes);

    if ($way < 0.12) {
        my $size = 1 + int(length($bytes) / (2 + rand 8));

        @pieces = unpack "(a$size)*", $bytes;
    }

    my ($in, $out, $over) = ('', '', 0);
    my $select = IO::Select->new($socket);

    # all is sent and its answers are awaited; then it is said that nothing
    # comes any more, which ends what waits for more

    for my $turn (1 .. 100_000) {
        $out .= shift @pieces if @pieces && $out eq '';

        my ($can_read, $can_write) =
            IO::Select->select($select, $out ne '' ? $select : undef, undef,
                               $out ne '' || @pieces ? 5 : 20);

        if (!$can_read) {
            wrong('no answer', @requests);
            last;
        }

        if (@$can_write) {
            my $n = syswrite $socket, $out;

            defined $n ? substr($out, 0, $n, '')
                       : ($!{EAGAIN} or $out = '', @pieces = ());

            shutdown $socket, 1 if $out eq '' && !@pieces;
        }

        if (@$can_read) {
            my $n = sysread $socket, $in, 65536, length $in;

            last if defined $n ? !$n : !$!{EAGAIN};
        }
    }

    close $socket;
    answers($in, @requests);
}


sub answers {
    my ($in, @requests) = @_;

    for my $request (@requests) {
        return if $in eq '';

        # one may be cut off: by a client that sends more than is read

        $in =~ s/^HTTP\/1\.1 100 Continue\r\n\r\n//;

        my $response = TgoRTC::Live::take_response(\$in, $request->{method}, 1);

        return if !$response && !$request->{sane};

        if (!$response) {
            wrong('an answer that is none: ' . substr($in, 0, 60), $request)
                if $in !~ /^HTTP\/1\.1 \d+ /;
            return;
        }

        check($request, $response);

        return if !$request->{sane}
                  || ($response->{head}{connection} || '') eq 'close';
    }
}


sub check {
    my ($request, $response) = @_;
    my $status = $response->{status};
    my $type = $response->{head}{'content-type'} || '';

    $status{$status}++;

    wrong("status $status", $request)
        if $status >= 500 && $status != 501 && $status != 505
           || $status < 200;

    # 414: nginx knows no location of a line that it has not read to its end
    return if $request->{method} eq 'HEAD' || !$request->{sane}
              || $status == 414;

    if ($status >= 400) {
        my $error = $response->json;

        wrong("$status is no JSON error: " . substr($response->{body}, 0, 60),
              $request)
            if $type ne 'application/json' || ref $error ne 'HASH'
               || ($error->{code} || 0) != $status
               || !length($error->{message} || '');

    } elsif ($response->{body} ne '') {
        wrong('not JSON: ' . substr($response->{body}, 0, 60), $request)
            if $type ne 'application/json' || !defined $response->json;
    }
}


sub wrong {
    my ($what, @requests) = @_;

    $wrong{$what} ||= join ' ', map { substr($_->{bytes}, 0, 300) } @requests;
}


# --- what has to be so in Redis, at any moment

my $consistent = <<'END';
local wrong, active = {}, {}
local deadlines, live = {}, {}
for _, id in ipairs(redis.call('ZRANGE', '{tgortc}:deadlines', 0, -1)) do
    deadlines[id] = true
end
for _, key in ipairs(redis.call('KEYS', '{tgortc}:room:*')) do
    local id = string.sub(key, #'{tgortc}:room:' + 1)
    local room = cmsgpack.unpack(redis.call('GET', key))
    if room[2] <= 1 then
        live[id] = true
        if not deadlines[id] then
            wrong[#wrong + 1] = 'no deadline: ' .. id
        end
        if redis.call('PTTL', key) ~= -1 then
            wrong[#wrong + 1] = 'a live room that expires: ' .. id
        end
        for _, member in ipairs(room[13]) do
            if member[2] <= 1 then
                if active[member[1]] then
                    wrong[#wrong + 1] = 'in two rooms: ' .. member[1]
                end
                active[member[1]] = id
            end
        end
    elseif redis.call('PTTL', key) < 0 then
        wrong[#wrong + 1] = 'an ended room that stays: ' .. id
    end
end
for id in pairs(deadlines) do
    if not live[id] then
        wrong[#wrong + 1] = 'a deadline of no live room: ' .. id
    end
end
local users = redis.call('HGETALL', '{tgortc}:users')
for i = 1, #users, 2 do
    if active[users[i]] ~= users[i + 1] then
        wrong[#wrong + 1] = 'busy and is not: ' .. users[i]
    end
    active[users[i]] = nil
end
for uid in pairs(active) do
    wrong[#wrong + 1] = 'active and not busy: ' .. uid
end
return wrong
END


sub inconsistent {
    return join "\n", @{$redis->command('EVAL', $consistent, 0)};
}


# --- all of it

for my $n (1 .. $count) {
    exchange(map { request() } 1 .. (maybe(0.1) ? 2 + int rand 4 : 1));

    if ($n % 500 == 0) {
        my $what = inconsistent();

        wrong("after $n: $what") if $what ne '';
    }
}

is(join("\n", map { "$_: $wrong{$_}" } sort keys %wrong), '',
   "$count times: answers are as they have to be");
is(inconsistent(), '', 'Redis agrees with itself');
cmp_ok($status{200} || 0, '>', $count / 10, 'much of it succeeded');
cmp_ok(scalar keys %status, '>', 6, 'and much did not');
is(join(' ', $nginx->pids), "@pids", 'the workers are the same');
is($nginx->trouble, '', 'nothing bad in the log');

ok(wait_for(sub { !$redis->deadlines }, 60), 'every call comes to its end');
is_deeply($redis->users, {}, 'and nobody is busy any more');

$calls->create('after', 'before', 'then');
is($calls->state('after'), '0 before=0 then=0', 'a call can be made');
ok($nginx->quit, 'the server ends as it should');
is($nginx->trouble, '', 'nothing bad in the log');

diag(join ', ', map { "$_: $status{$_}" } sort keys %status);

done_testing();
