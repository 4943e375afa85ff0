package Checker;

# Copyright (C) TgoRTC contributors
#
# What is wrong with a history of a run: a list of records, hashes with a "k":
#
#     run      what was configured
#     request  to the API or as LiveKit, from "b" to "e" (s since 1970): op,
#              room, uid or uids, status (0: no answer); since when LiveKit
#              lists who has joined
#     event    an attempt at an endpoint: app, b, e, status, room, seq, id,
#              type, uid, state (of the room), at (when it happened)
#     fault    from b to e: kind, target, choice
#     switch   from b on, which is e, another Redis was the primary
#     quiet    when nothing was under way (start, end): descriptors, memory
#     killed   the pid of a process of nginx
#     stall    from b to e nobody ran on this machine
#     room     as Redis had it at the end: status, created, ended, seq; members
#              and their status
#     gone     LiveKit has nobody any more, all have hung up
#     end      what Redis still had at the end that should have gone
#     log      a line of an nginx's log that no run may leave behind
#
# The rules are functions below; each returns [room, what is wrong] for every
# violation.  A time that something happened at is Redis's, in whole seconds; if
# that was shifted while there was the room, it may be off by as much ("skew").

use strict;
use warnings;

use List::Util qw(max min sum0);
use POSIX qw(ceil floor);

# seconds: what a deadline may be late in any case, how long LiveKit is waited
# for, how long after a fault everything is as before, how long an event may be
# leased after that, what an append-only file written each second may lack

my ($MARGIN, $ASK, $RECOVERY, $LEASE, $LOSS) = (1, 3, 2.5, 5, 2.5);

# seconds: how far a replica is behind, what a failover takes, how long after it
# some still ask the old primary

my ($LAG, $FAILOVER, $STALE) = (0.5, 3, 1.5);

# bytes: what a worker takes for connections and caches, Redis for its buffers
# and for a room that is remembered

my ($WORKER, $BUFFERS, $ROOM) = (8e6, 4e6, 12e3);

# descriptors that a slow machine had not opened yet when they were counted

my $OPENING = 7;

my @RULES = (
    ['lost',       \&lost],
    ['invented',   \&invented],
    ['half',       \&half],
    ['stuck',      \&stuck],
    ['delivery',   \&delivery],
    ['told',       \&told],
    ['order',      \&order],
    ['duplicates', \&duplicates],
    ['early',      \&early],
    ['late',       \&late],
    ['grown',      \&grown],
    ['log',        \&logged]
);

# how many ways are tried in which a failover may have undone something
my $WAYS = 200;

# the rules that can be held against a room alone
my @OF_A_ROOM = (\&lost, \&invented, \&half, \&delivery, \&told, \&order,
                 \&early, \&late);

my %NO_OUTAGE = map { $_ => 1 } qw(nginx.reload redis.flush);


# A list of hashes: rule, room (undef: of the run as a whole), text.

sub check {
    my (@records) = @_;
    my $it = sort_out(@records);
    my @wrong;

    return { rule => 'run', text => 'the history has no end' }
        if !$it->{run} || !$it->{end};

    my $exempt = exempt($it);

    for my $rule (@RULES) {
        my ($name, $code) = @$rule;

        push @wrong, map { { rule => $name, room => $_->[0],
                             text => $_->[1] } }
                     grep { $name eq 'stuck' || !defined $_->[0]
                            || !$exempt->{$_->[0]} } $code->($it);
    }

    return @wrong;
}


# run, end; lists: requests, events, faults, stalls, logs; switches as times;
# what was measured, by when; rooms by id, each with its requests and what Redis
# had, all events ("all"), those of changes that a failover undid ("undone"),
# the others ("events"), and of these the first with each number ("once").

