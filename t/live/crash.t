#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# Workers, nginx and Redis are killed, and nginx is reloaded, under load: every
# event arrives, those of a room in order, hardly any of them twice.

use strict;
use warnings;

use List::Util qw(max);
use Test::More;
use TgoRTC::Endpoint;
use TgoRTC::Live;
use Time::HiRes qw(sleep time);


my $slack = sanitized() ? 4 : 1;
my $redis = redis();
my $endpoint = endpoint();


sub app {
    my ($prefix, $parameters, %more) = @_;

    return hooked("$redis->{address} prefix=$prefix timeout=5s",
                  $endpoint->hook("/$prefix", $parameters), %more);
}


# Clients that make calls, three events each, one after the other.  What fails
# is asked again, of the next server, until it is done.

sub load {
    my ($name, @servers) = @_;

    return background(sub {
        my ($go_on) = @_;
        my $start = time;
        my (@rooms, %failures);

        my @agents = map {
            my ($me, $n, $tries, $step, $again, $room)
                = ("$name$_-", 0, $_, 'create', 0);

            sub {
                my ($response) = @_;
                my $elapsed = time - $start;

                if ($response) {
                    my $status = $response->{status};

                    if ($status == 200 || $again && $status == 409) {
                        push @rooms, $room if $step eq 'leave';
                        $step = $step eq 'create' ? 'leave' : 'create';
                        $again = 0;

                    } else {
                        $failures{$status || $response->{error}}++;
                        $tries++;
                        $again = 1;
                    }
                }

                if ($step eq 'create' && !$again) {
                    return if !$go_on->();
                    $room = $me . ++$n;
                }

                return if $elapsed > 90;

                my $server = $servers[$tries % @servers];

                return { %{$step eq 'create'
                           ? $server->create($room, "$room.a", "$room.b")
                           : $server->leave($room, "$room.b")},
                         after => $elapsed + 0.06 };
            }
        } 1 .. 16;

        drive(\@agents, deadline => 100);

        return { rooms => \@rooms, failures => \%failures };
    });
}


# All of it arrived, in order, and not more than so much of it twice.

sub is_delivered {
    my ($what, $load, $app, $repeats, $nginx) = @_;

    my $result = $load->finish || {};
    my @rooms = @{$result->{rooms} || []};
    my $n = 3 * @rooms;
    my $path = "^/$app\$";

    cmp_ok(scalar @rooms, '>', 50, "$what: " . @rooms . ' calls');
    is($endpoint->await_events($n, path => $path), $n,
       "$what: every event arrived");
    is(delivered($nginx, $n), "$n = $n ok + 0 failed + 0 pending",
       "$what: and is accounted for");

    my @requests = $endpoint->requests(path => $path);
    my %came = map { ("$_->{room} $_->{seq}" => 1) } @requests;

    is(join(' ', grep { !$came{"$_ 1"} || !$came{"$_ 2"} || !$came{"$_ 3"} }
                 @rooms), '', "$what: three of each call");
    is(misordered(@requests), '', "$what: in order");

    my $repeated = repeated(@requests);

    cmp_ok($repeated, '<=', $repeats,
           "$what: $repeated of them twice, at most $repeats");

    return $result;
}


sub delivered {
    my ($nginx, $n) = @_;

    wait_for(sub { counts($nginx) eq "$n = $n ok + 0 failed + 0 pending" }, 40);

    return counts($nginx);
}


sub respawned {
    my ($nginx, $pid) = @_;

    return wait_for(sub {
        my @pids = $nginx->pids;

        @pids == $nginx->{workers} && !grep { $_ == $pid } @pids;
    });
}


# in the log, but what says that somebody was killed

sub trouble {
    my ($nginx) = @_;

    return join "\n", grep { !/exited on signal 9/ }
                      split /\n/, $nginx->trouble;
}


my $delay = { answers => [{ delay => 0.03 }] };

$endpoint->answer($delay);


# --- workers

{
    my ($crashes, $in_flight) = (12, 16);
    my $nginx = app('workers', "max_in_flight=$in_flight timeout=2s");
    my $load = load('w', $nginx);

    for my $round (1 .. $crashes) {
        my @pids = $nginx->pids;
        my $pid = $pids[$round % @pids];

        sleep 0.2;
        kill KILL => $pid;
        ok(respawned($nginx, $pid), "worker $round: there is another one");
    }

    is_delivered('workers', $load, 'workers', $crashes * $in_flight, $nginx);
    ok($nginx->quit, 'it ends');
    is(trouble($nginx), '', 'nothing bad in the log');
}


# --- what a killed worker held, long before its lease ends; of many workers
# --- the others, too, whatever their numbers have in common

