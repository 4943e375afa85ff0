#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# Whole calls: prints a table in Markdown.
#
#     perl -It/lib t/bench/calls.pl [CALLS]
#
# A call is created, both join, LiveKit says that the room is there and both are
# connected, one hangs up, LiveKit says that they left and the room is gone: ten
# requests, six events, each delivered.  One nginx worker with the module, one
# Redis, another nginx as the endpoint, and this as 32 clients.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use TgoRTC::Calls;
use TgoRTC::Endpoint;
use TgoRTC::Live;
use Time::HiRes qw(time);

my $calls = $ARGV[0] || 5000;
my $clients = 32;
my $events = 6;
my $tick = 0 + `getconf CLK_TCK`;
my $json = JSON::PP->new->canonical->utf8;


sub cpu {
    my ($pid) = @_;
    my @stat = split ' ', TgoRTC::Live::slurp("/proc/$pid/stat");

    return ($stat[13] + $stat[14]) / $tick;
}


sub row { printf "| %s | %s |\n", @_ }


# the requests of a call, as they are sent

sub requests {
    my ($api, $n) = @_;
    my $nginx = $api->{nginx};
    my ($id, $a, $b) = ("call$n", "a$n", "b$n");
    my $now = int time;

    my $livekit = sub {
        my ($event, $uid) = @_;
        my %data = (event => $event, id => "EV_$event$n" . ($uid || ''),
                    createdAt => "$now",
                    room => { sid => "RM_$n", name => $id });

        $data{participant} = { sid => "PA_$uid", identity => $uid,
                               state => 'ACTIVE', joinedAtMs => "${now}000" }
            if $uid;

        my $body = $json->encode(\%data);

        return $api->webhook_request($body, TgoRTC::Calls::token($body));
    };

    return map { TgoRTC::Live::request_bytes({ %$_, keepalive => 1 }) }
        $nginx->create($id, $a, $b), $nginx->join($id, $a),
        $nginx->join($id, $b), $livekit->('room_started'),
        $livekit->('participant_joined', $a),
        $livekit->('participant_joined', $b), $nginx->leave($id, $a),
        $livekit->('participant_left', $a),
        $livekit->('participant_left', $b), $livekit->('room_finished');
}


# Each client makes its calls one after the other.

sub play {
    my ($port, @calls) = @_;
    my $select = IO::Select->new;
    my %left;

    for my $i (1 .. $clients) {
        my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
            or die "connect: $!";
        my @mine = map { @{$calls[$_]} }
                       grep { $_ % $clients == $i - 1 } 0 .. $#calls;

        $left{$socket} = \@mine;
        $select->add($socket);
        syswrite $socket, shift @mine;
    }

    while ($select->count) {
        for my $socket ($select->can_read) {
            sysread $socket, my $data, 65536;
            die "a request failed: $data" if $data !~ m{^HTTP/1.1 200 };

            if (my $next = shift @{$left{$socket}}) {
                syswrite $socket, $next;
            } else {
                $select->remove($socket);
            }
        }
    }
}


my $redis = redis();
my $port = TgoRTC::Live::free_port();
my $sink = nginx(workers => 1, redis => $redis, http => <<"END");
server {
    listen  127.0.0.1:$port;

    location / {
        return  200;
    }
}
END
my $nginx = nginx(workers => 1, redis => $redis,
                  main => 'worker_rlimit_nofile 8192;', http => <<"END",
keepalive_requests 1000000;
tgortc_webhook http://127.0.0.1:$port/ max_in_flight=64;
END
                  server => <<'END');
location /api/v1/webhooks/logs {
    tgortc_webhook_logs;
}

location = /api/v1/webhooks/livekit {
    tgortc_livekit_webhook;
}
END
my $api = bless { nginx => $nginx }, 'TgoRTC::Calls';
my ($worker) = ($nginx->pids)[-1];
my @calls = map { [requests($api, $_)] } 1 .. $calls;

my ($begin, $cpu, $redis_cpu) = (time, cpu($worker), cpu($redis->{pid}));

play($nginx->{port}, @calls);

my $played = time - $begin;

wait_for(sub { (stats($nginx)->{pending_count} || 0) == 0 }, 300);

my $took = time - $begin;
my $stats = stats($nginx);

$cpu = cpu($worker) - $cpu;
$redis_cpu = cpu($redis->{pid}) - $redis_cpu;

die "$stats->{success_count} events of $calls calls were delivered\n"
    if $stats->{success_count} != $events * $calls;

print "| | |\n|---|---|\n";
row('calls', $calls);
row('whole calls per second', int($calls / $took));
row('requests per second, meanwhile', int(10 * $calls / $played));
row('events per second, meanwhile', int($events * $calls / $took));
row('worker CPU per call', sprintf '%.0f µs', 1e6 * $cpu / $calls);
row('Redis CPU per call', sprintf '%.0f µs', 1e6 * $redis_cpu / $calls);
row('Redis CPU per event, with its call', sprintf '%.0f µs',
    1e6 * $redis_cpu / $calls / $events);
