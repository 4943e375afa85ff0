package Model;

# Copyright (C) TgoRTC contributors
#
# What the API promises, as a small machine: rooms, their participants, the
# sessions that LiveKit has told of, deadlines by a clock of its own.  It knows
# nothing of how the module does it.
#
# Where docs/ leaves the outcome open the machine takes all ways that it
# allows: a step makes several machines of one, and those are dropped that
# differ from what the server shows.  What was found to be the server's way in
# one sequence has to remain so to its end.  The open points, and the ways:

use strict;
use warnings;

use JSON::PP ();
use Storable qw(dclone);

our %OPEN = (
    creator_unreached =>
        'a creator who was closed by the ring timeout: status 4 or 6',
    creator_invited_again =>
        'a creator who left a group, was invited again and leaves while it '
        . 'rings: rejects like an invitee, or not',
    creator_gone =>
        'a creator of a group, never joined, goes while only ringing invitees '
        . 'remain: the group goes on, or ends',
    invitees =>
        'status 4 of a group: who joined uninvited counts for nothing, or as '
        . 'one who did not reject',
    silent_missed =>
        'an invitee who rings when the creator of a 1:1 has never connected: '
        . 'closed without an event, or participant.missed',
    join_without_device =>
        'a join without device_type of one who is active: the known one is '
        . 'kept, or forgotten',
    invite_again =>
        'the device type of one who is invited again: forgotten, or kept',
    join_in_grace =>
        'a join through the API in rejoin grace: connected as before, or '
        . 'away until a session comes; that with a second participant.joined, '
        . 'or without',
    made_before_leaving =>
        'participant_joined of a session never heard of, made before its '
        . 'person left, but he is back meanwhile: dead, or his',
    track_then_joined =>
        'participant_joined of a session that track_published has proved: '
        . 'brings its device type, or nothing',
    refused_starts =>
        'participant_joined of one who may not join, in a room that has not '
        . 'started: starts it, or not',
    refused_sid =>
        'a session that was refused and whose person is invited afterwards: '
        . 'unknown, or dead',
    dead_starts =>
        'participant_joined of a dead session, in a room that has not '
        . 'started: starts it, or not',
    gone_with_new_room_sid =>
        'participant_left or _aborted with a room sid not seen before: that '
        . 'is the current one from then on, or it is not',
    aborted_in_grace =>
        'participant_connection_aborted of another session in rejoin grace: '
        . 'the grace goes on, or begins again',
    finished_connected =>
        'who is connected at room_finished while others keep the room open: '
        . 'gets a grace, is hung up silently or with participant.left, or '
        . 'remains joined; who is in the short grace: keeps it, or the same',
    finished_end =>
        'the deadline that kept a group open after room_finished runs out: as '
        . 'any other, or the room ends in any case',
    finished_twice =>
        'room_finished of a room sid that is finished: nothing, or again',
    finished_leave =>
        'the last one that a group waited for after room_finished leaves '
        . 'through the API: as any other, or the room ends in any case',
    together =>
        'two who run out of grace at the same moment: one change, or two'
);


sub new {
    my ($class, %time) = @_;

    return bless { time => \%time, now => 0, rooms => {}, ids => {},
                   policy => {}, changes => 0, hits => {} }, $class;
}


# --- several ways

# Runs the code on copies, once for each way that it can take; returns pairs of
# a copy and of what the code returned.

sub explore {
    my ($self, $code) = @_;
    my @todo = ([]);
    my @found;

    while (my $ways = shift @todo) {
        my $copy = dclone($self);

        $copy->{ways} = [@$ways];
        $copy->{taken} = [];

        my $result = $code->($copy);
        my @taken = @{delete $copy->{taken}};

        delete $copy->{ways};
        push @found, [$copy, $result];

        for my $i (@$ways .. $#taken) {
            my @before = map { $_->[0] } @taken[0 .. $i - 1];

            push @todo, [@before, $_] for 1 .. $taken[$i][1] - 1;
        }
    }

    return @found;
}


sub choose {
    my ($self, $n) = @_;
    my $way = @{$self->{ways} || []} ? shift @{$self->{ways}} : 0;

    push @{$self->{taken}}, [$way, $n];

    return $way;
}


