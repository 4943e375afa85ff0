package Steps;

# Copyright (C) TgoRTC contributors
#
# Random sequences of steps, few people in few rooms, and how they read.  A
# step stands for itself: whatever is left out before it, it can be done.

use strict;
use warnings;

use Model;

my @USERS = qw(u1 u2 u3 u4);
my @ROOMS = qw(r1 r2 r3);
my @DEVICES = qw(app web pc);
my $NOWHERE = 'r9';

my @REASONS = (
    ('DUPLICATE_IDENTITY', 'CONNECTION_TIMEOUT', 'CLIENT_INITIATED') x 4,
    'STATE_MISMATCH', 'SERVER_SHUTDOWN', 'MIGRATION', 'UNKNOWN_REASON',
    'PARTICIPANT_REMOVED', 'ROOM_DELETED', 'JOIN_FAILURE', 'SIGNAL_CLOSE',
    'ROOM_CLOSED', 'USER_UNAVAILABLE', 'USER_REJECTED', 'SIP_TRUNK_FAILURE',
    'MEDIA_FAILURE', 'AGENT_ERROR'
);

my %WEIGHT = (
    create => 8, invite => 8, join => 14, leave => 7, end => 0.5, cancel => 3,
    kick => 2, bad => 1, started => 3, joined => 26, left => 14, aborted => 5,
    finished => 2, track => 5, again => 4, nobody => 1, begin => 7, wait => 0
);


sub users { return @USERS }
sub devices { return @DEVICES }


# A sequence by its seed.  With "short" the deadlines can run out, and steps
# that wait for them are among the others.

sub sequence {
    my ($seed, $length, $short, %time) = @_;

    srand $seed;

    my $self = bless {
        model => Model->new(%time), short => $short, sessions => {}, n => 0,
        instances => chance(0.3) ? 2 : 1, steps => [],
        weight => { %WEIGHT, $short ? (wait => 22) : () }
    };

    while (@{$self->{steps}} < $length) {
        my $step = $self->make;

        next if !$step || $self->{model}->unspecified($step);

        push @{$self->{steps}}, $step;
        $self->follow($step);
    }

    return @{$self->{steps}};
}


# The machine goes along, so that the next step is likely to mean something.

sub follow {
    my ($self, $step) = @_;
    my $model = $self->{model};

    if ($step->{op} eq 'wait') {
        my $next = $model->next_deadline;

        $model->advance($next + 0.3) if defined $next;
        return;
    }

    $model->advance($model->{now} + 0.25) if $self->{short};

    my %step = %$step;

    $step{ms} = $self->{made}{$step->{sid}} ||= 1000 * $model->{now} + 1
        if defined $step->{sid};

    $model->advance($model->{now} + 0.01);
    $model->apply(\%step);
    $model->advance($model->{now} + 0.01);
}


sub chance { return rand() < $_[0] }
sub any { return $_[int rand @_] }


sub make {
    my ($self) = @_;
    my $weight = $self->{weight};
    my $sum = 0;

    return $self->make_create if !%{$self->{model}{rooms}};

    $sum += $_ for values %$weight;

    my $at = rand $sum;

    for my $name (sort keys %$weight) {
        $at -= $weight->{$name};

        if ($at < 0) {
            my $make = $self->can("make_$name");

            return $self->$make;
        }
    }

    return;
}


# A room: often one that has somebody for whom the condition holds.

sub make_room {
    my ($self, $condition) = @_;
    my @rooms = sort { $a->{id} cmp $b->{id} } values %{$self->{model}{rooms}};
    my @live = grep { Model::live($_) } @rooms;

    my @fit = grep { my $room = $_;
                     $condition && grep { $condition->($room->{p}{$_}) }
                                        Model::active_uids($room) } @live;

    return $NOWHERE if chance(0.02);
    return any(@fit)->{id} if @fit && chance(0.7);
    return any(@live)->{id} if @live && chance(0.93);
    return any(@rooms)->{id};
}


# A user: most often one of the room that the condition holds for.

sub make_user {
    my ($self, $id, $condition) = @_;
    my $room = $self->{model}->room($id);
    my @fit = grep { $condition->($room->{p}{$_}) }
                   $room ? Model::active_uids($room) : ();

    return @fit && chance(0.8) ? any(@fit) : any(@USERS);
}


