#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# LiveKit's webhooks: which are taken, and what each of them does to a call, in
# whatever order they come.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use JSON::PP;
use List::Util qw(max);
use MIME::Base64 qw(encode_base64url);
use Test::More;
use TgoRTC::Calls;
use TgoRTC::Endpoint qw(endpoint);
use TgoRTC::Live;
use Time::HiRes qw(sleep time);


my $json = JSON::PP->new->canonical->utf8;

my $SECOND = 'another-secret-of-the-tests-0123456789abcdef';

# Graces outlive the test in the one, and soon run out in the other.

my $grace = 0.8 * patience();

my $calls = calls(grace => '5m', join => '5m', ring => '300',
                  app => "tgortc_livekit_key  second  $SECOND;");
my $quick = calls(grace => int(1000 * $grace) . 'ms', join => '5m',
                  ring => '300');


# --- groups with a creator who is connected

my $n = 0;

# A hash: room, livekit, a (the creator's session), and the uids.

sub group {
    my ($calls, %more) = @_;

    my $room = 'group' . ++$n;
    my @uids = map { "$_$n" } 'a' .. 'd';

    $calls->create($room, @uids, { max_participants => 6, %more });

    my $livekit = $calls->livekit($room);
    my $a = $livekit->session($uids[0], 'app');

    $a->joined;

    return { calls => $calls, room => $room, livekit => $livekit, n => $n,
             a => $a, uids => \@uids };
}


# of "b" and so on

sub session {
    my ($group, $who, $device, $livekit) = @_;

    $livekit ||= $group->{livekit};

    return $livekit->session("$who$group->{n}", $device);
}


sub joined {
    my $session = session(@_);

    $session->joined;

    return $session;
}


sub of {
    my ($group, $who) = @_;

    return $group->{calls}->of($group->{room}, "$who$group->{n}");
}


# Whether a session is the one that counts shows when it ends for good.

sub is_current {
    my ($group, $session, $what) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($who) = $session->{participant}{identity} =~ /^(\D+)/;

    is(of($group, $who), '1+', "$what: connected");
    $session->left('PARTICIPANT_REMOVED');
    is(of($group, $who), '3', "$what: by the session that counts");
}


sub is_dead {
    my ($group, $session, $what) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($who) = $session->{participant}{identity} =~ /^(\D+)/;
    my $before = of($group, $who);

    $session->joined;
    is(of($group, $who), $before, "$what: cannot join");
    $session->published;
    is(of($group, $who), $before, "$what: cannot publish");
    $session->left('PARTICIPANT_REMOVED');
    is(of($group, $who), $before, "$what: cannot leave");
}


# Ends it; then these events have followed those of group(): "joined b app",
# "left b".

sub is_told {
    my ($group, $what, @told) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($calls, $room, $n, $uids) = @$group{qw(calls room n uids)};
    my $answered = grep { /^joined/ } @told;

    $calls->end($room);

    $calls->expect($what, $room,
        (map { "0 participant.invited $_$n" } 'b' .. 'd'),
        '1 room.started',
        "1 participant.joined a$n app",
        (map { ref $_ ? $_ : s/^(\w+) (\w+)/1 participant.$1 $2$n/r } @told),
        ($answered ? 2 : 3) . ' room.finished');
}


# --- what is taken

{
    my $group = group($calls);
    my $b = session($group, 'b', 'app');
    my $body = sub {
        my (%more) = @_;

        return {
            event => 'participant_joined', id => TgoRTC::Calls::sid('EV'),
            room => { sid => $group->{livekit}{sid}, name => $group->{room} },
            participant => { %{$b->{participant}}, state => 'ACTIVE' }, %more
        };
    };

    my $now = int time;
    my %claims = (
        'no expiry time'   => { exp => undef },
        'expired'          => { exp => $now - 120 },
        'not valid yet'    => { nbf => $now + 120 },
        'unknown issuer'   => { iss => 'nobody' },
        'no issuer'        => { iss => undef },
        'no hash'          => { sha256 => undef },
        'hash of another'  => { sha256 => sha256_hex('another body') }
    );

    my %refused = (
        'no Authorization' => { authorization => undef },
        'not a token'      => { authorization => 'a.b' },
        'wrong secret'     => { secret => $SECOND },
        'no algorithm'     => { header => { typ => 'JWT' } },
        'HS384'            => { header => { alg => 'HS384' } },
        'RS256'            => { header => { alg => 'RS256' } },
        (map { $_ => { claims => $claims{$_} } } keys %claims)
    );

    # not signed at all
    {
        my $text = $json->encode($body->());
        my ($header, $payload) = (encode_base64url('{"alg":"none"}'),
                                  (split /\./, TgoRTC::Calls::token($text))[1]);

        $refused{'not signed'} = { authorization => "$header.$payload." };
    }

    my %said;

    for my $why (sort keys %refused) {
        my $event = $body->();
        my $option = $refused{$why};

        my $token = exists $option->{authorization}
                    ? $option->{authorization}
                    : TgoRTC::Calls::token($json->encode($event), %$option);

        my $response = $calls->webhook($event, authorization => $token);
        my $error = $response->json || {};
        my $message = $error->{message} || '';
        my ($signature) = ($token || '') =~ /\.([\w-]{20,})\z/;

        is($response->{status} . ' ' . ($error->{code} || ''), '401 401',
           "$why: refused");
        ok(length $message, "$why: with a message");
        ok(index($calls->{nginx}->error_log, $message) >= 0,
           "$why: also in the log");

        if (defined $signature) {
            ok(index($response->{body} . $calls->{nginx}->error_log,
                     $signature) < 0, "$why: without the token");
        }

        push @{$said{$message}}, $why;
    }

    is(of($group, 'b'), '0', 'refused: nothing has changed');

    # which of them it was

    is(join("\n", sort map { join ', ', sort @$_ } values %said),
       join("\n", sort 'HS384, RS256, no algorithm, not signed',
            'no issuer, unknown issuer',
            grep { !/^HS|^RS|algorithm|not signed|issuer/ } keys %refused),
       'refused: the message says why');

    # of another body, though both are LiveKit's

    my $token = TgoRTC::Calls::token($json->encode($body->()));

    is($calls->webhook($body->(), authorization => $token)->{status}, 401,
       'refused: the token of another webhook');

    # taken: each of them comes from somebody else in the call

    my $text = $json->encode($body->());

    my %taken = (
        'bare token'     => {},
        'Bearer'         => { bearer => 1 },
        'hash in hex'    => { hex => 1 },
        'second key'     => { claims => { iss => 'second' },
                              secret => $SECOND },
        'just expired'   => { claims => { exp => $now - 30 } },
        'almost valid'   => { claims => { nbf => $now + 30 } },
        'without nbf'    => { claims => { nbf => undef, iat => undef } },
        'JSON'           => { type => 'application/json' },
        'text'           => { type => 'text/plain' },
        'no type'        => { type => '' },
        'header by Node' => { header => { alg => 'HS256' } }
    );

    for my $what (sort keys %taken) {
        my %option = %{$taken{$what}};
        my $group = group($calls);
        my $b = session($group, 'b', 'app');
        my $event = $json->encode($body->(
            room => { sid => $group->{livekit}{sid}, name => $group->{room} },
            participant => { %{$b->{participant}}, state => 'ACTIVE' }
        ));

        $option{claims}{sha256} = sha256_hex($event) if delete $option{hex};
        $option{authorization} = 'Bearer ' . TgoRTC::Calls::token($event)
            if delete $option{bearer};

        my $response = $calls->webhook($event, %option);

        is("$response->{status} <$response->{body}>", '200 <>',
           "$what: 200, empty");
        is(of($group, 'b'), '1+', "$what: taken");
        $calls->end($group->{room});
    }

    # not LiveKit's way

    my $get = ask({ port => $calls->{nginx}{port}, method => 'GET',
                    path => '/api/v1/webhooks/livekit' });

    is("$get->{status} " . ($get->{head}{allow} || ''), '405 POST',
       'GET: not allowed');
    is($calls->webhook('no JSON')->{status}, 400, 'unreadable: 400');

    # what cannot mean anything to a call is no failure

    for (['unknown event', event => 'room_painted'],
         ['no room', room => undef],
         ['egress', event => 'egress_ended', participant => undef],
         ['unknown room', room => { sid => 'RM_x', name => 'no-such-room' }],
         ['no room of ours', room => { sid => 'RM_x', name => 'a/b c' }],
         ['unpublished', event => 'track_unpublished'])
    {
        my ($what, %more) = @$_;
        my $event = $body->(%more);

        delete $event->{$_} for grep { !defined $event->{$_} } keys %$event;

        my $response = $calls->webhook($event);

        is("$response->{status} <$response->{body}>", '200 <>', "$what: 200");
    }

    is(of($group, 'b'), '0', 'meaningless: nothing has changed');

    is($calls->status(get => 'no-such-room'), 404, 'unknown room: still is');

    is_told($group, 'refused and meaningless');
}

