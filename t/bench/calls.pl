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

use TgoRTC::Bench;
use TgoRTC::Endpoint;
use TgoRTC::Live;
use Time::HiRes qw(time);

my $calls = $ARGV[0] || 5000;
my $clients = 32;
my $events = 6;


# the requests of a call, as they are sent

sub requests {
    my ($nginx, $n) = @_;
    my ($id, $a, $b) = ("call$n", "a$n", "b$n");

    return bytes(
        $nginx->create($id, $a, $b), $nginx->join($id, $a),
        $nginx->join($id, $b), livekit($nginx, 'room_started', $id),
        livekit($nginx, 'participant_joined', $id, $a),
        livekit($nginx, 'participant_joined', $id, $b), $nginx->leave($id, $a),
        livekit($nginx, 'participant_left', $id, $a),
        livekit($nginx, 'participant_left', $id, $b),
        livekit($nginx, 'room_finished', $id)
    );
}


my $redis = redis();
my $port = free_port();
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
my ($worker) = ($nginx->pids)[-1];
my @calls = map { [requests($nginx, $_)] } 1 .. $calls;

my ($begin, $cpu, $redis_cpu) = (time, cpu($worker), cpu($redis->{pid}));

play($nginx->{port}, $clients, @calls);

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
