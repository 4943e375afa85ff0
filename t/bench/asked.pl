#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# What it costs that LiveKit is asked about each call, once a minute: prints a
# table in Markdown.
#
#     perl -It/lib t/bench/asked.pl [CALLS]
#
# So many calls, 5000, are created and connected, and then left alone.  LiveKit
# is a stand-in that has exactly those who are in the call.  What worker and
# Redis use while nobody is asked about, for as long, is subtracted.

use strict;
use warnings;

use TgoRTC::Bench;
use TgoRTC::Live;
use Time::HiRes qw(sleep time);

my $calls = $ARGV[0] || 5000;
my $clients = 32;
my $minute = 60;
my $now = int time;

# nginx has a request's body in a variable when it passes it on: so this one
# answers itself.  It has a Redis of its own: whoever has that of the calls
# looks after them too.

my ($port, $second) = (free_port(), free_port());
my $redis = redis();
my $livekit = nginx(workers => 1, redis => redis(), http => <<"END");
keepalive_requests 1000000;

map \$http_x_body \$call {
    "~(?<digits>\\d{11})"  \$digits;
}

upstream self {
    server     127.0.0.1:$second;
    keepalive  64;
}

server {
    listen      127.0.0.1:$port;
    access_log  asked.log;

    location / {
        proxy_pass          http://self;
        proxy_http_version  1.1;
        proxy_set_header    Connection '';
        proxy_set_header    X-Body \$request_body;
    }
}

server {
    listen  127.0.0.1:$second;

    location / {
        default_type  application/json;
        return  200  '{"participants":[@{[join ',', map {
            qq({"sid":"PA_$_\$call","identity":"$_\$call","state":"ACTIVE",)
            . qq("joined_at":"$now","joined_at_ms":"${now}000"})
        } 'a', 'b']}]}';
    }
}
END
my $nginx = nginx(workers => 1, redis => $redis, http => <<"END",
keepalive_requests 1000000;
tgortc_livekit_api http://127.0.0.1:$port/;
END
                  server => <<'END');
location = /api/v1/webhooks/livekit {
    tgortc_livekit_webhook;
}
END
my ($worker) = $nginx->pids;


sub asked { return TgoRTC::Live::slurp("$livekit->{dir}/asked.log") =~ tr/\n// }


sub used { return (cpu($worker), cpu($redis->{pid}), time) }


# rooms and uids as the stand-in knows them

my @calls = map {
    my $call = sprintf '%011d', $_;
    my ($id, @uids) = ("room-$call", "a$call", "b$call");

    [bytes($nginx->create($id, @uids), livekit($nginx, 'room_started', $id),
           map { livekit($nginx, 'participant_joined', $id, $_) } @uids)];
} 1 .. $calls;

my $begin = time;

play($nginx->{port}, $clients, @calls);

die "it took too long to connect them\n" if time - $begin > $minute / 2;

# nobody is asked about before a minute has passed

my @idle = used();

sleep $minute - 2 - (time - $begin);
die "asked too early\n" if asked();

my @before = used();

wait_for(sub { asked() >= $calls }, 2 * $minute);
sleep 1;

my @after = used();
my $n = asked();

die "$n questions about $calls calls\n" if $n != $calls;
die "calls have ended\n" if $redis->deadlines != $calls;

my $for = ($after[2] - $before[2]) / ($before[2] - $idle[2]);

print "| | |\n|---|--:|\n";
row('calls that LiveKit is asked about', $n);
row('worker CPU per question',
    sprintf '%.0f µs', 1e6 * ($after[0] - $before[0]
                              - $for * ($before[0] - $idle[0])) / $n);
row('Redis CPU per question',
    sprintf '%.0f µs', 1e6 * ($after[1] - $before[1]
                              - $for * ($before[1] - $idle[1])) / $n);