# the key of the API is none of LiveKit's

{
    my $calls = calls(app => 'tgortc_api_key  key-of-the-api;');
    my $response = $calls->webhook({
        event => 'room_started', id => 'EV_x',
        room => { sid => 'RM_x', name => 'room' }
    });

    is($calls->status(get => 'room'), 401, 'API key: of the API');
    is("$response->{status} <$response->{body}>", '200 <>',
       'API key: not of LiveKit');
}

# long ones, which nginx puts into a file

{
    my $group = group($calls);
    my $event = sub {
        my ($session, $size) = @_;

        my $body = {
            event => 'participant_joined', id => TgoRTC::Calls::sid('EV'),
            room => { sid => $group->{livekit}{sid}, name => $group->{room},
                      metadata => '' },
            participant => $session->{participant}
        };

        $body->{room}{metadata} = 'x' x ($size - length $json->encode($body));

        return $json->encode($body);
    };

    my $limit = 4 * 1024 * 1024;
    my ($b, $c, $d) = map { session($group, $_, 'app') } 'b' .. 'd';

    is($calls->webhook($event->($b, 100_000))->{status}, 200, '100 kB: taken');
    is(of($group, 'b'), '1+', '100 kB: understood');

    is($calls->webhook($event->($c, $limit))->{status}, 200, '4 MiB: taken');
    is(of($group, 'c'), '1+', '4 MiB: understood');

    my $response = $calls->webhook($event->($d, $limit + 1));

    is($response->{status} . ' ' . (($response->json || {})->{code} || ''),
       '413 413', 'more than 4 MiB: refused');
    is(of($group, 'd'), '0', 'more than 4 MiB: not taken');

    # changed on the way

    my $text = $event->($d, 100_000);
    my $token = TgoRTC::Calls::token($text);

    $text =~ s/x{3}/xyx/;
    is($calls->webhook($text, authorization => $token)->{status}, 401,
       '100 kB of another body: refused');

    is_told($group, 'long ones', 'joined b app', 'joined c app');
}

# while Redis is away

{
    my $calls = calls(timeout => '1s');
    my ($livekit, $session);

    $calls->create('away', 'a', 'b');
    $livekit = $calls->livekit('away');
    $session = $livekit->session('a', 'app');
    $session->joined;

    my $event = {
        event => 'participant_joined', id => TgoRTC::Calls::sid('EV'),
        room => { sid => $livekit->{sid}, name => 'away' },
        participant => $livekit->session('b', 'app')->{participant}
    };

    ok($calls->settle, 'nothing is under way');
    $calls->{redis}->signal('STOP');

    my $response = $calls->webhook($event);

    $calls->{redis}->signal('CONT');

    is($response->{status} . ' ' . (($response->json || {})->{code} || ''),
       '503 503', 'no Redis: unavailable');
    is($response->{head}{'retry-after'}, undef, 'no Redis: no Retry-After');

    # LiveKit repeats it as it was
    wait_for(sub { $calls->status(get => 'away') == 200 });

    is($calls->state('away'), '1 a=1+ b=0', 'no Redis: it did not happen');
    ok(wait_for(sub { $calls->webhook($event)->{status} == 200 }),
       'Redis again: taken');
    is($calls->state('away'), '1 a=1+ b=1+', 'Redis again: understood');

    $calls->end('away');
    $calls->expect('Redis away', 'away',
        '0 participant.invited b',
        '1 room.started',
        '1 participant.joined a app',
        '1 participant.joined b app',
        '2 room.finished');
}

# an endpoint that takes its time takes none of LiveKit's

{
    my $slow = calls();
    my $livekit = $slow->livekit('slow');
    my $slowest = 0;

    $slow->{endpoint}->answer({ answers => [{ delay => 2 }] });

    $slow->create('slow', 'a', 'b');

    for my $uid ('a', 'b') {
        my $since = time;

        $livekit->session($uid, 'app')->joined;
        $slowest = time - $since if time - $since > $slowest;
    }

    cmp_ok($slowest, '<', 1 * patience(), 'a slow endpoint: not waited for');
    is($slow->state('slow'), '1 a=1+ b=1+', 'a slow endpoint: all is done');
    is(scalar $slow->await('slow', 1), 1, 'a slow endpoint: has the first');
}


