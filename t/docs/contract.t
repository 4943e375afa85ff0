#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# The server does what the API document says: contract.mjs sends it what the
# schemas take and what they refuse.  CONTRACT_SEED is another run,
# CONTRACT_COUNT makes it longer.

use strict;
use warnings;

use FindBin;
use Test::More;
use TgoRTC::Live;


ok(system("docs/pages.sh '$ENV{BUILD}' >&2") == 0, 'the packages are there');

my $redis = redis();
my $conf = TgoRTC::Live::name('tgortc.conf');
my $secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
my %port = map { $_ => free_port() }
           qw(open key denied limited down events endpoint);

# what the include says of access is the server's here

my $include = TgoRTC::Live::slurp("$FindBin::Bin/../../conf/tgortc.conf");

$include =~ s/^ +(?:allow|deny) .*\n//mg;

open my $fh, '>', $conf or die "$conf: $!";
print $fh $include;
close $fh;

sub server {
    my ($name, $more) = @_;

    return "server { listen 127.0.0.1:$port{$name}; $more include $conf; }\n";
}

my $nginx = nginx(
    redis => "$redis->{address} db=1",
    workers => 1,
    log_level => 'warn',
    http => 'limit_req_zone $server_port zone=one:1m rate=1r/m;'
            . server(open => '')
            . server(key => 'tgortc_api_key The-Key;')
            . server(denied => 'deny all;')
            . server(limited => 'limit_req zone=one; limit_req_status 429;')
            . server(down => 'tgortc_redis unix:none.sock timeout=100ms;')
            . server(events => "tgortc_redis $redis->{address} db=2;"
                               . 'tgortc_ring_timeout 1s;'
                               . 'tgortc_webhook http://127.0.0.1:'
                               . "$port{endpoint}/hook?tenant=1"
                               . " name=app secret=$secret;")
);

my %environment = (
    CONTRACT_PORTS => join(' ', map { "$_=$port{$_}" } sort keys %port),
    CONTRACT_REDIS => $redis->{path},
    CONTRACT_KEY => 'The-Key',
    CONTRACT_LIVEKIT => 'devkey a-secret-of-the-tests-0123456789abcdef',
    CONTRACT_SECRET => $secret,
    CONTRACT_CONF => $conf
);

@ENV{keys %environment} = values %environment;

open my $driver, '-|', 'node', "$FindBin::Bin/contract.mjs"
    or die "node: $!";

while (my $line = readline $driver) {
    chomp $line;

    if ($line =~ /^(not )?ok - (.*)/) {
        ok(!$1, $2);

    } else {
        diag($line);
    }
}

ok(close $driver, 'the driver came to its end');
is($nginx->trouble, '', 'nothing to worry about in the log');

done_testing();
