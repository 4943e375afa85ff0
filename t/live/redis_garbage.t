#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# What answers at Redis's address is not Redis, or talks nonsense: 503, and
# once the genuine Redis is there it is used.  Each kind of nonsense is an app
# of its own in one nginx, so that they are tried side by side.

use strict;
use warnings;

use Test::More;
use TgoRTC::Live;
use Time::HiRes qw(sleep time);


my $limit = 0.3 + 4;


# Says this as soon as somebody connects, and whatever comes.

sub says {
    my (@texts) = @_;

    return sub {
        my ($socket) = @_;

        syswrite $socket, $_ for @texts;
        while (sysread $socket, my $data, 65536) { }
    };
}


# Says it to everything that it is sent.

sub replies {
    my ($text) = @_;

    return sub {
        my ($socket) = @_;

        while (sysread $socket, my $data, 65536) {
            syswrite $socket, $text;
        }
    };
}


# Greets like Redis, then says this to scripts; closes if there is nothing.

sub scripts_reply {
    my ($text) = @_;

    return sub {
        my ($socket) = @_;

        while (my @command = read_command($socket)) {
            my $now = time;
            my $reply = $command[0] eq 'PING' ? "+PONG\r\n"
                      : $command[0] ne 'TIME' ? ref $text ? $text->(@command)
                                                          : $text
                      : sprintf "*2\r\n\$%d\r\n%d\r\n\$6\r\n%06d\r\n",
                                length int $now, $now,
                                1e6 * ($now - int $now);

            return if $reply eq '';
            syswrite $socket, $reply;
        }
    };
}


# name => [what answers, whether health can be good]

my $now = int time * 1000;

my %kinds = (
    http => [says("HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n"
                  . "Content-Length: 3\r\nConnection: close\r\n\r\nBad")],
    smtp => [says("220 mail.example.com ESMTP ready\r\n")],
    greets => [says("+OK\r\n")],
    greets_twice => [says("+OK\r\n+OK\r\n+OK\r\n+OK\r\n")],
    silent => [says()],
    closes => [sub { close $_[0] }],
    closes_late => [sub { sysread $_[0], my $data, 1 }],
    noise => [says(join '', map { chr int rand 256 } 1 .. 5000)],
    zeros => [says("\0" x 100_000)],
    loading => [replies("-LOADING Redis is loading the dataset in memory\r\n"
                        x 2)],
    error => [replies("-ERR unknown command\r\n" x 2)],
    ok => [replies("+OK\r\n+OK\r\n")],
    pong => [replies("+PONG\r\n+PONG\r\n")],
    numbers => [replies(":1\r\n:2\r\n")],
    nil => [replies("\$-1\r\n\$-1\r\n")],
    endless_line => [says('+' . 'x' x 1_000_000)],
    deep => [says("*1\r\n" x 1000)],
    huge_string => [says("\$2147483647\r\nabc")],
    huger_string => [says("\$99999999999999999999\r\nabc")],
    negative_string => [says("\$-5\r\nabc")],
    huge_array => [says("*1000000000\r\n:1\r\n")],
    huger_array => [says("*4611686018427387904\r\n:1\r\n")],
    letters => [says("\$abc\r\n*xyz\r\n")],

    s_status => [scripts_reply("+OK\r\n"), 1],
    s_number => [scripts_reply(":1\r\n"), 1],
    s_nil => [scripts_reply("\$-1\r\n"), 1],
    s_nil_array => [scripts_reply("*-1\r\n"), 1],
    s_string => [scripts_reply("\$2\r\nok\r\n"), 1],
    s_empty => [scripts_reply("*0\r\n"), 1],
    s_short => [scripts_reply("*1\r\n\$2\r\nok\r\n"), 1],
    s_types => [scripts_reply("*2\r\n:1\r\n\$2\r\nok\r\n"), 1],
    s_nils => [scripts_reply("*2\r\n\$-1\r\n\$-1\r\n"), 1],
    s_nested => [scripts_reply("*2\r\n*1\r\n:1\r\n*0\r\n"), 1],
    s_outcome => [scripts_reply("*2\r\n\$3\r\nfoo\r\n:$now\r\n"), 1],
    s_truncated => [scripts_reply("*2\r\n\$100\r\nok"), 1],
    s_closes => [scripts_reply(''), 1],
    s_huge => [scripts_reply("*2\r\n\$2\r\nok\r\n\$536870911\r\nabc"), 1],
    s_twice => [scripts_reply("*2\r\n:1\r\n:1\r\n" x 2), 1],
    s_silent => [scripts_reply(sub { sleep 5; return '' }), 1],
    s_closed => [scripts_reply("-NOAUTH Authentication required.\r\n"), 1],
    s_moved => [scripts_reply("-CLUSTERDOWN The cluster is down\r\n"), 1],
    s_full => [scripts_reply("-ERR Error running script (call to f_01234567):"
                             . " \@user_script:1: \@user_script: 1: -OOM command"
                             . " not allowed when used memory.\r\n"), 1],
    s_no_script => [scripts_reply("-NOSCRIPT No matching script.\r\n"), 1],
);