sub sort_out {
    my (@records) = @_;
    my %it = map { $_ => [] } qw(requests events faults stalls logs switches);

    for my $record (@records) {
        my $k = $record->{k};

        if ($k =~ /^(?:run|gone|end)$/) {
            $it{$k} = $record;

        } elsif ($k eq 'killed') {
            $it{killed}{$record->{pid}} = 1;

        } elsif ($k eq 'switch') {
            push @{$it{switches}}, $record->{e};

        } elsif ($k eq 'quiet') {
            $it{quiet}{$record->{when}} = $record;

        } elsif ($k eq 'room') {
            $it{rooms}{$record->{room}}{kept} = $record;

        } elsif ($it{"${k}s"}) {
            push @{$it{"${k}s"}}, $record if !$record->{skipped};
            push @{$it{rooms}{$record->{room}}{"${k}s"}}, $record
                if defined $record->{room};
        }
    }

    for my $id (keys %{$it{rooms}}) {
        my $room = $it{rooms}{$id};

        $room->{$_} ||= [] for qw(requests events);
        $room->{all} = [sort { $a->{b} <=> $b->{b} } @{$room->{events}}];
        $room->{skew} = skew(\%it, @{$room->{requests}}, @{$room->{all}});
        $_->{skew} = $room->{skew} for @{$room->{all}};

        undo(\%it, $id);
    }

    return \%it;
}


# How far Redis's clock was off while this happened, or was remembered.

sub skew {
    my ($it, @records) = @_;
    my $begin = min(map { $_->{b} } @records);
    my $end = max(map { $_->{e} || $_->{b} } @records);

    return sum0(map { abs $_->{choice} }
                grep { $_->{kind} eq 'redis.clock' && @records
                       && $_->{b} < $end && $_->{e} + $RECOVERY > $begin }
                @{$it->{faults}});
}


# When a primary did what is lost with it: until another was it, and everybody
# knew; as a rule a fault made the sentinels replace it.

sub undoing {
    my ($it) = @_;

    return map {
        my $switch = $_;
        my @since = map { $_->{b} - $LAG }
                    grep { $_->{kind} =~ /^redis\.(?:kill|stop|failover)$/
                           && $_->{b} < $switch && $_->{e} > $switch }
                    @{$it->{faults}};

        [@since ? min(@since) : $switch - $FAILOVER, $switch + $STALE];
    } @{$it->{switches}};
}


# What had not reached the replica that took over is as if it had never been,
# but its events may have been delivered, and others have taken their numbers.
# Nobody knows which of them were undone: some must have been so that no rule is
# broken.

sub undo {
    my ($it, $id) = @_;
    my $room = $it->{rooms}{$id};
    my @ways = ways($it, $room);
    my ($best, $least);

    for my $way (@ways) {
        choose($room, $way);
        last if @ways == 1;

        my $alone = { %$it, rooms => { $id => $room } };
        my $n = () = map { $_->($alone) } @OF_A_ROOM;

        ($best, $least) = ($way, $n) if !defined $least || $n < $least;
    }

    choose($room, $best) if $best;
}


# Of a room: what of its events may have been undone, in each way that there is;
# as hashes by their ids.

sub ways {
    my ($it, $room) = @_;
    my @spans = undoing($it);
    my $last = $room->{kept} ? $room->{kept}{seq} : 0;
    my (%ids, %may);

    for my $event (@{$room->{events}}) {
        my ($since, $until) = happened($event);

        $ids{$event->{seq}}{$event->{id}} = 1;
        $may{$event->{id}} = 1
            if grep { $since < $_->[1] && $until > $_->[0] } @spans;
    }

    # all but one of those that have the same number

    my @ways = ({});

    for my $seq (sort { $a <=> $b } keys %ids) {
        my @ids = sort keys %{$ids{$seq}};
        my @undone = $seq > $last ? [grep { $may{$_} } @ids]
                     : map { my $kept = $_;
                             [grep { $_ ne $kept && $may{$_} } @ids] } @ids;

        splice @undone, 1 if @ways > $WAYS;

        @ways = map { my $way = $_;
                      map { { %$way, map { $_ => 1 } @$_ } } @undone } @ways;
    }

    return @ways;
}


sub choose {
    my ($room, $undone) = @_;
    my %once;

    $room->{undone} = [grep { $undone->{$_->{id}} } @{$room->{all}}];
    $room->{events} = [grep { !$undone->{$_->{id}} } @{$room->{all}}];

    for my $event (@{$room->{events}}) {
        $once{$event->{seq}} ||= $event;
    }

    $room->{once} = [map { $once{$_} } sort { $a <=> $b } keys %once];
}


