#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# What waits, what was given up, and what is said of it: bounds, endpoints that
# come and go, the log, its cleanup, replay.

use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use List::Util qw(max uniq);
use Test::More;
use TgoRTC::Endpoint;
use TgoRTC::Live;
use Time::HiRes qw(sleep time);


my $slack = sanitized() ? 4 : 1;
my $redis = redis();
my $endpoint = endpoint();
my (%rules, @all);


sub app {
    my ($prefix, $hooks, %more) = @_;

    push @all, hooked("$redis->{address} prefix=$prefix", $hooks, %more);

    return $all[-1];
}


# how the endpoint answers an app from now on

sub rules {
    my ($app, @rules) = @_;

    $rules{$app} = \@rules;
    $endpoint->answer(map { @$_ } values %rules);
}


sub fails {
    my ($status, %of) = @_;

    return { %of, answers => [{ status => $status }] };
}


sub is_ok {
    my ($what, @responses) = @_;

    is(count_by_status(@responses), '200: ' . @responses, $what);
}


sub ring {
    my ($nginx, @rooms) = @_;

    return fire([map { $nginx->create($_, "$_.a", "$_.b") } @rooms]);
}


sub reject {
    my ($nginx, @rooms) = @_;

    return fire([map { $nginx->leave($_, "$_.b") } @rooms]);
}


# one after the other, so that it is known which is older

sub ring_slowly {
    my ($nginx, @rooms) = @_;

    return map { sleep 0.003; ring($nginx, $_) } @rooms;
}


sub become {
    my ($nginx, $name, $expected, $what) = @_;

    wait_for(sub { counts($nginx, $name) eq $expected }, 40);
    is(counts($nginx, $name), $expected, $what);
}


sub replay {
    my ($nginx, %what) = @_;
    my $response = ask(logs_request($nginx, '/replay', \%what));

    return $response->{status} == 200 ? $response->json->{replayed}
                                      : "HTTP $response->{status}";
}


sub reconfigure {
    my ($nginx, $hooks) = @_;

    $nginx->{http} =~ s/\Q$nginx->{hooks}\E/$hooks/;
    $nginx->{hooks} = $hooks;
    $nginx->write_conf;

    return $nginx->reload(40);
}


# --- endpoints come and go, on two nginx of one app; first what takes long

my $retry = "tgortc_webhook_retry delays=2s max_age=3s;\n";
my $x = $endpoint->hook('/two/x', 'name=x');
my $y = $endpoint->hook('/two/y', 'name=y');
my @two = map { app('two', $x . $y . $retry) } 1 .. 2;
my ($made, $x_total) = (0);

# many dead letters of the one that will be gone

rules('two', fails(410, path => '^/two/x', room => '^dead'));

is_ok('two large groups', fire([
    map {
        my $room = "dead$_";

        $two[0]->create($room, "$room.c", (map { "$room.$_" } 1 .. 600),
                        { max_participants => 1000 });
    } 1 .. 2
]));
become($two[0], 'x', '1200 = 0 ok + 1200 failed + 0 pending',
       '1,200 dead letters');

ok(reconfigure($two[0], $y . $retry), 'one nginx has x no longer');

# an app that has no endpoint any more

my $bare = app('bare', $endpoint->hook('/bare', 'name=bare') . $retry);

rules('bare', fails(503, path => '^/bare'));
is_ok('a call', ring($bare, 'bare'));
ok(wait_for(sub { $endpoint->requests(path => '^/bare') }), 'is told of');
ok(reconfigure($bare, $retry), 'to an endpoint that nobody has any more');

# for longer than max_age, through the one that has it no longer

{
    my $until = time + 9;
    my @failed;

    while (time < $until) {
        push @failed, grep { $_->{status} != 200 }
                      ring($two[0], 'still' . ++$made);
        sleep 0.1;
    }

    is(scalar @failed, 0, "rooms by the nginx that has it no longer: $made");
}


# --- renamed, at one nginx after the other, under traffic

{
    my $old = $endpoint->hook('/rename/old', 'name=old');
    my $new = $endpoint->hook('/rename/new', 'name=new');
    my @rename = map { app('rename', $old) } 1 .. 2;
    my %made = (before => [], between => [], after => []);

    my $traffic = sub {
        my ($phase) = @_;

        for my $i (1 .. 20) {
            my $room = "$phase$i";

            is_ok($room, ring($rename[$i % 2], $room));
        }
    };

    $traffic->('before');
    ok(reconfigure($rename[0], $new), 'renamed at one nginx');
    $traffic->('between');
    is($endpoint->await_events(40, path => '/old'), 40,
       'the old name gets what is made while somebody has it');
    ok(reconfigure($rename[1], $new), 'renamed at the other');
    $traffic->('after');

    is($endpoint->await_events(40, path => '/new',
                               room => '^(?:between|after)'), 40,
       'the new one what is made since somebody has it');
    is($endpoint->await_events(0, path => '/new', room => '^before'), 0,
       'and nothing from before');
    is(repeated($endpoint->requests(path => 'rename')), 0, 'each once');
}


# --- full

my $full = app('full', $endpoint->hook('/full', 'name=full')
                       . 'tgortc_webhook_retry delays=5s max_queued=20;');
my $full_since = int time;

rules('full', fails(400, path => '^/full'));
is_ok('as many rooms as events may wait',
      ring_slowly($full, map { sprintf 'full%02d', $_ } 1 .. 20));
ok(wait_for(sub { entries($full) == 20 }), 'none is being sent any more');
is_ok('and more', ring_slowly($full, map { "full$_" } 21 .. 32));
is(counts($full), '32 = 0 ok + 12 failed + 20 pending',
   'no more wait than may');

{
    my @dead = grep { $_->{kind} eq 'dead' } entries($full, 'limit=100');

    is(join(' ', sort map { $_->{room_id} } @dead),
       join(' ', map { sprintf 'full%02d', $_ } 1 .. 12),
       'the oldest are given up');
    like($dead[0]{reason}, qr/full/, 'and the log says why');
}