sub way {
    my ($self, $point, @ways) = @_;

    die "no such open point: $point" if !$OPEN{$point};

    $self->{policy}{$point} = $ways[$self->choose(scalar @ways)]
        if !defined $self->{policy}{$point};

    return $self->{policy}{$point};
}


# Whether it is the second of two ways.

sub other {
    my ($self, $point, @ways) = @_;

    return $self->way($point, @ways) eq $ways[1];
}


sub fingerprint {
    my ($self) = @_;

    return JSON::PP->new->canonical->encode({%$self, hits => {}});
}


# --- what one can ask

sub room {
    my ($self, $id) = @_;

    return $self->{rooms}{$id};
}


sub live {
    my ($room) = @_;

    return $room->{status} < 2;
}


sub active {
    my ($p) = @_;

    return $p && defined $p->{status} && $p->{status} < 2;
}


# a session in grace still counts

sub connected {
    my ($p) = @_;

    return $p->{live} || ($p->{kind} || '') =~ /^(?:grace|short)$/
           || $p->{held} || 0;
}


sub active_uids {
    my ($room) = @_;

    return grep { active($room->{p}{$_}) } @{$room->{uids}};
}


# uid => id of the live room that he is active in

sub users {
    my ($self) = @_;
    my %users;

    for my $room (grep { live($_) } values %{$self->{rooms}}) {
        $users{$_} = $room->{id} for active_uids($room);
    }

    return \%users;
}


sub busy {
    my ($self, $except, @uids) = @_;
    my $users = $self->users;

    return grep { defined $users->{$_} && $users->{$_} ne $except } @uids;
}


sub deadlines {
    my ($room) = @_;

    return if !live($room);
    return grep { defined } map { $_->{deadline} } values %{$room->{p}};
}


sub next_deadline {
    my ($self) = @_;

    my ($first) = sort { $a <=> $b }
        map { deadlines($_) } values %{$self->{rooms}};

    return $first;
}


# --- answers

sub ok { return { status => 200, body => @_ ? $_[0] : {} } }
sub refused { my ($status, @names) = @_;
              return { status => $status, names => \@names } }


sub object {
    my ($self, $room, @uids) = @_;

    return { room_id => $room->{id}, creator => $room->{creator},
             status => $room->{status}, timeout => $self->{time}{ring},
             max_participants => $room->{max}, rtc_type => $room->{rtc_type},
             uids => \@uids };
}


sub look {
    my ($self, $id) = @_;
    my $room = $self->room($id) or return refused(404);
    my @people;

    for my $uid (@{$room->{uids}}) {
        my $p = $room->{p}{$uid};

        push @people, { uid => $uid, status => $p->{status},
                        device_type => $p->{device},
                        connected => active($p) && connected($p) ? 1 : 0 };
    }

    return ok({ %{$self->object($room, @{$room->{uids}})},
                participants => \@people, ended => live($room) ? 0 : 1,
                duration => duration($room) });
}


sub sync {
    my ($self, $uid, $device) = @_;
    my @rooms;

    for my $room (grep { live($_) } values %{$self->{rooms}}) {
        my $p = $room->{p}{$uid};

        next if !active($p);
        next if $p->{status} == 1 && $p->{device} ne ''
                && $p->{device} ne $device;

        push @rooms, $self->object($room, sort(active_uids($room)));
    }

    return ok(\@rooms);
}


sub duration {
    my ($room) = @_;

    return 0 if !$room->{answered} || !$room->{ended};
    return $room->{ended} - $room->{answered};
}


# --- events

sub event {
    my ($self, $room, $type, $uid, %more) = @_;

    $self->{hits}{$type}++;

    push @{$room->{events}}, { type => $type, defined $uid ? (uid => $uid) : (),
                               change => $self->{changes}, %more };
}


# The bodies show the state right after the change.

sub commit {
    my ($self, $room) = @_;

    for my $event (grep { !$_->{uids} } @{$room->{events}}) {
        $event->{uids} = [@{$room->{uids}}];
        $event->{status} = $room->{status};
        $event->{duration} = $event->{type} eq 'room.finished'
                             ? duration($room) : 0;
    }

    $self->{changes}++;
}


