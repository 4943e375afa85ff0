#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# A Redis that cannot serve, in every way that it has: each request gets its
# 503 in time, no worker is harmed, and service resumes by itself.

use strict;
use warnings;

use Test::More;
use TgoRTC::Live;
use Time::HiRes qw(sleep time);


my $timeout = 0.3;

# The promise is the timeout, the rest is for a busy machine.
my $limit = $timeout + 4;

# reconnecting waits at most 1.5 s, and may have to wait for a timeout before
my $soon = 1.5 + $timeout + 6;

my $n = 0;


sub server {
    my ($address, %more) = @_;

    return nginx(redis => "$address timeout=300ms", %more);
}


# one of each that writes, to a room that is there if they were made before

sub writes {
    my ($nginx) = @_;

    $n++;

    return ($nginx->create("v$n", "a$n", "b$n"),
            $nginx->create(undef, "c$n"),
            $nginx->join('group', "e$n"),
            $nginx->leave('group', 'y'),
            $nginx->leave('pair', 'm'),
            $nginx->post('/group/invite', { uids => ["d$n"] }));
}


# the rooms of writes()

sub make_rooms {
    my ($nginx) = @_;

    is(count_by_status(fire([
           $nginx->create('group', 'x', 'y', { max_participants => 9 }),
           $nginx->create('pair', 'm', 'n')
       ])), '200: 2', 'rooms are made');
}


sub reads {
    my ($nginx) = @_;

    return ($nginx->get('/room'),
            $nginx->get('/sync?uid=u&device_type=app'));
}


sub all_unavailable {
    my ($what, @requests) = @_;
    my %wrong;

    for (fire(\@requests)) {
        my $why = unavailable($_, $limit);

        $wrong{"$_->{request}{path}: $why"} = 1 if $why ne '';
    }

    is(join("\n", sort keys %wrong), '', "$what: JSON 503 in time");
}


# Everything is refused: twice, at first while the worker finds out, then when
# it knows.

sub is_down {
    my ($what, $nginx) = @_;

    all_unavailable($what, (map { writes($nginx), reads($nginx) } 1 .. 3),
                    $nginx->health);
    all_unavailable("$what, again",
                    (map { writes($nginx), reads($nginx) } 1 .. 3),
                    $nginx->health);
}


# Service is back, of all workers.

sub is_back {
    my ($what, $nginx) = @_;
    my $since = time;
    my $last;

    ok(wait_for(sub {
           my %workers;
           my @responses = fire([
               map { $nginx->create("back$n-$_", "f$n-$_") } 1 .. 24
           ]);

           $n++;
           $last = count_by_status(@responses);
           $workers{$_->{head}{'x-worker'} || ''} = 1 for @responses;

           return $last eq '200: 24' && keys %workers == $nginx->{workers};
       }), "$what: it serves again")
       or die "$what: it does not, and so will not what follows: $last\n";

    cmp_ok(time - $since, '<', $soon, "$what: soon");

    my $health = ask($nginx->health);

    is($health->{status} . ' ' . $health->{body}, '200 {"status":"ok"}',
       "$what: health says so");
}


sub is_unharmed {
    my ($what, $nginx, @pids) = @_;

    is(join(' ', $nginx->pids), "@pids", "$what: the workers are the same");
    is($nginx->trouble, '', "$what: nothing bad in the log");

    # one line for each worker's outage and not for each request
    my @lines = grep { /\[error\]/ } split /\n/, $nginx->error_log;

    cmp_ok(scalar @lines, '<', 150, "$what: the log is not flooded");
}


# The log has what goes on as well as what began it, once for each worker.

sub is_said {
    my ($what, $nginx, $why) = @_;
    my $said;

    wait_for(sub {
        $said = () = $nginx->error_log =~ /\[error\] .*tgortc: redis .*$why/g;
        return $said == $nginx->{workers};
    });

    is($said, $nginx->{workers}, "$what: each worker says so once");
}


# not there yet when nginx starts, by path and by port; then killed, come back