# --- full, and some of it is being sent

{
    my $nginx = app('sent', $endpoint->hook('/sent',
                                            'name=sent max_in_flight=5 '
                                            . 'timeout=60s')
                            . 'tgortc_webhook_retry max_queued=7;',
                    workers => 1);

    rules('sent', { path => '/sent', room => '^sent', type => 'invited',
                    answers => [{ delay => 4 * $slack }] });
    is_ok('as many as are sent side by side',
          ring($nginx, map { "sent$_" } 1 .. 5));
    $endpoint->await(5, path => '/sent');
    is_ok('and two more', ring_slowly($nginx, 'wait1', 'wait2'));
    is_ok('then one of the first ends', reject($nginx, 'sent3'));
    become($nginx, 'sent', '9 = 7 ok + 2 failed + 0 pending',
           'what is being sent is not given up, though it is the oldest');
    is(join(' ', sort map { $_->{room_id} } entries($nginx)), 'wait1 wait2',
       'but what waits');
    is(misordered($endpoint->requests(path => '/sent')), '',
       'and nothing overtakes it');
    is($endpoint->await_events(7, path => '/sent'), 7, 'each comes');
    rules('sent');
}


# --- older than max_age, because nobody was there to send it

{
    my $nginx = app('expired', $endpoint->hook('/expired', 'name=expired')
                               . 'tgortc_webhook_retry delays=2s max_age=4s;');

    rules('expired', fails(400, path => '/expired'));
    is_ok('many rooms', ring($nginx, map { "expired$_" } 1 .. 300));
    $endpoint->await_events(300, path => '/expired');
    is_ok('some of which end', reject($nginx, map { "expired$_" } 1 .. 20));
    $nginx->quit;
    $endpoint->await_answers;
    rules('expired');
    sleep 4.5;
    $nginx->restart;
    is_ok('one more', ring($nginx, 'fresh'));
    become($nginx, undef, '341 = 1 ok + 340 failed + 0 pending',
           'what is too old is not sent');
    is(join(' ', uniq map { $_->{room} }
                      grep { $_->{status} == 200 }
                      $endpoint->requests(path => '/expired')), 'fresh',
       'and what is not, is');
}


# --- full, because less may wait than did

{
    my $hook = $endpoint->hook('/lower', 'name=lower')
               . 'tgortc_webhook_retry delays=5m';
    my $nginx = app('lower', "$hook;");

    rules('lower', fails(400, path => '/lower'));
    is_ok('many rooms', ring($nginx, map { "lower$_" } 1 .. 500));
    $endpoint->await_events(500, path => '/lower');
    ok(reconfigure($nginx, "$hook max_queued=10;"), 'only ten may wait');

    my $waiting = sub { state_of($nginx, 'lower')->{pending_count} };

    is_ok('one more', ring($nginx, 'one'));
    cmp_ok($waiting->(), '>', 200, 'is not what gives up all of them');
    is_ok('some more', ring_slowly($nginx, map { "more$_" } 1 .. 10));
    is($waiting->(), 10, 'but some are with each');
    rules('lower');
}


# --- a Redis that has no memory left

{
    my $small = redis();
    my $nginx = hooked($small, $endpoint->hook('/small', 'name=small')
                               . $endpoint->hook('/down', 'name=down')
                               . 'tgortc_webhook_retry delays=300ms;');
    my @rooms = map { "small$_" } 1 .. 100;

    # the one refuses, the breaker of the other opens

    rules('small', fails(400, path => '^/small'), fails(503, path => '^/down'));
    is_ok('rooms', ring($nginx, @rooms));
    is_ok('which end', reject($nginx, @rooms));
    ok(wait_for(sub { state_of($nginx, 'down')->{breaker} ne 'closed' }),
       'two endpoints that do not take it');

    $small->command(qw(CONFIG SET maxmemory 100kb));
    is(count_by_status(ring($nginx, map { "no$_" } 1 .. 5)), '503: 5',
       'there is no memory for new rooms');

    rules('small');
    become($nginx, undef, '600 = 600 ok + 0 failed + 0 pending',
           'what waits is delivered without memory');
    is(misordered($endpoint->requests(path => 'small|down')), '', 'in order');

    $small->command(qw(CONFIG SET maxmemory 0));
    is_ok('and there is memory again', ring($nginx, 'again'));
    become($nginx, undef, '602 = 602 ok + 0 failed + 0 pending', 'as before');
    ok($nginx->quit, 'it ends');
}


# --- and who was sending dies

{
    my $small = redis();
    my $nginx = hooked($small, $endpoint->hook('/little', 'timeout=40s'));

    rules('little', { path => '/little', answers => [{ delay => 60 }] });
    is_ok('rooms', ring($nginx, map { "little$_" } 1 .. 5));
    $endpoint->await(5, path => '/little');
    rules('little');
    $small->command(qw(CONFIG SET maxmemory 100kb));
    kill KILL => $nginx->pids;

    my $since = time;

    become($nginx, undef, '5 = 5 ok + 0 failed + 0 pending',
           'what was being sent is sent again');
    cmp_ok(time - $since, '<', 10 * $slack, 'and not when its lease is over');
    $nginx->stop;
}


# --- retention in a Redis that has no memory left

{
    my $small = redis();
    my $nginx = hooked($small, $endpoint->hook('/tight'),
                       http => 'tgortc_webhook_log_retention 3s;');

    rules('tight', fails(410, path => '/tight'));
    is_ok('rooms', ring($nginx, map { "tight$_" } 1 .. 20));
    become($nginx, undef, '20 = 0 ok + 20 failed + 0 pending', 'given up');
    $small->command(qw(CONFIG SET maxmemory 100kb));
    ok(wait_for(sub { !entries($nginx) }, 15 * $slack),
       'what is kept too long goes, and memory with it');
    is($small->command('HLEN', '{tgortc}:dead'), 0, 'letters as well');
    ok($nginx->quit, 'it ends');
    rules('tight');
}


