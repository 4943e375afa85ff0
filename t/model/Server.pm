package Server;

# Copyright (C) TgoRTC contributors
#
# The real thing: Redis, nginx with two apps (long deadlines and short ones),
# an endpoint that writes down what it gets, and steps as HTTP requests.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 sha256);
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64;
use TgoRTC::Live qw(redis nginx background free_port slurp);
use Time::HiRes qw(sleep time);

our %TIME = (
    long  => { ring => 60, connect => 90, grace => 30 },
    short => { ring => 3, connect => 1.3, grace => 2.4 }
);

my $KEY = 'devkey';
my $SECRET = 'a-secret-of-the-tests-0123456789abcdef';
my $OK = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
my $json = JSON::PP->new->canonical->utf8;


sub new {
    my ($class) = @_;
    my $redis = redis();
    my $port = free_port();
    my $dir = TgoRTC::Live::name('events');
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                         LocalPort => $port, Listen => 256,
                                         ReuseAddr => 1)
        or die "port $port: $!";

    mkdir $dir or die "$dir: $!";

    my $self = bless { redis => $redis, dir => $dir }, $class;

    $self->{recorder} = background(sub { record($listener, $dir, @_) });
    close $listener;

    $self->{nginx} = nginx(
        redis => $redis,
        http => "tgortc_webhook http://127.0.0.1:$port/hook;",
        server => join "\n", map { app($_, $redis->{address}) } sort keys %TIME
    );

    return $self;
}


sub app {
    my ($name, $address) = @_;
    my %ms = map { $_ => $TIME{$name}{$_} * 1000 . 'ms' } keys %{$TIME{$name}};

    return <<"END";
        location /$name {
            tgortc_redis         $address prefix=$name timeout=10s;
            tgortc_ring_timeout  $ms{ring};
            tgortc_join_timeout  $ms{connect};
            tgortc_rejoin_grace  $ms{grace};

            location /$name/rooms {
                tgortc_rooms;
            }

            location = /$name/livekit {
                tgortc_livekit_webhook;
            }
        }
END
}


# --- the endpoint

# Each request becomes a line in the file of its room.

sub record {
    my ($listener, $dir, $go) = @_;
    my $select = IO::Select->new($listener);
    my %in;

    while ($go->()) {
        for my $socket ($select->can_read(0.2)) {
            if ($socket == $listener) {
                my $client = $listener->accept or next;

                $select->add($client);
                $in{$client} = '';
                next;
            }

            if (!sysread $socket, $in{$socket}, 65536, length $in{$socket}) {
                $select->remove($socket);
                delete $in{$socket};
                close $socket;
                next;
            }

            while ($in{$socket} =~ /^(.*?)\r\n(.*?\r\n)\r\n/s) {
                my ($line, $head, $from) = ($1, $2, $+[0]);
                my %head = map { /^([^:]+):\s*(.*)/ ? (lc $1, $2) : () }
                               split /\r\n/, $head;
                my $length = $head{'content-length'} || 0;

                last if length $in{$socket} < $from + $length;

                my $body = substr $in{$socket}, $from, $length;

                substr $in{$socket}, 0, $from + $length, '';
                note($dir, $line, \%head, $body);
                syswrite $socket, $OK;
            }
        }
    }

    return {};
}


sub note {
    my ($dir, $line, $head, $body) = @_;
    my $data = eval { $json->decode($body) } || {};
    my $room = defined $data->{room_id} ? $data->{room_id} : 'unreadable';

    open my $fh, '>>', "$dir/$room" or die "$dir/$room: $!";
    syswrite $fh, $json->encode({ line => $line, head => $head, body => $data,
                                  raw => $body }) . "\n";
    close $fh;
}


# What has arrived of a room, in the order in which it arrived.

sub events {
    my ($self, $room) = @_;
    my @events;

    for (split /^/, slurp("$self->{dir}/$room")) {
        push @events, $json->decode($_) if /\n\z/;
    }

    return @events;
}


sub count {
    my ($self, $room) = @_;

    return slurp("$self->{dir}/$room") =~ tr/\n//;
}


# --- requests

# By a connection that is kept.