# --- state changes

sub start_room {
    my ($self, $room) = @_;

    return if $room->{status} != 0;

    $room->{status} = 1;
    $self->event($room, 'room.started');
}


sub until_deadline {
    my ($self, $p, $kind) = @_;
    my $seconds = $self->{time}{$kind eq 'short' ? 'grace' : $kind};

    $seconds = 2 if $kind eq 'short' && $seconds > 2;

    $p->{kind} = $kind;
    $p->{deadline} = $self->{now} + $seconds;
    $p->{held} = 0;
}


sub no_deadline {
    my ($p) = @_;

    delete @$p{qw(kind deadline)};
    $p->{held} = 0;
}


# somebody is not active any more; his session is dead

sub close_person {
    my ($self, $room, $p, $status) = @_;

    no_deadline($p);
    $room->{dead}{$p->{sid}} = 1 if defined $p->{sid};
    $p->{status} = $status;
    $p->{live} = 0;
    $p->{left} = int($self->{now} * 1000);
    delete @$p{qw(sid quiet)};
}


sub end_room {
    my ($self, $room, $status, $by_ring) = @_;

    for my $uid (active_uids($room)) {
        my $p = $room->{p}{$uid};

        $self->close_person($room, $p, $p->{status} == 1 ? 3
                                : !$by_ring ? 6
                                : $uid eq $room->{creator}
                                ? $self->creator_unreached : 4);
    }

    $self->{hits}{"room status $status"}++;
    $room->{status} = $status;
    $room->{ended} = $self->{now};
    $self->event($room, 'room.finished');
}


sub creator_unreached {
    my ($self) = @_;

    return $self->way('creator_unreached', 4, 6);
}


sub verdict {
    my ($self, $room) = @_;
    my @others = grep { $_ ne $room->{creator} } @{$room->{uids}};
    my @invited = grep { $room->{p}{$_}{invited} } @others;

    return 2 if $room->{answered};
    return 6 if !@invited || grep { $room->{p}{$_}{status} != 2 } @invited;
    return (4, 6)[$self->choose(2)] if $room->{p}{$room->{creator}}{again};
    return 4 if @invited == @others;
    return $self->way('invitees', 4, 6);
}


# Somebody goes: the table of "leave".  The reason is "leave" or "connect".

sub depart {
    my ($self, $room, $uid, $why) = @_;
    my $p = $room->{p}{$uid};
    my $was = $p->{status};
    my $creator = $uid eq $room->{creator};
    my $late = $why eq 'connect';
    my $ends = $room->{answered} ? 2 : 6;
    my ($event, $status, $end) = ('left', 3);

    if ($room->{max} == 2) {
        if ($late) {
            $end = $ends;

        } elsif ($creator && !$room->{answered}) {
            ($event, $status, $end) = ('cancelled', 6, 3);

        } elsif ($was == 0) {
            ($event, $status, $end) = ('rejected', 2, 4);

        } else {
            $end = 2;
        }

    } elsif ($creator) {
        my $alone = !grep { $_ ne $uid && $room->{p}{$_}{ever} }
                          @{$room->{uids}};

        if ($alone && $late) {
            $end = $ends;

        } elsif ($alone) {
            ($event, $status, $end) = ('cancelled', 6, 3);

        } elsif ($was == 0 && $p->{again}
                 && $self->other('creator_invited_again', 'no', 'rings'))
        {
            ($event, $status) = ('rejected', 2);
        }

    } elsif ($was == 0) {
        ($event, $status) = ('rejected', 2);
    }

    $self->close_person($room, $p, $status);
    $self->event($room, "participant.$event", $uid);

    $end = $self->group_end($room, $uid, $was, $late ? $ends : undef)
        if !defined $end;
    $self->end_room($room, $end) if defined $end;
}


# The status that a group ends with after somebody went, if it does.

sub group_end {
    my ($self, $room, $uid, $was, $status) = @_;
    my @active = active_uids($room);
    my $verdict = sub { defined $status ? $status : $self->verdict($room) };

    return $verdict->() if !@active;
    return if grep { $room->{p}{$_}{status} == 1 } @active;
    return if grep { $_ eq $room->{creator} && !$room->{p}{$_}{again} } @active;
    return $verdict->() if $was == 1;
    return $verdict->() if $uid eq $room->{creator}
                           && $self->other('creator_gone', 'goes on', 'ends');
    return;
}