# --- a Redis that has lost everything

{
    my $nginx = app('lost', $endpoint->hook('/lost'),
                    redis => "$redis->{address} prefix=lost db=1 "
                             . 'timeout=10s');

    is_ok('a room', ring($nginx, 'lost1'));
    is($endpoint->await_events(1, path => 'lost'), 1, 'and its event');
    $redis->command($_->[0], @{$_->[1]})
        for ['SELECT', [1]], ['FLUSHDB', []], ['SCRIPT', ['FLUSH']],
            ['SELECT', [0]];
    is_ok('another one after that', ring($nginx, 'lost2'));
    is($endpoint->await_events(2, path => 'lost'), 2, 'has its event as well');
}


# --- replies that leased something, and were lost: long before the lease ends

{
    my $proxy = proxy($redis);
    my $nginx = hooked("$proxy->{address} prefix=cut",
                       $endpoint->hook('/cut', 'timeout=60s'), workers => 1);

    is_ok('a room before', ring($nginx, 'cut0'));
    is($endpoint->await_events(1, path => 'cut'), 1, 'and its event');

    my $since = time;

    $proxy->tell('lose cut1');
    is_ok('a room whose event is claimed in vain', ring($nginx, 'cut1'));
    $endpoint->await_events(2, path => 'cut');
    cmp_ok(time - $since, '<', 5 * $slack, 'has its event soon');

    # the report of the first one brings the next one, but not to nginx

    rules('cut', { path => '/cut', room => 'cut2',
                   answers => [{ delay => 0.5 * $slack }] });
    is_ok('a room', ring($nginx, 'cut2'));
    $endpoint->await(1, room => 'cut2');
    is_ok('in which more happens', reject($nginx, 'cut2'));
    $proxy->tell('lose cut2');
    $since = time;
    $endpoint->await_events(5, path => 'cut');
    cmp_ok(time - $since, '<', 10 * $slack, 'all of which is told soon');

    wait_for(sub { counts($nginx) eq '5 = 5 ok + 0 failed + 0 pending' });
    is(counts($nginx), '5 = 5 ok + 0 failed + 0 pending', 'and is noted');
    is(scalar $endpoint->requests(path => 'cut'), 5, 'each was sent once');
    is(misordered($endpoint->requests(path => 'cut')), '', 'in order');
    push @all, $nginx;
}


# --- a cluster that comes back refused one command, and did the claim behind it

{
    my $fake = fake(sub {
        my ($client) = @_;
        my $server = IO::Socket::UNIX->new(Peer => $redis->{path}) or return;
        my $select = IO::Select->new($client, $server);
        my ($held, $claims, $down) = ('', 0, 0);

        for ( ;; ) {
            for my $socket ($select->can_read) {
                sysread $socket, my $data, 65536 or return;

                if ($socket == $client) {
                    if ($data =~ /:room:down\r/ && mkdir "$redis->{path}.down") {
                        $down = 1;
                        next;
                    }

                    $claims++ if $down && $data =~ /EVALSHA.*\r\n65000\r\n/s;
                    syswrite $server, $data;
                    next;
                }

                if (!$down) {
                    syswrite $client, $data;
                    next;
                }

                # what a claim has leased has a token

                $held .= $data;
                next if !$claims || $held !~ /\d{13}\.\d/;

                syswrite $client, "-CLUSTERDOWN The cluster is down\r\n$held";
                $down = 0;
            }
        }
    });
    my $nginx = hooked("$fake->{address} prefix=risen timeout=10s",
                       $endpoint->hook('/risen', 'timeout=60s'), workers => 1);
    my $other = nginx(redis => "$redis->{address} prefix=risen", workers => 1);

    is_ok('a room before', ring($nginx, 'down0'));
    is($endpoint->await_events(1, path => 'risen'), 1, 'and its event');

    my $refused = background(sub {
        return { status => (ring($nginx, 'down'))[0]{status} };
    });

    wait_for(sub { -d "$redis->{path}.down" });
    is_ok('a room of which the claim was done', ring($other, 'down1'));

    my $since = time;

    $endpoint->await_events(3, path => 'risen');
    cmp_ok(time - $since, '<', 10 * $slack, 'has its event soon');
    is($refused->finish->{status}, 200, 'what was refused is done');
    is($other->trouble, '', 'nothing bad in the log of the other one');
    push @all, $nginx;
}


# --- a report whose answer was lost, all of it in one ms

{
    my $nginx = hooked("$redis->{address} prefix=again",
                       $endpoint->hook('/again', 'name=again')
                       . 'tgortc_webhook_retry delays=1h;', workers => 1);
    my @rooms = map { "again$_" } 1 .. 40;

    rules('again', fails(400, path => '/again'));
    is_ok('calls', ring($nginx, @rooms), reject($nginx, @rooms));
    ok(wait_for(sub { entries($nginx) == 40 }), 'of which nobody hears');
    ok($nginx->quit, 'then the test does what a worker does');

    my ($id) = @{$redis->command('HKEYS', '{again}:endpoints')};

    my $run = sub {
        my ($name, $room, @args) = @_;
        my $src = 'src/scripts';
        my $text = qx(awk -v lua=1 -v parts=$src/parts -f $src/embed.awk \\
                          $src/$name.lua);

        my $sha = $redis->command('SCRIPT', 'LOAD', $text);

        return sub {
            return $redis->command('EVALSHA', $sha, 4, '{again}:users',
                                   '{again}:deadlines', "{again}:room:$room",
                                   '{again}:never', 9_999_999_999_999,
                                   'nonce001', $room, 1, 1, 1, 1, 1, 1, $id,
                                   15000, 7, 10, @_);
        };
    };

    my @once = (0, 0);
    my @wrong;

    for my $room (@rooms) {
        my $claim = $run->('claim', '');
        my $report = $run->('report', $room);

        # due now, and not in an hour
        $redis->command('EVAL', <<'END', 2, "{again}:queue:$id:$room",
local change = cmsgpack.unpack(redis.call('LINDEX', KEYS[1], 0))
change[14] = {}
redis.call('LSET', KEYS[1], 0, cmsgpack.pack(change))
redis.call('ZADD', KEYS[2], 1, ARGV[1])
END
                        "{again}:due:$id", $room);

        my $claimed = $claim->(1);

        # every other one leaves what follows to a claim
        my $go_on = $room =~ /[02468]$/ ? 1 : 0;
        my @args = ($claimed->[5], $go_on, 0, 0, 1, 'ok', 0, '');
        my $reported = $report->(@args);
        $claim->(1) if !$go_on;

        my $again = $report->(@args);

        $once[$go_on]++ if $claimed->[1] == $reported->[1];
        push @wrong, "$room: $again->[0]" if $again->[0] ne 'stale';
    }

    cmp_ok($once[1], '>', 0, 'some are claimed and reported in one ms');
    cmp_ok($once[0], '>', 0, 'with what follows, and without');
    is("@wrong", '', 'a report is taken once, and for nothing that follows');
}