# Rooms of which something may be lost, because Redis was killed and had not
# written all down: nothing is said of these but that they end.

sub exempt {
    my ($it) = @_;
    my %exempt;

    return {} if $it->{run}{fsync} ne 'everysec';

    for my $fault (grep { $_->{kind} =~ /^redis\.(?:kill|disk)/ }
                        @{$it->{faults}})
    {
        while (my ($id, $room) = each %{$it->{rooms}}) {
            $exempt{$id} = 1
                if grep { $_->{b} < $fault->{e} + $RECOVERY
                          && ($_->{e} || $_->{b}) > $fault->{b} - $LOSS }
                        @{$room->{requests}}, @{$room->{events}};
        }
    }

    return \%exempt;
}


# --- time

# when a request was over: without an answer it may be done a little later

sub over {
    my ($it, $request) = @_;

    return $request->{e} + ($request->{status} ? 0 : $it->{run}{timeout});
}


# when an event happened: not before, not after

sub happened {
    my ($event) = @_;

    return ($event->{at} - $event->{skew}, $event->{at} + 1 + $event->{skew});
}


# The length of the part of a time that belongs to one of these spans.

sub covered {
    my ($since, $end, @spans) = @_;
    my ($sum, $until) = (0, $since);

    for my $span (sort { $a->[0] <=> $b->[0] } @spans) {
        my $from = max($span->[0], $until);
        my $to = min($span->[1], $end);

        next if $to <= $from;

        $sum += $to - $from;
        $until = $to;
    }

    return $sum;
}


# When nobody could act on deadlines: Redis was not there for anybody, or
# neither nginx could do anything.

sub outages {
    my ($it) = @_;

    return @{$it->{outages}} if $it->{outages};

    my (@redis, @nginx);

    for my $fault (@{$it->{faults}}) {
        my $span = [$fault->{b}, $fault->{e} + $RECOVERY];
        my $kind = $fault->{kind};

        push @redis, $span if $kind =~ /^redis\./ && !$NO_OUTAGE{$kind};
        push @{$nginx[$fault->{target}]}, $span
            if $kind =~ /^(?:nginx|master|worker|link)\./
               && !$NO_OUTAGE{$kind};
    }

    for my $one (@{$nginx[0] || []}) {
        for my $other (@{$nginx[1] || []}) {
            my $both = [max($one->[0], $other->[0]),
                        min($one->[1], $other->[1])];

            push @redis, $both if $both->[1] > $both->[0];
        }
    }

    push @redis, map { [$_->{b}, $_->{e}] } @{$it->{stalls}};
    push @redis, map { [$_ - $FAILOVER, $_ + $RECOVERY] } @{$it->{switches}};
    $it->{outages} = \@redis;

    return @redis;
}


# How much later than at that time something happened than it may.

sub lateness {
    my ($it, $due, $event) = @_;
    my ($happened) = happened($event);

    return $happened - $due - $ASK - $MARGIN
           - covered($due, $happened, outages($it));
}


# --- what there is of a room

sub requests_of {
    my ($room, $op, $uid) = @_;

    return grep {
        $_->{op} =~ /^(?:$op)\z/
        && (!defined $uid || ($_->{uid} || '') eq $uid
            || grep { $_ eq $uid } @{$_->{uids} || []})
    } @{$room->{requests}};
}


sub events_of {
    my ($room, $type, $uid) = @_;

    return grep { $_->{type} =~ /^(?:$type)\z/
                  && (!defined $uid || ($_->{uid} || '') eq $uid) }
                @{$room->{once}};
}


# with the creator, who is not invited

sub invitees {
    my ($request) = @_;
    my @uids = @{$request->{uids} || []};

    shift @uids if $request->{op} eq 'create';

    return @uids;
}


my $CLOSED = 'participant\.(?:left|rejected|missed|cancelled)';


sub each_room(&$) {
    my ($code, $it) = @_;

    return map { my $id = $_;
                 map { [$id, $_] } $code->($it->{rooms}{$id}) }
           sort keys %{$it->{rooms}};
}


# --- the rules

# What was answered 200 was done: its consequences are in the events.