# --- the API

sub create {
    my ($self, $step) = @_;
    my %seen = ($step->{uid} => 1);
    my @uids = grep { !$seen{$_}++ } @{$step->{uids}};

    return refused(400) if @uids > $step->{max} - 1;
    return refused(409) if $self->room($step->{room});

    my @busy = $self->busy('', $step->{uid}, @uids);
    return refused(409, @busy) if @busy;

    my $room = $self->{rooms}{$step->{room}} = {
        id => $step->{room}, creator => $step->{uid}, max => $step->{max},
        rtc_type => $step->{rtc_type}, invite_on => $step->{invite_on},
        status => 0, uids => [], p => {}, dead => {}, last => {}, refused => {},
        seen => {}, finished => {}, events => []
    };

    $self->ring($room, $step->{uid});
    $room->{p}{$step->{uid}}{device} = $step->{device};
    $self->invite_all($room, @uids);

    return ok($self->object($room, @{$room->{uids}}));
}


sub add {
    my ($room, $uid) = @_;

    return $room->{p}{$uid} if $room->{p}{$uid};

    push @{$room->{uids}}, $uid;

    return $room->{p}{$uid} = { device => '', live => 0, held => 0 };
}


sub ring {
    my ($self, $room, $uid) = @_;
    my $p = add($room, $uid);

    $p->{device} = ''
        if $p->{device} ne ''
           && $self->way('invite_again', 'forgotten', 'kept') eq 'forgotten';

    $p->{status} = 0;
    $self->until_deadline($p, 'ring');

    return $p;
}


sub invite_all {
    my ($self, $room, @uids) = @_;

    for my $uid (@uids) {
        my $p = $self->ring($room, $uid);

        $p->{invited} = 1;
        $p->{spent} = 0;
        $p->{again} = 1 if $uid eq $room->{creator};
        $self->event($room, 'participant.invited', $uid);
    }

    $self->commit($room);
}


sub invite {
    my ($self, $step) = @_;
    my $room = $self->room($step->{room}) or return refused(404);

    return refused(410) if !live($room);

    my %seen;
    my @uids = grep { !active($room->{p}{$_}) && !$seen{$_}++ }
                    @{$step->{uids}};
    my @busy = $self->busy($room->{id}, @uids);
    my @active = active_uids($room);

    return refused(409, @busy) if @busy;
    return ok() if !@uids;
    return refused(409) if @active + @uids > $room->{max};

    $self->invite_all($room, @uids);

    return ok();
}


# Why somebody may not join; nothing if he may.

sub admission {
    my ($self, $room, $uid) = @_;
    my $p = $room->{p}{$uid};

    return refused(403) if $room->{invite_on} && $uid ne $room->{creator}
                           && (!$p || !$p->{invited} || $p->{spent}
                               || $p->{status} == 6);
    return if active($p);

    my @busy = $self->busy($room->{id}, $uid);
    my @active = active_uids($room);

    return refused(409, @busy) if @busy;
    return refused(409) if @active >= $room->{max};
    return;
}


sub join_room {
    my ($self, $step) = @_;
    my $room = $self->room($step->{room}) or return refused(404);

    return refused(410) if !live($room);

    my $no = $self->admission($room, $step->{uid});
    return $no if $no;

    my $p = add($room, $step->{uid});

    if (!$p->{live}) {
        my $way = connected($p)
                  ? $self->way('join_in_grace', 'quiet', 'away', 'connected')
                  : '';

        $p->{device} = '' if !active($p);
        $p->{status} = 1;
        $p->{ever} = 1;
        $self->until_deadline($p, 'connect');
        $p->{held} = $way eq 'connected' ? 1 : 0;
        $p->{quiet} = 1 if $way eq 'quiet';

        if (defined $step->{device}) {
            $p->{device} = $step->{device};

        } elsif ($p->{device} ne '') {
            $p->{device} = ''
                if $self->other('join_without_device', 'kept', 'forgotten');
        }
    }

    $self->commit($room);

    return ok($self->object($room, @{$room->{uids}}));
}


