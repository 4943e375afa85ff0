package World;

# Copyright (C) TgoRTC contributors
#
# Two nginx on one Redis, two endpoints (and a third that comes and goes), a
# stand-in for LiveKit; and what can be done to them.

use strict;
use warnings;

use JSON::PP;
use TgoRTC::Endpoint;
use TgoRTC::Live;
use Time::HiRes qw(sleep time);

use LiveKit;
use Load;

my $json = JSON::PP->new->canonical->utf8;

# what is configured; seconds, the second of two is that of some reloads

my $RING = [2, 2.6];
my $JOIN = [2.5, 3.2];
my $GRACE = 1.2;
my $AGE = 10;
my $REDIS_TIMEOUT = 1;
my $HOOK_TIMEOUT = 1.5;
my $IN_FLIGHT = 8;
my $WORKERS = 2;

my $CALLERS = 12;
my $DISK = '48m';

# seconds: no breaker stays open longer, nor does LiveKit's age
my $SETTLE = 75;


# Options: "file" of the history, "seed", "seconds", "fsync" (always, everysec,
# no: without an append-only file).

sub new {
    my ($class, %option) = @_;
    my $self = bless { %option, killed => {}, notes => [] }, $class;

    unlink $option{file};
    open $self->{history}, '>>', $option{file} or die "$option{file}: $!";
    $self->{history}->autoflush(1);

    $self->start_redis;
    $self->{apps} = [map { endpoint() } 1 .. 3];
    $self->{livekit} = endpoint(server => 'LiveKit');
    $self->{links} = [map { proxy($self->{redis}) } 0, 1];
    $self->{nginx} = [map { $self->start_nginx($_) } 0, 1];

    $self->note('run', seed => 0 + $option{seed}, seconds => $option{seconds},
                fsync => $option{fsync}, ring => $RING, join => $JOIN,
                grace => $GRACE, age => $AGE, timeout => $REDIS_TIMEOUT,
                hook_timeout => $HOOK_TIMEOUT, in_flight => $IN_FLIGHT,
                workers => $WORKERS, apps => ['one', 'two'], extra => 'three');

    return $self;
}


sub note {
    my ($self, $kind, %what) = @_;

    syswrite $self->{history}, $json->encode({ k => $kind, %what }) . "\n";
}


# What makes a process see another time: as the file says, which is read again
# each second.

# Redis bears no such thing: its allocator asks for the time before the library
# is ready.

sub clock {
    my ($name) = @_;
    my ($library) = glob '/usr/lib/*/faketime/libfaketime.so.1';

    return if !defined $library;

    my $file = TgoRTC::Live::name("clock-$name");
    set_clock($file, 0);

    return { file => $file, env => {
        LD_PRELOAD => $library, FAKETIME_TIMESTAMP_FILE => $file,
        FAKETIME_DONT_FAKE_MONOTONIC => 1, FAKETIME_CACHE_DURATION => 1,
        FAKETIME_DONT_RESET => 1
    } };
}


sub set_clock {
    my ($file, $offset) = @_;

    open my $fh, '>', "$file.new" or die "$file: $!";
    printf $fh "%+.1f\n", $offset;
    close $fh;
    rename "$file.new", $file or die "$file: $!";
}


# Redis on a small disk of its own where one can be mounted: in a namespace
# that ends with the run.

sub start_redis {
    my ($self) = @_;
    my @args = $self->{fsync} eq 'no' ? ()
               : ('--appendonly', 'yes', '--appendfsync', $self->{fsync},
                  '--auto-aof-rewrite-min-size', '12mb');

    my $disk = TgoRTC::Live::name('disk');

    mkdir $disk or die "$disk: $!";
    $self->{disk} = World::Disk::mount($disk, $DISK) if $ENV{CHAOS_MOUNTS};
    $self->{redis} = redis(args => [@args, '--dir', $disk]);
}