# --- counts

my @types = map { "participant.$_" } qw(invited joined left rejected missed
                                        cancelled);
unshift @types, 'room.started', 'room.finished';

sub count_of {
    my ($ok, $failed, $pending) = @_;

    return { success_count => $ok, failed_count => $failed,
             pending_count => $pending,
             total_count => $ok + $failed + $pending };
}


# Those of calls that were rejected: how many of invited, rejected, finished
# are ok, failed, pending.

sub by_event {
    my ($invited, $rejected, $finished) = @_;
    my %event = map { $_ => count_of(0, 0, 0) } @types;

    $event{'participant.invited'} = count_of(@$invited);
    $event{'participant.rejected'} = count_of(@$rejected);
    $event{'room.finished'} = count_of(@$finished);

    return \%event;
}


my $stats = app('stats', $endpoint->hook('/stats/good', 'name=good')
                         . $endpoint->hook('/stats/bad', 'name=bad')
                         . 'tgortc_webhook_retry delays=5m;');

{
    my @rooms = map { "stats$_" } 1 .. 10;
    my $began = time;

    is(counts($stats), '0 = 0 ok + 0 failed + 0 pending', 'nothing yet');

    rules('stats', fails(410, path => '/bad', type => 'rejected'),
                   fails(400, path => '/bad', type => 'finished'));
    is_ok('calls', ring($stats, @rooms), reject($stats, @rooms));
    become($stats, 'bad', '30 = 10 ok + 10 failed + 10 pending',
           'one endpoint');
    become($stats, 'good', '30 = 30 ok + 0 failed + 0 pending', 'the other');
    $endpoint->await(30, path => '^/stats/bad');
    sleep 0.1;

    my $response = ask(logs_request($stats, '/stats'));
    my $all = $response->json;

    is("$all->{code} $all->{message}", '200 ok', 'the answer');

    my $data = $all->{data};
    my %endpoint = map { ($_->{name} => $_) } @{delete $data->{endpoints}};
    my $oldest = delete $endpoint{bad}{oldest_pending_seconds};

    is_deeply($data, { %{count_of(40, 10, 10)}, by_event => by_event(
                  [20, 0, 0], [10, 10, 0], [10, 0, 10]) },
              'all deliveries, by type');
    ok(defined $oldest && $oldest > 0.05 && $oldest <= time - $began,
       'how long the oldest waits');
    is_deeply(\%endpoint, {
        good => { name => 'good', breaker => 'closed', %{count_of(30, 0, 0)},
                  oldest_pending_seconds => undef, by_event => by_event(
                      [10, 0, 0], [10, 0, 0], [10, 0, 0]) },
        bad => { name => 'bad', breaker => 'closed', %{count_of(10, 10, 10)},
                 by_event => by_event([10, 0, 0], [0, 10, 0], [0, 0, 10]) }
    }, 'and by endpoint');
}


# --- the log

sub pages {
    my ($nginx, $query, $between) = @_;
    my ($cursor, @pages) = ('');

    do {
        my $response = ask(logs_request($nginx, "?$query$cursor"));
        my $data = $response->json->{data};

        push @pages, $data->{entries};
        $cursor = defined $data->{next_cursor}
                  ? "&cursor=$data->{next_cursor}" : undef;
        $between->() if $between;
    } while (defined $cursor && @pages < 50);

    return @pages;
}


{
    my ($entry) = entries($stats, 'room_id=stats3&event_type='
                                  . 'participant.rejected');
    my ($came) = $endpoint->requests(path => '/bad', room => '^stats3$',
                                     type => 'rejected');

    ok(abs(delete($entry->{time}) - $came->{time}) < 2 * $slack, 'its time');
    is_deeply($entry, { kind => 'dead', endpoint => 'bad', attempts => 1,
                        room_id => 'stats3', uid => 'stats3.b',
                        event_type => 'participant.rejected',
                        event_id => $came->{id}, reason => 'HTTP 410' },
              'an entry of the log');

    my @all = entries($stats, 'limit=100');

    is(scalar @all, 20, 'all of them');
    is(scalar entries($stats, 'room_id=stats3'), 2, 'of one room');
    is(scalar entries($stats, 'event_type=room.finished'), 10, 'of one type');
    is(scalar entries($stats, 'event_type=room.started'), 0, 'of another');
    is(scalar entries($stats, 'endpoint=bad'), 20, 'of one endpoint');
    is(scalar entries($stats, 'endpoint=good'), 0, 'of the other');
    is(scalar entries($stats, 'endpoint=bad&room_id=stats9'
                              . '&event_type=room.finished'), 1, 'of all');
    is(join(' ', uniq map { $_->{kind} }
                      entries($stats, 'event_type=room.finished')),
       'failed', 'attempts that failed');
    is_deeply([map { $_->{time} } @all],
              [sort { $b <=> $a } map { $_->{time} } @all], 'the newest first');

    my @pages = pages($stats, 'limit=7');

    is(join(' ', map { scalar @$_ } @pages), '7 7 6', 'by page');
    is_deeply([map { @$_ } @pages], \@all, 'they are the same');
    is(join(' ', map { scalar @$_ } pages($stats, 'limit=20')), '20',
       'one page that is full is the last');
    is(join(' ', map { scalar @$_ }
                 pages($stats, 'limit=5&event_type=room.finished')) =~ s/ 0$//r,
       '5 5', 'by page, of one type');

    # while the log grows

    my $n = 0;
    @pages = pages($stats, 'limit=6', sub {
        my $room = 'more' . ++$n;

        ring($stats, $room);
        reject($stats, $room);
        wait_for(sub { entries($stats, "room_id=$room") });
    });
    is_deeply([map { @$_ } @pages], \@all,
              'a page goes on where the one before ended');
    cmp_ok($n, '>', 2, 'though there is more');

    my @wrong = map { ask(logs_request($stats, "?$_"))->{status} }
                    'limit=0', 'limit=101', 'limit=x', 'cursor=x',
                    'event_type=x';

    is(join(' ', @wrong), '400 400 400 400 400', 'what makes no sense');
}


