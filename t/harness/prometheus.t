#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# TgoRTC::Prometheus finds what is wrong, and only that.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use TgoRTC::Prometheus;


my $good = <<'END';
# HELP a_total Some.
# TYPE a_total counter
a_total{app="x",kind="one"} 1
a_total{app="x",kind="a\"b\\c\n"} 2
# HELP b_seconds Times.
# TYPE b_seconds histogram
b_seconds_bucket{app="x",le="0.5"} 1
b_seconds_bucket{app="x",le="+Inf"} 3
b_seconds_sum{app="x"} 4.500000
b_seconds_count{app="x"} 3
# HELP c Now.
# TYPE c gauge
c{app="x"} 0
END

my $metrics = TgoRTC::Prometheus->new($good);

is($metrics->faults, '', 'nothing is wrong');
is($metrics->value('a_total', kind => 'one'), 1, 'a value');
is($metrics->value('a_total', kind => 'two'), undef, 'none');
is($metrics->sum('a_total', app => 'x'), 3, 'a sum');
is(join(' ', $metrics->names), 'a_total b_seconds c', 'names');
is(join(' ', $metrics->series),
   'a_total b_seconds_bucket b_seconds_count b_seconds_sum c', 'series');

# what is changed, into what, what is said

for ([ qr/\n\z/, '', 'no end' ],
     [ qr/# HELP c Now\.\n/, '', 'without its HELP' ],
     [ qr/# TYPE c gauge\n/, '', 'without a TYPE' ],
     [ qr/# TYPE c gauge/, '# TYPE c counter', 'is a counter' ],
     [ qr/a_total counter/, 'a_total gauge', 'is a gauge' ],
     [ qr/c\{app="x"\} 0/, 'c{app="x"}', 'cannot be read' ],
     [ qr/c\{app="x"\} 0/, 'c{app="x"} 1e', 'cannot be read' ],
     [ qr/c\{app="x"\} 0/, 'c{app=x} 0', 'labels cannot be read' ],
     [ qr/c\{app="x"\} 0/, 'c{app="x\\y"} 0', 'labels cannot be read' ],
     [ qr/c\{app="x"\} 0/, "c{app=\"\xff\"} 0", 'not UTF-8' ],
     [ qr/c\{app="x"\} 0\n/, '', 'no sample' ],
     [ qr/(?=c\{)/, "c{app=\"x\"} 0\n", 'twice' ],
     [ qr/c\{app="x"\}/, 'd{app="x"}', 'stands among' ],
     [ qr/b_seconds/, 'b_ms', 'base unit' ],
     [ qr/"\+Inf"\} 3/, '"+Inf"} 0', 'not in order' ],
     [ qr/b_seconds_bucket\{app="x",le="\+Inf"\} 3\n/, '', 'no last bucket' ],
     [ qr/_count\{app="x"\} 3/, '_count{app="x"} 4', 'not that of its' ],
     [ qr/b_seconds_sum.*\n/, '', 'no sum' ])
{
    my ($from, $to, $says) = @$_;
    my $bad = $good;

    if ($to eq 'b_ms') {
        $bad =~ s/$from/$to/g;
    } else {
        $bad =~ s/$from/$to/;
    }

    isnt($bad, $good, "$says: it is changed");
    like(TgoRTC::Prometheus->new($bad)->faults, qr/\Q$says\E/, $says);
}

done_testing();
