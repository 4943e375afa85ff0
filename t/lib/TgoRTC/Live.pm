package TgoRTC::Live;

# Copyright (C) TgoRTC contributors
#
# For the tests in t/live: real servers, started and stopped, and many clients
# at once.  What is started here runs in process groups of its own and is
# killed when the test ends, in whatever way it does.

use strict;
use warnings;

use Errno ();
use Exporter 'import';
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP;
use List::Util ();
use POSIX ();
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
    redis nginx fake proxy background
    ask fire drive count_by_status unavailable
    wait_for free_port slurp sanitized children fds rss
    read_command
);


my $json = JSON::PP->new->canonical->utf8->allow_nonref;
my $owner = $$;
my (@started, $guard, $tmp, $names);


# --- processes

# under sanitizers and valgrind memory grows and everything takes longer

sub sanitized {
    return $ENV{TEST_NGINX_SANITIZED} || $ENV{TEST_NGINX_USE_VALGRIND};
}


sub wait_for {
    my ($code, $seconds) = @_;
    my $deadline = time + ($seconds || 20);

    for ( ;; ) {
        my $value = $code->();

        return $value if $value || time > $deadline;
        sleep 0.01;
    }
}


sub tmp {
    if (!defined $tmp) {
        $tmp = tempdir('tgortc-live.XXXXXX', TMPDIR => 1);
        chmod 0755, $tmp;
    }

    return $tmp;
}


sub name {
    return sprintf '%s/%s%d', tmp(), shift, ++$names;
}


# Should the test be killed, this kills what it has started.

sub guard {
    return if defined $guard;

    my $dir = tmp();

    pipe(my $in, $guard) or die "pipe: $!";

    my $pid = fork;
    die "fork: $!" if !defined $pid;

    if ($pid == 0) {
        close $guard;
        setpgrp;
        $SIG{$_} = 'IGNORE' for qw(HUP INT TERM PIPE);
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';

        my %group;

        while (<$in>) {
            /^\+(\d+)/ and $group{$1} = 1;
            /^-(\d+)/ and delete $group{$1};
        }

        kill KILL => -$_ for keys %group;
        remove_tree($dir);
        POSIX::_exit(0);
    }

    close $in;
    $guard->autoflush(1);
    $SIG{PIPE} = 'IGNORE';
    $SIG{$_} = sub { exit 1 } for qw(HUP INT TERM);
}


sub spawn {
    my ($code, $log) = @_;

    guard();

    my $pid = fork;
    die "fork: $!" if !defined $pid;

    if ($pid == 0) {
        setpgrp;
        close $guard;
        $SIG{$_} = 'DEFAULT' for qw(HUP INT TERM PIPE);
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $log || '/dev/null';
        open STDERR, '>&', \*STDOUT;

        eval { $code->(); 1 } or print STDERR $@;
        POSIX::_exit(1);
    }

    print $guard "+$pid\n";

    return $pid;
}


# True when the process has ended in that time; its status is in $?.

sub reap {
    my ($pid, $seconds) = @_;

    my $ended = wait_for(sub { waitpid($pid, POSIX::WNOHANG()) != 0 },
                         $seconds);

    print $guard "-$pid\n" if $ended;

    return $ended;
}


sub kill_group {
    my ($pid) = @_;

    kill KILL => -$pid;
    reap($pid, 10);
}


sub remember {
    my ($object) = @_;

    push @started, $object;

    return $object;
}


END {
    if ($$ == $owner) {
        my $status = $?;

        $_->stop for reverse @started;
        remove_tree($tmp) if defined $tmp;

        $? = $status;
    }
}


sub slurp {
    my ($file) = @_;

    open my $fh, '<', $file or return '';
    local $/;
    my $text = <$fh>;

    return defined $text ? $text : '';
}


sub children {
    my ($pid) = @_;
    my @children;

    for my $stat (glob '/proc/[0-9]*/stat') {
        my ($child, $state, $parent) =
            slurp($stat) =~ /^(\d+) \(.*\) (.) (\d+)/s or next;

        push @children, $child if $parent == $pid && $state ne 'Z';
    }

    @children = sort { $a <=> $b } @children;

    return @children;
}


sub fds {
    my ($pid) = @_;
    my @fds = glob "/proc/$pid/fd/*";

    return scalar @fds;
}