my @names = sort keys %kinds;
my $redis = redis();
my $dir = TgoRTC::Live::name('links');
my (%fake, $server);

mkdir $dir or die "$dir: $!";
chmod 0755, $dir;

for my $name (@names) {
    $fake{$name} = fake($kinds{$name}[0]);
    symlink $fake{$name}{path}, "$dir/$name" or die "symlink: $!";

    $server .= <<"END";
        location /$name/rooms {
            tgortc_redis  unix:$dir/$name timeout=300ms prefix=$name;
            tgortc_rooms;
        }

        location = /$name/health {
            tgortc_redis  unix:$dir/$name timeout=300ms prefix=$name;
            tgortc_health;
        }
END
}

my $nginx = nginx(server => $server, redis => $redis);
my @pids = $nginx->pids;


sub at {
    my ($name, $request) = @_;
    my %request = %$request;

    $request{path} =~ s|^/api/v1|/$name|;

    return \%request;
}


sub name_of {
    my ($response) = @_;

    return $response->{request}{path} =~ m|^/(\w+)| ? $1 : '';
}


# while nonsense is answered

my %wrong;

for my $round (1 .. 3) {

    my @requests = map {
        my $name = $_;

        (map { at($name, $_) }
             $nginx->create("r$round", "a$round", "b$round"),
             $nginx->create(undef, "c$round"), $nginx->join('room', 'd'),
             $nginx->get('/room'),
             $kinds{$name}[1] ? () : $nginx->health)
    } @names;

    for (fire(\@requests), fire(\@requests)) {
        my $why = unavailable($_, $limit);

        $wrong{name_of($_)}{$why} = 1 if $why ne '';
    }

    my $other = ask($nginx->create("other$round", "o$round"));

    is($other->{status}, 200, 'an app with a genuine Redis is served');
    cmp_ok($other->{time}, '<', $limit, 'and does not wait for the others');
}

for my $name (@names) {
    is(join("\n", sort keys %{$wrong{$name} || {}}), '',
       "$name: JSON 503 in time");
}

cmp_ok(TgoRTC::Live::rss($_), '<', 200_000, 'a worker has not grown')
    for sanitized() ? () : @pids;


# the genuine one at last

for my $name (@names) {
    symlink $redis->{path}, "$dir/$name.new" or die "symlink: $!";
    rename "$dir/$name.new", "$dir/$name" or die "rename: $!";
    $fake{$name}->stop;
}

my $since = time;
my %left = map { $_ => 1 } @names;
my $n = 0;