# --- replay

{
    my ($failed, $total, $pending) = map { state_of($stats, 'bad')->{$_} }
        'failed_count', 'total_count', 'pending_count';
    my ($first) = $endpoint->requests(path => '/bad', room => '^stats3$',
                                      type => 'rejected');
    my $ok = $total - $failed - $pending;

    rules('stats', fails(400, path => '/bad'));
    is(replay($stats, event_id => $first->{id}), 1, 'a replay of one');


    is(counts($stats, 'bad'), sprintf('%d = %d ok + %d failed + %d pending',
                                      $total, $ok, $failed - 1, $pending + 1),
       'it moves from failed to pending');
    is(replay($stats, event_id => $first->{id}), 0, 'it cannot be repeated');
    is(replay($stats, event_id => 'unknown-1'), 0, 'an unknown one');

    my @wrong = map { replay($stats, %$_) } {}, { event_id => '' },
                { event_id => 7 }, { since => 1 }, { until => 1 },
                { since => 'x', until => 2 };

    is(join(' ', @wrong), join(' ', ('HTTP 400') x 6), 'what makes no sense');
}

{
    my $nginx = app('replay', $endpoint->hook('/replay/one', 'name=one')
                              . $endpoint->hook('/replay/two', 'name=two'));

    rules('replay', fails(410, path => '/replay', type => 'invited'));

    # dead at both endpoints, in different seconds

    my @early = map { "early$_" } 1 .. 5;
    my @late = map { "late$_" } 1 .. 5;

    is_ok('rooms', ring($nginx, @early));
    become($nginx, undef, '10 = 0 ok + 10 failed + 0 pending', 'given up');

    my $first = max(map { $_->{time} } entries($nginx));

    wait_for(sub { time >= $first + 1 });
    is_ok('rooms', ring($nginx, @late));
    become($nginx, undef, '20 = 0 ok + 20 failed + 0 pending', 'given up');

    my %first = map { ("$_->{path} $_->{room}" => $_) }
                $endpoint->requests(path => '/replay');

    rules('replay');
    is(replay($nginx, since => 0, until => $first - 100), 0, 'none that early');
    is(replay($nginx, since => int(time) + 100, until => int(time) + 200), 0,
       'none that late');
    is(replay($nginx, event_id => $first{'/replay/one early1'}{id}), 2,
       'an event is replayed to every endpoint that lacks it');
    is(replay($nginx, since => 0, until => $first), 8,
       'those of a time, its last second with it');
    become($nginx, undef, '20 = 10 ok + 10 failed + 0 pending', 'have arrived');
    is(scalar(grep { $_->{room} =~ /late/ && $_->{status} == 200 }
              $endpoint->requests(path => '/replay')), 0, 'and no others');
    is(replay($nginx, since => $first + 1, until => int(time) + 1), 10,
       'the rest');
    become($nginx, undef, '20 = 20 ok + 0 failed + 0 pending', 'have arrived');
    is(replay($nginx, since => 0, until => int(time) + 100), 0,
       'nothing is left');

    my @again = grep { $_->{status} == 200 }
                $endpoint->requests(path => '/replay');
    my @differ = grep {
        my $before = $first{"$_->{path} $_->{room}"};

        $_->{id} ne $before->{id} || $_->{seq} != $before->{seq}
            || $_->{body} ne $before->{body}
            || $_->{head}{'x-timestamp'} != $before->{head}{'x-timestamp'};
    } @again;

    is(scalar @again, 20, 'once each');
    is(scalar @differ, 0, 'as they were, with the same id');
}


# --- what was answered 503 does not happen later

{
    my $slow = redis();
    my $nginx = hooked("$slow->{address} timeout=1s", $endpoint->hook('/slow'),
                       workers => 1);

    $slow->command('XADD', '{tgortc}:log', int(1000 * (time - 2 * 86400))
                   . '-1', 'e', 'of two days ago');
    rules('slow', fails(410, path => '/slow'));
    is_ok('a room', ring($nginx, 'slow'));
    become($nginx, undef, '1 = 0 ok + 1 failed + 0 pending', 'is given up');

    # scripts that Redis knows by now

    is(replay($nginx, event_id => 'unknown-1'), 0, 'a replay of nothing');
    is(ask(logs_request($nginx, '/cleanup', { retention_days => 3 }))
           ->{status}, 200, 'a cleanup of nothing');
    $slow->signal('STOP');

    my @responses = fire([
        logs_request($nginx, '/replay', { since => 0, until => int(time) }),
        logs_request($nginx, '/cleanup', { retention_days => 1 })
    ]);

    $slow->signal('CONT');
    is(count_by_status(@responses), '503: 2', 'Redis hangs');
    ok(wait_for(sub { ask($nginx->health)->{status} == 200 }), 'and goes on');
    is(counts($nginx), '1 = 0 ok + 1 failed + 0 pending', 'nothing is sent');
    is(scalar $endpoint->requests(path => '/slow'), 1, 'again');
    is($slow->command('XLEN', '{tgortc}:log'), 2, 'nor is anything forgotten');
    push @all, $nginx;
}