for my $workers (1, 3, sanitized() ? () : 65) {
    my $app = "held$workers";
    my $nginx = app($app, 'timeout=30s', workers => $workers);
    my $n = $workers < 65 ? 30 : 600;
    my @rooms = map { "$app-$_" } 1 .. $n;

    $endpoint->answer({ path => $app,
                        answers => [{ delay => $workers < 65 ? 4 : 12 }, {}] },
                      $delay);

    # one after the other, so that each worker has some

    is(count_by_status(map { ask($nginx->create($_, "$_.a", "$_.b")) } @rooms),
       "200: $n", "$workers workers: rooms");
    is(scalar $endpoint->await($n, path => $app), $n, 'events are under way');

    my ($pid) = $nginx->pids;

    kill KILL => $pid;
    ok(respawned($nginx, $pid), 'one is killed');

    my $since = time;

    is(delivered($nginx, $n), "$n = $n ok + 0 failed + 0 pending",
       'they are delivered');
    $endpoint->await_answers(path => $app);

    my @requests = $endpoint->requests(path => $app);
    my (%first, @again);

    for my $request (@requests) {
        if ($first{$request->{id}}) {
            push @again, $request;
        } else {
            $first{$request->{id}} = $request;
        }
    }

    # those that had no answer when their connection was gone

    is(join(' ', sort map { $_->{id} } @again),
       join(' ', sort map { $_->{id} } grep { $_->{status} != 200 }
                                       values %first),
       'what it held is sent again, and nothing else');
    cmp_ok(scalar @again, '>', 0, 'some: ' . @again);
    is(scalar @again, 30, 'all of it') if $workers == 1;
    cmp_ok(max($since, map { $_->{time} } @again) - $since, '<', 3 * $slack,
           'soon after there is another worker');
    ok($nginx->quit, 'it ends');
    is(trouble($nginx), '', 'nothing bad in the log');
}


# --- what a worker does not wait for when it is reloaded

{
    my $nginx = app('cut', 'timeout=30s', workers => 2,
                    main => 'worker_shutdown_timeout 300ms;');
    my @rooms = map { "cut-$_" } 1 .. 20;
    my %slow = map { $_ => 1 } @rooms[0 .. 9];

    $endpoint->answer({ path => 'cut', room => '-[1-9]$|-10$',
                        answers => [{ delay => 20 }, {}] });

    is(count_by_status(map { ask($nginx->create($_, "$_.a", "$_.b")) } @rooms),
       '200: 20', 'reload: rooms');
    is(scalar $endpoint->await(20, path => 'cut'), 20,
       'reload: events are under way');
    ok($nginx->reload, 'reload: the old workers are gone');

    my $since = time;

    is(delivered($nginx, 20), '20 = 20 ok + 0 failed + 0 pending',
       'reload: they are delivered');
    cmp_ok(time - $since, '<', 3 * $slack, 'reload: soon after it');

    my %times;

    $times{$_->{room}}++ for $endpoint->requests(path => 'cut');

    is_deeply(\%times, { map { $_ => $slow{$_} ? 2 : 1 } @rooms },
              'reload: what had no answer is sent again, and nothing else');
    ok($nginx->quit, 'it ends');
    is(trouble($nginx), '', 'nothing bad in the log');
}


# --- the master, and all with it

{
    my ($crashes, $in_flight, $workers) = (3, 8, 2);
    my $nginx = app('master', "max_in_flight=$in_flight timeout=1s",
                    workers => $workers);
    my $load = load('m', $nginx);

    for my $round (1 .. $crashes) {
        sleep 0.5;
        kill KILL => $nginx->{pid};

        # for a while there are workers without it

        sleep 0.3;
        ok($nginx->restart, "master $round: it is started again");
    }

    is_delivered('master', $load, 'master',
                 $crashes * $in_flight * $workers, $nginx);
    ok($nginx->quit, 'it ends');
    is(trouble($nginx), '', 'nothing bad in the log');
}


# --- one nginx of two

{
    my ($in_flight, $workers) = (16, 2);
    my @nginx = map { app('pair', "max_in_flight=$in_flight timeout=1s",
                          workers => $workers) } 1 .. 2;
    my $load = load('p', @nginx);

    sleep 1;
    TgoRTC::Live::kill_group(delete $nginx[0]{pid});
    sleep 1;

    is_delivered('one of two', $load, 'pair', $in_flight * $workers,
                 $nginx[1]);
    ok($nginx[1]->quit, 'the other ends');
    is(trouble($nginx[1]), '', 'nothing bad in its log');
}


# --- Redis, which loses nothing that it said was done