sub lost {
    my ($it) = @_;

    return each_room {
        my ($room) = @_;
        my @wrong;

        my ($finished) = events_of($room, 'room\.finished');
        my ($end) = $finished ? happened($finished) : 9e12;

        for my $request (grep { $_->{status} == 200 } @{$room->{requests}}) {
            my ($op, $uid, $e) = @$request{qw(op uid e)};

            if ($op eq 'create') {
                push @wrong, 'nobody knows the room'
                    if !$room->{kept} && !@{$room->{events}};
            }

            if ($op =~ /^(?:create|invite)$/ && $end > $e) {
                push @wrong, map { "$op: no invitation of $_" }
                    grep { !events_of($room, 'participant\.invited', $_) }
                    invitees($request);
            }

            if ($op eq 'join') {
                push @wrong, "join: $uid has missed the call all the same"
                    if grep { (happened($_))[0] > $e }
                            events_of($room, 'participant\.missed', $uid);
            }

            if ($op eq 'leave') {
                push @wrong, "leave: $uid is still there"
                    if !grep { (happened($_))[0] <= $e }
                             events_of($room, $CLOSED, $uid),
                             $finished ? $finished : ();
            }

            # a creator is closed without an event when he came too late

            if ($op eq 'livekit.joined' && $end > $e
                && !grep { $_->{uids}[0] eq $uid
                           && $e > $_->{b} + min(@{$it->{run}{ring}})
                                   - $room->{skew} }
                         requests_of($room, 'create'))
            {
                push @wrong, "LiveKit: $uid has not joined"
                    if !events_of($room, 'participant\.joined', $uid)
                       && !grep { (happened($_))[0] <= $e }
                                events_of($room, $CLOSED, $uid);
            }
        }

        return @wrong;
    } $it;
}


# What happened was asked for, and not after the answer, whatever it was.

my %CAUSE = (
    'participant.invited'   => ['create|invite'],
    'participant.rejected'  => ['leave'],
    'participant.cancelled' => ['leave|cancel'],
    'participant.joined'    => ['livekit\.joined']
);

sub invented {
    my ($it) = @_;
    my $run = $it->{run};

    return each_room {
        my ($room) = @_;
        my @wrong;

        for my $event (@{$room->{once}}, @{$room->{undone}}) {
            my $cause = $CAUSE{$event->{type}} or next;
            my ($uid, $type) = @$event{qw(uid type)};
            my @requests = requests_of($room, $cause->[0], $uid);

            # what LiveKit says may do it, now or after a grace

            next if $type eq 'participant.cancelled'
                    && requests_of($room, 'livekit\.(?:left|finished)');

            if (!@requests) {
                push @wrong, "$type of $uid: nobody asked for it";
                next;
            }

            my ($first, $last) = happened($event);
            my $until = max(map { over($it, $_) } @requests);

            # LiveKit's list may say it as well, at any time

            push @wrong, sprintf '%s of %s: %.1f s after the last answer',
                                 $type, $uid, $first - $until
                if $first > $until && $type ne 'participant.joined';
            push @wrong, "$type of $uid: before anybody asked for it"
                if $last < min(map { $_->{since} || $_->{b} } @requests);
        }

        if ($room->{kept}) {
            my $until = max(0, map { over($it, $_) }
                               requests_of($room, 'create'));

            push @wrong, sprintf 'created %.3f s after the last answer',
                                 $room->{kept}{created} - $until
                if $room->{kept}{created} > $until + $room->{skew};
        }

        return @wrong;
    } $it;
}


# A request was done for all that it names, or for nobody.

sub half {
    my ($it) = @_;

    return each_room {
        my ($room) = @_;
        my @wrong;

        for my $request (requests_of($room, 'create|invite')) {
            my @uids = invitees($request);
            my $n = grep { events_of($room, 'participant\.invited', $_) }
                         @uids;

            push @wrong, "$request->{op}: $n of " . @uids . ' invited'
                if $n != 0 && $n != @uids;
        }

        return @wrong;
    } $it;
}


# Nobody is busy, nothing waits when all is over.

