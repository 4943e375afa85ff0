package Schedule;

# Copyright (C) TgoRTC contributors
#
# Which faults happen when: a pure function of a seed, a number of seconds, and
# the Redis that there is.

use strict;
use warnings;

use Digest::MD5 qw(md5);


# A kind of fault: what it strikes, how long it lasts at least and at most
# (seconds; none: it is over at once), what is chosen besides, how often it
# comes in comparison with others.

my @KINDS = (
    ['worker.kill',   'nginx',    0,   0,   [0, 1],              3],
    ['worker.stop',   'nginx',    0.5, 3,   [0, 1],              2],
    ['nginx.kill',    'nginx',    0.2, 2,   undef,               2],
    ['master.kill',   'nginx',    0.5, 2,   undef,               1],
    ['nginx.stop',    'nginx',    0.5, 3,   undef,               1],
    ['nginx.reload',  'nginx',    0,   0,   [0 .. 3],            4],
    ['nginx.clock',   'nginx',    1,   3,   [-40, -3, 3, 40],    1],
    ['redis.clock',   'redis',    1.2, 3,   [-8, -2, 2, 8],      1],
    ['redis.flush',   'redis',    0,   0,   undef,               1],
    ['redis.clients', 'redis',    0,   0,   undef,               1],
    ['redis.full',    'redis',    0.5, 2.5, undef,               2],
    ['app.kill',      'endpoint', 0.2, 3,   undef,               2],
    ['app.stop',      'endpoint', 0.5, 3,   undef,               2],
    ['app.fail',      'endpoint', 0.5, 3,   undef,               2],
    ['app.slow',      'endpoint', 0.5, 3,   [0.3, 1, 2],         2],
    ['app.close',     'endpoint', 0.5, 3,   undef,               1],
    ['livekit.stop',  'livekit',  1,   4,   undef,               1],
    ['livekit.fail',  'livekit',  1,   4,   undef,               1],
);

# by what there is of Redis; a failover takes about two seconds

my %MORE = (
    single => [
        ['link.cut',      'nginx',    0.3, 2.5, undef,               2],
        ['link.delay',    'nginx',    1,   3,   [0.02, 0.2, 0.6, 1], 2],
        ['link.hold',     'nginx',    0.3, 3,   undef,               2],
        ['link.deaf',     'nginx',    0.3, 3,   undef,               2],
        ['link.mute',     'nginx',    0.3, 3,   undef,               2],
        ['redis.kill',    'redis',    0.1, 2,   undef,               3],
        ['redis.stop',    'redis',    0.3, 2.5, undef,               2],
        ['redis.disk',    'redis',    0.5, 2,   undef,               2],
    ],
    sentinels => [
        ['redis.kill',    'redis',    0.5, 5,   ['replica', 'primary'], 6],
        ['redis.stop',    'redis',    0.5, 6,   undef,                  5],
        ['redis.failover', 'redis',   2,   3,   undef,                  3],
        ['replica.kill',  'redis',    0.1, 3,   undef,                  2],
        ['replica.stop',  'redis',    0.3, 3,   undef,                  2],
        ['sentinel.kill', 'sentinel', 0.5, 4,   undef,                  2],
        ['sentinel.stop', 'sentinel', 0.5, 4,   undef,                  1],
    ]
);

# seconds from the begin of one fault to that of the next, and the rest that a
# target has between two

my ($APART_MIN, $APART_MAX) = (0.8, 2.6);
my $REST = 1.5;

my %TARGETS = (nginx => 2, redis => 1, sentinel => 3, endpoint => 2,
               livekit => 1);


# A list of hashes: at, for (seconds), kind, target (number), choice.  What is
# to be tried first comes first: with "only" all faults are of those kinds.

sub make {
    my ($seed, $seconds, $redis, @only) = @_;

    my $random = generator($seed);
    my @kinds = grep { my $kind = $_->[0];
                       !@only || grep { $kind =~ /^\Q$_\E/ } @only }
                     @KINDS, @{$MORE{$redis}};
    my @bag = map { ($_) x $_->[5] } @kinds;
    my ($at, %busy, @faults) = (1);

    die "no such fault\n" if !@bag;

    while ($at < $seconds - 3) {
        my ($kind, $what, $min, $max, $choices) =
            @{$bag[int $random->() * @bag]};
        my $target = int $random->() * $TARGETS{$what};
        my $lasts = $min + $random->() * ($max - $min);
        my $choice = $choices && $choices->[int $random->() * @$choices];
        my $place = "$what $target";

        if (($busy{$place} || 0) <= $at) {
            push @faults, {
                at => $at, for => $lasts, kind => $kind, target => $target,
                choice => $choice
            };
            $busy{$place} = $at + $lasts + $REST;
        }

        $at += $APART_MIN + $random->() * ($APART_MAX - $APART_MIN);
    }

    return @faults;
}


sub kinds { return map { $_->[0] } @KINDS, map { @$_ } values %MORE }


# Numbers from 0 to less than 1, everywhere the same, and others for each seed.

sub generator {
    my ($seed) = @_;
    my $state = unpack 'N', md5($seed);

    return sub {
        $state = ($state * 1664525 + 1013904223) % 4294967296;
        return $state / 4294967296;
    };
}


1;
