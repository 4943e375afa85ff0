package TgoRTC::Bench;

# Copyright (C) TgoRTC contributors
#
# For the tools in t/bench: requests as they are sent, clients that send them
# and wait for each answer, rows of a table in Markdown, CPU times.

use strict;
use warnings;

use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use TgoRTC::Calls ();
use TgoRTC::Live qw(slurp);

our @EXPORT = qw(cpu row play bytes livekit machine);

my $json = JSON::PP->new->canonical->utf8;
my $tick = 0 + `getconf CLK_TCK`;


# seconds that a process has used, user and system

sub cpu {
    my ($pid) = @_;
    my @stat = split ' ', slurp("/proc/$pid/stat");

    return ($stat[13] + $stat[14]) / $tick;
}


sub row { print '| ', join(' | ', @_), " |\n" }


# the day, and what is measured with, as in run.sh

sub machine {
    my ($model) = slurp('/proc/cpuinfo') =~ /^model name.*: (.*)/m;
    my ($redis) = `redis-server --version` =~ /(v=\S+)/;
    my $binary = TgoRTC::Live::Nginx::binary();
    my ($nginx) = `$binary -v 2>&1` =~ m{(nginx/\S+)};
    my $day = `date -u +%Y-%m-%d`;

    chomp($day, my $processors = `nproc`);
    $model = `uname -m` =~ s/\n//r if !defined $model;

    return "$day, $processors × $model, $nginx, Redis $redis";
}


# requests as bytes, on connections that are kept

sub bytes {
    return map { TgoRTC::Live::request_bytes({ %$_, keepalive => 1 }) } @_;
}


# what LiveKit says of a room, or of somebody in it; ids as long as its own are

my $events = 0;

sub sid { return substr '0' x 12 . $_[0], -12 }


sub livekit {
    my ($nginx, $event, $room, $uid) = @_;

    my $now = int time;
    my %data = (event => $event, createdAt => "$now",
                id => sprintf('EV_%012d', ++$events),
                room => { sid => 'RM_' . sid($room), name => $room });

    $data{participant} = { sid => 'PA_' . sid($uid), identity => $uid,
                           state => 'ACTIVE', joinedAtMs => "${now}000" }
        if defined $uid;

    my $body = $json->encode(\%data);

    return {
        port => $nginx->{port}, method => 'POST', body => $body,
        path => '/api/v1/webhooks/livekit',
        head => ['Content-Type: application/webhook+json',
                 'Authorization: ' . TgoRTC::Calls::token($body)]
    };
}


# Lists of requests as bytes, shared out among clients: each makes its lists one
# after the other.  Every answer has to be 200.

sub play {
    my ($port, $clients, @lists) = @_;
    my $select = IO::Select->new;
    my %left;

    for my $i (0 .. $clients - 1) {
        my @mine = map { @{$lists[$_]} }
                       grep { $_ % $clients == $i } 0 .. $#lists or next;
        my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
            or die "connect: $!";

        $left{$socket} = \@mine;
        $select->add($socket);
        syswrite $socket, shift @mine;
    }

    while ($select->count) {
        for my $socket ($select->can_read) {
            sysread $socket, my $data, 65536;
            die "a request failed: $data" if $data !~ m{^HTTP/1.1 200 };

            if (my $next = shift @{$left{$socket}}) {
                syswrite $socket, $next;
            } else {
                $select->remove($socket);
                close $socket;
            }
        }
    }
}


1;
