#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# Draws the tables that "make bench" has left in bench.md:
#
#     plot.pl BENCH.md > BENCH.svg
#
# The picture has its own background and colors, light and dark.

use strict;
use warnings;
use utf8;
use open qw(:std :encoding(UTF-8));

my ($width, $height) = (760, 620);


# the tables: a row by the name in its first cell, its other cells by the names
# of the columns

sub tables {
    my ($file) = @_;
    my (%rows, @columns);

    open my $in, '<', $file or die "$file: $!\n";

    while (<$in>) {
        if (!/^\|/) {
            @columns = ();
            next;
        }

        my @cells = map { s/^\s+|\s+$//gr } split /\|/, s/^\||\|\s*$//gr;

        if (!@columns) {
            @columns = map { $_ eq '' ? 'value' : $_ } @cells;
            next;
        }

        next if $cells[1] =~ /^-+:?$/;

        my $name = shift @cells;

        @{ $rows{$name} }{@columns[1 .. $#columns]} = @cells;
    }

    return \%rows;
}


sub number {
    my ($rows, $name, $column) = @_;
    my $cell = $rows->{$name}{$column};

    die "no \"$column\" of \"$name\"\n" if !defined $cell;

    return $cell =~ /^(\d+(?:\.\d+)?)/ ? $1 : undef;
}


sub text {
    my ($x, $y, $class, $text) = @_;

    $text =~ s/&/&amp;/g;
    $text =~ s/</&lt;/g;

    printf qq(<text x="%.1f" y="%.1f" class="%s">%s</text>\n), $x, $y, $class,
        $text;
}


sub line {
    my ($class, @points) = @_;

    printf qq(<polyline class="%s" points="%s"/>\n), $class,
        join ' ', map { sprintf '%.1f,%.1f', @$_ } @points;
}


# a round number that is not below the value, and the step to it

sub scale {
    my ($value) = @_;
    my $power = 10 ** int(log($value) / log(10));

    for my $step (map { $_ * $power } 0.1, 0.2, 0.25, 0.5, 1, 2, 2.5, 5) {
        my $steps = int($value / $step) + 1;

        return ($steps * $step, $step) if $steps <= 5;
    }
}


sub thousands {
    my ($n) = @_;

    return $n < 1000 ? $n : $n < 1e6 ? $n / 1000 . 'k' : $n / 1e6 . 'M';
}


# horizontal bars, two for each row: [name, worker, redis]

sub bars {
    my ($top, @rows) = @_;
    my ($left, $right, $row) = (150, $width - 60, 44);
    my ($max, $step) = scale((sort { $b <=> $a } map { @$_[1, 2] } @rows)[0]);
    my $bottom = $top + 30 + $row * @rows;
    my $x = sub { $left + ($right - $left) * $_[0] / $max };

    text(24, $top, 'head', 'CPU of one operation, µs');

    my $key = $left + 250;

    for (['worker', 'nginx worker'], ['redis', 'Redis']) {
        my ($class, $name) = @$_;

        printf qq(<rect class="%s" x="%d" y="%d" width="12" height="12"/>\n),
            $class, $key, $top - 11;
        text($key + 18, $top, 'label', $name);
        $key += 130;
    }

    for (my $n = 0; $n <= $max; $n += $step) {
        line('grid', [$x->($n), $top + 16], [$x->($n), $bottom]);
        text($x->($n), $bottom + 18, 'tick middle', $n);
    }

    for my $i (0 .. $#rows) {
        my ($name, @values) = @{ $rows[$i] };
        my $y = $top + 24 + $row * $i;

        text($left - 10, $y + 21, 'label end', $name);

        for my $j (0, 1) {
            printf qq(<rect class="%s" x="%d" y="%.1f" width="%.1f" )
                . qq(height="15"/>\n), ('worker', 'redis')[$j], $left,
                $y + 17 * $j, $x->($values[$j]) - $left;
            text($x->($values[$j]) + 6, $y + 17 * $j + 12, 'value',
                 $values[$j]);
        }
    }

    line('axis', [$left, $top + 16], [$left, $bottom]);
}


# a curve over the number of live rooms: [rooms, value]; aim: a height

sub curve {
    my ($left, $right, $class, $title, $aim, @points) = @_;
    my ($top, $bottom) = (400, $height - 62);
    my $most = (sort { $b <=> $a } map { $_->[1] } @points)[0];
    my ($max, $step) = scale($aim && $aim > $most ? $aim : $most);
    my ($first, $last) = map { log $_->[0] } @points[0, -1];
    my $span = ($right - $left - 44) / ($last - $first || 1);
    my $x = sub { $left + 22 + $span * (log($_[0]) - $first) };
    my $y = sub { $bottom - ($bottom - $top) * $_[0] / $max };

    text($left - 36, $top - 24, 'head', $title);

    for (my $n = 0; $n <= $max; $n += $step) {
        line($n ? 'grid' : 'axis', [$left, $y->($n)], [$right, $y->($n)]);
        text($left - 8, $y->($n) + 4, 'tick end', thousands($n));
    }

    if ($aim) {
        line('aim', [$left, $y->($aim)], [$right, $y->($aim)]);
        text($right, $y->($aim) - 6, 'tick end', 'aim: 1.2 × the first');
    }

    line("curve $class", map { [$x->($_->[0]), $y->($_->[1])] } @points);

    for (@points) {
        my ($rooms, $value) = @$_;

        printf qq(<circle class="%s" cx="%.1f" cy="%.1f" r="4"/>\n), $class,
            $x->($rooms), $y->($value);
        text($x->($rooms), $y->($value) + 20, 'value middle',
             $value < 1000 ? $value : sprintf '%.1fk', $value / 1000);
        text($x->($rooms), $bottom + 18, 'tick middle', thousands($rooms));
    }

    text(($left + $right) / 2, $bottom + 38, 'label middle', 'live rooms');
}


my $rows = tables($ARGV[0]);

my @operations = map {
    [$_, number($rows, $_, 'worker CPU, µs'),
     number($rows, $_, 'Redis CPU, µs')]
} 'yardstick create', qw(create join leave sync);

push @operations, ['delivery',
                   number($rows, 'worker CPU per delivery', 'value'),
                   number($rows, 'Redis CPU per delivery', 'value')];

my @rooms = sort { $a <=> $b } grep { /^\d+$/ } keys %$rows;
my @create = map { [$_, number($rows, $_, 'script of create, µs')] } @rooms;
my @sync = map { [$_, number($rows, $_, 'sync, requests/s')] } @rooms;

my $desc = 'CPU of a worker and of Redis in µs: '
    . join('; ', map { "$_->[0] $_->[1] and $_->[2]" } @operations)
    . '. Script of create in µs: '
    . join('; ', map { "$_->[1] among $_->[0] live rooms" } @create)
    . '. Requests of sync per second: '
    . join('; ', map { "$_->[1] among $_->[0]" } @sync) . '.';

print <<"END";
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $width $height" \
role="img" aria-labelledby="title desc">
<title id="title">What TgoRTC for nginx costs, by "make bench"</title>
<desc id="desc">$desc</desc>
<style>
svg { font: 13px system-ui, sans-serif; }
.back { fill: #ffffff; }
text { fill: #1f2328; }
.head { font-size: 15px; font-weight: 600; }
.tick { fill: #59636e; font-size: 12px; }
.value { font-size: 12px; }
.middle { text-anchor: middle; }
.end { text-anchor: end; }
polyline { fill: none; }
.grid { stroke: #d9dee3; }
.axis { stroke: #818b98; }
.aim { stroke: #59636e; stroke-dasharray: 5 4; }
.curve { stroke-width: 2; }
.worker { fill: #2a6fc9; }
.redis { fill: #c4562a; }
.curve.worker { fill: none; stroke: #2a6fc9; }
.curve.redis { fill: none; stroke: #c4562a; }
\@media (prefers-color-scheme: dark) {
.back { fill: #151b23; }
text { fill: #f0f6fc; }
.tick { fill: #9198a1; }
.grid { stroke: #2f3742; }
.axis { stroke: #656c76; }
.aim { stroke: #9198a1; }
.worker { fill: #5a9cf2; }
.redis { fill: #e8875c; }
.curve.worker { stroke: #5a9cf2; }
.curve.redis { stroke: #e8875c; }
}
</style>
<rect class="back" width="$width" height="$height" rx="8"/>
END

bars(32, @operations);
curve(60, 360, 'redis', 'Script of create, µs, among', 1.2 * $create[0][1],
      @create);
curve(440, 736, 'worker', 'Requests of sync per second, among', undef, @sync);

print "</svg>\n";
