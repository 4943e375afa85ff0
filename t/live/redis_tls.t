#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# TLS to Redis and to sentinels: who has the right certificate is served from,
# nobody else, and the log says why.

use strict;
use warnings;

use Test::More;
use TgoRTC::Live;
use TgoRTC::Replicas;
use Time::HiRes qw(sleep time);


my $dir = TgoRTC::Live::name('ca');

mkdir $dir or die "$dir: $!";
chmod 0755, $dir;


sub openssl {
    my (@args) = @_;

    system("cd $dir && openssl @args > openssl.log 2>&1") == 0
        or die "openssl @args: " . slurp("$dir/openssl.log");
}


# a key, and a certificate by an authority, for these names

sub certificate {
    my ($name, $ca, $names, $days) = @_;

    openssl('req', '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes',
            "-subj /CN=$name -keyout $name.key -out $name.csr");

    open my $fh, '>', "$dir/$name.ext" or die "$name: $!";
    print $fh "subjectAltName=$names\n";
    close $fh;

    if ($days < 0) {

        # a date of the past takes an authority with a database
        mkdir "$dir/db";
        open my $conf, '>', "$dir/db/conf" or die $!;
        print $conf <<"END";
[ca]
default_ca = own
[own]
database = $dir/db/index
new_certs_dir = $dir/db
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
END
        close $conf;
        open my $index, '>', "$dir/db/index" or die $!;
        close $index;

        openssl("ca -batch -config db/conf -in $name.csr -out $name.crt",
                "-cert $ca.crt -keyfile $ca.key -extfile $name.ext -notext",
                '-startdate 20200101000000Z -enddate 20200102000000Z');

    } else {
        openssl("x509 -req -in $name.csr -CA $ca.crt -CAkey $ca.key",
                "-CAcreateserial -days $days -extfile $name.ext",
                "-out $name.crt");
    }

    chmod 0644, "$dir/$name.key";
}


for my $ca ('ca', 'other') {
    openssl('req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes',
            "-subj /CN=$ca -days 30 -keyout $ca.key -out $ca.crt");
}

certificate('good', 'ca', 'DNS:localhost,DNS:redis.test,IP:127.0.0.1', 30);
certificate('named', 'ca', 'DNS:redis.test', 30);
certificate('foreign', 'other', 'DNS:localhost,IP:127.0.0.1', 30);
certificate('expired', 'ca', 'DNS:localhost,IP:127.0.0.1', -1);
certificate('client', 'ca', 'DNS:nginx', 30);


sub tls_redis {
    my ($cert, %option) = @_;
    my $port = free_port();

    my $redis = redis(args => ['--tls-port', $port,
                               '--tls-cert-file', "$dir/$cert.crt",
                               '--tls-key-file', "$dir/$cert.key",
                               '--tls-ca-cert-file', "$dir/ca.crt",
                               '--tls-auth-clients',
                               $option{clients} || 'no']);

    $redis->{tls} = $port;

    return $redis;
}


sub server {
    my ($address, $params, %more) = @_;

    return nginx(redis => "$address tls=on timeout=500ms $params", %more);
}


my $unknown = qr/unable\ to\ (?:get\ local\ issuer\ certificate
                            |verify\ the\ first\ certificate)
                 |self.signed\ certificate/x;
my $id = 0;
my $limit = 6;


sub serves {
    my ($what, $nginx) = @_;

    $id++;
    ok(wait_for(sub {
           ask($nginx->create("tls$id-" . time, "c$id" . time))->{status} == 200
       }), "$what: it serves");
    is($nginx->trouble, '', "$what: nothing bad in the log");
}


sub refused {
    my ($what, $nginx, $why) = @_;

    is(unavailable(ask($nginx->create('refused', 'r')), $limit), '',
       "$what: 503") for 1, 2;

    my $log = $nginx->error_log;

    like($log, qr/tgortc: redis "\S+" \(127\.0\.0\.1:\d+\): $why/,
         "$what: the log says it");

    sleep 0.5;

    my @lines = grep { /\[(?:error|crit)\]/ } split /\n/, $nginx->error_log;

    # of each worker that of nginx and its own, of which recv() and send() have
    # one each
    cmp_ok(scalar @lines, '<=', 3 * $nginx->{workers},
           "$what: once, not at each attempt");
}