# --- beginning

$calls->create('started', 'a', 'b');

{
    my $livekit = $calls->livekit('started');

    $livekit->started;
    is($calls->state('started'), '1 a=0 b=0', 'started: in progress');
    $livekit->started;
    $livekit->session('a', 'app')->joined;
    $livekit->started;
    is($calls->state('started'), '1 a=1+ b=0', 'started: the creator joined');
    $livekit->session('b', 'web')->joined;
    $livekit->finished;
}

is($calls->state('started'), '2 a=3 b=3', 'finished: all hung up');
$calls->expect('started once', 'started',
    '0 participant.invited b',
    '1 room.started',
    '1 participant.joined a app',
    '1 participant.joined b web',
    '2 room.finished');

$calls->create('late', 'a', 'b');

{
    my $livekit = $calls->livekit('late');

    $livekit->session('b', 'web')->joined;
    is($calls->state('late'), '1 a=0 b=1+', 'joined first: in progress');
    $livekit->session('a', 'app')->joined;
    $livekit->started;
}

$calls->end('late');
$calls->expect('started late', 'late',
    '0 participant.invited b',
    '1 room.started',
    '1 participant.joined b web',
    '1 participant.joined a app',
    '2 room.finished');

$calls->create('never', 'a', 'b');
$calls->join('never', 'b', 'web');
$calls->livekit('never')->session('b')->published;
is($calls->state('never'), '1 a=0 b=1+', 'published first: in progress');
$calls->end('never');
$calls->expect('started and joined are lost', 'never',
    '0 participant.invited b',
    '1 room.started',
    '1 participant.joined b web',
    '3 room.finished');


# --- each webhook counts once

# all of them twice

$calls->create('twice', 'a', 'b');

{
    my $livekit = $calls->livekit('twice', twice => 1);
    my ($a, $b) = map { $livekit->session($_, 'app') } 'a', 'b';

    $livekit->started;
    $_->joined for $a, $b;
    $_->published for $a, $b;
    $a->left('CLIENT_INITIATED');
    $b->left('CLIENT_INITIATED');
    $livekit->finished;
}

is($calls->state('twice'), '2 a=3 b=3', 'twice: all hung up');
$calls->expect('all of them twice', 'twice',
    '0 participant.invited b',
    '1 room.started',
    '1 participant.joined a app',
    '1 participant.joined b app',
    '2 room.finished');

# it is the id that counts

{
    my $group = group($calls);
    my ($b, $c) = map { session($group, $_, 'app') } 'b', 'c';
    my $id = $b->joined;

    $c->joined(id => $id);
    is(of($group, 'c'), '0', 'an id again: does not count');
    $b->left('PARTICIPANT_REMOVED', id => $id);
    is(of($group, 'b'), '1+', 'an id again: whatever it says');
    $c->joined;
    is(of($group, 'c'), '1+', 'an id of its own: counts');

    is_told($group, 'an id again', 'joined b app', 'joined c app');
}

# a retry that comes when all is different

{
    my $group = group($calls);
    my $b = joined($group, 'b', 'app');

    $_->left('CONNECTION_TIMEOUT') for $group->{a}, $b;

    my $id = $group->{livekit}->finished;

    $group->{livekit}->started;

    my @back = map { joined($group, $_, 'app') } 'a', 'b';

    $group->{livekit}->finished(id => $id);
    is(of($group, 'a') . ' ' . of($group, 'b'), '1+ 1+',
       'finished again: all have come back since');
    is_current($group, $back[1], 'finished again');
    is_told($group, 'finished again', 'joined b app', 'left b');
}

# the last 64 are remembered

{
    my $group = group($calls);
    my $livekit = $group->{livekit};

    # on the way, so that the call goes on
    $calls->join($group->{room}, "b$group->{n}", 'app');

    my $id = $livekit->finished;

    $livekit->started for 1 .. 63;
    $livekit->finished(id => $id);
    joined($group, 'c', 'app');
    is(of($group, 'c'), '1+', 'an id again, 63 others later: does not count');

    # that was one more

    $livekit->finished(id => $id);
    joined($group, 'd', 'app');
    is(of($group, 'd'), '0', 'an id again, 64 others later: counts');
    $calls->end($group->{room});
}


# --- who is not people

for my $not (['AGENT', kind => 'AGENT'], ['EGRESS', kind => 'EGRESS'],
             ['INGRESS', kind => 'INGRESS'],
             ['hidden', permission => { hidden => JSON::PP::true }])
{
    my ($what, %more) = @$not;
    my $room = "not-$what";
    my $livekit = $calls->livekit($room);

    $calls->create($room, 'a', 'b', { max_participants => 5 });

    for my $uid ('recorder', 'b') {
        my $session = $livekit->session($uid, 'app', %more);

        $session->joined;
        is($calls->state($room), '0 a=0 b=0', "$what as $uid: not in it");
        $session->left('PARTICIPANT_REMOVED');
        $session->aborted;
    }

    # beside somebody of that name

    my $b = $livekit->session('b', 'app');

    $b->joined;
    $livekit->session('b', 'app', %more, sid => $b->{participant}{sid})
        ->left('PARTICIPANT_REMOVED');
    is($calls->state($room), '1 a=0 b=1+', "$what: who is, stays");
    $calls->end($room);

    $calls->expect($what, $room,
        '0 participant.invited b',
        '1 room.started',
        '1 participant.joined b app',
        '3 room.finished');
}

for my $kind ('STANDARD', 'SIP') {
    my $group = group($calls);

    $group->{livekit}->session("b$group->{n}", 'phone', kind => $kind)->joined;
    is(of($group, 'b'), '1+', "$kind: somebody");
    is_told($group, $kind, 'joined b phone');
}


# --- sessions

# one that has left, and comes again

{
    my $group = group($calls);
    my $b = joined($group, 'b', 'app');

    $b->left('CONNECTION_TIMEOUT');
    is_dead($group, $b, 'left');

    my $again = joined($group, 'b', 'app');

    is_dead($group, $b, 'left, and back in another');
    is_current($group, $again, 'back in another');
    is_dead($group, $again, 'left for good');
    is_told($group, 'left', 'joined b app', 'left b');
}

# one whose end was heard of first