{
    my $port = free_port();
    my $redis = redis(later => 1, port => $port);
    my $by_path = server($redis->{address});
    my $by_port = server("127.0.0.1:$port");
    my @pids = ($by_path->pids, $by_port->pids);

    is_down('no socket', $by_path);
    is_down('no port', $by_port);

    $redis->start;
    is_back('no socket', $by_path);
    is_back('no port', $by_port);

    $redis->stop;
    is_down('killed', $by_path);
    is_down('killed, by port', $by_port);
    is_said('killed', $by_path, 'closed the connection');

    $redis->start;
    is_back('killed', $by_path);
    is_back('killed, by port', $by_port);

    is_unharmed('refused', $by_path, @pids[0, 1]);
    is_unharmed('refused, by port', $by_port, @pids[2, 3]);
}


# An idle connection that Redis has closed meanwhile is no reason for a 503.

{
    my $redis = redis();
    my $nginx = server($redis->{address});

    is_back('at the start', $nginx);

    for my $round (1 .. 5) {
        $redis->command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');

        is(count_by_status(fire([
               map { $nginx->create("idle$round-$_", "i$round-$_") } 1 .. 8
           ])), '200: 8', "connections closed, round $round: nobody notices");
    }

    # a restart that takes less than the timeout is waited out

    my $patient = nginx(redis => $redis);

    is(count_by_status(ask($patient->create('before', 'p1'))), '200: 1',
       'before a restart');
    $redis->stop;
    $redis->start;
    is(count_by_status(fire([
           map { $patient->create("after$_", "q$_") } 1 .. 8
       ])), '200: 8', 'a quick restart is waited out');
    is($patient->trouble, '', 'nothing bad in the log');
}


# hanging

{
    my $redis = redis();
    my $nginx = server($redis->{address});
    my @pids = $nginx->pids;

    is_back('before SIGSTOP', $nginx);

    for my $round (1 .. 2) {
        $redis->signal('STOP');

        my @hung = map { $nginx->create("hung$round-$_", "h$round-$_",
                                        "k$round-$_") } 1 .. 20;

        all_unavailable("SIGSTOP, round $round", @hung);
        is_down("SIGSTOP, round $round", $nginx);

        $redis->signal('CONT');
        is_back("SIGSTOP, round $round", $nginx);

        is($redis->command('EXISTS',
                           map { "{tgortc}:room:hung$round-$_" } 1 .. 20),
           0, 'what was answered 503 did not happen');
        is(join(' ', grep { /^[hk]$round-/ } keys %{$redis->users}), '',
           'nobody is busy because of it');
    }

    is_unharmed('SIGSTOP', $nginx, @pids);
}


# A stop that ends while requests are due: each that was answered 503 was not
# carried out, each that was answered 200 was.

{
    my $redis = redis();
    my $nginx = nginx(redis => "$redis->{address} timeout=2s");

    for my $stop (1.5, 2.2, 3.2) {
        my (@rooms, @wrong, %count);
        my $reads = ask($nginx->get('/none'))->{status};

        is($reads, 404, 'it serves');

        $redis->signal('STOP');
        drive([
            map {
                my ($id, $after, $asked) = ("at$stop-$_", $_ / 40, 0);

                sub {
                    my ($response) = @_;

                    push @rooms, [$id, $response->{status}] if $response;
                    return if $asked++;
                    return { %{$nginx->create($id, "$id.a", "$id.b")},
                             after => $after };
                }
            } 0 .. 40 * $stop
        ], at => [[$stop, sub { $redis->signal('CONT') }]]);

        wait_for(sub { ask($nginx->get('/none'))->{status} == 404 });

        for (@rooms) {
            my ($id, $status) = @$_;
            my $exists = $redis->command('EXISTS', "{tgortc}:room:$id");

            $count{$status}++;
            push @wrong, "$id: $status" if $exists != ($status == 200);
        }

        is_deeply(\@wrong, [], "stopped for $stop s: 503 did not happen, "
                               . "200 did");
        is(join(' ', grep { !/^(?:200|503)$/ } keys %count), '',
           'nothing else was answered');
        cmp_ok($count{200} || 0, '>', 3, 'some were in time');
        cmp_ok($count{503} || 0, '>', 3, 'some were not') if $stop > 2;
    }

    is($nginx->trouble, '', 'nothing bad in the log');
}


# more apps than nginx has places for connections; without a master, whose own
# connection to its worker has to have one