sub stuck {
    my ($it) = @_;
    my $end = $it->{end};

    my @wrong = map { my $what = $_;
                      map { [(/^\S+ in (\S+)$/)[0] || (/^(\S+)$/)[0], # a room
                             "$what: $_"] } @{$end->{$what} || []} }
                qw(users deadlines queues due ringing);

    push @wrong, each_room {
        my ($room) = @_;
        my $kept = $room->{kept};

        return $kept && $kept->{status} <= 1 ? 'has not ended' : ();
    } $it;

    return @wrong;
}


# Every event came to every endpoint, without gaps; the end of the room once
# and last.

sub delivery {
    my ($it) = @_;
    my $run = $it->{run};

    return each_room {
        my ($room) = @_;
        my (@wrong, %all);

        for my $app (@{$run->{apps}}, $run->{extra}) {
            my (%id, %type, %accepted);

            for my $event (grep { $_->{app} eq $app } @{$room->{events}}) {
                my $seq = $event->{seq};

                push @wrong, "$app: $seq has two ids"
                    if ($id{$seq} ||= $event->{id}) ne $event->{id};
                push @wrong, "$app: $seq is another event than elsewhere"
                    if ($all{$seq} ||= "$event->{id} $event->{type}")
                       ne "$event->{id} $event->{type}";

                $type{$seq} = $event->{type};
                $accepted{$seq} = 1 if $event->{status} =~ /^2/;
            }

            # the one that comes and goes may lack the first ones, or all

            my @seqs = sort { $a <=> $b } keys %accepted;
            my $first = $app eq $run->{extra} ? $seqs[0] : 1;

            next if !defined $first || !@seqs && !keys %id && !$room->{kept};

            my $last = max($room->{kept} ? $room->{kept}{seq} : 0, keys %type);

            push @wrong, map { "$app: $_ did not come" }
                         grep { !$accepted{$_} } $first .. $last;

            my @finished = grep { $type{$_} eq 'room.finished' } keys %type;

            push @wrong, "$app: room.finished is @finished of $last"
                if "@finished" ne $last;
        }

        return @wrong;
    } $it;
}


# What the events tell is what Redis has.  Who has joined by the API alone was
# told of by no event.

my %STATUS = (rejected => 2, left => 3, missed => 4);

sub told {
    my ($it) = @_;

    return each_room {
        my ($room) = @_;
        my $kept = $room->{kept} or return;
        my (@wrong, %last);

        for my $event (@{$room->{once}}) {
            my ($what) = $event->{type} =~ /^participant\.(\w+)/;

            $last{$event->{uid}} = $what if $what;

            push @wrong, sprintf 'it ended with %d at %d, and has %d at %d',
                                 @$event{qw(state at)},
                                 @$kept{qw(status ended)}
                if $event->{type} eq 'room.finished'
                   && ($event->{state} != $kept->{status}
                       || $event->{at} != int $kept->{ended});
        }

        for my $uid (sort keys %{$kept->{members}}) {
            my $status = $kept->{members}{$uid};
            my $told = $last{$uid} || '';

            next if requests_of($room, 'join', $uid);

            push @wrong, "$uid has status $status, but " . ($told || 'nothing')
                         . ' was told last'
                if $status != ($STATUS{$told} || $status)
                   || $status == 2 && $told ne 'rejected';
        }

        return @wrong;
    } $it;
}


# An event is not sent before the change before it was accepted.  Those of one
# type from one change are sent side by side.

sub order {
    my ($it) = @_;

    return each_room {
        my ($room) = @_;
        my (%first, %accepted, @wrong);

        for my $event (@{$room->{events}}) {
            my ($app, $seq) = @$event{qw(app seq)};

            $first{$app}{$seq} ||= $event;
            next if $event->{status} !~ /^2/;
            $accepted{$app}{$seq} = $event->{e}
                if !defined $accepted{$app}{$seq}
                   || $event->{e} < $accepted{$app}{$seq};
        }

        for my $app (sort keys %first) {
            my @seqs = sort { $a <=> $b } keys %{$first{$app}};

            for my $i (1 .. $#seqs) {
                my $event = $first{$app}{$seqs[$i]};
                my $before = $first{$app}{$seqs[$i - 1]};
                my $accepted = $accepted{$app}{$seqs[$i - 1]};

                next if change($event) eq change($before);

                push @wrong, "$app: $seqs[$i] came before $seqs[$i - 1] was "
                             . 'accepted'
                    if !defined $accepted || $event->{b} < $accepted;
            }
        }

        return @wrong;
    } $it;
}


