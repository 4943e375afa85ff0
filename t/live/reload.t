#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# Workers come and go under load: reload, QUIT of single workers, in-flight
# requests to a slow Redis.  No request is dropped, nobody complains.

use strict;
use warnings;

use POSIX ();
use Test::More;
use TgoRTC::Endpoint;
use TgoRTC::Live;
use Time::HiRes qw(sleep time);


my $redis = redis();
my $nginx = nginx(redis => $redis, listen => '');


# Clients that make calls one after the other, until they are stopped; each
# answer has to be the one that it would be without all this.

sub load {
    my ($server, $name, $keepalive) = @_;

    return background(sub {
        my ($go_on) = @_;
        my ($done, @wrong) = (0);

        my @agents = map {
            my ($me, $n, $step, $id) = ("$name$_", 0, 0, '');

            sub {
                my ($response) = @_;

                if ($response) {
                    $done++;
                    push @wrong, "$response->{request}{path} $id: "
                                 . ($response->{error} || $response->{body})
                        if $response->{status} != 200;
                }

                return if $step == 0 && !$go_on->();

                $id = "$me-" . ++$n if $step == 0;

                my $request = $step == 0 ? $server->create($id, $me, "$me.b")
                            : $step == 1 ? $server->join($id, "$me.b")
                            : $step == 2 ? $server->get("/$id")
                            :              $server->leave($id, $me);

                $step = ($step + 1) % 4;

                return { %$request, keepalive => $keepalive };
            }
        } 1 .. 8;

        my $repeats = drive(\@agents, deadline => 100);

        return { done => $done, repeats => $repeats,
                 wrong => [@wrong > 10 ? @wrong[0 .. 9] : @wrong] };
    });
}


# Waits until so many more connections than before are open in the workers.

sub under_way {
    my ($server, $before, $n) = @_;

    return wait_for(sub { $server->fds >= $before + $n });
}


sub is_complete {
    my ($what, $load) = @_;
    my $result = $load->finish || { failed => 'it does not end' };

    is($result->{failed}, undef, "$what: the clients ended");
    is_deeply($result->{wrong}, [], "$what: no request was dropped");
    cmp_ok($result->{done} || 0, '>', 100,
           "$what: there was load ($result->{done})");

    return $result;
}


my $close = load($nginx, 'c', 0);
my $keep = load($nginx, 'k', 1);

for my $round (1 .. 6) {
    sleep 0.2;
    ok($nginx->reload, "reload $round under load: the old workers are gone");
}

for my $pid ($nginx->pids) {
    kill QUIT => $pid;

    ok(wait_for(sub {
           my @pids = $nginx->pids;

           return @pids == 2 && !grep { $_ == $pid } @pids;
       }), 'QUIT of a worker under load: there is another one');
    sleep 0.2;
}

is_complete('one request for each connection', $close);

my $result = is_complete('keep-alive', $keep);

cmp_ok($result->{repeats}, '<', 16 * 8,
       "keep-alive: idle connections were closed ($result->{repeats})");

is_deeply($redis->users, {}, 'what was begun was done');


# Requests that wait for Redis while the workers are to end: those are old
# workers, and they wait.

for my $round (1 .. 3) {
    my %old = map { $_ => 1 } $nginx->pids;
    my $before = $nginx->idle_fds;
    my (%workers, @responses, $waited);

    $redis->signal('STOP');
    drive([
        map {
            my $request = $nginx->create("slow$round-$_", "s$round-$_");

            sub {
                my ($response) = @_;

                return $request if !$response;
                push @responses, $response;
                return;
            }
        } 1 .. 40
    ], at => [
        [0.1, sub {
            under_way($nginx, $before, 40);
            $nginx->signal('HUP');
        }],
        [0.3, sub {
            # the new ones are there, the old ones wait
            $waited = grep { $old{$_} } $nginx->pids;
            $redis->signal('CONT');
        }]
    ]);

    $workers{$_->{head}{'x-worker'} || 'none'} = 1 for @responses;

    is(count_by_status(@responses), '200: 40',
       "slow Redis at reload $round: all are served");
    is(join(' ', grep { !$old{$_} } keys %workers), '', 'by the old workers');
    cmp_ok($waited, '>', 0, 'which waited with ending');
    ok(wait_for(sub { !grep { $old{$_} } $nginx->pids }), 'and ended then');
}


