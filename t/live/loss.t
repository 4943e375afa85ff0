#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# What can be lost, by t/bench/loss.pl for a moment: nothing, and everything.

use strict;
use warnings;

use FindBin;
use Test::More;


# Of each line of the table, by setting and by what fails: how many calls were
# answered 200, and how many of them are lost.

sub table {
    my (@settings) = @_;

    local @ENV{qw(LOSS_SECONDS LOSS_ROUNDS)} = (0.5, 1);

    my @lines = `perl -It/lib '$FindBin::Bin/../bench/loss.pl' @settings`;

    return map { /^\| (.*?) \| (.*?) \| (\d+) \| (\d+) \|/
                 ? ("$1, $2" => [$3, $4]) : () } @lines;
}


my %line = table('always', 'neither');

is(join("\n", sort keys %line), join("\n",
    '`appendfsync always`, Redis is killed',
    '`appendfsync always`, the power fails',
    'neither, Redis is killed',
    'neither, the power fails'), 'both settings');

for my $what (sort keys %line) {
    my ($told, $lost) = @{$line{$what}};

    cmp_ok($told, '>', 0, "$what: calls were created");
    is($lost, $what =~ /always/ ? 0 : $told, "$what: what is lost");
}

done_testing();
