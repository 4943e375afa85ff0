#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# Writes calls of a script in Redis's protocol, for "redis-cli --pipe":
#
#     rooms.pl create|join SHA1 UIDS FIRST COUNT
#
# for the one-to-one rooms from number FIRST on, COUNT of them, their users
# named by UIDS, as "user_%07d".  The arguments are those of src/scripts.

use strict;
use warnings;

my ($script, $sha1, $uids, $first, $count) = @ARGV;

my $not_after = (time() + 3600) * 1000;

for my $n ($first .. $first + $count - 1) {
    my $room = sprintf '%022x', $n;
    my ($creator, $other) = map { sprintf $uids, $_ } 2 * $n, 2 * $n + 1;

    my @args = $script eq 'create'
        ? ($creator, 'app', 0, 0, 2, $other)
        : ($other, 'app');

    my @command = ('EVALSHA', $sha1, 4, '{tgortc}:users', '{tgortc}:deadlines',
        "{tgortc}:room:$room", '{tgortc}:never', $not_after, $script . $n,
        $room, 0, 3600000, 3600000, 10000, 86400000, 86400000, @args);

    print '*', scalar @command, "\r\n",
        map { '$' . length($_) . "\r\n$_\r\n" } @command;
}
