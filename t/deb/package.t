#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# The package, in a Debian of its own where Debian's nginx runs: installed,
# tried as its reader would, upgraded, removed, purged.

use strict;
use warnings;

use JSON::PP;
use Test::More;
use TgoRTC::Live;
use TgoRTC::Root;


my ($deb) = glob "$ENV{BUILD}/deb/libnginx-mod-http-tgortc_*.deb";

BAIL_OUT('no package: make deb') if !defined $deb;

my $json = JSON::PP->new->utf8;
my $package = 'libnginx-mod-http-tgortc';
my $so = '/usr/lib/nginx/modules/ngx_http_tgortc_module.so';
my $enabled = '/etc/nginx/modules-enabled/50-mod-http-tgortc.conf';
my $host = 'http://localhost:8080';
my $root = TgoRTC::Root->new->boot;


# true when the command succeeds; what it printed is in $said

our $said;

sub does {
    my ($command, $name) = @_;

    (my $status, $said) = $root->sh($command);

    return ok($status == 0, $name) || (diag("$command: $status\n$said"), 0)[1];
}


sub curl {
    my ($options) = @_;

    return ($root->sh("curl -s --max-time 10 $options"))[1];
}


sub post {
    my ($path, $body) = @_;

    return curl("-d '$body' -w ' %{http_code}' $host/api/v1/rooms$path");
}


sub master {
    my ($status, $text) = $root->sh('cat /run/nginx.pid');

    return $status == 0 && $text =~ /^(\d+)/ ? $1 : 0;
}


# the module as nginx's processes have it open: "", "old" or "new"

sub opened {
    my ($status, $maps) = $root->sh('cat $(printf "/proc/%s/maps " '
                                    . '$(pidof nginx))');

    return !$maps || $maps !~ /\Q$so\E/ ? ''
           : $maps =~ /\Q$so\E \(deleted\)/ ? 'old' : 'new';
}


# what there is, but for what dpkg and the servers write

sub files {
    my ($status, $text) = $root->sh('find / -xdev ! -path "/var/lib/dpkg/*"'
        . ' ! -path "/var/log/*" ! -path "/var/lib/redis/*"'
        . ' ! -path "/var/lib/nginx/*" ! -path "/tmp/*"'
        . ' ! -path "/var/cache/*"');

    return join "\n", sort split /\n/, $text;
}


sub put {
    my ($to, $text) = @_;

    open my $fh, '>', $root->path($to) or die "$to: $!";
    print $fh $text;
    close $fh or die "$to: $!";
}


system('cp', $deb, $root->path('/tmp/package.deb')) == 0 or die "cp: $?";


# --- Debian's nginx as it is

does('service redis-server start', 'Redis runs');
does('service nginx start', 'nginx runs') && wait_for(\&master);
like(curl('http://localhost/'), qr/Welcome to nginx/, 'it serves');

my $before = files();


# --- installed

does('dpkg -i /tmp/package.deb', 'the package is installed');
does('dpkg --verify ' . $package, 'it is all there');
does('nginx -t', 'the configuration is valid');
ok(-l $root->path($enabled), 'the module is enabled');
ok(wait_for(sub { opened() eq 'new' }), 'nginx has opened it');
does("ldd -r $so 2>&1 | grep 'libhiredis' && exit 1; exit 0",
     'without a hiredis from elsewhere');
does("dpkg-query -W -f '\${Conffiles}' $package"
     . ' | grep /etc/nginx/snippets/tgortc.conf',
     'its locations are a file of configuration');


# --- tried

my $doc = "/usr/share/doc/$package";

does("cd $doc/conf && cat tgortc.conf production.conf alerts.yml grafana.json",
     'what its pages link to is there');
does("cp $doc/examples/quickstart.conf /etc/nginx/conf.d/tgortc.conf",
     'the example is there');
does('service nginx reload', 'nginx takes it');
ok(wait_for(sub { curl("$host/api/v1/health") eq '{"status":"ok"}' }),
   'it answers');

like(post('', '{"creator":"alice","device_type":"app","rtc_type":1,'
              . '"uids":["bob"],"room_id":"story"}'),
     qr/^\{"room_id":"story","creator":"alice","token":"[^"]+",.* 200$/,
     'create');
like(post('/story/join', '{"uid":"bob","device_type":"web"}'),
     qr/"token":"[^"]+".* 200$/, 'join');
like(curl("'$host/api/v1/rooms/sync?uid=alice&device_type=app'"),
     qr/^\[\{"room_id":"story"/, 'sync');
is(post('/story/leave', '{"uid":"bob"}'), '{} 200', 'leave');
is($json->decode(curl("$host/api/v1/rooms/story"))->{status}, 2,
   'the call has ended');

like(curl("-L $host/"), qr/swagger-ui-bundle\.js/, 'Swagger UI');
is(curl("-o /dev/null -w '%{http_code} %{content_type}' $host/swagger/$_->[0]"),
   "200 $_->[1]", $_->[0])
    for [ 'swagger-ui-bundle.js', 'application/javascript' ],
        [ 'swagger-ui.css', 'text/css' ];
like(eval { $json->decode(curl("$host/openapi.json"))->{openapi} },
     qr/^3\.1/, 'its document');
like(curl("$host/tgortc/"), qr{<script [^>]*src="page\.js"}, 'the page');
is(curl("-o /dev/null -w '%{http_code} %{content_type}' $host/tgortc/page.js"),
   '200 application/javascript', 'page.js');


# --- upgraded: the same again under a higher version

does("cd /tmp && dpkg-deb -R package.deb tree"
     . " && sed -i 's/^Version: .*/&+1/' tree/DEBIAN/control"
     . ' && dpkg-deb -b tree next.deb', 'there is a newer package');

my $first = master();

like(post('', '{"creator":"carol","device_type":"app","rtc_type":1,'
              . '"uids":["dave"],"room_id":"kept"}'), qr/ 200$/,
     'somebody calls');
is(opened(), 'new', 'the module is the one of the package');
does('dpkg -i /tmp/next.deb', 'the package is upgraded');
ok(wait_for(sub { opened() eq 'new' && master() != $first }),
   'nginx has opened the new module, without "restart" by anybody')
    or diag($said, opened(), ' ', master());
ok(wait_for(sub {
       post('/kept/join', '{"uid":"dave"}') =~ /"token":"[^"]+".* 200$/;
   }), 'the call goes on');


# with a configuration that is not valid what runs goes on

put('/etc/nginx/conf.d/broken.conf', "no_such_directive;\n");
does('dpkg -i /tmp/package.deb', 'installed while nginx -t fails');
like($said, qr/goes on with the module it had/, 'which is said');
is(curl("$host/api/v1/health"), '{"status":"ok"}', 'nginx goes on');
unlink $root->path('/etc/nginx/conf.d/broken.conf');


# --- removed, and back

unlink $root->path('/etc/nginx/conf.d/tgortc.conf');
does("dpkg -r $package", 'the package is removed');
does('nginx -t', 'the configuration is valid without it');
ok(! -l $root->path($enabled), 'the module is not enabled any more');
ok(-e $root->path('/etc/nginx/snippets/tgortc.conf'), 'its conffile stays');
ok(wait_for(sub { opened() eq '' }), 'nginx has closed it');
does('dpkg -i /tmp/package.deb', 'installed again');
ok(-l $root->path($enabled), 'it is enabled again');


# --- purged

does("dpkg -P $package", 'the package is purged');
is(files(), $before, 'nothing of it is left');
like(curl('http://localhost/'), qr/Welcome to nginx/, 'nginx serves');

done_testing();