sub change {
    my ($event) = @_;

    return ($event->{id} =~ /^(.*)-/)[0] . " $event->{type}";
}


# An event that was accepted comes again only because of a fault nearby, and
# not more of them than were under way.

sub duplicates {
    my ($it) = @_;
    my $run = $it->{run};
    my (@wrong, %repeats);

    my @stalls = grep { $_->{e} - $_->{b} > 0.5 } @{$it->{stalls}};
    my @switches = map { { b => $_->[0], e => $_->[1] } } undoing($it);

    for my $app (@{$run->{apps}}, $run->{extra}) {
        my $n = { one => 0, two => 1 }->{$app};
        my ($bound, @causes, %accepted) = (0);

        for my $fault (@{$it->{faults}}) {
            my ($what, $how) = split /\./, $fault->{kind};
            my $workers = $what eq 'worker' ? 1
                          : $what =~ /^(?:nginx|master|link)$/
                            ? $run->{workers}
                          : $what =~ /^(?:redis|replica)$/ ? 2 * $run->{workers}
                          : $what eq 'app' && defined $n
                            && $n == $fault->{target} ? 2 * $run->{workers}
                          : 0;

            next if !$workers || $how =~ /^(?:reload|flush|full)$/
                    || $fault->{kind} eq 'nginx.clock';

            $bound += $workers * $run->{in_flight}
                      * (1 + ceil(($fault->{e} - $fault->{b})
                                  / $run->{hook_timeout}));
            push @causes, $fault;
        }

        for my $at (@stalls, @switches) {
            $bound += 2 * $run->{workers} * $run->{in_flight};
            push @causes, $at;
        }

        for my $event (sort { $a->{b} <=> $b->{b} }
                       grep { $_->{app} eq $app } @{$it->{events}})
        {
            my $accepted = $accepted{$event->{id}};
            my $after = $LEASE + $RECOVERY + 2 * $run->{hook_timeout}
                        + $event->{skew};

            if (defined $accepted && $event->{b} > $accepted) {
                $repeats{$app}++;

                push @wrong, [$event->{room}, "$app: $event->{seq} came again, "
                                              . 'without a reason']
                    if !grep { $_->{b} <= $event->{b}
                               && $_->{e} + $after >= $accepted } @causes;
            }

            $accepted{$event->{id}} = $event->{e}
                if $event->{status} =~ /^2/ && !defined $accepted;
        }

        my $repeats = $repeats{$app} || 0;

        push @wrong, [undef, "$app: $repeats events came twice, at most $bound "
                             . 'were under way']
            if $repeats > $bound;
    }

    return @wrong;
}


# No deadline before its time.

sub early {
    my ($it) = @_;
    my $run = $it->{run};
    my ($ring, $join) = (min(@{$run->{ring}}), min(@{$run->{join}}));
    my $grace = $run->{grace};

    return each_room {
        my ($room) = @_;
        my @wrong;

        for my $event (grep { $_->{type} =~ /^participant\.(?:missed|left)$/ }
                            @{$room->{once}}, @{$room->{undone}})
        {
            my ($type, $uid) = @$event{qw(type uid)};
            my @causes;

            if ($type eq 'participant.missed') {
                @causes = map { $_->{b} + $ring }
                              requests_of($room, 'create|invite', $uid);

            } else {
                @causes = (
                    (map { $_->{b} } requests_of($room, 'leave', $uid)),
                    (map { $_->{b} + $join } requests_of($room, 'join', $uid)),
                    (map { $_->{b} + (($_->{reason} || '')
                                      eq 'ROOM_DELETED' ? 0 : $grace) }
                         requests_of($room, 'livekit\.left', $uid)),
                    (map { $_->{b} } requests_of($room, 'livekit\.finished'))
                );
            }

            if (!@causes) {
                push @wrong, "$type of $uid: for no reason";
                next;
            }

            my $due = min(@causes);
            my $early = $due - $event->{b};

            push @wrong, sprintf '%s of %s: %.2f s too early', $type, $uid,
                                 $early
                if $early > 0.01 + $room->{skew};
        }

        return @wrong;
    } $it;
}