{
    my $redis = redis();
    my $nginx = server($redis->{address}, master => 'off', workers => 1,
                       connections => 8,
                       server => join '', map { <<"END" } 1 .. 8);
        location /app$_ {
            tgortc_rooms;
            tgortc_redis  $redis->{address} prefix=app$_;
        }
END

    ok(wait_for(sub { $nginx->error_log =~ /tgortc: redis/ }),
       'full: some have no connection');

    my %said = map { $_ => 1 } $nginx->error_log =~ /tgortc: redis .*: (.*)/g;

    is(join(', ', keys %said), 'worker_connections are not enough',
       'full: and say so');
    ok($nginx->quit, 'full: it ends');
}


# loading: a key at a time, until it may go on; it answers every 2 MB

{
    my $redis = redis();
    my $nginx = server($redis->{address});
    my @pids = $nginx->pids;

    is_back('before loading', $nginx);

    $redis->command('CONFIG', 'SET', 'rdbcompression', 'no');
    $redis->command('SETRANGE', "filler:$_", 2_200_000, 'x') for 1 .. 40;
    $redis->command('SAVE');
    $redis->stop;
    $redis->start('--key-load-delay', 500_000);

    ok(!eval { $redis->command('PING'); 1 } && $@ =~ /LOADING/, 'it loads');

    is_down('loading', $nginx);
    is_said('loading', $nginx, 'says "LOADING ');

    ok(!eval { $redis->command('PING'); 1 } && $@ =~ /LOADING/,
       'it loads still');

    # Redis 6.2 does not take it now, and needs 20 s for all keys

    eval { $redis->command('CONFIG', 'SET', 'key-load-delay', 0) };
    wait_for(sub { eval { $redis->command('PING') } }, 60);
    is_back('loading', $nginx);
    is_unharmed('loading', $nginx, @pids);
}


# scripts lost, again and again, under load

{
    my $redis = redis();
    my $nginx = nginx(redis => $redis, workers => 2);
    my @pids = $nginx->pids;
    my (%count, $flushes);

    my @agents = map {
        my ($me, $i, $id) = ($_, 0);

        sub {
            my ($response) = @_;

            $count{$response->{status}}++ if $response;
            return if $i >= 80;

            my $request = $i++ % 2
                          ? $nginx->leave($id, "f$me")
                          : $nginx->create($id = "f$me-$i", "f$me", "g$me");

            return { %$request, keepalive => 1 };
        }
    } 1 .. 20;

    my $flush = background(sub {
        my ($go_on) = @_;
        my $times = 0;

        while ($go_on->()) {
            $redis->command('SCRIPT', 'FLUSH');
            $times++;
            sleep 0.002;
        }

        return { times => $times };
    });

    drive(\@agents);
    $flushes = $flush->finish->{times};

    is_deeply(\%count, { 200 => 1600 },
              'SCRIPT FLUSH under load: every request is answered 200');
    cmp_ok($redis->calls('eval'), '>', 5, "scripts were lost ($flushes times)");
    is_deeply($redis->users, {}, 'each left once more');
    is_unharmed('SCRIPT FLUSH', $nginx, @pids);
}


# a replica, of a server that cannot be reached

{
    my $redis = redis();
    my $nginx = server($redis->{address});
    my @pids = $nginx->pids;

    is_back('before being a replica', $nginx);

    make_rooms($nginx);

    $redis->command('REPLICAOF', '127.0.0.1', free_port());

    all_unavailable('a replica', map { writes($nginx) } 1 .. 4);

    # not while there is no connection, as after each refusal
    ok(wait_for(sub { ask($nginx->get('/none'))->{status} == 404 }),
       'a replica is read');
    all_unavailable('a replica, again', map { writes($nginx) } 1 .. 4);

    my $said = () = $nginx->error_log =~ /\) says "READONLY/g;
    my $back = () = $nginx->error_log =~ / is back/g;

    is($said, @pids, 'a replica: each worker says so once');
    is($back, 0, 'a replica: and not that it is back');

    # stale data is no data; Redis 6.2 answers a PING nevertheless
    $redis->command('CONFIG', 'SET', 'replica-serve-stale-data', 'no');

    all_unavailable('a stale replica', map { writes($nginx), reads($nginx) }
                                           1 .. 3);

    $redis->command('REPLICAOF', 'NO', 'ONE');
    is_back('a master again', $nginx);
    $back = () = $nginx->error_log =~ / is back/g;
    is($back, @pids, 'a master again: each worker says so');
    is_unharmed('a replica', $nginx, @pids);
}


