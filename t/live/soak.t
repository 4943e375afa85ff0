#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# Calls made, answered, ended, told of, one after the other at full speed, with
# a reload now and then: neither the workers nor Redis grow with them, no
# descriptor stays open, and in the end Redis holds what docs/redis.md says
# never ends, and nothing else.
#
# SOAK_CALLS is how many, soak.lua makes them; what is a leak is said per call,
# not by the clock.

use strict;
use warnings;

use POSIX ();
use Test::More;
use TgoRTC::Calls;
use TgoRTC::Live;


my $total = $ENV{SOAK_CALLS} || (sanitized() ? 2000 : 6000);
my $agents = 16;

# of each, the first is for warming up

my $rounds = $total < 100_000 ? 6 : 20;
my $of_agent = POSIX::ceil($total / $rounds / $agents);
my $per_round = $of_agent * $agents;
my $calls = 0;
# An endpoint that keeps nothing of what it is sent.

my $endpoint_port = free_port();

my $user = $> == 0 ? 'user root;' : '';
my $sink = nginx(workers => 1, later => 1);

$sink->{port} = $endpoint_port;
$sink->{conf} = <<"END";
$user
daemon off;
worker_processes 1;
error_log $sink->{dir}/error.log notice;
pid $sink->{dir}/nginx.pid;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path $sink->{dir}/temp;
    proxy_temp_path $sink->{dir}/temp;
    fastcgi_temp_path $sink->{dir}/temp;
    uwsgi_temp_path $sink->{dir}/temp;
    scgi_temp_path $sink->{dir}/temp;
    keepalive_requests 1000000;
    server { listen 127.0.0.1:$endpoint_port; location / { return 200; } }
}
END

$sink->write_conf;
$sink->{pid} = TgoRTC::Live::spawn(sub { exec $sink->command },
                                   "$sink->{dir}/stderr");
ok($sink->is_up, 'an endpoint is there');


my $in_flight = 8;
my $redis = redis();
my $nginx = nginx(
    redis => "$redis->{address} timeout=20s",
    http => <<"END", server => <<'END',
keepalive_requests 1000000;
tgortc_webhook http://127.0.0.1:$endpoint_port/hook secret=secret
               max_in_flight=$in_flight;
tgortc_room_retention 1s;
tgortc_webhook_log_retention 1s;
END
location = /api/v1/webhooks/livekit {
    tgortc_livekit_webhook;
}
END
);


# Has each agent make so many calls.  Returns what one of them said was wrong.

sub make_calls {
    my ($round, $of_agent) = @_;

    pipe(my $from, my $to) or die "pipe: $!";

    my $pid = TgoRTC::Live::spawn(sub {
        open STDOUT, '>&', $to or die $!;
        exec 'wrk', '-t', $agents, '-c', $agents, '-d', '1h',
             '-s', 't/live/soak.lua', "http://127.0.0.1:$nginx->{port}", '--',
             $TgoRTC::Calls::KEY, $TgoRTC::Calls::SECRET, $round, $of_agent;
    }, "$nginx->{dir}/wrk.log");

    close $to;

    my ($done, $wrong) = (0);

    while ($done < $agents && !defined $wrong) {
        my $line = <$from>;

        if (!defined $line) {
            $wrong = 'wrk ended: ' . slurp("$nginx->{dir}/wrk.log");

        } elsif ($line eq "done\n") {
            $done++;

        } elsif ($line =~ /^room/) {
            $wrong = $line;
        }
    }

    # it would wait until its time is over

    TgoRTC::Live::kill_group($pid);

    return $wrong;
}


sub queued {
    return @{$redis->command('KEYS', '{tgortc}:queue:*')};
}

sub memory {
    my ($name) = @_;

    return $redis->command('INFO', 'memory') =~ /^\Q$name\E:(\d+)/m ? $1 : 0;
}

sub settle {
    return wait_for(sub {
        !queued() && !@{$redis->command('KEYS', '{tgortc}:room:*')}
    }, 60);
}


my (@rss, @used, @fds, $failed);

for my $round (1 .. $rounds) {
    $failed = make_calls($round, $of_agent);
    last if defined $failed;

    $calls += $per_round;

    settle() or $failed = 'something waits for ever: '
                          . join ' ', queued();

    my @pids = $nginx->pids;
    my $sum = 0;

    $sum += rss($_) for @pids;
    push @rss, $sum;
    push @used, memory('used_memory');
    push @fds, $nginx->idle_fds;

    # in the middle, and everything is measured from there anew

    if ($round == int($rounds / 2)) {
        ok($nginx->reload(60), 'a reload');
        @rss = ();
    }
}

is($failed, undef, "$calls calls");
diag("rss (kB): @rss; Redis: @used; descriptors: @fds");

my $measured = $per_round * ($#rss - 1);

# what a worker has asked of the kernel by its second round is enough for all
# the others: less than 40 bytes for a call, or a few pages

SKIP: {
    skip 'sanitizers keep memory', 1 if sanitized();

    cmp_ok(($rss[-1] - $rss[1]) * 1024, '<', 40 * $measured + 1_000_000,
           'the workers do not grow');
}

cmp_ok($used[-1] - $used[1], '<', 10 * $per_round * ($#used - 1) + 300_000,
       'Redis does not grow');
# but connections to the endpoint, each of which may be wanted again

cmp_ok($fds[-1], '<=', $fds[0] + 2 * $in_flight + 8,
       'no descriptor stays open');

# tidied up by the next registration

ok(wait_for(sub {
    !grep { !/^\{tgortc\}:(?:endpoints|stats)$/ }
          @{$redis->command('KEYS', '*')}
}, 60), 'Redis holds what never ends, and nothing else')
    or diag(join ' ', @{$redis->command('KEYS', '*')});

my %stats = @{$redis->command('HGETALL', '{tgortc}:stats')};
my ($sent, $done) = (0, 0);

/:total:/ and $sent += $stats{$_} for keys %stats;
/:ok:/ and $done += $stats{$_} for keys %stats;

cmp_ok($sent, '>=', 5 * $calls, 'events were written');
is($done, $sent, 'and all of them delivered');

is($nginx->trouble, '', 'nothing bad in the log');
ok($nginx->quit, 'it ends as it should');

done_testing();
