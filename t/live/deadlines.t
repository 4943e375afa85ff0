#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# Deadlines: each fires once and in time, whoever sees it first, whatever was
# killed meanwhile; and what happens then.

use strict;
use warnings;

use Test::More;
use TgoRTC::Calls;
use TgoRTC::Live;
use Time::HiRes qw(sleep time);


my $group = { max_participants => 5 };

# long enough for a few requests to be made before, even by a busy machine
my $soon = 0.9 * patience();

my @late;


sub ms {
    return int(1000 * shift) . 'ms';
}


# Of an event whose deadline began at some time between these two: that it did
# not come early.  How late it may be is said at the end.

sub in_time {
    my ($what, $calls, $room, $type, $from, $to, $seconds) = @_;

    # what it takes Perl to see it counts, too
    my ($event) = grep { $_->{type} eq $type }
                       $calls->events($room);

    if (!$event) {
        fail("$what: $type of $room did not come");
        return;
    }

    # Redis's clock has milliseconds
    cmp_ok($event->{time}, '>=', $from + $seconds - 0.002, "$what: not early");

    push @late, [$event->{time} - $to - $seconds, $what];
}


# A step, and when it was begun and done.

sub timed {
    my ($code) = @_;
    my $from = time;

    $code->();

    return ($from, time);
}


sub wait_until {
    my ($time) = @_;
    my $rest = $time - time;

    sleep $rest if $rest > 0;
}


# --- many rooms, two nginx on one Redis, all creating and ringing at once

{
    my $one = calls(ring => ms($soon));
    my $two = calls(ring => ms($soon), redis => $one->{redis},
                    endpoint => $one->{endpoint});
    my $limit = stopwatch($one);
    my (%made, @bad);

    my @agents = map {
        my ($me, $n, $id) = ($_, 0);
        my $nginx = $me % 2 ? $one->{nginx} : $two->{nginx};

        sub {
            my ($response) = @_;

            if ($response) {
                push @{$made{$id}}, time;

                # there is nothing to wait for then
                if ($response->{status} != 200) {
                    push @bad, "$id: $response->{status}";
                    delete $made{$id};
                }
            }

            return if $n == 75;

            $id = "many-$me-" . ++$n;
            $made{$id} = [time];

            return { %{$nginx->create($id, "$id.a", "$id.b")},
                     keepalive => 1 };
        }
    } 1 .. 8;

    drive(\@agents);

    is("@bad", '', '600 rooms are created');

    my (@wrong, @lateness);

    for my $id (sort keys %made) {
        my @events = $one->await($id, 3);
        my $types = join ' ', map { "$_->{seq} $_->{type}" } @events;
        my ($from, $to) = @{$made{$id}};

        if ($types ne '1 participant.invited 2 participant.missed '
                      . '3 room.finished')
        {
            push @wrong, "$id: $types";
            next;
        }

        push @wrong, "$id: early"
            if $events[1]{time} < $from + $soon - 0.002;
        push @lateness, $events[1]{time} - $to - $soon;
    }

    # what would come twice
    sleep 0.3;
    push @wrong, map { "$_: too much" }
                 grep { 3 != $one->events($_) } sort keys %made;

    @lateness = sort { $a <=> $b } @lateness;

    my $allowed = $limit->();

    is(join("\n", @wrong), '', '600 rooms: each is missed once');
    cmp_ok($lateness[-1], '<', $allowed, '600 rooms: the last one in time');
    note(sprintf '600 rooms: late by %.0f ms, half by %.0f ms, allowed %.0f ms',
         1000 * $lateness[-1], 1000 * $lateness[@lateness / 2],
         1000 * $allowed);

    is_deeply($one->{redis}->users, {}, '600 rooms: nobody is busy');
    is_deeply([$one->{redis}->deadlines], [], '600 rooms: nothing is due');
    is($_->{nginx}->trouble, '', '600 rooms: nothing bad in the log')
        for $one, $two;
}


# the rest is measured while little else happens

my $ring = calls(ring => ms($soon));
my $limit = stopwatch($ring);


# --- ringing

