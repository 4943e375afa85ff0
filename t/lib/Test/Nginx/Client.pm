# Copyright (C) TgoRTC contributors

package Test::Nginx::Client;

# The HTTP side of the harness: builds the bytes of a request from a test
# block, exchanges them with the server, takes the answer apart.
#
# Nothing is repaired on the way: a test must be able to send nonsense, and
# must see what came back as it came back.

use strict;
use warnings;

use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(build_request exchange parse_response);
use parent 'Exporter';


# build_request(\@packets, $more_headers, $host, $connection)
#
# A packet is a string, or { value => string, delay_before => seconds }.
# Joined they read "METHOD [url [version]]", then the body.  Returns the method
# and the packets to send, cut where the test cut them.
sub build_request {
    my ($packets, $more_headers, $host, $connection) = @_;

    my @pieces = map { ref $_ ? $_ : { value => $_ } } @$packets;
    my $text = join '', map { $_->{value} } @pieces;

    my ($line, $newline, $body) = $text =~ /\A([^\r\n]*)(\r?\n)?(.*)\z/s;

    my ($method, $url, $version) =
        $line =~ m{\A(\S+)(?: +(\S+)(?: +(HTTP/\S+))?)? *\z}
        or die "Request line must be 'METHOD [url [version]]', got '$line'\n";

    my ($lines, $given) = header_lines($more_headers);

    my @head = join ' ', $method, $url // '/', $version // 'HTTP/1.1';
    push @head, "Host: $host" if !exists $given->{host};
    push @head, "Connection: $connection" if !exists $given->{connection};
    push @head, @$lines;

    # Chunked bodies are framed by the test, and a test that gives a length
    # wants the body as it stands, however wrong the length may be.
    my $framed = exists $given->{'content-length'}
                 || ($given->{'transfer-encoding'} // '') =~ /\bchunked\b/;

    if (length $body && !$framed) {
        $body =~ s/\A\s+|\s+\z//g;
        push @head, 'Content-Length: ' . length $body;
    }

    my $head = join('', map { "$_\r\n" } @head) . "\r\n";

    my $cut = sub {
        my ($offset) = @_;

        return $offset if $offset <= length $line;

        my $in_body = $offset - length($line) - length($newline);
        $in_body = length $body if $in_body > length $body;

        return length($head) + $in_body;
    };

    return $method, cut_packets($head . $body, \@pieces, $cut);
}


# more_headers as lines ready to send, and by name what the test set itself.
sub header_lines {
    my ($text) = @_;

    my (@lines, %given);

    for (split /\r?\n/, $text // '') {
        next if /\A\s*(?:#|\z)/;

        my ($name, $value) = split /:\s*/, $_, 2;
        $value //= '';

        push @lines, "$name: $value";

        $name =~ s/\s+//g;
        $given{lc $name} = $value;
    }

    return \@lines, \%given;
}


sub cut_packets {
    my ($bytes, $pieces, $cut) = @_;

    my @packets;
    my ($read, $start) = (0, 0);

    for my $i (0 .. $#$pieces) {
        $read += length $pieces->[$i]{value};

        my $end = $i == $#$pieces ? length $bytes : $cut->($read);

        push @packets, {
            value => substr($bytes, $start, $end - $start),
            delay => $pieces->[$i]{delay_before} // 0,
        };

        $start = $end;
    }

    return \@packets;
}


# exchange(addr =>, port =>, packets =>, timeout =>, shutdown =>)
#
# Sends all packets on one connection and reads until the server closes it.
# "timeout" is how long the connection may be idle.  Returns
# { bytes =>, timed_out =>, error => }.
sub exchange {
    my (%arg) = @_;

    my %result = (bytes => '');

    my $socket = IO::Socket::INET->new(
        PeerAddr => $arg{addr},
        PeerPort => $arg{port},
        Proto    => 'tcp',
        Timeout  => $arg{timeout},
    );

    if (!$socket) {
        $result{error} = "cannot connect to $arg{addr}:$arg{port}: $@";
        return \%result;
    }

    $socket->blocking(0);

    local $SIG{PIPE} = 'IGNORE';

    my $fd = '';
    vec($fd, fileno $socket, 1) = 1;

    my @queue = @{ $arg{packets} };
    my $out = '';
    my $half_close = $arg{shutdown};
    my $active = time;
    my $due = @queue ? $active + $queue[0]{delay} : 0;

    for ( ;; ) {
        my $now = time;

        if (!length $out && @queue && $now >= $due) {
            $out = (shift @queue)->{value};
            $due = $now + $queue[0]{delay} if @queue;
            $active = $now;
            next;
        }

        if (!length $out && !@queue && defined $half_close) {
            shutdown $socket, $half_close;
            undef $half_close;
        }

        my $left = $active + $arg{timeout} - $now;

        if (!length $out && @queue) {
            $left = $due - $now;

        } elsif ($left <= 0) {
            $result{timed_out} = 1;
            last;
        }

        # Reading goes on while sending: a server that refuses a large body
        # answers, and then resets the connection.
        my ($readable, $writable) = ($fd, length $out ? $fd : undef);

        next if select($readable, $writable, undef, $left) <= 0;

        if (vec($readable, fileno $socket, 1)) {
            my $n = sysread $socket, $result{bytes}, 65536,
                            length $result{bytes};

            last if defined $n ? $n == 0 : !transient();

            $active = time;
        }

        if (defined $writable && vec($writable, fileno $socket, 1)) {
            my $n = syswrite $socket, $out;

            if (defined $n) {
                substr($out, 0, $n) = '';
                $active = time;

            } elsif (!transient()) {
                # What was answered before the reset can still be read.
                ($out, @queue) = ('');
            }
        }
    }

    close $socket;

    return \%result;
}


sub transient {
    return $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR;
}


# parse_response($bytes, $method) takes the first response off the bytes.
# Returns { code, head, headers => { name => [values] }, body, rest } and, when
# something was wrong with the framing, "broken" (an error) or "odd" (a remark).
sub parse_response {
    my ($bytes, $method) = @_;

    my %res = (code => '', head => '', headers => {}, body => $bytes,
               rest => '');

    # Interim responses (100 Continue) carry nothing a test asks about.
    $bytes =~ s{\A(?:HTTP/1\.\d 1(?!01)\d\d.*?\r\n\r\n)+}{}s;

    $bytes =~ m{\A(HTTP/\d\.\d (\d\d\d)[^\r\n]*\r\n(?:[^\r\n]+\r\n)*)\r\n}
        or return \%res;

    @res{qw(head code)} = ($1, $2);
    my $rest = substr $bytes, length($res{head}) + 2;

    for (split /\r\n/, $res{head}) {
        my ($name, $value) = /\A([^:\s]+):[ \t]*(.*?)[ \t]*\z/ or next;
        push @{ $res{headers}{lc $name} }, $value;
    }

    my $length = $res{headers}{'content-length'};
    my $encoding = $res{headers}{'transfer-encoding'};

    if ($method eq 'HEAD' || $res{code} =~ /\A(?:204|304)\z/) {
        @res{qw(body rest)} = ('', $rest);

    } elsif ($encoding && $encoding->[0] =~ /\bchunked\b/i) {
        read_chunks(\%res, $rest);

    } elsif ($length && $length->[0] =~ /\A\d+\z/) {
        $length = $length->[0];

        if (length $rest < $length) {
            $res{odd} = "response body truncated: $length expected, got "
                        . length $rest;
            $length = length $rest;
        }

        @res{qw(body rest)} = (substr($rest, 0, $length),
                               substr($rest, $length));
    } else {
        $res{body} = $rest;
    }

    return \%res;
}


sub read_chunks {
    my ($res, $rest) = @_;

    $res->{body} = '';

    while ($rest =~ /\A([0-9a-fA-F]+)[^\r\n]*\r\n/) {
        my ($size, $skip) = (hex $1, $+[0]);

        if ($size == 0) {
            # trailers
            if ($rest =~ /\A[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n/) {
                $res->{rest} = substr $rest, $+[0];
                return;
            }

            last;
        }

        last if length $rest < $skip + $size + 2;
        last if substr($rest, $skip + $size, 2) ne "\r\n";

        $res->{body} .= substr $rest, $skip, $size;
        $rest = substr $rest, $skip + $size + 2;
    }

    $res->{broken} = 'no last chunk found';
}

1;