{
    my $redis = tls_redis('good');
    my $ca = "tls_ca=$dir/ca.crt";

    serves('an address', server("127.0.0.1:$redis->{tls}", $ca));
    serves('a host', server("localhost:$redis->{tls}", $ca));
    serves('a name', server("127.0.0.1:$redis->{tls}",
                            "$ca tls_name=redis.test"));

    refused('another name', server("127.0.0.1:$redis->{tls}",
                                   "$ca tls_name=other.test"),
            qr/the certificate is for another name/);
    refused('another authority', server("127.0.0.1:$redis->{tls}",
                                        "tls_ca=$dir/other.crt"),
            $unknown);
    refused('the authorities of the system',
            server("127.0.0.1:$redis->{tls}", ''),
            $unknown);
    serves('no verification', server("127.0.0.1:$redis->{tls}",
                                     'tls_verify=off'));

    # under load, with reloads, and connections that are lost

    my $nginx = server("127.0.0.1:$redis->{tls}", $ca);

    serves('before the load', $nginx);

    my $fds = $nginx->idle_fds;
    my $kill = sub {
        $redis->command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    };

    my ($told, $wrong) = load($nginx, 4, name => 'tls', clients => 32,
                               close => 1, at => [
        [0.5, $kill],
        [1, sub { $nginx->signal('HUP') }],
        [2, $kill],
        [2.5, sub { $nginx->signal('HUP') }]
    ]);

    is($wrong, '', 'under load: each gets its answer');
    is(scalar(grep { $_->{status} != 200 } @$told), 0,
       'under load: which is 200, of ' . @$told);
    is(scalar(grep { !$redis->command('EXISTS', "{tgortc}:room:$_->{id}") }
              @$told), 0, 'and is true');

    # replies of more than a TLS record

    my @many = map { "many$_" } 1 .. 900;

    is(ask($nginx->create('large', 'many0', @many,
                          { max_participants => 1000 }))->{status}, 200,
       'a large call');
    is(scalar @{ask($nginx->get('/large'))->json->{participants}}, 901,
       'is read again');

    ok(wait_for(sub { $nginx->pids == $nginx->{workers} }), 'two workers');
    is($nginx->idle_fds, $fds, 'no descriptor is left open');
    ok($nginx->quit, 'it ends in order');
    is($nginx->trouble, '', 'nothing bad in the log');
}

serves('a name and no address',
       server('localhost:' . tls_redis('named')->{tls},
              "tls_ca=$dir/ca.crt tls_name=redis.test"));
refused('the address is not in it',
        server('127.0.0.1:' . tls_redis('named')->{tls}, "tls_ca=$dir/ca.crt"),
        qr/the certificate is for another name/);
refused('by another authority',
        server('127.0.0.1:' . tls_redis('foreign')->{tls},
               "tls_ca=$dir/ca.crt"),
        $unknown);
refused('expired',
        server('127.0.0.1:' . tls_redis('expired')->{tls},
               "tls_ca=$dir/ca.crt"), qr/certificate has expired/);


# a certificate of ours

{
    my $redis = tls_redis('good', clients => 'yes');
    my $address = "127.0.0.1:$redis->{tls}";

    serves('a certificate of ours',
           server($address, "tls_ca=$dir/ca.crt tls_cert=$dir/client.crt "
                            . "tls_key=$dir/client.key"));
    refused('no certificate of ours',
            server($address, "tls_ca=$dir/ca.crt"),
            qr/(?:recv|send)\(\) failed|closed the connection|TLS hand/);
}


# one of the two does not know of TLS

{
    my $port = free_port();
    my $redis = redis(port => $port);
    my $tls = tls_redis('good');

    refused('no TLS at Redis', server("127.0.0.1:$port",
                                      "tls_ca=$dir/ca.crt"),
            qr/TLS handshake failed|connecting timed out/);
    refused('no TLS at nginx', nginx(redis => "127.0.0.1:$tls->{tls} "
                                              . 'timeout=500ms'), qr/\w/);
}


# one that says nothing

{
    my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64)
        or die $!;

    refused('silence', server('127.0.0.1:' . $silent->sockport,
                              "tls_ca=$dir/ca.crt"), qr/connecting timed out/);
}


# sentinels

{
    my $redis = tls_redis('good');
    my $conf = ["tls-port 0", "tls-replication yes",
                "tls-cert-file $dir/good.crt", "tls-key-file $dir/good.key",
                "tls-ca-cert-file $dir/ca.crt", 'tls-auth-clients no'];
    my $port = free_port();

    $conf->[0] = "tls-port $port";

    my $sentinel = sentinel({ port => $redis->{tls} }, conf => $conf);

    my $nginx = server("sentinel:calls\@127.0.0.1:$port",
                       "tls_ca=$dir/ca.crt");

    serves('a sentinel with TLS', $nginx);
    ok($nginx->quit, 'it ends in order');
    is($nginx->trouble, '', 'nothing bad in the log');

    refused('a sentinel with another certificate',
            server("sentinel:calls\@127.0.0.1:$port",
                   "tls_ca=$dir/other.crt"),
            $unknown);
}

done_testing();