sub start_nginx {
    my ($self, $i) = @_;
    my $clock = clock("nginx$i");

    my $nginx = nginx(
        redis => $self->{links}[$i]{address} . " timeout=${REDIS_TIMEOUT}s",
        listen => '', workers => $WORKERS, log_level => 'notice', later => 1,
        main => join('', map { "env $_;\n" } sort keys %{$clock->{env} || {}}),
        env => $clock->{env} || {}, server => <<'END');
location = /api/v1/webhooks/livekit {
    tgortc_livekit_webhook;
}
location /api/v1/webhooks/logs {
    tgortc_webhook_logs;
}
END

    $nginx->{clock} = $clock;
    $nginx->{http} = $self->settings(0);
    $nginx->start;

    return $nginx;
}


# Of four configurations one; the last two have the endpoint that comes and
# goes, every second one has other times.

sub settings {
    my ($self, $choice) = @_;
    my @names = qw(one two three);
    my $slow = $choice % 2;

    my $hooks = join '', map {
        $self->{apps}[$_]->hook("/$names[$_]", "name=$names[$_] "
            . "timeout=" . 1000 * $HOOK_TIMEOUT . "ms "
            . "max_in_flight=$IN_FLIGHT");
    } 0 .. ($choice < 2 ? 1 : 2);

    return $hooks . 'tgortc_livekit_api ' . $self->{livekit}->url('/') . ";\n"
        . "tgortc_webhook_retry delays=200ms,500ms,1s max_age=1h;\n"
        . sprintf "tgortc_ring_timeout %dms;\ntgortc_join_timeout %dms;\n"
                  . "tgortc_rejoin_grace %dms;\ntgortc_room_max_age %dms;\n",
                  map { 1000 * $_ } $RING->[$slow], $JOIN->[$slow], $GRACE,
                                    $AGE;
}


# --- the run

sub run {
    my ($self, @faults) = @_;
    my @later = map { [$_->{at}, $_] } @faults;

    my $load = Load::start(
        nginx => $self->{nginx}, livekit => $self->{livekit}{port},
        file => $self->{file}, seed => $self->{seed}, callers => $CALLERS
    );
    my $watchdog = $self->watchdog;
    my $start = time;

    push @later, [$self->{seconds}, undef];

    while (@later) {
        @later = sort { $a->[0] <=> $b->[0] } @later;

        my ($at, $what) = @{shift @later};
        my $wait = $start + $at - time;

        sleep $wait if $wait > 0;
        last if !$what;

        if (ref $what eq 'CODE') {
            $what->();
            next;
        }

        my $heal = $self->strike($what) or next;

        push @later, [time - $start + $what->{for}, $heal];
        @later = sort { $a->[0] <=> $b->[0] } @later;
    }

    $_->[1] && ref $_->[1] eq 'CODE' && $_->[1]->() for @later;

    # all have the endpoint that comes and goes again, so that it gets the rest

    for my $nginx (@{$self->{nginx}}) {
        $nginx->{http} = $self->settings(2);
        $nginx->write_conf;
        $nginx->reload(20);
    }

    $load->finish;

    # who could not tell that he left goes now

    ask({ port => $self->{livekit}{port}, method => 'PUT', path => '/' });
    $self->note('gone', e => time);
    $self->settle;
    $self->note('stall', %$_) for @{$watchdog->finish->{stalls} || []};
    $self->collect;
}


# How long nobody ran on this machine who had asked for it.

sub watchdog {
    return background(sub {
        my ($go_on) = @_;
        my @stalls;

        while ($go_on->()) {
            my $since = time;
            sleep 0.02;

            my $now = time;

            push @stalls, { b => $since, e => $now } if $now - $since > 0.08;
        }

        return { stalls => \@stalls };
    });
}


# Begins a fault; what ends it.  Both are noted together, with their times.

