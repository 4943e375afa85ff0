#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# A Redis Cluster: several apps, each in one slot; slots that are moved, and
# nodes that die, under load.

use strict;
use warnings;

use Test::More;
use TgoRTC::Live;
use TgoRTC::Replicas;
use Time::HiRes qw(sleep time);


my $slow = sanitized() ? 4 : 1;

# nodes talk to one another on the port 10000 above: Redis 6.2 knows no other

my @nodes = map {
    redis(port => free_port(10000), args => [
        '--cluster-enabled', 'yes', '--cluster-node-timeout', '1000',
        '--cluster-replica-validity-factor', '0'
    ])
} 1 .. 6;

my @addresses = map { "127.0.0.1:$_->{port}" } @nodes;
my $create = "create @addresses --cluster-replicas 1 --cluster-yes";
my $made = `redis-cli --cluster $create 2>&1`;

like($made, qr/All 16384 slots covered/, 'a cluster of three, with replicas')
    or die $made;

$_->{id} = asked($_, 'CLUSTER', 'MYID') for @nodes;

ok(wait_for(sub {
       !grep { asked($_, 'CLUSTER', 'INFO') !~ /cluster_state:ok/ } @nodes
   }), 'all nodes agree');


# the node that has the slot of a prefix, by what the others say

sub owner {
    my ($prefix, $witness) = @_;
    my $slot = asked($witness || $nodes[0], 'CLUSTER', 'KEYSLOT',
                     "{$prefix}:users");

    for (@{asked($witness || $nodes[0], 'CLUSTER', 'SLOTS')}) {
        my ($first, $last, $primary) = @$_;

        return (grep { $_->{port} == $primary->[1] } @nodes)[0]
            if $first <= $slot && $slot <= $last;
    }
}


sub rooms_in {
    my ($redis, $prefix, @told) = @_;

    return grep {
        asked($redis, 'EXISTS', "{$prefix}:room:$_->{id}")
    } @told;
}


# apps in slots of different nodes

my %prefix;

for my $name ('aa' .. 'zz') {
    my $port = owner($name)->{port};

    $prefix{$port} ||= $name;
    last if keys %prefix == 3;
}

my @prefixes = sort values %prefix;
my @primaries = map { owner($_) } @prefixes;
my $seeds = join ',', map { "127.0.0.1:$_->{port}" } @primaries;

for my $prefix (@prefixes) {
    my $nginx = nginx(redis => "$seeds prefix=$prefix");

    is(count_by_status(fire([
           map { $nginx->create("r$_", "c$_", "d$_") } 1 .. 20
       ])), '200: 20', "app $prefix: rooms are made");
    is(ask($nginx->join('r1', 'd1'))->{status}, 200, 'joined');
    is(ask($nginx->leave('r1', 'c1'))->{status}, 200, 'left');
    is(ask($nginx->get('/sync?uid=d2&device_type=app'))->{status}, 200,
       'synced');
    is(ask($nginx->health)->{status}, 200, 'healthy');
    is(scalar(rooms_in(owner($prefix), $prefix,
                       map { { id => "r$_" } } 1 .. 20)), 20,
       'by the node of its slot');
    is($nginx->trouble, '', 'nothing bad in the log');
    unlike($nginx->error_log, qr/\[error\]/, 'no error at all');
}


# a seed that is a replica knows the way as well

{
    my $prefix = $prefixes[0];
    my ($replica) = grep { my $n = $_;
                           !grep { $_ == $n } @primaries } @nodes;
    my $nginx = nginx(redis => "127.0.0.1:$replica->{port} prefix=$prefix");

    is(ask($nginx->create("seed$_", "s$_"))->{status}, 200,
       'found by way of a replica') for 1 .. 4;
}


# A connection is lost, and the next one goes to a node that does not have the
# slot: what was under way is sent on from there, all of it.

