#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# What is lost of calls that were answered 200: prints a table in Markdown.
#
#     perl -It/lib t/bench/loss.pl [SETTING …]
#
#     LOSS_SECONDS   how long calls are created before each failure, 4
#     LOSS_ROUNDS    how often each is tried; the worst is shown, 3
#
# 16 clients create calls as fast as they are answered.  Then Redis is killed
# (SIGKILL), or the machine loses power: Redis runs with a library that notes
# how long a file was when a sync of it began, and after it was killed each file
# is cut off where its last sync that has ended had it.  What the kernel writes
# by itself meanwhile does not count.  Redis is started again, and asked for its
# rooms.
#
# Or a primary is killed, and in the same moment its link to the replica is cut,
# which takes 50 ms in each direction: what was on the way is lost.  The replica
# is promoted, and asked.

use strict;
use warnings;

use File::Find;
use TgoRTC::Bench;
use TgoRTC::Live;
use TgoRTC::Replicas;
use Time::HiRes qw(sleep time);

my $seconds = $ENV{LOSS_SECONDS} || 4;
my $rounds = $ENV{LOSS_ROUNDS} || 3;
my $clients = 16;
my $link = 0.05;

my $killed = 'Redis is killed';
my $power = 'the power fails';
my $promoted = 'the primary is killed, its replica promoted';

my @aof = qw(--appendonly yes --appendfsync);
my @settings = (
    ['always', '`appendfsync always`', @aof, 'always'],
    ['everysec', '`appendfsync everysec`', @aof, 'everysec'],
    ['no', '`appendfsync no`', @aof, 'no'],
    ['save', "no append-only file, `save 2 1`", '--save', '2 1'],
    ['neither', 'neither']
);


# Notes "DEVICE INODE LENGTH" of a file that was synced, and calls the original.

my $c = <<'END_OF_C';
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int
note(int fd, const char *name)
{
    int          rc, out, n;
    char         line[64];
    struct stat  st;

    int  (*original)(int) = dlsym(RTLD_NEXT, name);

    /* what is written while it is under way may come too late */

    if (fstat(fd, &st) != 0) {
        return original(fd);
    }

    rc = original(fd);

    if (rc == 0) {
        out = open(getenv("SYNCED"), O_WRONLY|O_APPEND|O_CREAT, 0644);
        n = sprintf(line, "%lld %lld %lld\n", (long long) st.st_dev,
                    (long long) st.st_ino, (long long) st.st_size);

        if (out == -1 || write(out, line, n) != n) {
            abort();
        }

        close(out);
    }

    return rc;
}


int fsync(int fd) { return note(fd, "fsync"); }
int fdatasync(int fd) { return note(fd, "fdatasync"); }
END_OF_C


sub library {
    my $so = TgoRTC::Live::name('synced') . '.so';

    open my $cc, '|-', qw(cc -x c -shared -fPIC -O2 -o), $so, '-', '-ldl'
        or die "cc: $!";
    print $cc $c;
    close $cc or die "cc has failed\n";

    return $so;
}


# Redis is dead: its files as they were synced.

sub cut_off {
    my ($redis) = @_;
    my %length;

    for (split /\n/, TgoRTC::Live::slurp($redis->{env}{SYNCED})) {
        my ($device, $inode, $length) = split;

        $length{"$device $inode"} = $length
            if $length > ($length{"$device $inode"} || 0);
    }

    find(sub {
        return if !-f || $File::Find::name =~ m{/(?:log|synced)\z};

        my ($device, $inode) = stat;
        my $length = $length{"$device $inode"} || 0;

        truncate $_, $length or die "$_: $!" if $length < -s _;
    }, $redis->{dir});
}


# Creates rooms until the sub that is given makes it fail.  Returns when that
# was, and the rooms that were answered 200: [id, when].

sub create_until {
    my ($nginx, $fail) = @_;

    # not always in the same part of a second
    my $until = $seconds + rand;
    my ($n, $failed, @told) = (0);

    my @agents = map {
        my $id;

        sub {
            my ($response) = @_;

            push @told, [$id, time]
                if $response && $response->{status} == 200;
            return if $failed;

            $id = 'room' . $n++;

            return { %{$nginx->create($id, "$id.a", "$id.b")},
                     keepalive => 1 };
        }
    } 1 .. $clients;

    drive(\@agents, at => [[$until, sub { $fail->(); $failed = time }]]);

    return ($failed, @told);
}


