#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# The pages hold together: links lead somewhere, every page is in the index,
# every directive, variable, message and log line that they name is there, and
# the version is the same everywhere.

use strict;
use warnings;

use Test::More;
use TgoRTC::Pages;


# --- links

# as GitHub makes them of headings

sub anchors {
    my ($page) = @_;

    return map { my $h = lc $_; $h =~ s/[^\w\- ]//g; $h =~ s/ /-/g; ($h => 1) }
           prose($page) =~ /^#+ (.*)$/mg;
}


my %linked;

for my $page (pages()) {
    my ($folder) = $page =~ m{\A(.*/)};
    my $text = prose($page);

    $folder = '' if !defined $folder;

    while ($text =~ /\]\(([^)\s]+)\)/g) {
        my ($path, $anchor) = split /#/, $1, 2;

        next if $path =~ /\A\w+:/;

        my $target = $path eq '' ? $page : $folder . $path;

        1 while $target =~ s{[^/]+/\.\./}{};
        $linked{$page}{$target} = 1;

        ok(-e root() . "/$target", "$page, $target") or next;

        next if !defined $anchor;

        my %anchors = anchors($target);

        ok($anchors{$anchor}, "$page, $target#$anchor");
    }
}

for my $page (grep { $_ ne 'docs/README.md' } pages()) {
    next if $page eq 'README.md';

    ok($linked{'docs/README.md'}{$page}, "$page is in the index");
}

# what the pages of docs/ show from there is in the package as well

my $debian = 'conf/debian/libnginx-mod-http-tgortc';
my %packaged = map { s{\A\Q${\root()}\E/}{}r => 1 }
               map { glob root() . "/$_" }
               map { m{(?<!\S)(docs/\S+)}g } source("$debian.install");

$packaged{$_} = 1 for source("$debian.links") =~ m{/(docs/\S+)$}mg;

my %shown_there = map { %{$linked{$_}} } grep { m{\Adocs/} } keys %linked;

for my $target (grep { m{\Adocs/} } sort keys %shown_there) {
    ok($packaged{$target}, "in the package: $target");
}


# --- names

my @sources = ('ngx_http_tgortc_module.c',
               map { s{\A\Q${\root()}\E/}{}r } glob root() . '/src/*.[ch]');


# C without comments and characters; literals that stand next to each other are
# one.

sub code {
    my $c = join '', map { source($_) } @_;

    $c =~ s{/\*.*?\*/}{}sg;
    $c =~ s/'(?:\\.|[^\\'])'/0/g;
    $c =~ s/"\s*\n\s*"//g;

    return $c;
}


my $c = code(@sources);

my %name = map { $_ => 1 } $c =~ /\b(tgortc_\w+)/g;

# metrics are those of a page of their own

if (-e root() . '/docs/metrics.md') {
    $name{$_} = 1
        for source('docs/metrics.md')
            =~ /^\| `(tgortc_\w+)` \| (?:counter|gauge|histogram) /mg;
}

for my $page (pages()) {
    my %named = map { $_ => 1 }
                source($page) =~ /(?<![\w\/])(tgortc_[a-z_]+[a-z])/g;

    for my $named (sort keys %named) {
        my $stem = $named =~ s/_(?:bucket|sum|count)\z//r;

        ok($name{$named} || $name{$stem}, "$page, $named");
    }
}


# --- messages and lines of logs

# what varies in a message is the same in the source and on a page

sub plain {
    my ($text) = @_;

    $text =~ s/\\"/"/g;
    $text =~ s/%(?:V|s|d|i|ui|L|M|uz)|…/\0/g;
    $text =~ s/\0(?::\0)+/\0/g;
    $text =~ s/\s+/ /g;

    return $text;
}


my $conf = code(grep { m{_conf(?:_\w+)?\.c\z} } @sources);

# the names of directives are returned by functions as well, for messages

my $literal = qr/"((?:[^"\\]|\\.)*)"/;

my %message = map { plain($_) => 1 }
              $conf =~ /(?:EMERG|WARN), cf(?:->log)?, 0,\s+$literal/g,
              map { "\"…\" directive $_" } grep { / / }
                  $conf =~ /return $literal/g,
                  $conf =~ /\? NGX_CONF_OK : $literal/g;

# "unknown" or "invalid"

if (delete $message{plain('… parameter "…" of "…"')}) {
    $message{plain("$_ parameter \"…\" of \"…\"")} = 1 for qw(invalid unknown);
}

cmp_ok(scalar keys %message, '>', 25, 'messages of nginx -t');

my ($table) = source('docs/troubleshooting.md')
              =~ /^## What `nginx -t` says\n(.*?)^## /ms;
my %shown;

for my $row ($table =~ /^\| (.*?) \| /mg) {
    while ($row =~ /(`+)(.+?)\1(?=,|\z)/g) {
        $shown{plain($2)} = $2;
    }
}

ok($shown{$_}, 'on the page: ' . s/\0/…/gr) for sort keys %message;

# those are nginx's own

my $own = qr/^(?:unknown\ directive|dlopen|module\ "|invalid\ number
              |invalid\ value|"…"\ directive\ is\ not\ allowed|SSL_CTX_
              |cannot\ load\ certificate)/x;

for my $shown (sort keys %shown) {
    next if $shown{$shown} =~ $own;

    ok($message{$shown}, "in the source: $shown{$shown}");
}

my @logged = map { plain(s/\Atgortc: //r) } $c =~ /$literal/g;
my ($lines) = source('docs/operations.md') =~ /^## Log lines\n(.*?)^## /ms;

for my $line ($lines =~ /^\| \w+ \| `(.*?)` \|/mg) {
    my $re = join '.*', map { quotemeta } split /\0/,
             plain($line =~ s/"app"|"webhook"|HTTP 500/…/gr =~ s/\AN /… /r);

    ok((grep { /\A$re/ } @logged), "a line of the log: $line");
}

# the other way round: words of capitals stand for what varies

my ($rows) = source('docs/metrics.md') =~ /^## Log lines\n(.*)/ms;

my @rows = map { s/(\w+)|…|([^\w…]+)/
                   defined $2 ? quotemeta $2 : !defined $1 ? '.*'
                   : $1 =~ m{\A[A-Z]+\z} ? '\S+' : $1/ger }
           map { s/curl_FUNCTION/curl_…/r }
           $rows =~ /^\| [^|]* \| `tgortc: (.*?)` \|/mg;

cmp_ok(scalar @rows, '>', 20, 'lines of the log on their page');

my $logs = $c =~ s/ngx_log_debug\d\(.*?;//sgr;

for my $text ($logs =~ /"tgortc: ((?:[^"\\]|\\.)*)"/g) {
    my $line = plain($text);

    # of each operation
    next if $text =~ /\A%s room /;

    ok((grep { $line =~ /\A$_(?:: \0)?\z/ } @rows),
       'on the page: ' . $line =~ s/\0/…/gr);
}


# --- the version

my ($document) = source('docs/openapi.yaml') =~ /^  version: (\S+)/m;
my ($package) = source('conf/debian/changelog') =~ /\A\S+ \(([\d.]+)-/;

is($package, $document, 'the version of the package is that of the API');
like(source('docs/CHANGELOG.md'), qr/^## \[(?:Unreleased|\Q$document\E)\]/m,
     'it has an entry in the changelog');


done_testing();