sub rss {
    my ($pid) = @_;

    return slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+) kB/m ? $1 : 0;
}


# Below the ports that the kernel gives to clients: there are many of them
# here, and the port must still be free when the server takes it.  With an
# offset the port that is so much above it is free too.

sub free_port {
    my $offset = shift || 0;

    for (1 .. 1000) {
        my $port = 12000 + int rand(20000 - $offset);

        return $port if is_free($port) && is_free($port + $offset);
    }

    die "no free port";
}


sub is_free {
    my ($port) = @_;

    return defined IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1,
                                         LocalPort => $port, ReuseAddr => 1);
}


# --- HTTP

# A request is a hash: port, method, path; body (a string, or data to be
# JSON), head (lines), keepalive, raw (the bytes themselves), after (seconds
# from the beginning).

sub request_bytes {
    my ($request) = @_;

    return $request->{raw} if defined $request->{raw};

    my $body = $request->{body};
    my @head = @{$request->{head} || []};

    $body = $json->encode($body) if ref $body;

    push @head, 'Content-Length: ' . length $body if defined $body;
    push @head, 'Connection: close' if !$request->{keepalive};

    return join "\r\n", "$request->{method} $request->{path} HTTP/1.1",
                        'Host: localhost', @head, '',
                        defined $body ? $body : '';
}


# Takes one response from the front of the buffer; undef if it is not complete.

sub take_response {
    my ($in, $method, $eof) = @_;

    $$in =~ /^HTTP\/1\.[01] (\d+)[^\r\n]*\r\n(.*?)\r\n\r\n/s or return;

    my ($status, $lines, $size) = ($1, "$2\r\n", $+[0]);
    my %head;

    while ($lines =~ /^([^:\r\n]+):[ \t]*(.*?)\r\n/mg) {
        $head{lc $1} = $2;
    }

    my $response = { status => $status, head => \%head, body => '' };
    my $transfer = $head{'transfer-encoding'} || '';

    if ($method eq 'HEAD' || $status == 204 || $status == 304) {
        # no body

    } elsif ($transfer eq 'chunked') {
        for ( ;; ) {
            pos($$in) = $size;
            $$in =~ /\G([0-9a-fA-F]+)[^\r\n]*\r\n/g or return;

            my ($chunk, $start) = (hex $1, pos $$in);

            return if length $$in < $start + $chunk + 2;

            $response->{body} .= substr $$in, $start, $chunk;
            $size = $start + $chunk + 2;
            last if $chunk == 0;
        }

    } elsif (defined $head{'content-length'}) {
        return if length $$in < $size + $head{'content-length'};

        $response->{body} = substr $$in, $size, $head{'content-length'};
        $size += $head{'content-length'};

    } else {
        return if !$eof;

        $response->{body} = substr $$in, $size;
        $size = length $$in;
    }

    substr $$in, 0, $size, '';

    return bless $response, 'TgoRTC::Live::Response';
}


sub open_connection {
    my ($port) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port)
        or return;

    $socket->blocking(0);

    return $socket;
}


# Runs agents side by side, each a sub that is given the response to its last
# request (at first nothing) and returns its next request, or nothing when it
# has done.  All are connected before the first of them sends.  With keepalive
# a connection that the server closes while it is idle is opened again and the
# request repeated, as real clients do.  Returns the number of such repeats.
# "at" has pairs of seconds and of what is to be done then.