{
    my %at;

    $at{$_->[0]} = [timed(sub { $ring->create(@$_) })] for
        ['pair', 'p1', 'p2'],
        ['nobody', 'n1'],
        ['met', 'm1', 'm2'],
        ['waiting', 'w1', 'w2'],
        ['group', 'g1', 'g2', 'g3', $group],
        ['rejected', 'r1', 'r2', 'r3', $group],
        ['without', 'x1', 'x2', 'x3', $group],
        ['alone', 'l1', 'l2', 'l3', $group],
        ['invited', 'i1', $group],
        ['answered', 'a1', 'a2'];

    # the creator stays away, the callee does not
    $ring->livekit('met')->session('m2', 'app')->joined;

    # the creator waits
    $ring->livekit('waiting')->session('w1', 'app')->joined;
    $ring->livekit('alone')->session('l1', 'app')->joined;

    $ring->leave('rejected', $_) for 'r2', 'r3';
    $ring->livekit('without')->session('x2', 'app')->joined;
    $ring->livekit('answered')->session($_, 'app')->joined for 'a1', 'a2';
    $ring->join('invited', 'i1');

    # later than the others
    sleep $soon / 2;
    $at{later} = [timed(sub { $ring->invite('invited', 'i2') })];
    $at{last} = [timed(sub { $ring->invite('group', 'g4') })];
    $at{silent} = [timed(sub { $ring->invite('nobody', 'n2') })];

    $ring->expect('ring, a pair', 'pair',
        '0 participant.invited p2',
        '6 participant.missed p2',
        '6 room.finished');
    in_time('ring, a pair', $ring, 'pair', 'participant.missed',
            @{$at{pair}}, $soon);
    like($ring->state('pair'), qr/^6 p1=[2-6] p2=4$/, 'ring, a pair: missed');

    # the creator's time is over before that of somebody called later
    $ring->expect('ring, a creator', 'nobody',
        { uids => ['n1', 'n2'] },
        '0 participant.invited n2',
        '6 room.finished');
    in_time('ring, a creator', $ring, 'nobody', 'room.finished',
            @{$at{nobody}}, $soon);
    like($ring->state('nobody'), qr/^6 n1=[2-6] n2=4$/,
         'ring, a creator: whoever rang has missed it');

    $ring->expect('ring, the creator never came', 'met',
        '0 participant.invited m2',
        '1 room.started',
        '1 participant.joined m2 app',
        '6 room.finished');
    in_time('ring, the creator never came', $ring, 'met', 'room.finished',
            @{$at{met}}, $soon);
    like($ring->state('met'), qr/^6 m1=[2-6] m2=3$/,
         'ring, the creator never came: the other one hung up');

    $ring->expect('ring, the creator waits', 'waiting',
        '0 participant.invited w2',
        '1 room.started',
        '1 participant.joined w1 app',
        '6 participant.missed w2',
        '6 room.finished');
    is($ring->state('waiting'), '6 w1=3 w2=4', 'ring, the creator waits: '
                                               . 'and hangs up');

    # groups

    $ring->expect('ring, rejected by all', 'rejected',
        '0 participant.invited r2',
        '0 participant.invited r3',
        '0 participant.rejected r2',
        '0 participant.rejected r3',
        '4 room.finished');
    in_time('ring, rejected by all', $ring, 'rejected', 'room.finished',
            @{$at{rejected}}, $soon);

    $ring->await('group', 5);
    is($ring->state('group') =~ /^0 g1=[2-6] g2=4 g3=4 g4=0$/ ? 'g4 rings'
                                                 : $ring->state('group'),
       'g4 rings', 'ring, one by one: the last one rings on');

    $ring->expect('ring, one by one', 'group',
        '0 participant.invited g2',
        '0 participant.invited g3',
        { uids => [qw(g1 g2 g3 g4)] },
        '0 participant.invited g4',
        '0 participant.missed g2',
        '0 participant.missed g3',
        '6 participant.missed g4',
        '6 room.finished');
    in_time('ring, one by one', $ring, 'group', 'participant.missed',
            @{$at{group}}, $soon);
    in_time('ring, the last one', $ring, 'group', 'room.finished',
            @{$at{last}}, $soon);

    is(scalar $ring->await('without', 5), 5, 'ring, without its creator');
    like($ring->state('without'), qr/^1 x1=[2-6] x2=1\+ x3=4$/,
         'ring, without its creator: it goes on');
    $ring->leave('without', 'x2');

    $ring->expect('ring, without its creator', 'without',
        '0 participant.invited x2',
        '0 participant.invited x3',
        '1 room.started',
        '1 participant.joined x2 app',
        '1 participant.missed x3',
        '6 participant.left x2',
        '6 room.finished');

    $ring->await('alone', 6);
    is($ring->state('alone'), '1 l1=1+ l2=4 l3=4', 'ring, a creator alone');
    $ring->leave('alone', 'l1');

    $ring->expect('ring, a creator alone', 'alone',
        '0 participant.invited l2',
        '0 participant.invited l3',
        '1 room.started',
        '1 participant.joined l1 app',
        '1 participant.missed l2',
        '1 participant.missed l3',
        '3 participant.cancelled l1',
        '3 room.finished');

    $ring->await('invited', 2);
    in_time('ring, invited later', $ring, 'invited', 'participant.missed',
            @{$at{later}}, $soon);
    $ring->end('invited');

    # whoever has come rings no more

    wait_until($at{answered}[1] + $soon + 0.3);
    is($ring->state('answered'), '1 a1=1+ a2=1+', 'ring, answered');
    $ring->end('answered');

    $ring->expect('ring, answered', 'answered',
        '0 participant.invited a2',
        '1 room.started',
        '1 participant.joined a1 app',
        '1 participant.joined a2 app',
        '2 room.finished');
}

