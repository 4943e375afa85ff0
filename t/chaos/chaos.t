#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# Calls at a steady rate while processes are killed and stopped, connections
# cut and delayed, clocks shifted: the history of it is written to a file, and
# has to satisfy every rule of Checker.pm.
#
#     CHAOS_SEED      of the schedule of faults and of the calls
#     CHAOS_SEEDS     how many seeds, that one and those after it
#     CHAOS_SECONDS   how long there is load, for each
#     CHAOS_REDIS     single; sentinels: a primary, a replica and three
#                     sentinels; without it odd seeds have the first, even ones
#                     the second
#     CHAOS_FAULTS    kinds of faults to choose from, with commas: "redis,link"
#     CHAOS_FSYNC     of Redis's append-only file: always, everysec; "no" is
#                     none, and has to fail
#     CHAOS_DIR       where histories are kept

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", $FindBin::Bin;

# what is mounted is gone when the run is, in whatever way it ends

BEGIN {
    if (!defined $ENV{CHAOS_MOUNTS}) {
        my @unshare = qw(unshare --mount --propagation private);

        $ENV{CHAOS_MOUNTS} = $> == 0 && system("@unshare true 2>&1") == 0
                             ? 1 : 0;
        exec @unshare, $^X, (map { "-I$_" } @INC), $0, @ARGV
            if $ENV{CHAOS_MOUNTS};
    }
}

use File::Path qw(make_path);
use JSON::PP;
use Test::More;
use TgoRTC::Live;

use Checker;
use Schedule;
use World;

my $SEED = defined $ENV{CHAOS_SEED} ? $ENV{CHAOS_SEED} : 1;
my $SEEDS = $ENV{CHAOS_SEEDS} || 2;
my $SECONDS = $ENV{CHAOS_SECONDS} || 12;
my $FSYNC = $ENV{CHAOS_FSYNC} || 'always';
my $DIR = $ENV{CHAOS_DIR} || "$ENV{BUILD}/chaos";
my $REDIS = $ENV{CHAOS_REDIS};
my @FAULTS = split /,/, $ENV{CHAOS_FAULTS} || '';

my $SHOWN = 5;

plan skip_all => 'not under sanitizers: it is about time' if sanitized();
make_path($DIR);

for my $seed ($SEED .. $SEED + $SEEDS - 1) {
    my $file = "$DIR/seed-$seed.json";
    my $redis = $REDIS || ($seed % 2 ? 'single' : 'sentinels');
    my @faults = Schedule::make($seed, $SECONDS, $redis, @FAULTS);

    diag("CHAOS_SEED=$seed CHAOS_SECONDS=$SECONDS CHAOS_REDIS=$redis "
         . "CHAOS_FSYNC=$FSYNC"
         . (@FAULTS ? ' CHAOS_FAULTS=' . join ',', @FAULTS : '')
         . ": $file");

    my $world = World->new(file => $file, seed => $seed, seconds => $SECONDS,
                           redis => $redis, fsync => $FSYNC);
    $world->run(@faults);
    $world->stop;

    my @history = map { decode_json($_) } split /\n/, slurp($file);
    my %n;

    $n{$_->{k}}++ for @history;
    note(Checker::part(undef, @history));

    my @created = grep { $_->{k} eq 'request' && $_->{op} eq 'create'
                         && $_->{status} == 200 } @history;
    my @struck = grep { $_->{k} eq 'fault' && !$_->{skipped} } @history;

    cmp_ok(scalar @created, '>=', $SECONDS,
           "seed $seed: " . @created . " calls, $n{request} requests, "
           . "$n{event} attempts, " . @struck . ' faults');

    my @wrong = Checker::check(@history);

    is(scalar @wrong, 0, "seed $seed: no rule is broken");

    for my $wrong (@wrong > $SHOWN ? @wrong[0 .. $SHOWN - 1] : @wrong) {
        diag("$wrong->{rule}: " . (defined $wrong->{room} ? "$wrong->{room}: "
                                                          : '')
             . $wrong->{text});
        diag(Checker::part($wrong->{room}, @history));
    }

    my %broken;

    $broken{$_->{rule}}++ for @wrong;
    diag(join ', ', map { "$_: $broken{$_}" } sort keys %broken) if @wrong;
}

done_testing();