sub drive {
    my ($agents, %option) = @_;

    my $start = time;
    my $deadline = $start + ($option{deadline} || 30);
    my @later = @{$option{at} || []};
    my $select_in = IO::Select->new;
    my $select_out = IO::Select->new;
    my (%client, $end, $repeats, @begin);

    $repeats = 0;

    my $drop = sub {
        my ($c) = @_;
        my $socket = delete $c->{socket} or return;

        delete $client{$socket};
        $select_in->remove($socket);
        $select_out->remove($socket);
        close $socket;
    };

    my $connect = sub {
        my ($c) = @_;

        $c->{reused} = 0;
        $c->{in} = '';
        $c->{socket} = open_connection($c->{request}{port}) or return;
        $client{$c->{socket}} = $c;
        $select_in->add($c->{socket});

        return 1;
    };

    my $send = sub {
        my ($c) = @_;

        $c->{out} = request_bytes($c->{request});
        $select_out->add($c->{socket});
    };

    my ($begin, $go, $answer);

    $begin = sub {
        my ($c, $response) = @_;
        my $request = $c->{agent}->($response);

        if (!$request) {
            $drop->($c);
            return;
        }

        $c->{request} = $request;

        if (defined $request->{after}) {
            push @later, [$request->{after}, sub { $go->($c) }];
            return;
        }

        $go->($c);
    };

    $go = sub {
        my ($c) = @_;

        $c->{since} = time;

        if ($c->{socket}) {
            $c->{reused} = 1;

        } elsif (!$connect->($c)) {
            $answer->($c, undef, "cannot connect: $!");
            return;
        }

        push @begin, $c;
    };

    $answer = sub {
        my ($c, $response, $error) = @_;

        $response ||= bless { status => 0, head => {}, body => '',
                              error => $error }, 'TgoRTC::Live::Response';
        $response->{request} = $c->{request};
        $response->{since} = $c->{since};
        $response->{time} = time - $c->{since};

        if ($error || !$c->{request}{keepalive}
            || ($response->{head}{connection} || '') eq 'close')
        {
            $drop->($c);
        }

        $begin->($c, $response);
    };

    my $lost = sub {
        my ($c, $why) = @_;
        my $repeat = $c->{reused} && $c->{in} eq '';

        $drop->($c);

        if ($repeat) {
            $repeats++;

            if ($connect->($c)) {
                push @begin, $c;
                return;
            }
        }

        $answer->($c, undef, $why);
    };

    $begin->({ agent => $_ }) for @$agents;

    while (@begin || %client || @later) {

        $send->($_) for splice @begin;

        my $now = time;

        if ($now > $deadline) {
            $deadline = $now + 1;
            $answer->($_, undef, 'no answer in time') for values %client;
            next;
        }

        @later = sort { $a->[0] <=> $b->[0] } @later if @later > 1;

        if (@later && $start + $later[0][0] <= $now) {
            (shift @later)->[1]->();
            next;
        }

        my $wait = @later ? $start + $later[0][0] - $now : 1;
        my ($in, $out) = IO::Select->select($select_in, $select_out, undef,
                                            $wait < 1 ? $wait : 1)
            or next;

        for my $socket (@$out) {
            my $c = $client{$socket} or next;
            my $n = syswrite $socket, $c->{out};

            if (defined $n) {
                substr $c->{out}, 0, $n, '';

            } elsif (!$!{EAGAIN} && !$!{EINTR}) {
                $lost->($c, "send: $!");
                next;
            }

            $select_out->remove($socket) if $c->{out} eq '';
        }

        for my $socket (@$in) {
            my $c = $client{$socket} or next;
            my $n = sysread $socket, $c->{in}, 65536, length $c->{in};

            next if !defined $n && ($!{EAGAIN} || $!{EINTR});

            my $response = take_response(\$c->{in}, $c->{request}{method},
                                         !$n);
            if ($response) {
                $answer->($c, $response);

            } elsif (!$n) {
                $lost->($c, defined $n ? 'closed without an answer'
                                       : "receive: $!");
            }
        }
    }

    return $repeats;
}


# One request each on as many connections, sent at once; the responses.

sub fire {
    my ($requests, %option) = @_;

    my (@responses, @agents);

    for my $i (0 .. $#$requests) {
        push @agents, sub {
            my ($response) = @_;

            return $requests->[$i] if !$response;

            $responses[$i] = $response;
            return;
        };
    }

    drive(\@agents, %option);

    return @responses;
}


sub ask {
    my ($request, %option) = @_;

    return (fire([$request], %option))[0];
}


# "200: 1, 409: 199"

sub count_by_status {
    my %count;

    $count{$_->{status} || $_->{error}}++ for @_;

    return join ', ', map { "$_: $count{$_}" } sort keys %count;
}


# What is wrong with a response that has to be "not available": "" if nothing.

sub unavailable {
    my ($response, $limit) = @_;

    my $error = $response->json;
    my $retry = $response->{head}{'retry-after'};

    return $response->{error} if $response->{error};
    return "status $response->{status}: $response->{body}"
        if $response->{status} != 503;
    return "not JSON: $response->{body}" if ref $error ne 'HASH';
    return 'code ' . ($error->{code} || '') if ($error->{code} || 0) != 503;
    return 'no message' if !length($error->{message} || '');
    return 'Retry-After ' . (defined $retry ? $retry : 'is missing')
        if !defined $retry || $retry !~ /^[1-9]\d*$/;
    return 'type ' . ($response->{head}{'content-type'} || '')
        if ($response->{head}{'content-type'} || '') ne 'application/json';
    return sprintf 'took %.2f s', $response->{time}
        if $response->{time} > $limit;

    return '';
}


