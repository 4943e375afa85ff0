package Store;

# Copyright (C) TgoRTC contributors
#
# Redis as a run has it, and what can be done to it: "single", behind a link for
# each nginx, or "sentinels", a primary with a replica and three sentinels.
# What ends a fault is returned by what begins it.

use strict;
use warnings;

use TgoRTC::Clock;
use TgoRTC::Live ();


# Which of the two, and "appendfsync" (always, everysec; "no": without an
# append-only file).

sub new {
    my ($class, $kind, $fsync) = @_;
    my $self = bless {}, $kind eq 'single' ? 'Store::Single'
                                           : 'Store::Sentinels';

    $self->{args} = $fsync eq 'no' ? []
                    : ['--appendonly', 'yes', '--appendfsync', $fsync,
                       '--auto-aof-rewrite-min-size', '12mb'];
    $self->begin;

    return $self;
}


# The options of one more Redis: "args", "env".

sub options {
    my ($self) = @_;
    my $clock = TgoRTC::Clock->new('redis-server', '--version');

    push @{$self->{clocks}}, $clock;

    return (args => $self->{args}, $clock ? (env => $clock->env) : ());
}


sub stop {
    my ($self) = @_;

    $_->stop for $self->processes;
}


# of all Redis together

sub fds {
    my ($self) = @_;
    my $sum = 0;

    $sum += TgoRTC::Live::fds($_->{pid}) for $self->servers;

    return $sum;
}


sub memory {
    my ($self) = @_;

    return $self->primary->command('INFO', 'memory') =~ /^used_memory:(\d+)/m
           ? $1 : die "no used_memory\n";
}


sub pause {
    my ($self, $process) = @_;

    $self->{away}{$process} = 1;
    $process->signal('STOP');

    return sub {
        $process->signal('CONT');
        delete $self->{away}{$process};
    };
}


sub tell {
    my ($self, @command) = @_;

    return eval { $self->primary->command(@command); 1 };
}


sub redis_flush { return $_[0]->tell('SCRIPT', 'FLUSH') }
sub redis_clients { return $_[0]->tell('CLIENT', 'KILL', 'TYPE', 'normal') }


# It may still delete.

sub redis_full {
    my ($self) = @_;
    my $redis = $self->primary;
    my $limit = sub {
        return eval { $redis->command('CONFIG', 'SET', 'maxmemory', @_); 1 };
    };

    $limit->('500kb') or return;

    return sub { $limit->(0) };
}


sub redis_clock {
    my ($self, $fault) = @_;
    my $primary = $self->primary;
    my @servers = $self->servers;
    my ($i) = grep { $servers[$_] == $primary } 0 .. $#servers;
    my $clock = $self->{clocks}[$i] or return;

    $clock->set($fault->{choice});

    return sub { $clock->set(0) };
}


package Store::Single;

use strict;
use warnings;

use POSIX ();
use TgoRTC::Live qw(redis proxy);

our @ISA = 'Store';

my $DISK = '48m';


# On a small disk of its own where one can be mounted: in a namespace that ends
# with the run.

sub begin {
    my ($self) = @_;
    my $disk = TgoRTC::Live::name('disk');
    my %option = $self->options;

    mkdir $disk or die "$disk: $!";
    $self->{disk} = Store::Disk::mount($disk, $DISK) if $ENV{CHAOS_MOUNTS};
    $self->{redis} = redis(%option, args => [@{$option{args}}, '--dir', $disk]);
    $self->{links} = [map { proxy($self->{redis}) } 0, 1];
}


sub address { return $_[0]{links}[$_[1]]{address} }
sub directives { return '' }
sub primary { return $_[0]{redis} }
sub servers { return $_[0]{redis} }
sub in_order { return 1 }
sub switches { return }


sub processes {
    my ($self) = @_;

    return (@{$self->{links}}, $self->{redis}, $self->{disk} || ());
}


sub redis_kill {
    my ($self) = @_;

    $self->{redis}->stop;

    return sub { $self->{redis}->start };
}


sub redis_stop { return $_[0]->pause($_[0]{redis}) }


# A Redis that has to write each change before it answers ends when it cannot.

sub redis_disk {
    my ($self) = @_;
    my $redis = $self->{redis};

    return if !$self->{disk};

    open my $fh, '>', "$self->{disk}{dir}/fill" or return;
    my $some = 'x' x 65536;

    while (syswrite $fh, $some) { }

    close $fh;

    return sub {
        unlink "$self->{disk}{dir}/fill";

        if (waitpid($redis->{pid}, POSIX::WNOHANG()) != 0) {
            $redis->stop;
            $redis->start;
        }
    };
}


sub link_order {
    my ($self, $fault, $order) = @_;
    my $link = $self->{links}[$fault->{target}];

    $link->tell($order);

    return sub { $link->tell('pass') };
}


sub link_cut { return $_[0]->link_order($_[1], "cut $_[1]{for}") }
sub link_delay { return $_[0]->link_order($_[1], "delay $_[1]{choice}") }
sub link_hold { return $_[0]->link_order($_[1], 'hold') }
sub link_deaf { return $_[0]->link_order($_[1], 'deaf') }
sub link_mute { return $_[0]->link_order($_[1], 'mute') }


package Store::Sentinels;

use strict;
use warnings;

use TgoRTC::Live qw(wait_for);
use TgoRTC::Replicas qw(replicated sentinel asked);

our @ISA = 'Store';