# the creator does not ring, unless he left and is called back

{
    $ring->create('back', 'a', 'b', $group);
    $ring->join('back', 'b');
    $ring->leave('back', 'a');

    my @at = timed(sub { $ring->invite('back', 'a') });

    $ring->await('back', 4);
    is($ring->state('back'), '0 a=4 b=1', 'ring, called back: missed');
    in_time('ring, called back', $ring, 'back', 'participant.missed', @at,
            $soon);
    $ring->leave('back', 'b');

    $ring->expect('ring, called back', 'back',
        '0 participant.invited b',
        '0 participant.left a',
        '0 participant.invited a',
        '0 participant.missed a',
        '6 participant.left b',
        '6 room.finished');
}

# a group that waits for the last one who rings ends when he does not any more

{
    $ring->create('withdrawn', 'a', 'b', $group);
    sleep 2 * $soon / 3;
    $ring->invite('withdrawn', 'c');

    $ring->await('withdrawn', 3);
    like($ring->state('withdrawn'), qr/^0 a=[2-6] b=4 c=0$/,
         'ring, withdrawn: c rings');
    $ring->cancel('withdrawn', 'c');

    $ring->expect('ring, withdrawn', 'withdrawn',
        '0 participant.invited b',
        { uids => [qw(a b c)] },
        '0 participant.invited c',
        '0 participant.missed b',
        '6 participant.cancelled c',
        '6 room.finished');
}

$ring->is_over('ring');


# --- connecting