# --- servers

sub redis { return remember(TgoRTC::Live::Redis->new(@_)) }
sub nginx { return remember(TgoRTC::Live::Nginx->new(@_)) }
sub proxy { return remember(TgoRTC::Live::Proxy->new(@_)) }


# A server in Perl on a unix socket: the sub gets each connection, in a process
# of its own.

sub fake {
    my ($handler) = @_;
    my $path = name('fake');

    my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 128)
        or die "$path: $!";

    chmod 0777, $path;

    my $pid = spawn(sub {
        $SIG{CHLD} = 'IGNORE';

        for ( ;; ) {
            my $socket = $listener->accept or next;

            if (!fork) {
                $SIG{PIPE} = 'DEFAULT';
                close $listener;
                eval { $handler->($socket) };
                POSIX::_exit(0);
            }
        }
    }, "$path.log");

    return remember(bless { pid => $pid, path => $path,
                            address => "unix:$path" },
                    'TgoRTC::Live::Process');
}


# A command of the Redis protocol as a list of its arguments; empty at the end.

sub read_command {
    my ($socket) = @_;

    my $line = <$socket>;
    return if !defined $line || $line !~ /^\*(\d+)/;

    my @args;

    for (1 .. $1) {
        $line = <$socket>;
        return if !defined $line || $line !~ /^\$(\d+)/;

        read $socket, my $arg, $1 + 2;
        push @args, substr $arg, 0, -2;
    }

    return @args;
}


# Runs a sub in the background, given a sub that says whether to go on, until
# its finish() is called, which returns what the sub did.

sub background {
    my ($code) = @_;
    my $file = name('result');

    my $pid = spawn(sub {
        open my $begun, '>', "$file.begun";
        close $begun;

        my $result = $code->(sub { !-e "$file.stop" });

        open my $fh, '>', $file or die "$file: $!";
        print $fh $json->encode($result);
        close $fh;

        POSIX::_exit(0);
    }, "$file.log");

    wait_for(sub { -e "$file.begun" });

    return remember(bless { pid => $pid, file => $file },
                    'TgoRTC::Live::Background');
}


package TgoRTC::Live::Response;

use strict;
use warnings;


sub json {
    my ($self) = @_;

    return $self->{json} if exists $self->{json};
    return $self->{json} = eval { $json->decode($self->{body}) };
}


package TgoRTC::Live::Process;

use strict;
use warnings;


sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;

    TgoRTC::Live::kill_group($pid);
}


package TgoRTC::Live::Background;

use strict;
use warnings;

our @ISA = 'TgoRTC::Live::Process';


sub finish {
    my ($self) = @_;
    my $pid = $self->{pid};

    open my $stop, '>', "$self->{file}.stop"
        or die "$self->{file}.stop: $!";
    close $stop;

    if (!TgoRTC::Live::reap($pid, 40)) {
        $self->stop;
        return;
    }

    delete $self->{pid};

    return eval { $json->decode(TgoRTC::Live::slurp($self->{file})) }
        || { failed => TgoRTC::Live::slurp("$self->{file}.log") };
}


# A private Redis on a unix socket, and on a port if one is given.

package TgoRTC::Live::Redis;

use strict;
use warnings;

use Time::HiRes qw(sleep time);


sub new {
    my ($class, %option) = @_;
    my $dir = TgoRTC::Live::name('redis');

    mkdir $dir or die "$dir: $!";
    chmod 0755, $dir;

    my $self = bless {
        dir => $dir, path => "$dir/sock", address => "unix:$dir/sock",
        args => $option{args} || [], port => $option{port} || 0,
        env => $option{env} || {}
    }, $class;

    $self->start if !$option{later};

    return $self;
}


# Returns when it answers, even if only that it is loading.