# --- replay of what one step gave up

{
    my $nginx = app('orderly', $endpoint->hook('/orderly')
                               . 'tgortc_webhook_retry delays=5m '
                               . 'max_queued=30;');
    my @rooms = map { "orderly$_" } 1 .. 10;

    rules('orderly', fails(400, path => '/orderly', room => 'orderly'));
    is_ok('calls', ring($nginx, @rooms));
    ok(wait_for(sub { entries($nginx) == 10 }), 'none is being sent any more');
    is_ok('they end', reject($nginx, @rooms));
    is_ok('a group that is too much',
          fire([$nginx->create('group', 'c', (map { "m$_" } 1 .. 30),
                               { max_participants => 40 })]));
    become($nginx, undef, '60 = 30 ok + 30 failed + 0 pending',
           'all of the others is given up');
    rules('orderly');
    is(replay($nginx, since => 0, until => int(time) + 1), 30, 'and a replay');
    become($nginx, undef, '60 = 60 ok + 0 failed + 0 pending', 'which comes');
    is(misordered($endpoint->requests(path => '/orderly', room => 'orderly')),
       '', 'in the order of each room');
}


# --- a replay whose answer is lost is not answered as if there was none

{
    my $proxy = proxy($redis);
    my $nginx = hooked("$proxy->{address} prefix=unheard",
                       $endpoint->hook('/unheard'));

    push @all, $nginx;

    rules('unheard', fails(410, path => '/unheard'));
    is_ok('a call', ring($nginx, 'unheard'));
    become($nginx, undef, '1 = 0 ok + 1 failed + 0 pending', 'given up');
    rules('unheard');

    my ($first) = $endpoint->requests(path => '/unheard');

    is(replay($nginx, event_id => 'unknown-1'), 0, 'Redis has the script');

    $proxy->tell('deaf');

    my ($response) = fire(
        [logs_request($nginx, '/replay', { event_id => $first->{id} })],
        at => [[0.5, sub {
            wait_for(sub { !$redis->command('EXISTS', '{unheard}:dead') });
            $proxy->tell('cut 0');
        }]]
    );

    is(unavailable($response, 20), '', 'the answer to a replay is lost: 503');
    become($nginx, undef, '1 = 1 ok + 0 failed + 0 pending',
           'it was made, once');
}


# --- more than is done in one go

{
    my $nginx = app('many', $endpoint->hook('/many', 'name=many'));

    my $groups = sub {
        my ($name) = @_;

        is_ok('two large groups', fire([
            map {
                my $room = "$name$_";

                $nginx->create($room, "$room.c", (map { "$room.$_" } 1 .. 600),
                               { max_participants => 1000 });
            } 1 .. 2
        ]));
    };

    rules('many', fails(410, path => '/many'));
    $groups->('m');
    become($nginx, undef, '1200 = 0 ok + 1200 failed + 0 pending', 'given up');
    rules('many');

    my ($n, $sum) = (0, 0);

    # it may take more than one request

    while ($n = replay($nginx, since => 0, until => int(time) + 1)) {
        $sum += $n;
    }

    is($sum, 1200, 'all are replayed');
    become($nginx, undef, '1200 = 1200 ok + 0 failed + 0 pending', 'delivered');
    is($endpoint->await_events(1200, path => '/many'), 1200, 'each of them');

    # and forgotten: as if it had happened two days ago

    rules('many', fails(410, path => '/many', room => '^(?:o|young)'));
    $groups->('o');
    become($nginx, undef, '2400 = 1200 ok + 1200 failed + 0 pending',
           'given up');

    my $age = 2 * 86_400_000;
    my @log = @{$redis->command('XRANGE', '{many}:log', '-', '+')};

    $redis->command('DEL', '{many}:log');
    $redis->command('XADD', '{many}:log',
                    $_->[0] =~ s/^(\d+)/$1 - $age/er, @{$_->[1]}) for @log;
    $redis->command('EVAL', <<'END', 1, '{many}:dead:age', $age);
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    redis.call('ZINCRBY', KEYS[1], -ARGV[1], id)
end
END

    is_ok('one that is younger', ring($nginx, 'young'));
    become($nginx, undef, '2401 = 1200 ok + 1201 failed + 0 pending',
           'given up');

    my $clean = sub {
        my ($days) = @_;

        return ask(logs_request($nginx, '/cleanup',
                                { retention_days => $days }));
    };

    my $before = scalar map { @$_ } pages($nginx, 'limit=100');

    is($clean->(3)->{body}, '{}', 'cleanup of what is older than three days');
    is(scalar(map { @$_ } pages($nginx, 'limit=100')), $before,
       'nothing is');
    is($clean->(1)->{body}, '{}', 'of what is older than a day');
    is(join(' ', map { $_->{room_id} } map { @$_ } pages($nginx, 'limit=100')),
       'young', 'the rest remains');
    is(counts($nginx), '2401 = 1200 ok + 1201 failed + 0 pending',
       'counts remain');
    rules('many');
    is(replay($nginx, since => 0, until => int(time) + 1), 1,
       'what is forgotten cannot be replayed');
    is(join(' ', map { $clean->($_)->{status} } 0, -1, '7', 1.5, undef),
       '400 400 400 400 400', 'what makes no sense');
}


# --- more than a worker takes in one reply