# QUIT of it all, with requests under way and connections kept alive

{
    my $server = nginx(redis => $redis, listen => '');

    is(ask($server->create('quit0', 'q0'))->{status}, 200, 'it serves');

    my $before = $server->idle_fds;

    $redis->signal('STOP');

    my $background = background(sub {
        my @statuses;

        drive([
            map {
                my $n = $_;
                my $asked = 0;

                sub {
                    my ($response) = @_;

                    push @statuses, $response->{status} if $response;
                    return if $asked++;
                    return { %{$server->create("quit$n", "q$n")},
                             keepalive => 1 };
                }
            } 1 .. 20
        ]);

        return { statuses => \@statuses };
    });

    ok(under_way($server, $before, 20), 'requests are under way');

    my $continue = background(sub {
        sleep 0.2;
        kill CONT => $redis->{pid};
        return {};
    });

    ok($server->quit, 'QUIT of nginx: it ends, with status 0');
    $redis->signal('CONT');
    $continue->finish;
    is(join(' ', @{$background->finish->{statuses}}), join(' ', (200) x 20),
       'QUIT of nginx: requests under way are served');
    is($server->trouble, '', 'QUIT of nginx: nothing bad in the log');
}


# Ended at once, or after a while, with requests under way: nothing breaks.

for my $how ('TERM', 'QUIT') {
    my $server = nginx(redis => "$redis->{address} timeout=3s",
                       main => 'worker_shutdown_timeout 300ms;');

    is(ask($server->create("$how-0", "$how-0"))->{status}, 200, 'it serves');

    my $before = $server->idle_fds;

    $redis->signal('STOP');

    my $background = background(sub {
        my @responses = fire([map { $server->create("$how-$_", "$how-$_") }
                                  1 .. 20]);

        return { errors => [map { $_->{error} || $_->{status} } @responses] };
    });

    ok(under_way($server, $before, 20), 'requests are under way');

    my $since = time;

    ok($server->quit($how), "$how without patience: it ends, with status 0");
    cmp_ok(time - $since, '<', 12, 'soon');
    is(scalar @{$background->finish->{errors}}, 20, 'clients do not hang');
    $redis->signal('CONT');
    is($server->trouble, '', 'nothing bad in the log');
}


# A configuration that takes longer to read than Redis may take to answer (here
# it waits for somebody to open the other end of a pipe) is no reason for a 503.

{
    my $pipe = TgoRTC::Live::name('pipe');

    POSIX::mkfifo($pipe, 0600) or die "$pipe: $!";

    my $release = sub {
        return background(sub {
            sleep 3.5;
            open my $fh, '>', $pipe;
            return {};
        });
    };

    my $server = nginx(redis => "$redis->{address} timeout=3s",
                       listen => '', http => "include $pipe;", later => 1);

    my $begin = $release->();

    $server->start;
    $begin->finish;

    my $load = load($server, 's', 0);

    for my $round (1 .. 3) {
        my $background = $release->();

        ok($server->reload, "slow configuration, reload $round");
        $background->finish;
    }

    is_complete('slow configuration', $load);
    ok($server->quit, 'it ends');
    is($server->trouble, '', 'nothing bad in the log');
}


# An upgrade of the binary that is taken back: the master starts workers beside
# those that there are, who still send.