sub some_users {
    my ($self, $most) = @_;
    my $busy = $self->{model}->users;
    my @free = grep { !$busy->{$_} } @USERS;
    my $n = int rand($most + 1);

    return map { @free && chance(0.8) ? any(@free) : any(@USERS) } 1 .. $n;
}


sub make_create {
    my ($self) = @_;
    my $busy = $self->{model}->users;
    my @free = grep { !$busy->{$_} } @USERS;
    my @new = grep { !$self->{model}->room($_) } @ROOMS;
    my $new = @new && chance(0.9);

    return if !@new && chance(0.8);
    return if !@free && chance(0.8);

    return {
        op => 'create', room => $new ? $new[0] : any(@ROOMS),
        uid => @free && chance(0.85) ? any(@free) : any(@USERS),
        uids => [$self->some_users(3)],
        max => 0 + any(2, 2, 3, 4, 4, 5), device => any(@DEVICES),
        invite_on => chance(0.4) ? 1 : 0, rtc_type => chance(0.5) ? 1 : 0,
        chance(0.15) && $new ? (unnamed => 1) : ()
    };
}


sub make_invite {
    my ($self) = @_;

    return { op => 'invite', room => $self->make_room,
             uids => [$self->some_users(1), any(@USERS)] };
}


sub make_cancel {
    my ($self) = @_;
    my $id = $self->make_room;

    return { op => 'cancel', room => $id,
             uids => [map { $self->make_user($id, sub { !$_[0]{status} }) }
                          1 .. any(1, 1, 2)] };
}


sub make_kick {
    my ($self) = @_;
    my $id = $self->make_room;

    return { op => 'kick', room => $id,
             uids => [map { $self->make_user($id, sub { 1 }) }
                          1 .. any(1, 1, 2, 3)] };
}


sub make_join {
    my ($self) = @_;
    my $id = $self->make_room;

    return { op => 'join', room => $id,
             uid => $self->make_user($id, sub { !$_[0]{live} }),
             chance(0.7) ? (device => any(@DEVICES)) : () };
}


sub make_leave {
    my ($self) = @_;
    my $id = $self->make_room;

    return { op => 'leave', room => $id,
             uid => $self->make_user($id, sub { 1 }),
             chance(0.3) ? (device => any(@DEVICES)) : () };
}


sub make_end {
    my ($self) = @_;

    return { op => 'end', room => $self->make_room };
}


sub make_bad {
    my ($self) = @_;

    return { op => 'bad', room => $self->make_room, status => 400,
             what => any(qw(max device uid uids)) };
}


sub make_wait { return { op => 'wait' } }


# --- LiveKit

# The n-th session of somebody; its room sid is given by n alone.

sub session {
    my ($self, $id, $uid, $n) = @_;
    my $rs = $self->{instances} > 1 && $n > 2 ? 2 : 1;
    my ($user) = $uid =~ /(\d+)/;

    return (uid => $uid, n => $n, sid => "PA_$id-$uid-$n",
            rsid => "RM_$id-$rs", device => $DEVICES[($user + $n) % 3]);
}


sub lk_event {
    my ($self, $event, $id, %more) = @_;

    return { op => 'livekit', event => $event, room => $id,
             id => 'EV_' . ++$self->{n}, %more };
}


sub a_session {
    my ($self, $id, $uid, $fresh) = @_;
    my $used = \$self->{sessions}{"$id $uid"};
    my $begun = $self->{begun}{"$id $uid"} || [];

    $$used ||= 0;

    return $self->session($id, $uid, shift @$begun)
        if @$begun && chance(0.5);

    if ($$used < 5 && chance($fresh)) {
        $$used++;
        return $self->session($id, $uid, $$used);
    }

    # now and then one is left out, to come later

    return $self->session($id, $uid, 1 + int rand($$used + 2));
}


# The session is made now, and its joinedAtMs is set; others are made when they
# are first heard of.

sub make_begin {
    my ($self) = @_;
    my $id = $self->make_room;
    my $uid = $self->make_user($id, sub { 1 });
    my %session = $self->a_session($id, $uid, 1);

    push @{$self->{begun}{"$id $uid"}}, $session{n};

    return { op => 'begin', room => $id, %session };
}


