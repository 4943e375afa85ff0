#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# The breaker of an endpoint: what opens it, that it holds for all workers of
# all nginx, how it closes.

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
my @all;


sub app {
    my ($prefix, $hooks, %more) = @_;

    push @all, hooked("$redis->{address} prefix=$prefix", $hooks, %more);

    return $all[-1];
}


sub ring {
    my ($nginx, @rooms) = @_;
    my @responses = fire([map { $nginx->create($_, "$_.a", "$_.b") } @rooms]);

    is(count_by_status(@responses), '200: ' . @rooms,
       "rooms: $rooms[0] to $rooms[-1]");

    return max(map { $_->{time} } @responses);
}


sub breaker {
    my ($nginx, $name) = @_;

    return state_of($nginx, $name)->{breaker} || 'unknown';
}


sub opens {
    my ($nginx, $name) = @_;

    return wait_for(sub { breaker($nginx, $name) =~ /open/ });
}


my %fails = (status => 500);
my @rules = (
    { path => '^/shared$', answers => [{ %fails }] },
    { path => '^/free$',
      answers => [({ %fails }) x 12, { status => 400 }, {}] },
    { path => '^/wait$', answers => [
        ({ %fails }) x 10, { status => 503, head => ['Retry-After: 5'] }, {}
    ] },
    { path => '^/burst$', answers => [{ %fails, delay => 0.5 }] },
    { path => '^/once$', answers => [{ %fails }] },
    { path => '^/row$', room => '^row(?:10|22)$', answers => [{}] },
    { path => '^/row$', answers => [{ %fails }, {}] },
    { path => '^/late$', room => '^lately$', answers => [{ delay => 60 }] },
    { path => '^/late$', answers => [{ %fails }] },
    { path => '^/mixed$', uid => '\.3$', answers => [{ %fails }] },
    { path => '^/half$', uid => '[13579]$', answers => [{ %fails }] },
    { path => '^/404$', answers => [{ status => 404 }] },
    { path => '^/302$', answers => [{ status => 302 }] },
    { path => '^/429$', answers => [{ status => 429 }] },
    { path => '^/500$', answers => [{ %fails }] },
    { path => '^/503$', answers => [{ status => 503 }] },
    { path => '^/close$', answers => [{ close => 1 }] },
    { path => '^/slow$', answers => [{ delay => 60 }] }
);

$endpoint->answer(@rules);


# --- shared: opened by one room

my $hooks = $endpoint->hook('/shared', 'name=bad')
            . $endpoint->hook('/other', 'name=good')
            . 'tgortc_webhook_retry delays=100ms;';
my @shared = map { app('shared', $hooks, workers => $_) } 3, 2;

ring($shared[0], 'first');
$endpoint->await(10, path => '^/shared$');
ok(opens($shared[0], 'bad'), 'ten failures open it');
is(breaker($shared[1], 'bad'), breaker($shared[0], 'bad'),
   'every nginx says so');

# and many rooms through every worker meanwhile

my $took = max(ring($shared[0], map { "x$_" } 1 .. 30),
               ring($shared[1], map { "y$_" } 1 .. 30));
my $rung = time;

is(breaker($shared[0], 'good'), 'closed', 'that of another endpoint is closed');
is($endpoint->await_events(61, path => '^/other$'), 61,
   'which gets all events');
cmp_ok(max(map { $_->{time} } $endpoint->requests(path => '^/other$')) - $rung,
       '<', 2 * $slack, 'soon');
cmp_ok($took, '<', 2 * $slack, 'no request waits for the breaker');


# --- probes use up no attempts

my $free = app('free', $endpoint->hook('/free', 'name=free')
                       . 'tgortc_webhook_retry delays=50ms;', workers => 1);

ring($free, 'free');


# --- and bring what an endpoint asks for

my $wait = app('wait', $endpoint->hook('/wait', 'name=wait')
                       . 'tgortc_webhook_retry delays=50ms;', workers => 1);

ring($wait, 'wait');


# --- many under way as it opens

my $burst = app('burst', $endpoint->hook('/burst', 'name=burst')
                         . 'tgortc_webhook_retry delays=100ms;');

ring($burst, map { "burst$_" } 1 .. 40);


# --- what counts

{
    my @yes = qw(429 500 503 close slow dead);
    my @no = qw(404 302);
    my $nobody = TgoRTC::Live::free_port();

    my $nginx = app('what',
        join('', map { $endpoint->hook("/$_", "name=$_ timeout=300ms") }
                 @yes[0 .. 4], @no)
        . "tgortc_webhook http://127.0.0.1:$nobody/ name=dead;"
        . 'tgortc_webhook_retry delays=100ms;');

    ring($nginx, map { "what$_" } 1 .. 12);

    ok(opens($nginx, $_), "$_: is a failure of the endpoint") for @yes;

    for my $name (@no) {
        my @came = $endpoint->await(40, path => "^/$name\$");

        cmp_ok(scalar @came, '>=', 40, "$name: goes on");
        is(breaker($nginx, $name), 'closed', 'is an answer of the endpoint');
    }

    # all but those under way at first

    cmp_ok(scalar $endpoint->requests(path => "^/$_\$"), '<', 40,
           "$_: does not go on") for qw(429 500 503 close slow);
}


