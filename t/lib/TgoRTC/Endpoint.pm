package TgoRTC::Endpoint;

# Copyright (C) TgoRTC contributors
#
# For the tests in t/live: an app's webhook endpoint, in a process of its own.
# It writes down every request and answers as it is told:
#
#     $endpoint->answer(
#         { room => '^bad', answers => [{ status => 500 }] },
#         { type => 'invited', answers => [{ delay => 1 }, { close => 1 }] });
#
# The first rule that matches decides; without one it is 200.  A rule matches
# by regular expressions: path, type, room, uid.  An event that comes again on
# the same path gets the next of the answers, the last one repeats.  An answer
# is a hash:
#
#     status   200
#     head     lines; {date+S} in them is a date so many seconds ahead
#     body     '{}'; a number as "size": so many bytes instead
#     delay    seconds
#     close    nothing is answered, the connection is closed
#     cut      so many bytes of the answer, then the connection is closed

use strict;
use warnings;

use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Socket qw(AF_UNIX SOCK_STREAM PF_UNSPEC);
use TgoRTC::Live;
use Time::HiRes qw(time);

our @EXPORT = qw(
    endpoint hooked logs_request stats counts state_of entries
    misordered repeated event_key
);

our @ISA = 'TgoRTC::Live::Process';

my $json = JSON::PP->new->canonical->utf8;
my $chunk = 'x' x 65536;


sub endpoint {
    return TgoRTC::Live::remember(TgoRTC::Endpoint->new(@_));
}


sub new {
    my ($class, %option) = @_;
    my $file = TgoRTC::Live::name('endpoint');

    open my $fh, '>', $file or die "$file: $!";
    close $fh;

    my $self = bless { port => $option{port} || TgoRTC::Live::free_port(),
                       file => $file, offset => 0, requests => [], rules => [],
                       server => $option{server} || 'TgoRTC::Endpoint::Server'
                     }, $class;

    $self->start if !$option{later};

    return $self;
}


# Goes on with the same port, the same rules and the same record.

sub start {
    my ($self) = @_;

    my $listener = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1', LocalPort => $self->{port}, Listen => 1024,
        ReuseAddr => 1
    ) or die "port $self->{port}: $!";

    socketpair(my $ours, my $control, AF_UNIX, SOCK_STREAM, PF_UNSPEC)
        or die "socketpair: $!";

    $self->read_record;

    my $begin = @{$self->{requests}};

    $self->{pid} = TgoRTC::Live::spawn(sub {
        close $ours;
        $self->{server}->new($listener, $control, $self->{file}, $begin)->run;
    }, "$self->{file}.log");

    close $listener;
    $self->{control} = $ours;
    $self->answer(@{$self->{rules}});
}


# Nobody listens any more.

sub stop {
    my ($self) = @_;

    close delete $self->{control} if $self->{control};
    $self->SUPER::stop;

    for my $request (grep { !defined $_->{answered} } $self->requests) {
        @$request{qw(answered status sent)} = (time, 0, 0);
    }
}


# Returns when it is so.

sub answer {
    my ($self, @rules) = @_;

    $self->{rules} = \@rules;

    my $order = $json->encode(\@rules) . "\n";

    while ($order ne '') {
        my $n = syswrite $self->{control}, $order;
        die "endpoint: $!" if !$n;
        substr $order, 0, $n, '';
    }

    sysread $self->{control}, my $done, 1 or die 'endpoint is gone';
}


sub url {
    my ($self, $path) = @_;

    return "http://127.0.0.1:$self->{port}" . (defined $path ? $path : '/');
}


# a line of configuration

sub hook {
    my ($self, $path, $parameters) = @_;

    return sprintf "tgortc_webhook %s %s;\n", $self->url($path),
                   $parameters || '';
}


# What came so far, in the order of arrival.  A request: n, time of arrival,
# connection, active (requests under way then, with this one), method, uri,
# path, query, head, body, id, type, seq, room; and once it was answered:
# answered (time), status (0: not at all), sent (bytes).

sub requests {
    my ($self, %only) = @_;

    $self->read_record;

    my @requests = grep { defined } @{$self->{requests}};

    for my $key (keys %only) {
        @requests = grep { defined $_->{$key} && $_->{$key} =~ /$only{$key}/ }
                    @requests;
    }

    return @requests;
}