wait_for(sub {
    my (%bad, %workers);

    $n++;

    for (fire([map {
             my $name = $_;
             map { at($name, $nginx->create("back$n-$_", "f$n-$_")) } 1 .. 12
         } keys %left]))
    {
        $bad{name_of($_)} = 1 if $_->{status} != 200;
        $workers{name_of($_)}{$_->{head}{'x-worker'}} = 1;
    }

    for my $name (keys %left) {
        delete $left{$name}
            if !$bad{$name} && keys %{$workers{$name}} == @pids;
    }

    return !%left;
});

is(join(' ', sort keys %left), '', 'all are served by the genuine Redis');
cmp_ok(time - $since, '<', 15, 'soon');

is(count_by_status(fire([map { at($_, $nginx->health) } @names])),
   '200: ' . @names, 'health is good everywhere');

is(join(' ', $nginx->pids), "@pids", 'the workers are the same');
is($nginx->trouble, '', 'nothing bad in the log');


# Something in between greets before Redis does (a proxy, a tunnel): never may
# one request get the answer to another.

{
    my $proxy = proxy($redis, greeting => "+OK\r\n");
    my $behind = nginx(redis => "$proxy->{address} prefix=behind "
                                . "timeout=300ms");
    my (@mixed, @responses);

    for my $round (1 .. 5) {
        @responses = fire([
            map { $behind->create("room$round-$_", "user$round-$_") } 1 .. 40
        ]);

        for (@responses) {
            my $asked = $_->{request}{body};

            push @mixed, "$asked->{creator} got a room of "
                         . $_->json->{creator}
                if $_->{status} == 200
                   && $_->json->{creator} ne $asked->{creator};
        }

        push @mixed, map { "who is in no room is in " . @{$_->json} }
                     grep { $_->{status} == 200 && $_->{body} ne '[]' }
                     fire([map { $behind->get("/sync?uid=stranger$_"
                                              . '&device_type=app')
                               } 1 .. 10]);
    }

    is_deeply(\@mixed, [], 'nobody gets the answer to somebody else');
    is($behind->trouble, '', 'nothing bad in the log');
}


# Counts in the reply to a claim that do not fit it: nothing is sent, nobody is
# kept waiting.  A replay whose answer ends early is over.

{
    my @counts = ([1, '9223372036854775807'], [0, -14], [0, -18], [-1, 1],
                  ['4611686018427387904', 2], [99999, 99999]);
    my $locations = '';

    for my $i (0 .. $#counts) {
        my ($events, $uids) = @{$counts[$i]};
        my $path = fake(scripts_reply(
            "*18\r\n\$2\r\nok\r\n:$now\r\n:0\r\n:-1\r\n\$2\r\nr1\r\n"
            . "\$3\r\n1.5\r\n:$events\r\n:$uids\r\n:3\r\n"
            . "\$8\r\nabcdefgh\r\n" . ":1\r\n" x 7 . "\$3\r\napp\r\n"
        ))->{path};

        $locations .= <<"END";
        location /counts$i/rooms {
            tgortc_redis    unix:$path timeout=300ms;
            tgortc_webhook  http://127.0.0.1:1/hook;
            tgortc_rooms;
        }
END
    }

    my $early = fake(scripts_reply("*3\r\n\$2\r\nok\r\n:$now\r\n:0\r\n"));
    my $last = nginx(redis => $redis, server => <<"END");
        $locations
        location /early {
            tgortc_redis  unix:$early->{path} timeout=300ms;
            tgortc_webhook_logs;
        }
END
    my @before = $last->pids;

    is(count_by_status(fire([map { $last->create("counts-$_", "counts$_") }
                                 1 .. 20])),
       '200: 20', 'with counts that do not fit others are served');

    my $replay = ask({ port => $last->{port}, method => 'POST',
                       path => '/early/replay',
                       body => { since => 1, until => 2 } });

    is($replay->{body}, '{"replayed":0}', 'a replay whose answer ends early');
    is(join(' ', $last->pids), "@before", 'the workers are the same');
    is($last->trouble, '', 'nothing bad in the log');
}

done_testing();