sub start {
    my ($self, @args) = @_;

    my @command = (
        'redis-server', '--port', $self->{port}, '--bind', '127.0.0.1',
        '--unixsocket', $self->{path}, '--unixsocketperm', '777',
        '--save', '', '--dir', $self->{dir}, '--daemonize', 'no',
        @{$self->{args}}, @args
    );

    $self->{pid} = TgoRTC::Live::spawn(sub {
        local @ENV{keys %{$self->{env}}} = values %{$self->{env}};
        exec @command or die "redis-server: $!";
    }, "$self->{dir}/log");

    TgoRTC::Live::wait_for(sub { eval { $self->command('PING'); 1 }
                                 || $@ =~ /LOADING|NOAUTH/ })
        or die 'redis: ' . TgoRTC::Live::slurp("$self->{dir}/log");
}


sub signal {
    my ($self, $signal) = @_;

    kill $signal => $self->{pid};

    # SIGSTOP takes effect when it has been delivered to every thread

    if ($signal eq 'STOP') {
        TgoRTC::Live::wait_for(sub {
            TgoRTC::Live::slurp("/proc/$self->{pid}/stat") =~ /\) T /
        });
    }
}


sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;

    TgoRTC::Live::kill_group($pid);
    delete $self->{socket};
}


# The reply to a command, arrays as array references; dies of an error.

sub command {
    my ($self, @args) = @_;
    my $reply;

    local $SIG{ALRM} = sub { die "redis does not answer\n" };
    alarm 30;

    my $done = eval {
        $self->{socket} = IO::Socket::UNIX->new(Peer => $self->{path})
            or die "$self->{path}: $!\n"
            if !$self->{socket} || !$self->{socket}->connected;

        print {$self->{socket}} '*' . @args . "\r\n",
            map { '$' . length($_) . "\r\n$_\r\n" } @args;
        $self->{socket}->flush;

        $reply = $self->reply;
        1;
    };

    alarm 0;

    if (!$done || ref $reply eq 'SCALAR') {
        delete $self->{socket} if !$done;
        die $done ? $$reply : $@;
    }

    return $reply;
}


sub reply {
    my ($self) = @_;

    my $line = readline $self->{socket};
    die "redis closed the connection\n" if !defined $line;

    $line =~ s/\r\n\z//;
    my $type = substr $line, 0, 1, '';

    return $line if $type eq '+' || $type eq ':';
    return \"$line\n" if $type eq '-';
    return undef if $line < 0;

    if ($type eq '*') {
        return [map { $self->reply } 1 .. $line];
    }

    read $self->{socket}, my $text, $line + 2;

    return substr $text, 0, -2;
}


# uid => room id

sub users {
    my ($self, $prefix) = @_;

    return { @{$self->command('HGETALL', '{' . ($prefix || 'tgortc')
                                         . '}:users')} };
}


# ids of the rooms that have a deadline

sub deadlines {
    my ($self) = @_;

    return @{$self->command('ZRANGE', '{tgortc}:deadlines', 0, -1)};
}


sub calls {
    my ($self, $command) = @_;

    return $self->command('INFO', 'commandstats')
        =~ /^cmdstat_\Q$command\E:calls=(\d+)/m ? $1 : 0;
}


# nginx with our module: a master, two workers, the API as in conf/.  Clients
# are spread evenly over the workers, and are told theirs by X-Worker.

package TgoRTC::Live::Nginx;

use strict;
use warnings;

use Time::HiRes qw(sleep time);


sub new {
    my ($class, %option) = @_;
    my $dir = TgoRTC::Live::name('nginx');

    mkdir $_ or die "$_: $!" for $dir, "$dir/temp";
    chmod 0755, $dir;

    my $self = bless { dir => $dir, log => "$dir/error.log", %option }, $class;

    $self->{workers} ||= 2 if !defined $self->{workers};
    $self->start if !$option{later};

    return $self;
}


sub binary {
    return $ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx';
}


sub modules {
    my ($self) = @_;

    return @{$self->{modules}} if $self->{modules};
    return split ' ', defined $ENV{TEST_NGINX_LOAD_MODULES}
                      ? $ENV{TEST_NGINX_LOAD_MODULES}
                      : "$ENV{BUILD}/ngx_http_tgortc_module.so";
}


# The configuration, unless "conf" gives it all.  Where a test does not say how
# long Redis may take, a machine that is slow for a while is not the matter.

