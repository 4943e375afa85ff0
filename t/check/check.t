#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# The static checks that are fast; "make check" has all of them.

use strict;
use warnings;

use FindBin;
use Test::More;


plan skip_all => 'the build is another'
    if $ENV{TEST_NGINX_SANITIZED} || !glob "$ENV{BUILD}/objs-*/Makefile";

for my $check (qw(analyzer cppcheck shellcheck luacheck)) {
    my $output = qx('$FindBin::Bin/run.sh' '$ENV{BUILD}' fast $check 2>&1);

    SKIP: {
        skip $output =~ s/\n//r, 1 if $output =~ /is not installed/;

        is($?, 0, $check) or diag($output);
    }
}

done_testing();