sub leave {
    my ($self, $step) = @_;
    my $room = $self->room($step->{room}) or return refused(404);

    return ok() if !live($room);

    my $p = $room->{p}{$step->{uid}} or return refused(404);

    return ok() if !active($p);
    return ok() if $p->{status} == 1 && defined $step->{device}
                   && $p->{device} ne '' && $p->{device} ne $step->{device};

    $self->depart($room, $step->{uid}, 'leave');

    # after LiveKit's room has finished

    $self->finished_end($room)
        if live($room) && $room->{waiting}
           && $self->other('finished_leave', 'as any', 'ends');

    $self->commit($room);

    return ok();
}


sub end {
    my ($self, $step) = @_;
    my $room = $self->room($step->{room}) or return refused(404);

    return ok() if !live($room);

    $self->end_room($room, $room->{answered} ? 2 : 3);
    $self->commit($room);

    return ok();
}


sub cancel {
    my ($self, $step) = @_;
    my $room = $self->room($step->{room}) or return refused(404);

    return refused(410) if !live($room);

    my %seen;
    my @uids = grep { $_ ne $room->{creator} && $room->{p}{$_}
                      && $room->{p}{$_}{status} == 0 && !$seen{$_}++ }
                    @{$step->{uids}};

    return ok() if !@uids;

    for my $uid (@uids) {
        $self->close_person($room, $room->{p}{$uid}, 6);
        $self->event($room, 'participant.cancelled', $uid);
    }

    my @active = active_uids($room);

    if ($room->{max} == 2) {
        $self->end_room($room, 3);

    } elsif (!@active) {
        $self->end_room($room, $self->verdict($room));
    }

    $self->commit($room);

    return ok();
}


sub kick {
    my ($self, $step) = @_;
    my $room = $self->room($step->{room}) or return refused(404);

    return refused(410) if !live($room);

    my ($creator, $p) = @$room{qw(creator p)};
    my %named = map { $_ => 1 } @{$step->{uids}};
    my @out = grep { $named{$_} } active_uids($room);
    my $off = $named{$creator} && active($p->{$creator})
              && !($room->{max} == 2 ? $room->{answered}
                                     : grep { $_ ne $creator && $p->{$_}{ever} }
                                            @{$room->{uids}});
    my (@left, @cancelled);
    my $was = 0;

    return ok() if !@out;

    for my $uid (@out) {
        my $joined = $p->{$uid}{status} == 1;
        my $cancelled = $uid eq $creator ? $off : !$joined;

        push @{$cancelled ? \@cancelled : \@left}, $uid;
        $self->close_person($room, $p->{$uid}, $cancelled ? 6 : 3);
        $p->{$uid}{spent} = 1;
        $was = 1 if $joined;
    }

    $self->event($room, 'participant.left', $_) for @left;
    $self->event($room, 'participant.cancelled', $_) for @cancelled;

    my $end = $off || ($room->{max} == 2 && !@left) ? 3
              : $room->{max} == 2 ? 2
              : $self->group_end($room, $out[0], $was);

    $self->end_room($room, $end) if defined $end;
    $self->commit($room);

    return ok();
}


# a session begins in LiveKit; we hear of it later

sub begin { return ok() }


sub bad {
    my ($self, $step) = @_;

    return refused($step->{status});
}


# --- LiveKit's events

sub livekit {
    my ($self, $step) = @_;
    my $room = $self->room($step->{room});

    $self->{unheard}{$step->{id}} = 1 if !$room;

    return ok('') if $self->{ids}{$step->{id}}++;
    return ok('') if !$room || !live($room) || $step->{nobody};

    my $handler = $self->can("lk_$step->{event}") or return ok('');

    $handler->($self, $room, $step) if $self->room_sid($room, $step);
    $self->commit($room);

    return ok('');
}


# What docs/ says nothing of, and what no LiveKit would send.