sub read_record {
    my ($self) = @_;

    open my $fh, '<:raw', $self->{file} or die "$self->{file}: $!";
    seek $fh, $self->{offset}, 0;
    local $/;
    my $record = <$fh>;
    close $fh;

    return if !defined $record;

    my $at = 0;

    for ( ;; ) {
        my $end = index $record, "\n", $at;
        last if $end < 0;

        my ($what, $n, $time, @rest) = split / /, substr $record, $at,
                                                         $end - $at;
        if ($what eq 'A') {
            my $request = $self->{requests}[$n];

            @$request{qw(answered status sent)} = ($time, @rest) if $request;
            $at = $end + 1;
            next;
        }

        my ($connection, $active, $size) = @rest;
        last if length $record < $end + 1 + $size;

        $self->{requests}[$n] = parse(substr($record, $end + 1, $size),
                                      n => $n, time => $time,
                                      connection => $connection,
                                      active => $active);
        $at = $end + 1 + $size;
    }

    $self->{offset} += $at;
}


sub parse {
    my ($bytes, %request) = @_;

    my ($head, $body) = split /\r\n\r\n/, $bytes, 2;
    my ($line, @lines) = split /\r\n/, $head;

    @request{qw(method uri)} = $line =~ /^(\S+) (\S+) HTTP/;
    @request{qw(body lines)} = ($body, \@lines);
    ($request{path}, my $query) = split /\?/, $request{uri}, 2;

    for (@lines) {
        /^([^:]+):\s*(.*)$/ and $request{head}{lc $1} = $2;
    }

    for (split /&/, defined $query ? $query : '') {
        my ($name, $value) = map { s/%(..)/chr hex $1/ger } split /=/, $_, 2;
        $request{query}{$name} = $value;
    }

    $request{id} = $request{head}{'x-event-id'};
    $request{seq} = $request{head}{'x-event-seq'};
    $request{type} = $request{head}{'x-event-type'};
    ($request{room}) = $body =~ /"room_id":"([^"]*)"/;
    ($request{uid}) = $body =~ /"uid":"([^"]*)"/;

    return bless \%request, 'TgoRTC::Endpoint::Request';
}


# Waits until so many came that match, which are returned, or fewer when it
# took too long.

sub await {
    my ($self, $n, %only) = @_;

    $self->wait_until(delete $only{within}, sub {
        (() = $self->requests(%only)) >= $n
    });

    return $self->requests(%only);
}


# The same for different events.

sub await_events {
    my ($self, $n, %only) = @_;
    my $seen;

    $self->wait_until(delete $only{within}, sub {
        my %seen = map { event_key($_) => 1 } $self->requests(%only);

        $seen = keys %seen;
        return $seen >= $n;
    });

    return $seen;
}


# Looks again only when there is something new.

sub wait_until {
    my ($self, $seconds, $code) = @_;
    my $size = -1;

    return wait_for(sub {
        my $now = -s $self->{file};

        return 0 if $now == $size;
        $size = $now;
        return $code->();
    }, $seconds || 40);
}


# Waits until nothing is under way.

sub await_answers {
    my ($self, %only) = @_;

    return wait_for(sub {
        !grep { !defined $_->{answered} } $self->requests(%only)
    }, 40);
}


# What came before is forgotten.

sub forget {
    my ($self) = @_;

    $self->read_record;
    $_ = undef for @{$self->{requests}};
}


# --- checks

sub event_key {
    my ($request) = @_;

    return "$request->{path} $request->{id}";
}


# Where the order of a room was not kept: an event that came before the one
# with the number before it was accepted.

sub misordered {
    my (%first, %accepted, @wrong);

    for my $request (@_) {
        my $key = "$request->{path} $request->{room}";
        my $seq = $request->{seq};

        $first{$key}{$seq} = $request->{time}
            if !exists $first{$key}{$seq}
               || $request->{time} < $first{$key}{$seq};

        next if ($request->{status} || 0) !~ /^2/;

        $accepted{$key}{$seq} = $request->{answered}
            if !exists $accepted{$key}{$seq}
               || $request->{answered} < $accepted{$key}{$seq};
    }

    for my $key (sort keys %first) {
        for my $seq (sort { $a <=> $b } keys %{$first{$key}}) {
            next if $seq == 1;

            my $accepted = $accepted{$key}{$seq - 1};

            push @wrong, "$key: $seq before " . ($seq - 1)
                if !defined $accepted || $first{$key}{$seq} < $accepted;
        }
    }

    return join "\n", @wrong > 10 ? @wrong[0 .. 9] : @wrong;
}


# How many requests were repeats of an event.

sub repeated {
    my %seen;

    return scalar grep { $seen{event_key($_)}++ } @_;
}


# --- nginx with endpoints, and what it says of them

# They are patient with Redis, unless told otherwise: the machine may be busy.