sub conf {
    my ($self) = @_;

    return $self->{conf} if defined $self->{conf};

    my %o = (master => 'on', listen => ' reuseport', main => '', http => '',
             server => '', rooms => '', log_level => 'notice',
             redis => '', connections => 4096, %$self);

    my $load = join '', map { "load_module $_;\n" } $self->modules;
    my $user = $> == 0 ? "user root;" : '';
    my $redis = ref $o{redis} ? $o{redis}{address} : $o{redis};

    $redis .= ' timeout=10s' if $redis !~ /^$|timeout=/;
    $redis = "tgortc_redis $redis;" if $redis ne '';

    return <<"END";
$load
$user
daemon            off;
master_process    $o{master};
worker_processes  $o{workers};
error_log         $o{dir}/error.log $o{log_level};
pid               $o{dir}/nginx.pid;
$o{main}

events {
    worker_connections  $o{connections};
}

http {
    access_log  off;

    client_body_temp_path  $o{dir}/temp;
    proxy_temp_path        $o{dir}/temp;
    fastcgi_temp_path      $o{dir}/temp;
    uwsgi_temp_path        $o{dir}/temp;
    scgi_temp_path         $o{dir}/temp;

    tgortc_livekit_key  devkey a-secret-of-the-tests-0123456789abcdef;
    tgortc_livekit_url  ws://localhost:7880;
    $redis
    $o{http}

    server {
        listen      127.0.0.1:$o{port}$o{listen};
        add_header  X-Worker \$pid always;

        location /api/v1/rooms {
            tgortc_rooms;
            $o{rooms}
        }

        location = /api/v1/health {
            tgortc_health;
        }

        $o{server}
    }
}
END
}


sub start {
    my ($self) = @_;

    for my $try (1 .. 3) {
        $self->{port} = TgoRTC::Live::free_port();
        $self->write_conf;

        $self->launch;

        return if $self->is_up;

        $self->stop;
        die "nginx: " . $self->error_log
            if $try == 3 || $self->error_log !~ /Address already in use/;

        unlink $self->{log};
    }
}


sub launch {
    my ($self) = @_;

    $self->{pid} = TgoRTC::Live::spawn(sub {
        local @ENV{keys %{$self->{env}}} = values %{$self->{env} || {}};
        exec $self->command or die "nginx: $!";
    }, "$self->{dir}/stderr");
}


# Starts it on the same port, after what is left of it was killed.

sub restart {
    my ($self) = @_;

    TgoRTC::Live::kill_group(delete $self->{pid}) if $self->{pid};
    $self->launch;

    return $self->is_up;
}


sub write_conf {
    my ($self) = @_;

    open my $fh, '>', "$self->{dir}/nginx.conf" or die "nginx.conf: $!";
    print $fh $self->conf;
    close $fh;
}


sub command {
    my ($self) = @_;

    return (binary(), '-p', "$self->{dir}/", '-c', "$self->{dir}/nginx.conf",
            '-e', $self->{log});
}


sub is_up {
    my ($self) = @_;
    my $master = ($self->{master} || 'on') eq 'on';

    return TgoRTC::Live::wait_for(sub {
        return 1 if ($master ? $self->pids == $self->{workers} : 1)
                    && TgoRTC::Live::open_connection($self->{port});

        # gone already
        if (waitpid($self->{pid}, POSIX::WNOHANG()) != 0) {
            print $guard "-$self->{pid}\n";
            delete $self->{pid};
            die "nginx does not start: " . $self->error_log
                if $self->error_log !~ /Address already in use/;
        }

        return !$self->{pid};
    }) && $self->{pid};
}


# of the workers

sub pids {
    my ($self) = @_;

    return TgoRTC::Live::children($self->{pid});
}


# open in all workers together

sub fds {
    my ($self) = @_;
    my $sum = 0;

    $sum += TgoRTC::Live::fds($_) for $self->pids;

    return $sum;
}


# the same once nothing is under way any more

sub idle_fds {
    my ($self) = @_;
    my ($last, $same) = (-1, 0);

    TgoRTC::Live::wait_for(sub {
        my $now = $self->fds;

        $same = $now == $last ? $same + 1 : 0;
        $last = $now;

        return $same >= 20;
    });

    return $last;
}


sub signal {
    my ($self, $signal) = @_;

    kill $signal => $self->{pid};
}


# Loads the configuration again; true when none of the old workers is left.

