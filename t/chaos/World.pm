package World;

# Copyright (C) TgoRTC contributors
#
# Two nginx, what they have of Redis (Store.pm), two endpoints (and a third that
# comes and goes), a stand-in for LiveKit; and what can be done to them.

use strict;
use warnings;

use JSON::PP;
use TgoRTC::Clock;
use TgoRTC::Endpoint;
use TgoRTC::Live;
use Time::HiRes qw(sleep time);

use LiveKit;
use Load;
use Store;

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

# seconds: no breaker stays open longer, nor does LiveKit's age
my $SETTLE = 75;

# seconds: how often it is asked whether a fault is over, how long at the end
my ($AGAIN, $HEALED) = (0.1, 30);


# Options: "file" of the history, "seed", "seconds", "redis" (single or
# sentinels), "fsync" of it.

sub new {
    my ($class, %option) = @_;
    my $self = bless { %option, killed => {}, notes => [] }, $class;

    unlink $option{file};
    open $self->{history}, '>>', $option{file} or die "$option{file}: $!";
    $self->{history}->autoflush(1);

    $self->{store} = Store->new($option{redis}, $option{fsync});
    $self->{apps} = [map { endpoint() } 1 .. 3];
    $self->{livekit} = endpoint(server => 'LiveKit');
    $self->{nginx} = [map { $self->start_nginx($_) } 0, 1];

    $self->note('run', seed => 0 + $option{seed}, seconds => $option{seconds},
                redis => $option{redis}, fsync => $option{fsync},
                ring => $RING, join => $JOIN, grace => $GRACE, age => $AGE,
                timeout => $REDIS_TIMEOUT,
                hook_timeout => $HOOK_TIMEOUT, in_flight => $IN_FLIGHT,
                workers => $WORKERS, apps => ['one', 'two'], extra => 'three');

    $self->measure('start');

    return $self;
}


# What all processes have when nothing is under way: descriptors (of the workers
# of each nginx; of all Redis), memory (bytes; of each worker; of Redis).

sub measure {
    my ($self, $when) = @_;

    $_->idle_fds for @{$self->{nginx}};

    my @pids = map { $_->pids } @{$self->{nginx}};

    $self->note('quiet', when => $when, fds => $self->worker_fds,
                memory => [map { 1024 * rss($_) } @pids],
                redis_fds => $self->{store}->fds,
                redis_memory => 0 + $self->{store}->memory);
}


# Without the connections to endpoints, which are kept for the next event.

sub worker_fds {
    my ($self) = @_;
    my %port = map { $_->{port} => 1 } @{$self->{apps}}, $self->{livekit};
    my (%kept, @fds);

    for (split /\n/, slurp('/proc/net/tcp')) {
        my ($remote, $inode) = (split)[2, 9];
        my ($port) = $remote =~ /:(\w+)$/ or next;

        $kept{"socket:[$inode]"} = 1 if $port{hex $port};
    }

    for my $nginx (@{$self->{nginx}}) {
        my @open = map { glob "/proc/$_/fd/*" } $nginx->pids;

        push @fds, scalar grep { !$kept{readlink $_ || ''} } @open;
    }

    return \@fds;
}


sub note {
    my ($self, $kind, %what) = @_;

    syswrite $self->{history}, $json->encode({ k => $kind, %what }) . "\n";
}


sub start_nginx {
    my ($self, $i) = @_;
    my $clock = TgoRTC::Clock->new(TgoRTC::Live::Nginx::binary(), '-v');
    my $env = $clock ? $clock->env : {};

    my $nginx = nginx(
        redis => $self->{store}->address($i) . " timeout=${REDIS_TIMEOUT}s",
        listen => '', workers => $WORKERS, log_level => 'notice', later => 1,
        main => join('', map { "env $_;\n" } sort keys %$env), env => $env,
        server => <<'END');
location = /api/v1/webhooks/livekit {
    tgortc_livekit_webhook;
}
location /api/v1/webhooks/logs {
    tgortc_webhook_logs;
}
END

    $nginx->{clock} = $clock;
    $nginx->{choice} = 0;
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

    return $hooks . $self->{store}->directives
        . 'tgortc_livekit_api ' . $self->{livekit}->url('/') . ";\n"
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
            push @later, [time - $start + $AGAIN, $what] if !$what->();
            next;
        }

        my $heal = $self->strike($what) or next;

        push @later, [time - $start + $what->{for}, $heal];
    }

    for my $heal (grep { ref $_ eq 'CODE' } map { $_->[1] } @later) {
        wait_for($heal, $HEALED);
    }

    # all have the endpoint that comes and goes, so that it gets the rest

    for my $nginx (grep { $_->{choice} < 2 } @{$self->{nginx}}) {
        $self->configure($nginx, 2);
        $nginx->reload(20);
    }

    $load->finish;

    # who could not tell that he left goes now

    ask({ port => $self->{livekit}{port}, method => 'PUT', path => '/' });
    $self->note('gone', e => time);
    $self->settle;
    $self->measure('end');
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


