#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# The pages of "make run" and of conf/production.conf in a browser: every
# operation is there, and can be tried out.  Screenshots are left in
# build/shots.

use strict;
use warnings;

use FindBin;
use Test::More;
use TgoRTC::Live;
use TgoRTC::Production;


my ($module) = TgoRTC::Live::Nginx::modules({});

plan skip_all => 'the demo opens the module, here it is built in'
    if !defined $module;

my $build = TgoRTC::Live::name('build');
my $port = free_port();

ok(system("docs/pages.sh '$ENV{BUILD}' > $build.pages 2>&1") == 0,
   'the pages are made') or diag(slurp("$build.pages"));

mkdir $build or die "$build: $!";
chmod 0755, $build;
symlink $module, "$build/ngx_http_tgortc_module.so" or die "symlink: $!";
symlink "$ENV{BUILD}/www", "$build/www" or die "symlink: $!";

my $demo = TgoRTC::Live::spawn(sub {
    exec 'conf/demo.sh', $build, $port;
}, "$build.out");

ok(wait_for(sub { slurp("$build.out") =~ /Ctrl-C/ }), 'the server runs')
    or diag(slurp("$build.out"));

sub browse {
    my ($what, @arguments) = @_;

    open my $browser, '-|', 'node', "$FindBin::Bin/swagger.mjs", @arguments
        or die "node: $!";

    while (my $line = readline $browser) {
        chomp $line;

        if ($line =~ /^(not )?ok - (.*)/) {
            ok(!$1, "$what: $2");

        } else {
            diag($line);
        }
    }

    ok(close $browser, "$what: the browser came to its end");
}


browse('demo', "http://127.0.0.1:$port");

kill INT => -$demo;
ok(TgoRTC::Live::reap($demo, 20), 'the server ends');

my $server = production(redis());

browse('production', "https://127.0.0.1:$server->{port}", 'API-KEY');
is($server->trouble, '', 'nothing to worry about in the log');

done_testing();
