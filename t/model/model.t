#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# Random sequences of API calls and LiveKit events against a small independent
# machine of what docs/ says (Model.pm): after each step the answer, all rooms
# and what everybody's sync says are compared, at the end the events.
#
#     SEED    of the first sequence; the next ones have the seeds after it
#     ROUNDS  how many sequences
#     STEPS   of a sequence
#     JOBS    sequences with short deadlines that run side by side
#     SHRINK  seconds that may be spent on making a sequence shorter
#
# Every third sequence (by its seed) has short deadlines.  Nothing is decided
# by how fast anything is: a deadline is far away while a step is done, or is
# waited for; a sequence that was held up is done again.
#
# A difference is shown with its seed and the shortest sequence that has it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", $FindBin::Bin;

use JSON::PP;
use List::Util qw(max min);
use Test::More;
use Time::HiRes qw(sleep time);

use Model;
use Server;
use Steps;
use TgoRTC::Live qw(background sanitized wait_for);

my $SEED = defined $ENV{SEED} ? $ENV{SEED} : 1;
my $ROUNDS = $ENV{ROUNDS} || (sanitized() ? 30 : 400);
my $STEPS = $ENV{STEPS} || 25;
my $JOBS = $ENV{JOBS} || 30;

# seconds: what a step may take, how far apart the deadlines of a room are, how
# late one may be noticed

my $NEAR = 0.2;
my $APART = 0.35;
my $LATE = 3;

my $json = JSON::PP->new->canonical->utf8->allow_nonref;
my $server = Server->new;
my $played = 0;


# --- one sequence

# What came of it: "different" with the text of the difference; "late" if it
# was held up, so that nothing can be said.

sub play {
    my ($steps, $app, $prefix) = @_;

    my $self = bless {
        app => $app, prefix => "$prefix-" . ++$played . '-', done => 0,
        states => [Model->new(%{$Server::TIME{$app}})], id => {}, counts => {},
        uids => [Steps::users()], skipped => 0
    };

    my %aliases = map { $_->{room} => 1 } grep { $_->{room} } @$steps;

    $self->{aliases} = [sort keys %aliases];
    $self->{id}{$_} = $self->{prefix} . $_ for keys %aliases;
    $self->{uids} = [map { $self->{prefix} . $_ } Steps::users()];

    my $done = eval {
        $self->do_step($_) for @$steps;
        $self->finish;
        1;
    };

    if (!$done) {
        my $error = ref $@ ? $@ : { different => "died: $@" };

        $self->{$_} = $error->{$_} for keys %$error;

        $server->ask('POST', "/$app/rooms/$_/end", {})
            for values %{$self->{id}};
    }

    return $self;
}


# the step with names of this sequence's own

sub own {
    my ($self, $step) = @_;
    my %own = %$step;

    $own{room} = $self->{id}{$step->{room}} if $step->{room};

    for my $name (qw(uid sid rsid id)) {
        $own{$name} = $self->{prefix} . $own{$name} if defined $own{$name};
    }

    $own{uids} = [map { $self->{prefix} . $_ } @{$own{uids}}] if $own{uids};

    return \%own;
}


sub late { die { late => 1 } }


sub explore {
    my ($self, $code) = @_;
    my @found = map { $_->explore($code) } @{$self->{states}};

    return @found;
}


sub keep {
    my ($self, @states) = @_;
    my %seen;

    @states = grep { !$seen{$_->fingerprint}++ } @states if @states > 1;
    $self->{states} = \@states;
}


sub advance {
    my ($self, $now) = @_;

    $self->keep(map { $_->[0] } $self->explore(sub { $_[0]->advance($now) }));
}


sub next_deadline {
    my ($self, @states) = @_;

    @states = @{$self->{states}} if !@states;

    return min(grep { defined } map { $_->next_deadline } @states);
}


# Waits until no deadline is near.

sub settle {
    my ($self) = @_;
    my $crossed = 0;

    for ( ;; ) {
        my $next = $self->next_deadline;

        last if !defined $next || $next > time + $NEAR;

        my $wait = $next + 0.03 - time;

        sleep $wait if $wait > 0;
        $self->advance(time);
        $crossed = 1;
    }

    $self->compare('after a deadline', undef, $LATE) if $crossed;
}


