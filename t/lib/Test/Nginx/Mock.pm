# Copyright (C) TgoRTC contributors

package Test::Nginx::Mock;

# A TCP server for one connection: reads a query, sends a canned reply.
#
# It runs in a child process, because nginx may talk to it at any time: while
# it starts, while it answers a request, or after that.

use strict;
use warnings;

use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(SOMAXCONN);
use Time::HiRes qw(sleep time);


# new(listen =>, reply =>, query_len =>, delay =>, no_close =>)
#
# "listen" is a port, host:port or the path of a unix socket; "reply" a string,
# an array of strings to be sent one by one, or a sub that is given the query.
# "delay" seconds pass before each piece.
sub new {
    my ($class, %arg) = @_;

    my $listener = listener($arg{listen});

    pipe my $reader, my $writer or die "pipe() failed: $!";

    my $pid = fork // die "fork() failed: $!";

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP ALRM __DIE__);
        close $reader;

        # The parent stops us, unless it was killed itself.
        alarm 600;

        eval { serve($listener, $writer, %arg); 1 }
            or print STDERR "tcp_listen: $@";

        # not exit(): the END blocks belong to the parent
        POSIX::_exit(0);
    }

    my $path = $arg{listen} =~ m{/} ? $arg{listen} : undef;

    return bless { pid => $pid, reader => $reader, path => $path }, $class;
}


sub listener {
    my ($where) = @_;

    my $listener;

    if ($where =~ m{/}) {
        unlink $where;
        $listener = IO::Socket::UNIX->new(Local => $where, Listen => SOMAXCONN);

    } else {
        my ($host, $port) = $where =~ /\A(?:(.*):)?(\d+)\z/
            or die "tcp_listen takes a port or a path, got '$where'\n";

        $listener = IO::Socket::INET->new(
            LocalAddr => $host // '127.0.0.1',
            LocalPort => $port,
            Listen    => SOMAXCONN,
            ReuseAddr => 1,
        );
    }

    return $listener // die "tcp_listen: cannot listen on $where: $!\n";
}


sub serve {
    my ($listener, $writer, %arg) = @_;

    my $socket = $listener->accept or die "accept() failed: $!\n";
    close $listener;

    # Without an expected length any first bytes are the query.
    my $want = $arg{query_len} // 1;
    my $query = '';

    while (length $query < $want) {
        last if !sysread $socket, $query, 65536, length $query;
    }

    print {$writer} $query;
    close $writer;

    my $reply = $arg{reply} // '';
    $reply = $reply->($query) if ref $reply eq 'CODE';

    for my $piece (ref $reply ? @$reply : $reply) {
        sleep $arg{delay} if $arg{delay};

        while (length $piece) {
            my $n = syswrite $socket, $piece or return;
            $piece = substr $piece, $n;
        }
    }

    if ($arg{no_close}) {
        sleep 1 while 1;
    }

    # Closing with unread bytes would reset the connection, and could destroy
    # the reply on its way.
    shutdown $socket, 1;
    1 while sysread $socket, my $rest, 65536;
}


# The query as far as it was read, waiting for it at most so many seconds.
# The server is gone afterwards.
sub finish {
    my ($self, $patience) = @_;

    my $query = '';
    my $deadline = time + $patience;

    my $fd = '';
    vec($fd, fileno $self->{reader}, 1) = 1;

    while ((my $left = $deadline - time) > 0) {
        next if select(my $readable = $fd, undef, undef, $left) <= 0;
        last if !sysread $self->{reader}, $query, 65536, length $query;
    }

    $self->stop;

    return $query;
}


sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;

    kill 'KILL', $pid;
    waitpid $pid, 0;
    unlink $self->{path} if defined $self->{path};
}

1;