sub make_joined {
    my ($self) = @_;
    my $id = $self->make_room;
    my $uid = $self->make_user($id, sub { !$_[0]{live} });
    my @begun = grep { @{$self->{begun}{$_}} } sort keys %{$self->{begun}};

    ($id, $uid) = split / /, any(@begun) if @begun && chance(0.3);

    return $self->lk_event('participant_joined', $id,
                           $self->a_session($id, $uid, 0.75));
}


sub make_track {
    my ($self) = @_;
    my $id = $self->make_room;
    my $uid = $self->make_user($id, sub { !$_[0]{live} });

    return $self->lk_event('track_published', $id,
                           $self->a_session($id, $uid, 0.4));
}


# most often of the current session

sub gone {
    my ($self, $event, $likely, $condition, @more) = @_;
    my $id = $self->make_room($condition);
    my $uid = $self->make_user($id, $condition);
    my $room = $self->{model}->room($id);
    my $p = $room ? $room->{p}{$uid} : undef;
    my @session;

    @session = $self->session($id, $uid, $1)
        if $p && $p->{live} && chance($likely) && $p->{sid} =~ /-(\d+)$/;
    @session = $self->a_session($id, $uid, 0.2) if !@session;

    return $self->lk_event($event, $id, @session, @more);
}


sub make_left {
    my ($self) = @_;

    return $self->gone('participant_left', 0.85, sub { $_[0]{live} },
                       reason => any(@REASONS));
}


sub make_aborted {
    my ($self) = @_;

    my $back = chance(0.5);

    return $self->gone('participant_connection_aborted', 0.4,
                       sub { $back ? Model::connected($_[0]) && !$_[0]{live}
                                   : $_[0]{live} },
                       reason => any(qw(SIGNAL_CLOSE JOIN_FAILURE)));
}


sub of_room {
    my ($self, $event, $condition) = @_;
    my $id = $self->make_room($condition);
    my $instance = $self->{instances} > 1 && chance(0.4) ? 2 : 1;

    return $self->lk_event($event, $id, rsid => "RM_$id-$instance",
                           instance => $instance);
}


sub make_started { return $_[0]->of_room('room_started') }

sub make_finished {
    my ($self) = @_;
    my $kind = any(qw(connect grace short));

    return $self->of_room('room_finished',
                          sub { ($_[0]{kind} || '') eq $kind });
}


sub make_nobody {
    my ($self) = @_;
    my $step = $self->make_joined;

    return { %$step, nobody => any(qw(AGENT EGRESS INGRESS hidden)) };
}


# an earlier event once more

sub make_again {
    my ($self) = @_;
    my @events = grep { $_->{op} eq 'livekit' } @{$self->{steps}};

    return if !@events;
    return { %{any(@events)}, again => 1 };
}


# --- how they read

sub text {
    my ($step) = @_;
    my $op = $step->{op};
    my $device = defined $step->{device} ? " on $step->{device}" : '';
    my $uids = join ' ', @{$step->{uids} || []};

    return 'wait for the next deadline' if $op eq 'wait';
    return "$step->{room}: a wrong request ($step->{what})" if $op eq 'bad';
    return "$step->{room}: $step->{uid}, session $step->{n} is made"
        if $op eq 'begin';
    return "$step->{room}: end" if $op eq 'end';
    return "$step->{room}: $op $uids" if $op =~ /^(?:invite|cancel|kick)$/;
    return "$step->{room}: $step->{uid} ${op}s$device"
        if $op =~ /^(?:join|leave)$/;

    return "$step->{room}: $step->{uid} creates$device"
           . ($step->{unnamed} ? ' without a room_id' : '')
           . ", max_participants $step->{max}, invite_on $step->{invite_on}"
           . ", uids [$uids]"
        if $op eq 'create';

    my $text = "$step->{room}: livekit $step->{event}";

    $text .= " $step->{uid}, session $step->{n}" if defined $step->{uid};
    $text .= " on $step->{device}" if $step->{event} eq 'participant_joined';
    $text .= ", $step->{reason}" if $step->{reason};
    $text .= ", $step->{nobody}" if $step->{nobody};

    return "$text, in $step->{rsid}" . ($step->{again} ? " (repeated)" : '')
           . " [$step->{id}]";
}


1;