{
    my $nginx = app('crowd', $endpoint->hook('/crowd', 'name=crowd'
                                             . ' events=room.finished')
                           . 'tgortc_webhook_retry delays=1h;');
    my ($rooms, $few) = (28, 12);
    my %count;

    # what comes after the endpoint was found bad has not been tried, and so is
    # due as soon as it is well, when what has been is not

    rules('crowd', fails(503, path => '/crowd'));

    is_ok('some calls', ring($nginx, map { "few$_" } 1 .. $few));
    is_ok('which end', fire([map { $nginx->post("/few$_/end") } 1 .. $few]));
    ok(wait_for(sub { state_of($nginx, 'crowd')->{breaker} eq 'open' }),
       'of which nobody hears');

    # each has had 4000 people, of whom as many as may be were there at once

    my @agents = map {
        my $room = "crowd$_";
        my @steps = ($nginx->create($room, "$room.c",
                                    { max_participants => 1000 }),
                     $nginx->join($room, "$room.c"));

        for my $some (1 .. 4) {
            my $uids = { uids => [map { "$room.$some.$_" }
                                      1 .. ($some < 4 ? 999 : 990)] };

            push @steps, map { $nginx->post("/$room/$_", $uids) }
                             'invite', 'cancel';
        }

        push @steps, $nginx->post("/$room/end");

        sub {
            my ($response) = @_;

            $count{$response->{status}}++ if $response;

            return shift @steps;
        };
    } 1 .. $rooms;

    drive(\@agents);
    is_deeply(\%count, { 200 => 11 * $rooms }, 'crowds come and go');

    my $all = $rooms + $few;

    rules('crowd');
    become($nginx, undef, "$all = $rooms ok + 0 failed + $few pending",
           'all are told of');
    unlike($nginx->error_log, qr/Out of memory|is back/,
           'by one connection to Redis');
}


# --- retention, of itself

{
    my $nginx = app('retain', $endpoint->hook('/retain', 'name=retain'),
                    http => 'tgortc_webhook_log_retention 2s;');

    rules('retain', fails(410, path => '/retain'));
    is_ok('a room', ring($nginx, 'retain'));
    ok(wait_for(sub { entries($nginx) }), 'its event is in the log');
    ok(wait_for(sub { !entries($nginx) }, 30 * $slack), 'and not for ever');
    is(counts($nginx), '1 = 0 ok + 1 failed + 0 pending', 'the counts are');
    is(replay($nginx, since => 0, until => int(time) + 1), 0,
       'the letter is gone as well');
}


# --- how many dead letters, and all of them again

{
    my $other = redis();
    my $nginx = hooked("$other->{address} timeout=5s",
                       $endpoint->hook('/cap', 'name=cap'));

    rules('cap', fails(410, path => '/cap'));
    is_ok('a room', ring($nginx, 'cap'));
    become($nginx, undef, '1 = 0 ok + 1 failed + 0 pending', 'given up');

    # as if there had been many like it

    $other->command('EVAL', <<'END', 3, map { "{tgortc}:$_" }
local id = redis.call('HKEYS', KEYS[1])[1]
local letter = cmsgpack.unpack(redis.call('HGET', KEYS[1], id))
local score = redis.call('ZSCORE', KEYS[2], id)
local endpoint = string.match(id, ':(.*)')

for i = 1, 99999 do
    local other = 'old' .. i .. '-1:' .. endpoint

    letter[2] = 'old' .. i
    redis.call('HSET', KEYS[1], other, cmsgpack.pack(letter))
    redis.call('ZADD', KEYS[2], score - 100000 + i, other)
end

for _, what in ipairs({ ':dead:3', ':total:3' }) do
    redis.call('HINCRBY', KEYS[3], endpoint .. what, 99999)
end
END
                    'dead', 'dead:age', 'stats');

    is(counts($nginx), '100000 = 0 ok + 100000 failed + 0 pending', 'many');
    is_ok('one more', ring($nginx, 'more'));
    become($nginx, undef, '100001 = 0 ok + 100001 failed + 0 pending',
           'given up as well');
    is($other->command('HLEN', '{tgortc}:dead') . ' '
       . $other->command('ZCARD', '{tgortc}:dead:age'), '100000 100000',
       'there are 100,000 dead letters at most');

    my $letters = join ' ', @{$other->command('ZRANGE', '{tgortc}:dead:age',
                                              0, 0)};

    like($letters, qr/^old2-1:/, 'the oldest makes room for the newest');

    # replayed, with other requests meanwhile; what comes of it is not waited
    # for

    my $everything = logs_request($nginx, '/replay',
                                  { since => 0, until => int(time) + 1 });
    my ($sum, $over, @requests) = (0, 0);

    drive([
        sub {
            my ($response) = @_;

            if ($response) {
                my $n = $response->{status} == 200
                        ? $response->json->{replayed} : 0;
                $sum += $n;
                $over = !$n;
            }

            return $over ? undef : $everything;
        },
        map {
            my $i = $_;
            my $n = 0;

            sub {
                push @requests, grep { defined } @_;
                return if $over || ++$n > 500;

                return { %{$nginx->create("while$i-$n", "while$i-$n")},
                         after => 0.1 * $n };
            }
        } 1 .. 2
    ], deadline => 60);

    # a letter that comes meanwhile makes the oldest go
    cmp_ok($sum, '>=', 99900, 'all can be replayed');
    is_ok('other requests while they are replayed', @requests);
    cmp_ok(max(map { $_->{time} } @requests), '<', 1 * $slack,
           'do not wait for that');
    $nginx->stop;
    $other->stop;
    rules('cap');
}


# --- full, as it recovers

{
    my @alerts;

    wait_for(sub {
        @alerts = grep { /\[alert\]/ } split /\n/, $full->error_log;
    }, 20 * $slack);
    like($alerts[0], qr/"full"/, 'an alert says which endpoint it is');

    rules('full');
    become($full, undef, '32 = 20 ok + 12 failed + 0 pending',
           'the others are delivered');
    is(replay($full, since => $full_since, until => int(time) + 1), 12,
       'those given up can be replayed');
    become($full, undef, '32 = 32 ok + 0 failed + 0 pending',
           'and so nothing is lost');
    is($endpoint->await_events(32, path => '^/full'), 32, 'of all rooms');
}


