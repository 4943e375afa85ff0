#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# The checker of histories finds what it is there to find: a small history that
# is in order is spoiled in one way after the other.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", $FindBin::Bin;

use Test::More;

use Checker;
use Schedule;


# A call that is rejected, one that is missed, a group that connects; to two
# endpoints.  The times are seconds from 1000.

sub history {
    my @history = (
        { k => 'run', seed => 1, fsync => 'always', ring => [2, 3],
          join => [3, 4], grace => 1, age => 10, timeout => 1,
          hook_timeout => 1, in_flight => 2, workers => 2,
          apps => ['one', 'two'], extra => 'three' },
        request('create', 'r', 0, uids => ['a', 'b']),
        request('leave', 'r', 1, uid => 'b'),
        request('create', 'm', 0, uids => ['c', 'd']),
        request('create', 'g', 0, uids => ['e', 'f', 'g']),
        request('livekit.joined', 'g', 0.5, uid => 'e'),
        request('leave', 'g', 1, uid => 'f'),
        request('leave', 'g', 1.2, uid => 'g'),
        request('leave', 'g', 1.5, uid => 'e')
    );

    my %status = (r => 4, m => 6, g => 6);
    my %members = (r => { a => 3, b => 2 }, m => { c => 4, d => 4 },
                   g => { e => 3, f => 2, g => 2 });
    my %events = (
        r => [[0, 'participant.invited', 'b'], [1, 'participant.rejected', 'b'],
              [1, 'room.finished']],
        m => [[0, 'participant.invited', 'd'], [3, 'participant.missed', 'd'],
              [3, 'room.finished']],
        g => [[0, 'participant.invited', 'f'], [0, 'participant.invited', 'g'],
              [0, 'room.started'], [0, 'participant.joined', 'e'],
              [1, 'participant.rejected', 'f'],
              [1, 'participant.rejected', 'g'],
              [1, 'participant.left', 'e'], [1, 'room.finished']]
    );

    for my $room (sort keys %events) {
        my $seq = 0;

        for my $event (@{$events{$room}}) {
            my ($at, $type, $uid) = @$event;

            $seq++;

            # when it can have come

            my $b = 1000.3 + $at + ($at == 1 ? 0.3 : 0) + $seq / 20;

            $b += 0.8 if $type eq 'participant.left';
            $b += 0.8 if $type eq 'room.finished' && $room eq 'g';

            push @history, map {
                { k => 'event', app => $_, b => $b, e => $b + 0.01,
                  status => 200, room => $room, seq => $seq,
                  id => "$room$at$type-$seq", type => $type,
                  defined $uid ? (uid => $uid) : (), at => 1000 + $at,
                  state => $status{$room} }
            } 'one', 'two';
        }

        push @history, { k => 'room', room => $room, seq => $seq,
                         created => 1000.05,
                         ended => 1000.6 + $events{$room}[-1][0],
                         status => $status{$room},
                         members => $members{$room} };
    }

    push @history, map {
        { k => 'quiet', when => $_, fds => [30, 30], memory => [1e7, 1.1e7],
          redis_fds => 20, redis_memory => 1e6 }
    } qw(start end);

    return (@history, { k => 'end', e => 1020, map { $_ => [] }
                        qw(users deadlines queues due ringing) });
}


sub request {
    my ($op, $room, $at, %more) = @_;

    return { k => 'request', op => $op, room => $room, b => 1000 + $at,
             e => 1000.1 + $at, status => 200, %more };
}


# The event of a room by its number, at the first endpoint.

sub event {
    my ($history, $room, $seq) = @_;

    return (grep { $_->{k} eq 'event' && $_->{room} eq $room
                   && $_->{seq} == $seq && $_->{app} eq 'one' } @$history)[0];
}


sub kept {
    my ($history, $room) = @_;

    return (grep { $_->{k} eq 'room' && $_->{room} eq $room } @$history)[0];
}


sub broken {
    my ($spoil) = @_;
    my @history = history();

    $spoil->(\@history);

    my %rules = map { ($_->{rule} . (defined $_->{room} ? " $_->{room}" : '')
                       => 1) } Checker::check(@history);

    return join ', ', sort keys %rules;
}


sub finds {
    my ($what, $rules, $spoil) = @_;

    is(broken($spoil), $rules, $what);
}


sub without {
    my ($history, $code) = @_;

    @$history = grep { !$code->($_) } @$history;
}


finds('nothing', '', sub {});

finds('an event that did not come to one endpoint', 'delivery r', sub {
    my $lost = event($_[0], 'r', 2);

    without($_[0], sub { $_[0] == $lost });
});

finds('an event that was not accepted', 'delivery r', sub {
    my $event = event($_[0], 'r', 3);

    $event->{status} = 500;
});

finds('a room of which nobody knows', 'lost r', sub {
    without($_[0], sub { $_[0]{k} =~ /^(?:room|event)$/
                         && $_[0]{room} eq 'r' });
});

