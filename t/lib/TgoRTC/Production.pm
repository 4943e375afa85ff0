package TgoRTC::Production;

# Copyright (C) TgoRTC contributors
#
# conf/production.conf as it is, but for what belongs to the machine: ports,
# addresses, certificates, paths.  What comes from 127.0.0.1 is inside, from
# 127.0.0.2 outside.
#
#     my $server = production($redis, 'rate=500r/s' => 'rate=1r/m', ...);
#
#     $server->{port}, $server->{mtls_port}, $server->{certificates}, a folder

use strict;
use warnings;

use Exporter 'import';
use TgoRTC::Live;

our @EXPORT = qw(production);

my $NAME = 'calls.example.com';


sub openssl {
    my ($dir, $command) = @_;

    system("cd '$dir' && openssl $command >> openssl.log 2>&1") == 0
        or die "openssl $command: " . slurp("$dir/openssl.log");
}


# server.pem; client.pem, which clients-ca.pem has signed; stranger.pem, which
# it has not.

sub certificates {
    my ($dir) = @_;

    mkdir $dir or die "$dir: $!";

    my $new = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';

    openssl($dir, "req -x509 $new -days 2 -subj /CN=$NAME"
                  . " -addext subjectAltName=DNS:$NAME,IP:127.0.0.1"
                  . ' -keyout server.key -out server.pem');
    openssl($dir, "req -x509 $new -days 2 -subj '/CN=clients'"
                  . ' -keyout ca.key -out clients-ca.pem');
    openssl($dir, "req $new -subj /CN=backend -keyout client.key"
                  . ' -out client.csr');
    openssl($dir, 'x509 -req -in client.csr -CA clients-ca.pem -CAkey ca.key'
                  . ' -CAcreateserial -days 2 -out client.pem');
    openssl($dir, "req -x509 $new -days 2 -subj /CN=stranger"
                  . ' -keyout stranger.key -out stranger.pem');
}


sub production {
    my ($redis, @changes) = @_;
    my $server = nginx(later => 1);
    my $dir = $server->{dir};
    my @modules = $server->modules;

    $server->{certificates} = "$dir/certificates";
    certificates($server->{certificates});

    my $conf = slurp('conf/production.conf');
    my $load = join '', map { "load_module $_;\n" } @modules;
    my $user = $> == 0 ? 'user root;' : '';
    my $temp = join ' ', map { "${_}_temp_path $dir/temp;" }
                         qw(client_body proxy fastcgi uwsgi scgi);

    for my $port (@$server{qw(port mtls_port)} = (free_port(), free_port())) {
        $conf =~ s/listen +(?:443|8443) ssl;/listen $port ssl;/
            or die "conf/production.conf listens elsewhere\n";
    }

    my @swap = (
        "load_module  modules/ngx_http_tgortc_module.so;\n" => $load,
        'user              www-data;' => "$user daemon off;",
        'worker_processes  auto;' => 'worker_processes 2;',
        '/run/nginx.pid' => "$dir/nginx.pid",
        '/var/log/nginx/error.log' => "$dir/error.log",
        '/var/log/nginx/access.log' => "$dir/access.log",
        "http {\n" => "http {\n    $temp\n",
        'unix:/run/redis/redis-server.sock password=REDIS-PASSWORD' =>
            $redis->{address},
        'https://app.example.com/tgortc/webhook' =>
            'http://127.0.0.1:' . free_port() . '/',
        'tgortc_livekit_api  https://livekit.example.com;' => '',
        '/usr/share/tgortc/www' => "$ENV{BUILD}/www",
        @changes
    );

    while (my ($from, $to) = splice @swap, 0, 2) {
        $conf =~ s/\Q$from\E/$to/g
            or die "conf/production.conf has no \"$from\"\n";
    }

    $conf =~ s{/etc/ssl/calls/}{$server->{certificates}/}g;

    $server->{conf} = $conf;
    $server->{workers} = 2;
    $server->write_conf;
    $server->{pid} = TgoRTC::Live::spawn(sub { exec $server->command },
                                         "$dir/stderr");

    $server->is_up or die 'nginx: ' . $server->error_log;

    return $server;
}


1;
