#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# What t/browser/newcomer.t does, with the package: the commands of README.md,
# as they stand there, in a Debian where nginx and Redis are installed and do
# not run, as "make deb" leaves them.  In the end it is removed as
# docs/packages.md says.  node and the browser are the machine's.

use strict;
use warnings;

use Test::More;
use TgoRTC::Browser;
use TgoRTC::Live;
use TgoRTC::Pages;
use TgoRTC::Root;


my ($deb) = glob "$ENV{BUILD}/deb/libnginx-mod-http-tgortc_*.deb";

BAIL_OUT('no package: make deb') if !defined $deb;

my $root = TgoRTC::Root->new->boot;
my $home = '/root/tgortc';


sub commands {
    my ($page, $pattern) = @_;
    my @found = grep { $_->{kind} eq 'indented' && $_->{text} =~ $pattern }
                blocks($page);

    is(scalar @found, 1, "$page has the commands");

    return $found[0]{text};
}


sub does {
    my ($command, $name) = @_;
    my ($status, $said) = $root->sh("set -e; cd $home\n$command");

    return is($status, 0, $name) || (diag($said), 0)[1];
}


# there is neither a sudo nor a systemd

sub program {
    my ($name, $text) = @_;
    my $file = $root->path("/usr/bin/$name");

    open my $fh, '>', $file or die "$file: $!";
    print $fh "#!/bin/sh\n$text";
    close $fh or die "$file: $!";
    chmod 0755, $file;
}

program('sudo', 'exec "$@"');
program('systemctl', <<'END');
case $1 in
    start)
        exec service "$2" start ;;
    reload-or-restart)
        service "$2" status > /dev/null && exec service "$2" reload
        exec service "$2" start ;;
esac
echo "what is systemctl $*?" >&2
exit 1
END

system('mkdir', '-p', $root->path("$home/build/deb")) == 0 or die "mkdir: $?";
system("cp '$ENV{BUILD}'/deb/*.deb '" . $root->path("$home/build/deb") . "'")
    == 0 or die "cp: $?";


# --- installed

my $install = commands('README.md', qr/apt install/);
my $backend = commands('README.md', qr/demo-endpoint/);

like($install =~ s/^make deb\n//r, qr/\Asudo apt install \S+\n/,
     'it is made and installed');
$install =~ s/^make deb\n//;
does($install, 'what README.md says');

my $more = join '', map { $_->{text} } grep { $_->{kind} eq 'indented' }
                    blocks('docs/packages.md');

for my $command (split /(?<!\\)\n/, "$install$backend") {
    like($more, qr/^\Q$command\E$/m, 'docs/packages.md says so, too');
}


# --- tried, in a browser

my $printed = TgoRTC::Live::name('backend');
my $running;

chomp $backend;
$backend =~ s{(?=/usr/share/)}{$root->{root}};

sub start_backend {
    $running = TgoRTC::Live::spawn(sub {
        exec $root->network, 'sh', '-c', "exec $backend";
    }, $printed);

    return 1;
}

start_backend();

my ($port) = source('README.md')
             =~ m{can be tried out, on\s+http://localhost:(\d+)/swagger/};

@TgoRTC::Browser::within = $root->network;

browse('newcomer.mjs',
    ["http://127.0.0.1:$port", 'refused', 'newcomer-package'],

    kill_backend => sub { TgoRTC::Live::kill_group($running); return 1 },
    start_backend => \&start_backend,
    printed => sub { return slurp($printed) });

TgoRTC::Live::kill_group($running);
is(slurp($root->path('/var/log/nginx/error.log')), '', 'no trouble in the log');


# --- removed

does(commands('docs/packages.md', qr/apt purge/) =~ s/apt purge/apt -y purge/r,
     'what docs/packages.md says');
does('nginx -t && systemctl reload-or-restart nginx', 'nginx goes on');
like(($root->sh('curl -s http://localhost/'))[1], qr/Welcome to nginx/,
     'without it');

done_testing();