{
    my $endpoint = endpoint();

    $endpoint->answer({ answers => [{ delay => 3 }] });

    my $server = hooked("$redis->{address} prefix=upgrade",
                        $endpoint->hook('/'), workers => 1, listen => '',
                        later => 1);
    my $pid_file = "$server->{dir}/nginx.pid";

    # nginx does not upgrade while it has the parent that started it: the shell
    # says when that one, which is between them, has gone

    my $orphaned = "$server->{dir}/orphaned";

    $server->{port} = free_port();
    $server->write_conf;
    $server->{pid} = TgoRTC::Live::spawn(sub {
        exec 'sh', '-c', 'orphaned=$1; shift;'
             . ' ("$@" & until [ -s "$0" ]; do sleep 0.01; done);'
             . ' : > "$orphaned"; exec sleep 1000',
             $pid_file, $orphaned, $server->command;
    }, "$server->{dir}/stderr");
    ok(wait_for(sub { -e $orphaned }), 'a server');

    my $pid = slurp($pid_file) + 0;
    my ($worker) = children($pid);

    is(ask($server->create('upgrade', 'a', 'b'))->{status}, 200, 'a call');
    is(scalar $endpoint->await(1), 1, 'is being told of');

    kill USR2 => $pid;
    ok(wait_for(sub { -e "$pid_file.oldbin" && -s $pid_file }),
       'a new binary runs');

    my $others = children($pid);

    kill HUP => $pid;
    ok(wait_for(sub { children($pid) > $others }), 'the old one goes on');
    ok($endpoint->await_answers, 'the endpoint answers');
    is(scalar $endpoint->requests, 1, 'to one request');

    kill QUIT => slurp($pid_file) + 0, $pid;
    ok(wait_for(sub { !kill 0 => $worker }), 'they end');
    is(scalar $endpoint->requests, 1, 'and to no other');
}


# A worker that has to wait with ending connects to Redis again, as others do,
# and does not bring back what the configuration no longer has.

{
    my $redis = redis();
    my $endpoint = endpoint();
    my $server = hooked("$redis->{address} prefix=leaving",
                        $endpoint->hook('/'), workers => 1, listen => '');
    my ($old) = $server->pids;

    ok(wait_for(sub { $redis->command('EXISTS', '{leaving}:endpoints') }),
       'an endpoint is registered');

    my $client = TgoRTC::Live::open_connection($server->{port});

    $client->blocking(1);
    print $client "POST /api/v1/rooms HTTP/1.1\r\nHost: localhost\r\n"
                  . "Content-Length: 100\r\nExpect: 100-continue\r\n\r\n";
    $client->flush;
    like(scalar <$client>, qr/ 100 /, 'a request is under way');

    $server->{http} = '';
    $server->write_conf;
    $server->signal('HUP');

    ok(wait_for(sub { $server->pids == 2
                      && slurp("/proc/$old/cmdline") =~ /shutting down/ }),
       'the endpoint is taken out, the old worker waits');

    my $registered = $redis->command('HGETALL', '{leaving}:endpoints');

    # what is asked of Redis comes after what it is told of, and an old worker
    # asks for nothing after it

    $redis->command('CLIENT', 'KILL', 'TYPE', 'normal');
    ok(wait_for(sub {
        my $clients = $redis->command('CLIENT', 'LIST');

        $clients =~ / cmd=info /i && $clients =~ / cmd=evalsha /i
            && (() = $clients =~ /^id=/mg) >= 3;
    }), 'both are connected again');
    is_deeply($redis->command('HGETALL', '{leaving}:endpoints'), $registered,
              'the old one does not register the endpoint');

    close $client;
    ok(wait_for(sub { !kill 0 => $old }), 'the old worker ends');
    ok($server->quit, 'it ends');
    is($server->trouble, '', 'nothing bad in the log');
}


# With a Redis that is gone, workers come and go as well.

{
    my $gone = nginx(redis => 'unix:/nonexistent/redis.sock timeout=300ms',
                     listen => '');

    for my $round (1 .. 3) {
        my $background = background(sub {
            fire([map { $gone->create(undef, "g$_") } 1 .. 8]);
            return {};
        });

        ok($gone->reload, "reload $round without Redis");
        $background->finish;
    }

    is(unavailable(ask($gone->create(undef, 'g')), 3), '', 'it answers 503');
    ok($gone->quit, 'it ends');
    is($gone->trouble, '', 'nothing bad in the log');
}


ok($nginx->quit, 'it ends');
is($nginx->trouble, '', 'nothing bad in the log');

done_testing();
