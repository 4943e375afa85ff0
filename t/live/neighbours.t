#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# The module in company: of Debian's nchan, which exports a hiredis of its own,
# and of an nginx that is set up in another way than usual.

use strict;
use warnings;

use Test::More;
use TgoRTC::Live;
use Time::HiRes qw(sleep time);


my $nchan = '/usr/lib/nginx/modules/ngx_nchan_module.so';
my ($ours) = TgoRTC::Live::Nginx::modules({});
my $redis = redis(port => free_port());


# Runs nginx -t; its status and what it says.

sub check {
    my ($server, @environment) = @_;

    $server->{port} ||= free_port();
    $server->write_conf;

    my @command = ('env', @environment, $server->command, '-t');

    open my $pipe, '-|', 'exec 2>&1; ' . join ' ', map { "'$_'" } @command
        or die "sh: $!";
    local $/;
    my $said = readline $pipe;
    close $pipe;

    return ($? >> 8, defined $said ? $said : '');
}


# A call from its beginning to its end

sub calls {
    my ($server, $id) = @_;

    return count_by_status(map { ask($_, deadline => 8) }
        $server->create($id, "$id.a", "$id.b"), $server->join($id, "$id.b"),
        $server->get("/$id"), $server->get("/sync?uid=$id.a&device_type=app"),
        $server->leave($id, "$id.a"), $server->health);
}


SKIP: {
    skip 'the module is built in', 20 if !defined $ours;

    # what another module could take for its own

    my @names = map { /\s(\S+)$/ } `nm -D --defined-only '$ours'`;

    cmp_ok(scalar @names, '>', 1, 'nm lists names');
    is(join(' ', grep { !/^ngx_/ } @names), '',
       'every name that the module exports begins with ngx_');

    skip "there is no $nchan", 18 if !-e $nchan;
    skip 'nchan is for the nginx that is installed', 18
        if TgoRTC::Live::Nginx::binary() ne '/usr/sbin/nginx';

    for my $order ([$nchan, $ours], [$ours, $nchan]) {
        my $name = $order->[0] eq $ours ? 'before' : 'after';

        # nchan has its own connections to Redis, made with its own hiredis

        my $server = nginx(
            redis => "$redis->{address} timeout=1s", modules => $order,
            http => "nchan_redis_url redis://127.0.0.1:$redis->{port};",
            server => <<'END'
                location = /publish {
                    nchan_publisher;
                    nchan_channel_id  $arg_id;
                    nchan_use_redis   on;
                }
END
        );

        my %publish = (port => $server->{port}, method => 'POST',
                       path => '/publish?id=a', body => 'news');

        # if not, what follows would only take its time to fail
        is(calls($server, "c$name"), '200: 6', "ours works $name nchan")
            or next;

        # it answers 503 until it is connected
        ok(wait_for(sub { ask(\%publish)->{status} =~ /^20[012]$/ }),
           'nchan works');

        my @pids = $server->pids;

        $redis->stop;
        ok(wait_for(sub { ask($server->health)->{status} == 503 }),
           'Redis is gone');
        $redis->start;
        ok(wait_for(sub {
               count_by_status(fire([map { $server->health } 1 .. 16]))
                   eq '200: 16';
           }), 'Redis is back');

        is(calls($server, "d$name"), '200: 6', "ours works $name nchan again");
        is(join(' ', $server->pids), "@pids", 'the workers are the same');

        my ($status, $said) = check($server, 'LD_DEBUG=bindings');
        my @mixed = grep { m|binding file \Q$ours\E .* to \Q$nchan\E|
                           || m|binding file \Q$nchan\E .* to \Q$ours\E| }
                    split /\n/, $said;

        like($said, qr/binding file \Q$ours\E /, 'the linker tells all');
        is_deeply(\@mixed, [], 'neither uses anything of the other');

        # nchan logs what it likes, but nothing of ours may be among it
        $server->quit;
        unlike($server->error_log, qr/exited on signal|open socket/,
               'nothing bad in the log');
    }
}


# the least that nginx can be

{
    my $server = nginx(later => 1);
    my $load = join '', map { "load_module $_;\n" } $server->modules;

    $server->{port} = free_port();
    $server->{conf} = <<"END";
$load
error_log  $server->{dir}/error.log;
pid        $server->{dir}/nginx.pid;
events { }
END

    my ($status, $said) = check($server);

    is($status, 0, 'no http block: the configuration is good') or diag($said);

    $server->{conf} = <<"END";
$load
daemon            off;
worker_processes  2;
error_log         $server->{dir}/error.log notice;
pid               $server->{dir}/nginx.pid;
events { }
END

    $server->write_conf;
    $server->{workers} = 2;
    $server->{pid} = TgoRTC::Live::spawn(sub { exec $server->command });

    ok(wait_for(sub { $server->pids == 2 }), 'no http block: it runs');
    ok($server->reload, 'no http block: it reloads');
    ok($server->quit, 'no http block: it ends');
    is($server->trouble, '', 'nothing bad in the log');
}