sub wait_step {
    my ($self) = @_;
    my $next = $self->next_deadline;

    return if $self->{app} eq 'long' || !defined $next;

    my $wait = $next + 0.03 - time;

    sleep $wait if $wait > 0;
    $self->advance(time);
    $self->settle;
    $self->compare('after a deadline', undef, $LATE);
}


# Puts a step off for as long as its deadlines would be near to others.

sub apart {
    my ($self, $step) = @_;

    return if $self->{app} eq 'long';

    for (1 .. 100) {
        my $now = time;
        my $near = 0;

        for my $found ($self->explore(sub { $_[0]->advance($now);
                                            $_[0]->apply($step) }))
        {
            for my $room (values %{$found->[0]{rooms}}) {
                my @times = sort { $a <=> $b } Model::deadlines($room);

                for my $i (1 .. $#times) {
                    my $gap = $times[$i] - $times[$i - 1];

                    $near = 1 if $gap > 1e-6 && $gap < $APART;
                }
            }
        }

        return if !$near;

        sleep 0.05;
        $self->settle;
    }
}


# When a session was made, in ms: when it is first heard of, and in no ms in
# which something else was done.

sub made {
    my ($self, $sid) = @_;

    if (!$self->{made}{$sid}) {
        sleep 0.001;
        $self->{made}{$sid} = int(1000 * time);
    }

    return $self->{made}{$sid};
}


sub do_step {
    my ($self, $step) = @_;

    $self->{current} = $step;
    $self->{done}++;
    $self->settle;

    if ($step->{op} eq 'wait') {
        $self->wait_step;
        return;
    }

    my $own = $self->own($step);

    if (grep { $_->unspecified($own) } @{$self->{states}}) {
        $self->{skipped}++;
        return;
    }

    $self->apart($own);

    $own->{ms} = $self->made($own->{sid}) if defined $own->{sid};

    if ($step->{op} eq 'begin') {
        sleep 0.002;
        return;
    }

    my $before = $self->next_deadline;
    my $began = time;
    my $answer = $server->step($self->{app}, $own);
    my $now = time;

    # the room's own id, or one that nothing has

    if ($step->{unnamed}) {
        my $data = eval { $json->decode($answer->{body}) };

        $own->{room} = $answer->{status} == 200 && ref $data eq 'HASH'
                       && $data->{room_id} || "$self->{prefix}none";
        $self->{id}{$step->{room}} = $own->{room} if $answer->{status} == 200;
    }

    late() if $now > $began + $NEAR / 2 || defined $before && $now > $before;

    my @found = $self->explore(sub { $_[0]->advance($now);
                                     $_[0]->apply($own) });

    $self->compare('answer', [$answer, @found], 0);
}


# --- comparing

# All states are compared with what the server shows; those that differ are
# dropped.  The found are pairs of a state and of the expected answer.

sub compare {
    my ($self, $what, $found, $patience) = @_;
    my ($answer, @found) = @{$found || [undef, map { [$_] }
                                               @{$self->{states}}]};
    my $until = time + $patience;

    for ( ;; ) {
        my $shown = $self->look;
        my $next = $self->next_deadline(map { $_->[0] } @found);

        late() if defined $next && time > $next - 0.02;

        my (@same, $least);

        for my $pair (@found) {
            my ($state, $expected) = @$pair;
            my @wrong = ($answer ? answers($answer, $expected) : (),
                         $self->shows($shown, $state));

            push @same, $state if !@wrong;
            $least = \@wrong if !$least || @wrong < @$least;
        }

        if (@same) {
            $self->keep(@same);
            return;
        }

        die { different => join '', map { "$_\n" } @$least }
            if time > $until;

        sleep 0.02;
    }
}


sub device {
    my ($self, $i) = @_;
    my @devices = Steps::devices();

    return $devices[($self->{done} + $i) % @devices];
}


sub look {
    my ($self) = @_;
    my $app = $self->{app};
    my %shown;

    for my $alias (@{$self->{aliases}}) {
        my $id = $self->{id}{$alias};

        $shown{room}{$id} = $server->ask('GET', "/$app/rooms/$id");
    }

    for my $i (0 .. $#{$self->{uids}}) {
        my $uid = $self->{uids}[$i];
        my $device = $self->device($i);

        $shown{sync}{$uid} = $server->ask('GET', "/$app/rooms/sync?uid=$uid"
                                                 . "&device_type=$device");
    }

    return \%shown;
}


