#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# The fuzz targets of the plain C layer, for a few seconds: their corpora and
# what comes of them.  "make fuzz" does it for as long as one likes, and with
# those that are linked with nginx.

use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use Test::More;


my $runs = $ENV{FUZZ_RUNS} || 20_000;
my $seed = $ENV{FUZZ_SEED} || 1;
my $dir = $FindBin::Bin;
my $tmp = tempdir(CLEANUP => 1);

my $has = `clang -print-file-name=libclang_rt.fuzzer-x86_64.a 2> /dev/null`;

chomp $has;
plan skip_all => 'they bring sanitizers of their own'
    if $ENV{TEST_NGINX_SANITIZED};
plan skip_all => 'clang with libFuzzer is not installed'
    if $has eq '' || !-e $has && !glob '/usr/lib/llvm-*/lib/clang/*/lib/linux/'
                                       . 'libclang_rt.fuzzer-*.a';

is(system("make -s -j2 -C '$dir' BUILD='$ENV{BUILD}' > '$tmp/make' 2>&1"), 0,
   'the targets can be built') or diag(`cat '$tmp/make'`);

diag("FUZZ_SEED=$seed FUZZ_RUNS=$runs");

for my $corpus (sort glob "$dir/corpus/*") {
    my ($target) = $corpus =~ m{([^/]+)$};
    my $binary = "$ENV{BUILD}/fuzz/$target";

    # the others need nginx
    next if !-e "$dir/$target.c" || qx(cat '$dir/$target.c') =~ /nginx\.h/;

    mkdir "$tmp/$target";

    my $status = system "'$binary' -runs=$runs -seed=$seed -max_total_time=5"
                        . " -artifact_prefix='$tmp/$target-'"
                        . " '$tmp/$target' '$corpus' > '$tmp/log' 2>&1";

    is($status, 0, "$target: nothing is found")
        or diag(`tail -n 60 '$tmp/log'`);
}

done_testing();