{
    my $group = group($calls);

    for my $how ('left', 'aborted') {
        my $session = session($group, 'b', 'app');

        $session->$how('CLIENT_INITIATED');
        is(of($group, 'b'), '0', "$how first: still rings");
        is_dead($group, $session, "$how first");
    }

    is_current($group, joined($group, 'b', 'app'), 'another one');
    is_told($group, 'the end first', 'joined b app', 'left b');
}

# even of somebody who was not in the call so far

{
    my $group = group($calls);

    for my $how ('left', 'aborted') {
        my $guest = $group->{livekit}->session('guest', 'app');

        $guest->$how('CLIENT_INITIATED');
        $guest->joined;
        is($calls->of($group->{room}, 'guest'), '', "a stranger $how first");
    }

    $group->{livekit}->session('guest', 'app')->joined;
    is($calls->of($group->{room}, 'guest'), '1+', 'a stranger, another one');
    $calls->end($group->{room});
}

# one that was replaced: the device has changed

for my $order ('left, joined', 'joined, left', 'joined', 'joined twice') {
    my $group = group($calls);
    my $phone = joined($group, 'b', 'app');
    my $tablet = session($group, 'b', 'tablet');

    $phone->left('DUPLICATE_IDENTITY') if $order eq 'left, joined';
    $tablet->joined;
    $tablet->joined if $order eq 'joined twice';
    $phone->left('DUPLICATE_IDENTITY') if $order eq 'joined, left';

    is(of($group, 'b'), '1+', "another device ($order): connected");

    my ($b) = grep { $_->{uid} eq "b$group->{n}" }
              @{ask($calls->request(get => $group->{room}))
                ->json->{participants}};

    is($b->{device_type}, 'tablet', "another device ($order): known");

    is_dead($group, $phone, "another device ($order)");
    is_current($group, $tablet, "another device ($order)");
    is_told($group, "another device ($order)", 'joined b app', 'left b');
}

# for good, even when the one that replaced it may come back

{
    my $group = group($calls);
    my ($phone, $tablet) = map { joined($group, 'b', $_) } 'app', 'tablet';

    $tablet->left('CONNECTION_TIMEOUT');
    $phone->published;
    $phone->left('PARTICIPANT_REMOVED');
    is(of($group, 'b'), '1+', 'another device, lost: may come back');
    is_current($group, joined($group, 'b', 'app'), 'another device, lost');
    is_told($group, 'another device, lost', 'joined b app', 'left b');
}

# the younger one counts, whichever is heard of first

{
    my $group = group($calls);
    my $older = session($group, 'b', 'app');
    my $younger = session($group, 'b', 'tablet');

    $younger->joined;
    is_dead($group, $older, 'the older one');
    is_current($group, $younger, 'the younger one');
    is_told($group, 'older and younger', 'joined b tablet', 'left b');
}

# a session known by its track is not younger than one that follows it

{
    my $group = group($calls);
    my $lost = session($group, 'b');
    my $next = session($group, 'b', 'app');

    $calls->join($group->{room}, "b$group->{n}", 'app');
    $lost->published;
    $lost->left('DUPLICATE_IDENTITY');
    $next->joined;
    is_current($group, $next, 'after one whose beginning was lost');
    is_told($group, 'after one whose beginning was lost', 'joined b app',
            'left b');
}

# whoever left through us is gone

{
    my $group = group($calls);
    my $b = joined($group, 'b', 'app');
    my $unheard = session($group, 'b', 'app');

    $calls->leave($group->{room}, "b$group->{n}");
    is(of($group, 'b'), '3', 'left by the API: hung up');
    is_dead($group, $b, 'left by the API');
    is_dead($group, $unheard, 'left by the API, before it was heard of');

    # an open room takes him again, in a session that he makes then
    sleep 0.01;

    my $back = joined($group, 'b', 'pc');

    is_current($group, $back, 'left by the API, come again');
    is_told($group, 'left by the API', 'joined b app', 'left b', 'joined b pc',
            'left b');
}

# whoever left in LiveKit is not, if he was there again before it was told

{
    my $group = group($calls);
    my $b = joined($group, 'b', 'app');
    my $back = session($group, 'b', 'pc');

    $b->left('MEDIA_FAILURE');
    is(of($group, 'b'), '3', 'left, told late: hung up');
    $back->joined;
    is_current($group, $back, 'left, told late, and there again');
    is_dead($group, $b, 'left, told late');
    is_told($group, 'left, told late', 'joined b app', 'left b',
            'joined b pc', 'left b');
}

# also if LiveKit's clock is wrong: so many seconds ahead of Redis's

for my $ahead (3600, 30, -3600) {
    my $group = group($calls);
    my $what = "a clock $ahead s ahead";

    # one that was made so many seconds ago

    my $made = sub {
        my ($age) = @_;
        my $ms = int(1000 * (time + $ahead - $age));

        return $group->{livekit}->session("b$group->{n}", 'app',
            joinedAtMs => "$ms", joinedAt => int($ms / 1000) . '');
    };

    my @now = (createdAt => int(time + $ahead) . '');
    my $unheard = $made->(5);

    $made->(10)->joined(@now);
    is(of($group, 'b'), '1+', "$what: connected");
    $calls->leave($group->{room}, "b$group->{n}");
    $unheard->joined(@now);
    is(of($group, 'b'), '3', "$what: a session of before is dead");

    sleep 0.01;

    my $back = $made->(0);

    $back->joined(createdAt => int(time + $ahead) . '');
    is(of($group, 'b'), '1+', "$what: one made after it is not");
    $back->left('PARTICIPANT_REMOVED');
    is_told($group, $what, 'joined b app', 'left b', 'joined b app', 'left b');
}

# or does not say when it told of it

{
    my $group = group($calls);
    my $unheard = session($group, 'b', 'app');

    joined($group, 'b', 'app');
    $calls->leave($group->{room}, "b$group->{n}");
    $unheard->joined(createdAt => '0');
    is(of($group, 'b'), '3', 'no time: a session of before is dead');
    is_told($group, 'no time', 'joined b app', 'left b');
}

# or was sent away, and is called again

{
    my $group = group($calls);
    my $b = joined($group, 'b', 'app');

    $b->left('PARTICIPANT_REMOVED');
    $calls->invite($group->{room}, "b$group->{n}");
    is(of($group, 'b'), '0', 'called again: rings');
    is_dead($group, $b, 'called again, the session of before');

    is_current($group, joined($group, 'b', 'app'), 'called again');
    is_told($group, 'called again', 'joined b app', 'left b', 'invited b',
            'joined b app', 'left b');
}


# what is remembered of sessions that are over is bounded: 8 of a participant,
# 32 of who is none, 8 instances of the room

