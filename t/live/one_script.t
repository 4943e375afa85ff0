#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# A request of the room API is one EVALSHA.  Timers call scripts as well, so
# it is not enough to count: MONITOR tells which call is about whom.

use strict;
use warnings;

use Test::More;
use TgoRTC::Live;

my $redis = redis();
my $nginx = nginx(redis => $redis, workers => 1);

my $file = TgoRTC::Live::name('monitor');
my ($host, $port) = $redis->{address} =~ /^([\d.]+):(\d+)/;
my $sock = $redis->{address} =~ /^unix:(\S+)/ ? $1 : undef;
my @where = defined $sock ? ('-s', $sock) : ('-h', $host, '-p', $port);

my $monitor = TgoRTC::Live::spawn(sub {
    exec 'redis-cli', @where, 'monitor' or die "redis-cli: $!";
}, $file);

ok(wait_for(sub { TgoRTC::Live::slurp($file) =~ /^OK/ }), 'monitored');


# How Redis was called about somebody: everything before the mark has been
# seen when the mark has.

my $marks = 0;

sub commands_about {
    my ($name) = @_;
    my $mark = 'mark' . ++$marks . 'end';

    $redis->command('ECHO', $mark);
    wait_for(sub { TgoRTC::Live::slurp($file) =~ /$mark/ }) or die 'no mark';

    # what scripts themselves call comes from "lua"
    return join ' ', map { /\] "(\w+)"/ } grep {
        /"\Q$name\E"/ && !/ lua\] /
    } split /\n/, TgoRTC::Live::slurp($file);
}


# each script is known to Redis before it is counted

for my $n ('first', 'second') {
    my ($creator, $callee) = ("c-$n", "d-$n");

    my @steps = (
        ['create', $nginx->create("r-$n", $creator,
                                  { max_participants => 4 }), $creator],
        ['invite', $nginx->post("/r-$n/invite", { uids => [$callee] }),
         $callee],
        ['join', $nginx->join("r-$n", "j-$n"), "j-$n"],
        ['sync', $nginx->get("/sync?uid=s-$n&device_type=app"), "s-$n"],
        ['get', $nginx->get("/g-$n"), "g-$n", 404],
        ['leave', $nginx->leave("r-$n", "l-$n"), "l-$n", 404],
        ['cancel', $nginx->post("/r-$n/cancel", { uids => ["x-$n"] }),
         "x-$n"],
        ['kick', $nginx->post("/r-$n/kick", { uids => ["k-$n"] }), "k-$n"],
        ['list', $nginx->get("?creator=o-$n"), "o-$n"],
        ['end', $nginx->post("/e-$n/end", ''), "e-$n", 404],
        ['end, once', $nginx->post("/f-$n/end", '',
                                   head => ["Idempotency-Key: $n"]),
         "f-$n", 404]
    );

    for (@steps) {
        my ($what, $request, $about, $status) = @$_;

        is(ask($request)->{status}, $status || 200, "$what, $n");
        is(commands_about($about), 'EVALSHA', "$what is one EVALSHA")
            if $n eq 'second';
    }
}

is(ask($nginx->post('/r-second/join', { uid => 'wrong', device_type => 1 }))
   ->{status}, 400, 'a wrong request');
is(commands_about('wrong'), '', 'does not get to Redis');

kill 'TERM', $monitor;
done_testing();