{
    my $calls = calls(join => ms($soon));
    my (%at, %livekit, %session);

    $calls->create($_, "$_-a", "$_-b")
        for qw(pair creator twice back alone there);
    $calls->create($_, "$_-a", "$_-b", "$_-c", $group)
        for qw(group last caller);

    for my $room ('back', 'alone', 'there') {
        $livekit{$room} = $calls->livekit($room);

        for ('a', $room eq 'alone' ? () : 'b') {
            $session{$room}{$_} = $livekit{$room}->session("$room-$_", 'app');
            $session{$room}{$_}->joined;
        }
    }

    my $join = sub {
        my ($room, $letter) = @_;

        $at{$room} = [timed(sub { $calls->join($room, "$room-$letter") })];
    };

    $join->('pair', 'b');
    $join->('creator', 'a');
    $join->('group', 'b');
    $join->('last', 'b');
    $calls->leave('last', 'last-a');
    $join->('caller', 'a');

    # whose session was lost, and who has asked for another one
    $session{back}{b}->left('CONNECTION_TIMEOUT');
    $join->('back', 'b');

    $session{alone}{a}->left('CONNECTION_TIMEOUT');
    $join->('alone', 'a');

    # whose session is not lost
    $join->('there', 'b');
    is($calls->join('there', 'there-a', 'web')->{status}, 1,
       'connect: again, on another device');

    # in time for the first, but not after the second
    $join->('twice', 'b');
    sleep $soon / 2;
    $join->('twice', 'b');

    my %expected = (
        pair => ['6 participant.left pair-b', '6 room.finished'],
        creator => ['6 participant.left creator-a', '6 room.finished'],
        twice => ['6 participant.left twice-b', '6 room.finished'],
        back => ['1 room.started', '1 participant.joined back-a app',
                 '1 participant.joined back-b app',
                 '2 participant.left back-b', '2 room.finished'],
        alone => ['1 room.started', '1 participant.joined alone-a app',
                  '6 participant.left alone-a', '6 room.finished'],
        last => ['0 participant.left last-a', '6 participant.left last-b',
                 '6 room.finished'],
        caller => ['6 participant.left caller-a', '6 room.finished']
    );

    for my $room (sort keys %expected) {
        $calls->expect("connect, $room", $room,
            map({ "0 participant.invited $room-$_" }
                'b', $room =~ /^(?:last|caller)$/ ? 'c' : ()),
            @{$expected{$room}});

        next if $room eq 'last';

        in_time("connect, $room", $calls, $room, 'participant.left',
                @{$at{$room}}, $soon);
    }

    in_time('connect, last', $calls, 'last', 'room.finished', @{$at{last}},
            $soon);

    is($calls->state('pair'), '6 pair-a=6 pair-b=3',
       'connect, pair: the creator still inviting is closed');
    is($calls->state('creator'), '6 creator-a=3 creator-b=6',
       'connect, creator: it rings no more');
    is($calls->state('last'), '6 last-a=3 last-b=3 last-c=6',
       'connect, last: nobody waits for the one who rings');
    is($calls->state('caller'), '6 caller-a=3 caller-b=6 caller-c=6',
       'connect, caller: nor for two');

    # it goes on

    is($calls->state('group'), '0 group-a=0 group-b=3 group-c=0',
       'connect, group: it goes on');
    $calls->end('group');
    $calls->expect('connect, group', 'group',
        '0 participant.invited group-b',
        '0 participant.invited group-c',
        '0 participant.left group-b',
        '3 room.finished');
    in_time('connect, group', $calls, 'group', 'participant.left',
            @{$at{group}}, $soon);

    # whoever is connected is left alone

    wait_until($at{there}[1] + $soon + 0.3);
    is($calls->state('there'), '1 there-a=1+ there-b=1+',
       'connect: never whoever is connected');
    $calls->leave('there', 'there-b');
    $calls->expect('connect, connected', 'there',
        '0 participant.invited there-b',
        '1 room.started',
        '1 participant.joined there-a app',
        '1 participant.joined there-b app',
        '2 participant.left there-b',
        '2 room.finished');

    $calls->is_over('connect');
}


# --- coming back

{
    my $calls = calls(grace => ms($soon));
    my %at;

    for my $room ('grace', 'cancel') {
        $calls->create($room, "$room-a", "$room-b");

        my @sessions = map { $calls->livekit($room)->session($_, 'app') }
                           "$room-a", $room eq 'grace' ? "$room-b" : ();

        # of one instance
        $sessions[-1]{livekit} = $sessions[0]{livekit};

        $_->joined for @sessions;
        $at{$room} = [timed(sub {
            $sessions[0]->left('CONNECTION_TIMEOUT')
        })];
        is($calls->of($room, "$room-a"), '1+', "$room: he may come back");
    }

    $calls->expect('grace', 'grace',
        '0 participant.invited grace-b',
        '1 room.started',
        '1 participant.joined grace-a app',
        '1 participant.joined grace-b app',
        '2 participant.left grace-a',
        '2 room.finished');
    in_time('grace', $calls, 'grace', 'participant.left', @{$at{grace}},
            $soon);

    $calls->expect('grace, of a creator', 'cancel',
        '0 participant.invited cancel-b',
        '1 room.started',
        '1 participant.joined cancel-a app',
        '3 participant.cancelled cancel-a',
        '3 room.finished');
    in_time('grace, of a creator', $calls, 'cancel', 'participant.cancelled',
            @{$at{cancel}}, $soon);

    $calls->is_over('grace');
}