# No deadline later than its time, LiveKit's word and outages allowed for.

sub late {
    my ($it) = @_;
    my $run = $it->{run};
    my ($ring, $join) = (max(@{$run->{ring}}), max(@{$run->{join}}));

    return each_room {
        my ($room) = @_;
        my @wrong;

        for my $event (@{$room->{once}}) {
            my ($type, $uid) = @$event{qw(type uid)};
            my @causes;

            if ($type eq 'participant.missed') {
                @causes = map { over($it, $_) + $ring }
                              requests_of($room, 'create|invite', $uid);

            } elsif ($type eq 'participant.left') {
                @causes = ((map { over($it, $_) + $join }
                            requests_of($room, 'leave|join|livekit\..*',
                                        $uid),
                            requests_of($room, 'livekit\.finished')));

            } elsif ($type eq 'room.finished') {
                # a call goes on for as long as LiveKit lists somebody

                @causes = map { $_ + $run->{age} }
                    (map { over($it, $_) } @{$room->{requests}}),
                    $it->{gone} && requests_of($room, 'livekit\.joined')
                        ? $it->{gone}{e} : ();
            }

            next if !@causes;

            my $late = lateness($it, max(@causes), $event);

            push @wrong, sprintf '%s%s: %.2f s later than it may be', $type,
                                 defined $uid ? " of $uid" : '', $late
                if $late > 0;
        }

        return @wrong;
    } $it;
}


# Nothing that a run takes is kept, but for the rooms in Redis.

sub grown {
    my ($it) = @_;
    my ($start, $end) = @{$it->{quiet} || {}}{qw(start end)};
    my @wrong;

    return [undef, 'nothing was measured'] if !$start || !$end;

    my $rooms = keys %{$it->{rooms}};
    my $worker = max(@{$end->{memory}}) - max(@{$start->{memory}});
    my $redis = $end->{redis_memory} - $start->{redis_memory};

    push @wrong, map { "descriptors of nginx $_: $start->{fds}[$_], then "
                       . $end->{fds}[$_] }
                 grep { $end->{fds}[$_] > $start->{fds}[$_] + $OPENING } 0, 1;
    push @wrong, "descriptors of Redis: $start->{redis_fds}, then "
                 . $end->{redis_fds}
        if $end->{redis_fds} > $start->{redis_fds} + $OPENING;
    push @wrong, "a worker takes $worker bytes more" if $worker > $WORKER;
    push @wrong, "Redis takes $redis bytes more, for $rooms rooms"
        if $redis > $BUFFERS + $ROOM * $rooms;

    return map { [undef, $_] } @wrong;
}


# Only what the faults explain.

sub logged {
    my ($it) = @_;

    return map { [undef, "nginx $_->{nginx}: $_->{line}"] } grep {
        !($_->{line} =~ / process (\d+) exited on signal 9\b/
          && $it->{killed}{$1})
    } @{$it->{logs}};
}


# --- to be read

# A room's part of a history, or the faults alone, times from the beginning.

sub part {
    my ($room, @records) = @_;
    my $start = min(map { $_->{b} || () } @records) || 0;

    return join '', map {
        my ($k, $since, $until) = @$_{qw(k b e)};

        my $text = $k eq 'request'
            ? "$_->{op} " . ($_->{uid} || join ',', @{$_->{uids} || []})
              . " -> $_->{status}" . (defined $_->{said} ? " $_->{said}" : '')
            : $k eq 'event'
            ? "$_->{app} got $_->{seq} $_->{type} " . ($_->{uid} || '')
              . " of $_->{at} -> $_->{status}"
            : $k eq 'switch' ? '*** another primary'
            : "*** $_->{kind} $_->{target}"
              . (defined $_->{choice} ? " $_->{choice}" : '')
              . ($_->{skipped} ? ' (skipped)' : '');

        sprintf "%8.3f %8.3f  %s\n", $since - $start,
                ($until || $since) - $start, $text;
    } sort { $a->{b} <=> $b->{b} } grep {
        $_->{k} =~ /^(?:fault|switch)$/
        || defined $room && ($_->{room} || '') eq $room && $_->{b}
    } @records;
}


1;
