#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# nginx and Redis have clocks of their own, and Redis's may be set: what that
# makes too late is asked for again, by the right time.  What is late is not.

use strict;
use warnings;

use Test::More;
use TgoRTC::Calls;
use TgoRTC::Clock;
use TgoRTC::Live;
use Time::HiRes ();


my $clock = TgoRTC::Clock->new('redis-server', '--version')
    or plan skip_all => 'Redis does not bear libfaketime, or there is none';

my $redis = redis(env => $clock->env);
my $nginx = nginx(redis => "$redis->{address} timeout=2s", workers => 1,
                  http => 'tgortc_ring_timeout 1h;');
my $n = 0;
my @wrong;


# Calls are made until Redis is so many seconds ahead of the machine.

sub create_until {
    my ($seconds) = @_;

    return wait_for(sub {
        my $id = 'room' . ++$n;
        my $response = ask($nginx->create($id, "$id.a", "$id.b"));

        push @wrong, "$id: $response->{status} $response->{body}"
            if $response->{status} != 200;

        return $redis->command('TIME')->[0] - time > $seconds - 2;
    });
}


ok(create_until(0), 'clocks that go alike');
is_deeply(\@wrong, [], 'every call is made');

for my $seconds (20, 40) {
    $clock->set($seconds);
    ok(create_until($seconds), "Redis's clock is set forward");
    ok(create_until($seconds), 'and goes on');
    is_deeply(\@wrong, [], 'every call is made');
}

is($redis->command('HLEN', '{tgortc}:users'), 2 * $n, 'once');
is($nginx->trouble, '', 'nothing bad in the log');


# Redis comes to it when there is no time left for the answer.

{
    my $late = nginx(redis => "$redis->{address} timeout=4s", workers => 1);

    is(ask($late->create('in-time', 'u1'))->{status}, 200, 'in time');

    my $pid = open my $monitor, '-|', 'redis-cli', '-s', $redis->{path}, 'monitor'
        or die "redis-cli: $!";

    <$monitor>;
    $redis->command('CLIENT', 'PAUSE', 3700);
    is(ask($late->create('late', 'u2'))->{status}, 503, 'too late');
    $redis->command('ECHO', 'over');

    my @asked;

    while (<$monitor>) {
        last if /"ECHO" "over"/;
        push @asked, $_ if /"EVALSHA" .* "late"/;
    }

    kill TERM => $pid;
    is(scalar @asked, 1, 'is asked for once');
    is($redis->command('HEXISTS', '{tgortc}:users', 'u2'), 0, 'and not done');
    is($late->trouble, '', 'nothing bad in the log');
}


# It is set forward while an answer is lost, and the room has forgotten by the
# new time what was done: the repeat is not done as if it was the first.

{
    my $proxy = proxy($redis);
    my $cut = nginx(redis => "$proxy->{address} timeout=6s", workers => 1,
                    http => 'tgortc_ring_timeout 1h;');
    my $state = sub {
        return join ' ', map { "$_->{uid}:$_->{status}" }
                             @{ask($nginx->get('/forgot'))->json->{participants}};
    };

    ask($cut->create('forgot', 'host', { max_participants => 9 }));
    ask($cut->post('/forgot/invite', { uids => ['other'] }));

    my $meanwhile = background(sub {
        my $rings = wait_for(sub { $state->() =~ /guest:0/ });

        $clock->set(80);
        wait_for(sub { $redis->command('TIME')->[0] - time > 70 });

        return { rings => $rings,
                 left => ask($nginx->leave('forgot', 'guest'))->{status} };
    });

    $proxy->tell('drop 4');

    my $response = ask($cut->post('/forgot/invite', { uids => ['guest'] }));
    my $result = $meanwhile->finish;

    is(($result->{rings} ? '' : 'not ') . "invited $result->{left}",
       'invited 200', 'who was invited has rejected');
    like($response->{status}, qr/^(?:200|503)$/, 'who invited him is answered');
    is($state->(), 'host:0 other:0 guest:2', 'and he does not ring again');
    is($cut->trouble, '', 'nothing bad in the log');
}


# A clock that is set back makes no call last less than nothing.

{
    my $calls = calls(redis => $redis, ring => '1h');
    my $livekit = $calls->livekit('back');

    $calls->create('back', 'b1', 'b2');
    $livekit->session($_, 'app')->joined for 'b1', 'b2';
    $clock->set(10);
    ok(wait_for(sub { $redis->command('TIME')->[0] - time < 15 }),
       "Redis's clock is set back");
    $calls->leave('back', 'b1');

    my ($finished) = grep { $_->{type} eq 'room.finished' }
                          $calls->await('back', -1);

    is($finished->{json}{duration}, 0, 'a call that took no time');
    is(ask($calls->request('get', 'back'))->json->{duration}, 0,
       'says the API as well');
}


# Where nginx's clock stands still for a while, what Redis's says meanwhile is
# not taken for being ahead of it: nothing is done when its timeout is over.

{
    my $ahead = TgoRTC::Live::name('ahead');
    my $reader = fake(sub {
        my ($socket) = @_;
        my $most = -1e9;

        while (my ($name, @args) = read_command($socket)) {
            my $now = int 1000 * Time::HiRes::time();

            if ($name eq 'PING') {
                syswrite $socket, "+PONG\r\n";
                next;
            }

            if ($name eq 'TIME') {
                syswrite $socket,
                         sprintf "*2\r\n\$10\r\n%d\r\n\$6\r\n%06d\r\n",
                                 $now / 1000, $now % 1000 * 1000;
                next;
            }

            # behind a digest, the number of keys, and four keys

            if ($args[6] - $now > $most) {
                $most = $args[6] - $now;

                open my $fh, '>', $ahead or die "$ahead: $!";
                print $fh "$most\n";
                close $fh;
            }

            syswrite $socket, "*2\r\n\$7\r\nunknown\r\n:$now\r\n";
        }
    });

    my $nginx = nginx(redis => "$reader->{address} timeout=1s", workers => 1,
                      main => 'timer_resolution 500ms;');
    my $end = Time::HiRes::time() + 2;
    my @responses;

    push @responses, ask($nginx->get('/r')) while Time::HiRes::time() < $end;

    is(count_by_status(@responses), '404: ' . @responses,
       'a clock of 500 ms: it serves');
    cmp_ok(slurp($ahead), '<=', 1000, 'no command outlives its timeout');
    is($nginx->trouble, '', 'nothing bad in the log');
}

done_testing();