my ($SENTINELS, $QUORUM) = (3, 2);


sub begin {
    my ($self) = @_;

    push @{$self->{args}}, '--repl-diskless-sync-delay', 0;
    $self->{redis} = [replicated(1, each => sub { $self->options })];
    $self->{sentinels} = [map {
        sentinel($self->{redis}[0], quorum => $QUORUM,
                 conf => ['sentinel failover-timeout calls 1500'])
    } 1 .. $SENTINELS];
    hasten($_) for @{$self->{sentinels}};

    wait_for(sub { $self->in_order }, 30)
        or die "the sentinels do not find one another\n";
}


# A sentinel that looks often finds soon what has come back, and whether it is
# to be told whose replica it is, and takes nothing for dead that is not; one
# that was stopped does nothing for a while.  Before Redis 7 all this takes its
# time.

sub hasten {
    my ($sentinel) = @_;

    eval { $sentinel->command('SENTINEL', 'DEBUG', 'ping-period', 100,
                              'info-period', 300, 'publish-period', 300,
                              'tilt-period', 3000) };
}


sub address {
    my ($self) = @_;

    return 'sentinel:calls@' . join ',', map { $_->{address} }
                                             @{$self->{sentinels}};
}


sub directives { return "tgortc_redis_wait 1 300ms;\n" }
sub servers { return @{$_[0]{redis}} }
sub processes { return (@{$_[0]{sentinels}}, @{$_[0]{redis}}) }


# a list of a primary and its replica, as most sentinels say

sub roles {
    my ($self) = @_;
    my %votes;

    $votes{$_->primary}++ for $self->awake(@{$self->{sentinels}});

    return sort { ($votes{$b->{port}} || 0) <=> ($votes{$a->{port}} || 0) }
                $self->servers;
}


sub primary { return ($_[0]->roles)[0] }
sub awake { my $self = shift; return grep { !$self->{away}{$_} } @_ }


# Whether both Redis are what the sentinels take them for, and in step, and the
# sentinels could replace the primary.

sub in_order {
    my ($self) = @_;
    my ($primary, $replica) = $self->roles;
    my @sentinels = grep { $_->primary == $primary->{port}
                           && $_->is_ready(1, $SENTINELS - 1) }
                    $self->awake(@{$self->{sentinels}});

    return if @sentinels < $QUORUM || $self->awake($primary, $replica) != 2;

    return eval {
        my ($role, $port, $state) = @{asked($replica, 'ROLE')}[0, 2, 3];

        asked($primary, 'ROLE')->[0] eq 'master' && $role eq 'slave'
            && $port == $primary->{port} && $state eq 'connected';
    };
}


# When another became the primary.  Each sentinel says so, one that was away
# later.

sub switches {
    my ($self) = @_;
    my $port = $self->{redis}[0]{port};
    my @switches;

    for my $switch (sort { $a->[0] <=> $b->[0] }
                    map { $_->switches } @{$self->{sentinels}})
    {
        next if $switch->[1] == $port;

        push @switches, $switch->[0];
        $port = $switch->[1];
    }

    return @switches;
}


sub redis_kill {
    my ($self, $fault) = @_;
    my ($primary) = $self->roles;

    return $self->kill_redis($primary, $fault->{choice});
}


sub replica_kill {
    my ($self) = @_;
    my ($primary, $replica) = $self->roles;

    return $self->kill_redis($replica, 'replica');
}


# It comes back as what it was, which the sentinels may have to correct, or as
# a replica of the one that is the primary by then.

sub kill_redis {
    my ($self, $redis, $as) = @_;

    $self->{away}{$redis} = 1;
    $redis->stop;

    return sub {
        my ($primary) = $self->roles;

        $redis->start('--replicaof', $as eq 'primary' || $primary == $redis
                                     ? ('no', 'one')
                                     : ('127.0.0.1', $primary->{port}));
        delete $self->{away}{$redis};
    };
}


# by the operator: the old primary serves on until it is told

sub redis_failover {
    my ($self) = @_;
    my ($sentinel) = $self->awake(@{$self->{sentinels}});

    eval { $sentinel->command('SENTINEL', 'FAILOVER', 'calls') } or return;

    return sub { };
}


sub redis_stop { return $_[0]->pause(($_[0]->roles)[0]) }
sub replica_stop { return $_[0]->pause(($_[0]->roles)[1]) }


sub sentinel_kill {
    my ($self, $fault) = @_;
    my $sentinel = $self->{sentinels}[$fault->{target}];

    return if $self->awake(@{$self->{sentinels}}) == 1;

    $self->{away}{$sentinel} = 1;
    $sentinel->stop;

    return sub {
        $sentinel->start;
        hasten($sentinel);
        delete $self->{away}{$sentinel};
    };
}


sub sentinel_stop {
    my ($self, $fault) = @_;

    return if $self->awake(@{$self->{sentinels}}) == 1;

    return $self->pause($self->{sentinels}[$fault->{target}]);
}


# A small file system in memory.

package Store::Disk;

use strict;
use warnings;


sub mount {
    my ($dir, $size) = @_;

    system('mount', '-t', 'tmpfs', '-o', "size=$size,mode=755", 'chaos',
           $dir) == 0 or return;

    return TgoRTC::Live::remember(bless { dir => $dir }, 'Store::Disk');
}


sub stop {
    my ($self) = @_;
    my $dir = delete $self->{dir} or return;

    system('umount', $dir);
}


1;
