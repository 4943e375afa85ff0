package TgoRTC::Pages;

# Copyright (C) TgoRTC contributors
#
# For the tests in t/docs: the pages of the documentation, and the examples in
# them.

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename qw(dirname);

our @EXPORT = qw(root source pages blocks prose);

my $root = abs_path(dirname(__FILE__) . '/../../..');


sub root { return $root }


sub source {
    my ($name) = @_;

    open my $fh, '<', "$root/$name" or die "$name: $!\n";
    local $/;

    return scalar readline $fh;
}


sub pages {
    return 'README.md',
           sort map { s{\A\Q$root\E/}{}r } glob "$root/docs/*.md";
}


# The examples of a page: fenced ones by their language ("" if they have none),
# indented ones as "indented".  What stands in a comment "not run: ..." right
# before one is its reason.

sub blocks {
    my ($page) = @_;

    my @lines = split /\n/, source($page), -1;
    my (@blocks, $reason);

    for (my $i = 0; $i < @lines; $i++) {

        if ($lines[$i] =~ /^<!-- not run: (.+) -->$/) {
            $reason = $1;
            next;
        }

        next if $lines[$i] eq '';

        my %block = (page => $page, line => $i + 1, reason => $reason);

        $reason = undef;

        if ($lines[$i] =~ /^( *)```(\w*)$/) {
            my ($indent, @text) = ($1);

            $block{kind} = $2;

            while (++$i < @lines && $lines[$i] !~ /^ *```$/) {
                push @text, $lines[$i] =~ s/^$indent//r;
            }

            $block{text} = join '', map { "$_\n" } @text;
            push @blocks, \%block;

        } elsif ($lines[$i] =~ /^ {4}\S/ && $i && $lines[$i - 1] eq '') {
            my @text;

            for (; $i < @lines && $lines[$i] =~ /^(?: {4}|$)/; $i++) {
                push @text, $lines[$i] =~ s/^ {4}//r;
            }

            $i--;
            $block{kind} = 'indented';
            $block{text} = join('', map { "$_\n" } @text) =~ s/\n+\z/\n/r;
            push @blocks, \%block;
        }
    }

    return @blocks;
}


# A page without its fenced examples.

sub prose {
    my ($page) = @_;

    return source($page) =~ s/^( *)```.*?^\1```$//msgr;
}


1;