sub not_rejected {
    my ($history) = @_;
    my $kept = kept($history, 'r');

    @$kept{qw(status ended members)} = (6, 1003.6, { a => 4, b => 4 });

    for (grep { $_->{k} eq 'event' && $_->{room} eq 'r' && $_->{seq} > 1 }
              @$history)
    {
        $_->{type} = 'participant.missed' if $_->{seq} == 2;
        $_->{at} = 1003;
        $_->{b} += 3;
        $_->{e} += 3;
        $_->{state} = 6;
    }
}

finds('a rejection that was answered, and lost', 'lost r', \&not_rejected);

finds('one of two invited', 'delivery g, half g, invented g, lost g, told g',
      sub {
    without($_[0], sub { $_[0]{k} eq 'event' && $_[0]{room} eq 'g'
                         && $_[0]{seq} == 2 });
    $_->{uid} = 'x' for grep { $_->{k} eq 'event' && $_->{room} eq 'g'
                               && $_->{seq} == 6 } @{$_[0]};
});

finds('another end than Redis has', 'told r', sub {
    event($_[0], 'r', 3)->{state} = 2;
});

finds('another end of somebody', 'told m', sub {
    kept($_[0], 'm')->{members}{d} = 2;
});

finds('events in the wrong order', 'order r', sub {
    my $event = event($_[0], 'r', 3);

    $event->{b} = event($_[0], 'r', 2)->{b} - 0.01;
});

finds('of one change, side by side', '', sub {
    my ($one, $other) = map { event($_[0], 'g', $_) } 1, 2;

    $_->{id} = "g-$_->{seq}" for grep { $_->{k} eq 'event' && $_->{room} eq 'g'
                                        && $_->{seq} < 3 } @{$_[0]};
    $one->{b} = $other->{b};
});

finds('an event after the end', 'delivery r, told r', sub {
    for (grep { $_->{k} eq 'event' && $_->{room} eq 'r' } @{$_[0]}) {
        if ($_->{seq} == 3) {
            $_->{type} = 'room.started';
        } elsif ($_->{seq} == 2) {
            $_->{type} = 'room.finished';
        }
    }
});

finds('an event with two ids', 'delivery r', sub {
    push @{$_[0]}, { %{event($_[0], 'r', 1)}, id => 'x-1' };
});

finds('an event twice for no reason', 'duplicates, duplicates r', sub {
    push @{$_[0]}, { %{event($_[0], 'r', 1)}, b => 1002, e => 1002 };
});

finds('for a reason', '', sub {
    push @{$_[0]}, { %{event($_[0], 'r', 1)}, b => 1002, e => 1002 },
        { k => 'fault', kind => 'worker.kill', target => 0, b => 1001,
          e => 1001 };
});

finds('more often than can be', 'duplicates', sub {
    my $event = event($_[0], 'r', 1);

    push @{$_[0]}, (map { { %$event, b => 1002, e => 1002 } } 1 .. 3),
        { k => 'fault', kind => 'worker.kill', target => 0, b => 1001,
          e => 1001 };
});

finds('one who is stuck', 'stuck r', sub {
    $_->{users} = ['b in r'] for grep { $_->{k} eq 'end' } @{$_[0]};
});

finds('a room that goes on', 'stuck m, told m', sub {
    $_->{status} = 1 for grep { $_->{k} eq 'room' && $_->{room} eq 'm' }
                              @{$_[0]};
});

finds('a queue that is left', 'stuck q', sub {
    $_->{queues} = ['q'] for grep { $_->{k} eq 'end' } @{$_[0]};
});


sub later {
    my ($history, $seconds) = @_;

    for my $event (grep { $_->{k} eq 'event' && $_->{room} eq 'm'
                          && $_->{seq} > 1 } @$history)
    {
        $event->{$_} += $seconds for qw(b e at);
    }

    kept($history, 'm')->{ended} += $seconds;
}

finds('a deadline that is early', 'early m', sub { later($_[0], -2) });

finds('a deadline that is late', 'late m', sub { later($_[0], 7) });

finds('late after an outage', '', sub {
    later($_[0], 7);
    push @{$_[0]}, { k => 'fault', kind => 'redis.stop', target => 0,
                     b => 1003, e => 1008 };
});

finds('late while one of two nginx was away', 'late m', sub {
    later($_[0], 7);
    push @{$_[0]}, { k => 'fault', kind => 'nginx.stop', target => 0,
                     b => 1003, e => 1008 };
});

finds('late on a machine that stood still', '', sub {
    later($_[0], 7);
    push @{$_[0]}, { k => 'stall', b => 1003, e => 1008 };
});

finds('done after it was refused', 'invented r', sub {
    for (@{$_[0]}) {
        $_->{status} = 503 if $_->{k} eq 'request' && $_->{room} eq 'r';

        if ($_->{k} eq 'event' && $_->{room} eq 'r' && $_->{seq} > 1) {
            $_->{at} += 2;
            $_->{b} += 2;
            $_->{e} += 2;
        }
    }

    kept($_[0], 'r')->{ended} += 2;
});

finds('created after it was refused', 'invented r', sub {
    for (@{$_[0]}) {
        $_->{status} = 503 if $_->{k} eq 'request' && $_->{room} eq 'r';
        $_->{created} = 1000.2 if $_->{k} eq 'room' && $_->{room} eq 'r';
    }
});