sub shows {
    my ($self, $shown, $state) = @_;
    my @wrong;

    for my $id (sort keys %{$shown->{room}}) {
        my $got = $shown->{room}{$id};

        push @wrong, map { "GET $id: $_" } answers($got, $state->look($id));
    }

    for my $i (0 .. $#{$self->{uids}}) {
        my $uid = $self->{uids}[$i];
        my $device = $self->device($i);
        my $expected = $state->sync($uid, $device);

        push @wrong, map { "sync of $uid on $device: $_" }
                         answers($shown->{sync}{$uid}, $expected);
    }

    return @wrong;
}


# How an answer differs from what is expected; nothing if it does not.

sub answers {
    my ($got, $expected) = @_;
    my $status = $expected->{status};

    return "status $got->{status} $got->{body}, expected $status"
        if $got->{status} != $status;

    return $got->{body} eq '' ? () : 'a body' if !ref $expected->{body}
                                                && $status == 200;

    my $data = eval { $json->decode($got->{body}) };

    return "not JSON: $got->{body}" if !defined $data;
    return failure($data, $expected) if $status != 200;

    return differ($got->{body}, $data, $expected->{body})
        if ref $data ne 'ARRAY' || ref $expected->{body} ne 'ARRAY'
           || @$data != @{$expected->{body}};

    return map { differ($got->{body}, $data->[$_], $expected->{body}[$_]) }
               0 .. $#$data;
}


sub failure {
    my ($data, $expected) = @_;
    my $message = ref $data eq 'HASH' ? $data->{message} : undef;

    return 'no error object' if !defined $message || $message eq '';
    return "code $data->{code}" if $data->{code} ne $expected->{status};
    return map { index($message, $_) < 0 ? "does not name $_: $message" : () }
               @{$expected->{names}};
}


sub differ {
    my ($body, $got, $expected) = @_;

    return "got $body, expected " . plain($expected)
        if ref $got ne ref $expected;
    return if ref $got ne 'HASH';
    return %$got ? "got $body, expected {}" : () if !%$expected;

    my %got = %$got;
    my %expected = %$expected;
    my @wrong;

    push @wrong, "created_at: $body"
        if ($got{created_at} || '') !~ /^\d+$/;

    if (my $people = delete $expected{participants}) {
        my $duration = delete $expected{duration};
        my $ended = delete $expected{ended};

        $got{duration} = 0 if !defined $got{duration};
        push @wrong, "duration $got{duration}, expected $duration"
            if $ended && abs($got{duration} - $duration)
                         > ($duration ? 1.2 : 0);
        push @wrong, "ended_at: $body"
            if $ended xor ($got{ended_at} || 0) =~ /^[1-9]\d*$/;

        my @got = map { person($_) } @{$got{participants} || []};
        my @people = map { person($_) } @$people;

        push @wrong, "participants [@got], expected [@people]"
            if "@got" ne "@people";

    } else {
        push @wrong, "token: $body"
            if ($got{token} || '') !~ /^[\w-]+(?:\.[\w-]+){2}$/;

        $got{uids} = [sort @{$got{uids} || []}]
            if !grep { $expected{uids}[$_ - 1] gt $expected{uids}[$_] }
                     1 .. $#{$expected{uids}};
    }

    for my $name (sort keys %expected) {
        my $is = plain($got{$name});
        my $wanted = plain($expected{$name});

        push @wrong, "$name $is, expected $wanted" if $is ne $wanted;
    }

    return @wrong;
}


sub person {
    my ($p) = @_;
    my $device = defined $p->{device_type} ? $p->{device_type} : '';

    return join ':', $p->{uid}, $p->{status}, $device,
                     $p->{connected} ? 'connected' : 'away';
}


# numbers as text

sub plain {
    my ($value) = @_;

    return 'nothing' if !defined $value;
    return '[' . join(' ', map { plain($_) } @$value) . ']'
        if ref $value eq 'ARRAY';
    return $json->encode($value) if ref $value;
    return "$value";
}


# --- the end of a sequence

sub finish {
    my ($self) = @_;
    my $i = 0;

    if ($self->{app} eq 'short') {
        while (defined $self->next_deadline && ++$i < 20) {
            $self->{current} = { op => 'wait' };
            $self->wait_step;
        }
    }

    $self->settle;
    $self->invariants;

    $self->do_step({ op => 'end', room => $_ }) for @{$self->{aliases}};

    $self->invariants;
    $self->compare_events;
}