sub reload {
    my ($self, $seconds) = @_;
    my %old = map { $_ => 1 } $self->pids;

    $self->signal('HUP');

    return TgoRTC::Live::wait_for(sub {
        my @now = $self->pids;

        @now == $self->{workers} && !grep { $old{$_} } @now;
    }, $seconds);
}


# Stops it gracefully; true when it ended by itself, with status 0.

sub quit {
    my ($self, $signal) = @_;

    return 1 if !$self->{pid};

    $self->signal($signal || 'QUIT');

    return 0 if !TgoRTC::Live::reap($self->{pid}, 20);

    delete $self->{pid};

    return $? == 0;
}


sub stop {
    my ($self) = @_;

    return if !$self->{pid};

    # a leak is reported by a worker that ends, not by one that is killed

    if (!$self->quit) {
        TgoRTC::Live::kill_group(delete $self->{pid}) if $self->{pid};
    }
}


sub error_log {
    my ($self) = @_;

    return TgoRTC::Live::slurp($self->{log})
           . TgoRTC::Live::slurp("$self->{dir}/stderr");
}


# Lines of the log that no run may leave behind.

sub trouble {
    my ($self) = @_;

    return join "\n", grep {
        /\[(?:alert|crit|emerg)\]|open socket|Sanitizer|runtime error:
         |exited\ on\ signal|exited\ with\ (?:fatal\ )?code\ [1-9]/x
    } split /\n/, $self->error_log;
}


sub post {
    my ($self, $path, $body, %more) = @_;

    return { port => $self->{port}, method => 'POST', body => $body,
             path => "/api/v1/rooms$path", %more };
}


sub get {
    my ($self, $path, %more) = @_;

    return { port => $self->{port}, method => 'GET',
             path => "/api/v1/rooms$path", %more };
}


sub health {
    my ($self) = @_;

    return { port => $self->{port}, method => 'GET',
             path => '/api/v1/health' };
}


# a creation by "creator", calling "uids"

sub create {
    my ($self, $room_id, $creator, @uids) = @_;
    my $more = ref $uids[-1] ? pop @uids : {};

    return $self->post('', { defined $room_id ? (room_id => $room_id) : (),
                             creator => $creator, device_type => 'app',
                             uids => \@uids, %$more });
}


sub join {
    my ($self, $room_id, $uid) = @_;

    return $self->post("/$room_id/join", { uid => $uid });
}


sub leave {
    my ($self, $room_id, $uid) = @_;

    return $self->post("/$room_id/leave", { uid => $uid });
}


# Before a Redis, on a unix socket, or on the port that is given: lets
# everything pass until it is told otherwise.
#
#     drop S    the reply to the next script about a room, which those of timers
#               are not, is thrown away, the connection closed, for S seconds no
#               other is served
#     lose T    the same with the next reply one of whose strings is T
#     swallow   the same with the next command of a script
#     chop P    of each P-th reply on average only a part gets through
#     cut S     all connections are closed, those of the next S seconds too
#     delay S   everything arrives S seconds later
#     mute      commands do not arrive, until it is told to pass
#     deaf      replies do not arrive, until then
#     hold      neither
#     pass      everything, and what was held back as well

package TgoRTC::Live::Proxy;

use strict;
use warnings;

use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);

our @ISA = 'TgoRTC::Live::Process';


sub new {
    my ($class, $redis, %option) = @_;
    my $path = TgoRTC::Live::name('proxy');
    my $port = $option{port};

    my $listener = $port
        ? IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
                                Listen => 128, ReuseAddr => 1)
        : IO::Socket::UNIX->new(Local => $path, Listen => 128);

    die "$path: $!" if !$listener;

    chmod 0777, $path if !$port;

    socketpair(my $control, my $ours, AF_UNIX, SOCK_STREAM, PF_UNSPEC)
        or die "socketpair: $!";

    my $pid = TgoRTC::Live::spawn(sub {
        close $control;
        run($listener, $ours, $redis->{path}, %option);
    }, "$path.log");

    close $ours;

    return bless { pid => $pid, control => $control,
                   address => $port ? "127.0.0.1:$port" : "unix:$path" },
                 $class;
}


sub tell {
    my ($self, $order) = @_;

    syswrite $self->{control}, "$order\n";
    sysread $self->{control}, my $done, 16;
}