{
    my ($crashes, $in_flight, $workers) = (4, 16, 2);
    my $durable = redis(args => [qw(--appendonly yes --appendfsync always)]);
    my $nginx = hooked("$durable->{address} timeout=1s",
                       $endpoint->hook('/redis', "max_in_flight=$in_flight "
                                                 . 'timeout=1s'),
                       workers => $workers);
    my $load = load('r', $nginx);

    for my $round (1 .. $crashes) {
        sleep 0.6;
        $durable->stop;
        sleep 0.1;
        $durable->start;
    }

    is_delivered('Redis', $load, 'redis', $crashes * $in_flight * $workers,
                 $nginx);
    ok($nginx->quit, 'it ends');
    is(trouble($nginx), '', 'nothing bad in the log');
}


# --- reload: nobody notices

{
    my $nginx = app('reload', 'max_in_flight=16', listen => '');

    $endpoint->answer({ answers => [{ delay => 0.15 }] });

    my $load = load('l', $nginx);

    for my $round (1 .. 8) {
        sleep 0.3;
        ok($nginx->reload(20), "reload $round: the old workers are gone");
    }

    my $result = is_delivered('reload', $load, 'reload', 0, $nginx);

    is_deeply($result->{failures}, {}, 'no request failed');
    ok($nginx->quit, 'it ends');
    is($nginx->trouble, '', 'nothing bad in the log');
}


# --- it ends, and is started again, with deliveries under way

{
    my $nginx = app('quit', 'timeout=20s');
    my @rooms = map { "q$_" } 1 .. 40;

    $endpoint->answer({ answers => [{ delay => 1 }] });
    is(count_by_status(fire([map { $nginx->create($_, "$_.a", "$_.b") }
                                 @rooms])), '200: 40', 'rooms');
    is(scalar $endpoint->await(40, path => 'quit'), 40, 'are under way');
    is(count_by_status(fire([map { $nginx->leave($_, "$_.b") } @rooms])),
       '200: 40', 'and go on');
    ok($nginx->quit, 'it ends meanwhile');

    $endpoint->answer;
    $nginx->start;
    is(delivered($nginx, 120), '120 = 120 ok + 0 failed + 0 pending',
       'the next one delivers the rest');
    is(repeated($endpoint->requests(path => 'quit')), 0, 'nothing twice');
    is(misordered($endpoint->requests(path => 'quit')), '', 'in order');
    ok($nginx->quit, 'it ends');
    is($nginx->trouble, '', 'nothing bad in the log');
}


# --- many rooms, one of which gets nowhere

{
    my $nginx = hooked("$redis->{address} prefix=thousand timeout=10s",
                       $endpoint->hook('/thousand')
                       . 'tgortc_webhook_retry delays=200ms;');
    my @rooms = map { "t$_" } 1 .. 1000;
    my $began = time;

    $endpoint->answer({ room => '^stuck$', answers => [{ status => 500 }] });
    is(ask($nginx->create('stuck', 'stuck.a', 'stuck.b'))->{status}, 200,
       'a room that gets nowhere');
    is(ask($nginx->leave('stuck', 'stuck.b'))->{status}, 200, 'though it ends');

    my @responses;

    drive([map {
        my $i = $_;
        my @requests = map {
            my $room = $rooms[20 * $_ + $i];

            ($nginx->create($room, "$room.a", "$room.b"),
             $nginx->leave($room, "$room.b"));
        } 0 .. 49;

        sub {
            push @responses, @_;
            return shift @requests;
        }
    } 0 .. 19], deadline => 60);

    my $done = time;

    is(count_by_status(grep { defined } @responses), '200: 2000',
       'a thousand others');
    is($endpoint->await_events(3000, path => 'thousand', room => '^t',
                               within => 60), 3000, 'get all their events');

    my @requests = $endpoint->requests(path => 'thousand');
    my @others = grep { $_->{room} ne 'stuck' } @requests;
    my $last = max(map { $_->{time} } @others);

    cmp_ok($last - $done, '<', 5 * $slack,
           sprintf 'without waiting: %.1f s after %.1f s', $last - $done,
                   $done - $began);
    is(misordered(@others), '', 'in order');
    is(repeated(@others), 0, 'once');

    my @stuck = grep { $_->{room} eq 'stuck' } @requests;

    cmp_ok(scalar(@stuck), '>=', 1, 'while the one was tried ' . @stuck
                                   . ' times');
    is(scalar(grep { $_->{seq} != 1 } @stuck), 0, 'always its first event');
    is(counts($nginx), '3003 = 3000 ok + 0 failed + 3 pending',
       'which is what waits');

    $endpoint->answer;
    is(delivered($nginx, 3003), '3003 = 3003 ok + 0 failed + 0 pending',
       'until it is accepted');
    is(misordered($endpoint->requests(path => 'thousand')), '',
       'also in order');
    ok($nginx->quit, 'it ends');
    is($nginx->trouble, '', 'nothing bad in the log');
}


done_testing();