# --- the age of a room

{
    my $calls = calls(age => ms(2 * $soon));
    my (%at, %session);

    for my $room ('pair', 'alone', 'api', 'event') {
        my $livekit = $calls->livekit($room);

        $calls->create($room, "$room-a", "$room-b");

        for ('a', $room eq 'alone' ? () : 'b') {
            $session{$room} = $livekit->session("$room-$_", 'app');
            $at{$room} = [timed(sub { $session{$room}->joined })];
        }
    }

    $at{ringing} = [timed(sub { $calls->create('ringing', 'a', 'b') })];

    # signs of life
    sleep $soon;
    $at{api} = [timed(sub { $calls->join('api', 'api-b') })];
    $at{event} = [timed(sub { $session{event}->published })];

    my @invited = map { "0 participant.invited $_-b" } qw(pair alone api event);

    for my $room ('pair', 'api', 'event') {
        $calls->expect("age, $room", $room,
            "0 participant.invited $room-b",
            '1 room.started',
            "1 participant.joined $room-a app",
            "1 participant.joined $room-b app",
            '2 room.finished');
    }

    $calls->expect('age, alone', 'alone',
        '0 participant.invited alone-b',
        '1 room.started',
        '1 participant.joined alone-a app',
        '6 room.finished');
    is($calls->state('alone'), '6 alone-a=3 alone-b=6',
       'age, alone: ended for both');

    $calls->expect('age, ringing', 'ringing',
        '0 participant.invited b',
        '6 room.finished');

    in_time("age, $_", $calls, $_, 'room.finished', @{$at{$_}}, 2 * $soon)
        for qw(pair alone ringing api event);

    $calls->is_over('age');
}


# --- what is remembered of a room

{
    my $calls = calls(retention => ms($soon));
    my ($from, $to);

    $calls->create('past', 'a', 'b');
    ($from, $to) = timed(sub { $calls->end('past') });

    is($calls->state('past'), '3 a=6 b=6', 'retention: remembered');
    is($calls->status(leave => 'past', 'a'), 200, 'retention: it has ended');
    is($calls->status(join => 'past', 'a'), 410, 'retention: it has ended');
    is($calls->status(create => 'past', 'c'), 409,
       'retention: its id is taken');

    wait_for(sub { $calls->status(get => 'past') == 404 }, 5);

    my $gone = time;

    cmp_ok($gone, '>=', $from + $soon - 0.002, 'retention: not too short');
    push @late, [$gone - $to - $soon, 'retention'];

    is($calls->status(get => 'past'), 404, 'retention: gone');
    is($calls->status(leave => 'past', 'a'), 404, 'retention: gone');

    $calls->expect('retention', 'past',
        '0 participant.invited b',
        '3 room.finished');
    is($calls->status(create => 'past', 'c'), 200, 'retention: its id is free');
}


{
    my $allowed = $limit->();

    for (@late) {
        my ($late, $what) = @$_;

        cmp_ok($late, '<', $allowed, "$what: not late");
    }

    @late = sort { $a->[0] <=> $b->[0] } @late;
    note(sprintf 'late by %.0f ms (%s), allowed %.0f ms', 1000 * $late[-1][0],
         $late[-1][1], 1000 * $allowed);
}


# --- killed

# Rooms whose ringing, connecting, and rejoining will end, with the time when
# they were begun and done.

sub make_rooms {
    my ($calls) = @_;
    my $livekit = $calls->livekit('grace');
    my $from = time;

    $calls->create($_, "$_-a", "$_-b") for qw(ring connect grace);

    my @sessions = map { $livekit->session("grace-$_", 'app') } 'a', 'b';

    $_->joined for @sessions;
    $sessions[1]->left('STATE_MISMATCH');
    $calls->livekit('connect')->session('connect-a', 'app')->joined;
    $calls->join('connect', 'connect-b');

    my $to = time;

    # what was sent is not sent again
    ok($calls->settle, 'rooms whose deadlines are due soon');

    return ($from, $to);
}