sub invariants {
    my ($self) = @_;
    my $state = $self->{states}[0];
    my $app = $self->{app};
    my $users = $server->users($app);
    my $expected = $state->users;
    my %ours = map { $_ => 1 } values %{$self->{id}};
    my %live = map { $_->{id} => 1 } grep { Model::live($_) }
                                          values %{$state->{rooms}};

    my @users = map { "$_ in $users->{$_}" }
        sort grep { defined $users->{$_} } @{$self->{uids}};
    my @should = map { "$_ in $expected->{$_}" } sort keys %$expected;
    my @deadlines = sort grep { $ours{$_} } $server->deadlines($app);
    my @live = sort keys %live;

    die { different => "users in Redis: @users\nactive: @should\n" }
        if "@users" ne "@should";
    die { different => "rooms with a deadline: @deadlines\nlive: @live\n" }
        if "@deadlines" ne "@live";
}


sub compare_events {
    my ($self) = @_;
    my @states = @{$self->{states}};
    my %events;

    $self->{current} = { op => 'wait' };

    for my $id (map { $_->{id} } values %{$states[0]{rooms}}) {
        my $least = min(map { scalar @{$_->room($id)->{events}} } @states);

        wait_for(sub {
            return 0 if $server->count($id) < $least;

            my @got = $server->events($id);
            my ($last) = map { $_->{head}{'x-event-seq'} }
                grep { $_->{head}{'x-event-type'} eq 'room.finished' } @got;

            return $last && @got >= $last;
        }, 10);

        $events{$id} = [$server->events($id)];
        $self->{counts}{$id} = @{$events{$id}};

        my @wrong = arrival(@{$events{$id}});
        die { different => join '', map { "$id: $_\n" } @wrong } if @wrong;
    }

    my ($least, @same);

    for my $state (@states) {
        my @wrong;

        for my $id (sort keys %events) {
            my @differ = stream($state->room($id), @{$events{$id}});

            push @wrong, map { "$id: $_" } @differ;
        }

        push @same, $state if !@wrong;
        $least = \@wrong if !$least || @wrong < @$least;
    }

    die { different => join '', map { "$_\n" } @$least } if !@same;

    $self->keep(@same);
}


# What holds of any room's events, whatever happened.

sub arrival {
    my (@events) = @_;
    my @seqs = map { $_->{head}{'x-event-seq'} } @events;
    my @types = map { $_->{head}{'x-event-type'} } @events;
    my @wrong;

    push @wrong, "the events have the numbers @seqs"
        if join(' ', sort { $a <=> $b } @seqs) ne join ' ', 1 .. @events;

    my @finished = grep { $types[$_] eq 'room.finished' } 0 .. $#types;

    push @wrong, "room.finished is not once and last: @types"
        if @finished != 1 || $seqs[$finished[0]] != @events;

    # only events of one type travel side by side

    for my $i (0 .. $#seqs) {
        push @wrong, "$types[$i] came out of turn: @seqs (@types)"
            if grep { $seqs[$_] > $seqs[$i] && $types[$_] ne $types[$i] }
                    0 .. $i - 1;
    }

    for my $event (@events) {
        my $head = $event->{head};

        push @wrong, "the address is $event->{line}"
            if $event->{line} !~ m{^POST\ /hook\?event_type=([\w.]+)
                                   &event_id=([^&\ ]+)\ HTTP/1\.1$}x
               || $1 ne $head->{'x-event-type'} || $2 ne $head->{'x-event-id'};
    }

    return @wrong;
}


# The events of a room by their number, those of one type from one change in
# any order.

