#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# conf/systemd/tgortc.conf: systemd takes it, and nginx lives with what it
# takes away: capabilities, new privileges, writable places, a shared /tmp.

use strict;
use warnings;

use Test::More;
use TgoRTC::Live;
use TgoRTC::Root;


my ($deb) = glob "$ENV{BUILD}/deb/libnginx-mod-http-tgortc_*.deb";

BAIL_OUT('no package: make deb') if !defined $deb;

my $text = slurp('conf/systemd/tgortc.conf');
my $health = 'curl -s --max-time 10 http://localhost:8080/api/v1/health';
my $daemon = "nginx -g 'daemon on; master_process on;'";
my $root = TgoRTC::Root->new->boot;
my (%set, @unexplained, $master);


sub does {
    my ($command, $name) = @_;

    my ($status, $said) = $root->sh($command);

    return ok($status == 0, $name) || (diag("$command: $status\n$said"), 0)[1];
}


sub put {
    my ($to, $what) = @_;

    open my $fh, '>', $root->path($to) or die "$to: $!";
    print $fh $what;
    close $fh or die "$to: $!";
}


sub workers {
    return split ' ', ($root->sh("ps -o pid= --ppid $master"))[1];
}


# --- systemd

my $units = TgoRTC::Live::name('units');

mkdir $_ or die "$_: $!" for $units, "$units/nginx.service.d";
system("cp '$root->{root}/lib/systemd/system/nginx.service' '$units'"
       . " && cp conf/systemd/tgortc.conf '$units/nginx.service.d'") == 0
    or die "cp: $?";

is(`systemd-analyze verify '$units/nginx.service' 2>&1`, '',
   'systemd-analyze verify has no remarks');
is($?, 0, 'and takes it');


# --- whatever is set has its reason above

for my $group (split /\n{2,}/, $text) {
    push @{$set{$1}}, split ' ', $2 while $group =~ /^(\w+)=(.*)/mg;
    push @unexplained, $group if $group =~ /^\w+=/m && $group !~ /^#/m;
}

is("@unexplained", '', 'what is set is explained');


# --- nginx with as much as that, and no more

my $caps = join ',', '-all', map { /^CAP_(\w+)/ ? '+' . lc $1 : () }
                             @{$set{CapabilityBoundingSet}};
my $writable = join ' ', @{$set{ReadWritePaths}};
my $setpriv = "setpriv --no-new-privs --bounding-set $caps --inh-caps=-all";

like($caps, qr/\+setuid/, 'there are capabilities');
like($writable, qr/\/run/, 'and writable places');

put('/sandbox', <<"END");
set -e
for place in $writable; do
    name=\${place#-}
    [ "\$name" = "\$place" ] || [ -e "\$name" ] || continue
    mount --bind "\$name" "\$name"
done
mount -o remount,bind,ro /
mount -t tmpfs tmpfs /tmp
mount -t tmpfs -o ro tmpfs /home
! touch /usr/writable 2> /dev/null
exec $setpriv sh -ec "nginx -t -q; $daemon"
END

system('cp', $deb, $root->path('/tmp/package.deb')) == 0 or die "cp: $?";
does('dpkg -i /tmp/package.deb', 'the package');
does('test -e /usr/share/doc/libnginx-mod-http-tgortc'
     . '/examples/systemd/tgortc.conf', 'has the file');
does('cp /usr/share/doc/libnginx-mod-http-tgortc/examples/quickstart.conf'
     . ' /etc/nginx/conf.d/tgortc.conf'
     . ' && sed -i "s|127.0.0.1:6379|unix:/run/redis/redis-server.sock|"'
     . ' /etc/nginx/conf.d/tgortc.conf', 'the example');
does('sed -i "s/^# *unixsocket /unixsocket /;'
     . ' s/^# *unixsocketperm.*/unixsocketperm 770/" /etc/redis/redis.conf'
     . ' && usermod -aG redis www-data'
     . ' && service redis-server start', 'with a socket of Redis, of its group');
does('unshare --mount --propagation private sh /sandbox', 'nginx starts');
ok(wait_for(sub { ($root->sh($health))[1] eq '{"status":"ok"}' }),
   'and reaches Redis');

($master) = ($root->sh('cat /run/nginx.pid'))[1] =~ /^(\d+)/
    or BAIL_OUT('there is no nginx');

my $state = ($root->sh("cat /proc/$master/status"))[1];

like($state, qr/^NoNewPrivs:\s+1$/m, 'no new privileges');
is(unpack('%32b*', pack 'H*', $state =~ /^CapBnd:\s+(\w+)$/m),
   () = $caps =~ /\+/g, 'as many capabilities as it says');


# what ExecReload does, in the same place

my $there = "nsenter --mount --root --wd --target $master";
my %old = map { $_ => 1 } workers();

ok(scalar keys %old, 'it has workers');
does("$there $setpriv $daemon -s reload",
     'it is told to reload');
ok(wait_for(sub {
       my @now = workers();
       return @now && !grep { $old{$_} } @now;
   }), 'and has new ones');
is(($root->sh($health))[1], '{"status":"ok"}', 'which serve');


# a body in a file

put('/etc/nginx/conf.d/upload.conf', <<'END');
server {
    listen                     127.0.0.1:8081;
    client_body_in_file_only   clean;

    location / {
        proxy_pass  http://127.0.0.1:8080/api/v1/health;
    }
}
END

does("$there $setpriv $daemon -s reload",
     'with a server that keeps bodies in files');
ok(wait_for(sub {
       ($root->sh('curl -s -o /dev/null -w "%{http_code}" -d body'
                  . ' http://localhost:8081/'))[1] eq '405';
   }), 'they are written');


# the logs, as logrotate has them opened anew

does('mv /var/log/nginx/access.log /var/log/nginx/access.log.1'
     . " && kill -USR1 $master", 'the log is rotated');
ok(wait_for(sub {
       $root->sh($health);
       return slurp($root->path('/var/log/nginx/access.log')) =~ /health/;
   }), 'and a new one is written');
unlike(slurp($root->path('/var/log/nginx/error.log')),
       qr/\[(?:alert|crit|emerg)\]/, 'nothing was refused on the way');

does("kill -QUIT $master", 'it is told to stop');
ok(wait_for(sub { ($root->sh("test -e /proc/$master"))[0] }), 'and does');

done_testing();