# The callee of "m" has missed the call at a primary that was killed, and again
# at the one that took over, where each event has another id.

sub undone {
    my ($history, $at) = @_;

    push @$history, map {
        { %$_, id => "old-$_->{seq}", b => $_->{b} - 1, e => $_->{e} - 1,
          at => $_->{at} - 1 }
    } grep { $_->{k} eq 'event' && $_->{room} eq 'm' && $_->{seq} > 1
             && $_->{app} eq 'one' } @$history;
    push @$history, { k => 'switch', b => 1000 + $at, e => 1000 + $at };
}

finds('what a failover undid', '', sub { undone($_[0], 4) });

finds('what it cannot have undone', 'delivery m, told m', sub {
    undone($_[0], 12);
});

finds('undone without a failover', 'delivery m, told m', sub {
    undone($_[0], 4);
    without($_[0], sub { $_[0]{k} eq 'switch' });
});

finds('an answered one that was undone', 'told r', sub {
    my @rejected = map { { %{event($_[0], 'r', 2)}, id => 'old-2',
                           app => $_ } } 'one', 'two';

    not_rejected($_[0]);
    push @{$_[0]}, @rejected, { k => 'switch', b => 1002, e => 1002 };
});

finds('undone, and early', 'early m', sub {
    undone($_[0], 4);
    $_->{b} -= 2 for grep { $_->{id} && $_->{id} eq 'old-2' } @{$_[0]};
});

sub shifted {
    my ($history, $choice, $at) = @_;

    push @$history, { k => 'fault', kind => 'redis.clock', target => 0,
                      choice => $choice, b => 1000 + $at, e => 1001 + $at };
}

finds('early because the clock was shifted', '', sub {
    later($_[0], -2);
    shifted($_[0], 2, 0.1);
});

# the creator of "g" is closed before he comes, without an event

sub closed {
    my ($history) = @_;

    $_->{uid} = 'f' for grep { $_->{k} eq 'event' && $_->{room} eq 'g'
                               && $_->{type} eq 'participant.joined' }
                             @$history;
    push @$history, request('livekit.joined', 'g', 0.4, uid => 'f');
}

finds('a creator who has not joined', 'lost g', \&closed);

finds('a creator whose time was over by a shifted clock', '', sub {
    closed($_[0]);
    shifted($_[0], 2, 0.1);
});

finds('earlier than that', 'early m', sub {
    later($_[0], -3);
    shifted($_[0], 1, 0.1);
});

finds('early, and the clock was shifted before', 'early m', sub {
    later($_[0], -2);
    shifted($_[0], 2, -10);
});

sub at_the_end {
    my ($history) = @_;

    return (grep { $_->{k} eq 'quiet' && $_->{when} eq 'end' } @$history)[0];
}

finds('a descriptor that stays open', 'grown', sub {
    at_the_end($_[0])->{fds} = [30, 39];
});

finds('one of Redis', 'grown', sub { at_the_end($_[0])->{redis_fds} = 29 });

finds('a worker that grows', 'grown', sub {
    at_the_end($_[0])->{memory} = [1e7, 2e7];
});

finds('Redis that grows', 'grown', sub {
    at_the_end($_[0])->{redis_memory} = 6e6;
});

sub joined_later {
    my ($history) = @_;
    my ($joined) = grep { $_->{k} eq 'request'
                          && $_->{op} eq 'livekit.joined' } @$history;

    @$joined{qw(b e)} = (1001.4, 1001.45);

    return $joined;
}

finds('somebody who is there before anybody said so', 'invented g', sub {
    joined_later($_[0]);
});

finds('somebody whom LiveKit listed', '', sub {
    joined_later($_[0])->{since} = 1000.5;
});

finds('an alert', 'log', sub {
    push @{$_[0]}, { k => 'log', nginx => 0, line => '[alert] something' };
});

finds('a worker that crashed', 'log', sub {
    push @{$_[0]}, { k => 'killed', pid => 7 },
        { k => 'log', nginx => 0,
          line => '[alert] worker process 7 exited on signal 11' };
});

finds('one that was killed', '', sub {
    push @{$_[0]}, { k => 'killed', pid => 7 },
        { k => 'log', nginx => 0,
          line => '[alert] worker process 7 exited on signal 9' };
});

finds('a history that breaks off', 'run', sub {
    without($_[0], sub { $_[0]{k} eq 'end' });
});


# --- the schedule

my @one = Schedule::make(7, 60, 'single');

is_deeply([Schedule::make(7, 60, 'single')], \@one, 'a seed has one schedule');
isnt(join(' ', map { $_->{kind} } Schedule::make(8, 60, 'single')),
     join(' ', map { $_->{kind} } @one), 'another one has another');

my %kinds = map { $_ => 1 } Schedule::kinds();
my %made = map { $_->{kind} => 1 }
           map { Schedule::make($_, 60, $_ % 2 ? 'single' : 'sentinels') }
           1 .. 80;

is_deeply([sort keys %made], [sort keys %kinds],
          'no kind of fault is left out');

done_testing();
