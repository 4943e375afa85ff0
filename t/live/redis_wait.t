#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# tgortc_redis_wait: what is answered 200 is on the replicas.

use strict;
use warnings;

use Test::More;
use TgoRTC::Live;
use TgoRTC::Replicas;
use Time::HiRes qw(sleep time);


my $limit = 6;


sub exists_in {
    my ($redis, @ids) = @_;

    return scalar grep { asked($redis, 'EXISTS', "{tgortc}:room:$_") } @ids;
}


my ($primary, $replica) = replicated(1);
my $address = "127.0.0.1:$primary->{port}";

{
    my $plain = nginx(redis => $address);

    is(ask($plain->create('plain', 'p'))->{status}, 200, 'without it: 200');
    is($primary->calls('wait'), 0, 'without it nothing is asked');
}

{
    my $nginx = nginx(redis => $address, http => 'tgortc_redis_wait 1 300ms;');
    my ($there, $all) = (0, 40);

    for (1 .. $all) {
        my $response = ask($nginx->create("w$_", "w.$_"));

        $there++ if $response->{status} == 200 && exists_in($replica, "w$_");
    }

    is($there, $all, 'each room is on the replica when it is answered');

    my $before = $primary->calls('wait');

    is(count_by_status(fire([map { $nginx->create("many$_", "many.$_") }
                                 1 .. 200])),
       '200: 200', 'many at once');
    cmp_ok($primary->calls('wait') - $before, '<', 150,
           'share their waiting');

    # a replica that hangs

    $replica->signal('STOP');

    my @head = (head => ['Idempotency-Key: first']);
    my $first = $nginx->create('held', 'h', 'i', { max_participants => 3 });

    is(unavailable(ask({ %$first, @head }), $limit), '',
       'the replica hangs: 503');
    is(unavailable($_, $limit), '', 'the replica hangs: 503')
        for fire([map { $nginx->create("stop$_", "stop.$_") } 1 .. 20]);
    is(ask($nginx->get('/held'))->{status}, 200, 'the change stands');
    is(ask($nginx->get('/sync?uid=h&device_type=app'))->{status}, 200,
       'what changes nothing is answered');
    is(unavailable(ask($nginx->create('held', 'h')), $limit), '',
       'a refusal that tells of it waits as well');

    is(unavailable(ask({ %$first, @head }), $limit), '',
       'and so does a repeat');

    # Redis 7.2 and Valkey wait for what the connection itself has written

    my $other = nginx(redis => $address, http => 'tgortc_redis_wait 1 300ms;');

    is(unavailable(ask($other->create('held', 'h')), $limit), '',
       'a refusal on a connection that has changed nothing: 503');
    is(unavailable(ask({ %$first, @head, port => $other->{port} }), $limit),
       '', 'a repeat on a connection that has changed nothing: 503');
    is($other->trouble, '', 'nothing bad in the log');

    like($nginx->error_log, qr/\[error\].* has 0 replicas in step/,
         'the log says so');

    $replica->signal('CONT');

    ok(wait_for(sub {
           ask($nginx->create('again' . time, 'a' . time))->{status} == 200
       }), 'the replica goes on: 200');
    like($nginx->error_log, qr/\[notice\].* has 1 replicas in step/,
         'the log says so');

    my $repeat = ask({ %$first, @head });

    is($repeat->{status} . ' ' . $repeat->json->{room_id}, '200 held',
       'the repeat with the same Idempotency-Key is answered 200');
    is(exists_in($replica, 'held'), 1, 'and is on the replica');

    # more replicas than there are

    my $many = nginx(redis => $address, http => 'tgortc_redis_wait 2 100ms;');

    is(unavailable(ask($many->create('two', 't')), $limit), '',
       'more than there are: 503');
    is(ask($many->health)->{status}, 200, 'health is that of Redis');

    # a Redis that refuses to write is asked again on the same connection

    asked($primary, 'CONFIG', 'SET', 'min-replicas-to-write', 2);

    is(unavailable(ask($nginx->create('held', 'h')), $limit), '',
       'Redis refuses to write: 503');

    asked($primary, 'CONFIG', 'SET', 'min-replicas-to-write', 0);

    is(ask($nginx->create('held', 'h'))->{status}, 409,
       'it writes again: the refusal');
    unlike($nginx->error_log, qr/is back/, 'on the same connection');

    # the connection is lost while something is held

    $replica->signal('STOP');

    my ($response) = fire([$nginx->create('cut', 'c')], at => [
        [0.1, sub {
            $replica->signal('CONT');
            asked($primary, 'CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME',
                  'yes');
        }]
    ]);

    is($response->{status}, 200, 'connection lost while it waits: 200');
    is(exists_in($replica, 'cut'), 1, 'once it is there');

    # who may not wait is not told 200

    asked($primary, 'ACL', 'SETUSER', 'hasty', 'on', '>secret', '~*', '+@all',
          '-wait');

    my $hasty = nginx(redis => "$address user=hasty password=secret",
                      http => 'tgortc_redis_wait 1 100ms;');

    is(unavailable(ask($hasty->create('hasty', 'z')), $limit), '',
       'not allowed to wait: 503');
    like($hasty->error_log, qr/NOPERM|cannot wait for replicas/,
         'the log says why');

    is($_->trouble, '', 'nothing bad in the log') for $nginx, $many, $hasty;
}


# Killed under load, with a sentinel: nothing that was answered is lost.

{
    my $sentinel = sentinel($primary);

    ok($sentinel->knows(1, 0), 'a sentinel');

    my $nginx = nginx(redis => "sentinel:calls\@$sentinel->{address}",
                      http => 'tgortc_redis_wait 1 300ms;');

    my ($told, $wrong) = load($nginx, 6, name => 'kill', clients => 16, at => [
        [1.5, sub { $primary->stop }]
    ]);

    is($wrong, '', 'each gets 200, or a 503 in time');

    my @made = map { $_->{id} } grep { $_->{status} == 200 } @$told;

    cmp_ok(scalar @made, '>', 100, 'rooms were made');
    is(exists_in($replica, @made), scalar @made,
       'each that was answered 200 is at the new primary');
    is($sentinel->primary, $replica->{port}, 'which it is');
    is($nginx->trouble, '', 'nothing bad in the log');
}

done_testing();