# how many there were, how many are lost, how old the oldest of these was

sub lost {
    my ($redis, $failed, @told) = @_;

    wait_for(sub { eval { asked($redis, 'DBSIZE'); 1 } }, 60)
        or die "Redis is not back\n";

    my %there = map { $_ => 1 } @{asked($redis, 'KEYS', '{tgortc}:room:*')};
    my @lost = grep { !$there{"{tgortc}:room:$_->[0]"} } @told;
    my ($oldest) = sort { $a <=> $b } map { $_->[1] } @lost;

    return { told => scalar @told, lost => scalar @lost,
             age => @lost && $failed > $oldest ? $failed - $oldest : 0 };
}


# what Redis has not answered when it dies is given up soon

sub server {
    my ($address, $http) = @_;

    return nginx(redis => "$address timeout=1s", workers => 1,
                 log_level => 'crit',
                 http => "keepalive_requests 1000000;\n$http");
}


sub restarted {
    my ($fails, @args) = @_;
    my $redis = redis(args => \@args, later => 1);

    $redis->{env} = { LD_PRELOAD => library(),
                      SYNCED => "$redis->{dir}/synced" };
    $redis->start;

    my $nginx = server($redis->{address}, '');
    my @told = create_until($nginx, sub { $redis->stop });

    $nginx->stop;
    cut_off($redis) if $fails eq $power;

    $redis->{env} = {};
    $redis->start;

    my $lost = lost($redis, @told);

    $redis->stop;

    return $lost;
}


sub replaced {
    my ($http) = @_;
    my $primary = redis(port => free_port());
    my $proxy = proxy($primary, port => free_port());
    my ($host, $port) = split /:/, $proxy->{address};
    my $replica = redis(port => free_port(),
                        args => ['--replicaof', $host, $port,
                                 '--repl-diskless-sync-delay', 0]);

    wait_for(sub {
        $replica->command('INFO', 'replication') =~ /master_link_status:up/
    }, 60) or die "the replica is not in step\n";

    $proxy->tell("delay $link");

    my $nginx = server("127.0.0.1:$primary->{port}", $http);
    my @told = create_until($nginx, sub {
        kill KILL => $primary->{pid};
        $proxy->tell('cut 60');
    });

    $_->stop for $nginx, $primary;
    asked($replica, 'REPLICAOF', 'NO', 'ONE');

    my $lost = lost($replica, @told);

    $_->stop for $replica, $proxy;

    return $lost;
}


# the worst of several

sub measure {
    my ($setting, $fails, $code) = @_;

    print STDERR "measuring: $setting, $fails\n";

    my ($worst) = sort { $b->{age} <=> $a->{age} || $b->{lost} <=> $a->{lost} }
                       map { $code->() } 1 .. $rounds;

    row($setting, $fails, @$worst{qw(told lost)},
        $worst->{lost} ? sprintf('%.2f s', $worst->{age}) : '-');
}


my %wanted = map { $_ => 1 } @ARGV;
my $wanted = sub { return !@ARGV || $wanted{$_[0]} };

$| = 1;
print machine(), "; $clients clients, $seconds to ", $seconds + 1,
      " s, the worst of $rounds.\n\n";
row('setting', 'what fails', 'answered 200', 'of these lost',
    'the oldest of them, before');
row('--', '--', '--:', '--:', '--:');

for (@settings) {
    my ($name, $setting, @args) = @$_;

    next if !$wanted->($name);

    for my $fails ($killed, $power) {
        measure($setting, $fails, sub { restarted($fails, @args) });
    }
}

for (['replica', 'without `tgortc_redis_wait`', ''],
     ['wait', '`tgortc_redis_wait 1 300ms`', 'tgortc_redis_wait 1 300ms;'])
{
    my ($name, $setting, $http) = @$_;

    measure($setting, $promoted, sub { replaced($http) }) if $wanted->($name);
}