# http without us

{
    my $server = nginx(later => 1);
    my $load = join '', map { "load_module $_;\n" } $server->modules;

    $server->{port} = free_port();
    $server->{conf} = <<"END";
$load
daemon            off;
worker_processes  2;
error_log         $server->{dir}/error.log notice;
pid               $server->{dir}/nginx.pid;
events { }
http {
    access_log  off;
    server {
        listen    127.0.0.1:$server->{port};
        location / { return  200 "plain"; }
        location /missing { return  404; }
    }
}
END
    $server->write_conf;
    $server->{pid} = TgoRTC::Live::spawn(sub { exec $server->command });

    my %request = (port => $server->{port}, method => 'GET', path => '/');

    ok(wait_for(sub { ask(\%request)->{body} eq 'plain' }),
       'a server that does not use the module');
    like(ask({ %request, path => '/missing' })->{body}, qr/<html>/,
         'has its own error pages');
    ok($server->quit, 'it ends');
    is($server->trouble, '', 'nothing bad in the log');
}


# one process

{
    my $server = nginx(redis => "$redis->{address} timeout=1s",
                       master => 'off', workers => 1);

    is(calls($server, 'single'), '200: 6', 'master_process off: it works');

    $redis->stop;
    is(unavailable(ask($server->create(undef, 'x')), 6), '',
       'master_process off: without Redis 503');
    $redis->start;
    ok(wait_for(sub { ask($server->health)->{status} == 200 }),
       'master_process off: Redis is back');
    is(calls($server, 'single2'), '200: 6', 'master_process off: it serves');
    ok($server->quit, 'master_process off: it ends');
    is($server->trouble, '', 'nothing bad in the log');
}


# a cache, whose manager and loader are processes as well: they have no
# connection to Redis

{
    my $server = nginx(redis => $redis, later => 1);

    $server->{http} = "proxy_cache_path $server->{dir}/cache "
                      . "keys_zone=cache:1m loader_sleep=50ms;";

    my $clients = sub { scalar split /\n/,
                        $redis->command('CLIENT', 'LIST') };
    my $before = $clients->();

    $server->{workers} = 2;
    # two workers, the manager, the loader for some time
    $server->{port} = free_port();
    $server->write_conf;
    $server->{pid} = TgoRTC::Live::spawn(sub { exec $server->command });

    ok(wait_for(sub { $server->pids >= 3 && $clients->() == $before + 2 }),
       'with a cache manager: only the workers are connected to Redis');
    is(calls($server, 'cached'), '200: 6', 'it works');
    is($clients->(), $before + 2, 'still only the workers');
    ok($server->quit, 'it ends');
    ok(wait_for(sub { $clients->() == $before }), 'connections are closed');
    is($server->trouble, '', 'nothing bad in the log');
}


# nginx -t needs no Redis, and does not touch one that is there

{
    my $log = TgoRTC::Live::name('asked');
    my $fake = fake(sub {
        open my $fh, '>>', $log;
        print $fh "asked\n";
    });

    for my $address ($fake->{address}, 'unix:/nonexistent/redis.sock',
                     '127.0.0.1:' . free_port())
    {
        my $server = nginx(redis => $address, later => 1);
        my ($status, $said) = check($server);

        is($status, 0, "nginx -t with $address") or diag($said);
    }

    # whoever came before this one has been seen when this one is

    my $probe = IO::Socket::UNIX->new(Peer => $fake->{path});

    wait_for(sub { -s $log });
    is(slurp($log), "asked\n", 'nginx -t connects to nothing');

    my $server = nginx(redis => $fake->{address});

    ok(wait_for(sub { length slurp($log) > length "asked\n" }),
       'but nginx does');
    $server->stop;
}


# an OpenSSL that was told to load nothing that makes HMACs

{
    my $file = TgoRTC::Live::name('openssl.cnf');

    open my $fh, '>', $file or die "$file: $!";
    print $fh <<'END';
openssl_conf = all
[all]
providers = providers
[providers]
base = base
[base]
activate = 1
END
    close $fh;

    local $ENV{OPENSSL_CONF} = $file;

    my ($status, $said) = check(nginx(redis => $redis, later => 1));

    isnt($status, 0, 'without HMACs nginx does not start');
    like($said, qr/OpenSSL makes no HMAC-SHA256.* in .*nginx\.conf:\d+/,
         'and says why, and where');
    unlike($said, qr/a-secret-of-the-tests/, 'without the secret');
}

done_testing();