sub unspecified {
    my ($self, $step) = @_;

    return if $step->{op} ne 'livekit';

    my $room = $self->room($step->{room});

    # whether the id of an event is remembered that came before its room

    return 1 if $self->{unheard}{$step->{id}};

    # room_finished of a room that began unseen while another is known

    return 1 if $step->{event} eq 'room_finished' && $room
                && defined $room->{current} && !$room->{seen}{$step->{rsid}};

    # a session that LiveKit's room_finished closed, after room_started

    return 1 if $room && defined $step->{sid} && $room->{closed}{$step->{sid}};

    return 0;
}


# False for events of a superseded room sid: they only kill their session.

sub room_sid {
    my ($self, $room, $step) = @_;
    my $rsid = $step->{rsid};

    return 1 if defined $room->{current} && $room->{current} eq $rsid;

    if ($room->{seen}{$rsid}) {
        $room->{dead}{$step->{sid}} = 1 if defined $step->{sid};
        return 0;
    }

    return 1 if $step->{event} =~ /_(?:left|aborted)$/
                && $self->other('gone_with_new_room_sid', 'current', 'no');

    $room->{seen}{$rsid} = 1;
    $room->{current} = $rsid;
    $room->{waiting} = 0;

    for my $p (grep { $_->{live} } values %{$room->{p}}) {
        $p->{live} = 0;
        $self->until_deadline($p, 'grace');
    }

    return 1;
}


sub lk_room_started {
    my ($self, $room, $step) = @_;

    delete $room->{finished}{$step->{rsid}};
    $room->{waiting} = 0;
    $self->start_room($room);
}


sub lk_participant_joined {
    my ($self, $room, $step) = @_;
    my ($uid, $sid) = @$step{qw(uid sid)};

    if ($self->is_dead($room, $step)) {
        $room->{dead}{$sid} = 1;
        $self->start_room($room)
            if $room->{status} == 0
               && $self->other('dead_starts', 'no', 'starts');
        return;
    }

    if ($self->refused_before($room, $sid)) {
        $room->{dead}{$sid} = 1;
        return;
    }

    if ($self->admission($room, $uid)) {
        $room->{refused}{$sid} = 1;
        $self->start_room($room)
            if $room->{status} == 0
               && $self->other('refused_starts', 'no', 'starts');
        return;
    }

    $self->start_room($room);

    my $p = add($room, $uid);

    if ($p->{live}) {
        $self->other_session($room, $p, $step);
        return;
    }

    $p->{device} = $step->{device};
    $self->connect($room, $uid, $sid, $step->{ms});
}


# Sessions that are over before they are heard of count as well.

sub is_dead {
    my ($self, $room, $step) = @_;
    my ($uid, $sid, $ms) = @$step{qw(uid sid ms)};
    my $p = $room->{p}{$uid};
    my $last = $room->{last}{$uid};

    if ($room->{finished}{$step->{rsid}}) {
        $room->{closed}{$sid} = 1;
        return 1;
    }

    return 1 if $room->{dead}{$sid};
    return 0 if !$p || $p->{live} && $p->{sid} eq $sid;
    return 1 if defined $last && $ms < $last;

    # of a session that a track has proved only that it is not later than that
    # is known

    return 1 if $room->{proved}{$uid} && $ms <= $room->{proved}{$uid}
                && $self->choose(2);

    return 0 if !defined $p->{left} || $ms > $p->{left};
    return 1 if !active($p);
    return $self->other('made_before_leaving', 'his', 'dead');
}


# A session of somebody who has a live one.

sub other_session {
    my ($self, $room, $p, $step) = @_;
    my $sid = $step->{sid};

    if ($p->{sid} eq $sid) {
        if (!defined $p->{ms}) {
            $p->{ms} = $step->{ms};
            $p->{device} = $step->{device}
                if $self->other('track_then_joined', 'nothing', 'device');
        }

    } elsif (!defined $p->{ms} || $p->{ms} < $step->{ms}) {
        $room->{dead}{$p->{sid}} = 1;
        @$p{qw(sid ms device)} = @$step{qw(sid ms device)};

    } else {
        $room->{dead}{$sid} = 1;
    }

    $self->newest($room, $step->{uid}, $step->{ms});
}


sub newest {
    my ($self, $room, $uid, $ms) = @_;
    my $last = $room->{last}{$uid};

    $room->{last}{$uid} = $ms
        if defined $ms && (!defined $last || $last < $ms);
}


