package TgoRTC::Replicas;

# Copyright (C) TgoRTC contributors
#
# For the tests in t/live: a Redis with replicas and sentinels, a load that
# remembers what it was told, and what may be asked of it afterwards.

use strict;
use warnings;

use Exporter 'import';
use POSIX ();
use TgoRTC::Live;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(replicated sentinel load asked);

our @ISA = 'TgoRTC::Live::Redis';


# A primary with replicas that are in step, each a Redis with a port and with
# the options that "each" returns for it.

sub replicated {
    my ($replicas, %option) = @_;
    my @redis;

    for (0 .. $replicas) {
        my $port = free_port();
        my @of = @redis ? ('--replicaof', '127.0.0.1', $redis[0]{port})
                        : ();
        my %more = $option{each} ? $option{each}->() : ();

        push @redis, redis(port => $port, %more,
                           args => [@{$more{args} || []}, @of]);
    }

    for my $replica (@redis[1 .. $replicas]) {
        wait_for(sub {
            $replica->command('INFO', 'replication')
                =~ /master_link_status:up/
        }) or die "a replica is not in step\n";
    }

    return @redis;
}


# A command to a Redis that may have closed the connection meanwhile, as one
# does whose role changes.

sub asked {
    my ($redis, @args) = @_;
    my $reply;

    return $reply if eval { $reply = $redis->command(@args); 1 };
    die $@ if $@ !~ /closed the connection/;

    return $redis->command(@args);
}


# A sentinel of that primary; several know one another by it.  It has to see a
# new primary's first answer in time, which it asks for a second later.

sub sentinel {
    my ($primary, %option) = @_;
    my $dir = TgoRTC::Live::name('sentinel');
    my $port = free_port();
    my $quorum = $option{quorum} || 1;

    mkdir $dir or die "$dir: $!";

    open my $conf, '>', "$dir/conf" or die "$dir: $!";
    print $conf <<"END", map { "$_\n" } @{$option{conf} || []};
port $port
bind 127.0.0.1
unixsocket $dir/sock
dir $dir
sentinel monitor calls 127.0.0.1 $primary->{port} $quorum
sentinel down-after-milliseconds calls 1500
sentinel failover-timeout calls 3000
END
    close $conf;

    my $self = bless { dir => $dir, path => "$dir/sock", port => $port,
                       address => "127.0.0.1:$port" }, __PACKAGE__;

    $self->start;

    return TgoRTC::Live::remember($self);
}


sub start {
    my ($self) = @_;

    $self->{pid} = TgoRTC::Live::spawn(sub {
        exec 'redis-server', "$self->{dir}/conf", '--sentinel'
            or die "redis-server: $!";
    }, "$self->{dir}/log");

    wait_for(sub { eval { $self->command('PING'); 1 } || $@ =~ /NOAUTH/ })
        or die 'sentinel: ' . slurp("$self->{dir}/log");
}


# the port of the primary, as this sentinel knows it

sub primary {
    my ($self) = @_;

    return $self->command('SENTINEL', 'get-master-addr-by-name', 'calls')->[1];
}


# whether it knows so many replicas and other sentinels, and could replace the
# primary

sub knows {
    my ($self, $replicas, $sentinels) = @_;

    return wait_for(sub { $self->is_ready($replicas, $sentinels) }, 30);
}


sub is_ready {
    my ($self, $replicas, $sentinels) = @_;

    my %primary = @{$self->command('SENTINEL', 'MASTER', 'calls')};
    my @usable = grep {
        my %replica = @$_;
        $replica{'master-link-status'} eq 'ok'
    } @{$self->command('SENTINEL', 'REPLICAS', 'calls')};

    return $primary{flags} eq 'master' && @usable == $replicas
           && $primary{'num-other-sentinels'} == $sentinels;
}


# when it said that another is the primary, in seconds since 1970, and the port
# of that one

sub switches {
    my ($self) = @_;
    my $log = slurp("$self->{dir}/log");
    my (%month, @switches);

    @month{qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec)} = 0 .. 11;

    while ($log =~ /(\d+)\ (\w+)\ (\d+)\ (\d+):(\d+):([\d.]+)\ \#
                    \ \+switch-master\ .*\ (\d+)$/gmx)
    {
        my $at = POSIX::mktime(int $6, $5, $4, $1, $month{$2}, $3 - 1900,
                               0, 0, -1) + $6 - int $6;

        push @switches, [$at, $7];
    }

    return @switches;
}


# when it last said so; 0: never

sub switched {
    my ($self) = @_;
    my $last = ($self->switches)[-1];

    return $last ? $last->[0] : 0;
}


# Creates rooms from several clients, one after the other each, for that many
# seconds.  Returns what became of each: id, status, when it was answered; and
# what was wrong with answers that are neither 200 nor a proper 503.  With close
# each has a connection of its own, as it has to where nginx is reloaded.  With
# leave the rooms of that list are left in its place, until none is left.

sub load {
    my ($nginx, $seconds, %option) = @_;
    my $begin = time;
    my (@told, %wrong);

    my $record = sub {
        my ($id, $response) = @_;
        my $why = $response->{status} == 200 ? ''
                  : unavailable($response, $option{limit} || 5);

        push @told, { id => $id, status => $response->{status},
                      at => time, took => $response->{time} };
        $wrong{$why}++ if $why ne '';
    };

    my $number = 0;
    my $name = $option{name} || 'load';

    my @agents = map {
        my $me = $_;
        my $id;

        sub {
            my ($response) = @_;

            $record->($id, $response) if $response;
            return if time - $begin > $seconds;

            $id = "$name-$me-" . $number++;

            if ($option{leave}) {
                $id = shift @{$option{leave}} or return;
            }

            my $request = $option{leave} ? $nginx->leave($id, "$id.a")
                          : $nginx->create($id, "$id.a", "$id.b");

            return { %$request,
                     keepalive => !$option{close},
                     after => time - $begin + 0.01 };
        }
    } 1 .. $option{clients} || 8;

    # each is told how the load fares until then
    my @at = map { my ($when, $what) = @$_; [$when, sub { $what->(\@told) }] }
                 @{$option{at} || []};

    drive(\@agents, at => \@at, deadline => $seconds + 30);

    return (\@told, join ', ', map { "$_ ($wrong{$_})" } sort keys %wrong);
}


1;
