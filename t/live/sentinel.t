#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# Redis with sentinels: the primary is found and followed, whatever becomes of
# it, and nobody else is written to.

use strict;
use warnings;

use Test::More;
use TgoRTC::Live;
use TgoRTC::Replicas;
use Time::HiRes qw(sleep time);


my $timeout = 0.5;
my $slow = sanitized() ? 4 : 1;

# the timeout of requests, of connecting, and the longest pause between
my $soon = 2 * $timeout + 1.5 + 2 * $slow;


sub server {
    my ($sentinels, %more) = @_;
    my $list = join ',', map { $_->{address} } @$sentinels;
    my $params = delete $more{params} || '';

    return nginx(redis => "sentinel:calls\@$list timeout=500ms $params", %more);
}


sub serves {
    my ($what, $nginx) = @_;
    my $n = 0;

    ok(wait_for(sub {
           my $id = sprintf 'up-%x-%d', time * 1000, $n++;

           return ask($nginx->create($id, "$id.x"))->{status} == 200;
       }), "$what: it serves");
}


sub by_port {
    my ($port, @redis) = @_;

    return (grep { $_->{port} == $port } @redis)[0];
}


sub rooms_in {
    my ($redis, @told) = @_;

    return grep {
        asked($redis, 'EXISTS', "{tgortc}:room:$_->{id}")
    } @told;
}


# Under load something is done to the primary; after that another is it, the
# load is served again, and what a replica had is there.

sub fails_over {
    my ($what, $do, $nginx, $sentinels, @redis) = @_;
    my $old = by_port($sentinels->[0]->primary, @redis);
    my ($done_at, @safe);

    my ($told, $wrong) = load($nginx, 8 * $slow, name => $what, at => [[1, sub {
        my ($told) = @_;

        # what was answered until now has reached a replica

        asked($old, 'SET', 'barrier', time);
        asked($old, 'WAIT', 1, 10000);
        @safe = grep { $_->{status} == 200 } @$told;

        $done_at = time;
        $do->($old, $sentinels->[0]);
    }]]);

    is($wrong, '', "$what: each request gets 200, or a 503 in time");
    cmp_ok(scalar @safe, '>', 10, "$what: rooms were made before");

    my $new = by_port($sentinels->[0]->primary, @redis);

    isnt($new->{port}, $old->{port}, "$what: another is the primary");

    my $switched = $sentinels->[0]->switched;
    my ($back) = grep { $_->{status} == 200 && $_->{at} > $switched } @$told;

    ok($back, "$what: service resumes")
        && cmp_ok($back->{at} - $switched, '<', $soon,
                  sprintf "$what: soon, %.1f s after a sentinel said who is "
                          . 'it, %.1f s after it happened',
                          $back->{at} - $switched, $back->{at} - $done_at);

    is(scalar(rooms_in($new, @safe)), scalar @safe,
       "$what: what a replica had is there");

    my @after = grep { $_->{status} == 200 && $_->{at} >= $back->{at} } @$told;

    cmp_ok(scalar @after, '>', 10, "$what: rooms are made after it");
    is(scalar(rooms_in($new, @after)), scalar @after,
       "$what: all of them at the new primary");

    return ($old, $new);
}


my @redis = replicated(2);
my @sentinels = map { sentinel($redis[0], quorum => 2) } 1 .. 3;

ok($_->knows(2, 2), 'a sentinel knows the others') for @sentinels;

{
    my $nginx = server(\@sentinels);
    my @pids = $nginx->pids;

    serves('at the start', $nginx);
    is(ask($nginx->health)->{status}, 200, 'health says so');

    # by the operator

    fails_over('failover', sub {
        my ($old, $sentinel) = @_;

        $sentinel->command('SENTINEL', 'FAILOVER', 'calls');
    }, $nginx, \@sentinels, @redis);

    ok($_->knows(2, 2), 'all is in order again') for @sentinels;

    # hanging, and coming back to a world that has gone on without it

    my ($old) = fails_over('hang', sub { $_[0]->signal('STOP') }, $nginx,
                           \@sentinels, @redis);

    my $port = $old->{port};

    my ($told, $wrong) = load($nginx, 3 * $slow, name => 'returned', at => [
        [0.5, sub { $old->signal('CONT') }]
    ]);

    is($wrong, '', 'the old primary comes back: each request gets its answer');
    is(scalar(grep { $_->{status} != 200 } @$told), 0,
       'the old primary comes back: nobody notices');

    isnt($sentinels[0]->primary, $port, 'it is not the primary any more');

    my $new = by_port($sentinels[0]->primary, @redis);

    is(scalar(rooms_in($new, @$told)), scalar @$told,
       'the old primary comes back: it is not written to');

    ok($_->knows(2, 2), 'all is in order again') for @sentinels;

    # killed

    fails_over('kill', sub { $_[0]->stop }, $nginx, \@sentinels, @redis);

    is(join(' ', $nginx->pids), "@pids", 'the workers are the same');
    is($nginx->trouble, '', 'nothing bad in the log');

    my @lines = grep { /\[error\]/ } split /\n/, $nginx->error_log;

    cmp_ok(scalar @lines, '<', 400, 'the log is not flooded');

    # the first sentinels are dead, then all: it goes on as it is

    $sentinels[0]->stop;

    my $other = server(\@sentinels);

    serves('a dead first sentinel', $other);
    like($other->error_log, qr/\(\Q$sentinels[0]{address}\E\):[ ]
                               connect\(\)[ ]failed/x,
         'the log says which one is out of reach');

    $_->stop for @sentinels[1, 2];
    is(ask($nginx->create('no-sentinel', 'n.1'))->{status}, 200,
       'without sentinels it goes on');

    is($_->trouble, '', 'nothing bad in the log') for $nginx, $other;
}