# --- in a row: one at a time, for the first attempt of each

{
    my $nginx = app('row', $endpoint->hook('/row', 'name=row max_in_flight=1')
                           . 'tgortc_webhook_retry delays=5m;', workers => 1);
    my $n = 0;

    my $next = sub {
        my ($times) = @_;

        for (1 .. $times) {
            my $room = 'row' . ++$n;

            ask($nginx->create($room, "$room.a", "$room.b"));
            $endpoint->await(1, path => '^/row$', room => "^$room\$");
        }

        $endpoint->await_answers(path => '^/row$');
    };

    # nine fail, the tenth is accepted, nine fail

    $next->(19);
    wait_for(sub { entries($nginx) == 18 });
    is(breaker($nginx, 'row'), 'closed', 'a success ends the row');
    $next->(1);
    ok(opens($nginx, 'row'), 'the tenth in a row opens it');

    # what comes then waits for the probe

    ask($nginx->create("row$_", "row$_.a", "row$_.b")) for 21 .. 22;
    is($endpoint->await_events(22, path => '^/row$'), 22, 'which comes');
}


# --- ten of one change

{
    my $nginx = app('once', $endpoint->hook('/once', 'name=once')
                            . 'tgortc_webhook_retry delays=5m;');

    is(ask($nginx->create('once', 'once', (map { "once$_" } 1 .. 12),
                          { max_participants => 20 }))->{status}, 200,
       'twelve are invited');
    $endpoint->await(12, path => '^/once$');
    $endpoint->await_answers(path => '^/once$');
    ok(wait_for(sub { breaker($nginx, 'once') =~ /open/ }, 5),
       'twelve failures open it, though of one change');
}


# --- one of three of one change, again and again

{
    my $nginx = app('mixed', $endpoint->hook('/mixed', 'name=mixed')
                             . 'tgortc_webhook_retry delays=5m;');

    for my $room (map { "mixed$_" } 1 .. 12) {
        is(ask($nginx->create($room, $room, (map { "$room.$_" } 1 .. 3),
                              { max_participants => 4 }))->{status}, 200,
           'three are invited');
        $endpoint->await(3, path => '^/mixed$', room => "^$room\$");
    }

    ok(wait_for(sub {
        counts($nginx, 'mixed') eq '36 = 24 ok + 0 failed + 12 pending'
    }), 'two of three hear of it');
    ok($nginx->error_log !~ /"mixed" fails/, 'which is no row');
}


# --- every other one of many side by side

{
    my $nginx = app('half', $endpoint->hook('/half', 'name=half')
                            . 'tgortc_webhook_retry delays=5m;');

    is(ask($nginx->create('half', 'half', (map { "half$_" } 1 .. 40),
                          { max_participants => 50 }))->{status}, 200,
       'forty are invited');
    ok(wait_for(sub {
        counts($nginx, 'half') eq '40 = 20 ok + 0 failed + 20 pending'
    }), 'half of them hear of it');
    ok($nginx->error_log !~ /"half" fails/, 'which is no row');
}


# --- a large group whose first part fails after it has opened

{
    my $nginx = app('late', $endpoint->hook('/late', 'name=late timeout=4s')
                            . 'tgortc_webhook_retry delays=5m;');

    my $group = sub {
        my ($room, $n) = @_;

        is(ask($nginx->create($room, $room, (map { "$room.$_" } 1 .. $n),
                              { max_participants => 300 }))->{status}, 200,
           "$n are invited");
    };

    $group->('lately', 200);
    $endpoint->await(64, path => '^/late$');
    $group->('soon', 12);
    ok(opens($nginx, 'late'), 'it is open');

    # what has failed is not due, so nothing is there to probe with until then

    $endpoint->await(65, path => '^/late$', room => '^lately$');
    sleep 1;
    is(scalar $endpoint->requests(path => '^/late$', room => '^lately$'), 65,
       'the next part waits: one of it is the probe');
    $nginx->stop;
    pop @all;
}


# --- what became of the burst

{
    my @came = $endpoint->await(41, path => '^/burst$');
    my $last = max(map { $_->{answered} } @came[0 .. 39]);
    my $gap = $came[40]{time} - $last;

    cmp_ok($gap, '>=', 0.5, sprintf 'burst: no attempt while open: %.3f',
                                    $gap);
    cmp_ok($gap, '<', 5 * $slack, 'burst: the first probe after a second');

    # and as before, one at a time

    @came = $endpoint->await(42, path => '^/burst$');
    cmp_ok($came[41]{time} - $came[40]{answered}, '>=', 1.9,
           'burst: one probe, and then a longer pause');
}


# --- what became of the one that is probed with

