# Copyright (C) TgoRTC contributors

# t/bench/plot.pl: what is in the tables of "make bench" is in the picture.

use strict;
use warnings;
use utf8;

use File::Temp qw(tempdir);
use FindBin;
use Test::More;

my $root = "$FindBin::Bin/../..";
my $dir = tempdir(CLEANUP => 1);

my $tables = <<'END';
Some words | with a bar.

| operation | requests/s | worker CPU, µs | Redis CPU, µs |
| -- | --: | --: | --: |
| nginx `return 200` | 103177 | 8.4 | - |
| yardstick create | 26810 | 10.1 | 36.2 |
| create | 22805 | 15.2 | 39.8 |
| join | 31348 | 13.3 | 23.5 |
| leave | 22965 | 14.4 | 42.7 |
| sync | 39238 | 12.5 | 15.3 |

| live rooms | script of create, µs | sync, requests/s |
| --: | --: | --: |
| 1000 | 33.7 | 39001 |
| 10000 | 32.6 | 38002 |
| 1000000 | 30.5 | 37003 |

| | |
|---|---|
| worker CPU per delivery | 46 µs |
| Redis CPU per delivery | 45 µs |
END


sub slurp {
    my ($file) = @_;
    local $/;

    open my $in, '<:encoding(UTF-8)', $file or die "$file: $!";
    return readline $in;
}


# returns the picture and the exit status

sub plot {
    my ($text) = @_;

    open my $out, '>:encoding(UTF-8)', "$dir/bench.md" or die $!;
    print {$out} $text;
    close $out;

    system "'$root/t/bench/plot.pl' '$dir/bench.md' > '$dir/bench.svg'"
         . " 2> '$dir/err'";

    return (slurp("$dir/bench.svg"), $?);
}


sub is_xml {
    my ($file) = @_;

    return system('python3', '-c', 'import sys, xml.dom.minidom as dom;'
                  . 'svg = dom.parse(sys.argv[1]).documentElement;'
                  . 'sys.exit(svg.tagName != "svg")', $file) == 0;
}


my ($svg, $status) = plot($tables);

is $status, 0, 'plot.pl draws';
ok is_xml("$dir/bench.svg"), 'well-formed XML';
like $svg, qr{<title id="title">[^<]+</title>\n<desc id="desc">[^<]+</desc>},
    'title and desc';
like $svg, qr/prefers-color-scheme: dark/, 'light and dark';

my %shown = map { $_ => 1 } $svg =~ m{<text[^>]*>([^<]*)</text>}g;

my @expected = ('CPU of one operation, µs', 'nginx worker', 'Redis',
                'yardstick create', qw(create join leave sync delivery),
                qw(10.1 36.2 15.2 39.8 13.3 23.5 14.4 42.7 12.5 15.3 46 45),
                'live rooms', qw(1k 10k 1M 33.7 32.6 30.5 39.0k 38.0k 37.0k));

is_deeply [grep { !$shown{$_} } @expected], [], 'every value and label';

# the bars of one scale: the longest is Redis's of a leave, and half of it half

my $bar = qr{<rect class="redis"[^>]* width="([\d.]+)" height="15"/>};
my %width = reverse $svg =~ m{$bar\n<text[^>]*>([\d.]+)<}g;

is sprintf('%.1f', $width{42.7} / $width{15.3}), sprintf('%.1f', 42.7 / 15.3),
    'bars as long as their values';

like $svg, qr/15\.2 and 39\.8/, 'the values for those who do not see it';

# what is missing is said, and not drawn as if it were nothing

(undef, $status) = plot($tables =~ s/^\| leave.*\n//mr);

isnt $status, 0, 'a row is missing';
like slurp("$dir/err"), qr/"leave"/, 'which one it is';

# the one that docs/ shows

($svg, $status) = plot(slurp("$root/docs/benchmarks.md"));

is $svg, slurp("$root/docs/benchmarks.svg"),
    'docs/benchmarks.svg is drawn from docs/benchmarks.md';

done_testing;
