#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# What somebody does who has just found TgoRTC: "make run", a call by Swagger
# UI, a look at the operator's page, a backend that dies, an event that is sent
# again.

use strict;
use warnings;

use Test::More;
use TgoRTC::Browser;
use TgoRTC::Live;


my ($module) = TgoRTC::Live::Nginx::modules({});

plan skip_all => 'the demo opens the module, here it is built in'
    if !defined $module;

my $build = TgoRTC::Live::name('build');
my $port = free_port();

ok(system("docs/pages.sh '$ENV{BUILD}' >&2") == 0, 'the pages are made');

mkdir $build or die "$build: $!";
chmod 0755, $build;
symlink $module, "$build/ngx_http_tgortc_module.so" or die "symlink: $!";
symlink "$ENV{BUILD}/www", "$build/www" or die "symlink: $!";

my $demo = TgoRTC::Live::spawn(sub {
    exec 'conf/demo.sh', $build, $port;
}, "$build.out");

ok(wait_for(sub { slurp("$build.out") =~ /Ctrl-C/ }), 'the server runs')
    or diag(slurp("$build.out"));
like(slurp("$build.out"), qr{http://localhost:$port/tgortc/$}m,
     'it says where the page is');

my $backend;

browse('newcomer.mjs', ["http://127.0.0.1:$port", 'HTTP 502', 'newcomer'],

    kill_backend => sub {
        my ($pid) = grep {
            slurp("/proc/$_/cmdline") =~ /demo-endpoint\.mjs/
        } children($demo);

        return kill KILL => $pid;
    },

    start_backend => sub {
        unlink "$build/run/endpoint.sock";

        $backend = TgoRTC::Live::spawn(sub {
            exec 'node', 'conf/demo-endpoint.mjs', "$build/run/endpoint.sock";
        }, "$build.backend");

        return 1;
    },

    # what the backend has printed, the first one and the second
    printed => sub { return slurp("$build.out") . slurp("$build.backend") });

kill INT => -$demo;
ok(TgoRTC::Live::reap($demo, 20), 'the server ends');
TgoRTC::Live::kill_group($backend) if $backend;

done_testing();