{
    $endpoint->await(13, path => '^/free$');

    my @entries;

    wait_for(sub {
        return @entries = grep { $_->{reason} =~ /400/ }
                          entries($free, 'limit=100');
    });

    # ten before it opened, two probes in vain, this one

    is($entries[0]{attempts}, 11, 'probes use up no attempts');
    ok(wait_for(sub { breaker($free, 'free') eq 'closed' }),
       'what is no failure of the endpoint closes it');
}


# --- and of the one that was to wait

{
    my @came = $endpoint->await(12, path => '^/wait$');
    my $gap = $came[11]{time} - $came[10]{answered};

    cmp_ok($gap, '>=', 4.99, sprintf 'Retry-After of a probe is kept: %.3f',
                                     $gap);
    cmp_ok($gap, '<', 5 + 2 * $slack, 'and no longer');
    is($endpoint->await_events(1, path => '^/wait$'), 1, 'then it arrives');

    wait_for(sub { entries($wait, 'limit=100') == 11 });
    is((entries($wait, 'limit=100'))[0]{attempts}, 10,
       'an attempt of the event it is not');
}


# --- the pauses

{
    my @least = (1, 2, 4, 8, 15);
    my @most = (3, 5, 9, 14, 22);

    # the fifth probe finds it well

    $endpoint->await(14, path => '^/shared$');
    $endpoint->await_answers(path => '^/shared$');
    is(counts($shared[0], 'bad'), '61 = 0 ok + 0 failed + 61 pending',
       'nothing is given up meanwhile');
    shift @rules;
    $endpoint->answer(@rules);

    my @came = $endpoint->await(15, path => '^/shared$');

    is(join(' ', map { $_->{room} } @came[0 .. 9]), join(' ', ('first') x 10),
       'it is the tenth that opens it');

    for my $i (0 .. 4) {
        my $gap = $came[10 + $i]{time} - $came[9 + $i]{answered};

        cmp_ok($gap, '>=', $least[$i] - 0.01,
               sprintf 'probe %d after %.3f s', $i + 1, $gap);
        cmp_ok($gap, '<', $most[$i] * $slack, 'not much later');
    }

    is($endpoint->await_events(61, path => '^/shared$'), 61, 'then all flows');

    my @later = ($endpoint->requests(path => '^/shared$'))[15 .. 74];

    cmp_ok($later[-1]{time} - $came[14]{answered}, '<', 3 * $slack, 'at once');
    is(repeated(@later), 0, 'each at its first attempt');
    ok(wait_for(sub { breaker($shared[1], 'bad') eq 'closed' }),
       'it is closed');
    ok(wait_for(sub { counts($shared[0], 'bad')
                      eq '61 = 61 ok + 0 failed + 0 pending' }),
       'all is accounted for');

    # closed for good: a failure does not open it

    $endpoint->answer({ path => '^/shared$', answers => [{ %fails }, {}] },
                      @rules);
    ring($shared[0], 'again');
    is(scalar $endpoint->await(2, path => '^/shared$', room => '^again$'), 2,
       'it fails and is tried again');
    is(breaker($shared[0], 'bad'), 'closed', 'the row begins anew');
}


# --- what waits behind it for longer than max_age is given up

{
    $endpoint->answer({ path => '^/old$', answers => [{ %fails }] }, @rules);

    my $old = app('old', $endpoint->hook('/old', 'name=old max_in_flight=5')
                         . 'tgortc_webhook_retry delays=1s max_age=2s;');

    ring($old, map { "old$_" } 1 .. 40);

    ok(wait_for(sub { counts($old, 'old')
                      eq '40 = 0 ok + 40 failed + 0 pending' }, 6 * $slack),
       'max_age: given up, all of them, without an attempt for each')
        or diag(counts($old, 'old'));
    cmp_ok(scalar $endpoint->requests(path => '^/old$'), '<', 40,
           'max_age: the breaker was open');
}


# --- who probes dies

{
    my $nginx = app('died', $endpoint->hook('/died', 'name=died timeout=40s')
                            . 'tgortc_webhook_retry delays=100ms;',
                    workers => 1);

    $endpoint->answer({ path => '^/died$', answers => [{ %fails }] }, @rules);
    ring($nginx, map { "died$_" } 1 .. 12);
    ok(opens($nginx, 'died'), 'died: it opens');
    $endpoint->answer({ path => '^/died$', answers => [{ delay => 60 }] },
                      @rules);
    ok(wait_for(sub {
        grep { !defined $_->{answered} } $endpoint->requests(path => '^/died$')
    }), 'died: a probe is under way');
    $endpoint->answer(@rules);
    kill KILL => $nginx->pids;

    my $since = time;

    ok(wait_for(sub {
        counts($nginx, 'died') eq '12 = 12 ok + 0 failed + 0 pending'
    }, 60), 'died: all is delivered');
    cmp_ok(time - $since, '<', 10 * $slack,
           'died: without a wait for the answer to that probe');
    $nginx->stop;
    pop @all;
}


for my $nginx (@all) {
    ok($nginx->quit, 'it ends');
    is($nginx->trouble, '', 'nothing bad in the log');
}

done_testing();