sub stream {
    my ($room, @events) = @_;
    my @expected = @{$room->{events}};
    my @wrong;

    @events = sort { $a->{head}{'x-event-seq'} <=> $b->{head}{'x-event-seq'} }
                   @events;

    my @types = map { my $uid = $_->{body}{uid};
                      $_->{head}{'x-event-type'} . ($uid ? " $uid" : '') }
                    @events;
    my @should = map { $_->{type} . ($_->{uid} ? " $_->{uid}" : '') }
                     @expected;

    return 'events [' . join(', ', @types) . '], expected ['
           . join(', ', @should) . ']' if @events != @expected;

    while (@expected) {
        my $n = 1;

        $n++ while $n < @expected && $expected[$n]{type} eq $expected[0]{type}
                   && $expected[$n]{change} == $expected[0]{change};

        my @got = sort map { said($_) } splice @events, 0, $n;
        my @now = splice @expected, 0, $n;
        my @said = sort map { expected_event($room, $_) } @now;

        for my $i (0 .. $#got) {
            push @wrong, "event $got[$i]\n  expected $said[$i]"
                if $got[$i] ne $said[$i];
        }
    }

    return @wrong if @wrong;

    # durations are of whole seconds, ours are not

    my ($finished) = grep { $_->{type} eq 'room.finished' }
                          @{$room->{events}};
    my $duration = $room->{finished_duration};

    return if !defined $duration;
    return if $finished->{duration} == 0 ? $duration == 0
              : abs($duration - $finished->{duration}) < 1.2;
    return "the duration is $duration, expected $finished->{duration}";
}


my @BODY = qw(room_id creator rtc_type invite_on status max_participants uids);

sub said {
    my ($event) = @_;
    my $body = $event->{body};
    my $type = $event->{head}{'x-event-type'};
    my %said = (type => $type);

    $said{$_} = plain($body->{$_}) for @BODY;
    $said{uid} = $body->{uid} if defined $body->{uid};

    for my $name (qw(invited_uids missed_uids)) {
        $said{$name} = plain($body->{$name}) if defined $body->{$name};
    }

    $said{device_type} = $body->{device_type}
        if defined $body->{device_type} && $body->{device_type} ne '';
    $said{times} = 'wrong'
        if grep { ($body->{$_} || '') !~ /^\d+$/ } qw(created_at updated_at);
    $said{duration} = $body->{duration} if $type ne 'room.finished';

    return $json->encode(\%said);
}


sub expected_event {
    my ($room, $event) = @_;
    my $type = $event->{type};

    my %said = (
        type => $type, room_id => $room->{id}, creator => $room->{creator},
        rtc_type => "$room->{rtc_type}", invite_on => "$room->{invite_on}",
        status => "$event->{status}", max_participants => "$room->{max}",
        uids => plain($event->{uids})
    );

    $said{uid} = $event->{uid} if defined $event->{uid};
    $said{device_type} = $event->{device}
        if defined $event->{device} && $event->{device} ne '';
    $said{invited_uids} = "[$event->{uid}]" if $type =~ /invited$/;
    $said{missed_uids} = "[$event->{uid}]" if $type =~ /missed$/;
    $said{duration} = 0 if $type ne 'room.finished';

    return $json->encode(\%said);
}


# --- sequences

sub app_of { return $_[0] % 3 ? 'long' : 'short' }


sub sequence {
    my ($seed) = @_;
    my $app = app_of($seed);

    return Steps::sequence($seed, $STEPS, $app eq 'short',
                           %{$Server::TIME{$app}});
}


# Once more if it was held up.

sub try {
    my ($steps, $app, $prefix) = @_;
    my $result;

    for (1 .. 4) {
        $result = play($steps, $app, $prefix);
        last if !$result->{late};
    }

    return $result;
}


# Leaves out what the difference does not need.

sub shrink {
    my ($steps, $result, $app, $prefix) = @_;
    my $until = time + (defined $ENV{SHRINK} ? $ENV{SHRINK} : 60);
    my @steps = @$steps;

    splice @steps, $result->{done};

    for (my $size = int(@steps / 2) || 1; $size; $size = int($size / 2)) {
        my $at = @steps - $size;

        while ($at >= 0 && time < $until) {
            my @less = @steps;

            splice @less, $at, $size;

            my $try = try(\@less, $app, $prefix);

            if ($try->{different}) {
                @steps = @less;
                $result = $try;
                splice @steps, $result->{done};
            }

            $at -= $size;
            $at = @steps - $size if $at > @steps - $size;
        }
    }

    return ($result, @steps);
}


sub readable {
    my ($seed, $result, @steps) = @_;
    my $app = app_of($seed);
    my $text = "SEED=$seed ROUNDS=1 STEPS=$STEPS differs ($app deadlines):\n";
    my $n = 0;

    $text .= sprintf "%3d. %s\n", ++$n, Steps::text($_) for @steps;

    my $different = $result->{different};

    $different =~ s/\Q$result->{prefix}\E//g;

    return $text . ($result->{done} > @steps ? "at the end:\n" : '')
           . $different;
}