sub hooked {
    my ($redis, $hooks, %more) = @_;

    my $http = delete $more{http} || '';

    my $ring = $http =~ /tgortc_ring_timeout/ ? ''
                                              : 'tgortc_ring_timeout 10m;';
    return nginx(
        redis => $redis, http => "$ring\n$hooks\n$http", hooks => $hooks,
        server => 'location /api/v1/webhooks/logs { tgortc_webhook_logs; }',
        %more
    );
}


sub logs_request {
    my ($nginx, $path, $body) = @_;

    return {
        port => $nginx->{port}, path => "/api/v1/webhooks/logs$path",
        method => defined $body ? 'POST' : 'GET',
        defined $body ? (body => $body) : ()
    };
}


sub stats {
    my ($nginx) = @_;
    my $answer = ask(logs_request($nginx, '/stats'));

    return $answer->{status} == 200 ? $answer->json->{data} : {};
}


# "5 = 3 ok + 1 failed + 1 pending", of all or of one endpoint

sub counts {
    my ($nginx, $name) = @_;

    return format_counts(state_of($nginx, $name));
}


sub format_counts {
    my ($stats) = @_;

    return 'none' if !defined $stats->{total_count};
    return sprintf '%s = %s ok + %s failed + %s pending',
           map { $stats->{"${_}_count"} } qw(total success failed pending);
}


sub state_of {
    my ($nginx, $name) = @_;
    my $stats = stats($nginx);

    return $stats if !defined $name;

    my ($endpoint) = grep { ($_->{name} || '') eq $name }
                          @{$stats->{endpoints} || []};
    return $endpoint || {};
}


# of the log, the newest first

sub entries {
    my ($nginx, $query) = @_;
    my $answer = ask(logs_request($nginx, $query ? "?$query" : ''));

    return $answer->{status} == 200 ? @{$answer->json->{data}{entries}} : ();
}


package TgoRTC::Endpoint::Request;

use strict;
use warnings;


sub json {
    my ($self) = @_;

    return $self->{json} ||= eval { $json->decode($self->{body}) } || {};
}


# The process.

package TgoRTC::Endpoint::Server;

use strict;
use warnings;


sub new {
    my ($class, $listener, $control, $file, $begin) = @_;

    open my $record, '>>:raw', $file or die "$file: $!";
    $listener->blocking(0);

    return bless {
        listener => $listener, control => $control, record => $record,
        n => $begin, connections => 0, active => 0, rules => [], order => '',
        clients => {}, tries => {}, later => [],
        in => IO::Select->new($listener, $control), out => IO::Select->new
    }, $class;
}


sub run {
    my ($self) = @_;

    $SIG{PIPE} = 'IGNORE';

    for ( ;; ) {
        my $later = $self->{later};
        my $now = Time::HiRes::time();

        while (@$later && $later->[0][0] <= $now) {
            $self->reply(@{shift @$later}[1, 2]);
        }

        my $wait = @$later ? $later->[0][0] - $now : 1;
        my ($in, $out) = IO::Select->select($self->{in}, $self->{out}, undef,
                                            $wait < 0 ? 0 : $wait)
            or next;

        for my $socket (@$out) {
            my $client = $self->{clients}{$socket} or next;
            $self->send($client);
        }

        for my $socket (@$in) {
            if ($socket == $self->{listener}) {
                $self->accept;

            } elsif ($socket == $self->{control}) {
                return if !$self->obey;

            } elsif (my $client = $self->{clients}{$socket}) {
                $self->receive($client);
            }
        }
    }
}


sub obey {
    my ($self) = @_;

    sysread $self->{control}, $self->{order}, 65536, length $self->{order}
        or return;

    if ($self->{order} =~ s/^(.*)\n//) {
        $self->{rules} = $json->decode($1);
        syswrite $self->{control}, '.';
    }

    return 1;
}


sub accept {
    my ($self) = @_;

    while (my $socket = $self->{listener}->accept) {
        $socket->blocking(0);
        $self->{in}->add($socket);
        $self->{clients}{$socket} = {
            socket => $socket, in => '', out => '', rest => 0,
            id => ++$self->{connections}
        };
    }
}


sub drop {
    my ($self, $client) = @_;
    my $socket = delete $client->{socket} or return;

    $self->done($client) if $client->{request};

    delete $self->{clients}{$socket};
    $self->{in}->remove($socket);
    $self->{out}->remove($socket);
    close $socket;
}


sub note {
    my ($self, $what) = @_;

    syswrite $self->{record}, $what;
}