{
    my $prefix = $prefixes[0];
    my ($owner, $seed) = @primaries[0, 1];
    my $nginx = nginx(redis => "127.0.0.1:$seed->{port} prefix=$prefix",
                      workers => 1);

    is(ask($nginx->create('lost', 'l'))->{status}, 200, 'a room is made');
    asked($owner, 'CLIENT', 'PAUSE', 9000, 'WRITE');

    my @responses = fire([map { $nginx->create("lost$_", "l$_") } 1 .. 50],
                         at => [
        [0.5, sub {
            asked($owner, 'CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
            asked($owner, 'CLIENT', 'UNPAUSE');
        }]
    ]);

    is(count_by_status(@responses), '200: 50',
       'the connection is lost: each is answered by way of another node');
}


# The slot of an app is moved, key by key, under load: each request is done or
# not, never in part.

sub consistent {
    my ($what, $redis, $prefix) = @_;

    # at one moment: rooms may end meanwhile

    my ($users, $deadlines, $listed) = @{asked($redis, 'EVAL', <<'END', 3,
return {
    redis.call('HGETALL', KEYS[1]), redis.call('ZRANGE', KEYS[2], 0, -1),
    redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES')
}
END
        map { "{$prefix}:$_" } 'users', 'deadlines', 'rooms')};
    my %users = @$users;
    my %deadline = map { $_ => 1 } @$deadlines;
    my %listed = @$listed;
    my %wrong;

    for my $uid (keys %users) {
        my $room = $users{$uid};

        $wrong{"$uid is in $room, which is not there"} = 1
            if !asked($redis, 'EXISTS', "{$prefix}:room:$room");
        $wrong{"$room has no deadline"} = 1 if !$deadline{$room};
        $wrong{"$room is not listed"} = 1 if !defined $listed{$room};
    }

    for my $room (keys %deadline) {
        $wrong{"$room of a deadline is not there"} = 1
            if !asked($redis, 'EXISTS', "{$prefix}:room:$room");
    }

    for my $room (grep { $listed{$_} >= 0 } keys %listed) {
        $wrong{"$room of the list has no deadline"} = 1 if !$deadline{$room};
    }

    is(join(', ', (sort keys %wrong)[0 .. (keys %wrong > 5 ? 4
                                                  : keys(%wrong) - 1)]), '',
       "$what: nothing is done in part");
}


sub move {
    my ($prefix, $from, $to, $pause, $first) = @_;
    my $slot = asked($from, 'CLUSTER', 'KEYSLOT', "{$prefix}:users");
    my $moved = 0;

    asked($to, 'CLUSTER', 'SETSLOT', $slot, 'IMPORTING', $from->{id});
    asked($from, 'CLUSTER', 'SETSLOT', $slot, 'MIGRATING', $to->{id});

    if ($first) {
        asked($from, 'MIGRATE', '127.0.0.1', $to->{port}, $first, 0, 5000);
        sleep 1;
    }

    for ( ;; ) {
        my @keys = @{asked($from, 'CLUSTER', 'GETKEYSINSLOT', $slot, 20)}
            or last;

        for my $key (@keys) {
            asked($from, 'MIGRATE', '127.0.0.1', $to->{port}, $key, 0, 5000);
            $moved++;
            sleep $pause;
        }
    }

    asked($_, 'CLUSTER', 'SETSLOT', $slot, 'NODE', $to->{id}) for $to, $from;

    return $moved;
}


{
    my $prefix = $prefixes[1];
    my ($from, $to) = @primaries[1, 2];

    # nothing ends by itself while it is looked at
    my $nginx = nginx(redis => "$seeds prefix=$prefix timeout=500ms",
                      http => 'tgortc_ring_timeout 10m;');

    # moved twice: while requests can wait for it, and for longer

    for my $pause (0, 0.001) {
        my $move = background(sub {
            sleep 1;
            delete $_->{socket} for $from, $to;

            return { moved => move($prefix, $from, $to, $pause) };
        });

        my $name = "move$from->{port}";
        my ($told, $wrong) = load($nginx, 5 * $slow, name => $name,
                                  clients => 8);
        my $moved = $move->finish->{moved};

        cmp_ok($moved || 0, '>', 50, "$name: keys were moved");
        is($wrong, '', "$name: each gets 200, or a 503 in time");

        my @made = grep { $_->{status} == 200 } @$told;
        my @not = grep { $_->{status} != 200 } @$told;

        ok(wait_for(sub { owner($prefix, $to)->{port} == $to->{port} }),
           "$name: the slot is at the other node");
        is(scalar(rooms_in($to, $prefix, @made)), scalar @made,
           "$name: what was answered 200 is there");
        is(scalar(rooms_in($to, $prefix, @not)), 0,
           "$name: what was answered 503 is not, of " . @not);
        ok(wait_for(sub {
               ask($nginx->create('after' . time, 'a' . time))->{status} == 200
           }), "$name: it serves after that");
        consistent($name, $to, $prefix);

        ($from, $to) = ($to, $from);
    }

    # What rooms end in is moved first, and they are ended meanwhile: the script
    # could do half of it.

    my @rooms = map { "half$_" } 1 .. 400;

    is(count_by_status(fire([map { $nginx->create($_, "$_.a", "$_.b") }
                                 @rooms])), '200: 400', 'rooms to be ended');

    my $move = background(sub {
        sleep 1;
        delete $_->{socket} for $from, $to;

        return { moved => move($prefix, $from, $to, 0, "{$prefix}:rooms") };
    });

    my ($told, $wrong) = load($nginx, 20, clients => 2, leave => [@rooms]);

    cmp_ok($move->finish->{moved} || 0, '>', 50, 'keys were moved');
    is($wrong, '', 'the others behind one: each gets 200, or a 503 in time');
    consistent('the others behind one', $to, $prefix);

    my @live = grep { /^half/ } @{asked($to, 'ZRANGE', "{$prefix}:deadlines",
                                        0, -1)};

    is(scalar @live, scalar(grep { $_->{status} != 200 } @$told),
       'a room is live that was not ended, of ' . @$told);
    cmp_ok(scalar @live, '>', 0, 'which are some');

    is($nginx->trouble, '', 'nothing bad in the log');
}


# A slot that nobody has, and so a cluster that is down, though its nodes greet:
# that is said once, and nobody waits for it.

{
    my $prefix = $prefixes[2];
    my $node = owner($prefix);
    my $nginx = nginx(redis => "$seeds prefix=$prefix timeout=500ms");
    my ($slot) = grep { $_ != asked($node, 'CLUSTER', 'KEYSLOT',
                                 "{$prefix}:users") }
              map { @$_[0, 1] }
              grep { $_->[2][1] == $node->{port} }
              @{asked($node, 'CLUSTER', 'SLOTS')};

    asked($node, 'CLUSTER', 'DELSLOTS', $slot);
    ok(wait_for(sub { asked($node, 'CLUSTER', 'INFO') =~ /cluster_state:fail/ }),
       'a cluster that is down');

    my ($told, $wrong) = load($nginx, 5 * $slow, name => 'down');
    my @late = @$told[@$told / 2 .. $#$told];
    my $log = $nginx->error_log;
    my $said = () = $log =~ /says "CLUSTERDOWN/g;
    my $back = () = $log =~ / is back/g;

    is($wrong, '', 'each gets a 503 in time');
    is(scalar(grep { $_->{status} != 503 } @$told), 0, 'and nothing else');
    cmp_ok(scalar(grep { $_->{took} < 0.25 * $slow } @late), '>', @late / 2,
           'and does not wait for it');
    is($said, 2, 'each worker says so once');
    is($back, 0, 'and not that it is back');

    asked($node, 'CLUSTER', 'ADDSLOTS', $slot);
    ok(wait_for(sub {
           my $id = 'up' . time;

           ask($nginx->create($id, "$id.a"));
           2 == (() = $nginx->error_log =~ / is back/g);
       }), 'until it is, which is said as well');
    is($nginx->trouble, '', 'nothing bad in the log');
}


# a node is killed, its replica takes over

{
    my $prefix = $prefixes[0];
    my $old = owner($prefix);
    my ($witness) = grep { $_ != $old } @primaries;
    my $nginx = nginx(redis => "$seeds prefix=$prefix timeout=500ms");
    my @safe;

    my ($told, $wrong) = load($nginx, 8 * $slow, name => 'dead', at => [
        [1, sub {
            my ($told) = @_;

            # by a connection that has written

            asked($old, 'SET', "{$prefix}:barrier", 1);
            asked($old, 'WAIT', 1, 10000);
            @safe = grep { $_->{status} == 200 } @$told;
            $old->stop;
        }]
    ]);

    is($wrong, '', 'a node is killed: each gets 200, or a 503 in time');

    my $new = owner($prefix, $witness);

    isnt($new->{port}, $old->{port}, 'another has its slot');
    is($told->[-1]{status}, 200, 'it serves again');
    cmp_ok(scalar @safe, '>', 10, 'rooms were made before');
    is(scalar(rooms_in($new, $prefix, @safe)), scalar @safe,
       'what the replica had is there');
    is($nginx->trouble, '', 'nothing bad in the log');
}

done_testing();
