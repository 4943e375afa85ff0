package TgoRTC::Browser;

# Copyright (C) TgoRTC contributors
#
# For the tests in t/browser: runs a script of theirs, which has the results on
# its output, and may have something done by its test:
#
#     browse('page.mjs', [$origin], stop => sub { $endpoint->stop });
#
# What the code returns is what the script's tell('stop', …) does.  A command in
# @within starts the browser, elsewhere than here.

use strict;
use warnings;

use Exporter 'import';
use File::Basename qw(dirname);
use IPC::Open2;
use JSON::PP;
use Test::More ();

our @EXPORT = qw(browse);
our @within;

my $scripts = dirname(__FILE__) . '/../../browser';
my $json = JSON::PP->new->utf8->allow_nonref;


sub browse {
    my ($script, $arguments, %does) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    local $SIG{PIPE} = 'IGNORE';

    my $pid = open2(my $out, my $in, @within, 'node', "$scripts/$script",
                    @$arguments);

    while (my $line = readline $out) {
        chomp $line;

        if ($line =~ /^(not )?ok - (.*)/) {
            Test::More::ok(!$1, $2);

        } elsif ($line =~ /^do (.*)/) {
            my ($what, @rest) = @{$json->decode($1)};
            my $result = eval { scalar $does{$what}->(@rest) };

            Test::More::diag("$what: $@") if $@;
            print $in $json->encode($result), "\n";
            $in->flush;

        } else {
            Test::More::diag($line);
        }
    }

    waitpid $pid, 0;

    return Test::More::is($?, 0, "$script came to its end");
}


1;