# a replica for a while, and then it is lost now and then: waited out, as ever

{
    my $redis = redis();
    my $nginx = nginx(redis => "$redis->{address} timeout=2s", workers => 1);
    my $lost = sub {
        return scalar(() = $nginx->error_log
                       =~ /closed the connection|(?:recv|send)\(\) failed/g);
    };

    make_rooms($nginx);
    $redis->command('REPLICAOF', '127.0.0.1', free_port());
    is(ask($nginx->create(undef, 'refused'))->{status}, 503, 'a refusal');
    $redis->command('REPLICAOF', 'NO', 'ONE');

    # for longer than the timeout nobody makes a change

    my $until = time + 2.5;
    my $reader = background(sub {
        my ($go_on) = @_;
        my %count;

        $count{ask($nginx->get('/none'))->{status}}++ while $go_on->();

        return \%count;
    });

    wait_for(sub { time > $until }) or die;

    for my $round (1 .. 5) {
        is(ask($nginx->get('/none'))->{status}, 404, 'there is a connection');
        $redis->command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        ok(wait_for(sub { $lost->() >= $round }), "loss $round is said");
    }

    my $count = $reader->finish;

    cmp_ok($count->{404} || 0, '>', 5, 'somebody asked meanwhile');
    is($count->{503}, undef, 'and waited each of them out');
}


# the next heartbeat of an app with endpoints is a change too

{
    my $redis = redis();
    my $nginx = nginx(redis => "$redis->{address} timeout=2s", workers => 1,
                      http => 'tgortc_webhook http://127.0.0.1:9/;');

    is(ask($nginx->create(undef, 'before'))->{status}, 200, 'a primary');
    $redis->command('REPLICAOF', '127.0.0.1', free_port());
    is(ask($nginx->create(undef, 'refused'))->{status}, 503, 'a replica');
    $redis->command('REPLICAOF', 'NO', 'ONE');
    ok(wait_for(sub { $nginx->error_log =~ / is back/ }), 'it is back');
}


# passwords

{
    my $redis = redis();
    my $nginx = server($redis->{address});

    is_back('before it takes a password', $nginx);

    $redis->command('ACL', 'SETUSER', 'app', 'on', '>secret', 'resetkeys',
                    '~{tgortc}:*', '-@all', '+eval', '+evalsha', '+ping',
                    '+time', '+select', '+get', '+set', '+del', '+incrby',
                    '+hget', '+hmget', '+hgetall', '+hkeys', '+hlen', '+hset',
                    '+hdel',
                    '+hincrby', '+zadd', '+zrem', '+zrange', '+zrangebyscore',
                    '+zscore', '+zmscore', '+zcard', '+zpopmin',
                    '+rpush', '+lpop', '+lindex', '+lset',
                    '+xadd', '+xtrim', '+xrevrange');

    # one who may not be asked for its policy gets no warning, and works
    $redis->command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');

    # the command connection of this test stays as it is, being open
    $redis->command('CONFIG', 'SET', 'requirepass', 'sesame');
    $redis->command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');

    my $wrong = server("$redis->{address} password=wrong");
    my $nobody = server("$redis->{address} user=nobody password=secret");
    my $right = server("$redis->{address} user=app password=secret");
    my @pids = $wrong->pids;

    is_down('no password', $nginx);
    is_said('no password', $nginx, 'says "NOAUTH ');
    is_down('a wrong password', $wrong);
    is_down('an unknown user', $nobody);
    is_back('the right user, with the rights of docs/', $right);
    unlike($right->error_log, qr/maxmemory-policy|NOPERM|\[error\]/,
           'the right user: nothing is wrong');

    unlike($_->error_log, qr/sesame|secret|=wrong/, 'no password in the log')
        for $wrong, $right;
    like($wrong->error_log, qr/WRONGPASS/, 'the log says what is wrong');

    $redis->command('CONFIG', 'SET', 'requirepass', '');
    is_back('no password needed any more', $nginx);
    is_unharmed('a wrong password', $wrong, @pids);
}