sub connect {
    my ($self, $room, $uid, $sid, $ms) = @_;
    my $p = $room->{p}{$uid};
    my $back = active($p) && connected($p) || $p->{quiet};

    no_deadline($p);
    delete $p->{quiet};
    $room->{dead}{$p->{sid}} = 1 if defined $p->{sid} && $p->{sid} ne $sid;
    @$p{qw(status live ever sid ms)} = (1, 1, 1, $sid, $ms);
    $room->{waiting} = 0;
    $self->newest($room, $uid, $ms);

    $self->event($room, 'participant.joined', $uid, device => $p->{device})
        if !$back;

    my @connected = grep { connected($room->{p}{$_}) } active_uids($room);

    $room->{answered} = $self->{now}
        if @connected >= 2 && !defined $room->{answered};
}


sub refused_before {
    my ($self, $room, $sid) = @_;

    return $room->{refused}{$sid}
           && $self->other('refused_sid', 'unknown', 'dead');
}


sub lk_track_published {
    my ($self, $room, $step) = @_;
    my ($uid, $sid) = @$step{qw(uid sid)};
    my $p = $room->{p}{$uid};

    return if $room->{finished}{$step->{rsid}} || $room->{dead}{$sid};
    return if !active($p) || $p->{live};
    return if $self->refused_before($room, $sid);

    $self->start_room($room);
    $self->connect($room, $uid, $sid);
    $room->{proved}{$uid} = $self->{now} * 1000;
}


# True if it was the current session; in any case it is dead now.

sub kill_session {
    my ($room, $step) = @_;
    my $p = $room->{p}{$step->{uid}};

    $room->{dead}{$step->{sid}} = 1;

    return $p && $p->{live} && $p->{sid} eq $step->{sid};
}


sub lk_participant_left {
    my ($self, $room, $step) = @_;
    my $p = $room->{p}{$step->{uid}};
    my $reason = $step->{reason};

    return if !kill_session($room, $step);

    if ($reason =~ /^(?:DUPLICATE_IDENTITY|STATE_MISMATCH|SERVER_SHUTDOWN
                       |CONNECTION_TIMEOUT|MIGRATION)$/x)
    {
        $p->{live} = 0;
        $self->until_deadline($p, 'grace');

    } elsif ($reason eq 'CLIENT_INITIATED') {
        $p->{live} = 0;
        $self->until_deadline($p, 'short');

    } else {
        my $left = $p->{left};

        $self->depart($room, $step->{uid}, 'leave');

        # a session that was made since then is another one

        $p->{left} = $left;
    }
}


sub lk_participant_connection_aborted {
    my ($self, $room, $step) = @_;
    my $p = $room->{p}{$step->{uid}};
    my $dead = $room->{dead}{$step->{sid}};

    if (kill_session($room, $step)) {
        $p->{live} = 0;
        $self->until_deadline($p, 'grace');

    } elsif (active($p) && !$dead && ($p->{kind} || '') =~ /grace|short/
             && $self->other('aborted_in_grace', 'goes on', 'again'))
    {
        $self->until_deadline($p, 'grace');
    }
}


sub lk_room_finished {
    my ($self, $room, $step) = @_;

    return if $room->{finished}{$step->{rsid}}
              && !$self->other('finished_twice', 'nothing', 'again');

    $room->{finished}{$step->{rsid}} = 1;

    my @joined = grep { $room->{p}{$_}{status} == 1 } active_uids($room);
    my ($waiting, @closed) = (0);

    for my $uid (@joined) {
        my $kind = $room->{p}{$uid}{kind} || '';

        if ($kind eq 'connect' || $kind eq 'grace') {
            $waiting = 1;

        } else {
            push @closed, $uid;
        }
    }

    if (!$waiting) {
        $self->end_room($room, $room->{answered} ? 2 : 6);
        return;
    }

    $room->{waiting} = 1;

    for my $uid (@closed) {
        my $p = $room->{p}{$uid};
        my $way = $self->way('finished_connected', 'grace', 'silent', 'left',
                             'joined');

        if ($way eq 'grace') {
            $room->{closed}{$p->{sid}} = 1 if $p->{live};
            $room->{dead}{$p->{sid}} = 1 if defined $p->{sid};
            $p->{live} = 0;
            $self->until_deadline($p, 'grace') if !$p->{kind};
            next;
        }

        if ($way eq 'joined') {
            $room->{closed}{$p->{sid}} = 1 if $p->{live};
            $room->{dead}{$p->{sid}} = 1 if defined $p->{sid};
            $p->{live} = 0;
            no_deadline($p);
            next;
        }

        $self->close_person($room, $p, 3);
        $self->event($room, 'participant.left', $uid) if $way eq 'left';
    }
}