# --- full, and what is replayed is too much as well

{
    my $other = redis();
    my $nginx = hooked("$other->{address} timeout=5s",
                       $endpoint->hook('/brim', 'name=brim')
                       . 'tgortc_webhook_retry delays=5m max_queued=1000;');

    my $groups = sub {
        my ($name) = @_;

        is_ok("groups: $name", fire([
            map {
                my $room = "$name$_";

                $nginx->create($room, "$room.c", (map { "$room.$_" } 1 .. 500),
                               { max_participants => 1000 });
            } 1 .. 2
        ]));
    };

    rules('brim', fails(410, path => '/brim', room => '^dead'),
                  fails(400, path => '/brim'));
    $groups->('dead');
    become($nginx, undef, '1000 = 0 ok + 1000 failed + 0 pending', 'given up');
    $groups->('wait');
    become($nginx, undef, '2000 = 0 ok + 1000 failed + 1000 pending',
           'as many wait as may');
    $endpoint->await_events(1000, path => '/brim', room => '^wait');

    like(replay($nginx, since => 0, until => int(time) + 1000), qr/^\d+$/,
         'a replay beyond what may wait comes to an end');

    my $state = state_of($nginx);

    is($state->{total_count}, 2000, 'nothing is counted twice');
    cmp_ok($state->{pending_count}, '<=', 1000, 'no more wait than may');
    $nginx->stop;
    $other->stop;
    rules('brim');
}


# --- one that nobody has gets nothing more while it is dropped, part by part

{
    my ($kept, $gone) = map {
        hooked("$redis->{address} prefix=dropped",
               $endpoint->hook("/dropped/$_", "name=$_"), workers => 1)
    } 'kept', 'gone';
    my @rooms = map { "dropped$_" } 1 .. 250;

    rules('dropped', fails(503, path => '^/dropped/gone'));
    is_ok('many calls', ring($kept, @rooms));
    is($endpoint->await_events(250, path => '^/dropped/kept'), 250,
       'are told to one');
    ok($gone->quit, 'the other is gone');

    my $due = sub {
        return max(0, map { $redis->command('ZCARD', $_) }
                          @{$redis->command('KEYS', '{dropped}:due:*')});
    };

    is($due->(), 250, 'for which all wait');

    $redis->command('EVAL', <<'END', 1, '{dropped}:endpoints', 'gone');
for _, id in ipairs(redis.call('HKEYS', KEYS[1])) do
    local endpoint = cmsgpack.unpack(redis.call('HGET', KEYS[1], id))

    if endpoint[1] == ARGV[1] then
        endpoint[3] = 0
        redis.call('HSET', KEYS[1], id, cmsgpack.pack(endpoint))
    end
end
END

    ok(wait_for(sub { $due->() < 250 }), 'until some are dropped');

    is_ok('another call', ring($kept, 'later'));
    ok(wait_for(sub {
        !@{$redis->command('KEYS', '{dropped}:queue:*:later')}
    }, 2), 'does not wait for it');
    ok(wait_for(sub { $due->() == 0 }), 'nor do the others, in the end');
    ok($kept->quit, 'it ends');
    rules('dropped');
}


# --- endpoints come and go, the end

ok(wait_for(sub { !@{$redis->command('KEYS', '{bare}:endpoints')} }, 60),
   'an app without endpoints: that of before is forgotten');
is(join(' ', grep { /:(?:queue|due|age):/ }
             @{$redis->command('KEYS', '{bare}:*')}), '',
   'with all that waited for it');

is($endpoint->await_events($made, path => '/two/x', room => '^still'), $made,
   'one still has it: it gets all that is made');
is($endpoint->await_events($made, path => '/two/y', room => '^still'), $made,
   'and so does the other endpoint');
is(misordered($endpoint->requests(path => '/two/y', room => '^still')), '',
   'in order');

rules('two', fails(400, path => '/two/x'),
             fails(410, path => '/two/y', room => '^wait'));
is_ok('rooms', ring($two[1], map { "wait$_" } 1 .. 5));
$endpoint->await(5, path => '/two/x', room => '^wait');

{
    my $state = state_of($two[1], 'x');

    is($state->{pending_count}, 5, 'something waits for it');
    $x_total = $state->{total_count};
}

ok(reconfigure($two[1], $y . $retry), 'nobody has x any more');
rules('two');

my $gone;

wait_for(sub {
    ($gone) = grep { !defined $_->{name} } @{stats($two[0])->{endpoints}};
    $gone && $gone->{pending_count} == 0;
}, 60);

is(TgoRTC::Endpoint::format_counts($gone || {}),
   sprintf('%d = %d ok + %d failed + 0 pending', $x_total, $made, 1205),
   'what it left behind has failed');
is(scalar $endpoint->requests(path => '/two/x', room => '^wait'), 5,
   'and is not sent');
is(join(' ', grep { /:(?:queue|due|age):/ }
             @{$redis->command('KEYS', '{two}:*')}), '',
   'nothing of it is kept');
is_ok('what comes later', ring($two[0], 'later'));
is($endpoint->await_events(1, path => '/two/y', room => '^later'), 1,
   'is for who is left');
is(scalar $endpoint->requests(path => '/two/x', room => '^later'), 0,
   'and for nobody else');
is(replay($two[0], since => 0, until => int(time) + 1), 5,
   'letters to who is gone do not hold up a replay');
is($endpoint->await_events(5, path => '/two/y', room => '^wait'), 5,
   'which arrives');


for my $nginx (@all) {
    my $expected = $nginx->{hooks} =~ /max_queued/ ? qr/^(?:.*\[alert\].*
                   too\ many\ events\ wait.*\n?)*\z/x : qr/^\z/;

    ok($nginx->quit, 'it ends');
    like($nginx->trouble, $expected, 'nothing bad in the log');
}

done_testing();