# one that does not know AUTH cites the password

{
    my $redis = redis(args => ['--rename-command', 'AUTH', '']);
    my $nginx = server("$redis->{address} user=app password=secret");

    is_down('no AUTH', $nginx);
    like($nginx->error_log, qr/says "ERR unknown command .AUTH."/,
         'the log says what is wrong');
    unlike($nginx->error_log, qr/secret/, 'and not the password');
}


# no memory: what takes more is refused and changes nothing, leaving works

{
    my $redis = redis(args => ['--maxmemory-policy', 'noeviction']);
    my $nginx = server($redis->{address});
    my @pids = $nginx->pids;

    my $everything = sub {
        return { map { $_ => $redis->command('DUMP', $_) }
                     @{$redis->command('KEYS', '*')} };
    };

    is(count_by_status(fire([
           $nginx->create('pair', 'm1', 'm2'),
           $nginx->create('group', 'm3', 'm4', 'm5',
                          { max_participants => 5 }),
           $nginx->create('trio', 'm7', 'm8', { max_participants => 3 })
       ])), '200: 3', 'before memory is short');
    is(ask($nginx->join('group', 'm4'))->{status}, 200, 'one has joined');

    my $before = $everything->();

    $redis->command('CONFIG', 'SET', 'maxmemory', 1);

    all_unavailable('no memory',
                    (map { $nginx->create("oom$_", "o$_", "p$_") } 1 .. 8),
                    $nginx->post('/trio/invite', { uids => ['m9'] }),
                    $nginx->join('trio', 'm6'));
    is_deeply($everything->(), $before, 'a refusal changes nothing');

    is(ask($nginx->get('/pair'))->{status}, 200, 'a room can be looked at');

    is(count_by_status(fire([$nginx->leave('pair', 'm2'),
                             $nginx->leave('group', 'm5'),
                             $nginx->leave('group', 'm3'),
                             $nginx->leave('trio', 'm7')])),
       '200: 4', 'leaving works without memory');
    is_deeply($redis->users, { m4 => 'group' }, 'and gives places back');
    is_deeply([$redis->deadlines], ['group'], 'of rooms, too');
    is(ask($nginx->get('/pair'))->json->{status}, 4, 'a room has ended');

    $redis->command('CONFIG', 'SET', 'maxmemory', 0);
    is(count_by_status(fire([
           map { $nginx->create("room$_", "n$_") } 1 .. 16
       ])), '200: 16', 'with memory it serves at once');
    is_unharmed('no memory', $nginx, @pids);
}


# a policy by which Redis may throw state away: one line at each change

{
    my $redis = redis(args => ['--maxmemory-policy', 'allkeys-lru']);
    my $nginx = server($redis->{address});
    my @pids = $nginx->pids;

    my $warnings = sub {
        return join ' ', $nginx->error_log
            =~ /\[warn\].* redis "unix:\S+" has maxmemory-policy "([\w-]+)"/g;
    };

    my $said = sub {
        my ($what, $policies) = @_;

        wait_for(sub { $warnings->() eq $policies });
        is($warnings->(), $policies, $what);
    };

    my $set = sub {
        $redis->command('CONFIG', 'SET', 'maxmemory-policy', $_[0]);
        $redis->command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        is_back("maxmemory-policy $_[0]", $nginx);
    };

    $said->('allkeys-lru: a warning', 'allkeys-lru');

    # what was said is not said again
    $set->('allkeys-lru');
    $set->('volatile-ttl');
    $said->('volatile-ttl: another', 'allkeys-lru volatile-ttl');
    like($nginx->error_log, qr/volatile-ttl.* answers to an Idempotency-Key, /,
         'it says what may be forgotten');

    # nothing is said
    $set->('noeviction');
    $set->('allkeys-random');
    $said->('not of noeviction', 'allkeys-lru volatile-ttl allkeys-random');

    my $other = server($redis->{address});

    wait_for(sub { $other->error_log =~ /allkeys-random/ });
    like($other->error_log, qr/may be thrown away, set it to "noeviction"/,
         'it says what to do');

    is_unharmed('maxmemory-policy', $nginx, @pids);
}


