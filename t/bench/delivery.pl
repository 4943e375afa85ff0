#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# How fast events leave, on loopback: prints a table in Markdown.
#
#     perl -It/lib t/bench/delivery.pl [EVENTS]
#
# One nginx worker with the module, one Redis, another nginx as the endpoint.
# CPU times are those of /proc: they hold also on a machine that does other
# work.

use strict;
use warnings;

use FindBin;
use TgoRTC::Bench;
use TgoRTC::Endpoint;
use TgoRTC::Live;
use Time::HiRes qw(time);

my $events = $ARGV[0] || 100000;


sub percentile {
    my ($p, @values) = @_;

    return sprintf '%.1f ms', 1000 * (sort { $a <=> $b } @values)[$p * @values];
}


# calls that somebody is invited to, an event each, by the script alone

sub make_rooms {
    my ($redis, $n) = @_;

    my $scripts = "$FindBin::Bin/../../src/scripts";
    my $link = 'awk -v lua=1 -v parts=parts -f embed.awk create.lua';
    my $text = qx(cd '$scripts' && $link);
    my $sha1 = $redis->command('SCRIPT', 'LOAD', $text);
    my $rooms = "'$FindBin::Bin/rooms.pl' create $sha1 user_%07d 0 $n";
    my $said = qx($rooms | redis-cli -s '$redis->{path}' --pipe);

    die "no rooms\n" if $said !~ /^errors: 0, replies: $n$/m;
}


print "| | |\n|---|---|\n";

# an idle system: from the request that makes the change to its arrival, with
# the request itself

{
    my $endpoint = endpoint();
    my $nginx = nginx(redis => redis(), workers => 1,
                      http => $endpoint->hook('/'));
    my @took;

    for my $i (1 .. 300) {
        my $begin = time;

        ask($nginx->create("idle$i", "a$i", "b$i"));
        $endpoint->await_events($i);
        push @took, ($endpoint->requests)[-1]{time} - $begin;
    }

    row('event to endpoint, idle, p50', percentile(0.5, @took));
    row('event to endpoint, idle, p99', percentile(0.99, @took));
    $nginx->stop;
}

# a queue that has grown while nobody listened, and how it is delivered

{
    my $redis = redis();
    my $port = TgoRTC::Live::free_port();
    my $nginx = nginx(redis => $redis, workers => 1, http => <<"END",
tgortc_webhook http://127.0.0.1:$port/;
END
                      server => <<'END');
location /api/v1/webhooks/logs {
    tgortc_webhook_logs;
}
END
    my ($worker) = ($nginx->pids)[-1];

    # the endpoint has to be known to Redis before its events are written

    ask($nginx->create('here', 'h'));
    make_rooms($redis, $events);

    my $sink = nginx(workers => 1, redis => $redis, http => <<"END");
server {
    listen  127.0.0.1:$port;

    location / {
        return  200;
    }
}
END

    $redis->command('CONFIG', 'RESETSTAT');

    my $begin = time;
    my ($cpu, $redis_cpu) = (cpu($worker), cpu($redis->{pid}));
    my @took;

    do {
        for (1 .. 20) {
            my $response = ask($nginx->get('/here'));

            die 'GET fails' if $response->{status} != 200;
            push @took, $response->{time};
        }
    } while (stats($nginx)->{pending_count} > 0);

    my $took = time - $begin;

    $cpu = cpu($worker) - $cpu;
    $redis_cpu = cpu($redis->{pid}) - $redis_cpu;

    row('events that waited', $events);
    row('deliveries per second', int($events / $took));
    row('deliveries per CPU second of the worker', int($events / $cpu));
    row('worker CPU per delivery', sprintf '%.0f µs', 1e6 * $cpu / $events);
    row('Redis CPU per delivery', sprintf '%.0f µs',
        1e6 * $redis_cpu / $events);
    row('GET of a room meanwhile, p50', percentile(0.5, @took));
    row('GET of a room meanwhile, p99', percentile(0.99, @took));
    $nginx->stop;
    $sink->stop;
}
