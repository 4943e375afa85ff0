#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# What is in Redis for each call, in bytes: prints a table in Markdown.
#
#     perl -It/lib t/bench/memory.pl [CALLS]
#
# used_memory before and after so many calls, 10000, made by the API and by
# LiveKit's webhooks.  Ids of rooms have 22 bytes, as generated ones have.
# Events wait for an endpoint that was there once: nobody tries to deliver them.

use strict;
use warnings;

use TgoRTC::Bench;
use TgoRTC::Live;

my $calls = $ARGV[0] || 10000;
my $clients = 32;
my ($short, $uuid) = ('user_%07d', 'f81d4fae-7dec-41d0-a765-%012d');


sub used {
    my ($redis) = @_;

    return $redis->command('INFO', 'memory') =~ /^used_memory:(\d+)/m && $1;
}


sub server {
    my ($redis, $http) = @_;

    return nginx(redis => $redis, workers => 1, log_level => 'crit',
                 http => <<"END", server => <<'END');
keepalive_requests 1000000;
tgortc_ring_timeout 1h;
tgortc_join_timeout 1h;
tgortc_rejoin_grace 1h;
$http
END
location = /api/v1/webhooks/livekit {
    tgortc_livekit_webhook;
}
END
}


# Bytes for each of so many calls: while they ring, when all are connected, when
# they have ended; and how many changes of each wait then.

sub bytes_of {
    my ($n, %option) = @_;
    my $people = $option{people} || 2;
    my $uids = $option{uids} || $short;
    my $redis = redis();

    if ($option{endpoint}) {
        my $once = server($redis, 'tgortc_webhook http://127.0.0.1:9/;');

        ask($once->create('here', 'h'));
        ask($once->leave('here', 'h'));
        $once->stop;
    }

    my $nginx = server($redis, '');

    # the scripts are in Redis then, and what it has but once

    play($nginx->{port}, 1, [bytes(
        $nginx->create('first', 'a', 'b'), $nginx->join('first', 'b'),
        livekit($nginx, 'room_started', 'first'), $nginx->leave('first', 'b')
    )]);

    my $begin = used($redis);
    my @bytes;

    my $each = sub {
        my ($requests) = @_;

        play($nginx->{port}, $clients, map {
            my $i = $_;

            [bytes($requests->(sprintf('%022d', $i), map {
                sprintf $uids, $people * $i + $_
            } 0 .. $people - 1))];
        } 0 .. $n - 1);

        push @bytes, (used($redis) - $begin) / $n;
    };

    $each->(sub {
        my ($id, @uids) = @_;

        return $nginx->create($id, @uids, { max_participants => $people });
    });
    $each->(sub {
        my ($id, @uids) = @_;

        return (map { $nginx->join($id, $_) } @uids),
               livekit($nginx, 'room_started', $id),
               map { livekit($nginx, 'participant_joined', $id, $_) } @uids;
    });
    $each->(sub {
        my ($id, @uids) = @_;

        return (map { $nginx->leave($id, $_) } @uids[1 .. $#uids]),
               (map { livekit($nginx, 'participant_left', $id, $_) } @uids),
               livekit($nginx, 'room_finished', $id);
    });

    my ($queue) = @{$redis->command('KEYS', '{tgortc}:queue:*:' . '0' x 22)};

    $bytes[3] = defined $queue ? $redis->command('LLEN', $queue) : 0;
    $_->stop for $nginx, $redis;

    return @bytes;
}


my @pair = bytes_of($calls);
my @long = bytes_of($calls, uids => $uuid);
my @three = bytes_of($calls / 2, people => 3);
my @ten = bytes_of($calls / 5, people => 10);
my @waiting = bytes_of($calls, endpoint => 1);

my $person = ($ten[1] - $three[1]) / 7;
my $room = $waiting[0] - $pair[0];
my $change = ($waiting[2] - $pair[2] - $room) / ($waiting[3] - 1);

$| = 1;
row('bytes of Redis', '');
row('---', '--:');
row('a call that rings', sprintf '%.0f', $pair[0]);
row('a live one-to-one call, both connected', sprintf '%.0f', $pair[1]);
row('the same, uids of 36 bytes', sprintf '%.0f', $long[1]);
row('each further person of it', sprintf '%.0f', $person);
row('a group, once', sprintf '%.0f', $three[1] - $pair[1] - $person);
row('a call that has ended', sprintf '%.0f', $pair[2]);
row('a room whose events wait, for each endpoint', sprintf '%.0f', $room);
row("each further change that waits, of the $waiting[3] of a call",
    sprintf '%.0f', $change);