# What Redis refuses for the state that it is in, it refuses to others as well.

{
    my $redis = redis();
    my $nginx = server($redis->{address});
    my @pids = $nginx->pids;

    is_back('before it refuses', $nginx);

    make_rooms($nginx);

    # too few replicas, as when they are cut off
    $redis->command('CONFIG', 'SET', 'min-replicas-to-write', 1);
    all_unavailable('too few replicas', writes($nginx));
    $redis->command('CONFIG', 'SET', 'min-replicas-to-write', 0);
    is_back('no replicas needed', $nginx);

    # connections are more than it takes
    my ($limit_was) = $redis->command('CONFIG', 'GET', 'maxclients')->[1];

    $redis->command('CONFIG', 'SET', 'maxclients', 1);
    $redis->command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    is_down('too many clients', $nginx);
    $redis->command('CONFIG', 'SET', 'maxclients', $limit_was);
    is_back('not too many any more', $nginx);
    is_unharmed('refusals', $nginx, @pids);
}


# Places that only look on make no change which could end an outage.

{
    my $loading = TgoRTC::Live::name('loading');

    my $fake = fake(sub {
        my ($socket) = @_;
        my $greeted;

        while (my @command = read_command($socket)) {
            if ($command[0] eq 'TIME') {
                $greeted = 1;
                syswrite $socket, sprintf "*2\r\n\$10\r\n%d\r\n\$1\r\n0\r\n",
                                          time;

            } elsif ($greeted && -e $loading) {
                syswrite $socket, "-LOADING Redis is loading the dataset\r\n";

            } else {
                syswrite $socket, "+PONG\r\n";
            }
        }
    });

    my $nginx = server(redis()->{address}, workers => 1, server =>
                       "location = /look { tgortc_redis $fake->{address}; "
                       . 'tgortc_health; }');
    my $status = sub {
        return ask({ %{$nginx->health}, path => '/look' })->{status};
    };

    for my $time (1, 2) {
        is($status->(), 200, 'looking on: 200');

        open my $fh, '>', $loading or die "$loading: $!";
        close $fh;
        is($status->(), 503, 'it is loading: 503');

        unlink $loading;
        ok(wait_for(sub { $status->() == 200 }), 'it is not any more');

        my @said = $nginx->error_log
                       =~ /\Q$fake->{address}\E.* (says|is back)/g;

        is("@said", join(' ', ('says', 'is back') x $time),
           'the log says both');
    }
}


# One that is always behind: there is never nothing left to write to it.

SKIP: {
    skip 'sanitizers keep memory', 2 if sanitized();

    my $behind = fake(sub {
        my ($socket) = @_;

        while (my @command = read_command($socket)) {
            my ($seconds, $us) = map { int } time, 1e6 * (time - int time);

            if ($command[0] eq 'EVALSHA') {
                sleep 0.003;
                syswrite $socket, "*2\r\n\$7\r\nunknown\r\n"
                                  . ":${seconds}000\r\n";

            } elsif ($command[0] eq 'TIME') {
                syswrite $socket,
                         sprintf "*2\r\n\$%d\r\n%d\r\n\$6\r\n%06d\r\n",
                                 length $seconds, $seconds, $us;

            } else {
                syswrite $socket, "+PONG\r\n";
            }
        }
    });

    my $nginx = nginx(redis => "$behind->{address} timeout=5s", workers => 1);
    my ($pid) = $nginx->pids;

    # 60 KB each: of as many as are asked at once no socket holds the half

    my $request = $nginx->post('/r/invite',
                               { uids => [map { sprintf '%057d', $_ }
                                              1 .. 1000] });
    my (@responses, @rss);

    drive([map {
        my $left = 60;

        sub {
            my ($response) = @_;

            push @responses, $response if $response;
            push @rss, TgoRTC::Live::rss($pid) if @responses % 100 == 0;

            return $left-- > 0 ? $request : ();
        }
    } 1 .. 16], deadline => 60);

    is(count_by_status(@responses), '404: 960', 'behind: it serves');
    cmp_ok($rss[-1] - $rss[0], '<', 25_000, 'behind: the worker does not grow')
        or diag("@rss");
}

done_testing();
