package Load;

# Copyright (C) TgoRTC contributors
#
# Callers that make calls at a steady rate, some of which they leave to the
# deadlines.  What they ask and what is answered is written to a file, a line
# of JSON for each.  What fails is tried again at the other nginx.

use strict;
use warnings;

use JSON::PP;
use TgoRTC::Calls;
use TgoRTC::Live;
use Time::HiRes qw(time);

use Schedule;

my $json = JSON::PP->new->canonical->utf8;

# how often a request is sent, how often LiveKit sends an event; the share of
# requests that are sent once only, so that it shows what became of that one

my ($TRIES, $LIVEKIT_TRIES) = (25, 6);
my $ONCE = 0.4;

# seconds

my ($AGAIN, $PAUSE) = (0.3, 0.15);


# Starts it: "nginx" (a list), "livekit" (where the stand-in listens), "file",
# "seed", "callers", "grace" (s).

sub start {
    my (%option) = @_;

    return background(sub {
        my ($go_on) = @_;

        open my $out, '>>', $option{file} or die "$option{file}: $!";

        my $start = time;
        my @callers = map { caller_of($_, $start, $go_on, $out, %option) }
                      1 .. $option{callers};

        drive(\@callers, deadline => 3600);

        return {};
    });
}


sub caller_of {
    my ($me, $start, $go_on, $out, %option) = @_;

    my $random = Schedule::generator($option{seed} * 1000 + $me);
    my @nginx = @{$option{nginx}};
    my ($calls, $tries, $turn) = (0, 0, $me);
    my (@steps, $step);

    return sub {
        my ($response) = @_;
        my $pause = $PAUSE * (0.5 + $random->());

        if ($response) {
            my $status = $response->{status};
            my $failed = $status == 0 || $status >= 500;

            syswrite $out, $json->encode({
                k => 'request', b => $response->{since}, e => time,
                status => 0 + $status, %{$step->{note}},
                $failed || $status != 200
                    ? (said => $response->{error} || $response->{body}) : ()
            }) . "\n" if $step->{note};

            if ($failed && ++$tries < $step->{tries}) {
                $turn++;
                $pause = $AGAIN;

            } else {
                @steps = () if $failed && $step->{note}
                               && $step->{note}{op} eq 'create';
                undef $step;
                $tries = 0;
            }
        }

        if (!$step && !@steps) {
            return if !$go_on->();

            @steps = plan("c$option{seed}-$me-" . ++$calls, $random, \%option);
            $pause = 2 * $PAUSE * $random->();
        }

        $step ||= shift @steps;

        return { %{$step->{make}->($nginx[$turn % @nginx])},
                 after => time - $start + $pause };
    };
}


# --- what happens in one call