# What a process does: its sequences one after the other.

sub job {
    my ($seeds, $go) = @_;
    my (%sum, @different, %ways, %counts, %hits);

    delete $server->{redis}{socket};

    for my $seed (@$seeds) {
        last if !$go->() || @different >= 3;

        my @steps = sequence($seed);
        my $app = app_of($seed);
        my $result = try(\@steps, $app, "s$seed");

        $sum{sequences}++;
        $sum{steps} += @steps;
        $sum{skipped} += $result->{skipped};
        $counts{$_} = $result->{counts}{$_} for keys %{$result->{counts}};

        if ($result->{late}) {
            $sum{late}++;

        } elsif ($result->{different}) {
            ($result, @steps) = shrink(\@steps, $result, $app, "s$seed");
            push @different, readable($seed, $result, @steps);
            next;
        }

        my $hits = $result->{states}[0]{hits};
        my %seen;

        $hits{$_} += $hits->{$_} for keys %$hits;

        for my $state (@{$result->{states}}) {
            my $policy = $state->{policy};

            $seen{$_}{$policy->{$_}} = 1 for keys %$policy;
        }

        for my $point (keys %seen) {
            my @ways = keys %{$seen{$point}};

            $ways{$point}{$ways[0]}++ if @ways == 1;
        }
    }

    return { sum => \%sum, different => \@different, ways => \%ways,
             counts => \%counts, hits => \%hits };
}


# --- all of them

my (@long, @short, @jobs);

for my $seed ($SEED .. $SEED + $ROUNDS - 1) {
    push @{app_of($seed) eq 'long' ? \@long : \@short}, $seed;
}

for my $deal ([\@long, 3], [\@short, $JOBS]) {
    my ($seeds, $n) = @$deal;

    for my $i (0 .. $n - 1) {
        my @mine = map { $seeds->[$_] }
                       grep { $_ % $n == $i } 0 .. $#$seeds;

        push @jobs, background(sub { job(\@mine, @_) }) if @mine;
    }
}

my (%sum, %ways, %counts, %hits, @different, @failed);

for my $job (@jobs) {
    wait_for(sub { -s $job->{file} || !kill 0, $job->{pid} },
             300 + $ROUNDS * 10);

    my $result = $job->finish;

    if (!$result || $result->{failed}) {
        push @failed, $result ? $result->{failed} : 'nothing';
        next;
    }

    push @different, @{$result->{different}};
    $sum{$_} += $result->{sum}{$_} for keys %{$result->{sum}};
    $hits{$_} += $result->{hits}{$_} for keys %{$result->{hits}};
    %counts = (%counts, %{$result->{counts}});

    for my $point (keys %{$result->{ways}}) {
        my $seen = $result->{ways}{$point};

        $ways{$point}{$_} += $seen->{$_} for keys %$seen;
    }
}

is_deeply(\@failed, [], 'the sequences were done');
is(join("\n", @different), '',
   ($sum{sequences} || 0) . ' sequences from seed ' . $SEED . ', '
   . ($sum{steps} || 0) . ' steps, as docs/ has them');

my @more = grep { $server->count($_) != $counts{$_} } sort keys %counts;

is("@more", '', 'no event came afterwards') if !@different;

if (!@different) {
    is_deeply($server->users($_), {}, "$_: nobody is busy any more")
        for sort keys %Server::TIME;
    is(join(' ', $server->deadlines($_)), '', "$_: no deadline is left")
        for sort keys %Server::TIME;
    is($server->ringing($_), undef, "$_: nobody rings any more")
        for sort keys %Server::TIME;
}

my $late = $sum{late} || 0;

ok($late <= $ROUNDS / 10, "at most a tenth was held up ($late)");
is($server->{nginx}->trouble, '', 'no trouble in the log');

note "$hits{$_} times $_" for sort keys %hits;
note "$sum{skipped} steps left out that docs/ says nothing of"
    if $sum{skipped};

for my $point (sort keys %Model::OPEN) {
    my $seen = $ways{$point} || {};

    note "open: $point: ", join ', ', map { "$_ ($seen->{$_} times)" }
                                          sort keys %$seen;
}

done_testing();