sub ask {
    my ($self, $method, $path, $body, @head) = @_;
    my $request = { method => $method, path => $path, keepalive => 1,
                    head => \@head,
                    defined $body ? (body => $body) : () };

    for my $try (1 .. 2) {
        my $in = '';

        $self->{socket} ||= IO::Socket::INET->new(
            PeerAddr => '127.0.0.1', PeerPort => $self->{nginx}{port})
            or die "connect: $!";

        syswrite $self->{socket}, TgoRTC::Live::request_bytes($request);

        local $SIG{ALRM} = sub { die "no answer to $method $path\n" };
        alarm 30;

        for ( ;; ) {
            my $n = sysread $self->{socket}, $in, 65536, length $in;
            my $answer = TgoRTC::Live::take_response(\$in, $method, !$n);

            if ($answer) {
                alarm 0;
                delete $self->{socket}
                    if ($answer->{head}{connection} || '') eq 'close';
                return $answer;
            }

            last if !$n;
        }

        alarm 0;
        delete $self->{socket};
    }

    die "no answer to $method $path\n";
}


# Does a step in the app; what is answered.

sub step {
    my ($self, $app, $step) = @_;
    my $op = $step->{op};
    my $rooms = "/$app/rooms";

    return $self->event($app, $step) if $op eq 'livekit';
    return $self->wrong($rooms, $step) if $op eq 'bad';

    return $self->ask('POST', $rooms, {
        creator => $step->{uid}, device_type => $step->{device},
        uids => $step->{uids}, max_participants => $step->{max},
        invite_on => $step->{invite_on}, rtc_type => $step->{rtc_type},
        $step->{unnamed} ? () : (room_id => $step->{room})
    }) if $op eq 'create';

    my $body = {
        $step->{uids} ? (uids => $step->{uids}) : (),
        defined $step->{uid} ? (uid => $step->{uid}) : (),
        defined $step->{device} ? (device_type => $step->{device}) : ()
    };

    return $self->ask('POST', "$rooms/$step->{room}/$op", $body);
}


sub wrong {
    my ($self, $rooms, $step) = @_;
    my $what = $step->{what};

    return $self->ask('POST', "$rooms/$step->{room}/join", {})
        if $what eq 'uid';
    return $self->ask('POST', "$rooms/$step->{room}/invite", { uids => [] })
        if $what eq 'uids';
    return $self->ask('POST', $rooms, { creator => 'u1', room_id => 'x' })
        if $what eq 'device';
    return $self->ask('POST', $rooms, { creator => 'u1', room_id => 'x',
                                        device_type => 'app',
                                        max_participants => 1 });
}


sub base64url {
    my ($bytes) = @_;
    my $text = encode_base64($bytes, '');

    $text =~ tr{+/}{-_};
    $text =~ s/=+$//;

    return $text;
}


sub event {
    my ($self, $app, $step) = @_;
    my $now = int time;

    my $data = {
        event => $step->{event}, id => $step->{id}, createdAt => "$now",
        room => { sid => $step->{rsid}, name => $step->{room} }
    };

    if (defined $step->{sid}) {
        my $p = $data->{participant} = { sid => $step->{sid},
                                         identity => $step->{uid} };

        if ($step->{event} eq 'track_published') {
            $data->{track} = { sid => "TR_$step->{sid}",
                               source => 'MICROPHONE' };

        } else {
            $p->{state} = $step->{event} eq 'participant_joined'
                          ? 'ACTIVE' : 'DISCONNECTED';
            $p->{metadata} = $json->encode({ device_type => $step->{device} });
            $p->{joinedAtMs} = "$step->{ms}";
            $p->{joinedAt} = int($step->{ms} / 1000) . '';
            $p->{permission} = { canSubscribe => JSON::PP::true };
        }

        # the value 0 of an enum is left out

        $p->{disconnectReason} = $step->{reason}
            if $step->{reason} && $step->{reason} ne 'UNKNOWN_REASON';

        if ($step->{nobody} && $step->{nobody} eq 'hidden') {
            $p->{permission}{hidden} = JSON::PP::true;

        } elsif ($step->{nobody}) {
            $p->{kind} = $step->{nobody};
        }
    }

    my $body = $json->encode($data);
    my $token = join '.', map { base64url($json->encode($_)) }
        { alg => 'HS256', typ => 'JWT' },
        { iss => $KEY, nbf => $now, exp => $now + 300,
          sha256 => encode_base64(sha256($body), '') };

    $token .= '.' . base64url(hmac_sha256($token, $SECRET));

    return $self->ask('POST', "/$app/livekit", $body, "Authorization: $token",
                      'Content-Type: application/webhook+json');
}


# --- what Redis holds

sub users {
    my ($self, $app) = @_;

    return $self->{redis}->users($app);
}


sub deadlines {
    my ($self, $app) = @_;

    return @{$self->{redis}->command('ZRANGE', "{$app}:deadlines", 0, -1)};
}


sub ringing {
    my ($self, $app) = @_;

    return $self->{redis}->command('GET', "{$app}:ringing");
}


1;