# --- deadlines

# Lets the time pass; what runs out until then is done in its order.

sub advance {
    my ($self, $now) = @_;

    for ( ;; ) {
        my $time = $self->next_deadline;

        last if !defined $time || $time > $now;

        $self->{now} = $time;

        for my $room (sort { $a->{id} cmp $b->{id} } values %{$self->{rooms}}) {
            $self->run_out($room, $time);
        }
    }

    $self->{now} = $now;
}


sub run_out {
    my ($self, $room, $time) = @_;
    my %due;

    for my $uid (active_uids($room)) {
        my $p = $room->{p}{$uid};

        push @{$due{$p->{kind}}}, $uid
            if defined $p->{deadline} && $p->{deadline} <= $time;
    }

    return if !live($room) || !%due;

    $self->{hits}{"deadline $_"}++ for keys %due;

    $self->ring_out($room, @{$due{ring}}) if $due{ring};

    my @rest = map { @{$due{$_} || []} } qw(connect grace short);

    while (@rest && live($room)) {
        my $i = @rest > 1 ? $self->choose(scalar @rest) : 0;
        my ($uid) = splice @rest, $i, 1;

        next if !active($room->{p}{$uid});

        $self->depart($room, $uid, $room->{p}{$uid}{kind} eq 'connect'
                                   ? 'connect' : 'leave');
        $self->finished_end($room) if $room->{waiting};
        $self->commit($room) if @rest && live($room)
                                && $self->other('together', 'one', 'two');
    }

    $self->commit($room);
}


# After room_finished a room waits for those whose deadline it left alone.

sub finished_end {
    my ($self, $room) = @_;

    return if !live($room);
    return if grep { ($room->{p}{$_}{kind} || '') =~ /connect|grace/ }
                   active_uids($room);

    my @stuck = grep { my $p = $room->{p}{$_};
                       $p->{status} == 1 && !$p->{kind} && !$p->{live} }
                     active_uids($room);

    $self->end_room($room, $room->{answered} ? 2 : 6)
        if @stuck || $self->other('finished_end', 'as any', 'ends');
}


sub ring_out {
    my ($self, $room, @uids) = @_;
    my ($missed, $unreached) = (0, 0);

    for my $uid (@uids) {
        my $p = $room->{p}{$uid};

        if ($uid eq $room->{creator} && !$p->{again}) {
            $self->close_person($room, $p, $self->creator_unreached);
            $unreached = 1;
            next;
        }

        $self->close_person($room, $p, 4);
        $self->event($room, 'participant.missed', $uid);
        $missed = 1;
    }

    if ($room->{max} == 2) {
        for my $uid (active_uids($room)) {
            next if $room->{p}{$uid}{status} == 1
                    || $uid eq $room->{creator}
                    || !$self->other('silent_missed', 'closed', 'missed');
            $self->close_person($room, $room->{p}{$uid}, 4);
            $self->event($room, 'participant.missed', $uid);
        }

        $self->end_room($room, 6, 1);
        return;
    }

    my @active = active_uids($room);

    if (!@active) {
        $self->end_room($room, $self->verdict($room));

    } elsif ($unreached
             && !grep { $room->{p}{$_}{status} == 1 } @active)
    {
        $self->end_room($room, $self->verdict($room), 1)
            if $self->other('creator_gone', 'goes on', 'ends');
    }
}


# --- any step

my %METHOD = (join => 'join_room');

sub apply {
    my ($self, $step) = @_;
    my $method = $METHOD{$step->{op}} || $step->{op};

    return $self->$method($step);
}


1;