sub plan {
    my ($room, $random, $option) = @_;

    my ($a, $b, $c, $d, $e) = map { "$room.$_" } 'a' .. 'e';
    my $calls = bless { sent => [] }, 'Load::Calls';
    my $livekit = $calls->livekit($room);
    my (%there, @steps);

    my $api = sub {
        my ($op, @args) = @_;
        my $more = ref $args[-1] ? pop @args : {};

        push @steps, {
            tries => $random->() < $ONCE ? 1 : $TRIES,
            note => { op => $op, room => $room, $op eq 'leave' || $op eq 'join'
                        ? (uid => $args[0]) : (uids => [@args]) },
            make => sub {
                my ($nginx) = @_;
                my $it = bless { nginx => $nginx }, 'TgoRTC::Calls';

                return $it->request($op, $room, @args,
                                    $op eq 'create' ? $more : ());
            }
        };
    };

    # LiveKit knows first who is there, then tells it

    my $tell = sub {
        my ($op, $session, @how) = @_;
        my $participant = $session->{participant};
        my $uid = $participant && $participant->{identity};

        if ($op eq 'joined') {
            $there{$uid} = $participant;
        } elsif ($op eq 'left') {
            delete $there{$uid};
        } else {
            %there = ();
        }

        my @now = map { $there{$_} } sort keys %there;

        my %note = (op => "livekit.$op", room => $room,
                    defined $uid ? (uid => $uid, sid => $participant->{sid})
                                 : (),
                    @how ? (reason => $how[0]) : ());
        my $body;

        push @steps, {
            tries => 3,
            make => sub {
                $note{since} ||= begin_session($participant)
                    if $op eq 'joined';

                return { port => $option->{livekit}, method => 'PUT',
                         path => "/$room",
                         body => [map { listed($_) } @now] };
            }
        };

        push @steps, {
            tries => $LIVEKIT_TRIES,
            note => \%note,
            make => sub {
                my ($nginx) = @_;
                my $it = bless { nginx => $nginx }, 'TgoRTC::Calls';

                if (!defined $body) {
                    $session->$op(@how);
                    $body = $json->encode(shift @{$calls->{sent}});
                }

                return $it->webhook_request($body, TgoRTC::Calls::token($body));
            }
        };

        return $session;
    };

    my $connect = sub { return $tell->('joined',
                                       $livekit->session($_[0], 'app')) };
    my $kind = int 12 * $random->();

    if ($kind < 6) {
        $api->('create', $a, $b, {});
    } else {
        $api->('create', $a, $b, $c, $d, { max_participants => 6 });
    }

    # one to one: answered, rejected, cancelled, missed, never connected,
    # forgotten by LiveKit

    if ($kind == 0) {
        $api->('join', $b);
        my ($x, $y) = map { $connect->($_) } $a, $b;
        $api->('leave', $random->() < 0.5 ? $a : $b);
        $tell->('left', $x, 'CLIENT_INITIATED');
        $tell->('left', $y, 'ROOM_DELETED');
        $tell->('finished', $livekit);

    } elsif ($kind == 1) {
        $api->('leave', $b);

    } elsif ($kind == 2) {
        $api->('leave', $a);

    } elsif ($kind == 3) {
        # nobody comes

    } elsif ($kind == 4) {
        $api->('join', $a);
        $api->('join', $b);

    } elsif ($kind == 5) {
        $connect->($_) for $a, $b;
        push @steps, {
            tries => 3,
            make => sub { return { port => $option->{livekit}, method => 'PUT',
                                   path => "/$room", body => [] } }
        };

    # groups: all leave, more are invited, some are not wanted any more, a
    # connection is lost, comes back, the room is closed

    } elsif ($kind == 6) {
        $api->('join', $b);
        my ($x, $y) = map { $connect->($_) } $a, $b;
        $api->('leave', $c);
        $api->('leave', $b);
        $api->('leave', $a);

    } elsif ($kind == 7) {
        $connect->($a);
        $api->('invite', $e, "$room.f");
        $api->('leave', $e);
        $api->('join', $b);
        $api->('leave', $a);

    } elsif ($kind == 8) {
        $api->('cancel', $b, $c);
        $api->('join', $d);
        my ($x, $y) = map { $connect->($_) } $a, $d;
        $tell->('left', $x, 'CONNECTION_TIMEOUT');
        $api->('leave', $d);

    } elsif ($kind == 9) {
        my ($x, $y) = map { $connect->($_) } $a, $b;
        $tell->('left', $x, 'CONNECTION_TIMEOUT');
        $tell->('left', $y, 'CLIENT_INITIATED');

    } elsif ($kind == 10) {
        my ($x, $y) = map { $connect->($_) } $a, $b;
        $tell->('left', $x, 'DUPLICATE_IDENTITY');
        $connect->($a);
        $api->('leave', $a);
        $api->('leave', $b);
        $tell->('finished', $livekit);

    } else {
        $connect->($_) for $a, $b, $c;
        $api->('invite', $e);
        $tell->('finished', $livekit);
    }

    return @steps;
}


# A session begins when LiveKit first lists it; the time (s).

sub begin_session {
    my ($participant) = @_;
    my $now = int 1000 * time;

    @$participant{qw(joinedAt joinedAtMs)} = (int($now / 1000) . '', "$now");

    return $now / 1000;
}


# as RoomService lists it

sub listed {
    my ($participant) = @_;

    return { sid => $participant->{sid}, identity => $participant->{identity},
             state => 'ACTIVE', kind => 'STANDARD',
             joined_at_ms => $participant->{joinedAtMs} };
}


package Load::Calls;

# Keeps LiveKit's events in place of sending them.

use strict;
use warnings;

our @ISA = 'TgoRTC::Calls';


sub livekit {
    my $self = shift;

    return bless $self->SUPER::livekit(@_), 'Load::Room';
}


package Load::Room;

use strict;
use warnings;

our @ISA = 'TgoRTC::Calls::Room';


sub send {
    my ($self, $body) = @_;

    push @{$self->{calls}{sent}}, $body;

    return '';
}


1;
