#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# nginx and Redis have clocks of their own, which may be set: what that makes too
# late for Redis is asked for again, by the right time.  What is late is not.

use strict;
use warnings;

use Test::More;
use TgoRTC::Live;
use Time::HiRes qw(sleep time);


my ($library) = glob '/usr/lib/*/faketime/libfaketime.so.1';

plan skip_all => 'libfaketime is not installed' if !defined $library;
plan skip_all => 'libfaketime and sanitizers do not go together' if sanitized();

my $file = TgoRTC::Live::name('clock');


# seconds by which nginx's clocks differ from Redis's, within a second

sub set_clock {
    my ($offset) = @_;

    open my $fh, '>', "$file.new" or die "$file: $!";
    printf $fh "%+.1f\n", $offset;
    close $fh;
    rename "$file.new", $file or die "$file: $!";
}


# Seconds by which the clock of the worker is behind that of the machine.

sub behind {
    my ($response) = @_;
    my ($h, $m, $s) = $response->{head}{date} =~ /(\d\d):(\d\d):(\d\d) GMT/;

    return (time - (($h * 60 + $m) * 60 + $s)) % 86400;
}


set_clock(0);

my %env = (LD_PRELOAD => $library, FAKETIME_TIMESTAMP_FILE => $file,
           FAKETIME_CACHE_DURATION => 1, FAKETIME_DONT_RESET => 1);
my $redis = redis();
my $nginx = nginx(redis => "$redis->{address} timeout=2s", workers => 1,
                  main => join('', map { "env $_;\n" } sort keys %env),
                  env => \%env);
my $n = 0;
my @wrong;

# One after the other, until the worker is so far behind.

sub create_until {
    my ($seconds) = @_;

    return wait_for(sub {
        my $id = 'room' . ++$n;
        my $response = ask($nginx->create($id, "$id.a", "$id.b"));

        push @wrong, "$id: $response->{status} $response->{body}"
            if $response->{status} != 200;

        return $response->{status} == 200
               && behind($response) >= $seconds
               && behind($response) < $seconds + 4;
    });
}


ok(create_until(0), 'clocks that go alike');
is_deeply(\@wrong, [], 'every call is made');

for my $seconds (20, 40) {
    set_clock(-$seconds);
    ok(create_until($seconds), "nginx's clock is set back");
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

done_testing();