for my $others (7, 8) {
    my $group = group($calls);
    my $b = joined($group, 'b', 'app');

    $b->left('PARTICIPANT_REMOVED');
    joined($group, 'b', 'app')->left('PARTICIPANT_REMOVED') for 1 .. $others;
    $calls->join($group->{room}, "b$group->{n}", 'app');
    $b->published;
    is(of($group, 'b'), $others < 8 ? '1' : '1+',
       "a session that is over, $others others later");
    $calls->end($group->{room});
}

for my $others (31, 32) {
    my $group = group($calls);
    my $e = session($group, 'e', 'app');

    $e->left('CLIENT_INITIATED');
    session($group, "f$_-", 'app')->left('CLIENT_INITIATED') for 1 .. $others;
    $calls->invite($group->{room}, "e$group->{n}");
    $e->joined;
    is(of($group, 'e'), $others < 32 ? '0' : '1+',
       "a stranger's session that is over, $others others later");
    $calls->end($group->{room});
}

for my $others (8, 9) {
    my $group = group($calls);
    my ($first, $last) = ($group->{livekit}) x 2;

    for (2 .. $others) {
        $last = $last->reborn;
        $last->started;
    }

    $first->started;
    joined($group, 'b', 'app', $last);
    is(of($group, 'b'), $others < 9 ? '1+' : '0',
       "an instance of the room, the first of $others");
    $calls->end($group->{room});
}


# --- who may join