sub strike {
    my ($self, $fault) = @_;
    my ($what, $how) = $fault->{kind} =~ /^(\w+)\.(\w+)$/;
    my $method = "${what}_$how";
    my $since = time;
    my $heal = $self->$method($fault);
    my %note = (kind => $fault->{kind}, target => $fault->{target},
                choice => $fault->{choice}, b => $since);

    if (!ref $heal) {
        $self->note('fault', %note, e => time,
                    $heal ? () : (skipped => JSON::PP::true));
        return;
    }

    # should the run end before the fault does

    $self->note('begin', %note);

    return sub {
        $heal->();
        $self->note('fault', %note, e => time);
    };
}


sub kill_pid {
    my ($self, $signal, $pid) = @_;

    kill $signal => $pid;
    $self->note('killed', pid => 0 + $pid) if $signal eq 'KILL';
}


sub worker_kill {
    my ($self, $fault) = @_;
    my @pids = $self->{nginx}[$fault->{target}]->pids;

    $self->kill_pid(KILL => $pids[$fault->{choice} % @pids]) if @pids;

    return 1;
}


sub worker_stop {
    my ($self, $fault) = @_;
    my @pids = $self->{nginx}[$fault->{target}]->pids or return;
    my $pid = $pids[$fault->{choice} % @pids];

    $self->kill_pid(STOP => $pid);

    return sub { $self->kill_pid(CONT => $pid) };
}


sub nginx_kill {
    my ($self, $fault) = @_;
    my $nginx = $self->{nginx}[$fault->{target}];

    TgoRTC::Live::kill_group(delete $nginx->{pid});

    return sub { $nginx->restart };
}


sub master_kill {
    my ($self, $fault) = @_;
    my $nginx = $self->{nginx}[$fault->{target}];

    $self->kill_pid(KILL => $nginx->{pid});

    return sub { $nginx->restart };
}


sub nginx_stop {
    my ($self, $fault) = @_;
    my $pid = $self->{nginx}[$fault->{target}]{pid};

    kill STOP => -$pid;

    return sub { kill CONT => -$pid };
}


sub nginx_reload {
    my ($self, $fault) = @_;
    my $nginx = $self->{nginx}[$fault->{target}];

    $nginx->{http} = $self->settings($fault->{choice});
    $nginx->write_conf;
    $nginx->signal('HUP');

    return 1;
}