# The rest of such a room; the time of its last event.

sub ends {
    my ($what, $calls, $room) = @_;

    my %expected = (
        ring => ['6 participant.missed ring-b', '6 room.finished'],
        connect => ['1 room.started', '1 participant.joined connect-a app',
                    '6 participant.left connect-b', '6 room.finished'],
        grace => ['1 room.started', '1 participant.joined grace-a app',
                  '1 participant.joined grace-b app',
                  '2 participant.left grace-b', '2 room.finished']
    );

    my @events = $calls->expect("$what, $room", $room,
                                "0 participant.invited $room-b",
                                @{$expected{$room}});

    return @events ? $events[-1]{time} : 1e12;
}


sub is_silent {
    my ($what, $calls, $since) = @_;

    is(join(' ', map { "$_->{room} $_->{type}" }
                 grep { $_->{time} > $since } $calls->events),
       '', $what);
}


{
    my $wait = 1 * patience();
    my %times = (join => ms($wait), grace => ms($wait), ring => ms($wait));

    my $one = calls(%times);
    my $two = calls(%times, redis => $one->{redis},
                    endpoint => $one->{endpoint});

    make_rooms($one);

    TgoRTC::Live::kill_group(delete $_->{nginx}{pid}) for $one, $two;

    my $killed = time;

    wait_until($killed + $wait + 0.1);
    is_silent('all nginx killed: nothing happens', $one, $killed);

    $_->{nginx}->start for $one, $two;

    my $up = time;

    for my $room (qw(ring connect grace)) {
        cmp_ok(ends('all nginx killed', $one, $room) - $up, '<',
               1.5 * patience(), "all nginx killed, $room: at once");
    }

    $one->is_over('all nginx killed');
}

{
    my $wait = 1 * patience();
    my $redis = redis(args => ['--appendonly', 'yes',
                               '--appendfsync', 'always']);
    my $calls = calls(redis => $redis, ring => ms(4 * $wait),
                      join => ms($wait), grace => ms($wait));

    my ($from, $to) = make_rooms($calls);

    $redis->stop;

    my $killed = time;

    wait_until($killed + $wait + 0.1);
    is_silent('Redis killed: nothing happens', $calls, $killed);

    $redis->start;

    my $up = time;

    # a worker that has lost Redis waits a little before it tries again

    for my $room (qw(connect grace)) {
        cmp_ok(ends('Redis killed', $calls, $room) - $up, '<',
               2.5 * patience(), "Redis killed, $room: at once");
    }

    # what was not due

    my $watch = stopwatch($calls);
    my $at = ends('Redis killed', $calls, 'ring');

    cmp_ok($at, '>=', $from + 4 * $wait - 0.002,
           'Redis killed, ring: not early');
    cmp_ok($at - $to - 4 * $wait, '<', $watch->(),
           'Redis killed, ring: not late');

    $calls->is_over('Redis killed');
}


# --- a reply that is lost

# More rooms than one look takes are due at once, and what it did is not heard
# of: what is done next is told of as something else, or an endpoint that knows
# the ids of events takes it for what it had.

{
    my $redis = redis();
    my $proxy = proxy($redis);
    my $calls = calls(redis => $proxy, workers => 1, ring => ms($soon));
    my @rooms = map { sprintf 'lost-%02d', $_ } 1 .. 32;

    my $due = sub {
        my ($time) = @_;

        $redis->command('ZADD', '{tgortc}:deadlines', map { $time, $_ } @rooms);
    };

    fire([map { $calls->request('create', $_, "$_-a", "$_-b") } @rooms]);

    my $created = time;

    $due->(1e13);
    wait_until($created + $soon);
    $proxy->tell("lose $rooms[0]");
    $due->(1);

    my @events = map { $calls->await($_, 3) } @rooms;
    my %of;

    push @{$of{$_->{id}}}, $_->{room} for @events;

    is(scalar @events, 3 * @rooms, 'a lost reply: all rooms end');
    is(join("\n", map { "@$_" } grep { @$_ > 1 } values %of), '',
       'a lost reply: no two rooms share an event');
    like($calls->{nginx}->error_log, qr/redis .* is back/,
         'a lost reply: it was lost');
}

done_testing();
