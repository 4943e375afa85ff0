package TgoRTC::Root;

# Copyright (C) TgoRTC contributors
#
# For the tests in t/deb: a Debian of its own, in a folder, with processes, a
# network and mounts of its own.  What happens in it is not seen outside.

use strict;
use warnings;

use Fcntl qw(LOCK_EX);
use TgoRTC::Live;


my $release = 'bookworm';
my @packages = qw(nginx redis-server curl mount procps libcjson1 libcurl4);


# The archive it comes from is made once, by the first of those who want it, and
# kept in the build folder.

sub archive {
    my $archive = "$ENV{BUILD}/deb/" . join('-', 'root', @packages) . '.tar';

    open my $lock, '>', "$archive.lock" or die "$archive.lock: $!";
    flock $lock, LOCK_EX or die "flock: $!";

    if (! -e $archive) {
        system('mmdebstrap', '--quiet', '--variant=apt',
               '--include=' . join(',', @packages), $release,
               "$archive.part.tar") == 0
            or die "mmdebstrap has failed\n";
        rename "$archive.part.tar", $archive or die "rename: $!";
    }

    return $archive;
}


sub new {
    my ($class) = @_;

    my $archive = archive();
    my $root = TgoRTC::Live::name('root');

    mkdir $root or die "mkdir: $!";
    system('tar', '-xf', $archive, '-C', $root, '--exclude=./dev/*') == 0
        or die "tar has failed\n";

    # without an init, invoke-rc.d starts and stops services if it is told so

    my $policy = "$root/usr/sbin/policy-rc.d";

    open my $fh, '>', $policy or die "$policy: $!";
    print $fh "#!/bin/sh\nexit 0\n";
    close $fh or die "$policy: $!";
    chmod 0755, $policy;

    return bless { root => $root }, $class;
}


# What is in it is named from outside.

sub path { return shift->{root} . shift }


# Starts its first process, which keeps the rest together and buries the dead.

sub boot {
    my ($self) = @_;

    my $root = $self->{root};
    my $log = TgoRTC::Live::name('boot');

    my $pid = TgoRTC::Live::spawn(sub {
        exec qw(unshare --net --pid --mount --uts --ipc --fork --kill-child),
             'sh', '-ec', "
                 mount --bind '$root' '$root'
                 mount --rbind /dev '$root/dev'
                 mount -t proc proc '$root/proc'
                 mount -t tmpfs tmpfs '$root/run'
                 mkdir '$root/run/lock'
                 ip link set lo up
                 touch '$root/run/up'
                 exec chroot '$root' sh -c 'sleep infinity & wait'
             ";
    }, $log);

    wait_for(sub { ($self->{init}) = children($pid) })
        && wait_for(sub { -e "/proc/$self->{init}/root/run/up" })
        or die 'no processes, network and mounts of its own: ', slurp($log);

    return $self;
}


# A command that runs another one in its network, but of the machine's programs
# and files.

sub network {
    my ($self) = @_;

    return (qw(nsenter --net --target), $self->{init});
}


# Runs a command of the shell in it; its status, what it printed.

sub sh {
    my ($self, $command) = @_;

    my @prefix = $self->{init}
                 ? (qw(nsenter --net --pid --mount --uts --ipc --target),
                    $self->{init})
                 : ();

    my $pid = open my $pipe, '-|';
    die "fork: $!" if !defined $pid;

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDERR, '>&', \*STDOUT;
        exec @prefix, 'chroot', $self->{root}, 'env', '-i',
             'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LC_ALL=C',
             'DEBIAN_FRONTEND=noninteractive', 'sh', '-c', $command;
    }

    local $/;
    my $text = readline $pipe;
    close $pipe;

    return ($? >> 8, defined $text ? $text : '');
}


1;