sub receive {
    my ($self, $client) = @_;

    my $n = sysread $client->{socket}, $client->{in}, 65536,
                    length $client->{in};

    return if !defined $n && ($!{EAGAIN} || $!{EINTR});

    if (!$n) {
        $self->drop($client);
        return;
    }

    return if $client->{request};

    $client->{in} =~ /^(.*?)\r\n\r\n/s or return;

    my ($head, $size) = ($1, $+[0]);

    $head =~ /^content-length:\s*(\d+)/mi and $size += $1;

    return if length $client->{in} < $size;

    $self->begin($client, substr $client->{in}, 0, $size, '');
}


sub begin {
    my ($self, $client, $bytes) = @_;

    my ($path) = $bytes =~ /^\S+ ([^ ?]*)/;
    my ($id) = $bytes =~ /^x-event-id:\s*(\S+)/mi;
    my ($type) = $bytes =~ /^x-event-type:\s*(\S+)/mi;
    my ($room) = $bytes =~ /"room_id":"([^"]*)"/;
    my ($uid) = $bytes =~ /"uid":"([^"]*)"/;
    my %it = (path => $path, type => $type, room => $room, uid => $uid,
              id => $id);

    $client->{request} = { n => $self->{n}++, status => 0, sent => 0 };
    $self->{active}++;

    $self->note(sprintf "R %d %.6f %d %d %d\n%s", $client->{request}{n},
                Time::HiRes::time(), $client->{id}, $self->{active},
                length $bytes, $bytes);

    my $answer = $self->choose(\%it, $bytes);

    if (!$answer->{delay}) {
        $self->reply($client, $answer);
        return;
    }

    my $when = Time::HiRes::time() + $answer->{delay};
    my $later = $self->{later};
    my $i = @$later;

    $i-- while $i > 0 && $later->[$i - 1][0] > $when;
    splice @$later, $i, 0, [$when, $client, $answer];
}


# The answer to a request.

sub choose {
    my ($self, $it, $bytes) = @_;

    my $try = $self->{tries}{$it->{path} . ' '
                                . (defined $it->{id} ? $it->{id} : '')}++;
    RULE: for my $rule (@{$self->{rules}}) {
        for my $key (keys %$it) {
            next RULE if defined $rule->{$key}
                         && (!defined $it->{$key}
                             || $it->{$key} !~ /$rule->{$key}/);
        }

        my $answers = $rule->{answers};

        return $answers->[$try < @$answers ? $try : -1];
    }

    return {};
}


sub reply {
    my ($self, $client, $answer) = @_;

    return if !$client->{socket};

    if ($answer->{close}) {
        $self->drop($client);
        return;
    }

    my $status = $answer->{status} || 200;
    my $body = $answer->{size} || $status == 204 || $status == 304 ? ''
               : defined $answer->{body} ? $answer->{body} : '{}';
    my $size = $answer->{size} || length $body;

    my @head = map { s/\{date\+(\d+)\}/date($1)/er } @{$answer->{head} || []};

    push @head, "Content-Length: $size" if $status != 204 && $status != 304;

    $client->{out} = join "\r\n", "HTTP/1.1 $status Said so", @head, '', $body;
    $client->{rest} = $answer->{size} || 0;
    $client->{request}{status} = $status;

    if (defined $answer->{cut}) {
        substr $client->{out}, $answer->{cut}, length $client->{out}, '';
        @$client{qw(rest last)} = (0, 1);
        $client->{request}{status} = 0;
    }

    # noted before the other side can act on it

    if (!$client->{rest}) {
        $client->{request}{sent} = length $client->{out};
        $self->done($client);
    }

    $self->send($client);
}


sub done {
    my ($self, $client) = @_;
    my $request = delete $client->{request};

    $self->{active}--;
    $self->note(sprintf "A %d %.6f %d %d\n", $request->{n},
                Time::HiRes::time(), $request->{status}, $request->{sent});
}


sub send {
    my ($self, $client) = @_;

    while ($client->{out} ne '') {
        my $n = syswrite $client->{socket}, $client->{out};

        if (!defined $n) {
            if ($!{EAGAIN} || $!{EINTR}) {
                $self->{out}->add($client->{socket});
            } else {
                $self->drop($client);
            }

            return;
        }

        substr $client->{out}, 0, $n, '';

        if ($client->{request}) {
            $client->{request}{sent} += $n;
        }

        if ($client->{out} eq '' && $client->{rest}) {
            my $more = $client->{rest} < length $chunk ? $client->{rest}
                                                       : length $chunk;
            $client->{out} = substr $chunk, 0, $more;
            $client->{rest} -= $more;
        }
    }

    $self->{out}->remove($client->{socket});
    $self->done($client) if $client->{request};
    $self->drop($client) if $client->{last};
}


sub date {
    my ($ahead) = @_;

    return POSIX::strftime('%a, %d %b %Y %H:%M:%S GMT',
                           gmtime(time + $ahead));
}


1;