{
    my $group = group($calls);

    $group->{livekit}->session('guest', 'app')->joined;
    is($calls->of($group->{room}, 'guest'), '1+', 'open: a stranger joins');

    $calls->leave($group->{room}, "b$group->{n}");
    joined($group, 'b', 'app');
    is(of($group, 'b'), '1+', 'open: so does who rejected');

    $calls->cancel($group->{room}, "c$group->{n}");
    joined($group, 'c', 'app');
    is(of($group, 'c'), '1+', 'open: and who was cancelled');

    # there are five, for six
    $group->{livekit}->session('guest-2', 'app')->joined;
    is($calls->of($group->{room}, 'guest-2'), '1+', 'open: the sixth');

    my $full = $group->{livekit}->session('guest-3', 'app');

    $full->joined;
    is($calls->of($group->{room}, 'guest-3'), '', 'full: not the seventh');
    $full->published;
    $full->left('CLIENT_INITIATED');

    # who has a place has it already
    joined($group, 'd', 'app');
    is(of($group, 'd'), '1+', 'full: who has a place');

    is($calls->status(get => $group->{room}), 200, 'full');
    is($calls->state($group->{room}) =~ tr/=//, 6, 'full: no trace');

    my @uids = @{$group->{uids}};

    $calls->end($group->{room});
    $calls->expect('open', $group->{room},
        (map { "0 participant.invited $_" } @uids[1 .. 3]),
        '1 room.started',
        "1 participant.joined $uids[0] app",
        { uids => [@uids, 'guest'] },
        '1 participant.joined guest app',
        "1 participant.rejected $uids[1]",
        "1 participant.joined $uids[1] app",
        "1 participant.cancelled $uids[2]",
        "1 participant.joined $uids[2] app",
        { uids => [@uids, 'guest', 'guest-2'] },
        '1 participant.joined guest-2 app',
        "1 participant.joined $uids[3] app",
        '2 room.finished');
}

{
    my $group = group($calls, invite_on => 1);

    $group->{livekit}->session('guest', 'app')->joined;
    is($calls->of($group->{room}, 'guest'), '', 'by invitation: no stranger');

    $calls->leave($group->{room}, "b$group->{n}");
    joined($group, 'b', 'app');
    is(of($group, 'b'), '1+', 'by invitation: who rejected');

    $calls->cancel($group->{room}, "c$group->{n}");
    joined($group, 'c', 'app');
    is(of($group, 'c'), '6', 'by invitation: not who was cancelled');

    is_told($group, 'by invitation', 'rejected b', 'joined b app',
            'cancelled c');
}

{
    my $group = group($calls);
    my $other = group($calls);
    my $busy = $group->{livekit}->session("b$other->{n}", 'app');

    $busy->joined;
    $busy->published;
    is($calls->of($group->{room}, "b$other->{n}"), '',
       'busy elsewhere: not in it');
    is(of($other, 'b'), '0', 'busy elsewhere: rings there');

    is_told($group, 'busy elsewhere');
    is_told($other, 'busy here');
}

# no room for any more in a pair

$calls->create('pair', 'a', 'b');
$calls->livekit('pair')->session('c', 'app')->joined;
is($calls->state('pair'), '0 a=0 b=0', 'a pair: not a third');
$calls->end('pair');
is(scalar $calls->await('pair', -1), 2, 'a pair: nothing is told');

# a track admits nobody

{
    my $group = group($calls);

    $group->{livekit}->session('guest', 'app')->published;
    is($calls->of($group->{room}, 'guest'), '', 'a track: of a stranger');

    $calls->leave($group->{room}, "b$group->{n}");
    session($group, 'b')->published;
    is(of($group, 'b'), '2', 'a track: of one who rejected');

    # but proves that somebody is there
    session($group, 'c')->published;
    is(of($group, 'c'), '1+', 'a track: of one who rings');

    my $d = joined($group, 'd', 'app');

    $d->left('STATE_MISMATCH');

    my $back = session($group, 'd');

    $back->published;
    is_current($group, $back, 'a track: of one who may come back');

    # and does not replace who is known to be
    my ($known, $other) = (joined($group, 'b', 'app'), session($group, 'b'));

    $other->published;
    $other->left('PARTICIPANT_REMOVED');
    is_current($group, $known, 'a track: of one who is there');

    $calls->end($group->{room});

    # what the device of c is, nobody said
    is(join(' ', map { "$_->{type} $_->{json}{uid}" }
                 grep { $_->{type} =~ /joined|left/ }
                 $calls->await($group->{room}, -1)),
       join(' ', map { s/^(\w+) (\w)/participant.$1 $2$group->{n}/r }
            'joined a', 'joined c', 'joined d', 'left d', 'joined b', 'left b'),
       'a track');
}


# --- devices

{
    my $group = group($calls);

    # what connects counts, not what was said when joining
    $calls->join($group->{room}, "b$group->{n}", 'web');
    joined($group, 'b', 'pc');
    $calls->join($group->{room}, "b$group->{n}", 'tablet');

    my ($b) = grep { $_->{uid} eq "b$group->{n}" }
              @{ask($calls->request(get => $group->{room}))
                ->json->{participants}};

    is($b->{device_type}, 'pc', 'devices: until the new one connects');
    is(of($group, 'b'), '1+', 'devices: the session goes on');

    is_told($group, 'devices', 'joined b pc');
}


# --- leaving

for my $reason ('PARTICIPANT_REMOVED', 'ROOM_DELETED', 'ROOM_CLOSED',
                'SIGNAL_CLOSE', 'JOIN_FAILURE', 'USER_REJECTED',
                'MEDIA_FAILURE', 'UNKNOWN_REASON', undef)
{
    my $group = group($calls);
    my $what = $reason || 'no reason';

    joined($group, 'b', 'app')->left($reason);
    is(of($group, 'b'), '3', "$what: left at once");
    is_told($group, $what, 'joined b app', 'left b');
}

# as by the API: whoever it is, wherever

$calls->create('withdrawn', 'a', 'b');

{
    my $a = $calls->livekit('withdrawn')->session('a', 'app');

    $a->joined;
    $a->left('ROOM_DELETED');
}

is($calls->state('withdrawn'), '3 a=6 b=6', 'left before it was answered');
$calls->expect('left before it was answered', 'withdrawn',
    '0 participant.invited b',
    '1 room.started',
    '1 participant.joined a app',
    '3 participant.cancelled a',
    '3 room.finished');

# one who may come back counts as connected: it is answered

$calls->create('answered-late', 'a', 'b');

{
    my $livekit = $calls->livekit('answered-late');
    my ($a, $b) = map { $livekit->session($_, 'app') } 'a', 'b';

    $a->joined;
    $a->left('CONNECTION_TIMEOUT');
    $b->joined;
    $calls->leave('answered-late', 'a');
}

$calls->expect('answered while one may come back', 'answered-late',
    '0 participant.invited b',
    '1 room.started',
    '1 participant.joined a app',
    '1 participant.joined b app',
    '2 participant.left a',
    '2 room.finished');

# but not when he was there before, and is not any more

$calls->create('not-at-once', 'a', 'b', 'c', { max_participants => 3 });

{
    my $livekit = $calls->livekit('not-at-once');
    my ($a, $b) = map { $livekit->session($_, 'app') } 'a', 'b';

    $b->joined;
    $b->left('PARTICIPANT_REMOVED');
    $a->joined;
    $a->left('PARTICIPANT_REMOVED');
}

$calls->expect('one after the other', 'not-at-once',
    '0 participant.invited b',
    '0 participant.invited c',
    '1 room.started',
    '1 participant.joined b app',
    '1 participant.left b',
    '1 participant.joined a app',
    '6 participant.left a',
    '6 room.finished');

# an end that is known already

{
    my $group = group($calls);
    my $b = joined($group, 'b', 'app');

    $calls->leave($group->{room}, "b$group->{n}");
    $b->left('CLIENT_INITIATED');
    is(of($group, 'b'), '3', 'left twice: once is enough');

    my $c = joined($group, 'c', 'app');

    $c->left('CONNECTION_TIMEOUT');
    is(of($group, 'c'), '1+', 'left, for a moment: may come back');
    $calls->leave($group->{room}, "c$group->{n}");
    is(of($group, 'c'), '3', 'left, for a moment: and does not');

    is_told($group, 'left twice', 'joined b app', 'left b', 'joined c app',
            'left c');
}


# --- back in time, or not

my (@later, $since);

{
    my @reasons = qw(DUPLICATE_IDENTITY STATE_MISMATCH SERVER_SHUTDOWN
                     CONNECTION_TIMEOUT MIGRATION CLIENT_INITIATED);

    for my $reason (@reasons) {
        my $group = group($quick);
        my ($b, $c) = map { joined($group, $_, 'app') } 'b', 'c';

        $_->left($reason) for $b, $c;

        # c is back; b is back as well, in a session that was over
        my $back = joined($group, 'c', 'app');

        $b->joined;
        is(of($group, 'b') . of($group, 'c'), '1+1+', "$reason: may come back");

        push @later, sub {
            wait_for(sub { of($group, 'b') eq '3' });
            is(of($group, 'b'), '3', "$reason: did not come back in time");
            is_current($group, $back, "$reason: back in time");
            is_told($group, $reason, 'joined b app', 'joined c app', 'left b',
                    'left c');
        };
    }
}

# somebody asks for a new token to come back with

{
    my $group = group($quick);
    my $b = joined($group, 'b', 'app');

    $b->left('CONNECTION_TIMEOUT');
    $quick->join($group->{room}, "b$group->{n}", 'app');

    push @later, sub {
        sleep 0.2;
        is(of($group, 'b') =~ /^1/ ? 1 : of($group, 'b'), 1,
           'a new token: time to connect');
        is_current($group, joined($group, 'b', 'app'), 'a new token');
        is_told($group, 'a new token', 'joined b app', 'left b');
    };
}

# failed attempts

{
    my $group = group($quick);

    # the phone is gone, the tablet does not get through
    my ($phone, $tablet) = (joined($group, 'b', 'app'),
                            session($group, 'b', 'tablet'));

    $phone->left('DUPLICATE_IDENTITY');
    $tablet->aborted;
    is(of($group, 'b'), '1+', 'aborted: may come back');

    # what was taken for a session was none
    joined($group, 'c', 'app')->aborted;
    is(of($group, 'c'), '1+', 'aborted: may try again');

    my $d = joined($group, 'd', 'app');

    $d->aborted('JOIN_FAILURE');

    my $back = joined($group, 'd', 'app');

    push @later, sub {
        wait_for(sub { of($group, 'b') . of($group, 'c') eq '33' });
        is(of($group, 'b') . of($group, 'c'), '33', 'aborted: did not');
        is_current($group, $back, 'aborted: did');
        $quick->end($group->{room});

        # b and c at the same time, more or less
        is(join(' ', sort map { "$_->{type} $_->{json}{uid}" }
                          grep { $_->{type} =~ /joined|left/ }
                          $quick->await($group->{room}, -1)),
           join(' ', map({ "participant.joined $_$group->{n}" } 'a' .. 'd'),
                     map({ "participant.left $_$group->{n}" } 'b' .. 'd')),
           'aborted');
    };
}

# nobody waits for who was not there yet

{
    my $group = group($calls);
    my ($b, $c) = map { session($group, $_, 'app') } 'b', 'c';

    $calls->join($group->{room}, "b$group->{n}", 'app');
    $_->aborted for $b, $c;
    is(of($group, 'b'), '1', 'aborted: has time to connect');
    is(of($group, 'c'), '0', 'aborted: rings on');
    is_dead($group, $b, 'aborted');

    is_current($group, joined($group, $_, 'app'), "aborted, $_ again")
        for 'b', 'c';
    is_told($group, 'aborted before', 'joined b app', 'left b', 'joined c app',
            'left c');
}

# another instance of the room

{
    my $group = group($quick);
    my ($b, $c) = map { joined($group, $_, 'app') } 'b', 'c';
    my $old = $group->{livekit};
    my $new = $old->reborn;

    $new->started;
    is(of($group, 'b') . of($group, 'c'), '1+1+', 'another instance: awaited');

    my $a = joined($group, 'a', 'app', $new);
    my $back = joined($group, 'c', 'web', $new);

    # nobody listens to the old one
    $old->finished;
    $old->started;
    $b->published;
    $c->left('PARTICIPANT_REMOVED');

    my $dead = joined($group, 'd', 'app', $old);

    is(of($group, 'd'), '0', 'the instance before: nobody joins it');
    $dead->{livekit} = $new;
    is_dead($group, $dead, 'the instance before');

    push @later, sub {
        wait_for(sub { of($group, 'b') eq '3' });
        is(of($group, 'b'), '3', 'another instance: did not come');
        is(of($group, 'a'), '1+', 'another instance: the creator did');
        is_current($group, $back, 'another instance');
        is_told($group, 'another instance', 'joined b app', 'joined c app',
                'left b', 'left c');
    };
}

# one that is first heard of when somebody joins

{
    my $group = group($calls);
    my $b = joined($group, 'b', 'app');
    my $new = $group->{livekit}->reborn;
    my $back = joined($group, 'b', 'app', $new);

    is_dead($group, $b, 'joined in another instance');
    $group->{livekit}->finished;
    is_current($group, $back, 'joined in another instance');
    is_told($group, 'joined in another instance', 'joined b app', 'left b');
}

# finished while all may come back, who do not

{
    my $group = group($quick);
    my $b = joined($group, 'b', 'app');

    for ($b, $group->{a}) {
        $_->left('SERVER_SHUTDOWN');
        sleep 0.005;
    }

    $group->{livekit}->finished;
    is($quick->state($group->{room}) =~ /^(\d)/ ? $1 : '', 1,
       'finished, all may come back: it goes on');

    # both may go in one step, and what the first event says is so after it

    push @later, sub {
        is(join(' ', sort map { "$_->{type} $_->{json}{uid}" }
                     grep { $_->{type} =~ /joined|left/ }
                     $quick->await($group->{room}, -1)),
           join(' ', map { s/^(\w+) (\w)/participant.$1 $2$group->{n}/r }
                'joined a', 'joined b', 'left a', 'left b'),
           'finished, nobody came back');
        is($quick->state($group->{room}),
           "2 a$group->{n}=3 b$group->{n}=3 c$group->{n}=6 d$group->{n}=6",
           'finished, nobody came back: nobody rings');
    };
}

# many who are lost at once leave in one change

{
    my $many = endpoint();
    my $calls = calls(grace => '300ms', endpoint => $many);
    my @uids = map { "m$_" } 1 .. 20;

    $many->answer({ type => 'left', answers => [{ delay => 1 }] });
    $calls->create('many', @uids, 'awaited', { max_participants => 30 });

    my $livekit = $calls->livekit('many');

    $livekit->session($_, 'app')->joined for @uids;
    $calls->join('many', 'awaited');
    $livekit->finished;

    my @left = $many->await(20, type => 'left');

    is(scalar @left, 20, 'all who were lost have left');
    is(max(map { $_->{active} } @left), 20, 'side by side');
}

# a hang-up, said by LiveKit alone, with a long grace

{
    my ($livekit, @sessions);

    $calls->create('hung-up', 'a', 'b');
    $livekit = $calls->livekit('hung-up');
    @sessions = map { $livekit->session($_, 'app') } 'a', 'b';

    $_->joined for @sessions;
    $since = time;
    $sessions[1]->left('CLIENT_INITIATED');
    is($calls->of('hung-up', 'b'), '1+', 'hung up: may come back');

    # in a full reconnect
    my $group = group($calls);
    my $b = joined($group, 'b', 'app');

    $b->left('CLIENT_INITIATED');

    my $back = joined($group, 'b', 'app');

    push @later, sub {
        my @events = $calls->expect('hung up', 'hung-up',
            '0 participant.invited b',
            '1 room.started',
            '1 participant.joined a app',
            '1 participant.joined b app',
            '2 participant.left b',
            '2 room.finished');

        cmp_ok($events[-1]{time} - $since, '<', 2 + 1.5 * patience(),
               'hung up: two seconds later');
        is_current($group, $back, 'hung up, reconnected');
        is_told($group, 'hung up, reconnected', 'joined b app', 'left b');
    };
}

{
    sleep $grace + 0.2;
    $_->() for @later;
}


# --- finished

# without anybody who may come back

for (['answered', '2 a=3 b=3', 'a', 'b'], ['alone', '6 a=3 b=6', 'a']) {
    my ($room, $state, @uids) = @$_;
    my $livekit = $calls->livekit($room);

    $calls->create($room, 'a', 'b');

    my @sessions = map { $livekit->session($_, 'app') } @uids;

    $_->joined for @sessions;
    $livekit->finished;
    is($calls->state($room), $state, "finished, $room: at once");

    # what comes after that
    $_->left('ROOM_CLOSED') for @sessions;
    $_->joined for @sessions;
    $livekit->session('b', 'app')->joined;
    $livekit->started;
    $livekit->finished;
    is($calls->state($room), $state, "finished, $room: for good");

    $calls->expect("finished, $room", $room,
        '0 participant.invited b',
        '1 room.started',
        (map { "1 participant.joined $_ app" } @uids),
        substr($state, 0, 1) . ' room.finished');
}

# the first that is heard of it

$calls->create('unheard', 'a', 'b');
$calls->livekit('unheard')->finished;
is($calls->state('unheard'), '6 a=6 b=6', 'finished, unheard of: at once');
$calls->expect('finished, unheard of', 'unheard',
    '0 participant.invited b',
    '6 room.finished');

# hung up, in any order with it

for my $order ('a b finished', 'b a finished', 'a finished b',
               'finished a b', 'finished b a')
{
    my $room = "order-$order" =~ tr/ /-/r;
    my $livekit = $calls->livekit($room);
    my %session = map { $_ => $livekit->session($_, 'app') } 'a', 'b';

    $calls->create($room, 'a', 'b');
    $_->joined for @session{'a', 'b'};

    for (split ' ', $order) {
        $session{$_} ? $session{$_}->left('CLIENT_INITIATED')
                     : $livekit->finished;
    }

    is($calls->state($room), '2 a=3 b=3', "$order: ended");
    $calls->expect($order, $room,
        '0 participant.invited b',
        '1 room.started',
        '1 participant.joined a app',
        '1 participant.joined b app',
        '2 room.finished');
}

# somebody is on his way, somebody else may come back

{
    my $group = group($calls);
    my $livekit = $group->{livekit};
    my $b = joined($group, 'b', 'app');

    $calls->leave($group->{room}, "a$group->{n}");
    $b->left('SERVER_SHUTDOWN');
    $calls->join($group->{room}, "c$group->{n}", 'web');
    $livekit->finished;
    is(of($group, 'b') . of($group, 'c') . of($group, 'd'), '1+10',
       'finished, awaited: nothing changes');

    # not in what has finished
    my $dead = session($group, 'b', 'app');

    is_dead($group, $dead, 'finished, the same instance');
    is_dead($group, session($group, 'c', 'app'), 'finished, the same instance');

    # but when it is there again
    $livekit->started;
    is_dead($group, $dead, 'finished, started again');

    my $back = joined($group, 'b', 'app');

    joined($group, 'c', 'web');
    is(of($group, 'c'), '1+', 'finished, started again: c connected');
    is_current($group, $back, 'finished, started again');

    is_told($group, 'finished, started again', 'joined b app', 'left a',
            'joined c web', 'left b');
}

# or as another one

{
    my $group = group($calls);
    my $b = joined($group, 'b', 'app');

    $_->left('SERVER_SHUTDOWN') for $group->{a}, $b;
    $group->{livekit}->finished;

    my $new = $group->{livekit}->reborn;
    my $back = joined($group, 'b', 'app', $new);

    is_dead($group, $b, 'finished, another instance');
    is_current($group, $back, 'finished, another instance');
    is_told($group, 'finished, another instance', 'joined b app', 'left b');
}

# only waiting to hang up

{
    my $group = group($calls);

    $_->left('CLIENT_INITIATED') for joined($group, 'b', 'app'), $group->{a};
    $group->{livekit}->finished;
    is($calls->state($group->{room}) =~ /^(\d)/ ? $1 : '', 2,
       'finished, all hung up: at once');
    is_told($group, 'finished, all hung up', 'joined b app');
}

# a room that comes back to life after its call has ended

$calls->create('risen', 'a', 'b');

{
    my $livekit = $calls->livekit('risen');
    my @sessions = map { $livekit->session($_, 'app') } 'a', 'b';

    $_->joined for @sessions;
    $calls->leave('risen', 'a');

    for my $instance ($livekit, $livekit->reborn) {
        $instance->started;
        $instance->session($_, 'app')->joined for 'a', 'b', 'c';
        $instance->session('b')->published;
        $_->published for @sessions;
        is($calls->state('risen'), '2 a=3 b=3', 'risen: the call stays ended');
        $instance->finished;
    }
}

is($calls->status(join => 'risen', 'a'), 410, 'risen: nobody joins it');
is($calls->status(create => 'risen-2', 'a', 'b'), 200, 'risen: nobody is busy');
$calls->end('risen-2');
$calls->{rooms}{'risen-2'} = $calls->{rooms}{risen};
$calls->expect('risen', 'risen',
    '0 participant.invited b',
    '1 room.started',
    '1 participant.joined a app',
    '1 participant.joined b app',
    '2 participant.left a',
    '2 room.finished');


# --- whatever comes, in whatever order

{
    my $seed = $ENV{TEST_SEED} || int 1e6 * rand;

    srand $seed;

    my $calls = calls(ring => '900ms', join => '700ms', grace => '400ms',
                      age => '2500ms');
    my @steps;

    for my $i (1 .. 40) {
        my $room = "any-$i";
        my @uids = map { "$_$i" } 'a' .. ($i % 2 ? 'b' : 'd');
        my $livekit = $calls->livekit($room);
        my $reborn = $livekit->reborn;

        my $in_order = sub {
            my ($instance, @uids) = @_;
            my @sessions = map { $instance->session($_, 'app') } @uids;

            my @reasons = (qw(CLIENT_INITIATED DUPLICATE_IDENTITY ROOM_CLOSED
                              CONNECTION_TIMEOUT), undef);

            return (sub { $instance->started },
                    (map { my $s = $_; sub { $s->joined } } @sessions),
                    (map { my $s = $_; sub { $s->published } } @sessions),
                    (map { my $s = $_; sub { $s->aborted } }
                         grep { rand() < 0.2 } @sessions),
                    (map { my $s = $_; my $reason = $reasons[rand @reasons];
                           sub { $s->left($reason) } } @sessions),
                    sub { $instance->finished });
        };

        my @all = ($in_order->($livekit, @uids, @uids),
                   rand() < 0.3 ? $in_order->($reborn, @uids) : ());

        # lost, repeated, and each as much as four places away from its own
        @all = map { rand() < 0.2 ? () : rand() < 0.2 ? ($_, $_) : $_ } @all;

        my %at = map { $_ => $_ + 4 * rand } 0 .. $#all;

        @all = @all[sort { $at{$a} <=> $at{$b} } keys %at];

        # and the app joins in
        for my $uid (@uids) {
            splice @all, rand @all, 0, sub {
                $calls->status(join => $room, $uid, 'app')
            } if rand() < 0.5;
            splice @all, rand @all, 0, sub {
                $calls->status(leave => $room, $uid)
            } if rand() < 0.2;
        }

        $calls->create($room, @uids, { max_participants => scalar @uids });
        push @steps, \@all;
    }

    # a step of each call in turn
    while (@steps = grep { @$_ } @steps) {
        (shift @$_)->() for @steps;
    }

    # the last resort is the age of the room
    wait_for(sub { !$calls->{redis}->deadlines }, 10 * patience());
    $calls->await("any-$_", -1, 5 * patience()) for 1 .. 40;

    $calls->is_over("in any order, TEST_SEED=$seed");

    my @stuck = grep { !/^[2346](?: \w+=[2346])+$/ }
                map { $calls->state("any-$_") } 1 .. 40;

    is("@stuck", '', "in any order, TEST_SEED=$seed: everybody is gone");
}

$calls->is_over('at the end');
$quick->is_over('at the end of graces');

done_testing();