# Begins a fault; what ends it, and says whether it is over.  Both are noted
# together, with their times.  Nothing befalls Redis before it is in order again
# after the fault before.

sub strike {
    my ($self, $fault) = @_;
    my ($what, $how) = $fault->{kind} =~ /^(\w+)\.(\w+)$/;
    my $method = "${what}_$how";
    my $it = $self->can($method) ? $self : $self->{store};
    my $is_redis = $what =~ /^(?:redis|replica)$/;
    my $since = time;
    my $heal = (!$is_redis || $it->in_order) && $it->$method($fault);
    my %note = (kind => $fault->{kind}, target => $fault->{target},
                choice => $fault->{choice}, b => $since);

    if (!ref $heal) {
        $self->note('fault', %note, e => time,
                    $heal ? () : (skipped => JSON::PP::true));
        return;
    }

    # should the run end before the fault does

    $self->note('begin', %note);

    my $ended;

    return sub {
        $heal->() if !$ended++;
        return if $is_redis && !$it->in_order;
        $self->note('fault', %note, e => time);

        return 1;
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

    $self->configure($nginx, $fault->{choice});
    $nginx->signal('HUP');

    return 1;
}


sub configure {
    my ($self, $nginx, $choice) = @_;

    $nginx->{choice} = $choice;
    $nginx->{http} = $self->settings($choice);
    $nginx->write_conf;
}


sub nginx_clock {
    my ($self, $fault) = @_;

    my $clock = $self->{nginx}[$fault->{target}]{clock} or return;

    $clock->set($fault->{choice});

    return sub { $clock->set(0) };
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

    $_->stop for @{$self->{nginx}}, @{$self->{apps}}, $self->{livekit},
                 $self->{store};
}


# Waits until nothing is left to do, or it has taken too long.

sub settle {
    my ($self) = @_;

    my $done = wait_for(sub {
        sleep 0.2;
        return if !$self->{store}->in_order;

        my $left = $self->left;

        return !grep { @$_ } values %$left;
    }, $SETTLE);

    $self->note('end', e => time, %{$self->left});

    return $done;
}


# What is still in Redis that has to go by itself.

sub left {
    my ($self) = @_;
    my $redis = $self->{store}->primary;
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
    my $redis = $self->{store}->primary;

    $_->await_answers for @{$self->{apps}};

    for my $key (@{$redis->command('KEYS', '{tgortc}:room:*')}) {
        my $room = $redis->command('EVAL', <<'END', 1, $key) or next;
local room = cmsgpack.unpack(redis.call('GET', KEYS[1]))
local reply = { room[2], string.format('%.0f', room[6]),
                string.format('%.0f', room[9]), room[11] }

for _, member in ipairs(room[13]) do
    reply[#reply + 1] = member[1]
    reply[#reply + 1] = tostring(member[2])
end

return reply
END

        my ($status, $created, $ended, $seq, @members) = @$room;

        $self->note('room', room => $key =~ s/^.*?:room://r,
                    status => 0 + $status, created => $created / 1000,
                    ended => $ended / 1000, seq => 0 + $seq,
                    members => { @members });
    }

    for my $i (0, 1) {
        my $nginx = $self->{nginx}[$i];
        my $quit = $nginx->quit;

        $self->note('log', nginx => $i, line => 'it does not end') if !$quit;
        $self->note('log', nginx => $i, line => $_)
            for split /\n/, $nginx->trouble;
    }

    # besides ours, those of sentinels and between primary and replica

    my @clients = grep { !/ name=sentinel-| flags=[SM]/ }
                  split /\n/, $redis->command('CLIENT', 'LIST');

    $self->note('log', nginx => 0, line => "a connection to Redis: $_")
        for @clients > 1 ? @clients : ();
    $self->note('switch', b => $_, e => $_) for $self->{store}->switches;

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


1;