# What a sentinel says may be old, or nothing.

{
    my ($primary, $replica) = replicated(1);
    my $sentinel = sentinel($primary);

    # a stale one: what it takes for the primary is a replica

    my $lying = fake(sub {
        my ($socket) = @_;

        while (my @command = read_command($socket)) {
            print {$socket} "*2\r\n\$9\r\n127.0.0.1\r\n\$"
                            . length($replica->{port})
                            . "\r\n$replica->{port}\r\n";
            $socket->flush;
        }
    });

    my $deceived = nginx(redis => "sentinel:calls\@$lying->{address}"
                                  . ' timeout=300ms');

    is(unavailable(ask($deceived->create('r1', 'r.1')), 2), '',
       'a stale sentinel: 503');
    is(unavailable(ask($deceived->get('/r1')), 2), '',
       'a stale sentinel: also to reads');
    like($deceived->error_log, qr/not the primary that a sentinel takes it/,
         'the log says why');

    my $both = nginx(redis => "sentinel:calls\@$lying->{address},"
                              . $sentinel->{address});

    serves('a stale sentinel and another', $both);
    is(ask($both->create("r2.$_", "r.2.$_"))->{status}, 200, 'all workers do')
        for 1 .. 4;

    # one that does not know the name

    my $stranger = nginx(redis => "sentinel:others\@$sentinel->{address}"
                                  . ' timeout=300ms');

    is(unavailable(ask($stranger->create('r3', 'r.3')), 2), '',
       'an unknown name: 503');
    like($stranger->error_log, qr/knows no primary of that name/,
         'the log says why');

    # names are not resolved

    my $naming = fake(sub {
        my ($socket) = @_;

        while (my @command = read_command($socket)) {
            print {$socket} "*2\r\n\$9\r\nlocalhost\r\n\$"
                            . length($primary->{port})
                            . "\r\n$primary->{port}\r\n";
            $socket->flush;
        }
    });

    my $named = nginx(redis => "sentinel:calls\@$naming->{address}"
                               . ' timeout=300ms');

    is(unavailable(ask($named->create('r4', 'r.4')), 2), '',
       'a host name: 503');
    like($named->error_log, qr/tells no IP address of the primary/,
         'the log says why');

    # the wrong server altogether

    my $wrong = nginx(redis => "sentinel:calls\@127.0.0.1:$primary->{port}"
                               . ' timeout=300ms');

    is(unavailable(ask($wrong->create('r5', 'r.5')), 2), '',
       'Redis instead of a sentinel: 503');
    like($wrong->error_log, qr/unknown command/, 'the log says why');

    is($_->trouble, '', 'nothing bad in the log')
        for $deceived, $both, $stranger, $named, $wrong;
}


# A sentinel with a password, Redis with another.

{
    my ($primary) = replicated(0);
    my $sentinel = sentinel($primary, conf => ['requirepass watchword']);

    $primary->command('CONFIG', 'SET', 'requirepass', 'sesame');

    my $right = server([$sentinel], params => 'password=sesame '
                                              . 'sentinel_password=watchword');
    my $wrong = server([$sentinel], params => 'password=sesame '
                                              . 'sentinel_password=nonsense');
    my $none = server([$sentinel], params => 'password=sesame');

    serves('with both passwords', $right);

    for ($wrong, $none) {
        is(unavailable(ask($_->create('p1', 'p.1')), 3), '',
           'with a wrong one: 503');
        like($_->error_log, qr/\Q$sentinel->{address}\E\) says "\w+/,
             'the log says why');
        unlike($_->error_log, qr/\Q$sentinel->{address}\E\): /,
               'and nothing else');
    }

    unlike($_->error_log, qr/sesame|watchword|nonsense/, 'no secret in the log')
        for $right, $wrong, $none;

    my $user = sentinel($primary, conf => [
        'user nginx on >watchword +sentinel|get-master-addr-by-name',
        'user default off'
    ]);

    my $named = server([$user], params => 'password=sesame sentinel_user=nginx '
                                          . 'sentinel_password=watchword');

    serves('as a user with no other right', $named);
    is($_->trouble, '', 'nothing bad in the log') for $right, $wrong, $named;
}


# A sentinel that is not there is named, also where that is known at once.

{
    my $path = TgoRTC::Live::name('nowhere');
    my $nginx = nginx(redis => "sentinel:calls\@unix:$path timeout=1s");

    is(unavailable(ask($nginx->create('n1', 'n.1')), 3), '',
       'no sentinel: 503');
    like($nginx->error_log,
         qr/\Q (unix:$path): connect() failed (2: No such file/,
         'the log says which one');
}

done_testing();