sub nginx_clock {
    my ($self, $fault) = @_;

    my $clock = $self->{nginx}[$fault->{target}]{clock} or return;

    set_clock($clock->{file}, $fault->{choice});

    return sub { set_clock($clock->{file}, 0) };
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


sub redis_kill {
    my ($self) = @_;
    my $redis = $self->{redis};

    $redis->stop;

    return sub { $redis->start };
}


sub redis_stop {
    my ($self) = @_;
    my $redis = $self->{redis};

    $redis->signal('STOP');

    return sub { $redis->signal('CONT') };
}


sub redis_flush { return $_[0]->tell_redis('SCRIPT', 'FLUSH') }
sub redis_clients { return $_[0]->tell_redis('CLIENT', 'KILL', 'TYPE',
                                             'normal') }


sub tell_redis {
    my ($self, @command) = @_;

    return eval { $self->{redis}->command(@command); 1 };
}


# It may still delete.

sub redis_full {
    my ($self) = @_;

    $self->tell_redis('CONFIG', 'SET', 'maxmemory', '500kb') or return;

    return sub { $self->tell_redis('CONFIG', 'SET', 'maxmemory', 0) };
}


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


sub app_kill {
    my ($self, $fault) = @_;
    my $app = $self->{apps}[$fault->{target}];

    $app->stop;

    return sub { $app->start };
}


sub app_stop { return stop_process($_[0]{apps}[$_[1]{target}]) }
sub livekit_stop { return stop_process($_[0]{livekit}) }


sub stop_process {
    my ($process) = @_;

    kill STOP => $process->{pid};

    return sub { kill CONT => $process->{pid} };
}


sub app_fail { return $_[0]->app_answers($_[1], { status => 500 }) }
sub app_slow { return $_[0]->app_answers($_[1], { delay => $_[1]{choice} }) }
sub app_close { return $_[0]->app_answers($_[1], { close => 1 }) }


sub app_answers {
    my ($self, $fault, $answer) = @_;
    my $app = $self->{apps}[$fault->{target}];

    $app->answer({ answers => [$answer] });

    return sub { $app->answer };
}


sub livekit_fail {
    my ($self) = @_;

    $self->{livekit}->answer({ path => 'twirp',
                               answers => [{ status => 500 }] });

    return sub { $self->{livekit}->answer };
}


# --- the end

# Ends all that it started.

sub stop {
    my ($self) = @_;

    $_->stop for @{$self->{nginx}}, @{$self->{links}}, @{$self->{apps}},
                 $self->{livekit}, $self->{redis};
    $self->{disk}->stop if $self->{disk};
}


# Waits until nothing is left to do, or it has taken too long.

sub settle {
    my ($self) = @_;

    my $done = wait_for(sub {
        my $left = $self->left;

        sleep 0.2;
        return !grep { @$_ } values %$left;
    }, $SETTLE);

    $self->note('end', e => time, %{$self->left});

    return $done;
}


# What is still in Redis that has to go by itself.

sub left {
    my ($self) = @_;
    my $redis = $self->{redis};
    my $users = $redis->users;

    return {
        users => [map { "$_ in $users->{$_}" } sort keys %$users],
        deadlines => [$redis->deadlines],
        queues => $redis->command('KEYS', '{tgortc}:queue:*'),
        due => [map { s/^\{tgortc\}://r }
                @{$redis->command('KEYS', '{tgortc}:due:*')}],
        ringing => $redis->command('KEYS', '{tgortc}:ringing')
    };
}


sub collect {
    my ($self) = @_;
    my $redis = $self->{redis};

    $_->await_answers for @{$self->{apps}};

    for my $key (@{$redis->command('KEYS', '{tgortc}:room:*')}) {
        my $room = $redis->command('EVAL', <<'END', 1, $key) or next;
local room = cmsgpack.unpack(redis.call('GET', KEYS[1]))
return { room[2], string.format('%.0f', room[6]),
         string.format('%.0f', room[9]), room[11] }
END

        $self->note('room', room => $key =~ s/^.*?:room://r,
                    status => 0 + $room->[0], created => $room->[1] / 1000,
                    ended => $room->[2] / 1000, seq => 0 + $room->[3]);
    }

    for my $i (0, 1) {
        my $nginx = $self->{nginx}[$i];
        my $quit = $nginx->quit;

        $self->note('log', nginx => $i, line => 'it does not end') if !$quit;
        $self->note('log', nginx => $i, line => $_)
            for split /\n/, $nginx->trouble;
    }

    # our own connection is one

    my $clients = wait_for(sub {
        () = $redis->command('CLIENT', 'LIST', 'TYPE', 'normal') =~ /^id=/mg;
    }) && (() = $redis->command('CLIENT', 'LIST') =~ /^id=/mg);

    $self->note('log', nginx => 0, line => "$clients connections to Redis")
        if $clients > 1;

    for my $i (0 .. 2) {
        for my $request ($self->{apps}[$i]->requests) {
            my $body = $request->json;

            $self->note('event', app => (qw(one two three))[$i],
                b => $request->{time}, e => $request->{answered},
                status => 0 + ($request->{status} || 0),
                room => $request->{room}, seq => 0 + $request->{seq},
                id => $request->{id}, type => $request->{type},
                uid => $request->{uid}, state => $body->{status},
                at => 0 + $request->{head}{'x-timestamp'});
        }
    }

    close $self->{history};
}


# A small file system in memory.

package World::Disk;

use strict;
use warnings;


sub mount {
    my ($dir, $size) = @_;

    system('mount', '-t', 'tmpfs', '-o', "size=$size,mode=755", 'chaos',
           $dir) == 0 or return;

    return TgoRTC::Live::remember(bless { dir => $dir }, 'World::Disk');
}


sub stop {
    my ($self) = @_;
    my $dir = delete $self->{dir} or return;

    system('umount', $dir);
}


1;