sub run {
    my ($listener, $control, $target, %option) = @_;

    my $select = IO::Select->new($listener, $control);
    my ($order, $number, $resume, %peer, %to_server, %scripted) = ('', 0, 0);
    my ($refuse, @late) = (0);
    my $text = '';

    $SIG{PIPE} = 'IGNORE';

    my $close = sub {
        my ($socket) = @_;
        my $peer = $peer{$socket};

        @late = grep { $_->[1] != $socket && $_->[1] != $peer } @late;

        for ($socket, $peer) {
            $select->remove($_);
            delete $peer{$_};
            delete $scripted{$_};
            delete $to_server{$_};
            close $_;
        }
    };

    # what is held back has no time; nothing overtakes what goes the same way

    my $send_late = sub {
        my (@rest, @ended, %held);

        for my $late (@late) {
            my ($when, $socket, $data) = @$late;

            if ($held{$socket} || !defined $when
                || $when > Time::HiRes::time())
            {
                $held{$socket} = 1;
                push @rest, $late;
                next;
            }

            if (defined $data) {
                syswrite $socket, $data;
            } else {
                push @ended, $socket;
            }
        }

        @late = @rest;
        $close->($_) for grep { $peer{$_} } @ended;

        return List::Util::min(grep { defined } map { $_->[0] } @late);
    };

    my $is_held = sub {
        my ($socket) = @_;

        return $order eq 'hold'
               || $order eq ($to_server{$socket} ? 'mute' : 'deaf');
    };

    for ( ;; ) {
        my $wait = $resume ? $resume - Time::HiRes::time() : undef;

        if ($resume && $wait <= 0) {
            $select->add($listener);
            $resume = 0;
            next;
        }

        my $next = $send_late->();

        if (defined $next) {
            $wait = List::Util::max(0, $next - Time::HiRes::time());
        }

        for my $socket ($select->can_read($wait)) {

            if ($socket == $control) {
                sysread $control, my $line, 256 or return;
                ($order, $text) = $line =~ /^(\w+)(?: (\S+))?/;
                $number = defined $text && $text =~ /^[\d.]+$/ ? $text : 0;
                $_->[0] = 0 for @late;

                if ($order eq 'cut') {
                    $close->($_) for map { $peer{$_} } keys %to_server;
                    $refuse = Time::HiRes::time() + $number;
                }

                syswrite $control, 'ok';
                next;
            }

            if ($socket == $listener) {
                my $client = $listener->accept or next;
                my $server = $refuse < Time::HiRes::time()
                             && IO::Socket::UNIX->new(Peer => $target);

                if (!$server) {
                    close $client;
                    next;
                }

                syswrite $client, $option{greeting} if $option{greeting};

                $peer{$client} = $server;
                $peer{$server} = $client;
                $to_server{$client} = 1;
                $select->add($client, $server);
                next;
            }

            my $peer = $peer{$socket} or next;

            if (!sysread $socket, my $data, 65536) {

                # what is on the way arrives nevertheless, and then the end

                if (grep { $_->[1] == $peer } @late) {
                    push @late, [0, $peer, undef];
                    $select->remove($socket);
                } else {
                    $close->($socket);
                }

                next;

            } elsif ($order eq 'delay' || $is_held->($socket)
                     || grep { $_->[1] == $peer } @late)
            {
                my $when = $order eq 'delay' ? Time::HiRes::time() + $number
                           : $is_held->($socket) ? undef : 0;

                push @late, [$when, $peer, $data];

            } elsif ($to_server{$socket}) {

                if ($data =~ /EVAL.*:room:[^\r]/s) {
                    if ($order eq 'swallow') {
                        $order = '';
                        $close->($socket);
                        next;
                    }

                    $scripted{$socket} = 1 if $order eq 'drop';
                }

                syswrite $peer, $data;

            } elsif ($order eq 'drop' && $scripted{$peer}) {
                $order = '';
                $close->($socket);

                if ($number) {
                    $select->remove($listener);
                    $resume = Time::HiRes::time() + $number;
                }

            } elsif ($order eq 'lose' && index($data, "\r\n$text\r\n") >= 0)
            {
                $order = '';
                $close->($socket);

            } elsif ($order eq 'chop' && rand $number < 1) {
                syswrite $peer, substr $data, 0, int rand length $data;
                $close->($socket);

            } else {
                syswrite $peer, $data;
            }
        }
    }
}


1;
