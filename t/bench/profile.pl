#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# Instructions of a worker for each request, and whose they are: prints a table
# in Markdown.
#
#     perl -It/lib t/bench/profile.pl [OPERATION …]
#
#     PROFILE_REQUESTS  of each operation, 2000
#
# One worker under callgrind, 16 clients, after 500 requests that do not count.
# The kernel's instructions are not among them.  The yardstick of
# t/bench/yardstick is in BUILD.  TEST_NGINX_LOAD_MODULES may name the module of
# another build.

use strict;
use warnings;


# nginx, run by callgrind; with the yardstick in place of the module, if that is
# wanted

package Profiled;

use TgoRTC::Live;

our @ISA = 'TgoRTC::Live::Nginx';


sub command {
    my ($self) = @_;

    return (qw(valgrind --tool=callgrind --trace-children=yes),
            "--callgrind-out-file=$self->{dir}/callgrind.%p",
            $self->SUPER::command);
}


sub conf {
    my ($self) = @_;

    return $self->SUPER::conf if !$self->{yardstick};

    my $user = $> == 0 ? 'user root;' : '';

    return <<"END";
load_module $self->{yardstick};
$user
daemon            off;
worker_processes  1;
pid               nginx.pid;

events {
    worker_connections  1024;
}

http {
    access_log          off;
    keepalive_requests  1000000;

    client_body_temp_path  temp;
    proxy_temp_path        temp;
    fastcgi_temp_path      temp;
    uwsgi_temp_path        temp;
    scgi_temp_path         temp;

    server {
        listen  127.0.0.1:$self->{port};

        location /api/v1/rooms {
            tgortc_yardstick  $self->{redis}{address};
        }
    }
}
END
}


# what the sub does: instructions of each group

sub instructions {
    my ($self, $code) = @_;

    $self->control('-z');
    $code->();
    $self->control('-d');

    my ($worker) = $self->pids;
    my ($file) = glob "$self->{dir}/callgrind.$worker.*";
    my $sum = main::read_sums($file);

    unlink $file;

    return $sum;
}


sub control {
    my ($self, $option) = @_;
    my ($worker) = $self->pids;
    my $log = "$self->{dir}/control";

    system("callgrind_control $option $worker > $log 2>&1");
    die 'callgrind_control: ', slurp($log) if slurp($log) !~ /OK/;
}


package main;

use TgoRTC::Bench;
use TgoRTC::Endpoint;
use TgoRTC::Live;

my $requests = $ENV{PROFILE_REQUESTS} || 2000;
my $warming = 500;
my $clients = 16;

my @groups = qw(ours nginx libcrypto cJSON hiredis libcurl libc others);


# whose a function of an object is; hiredis is linked into the module

sub group {
    my ($object, $function) = @_;

    return $function =~ /^ngx_/ ? 'ours' : 'hiredis'
        if $object =~ m{/ngx_http_tgortc\w*\.so};
    return 'nginx' if $object =~ m{/nginx$};
    return 'libcrypto' if $object =~ /libcrypto/;
    return 'cJSON' if $object =~ /libcjson/;
    return 'hiredis' if $object =~ /libhiredis/;
    return 'libcurl' if $object =~ /libcurl/;
    return 'libc' if $object =~ m{/libc[.-]};
    return 'others';
}


# A file of callgrind: the lines of what functions have used themselves, not
# those behind "calls=", of what they have called.

sub read_sums {
    my ($file) = @_;
    my (%name, %sum);
    my ($object, $function, $called) = ('', '', 0);

    open my $in, '<', $file or die "$file: $!";

    while (<$in>) {
        if (/^(c?)(ob|fn)=\((\d+)\)(?: (.+))?/) {
            $name{"$2$3"} = $4 if defined $4;
            next if $1;

            $object = $name{"ob$3"} if $2 eq 'ob';
            $function = $name{"fn$3"} if $2 eq 'fn';

        } elsif (/^calls=/) {
            $called = 1;

        } elsif (/^[-+*\d]\S* (\d+)/) {
            $sum{group($object, $function)} += $1 if !$called;
            $called = 0;
        }
    }

    return \%sum;
}


sub server {
    my ($class, %option) = @_;

    return TgoRTC::Live::remember($class->new(
        workers => 1, log_level => 'crit', %option,
        http => ($option{http} || '') . <<'END', server => <<'END'));
keepalive_requests 1000000;
tgortc_ring_timeout 1h;
tgortc_join_timeout 1h;
END
location /api/v1/webhooks/logs {
    tgortc_webhook_logs;
}

location = /api/v1/webhooks/livekit {
    tgortc_livekit_webhook;
}
END
}


# How a request is made of an nginx, the room's id, and who is in it.  What has
# to come before it is done by another nginx, which is not looked at.

my %request = (
    create => sub { my ($nginx, @call) = @_; $nginx->create(@call) },
    join => sub { my ($nginx, $id, $a, $b) = @_; $nginx->join($id, $b) },
    leave => sub { my ($nginx, $id, $a, $b) = @_; $nginx->leave($id, $b) },
    sync => sub {
        my ($nginx, $id, $a, $b) = @_;

        return $nginx->get("/sync?uid=$a&device_type=app");
    },
    room_started => sub {
        my ($nginx, $id) = @_;

        return livekit($nginx, 'room_started', $id);
    },
    "LiveKit's webhook" => sub {
        my ($nginx, $id, $a, $b) = @_;

        return livekit($nginx, 'participant_joined', $id, $a);
    }
);

my %before = (
    create => [], join => ['create'], leave => ['create', 'join'],
    sync => ['create'], "LiveKit's webhook" => ['create', 'room_started']
);


sub make {
    my ($nginx, $operation, $first, $n) = @_;

    play($nginx->{port}, $clients, map {
        [bytes($request{$operation}->($nginx, sprintf('%022d', $_),
                                      sprintf('user_%07d', 2 * $_),
                                      sprintf('user_%07d', 2 * $_ + 1)))]
    } $first .. $first + $n - 1);
}


sub profile_request {
    my ($operation, %option) = @_;
    my $redis = redis();
    my $nginx = server('Profiled', redis => $redis, %option);

    if (my @before = @{$before{$operation}}) {
        my $plain = server('TgoRTC::Live::Nginx', redis => $redis);

        make($plain, $_, 0, $warming + $requests) for @before;
        $plain->stop;
    }

    make($nginx, $operation, 0, $warming);

    my $sum = $nginx->instructions(sub {
        make($nginx, $operation, $warming, $requests);
    });

    $_->stop for $nginx, $redis;

    return $sum;
}


# Another nginx creates the calls, each with an event.

sub profile_delivery {
    my $redis = redis();
    my $port = free_port();
    my $sink = server('TgoRTC::Live::Nginx', redis => $redis, http => <<"END");
server {
    listen  127.0.0.1:$port;

    location / {
        return  200;
    }
}
END
    my $nginx = server('Profiled', redis => $redis,
                       http => "tgortc_webhook http://127.0.0.1:$port/;\n");

    my $deliver = sub {
        my ($first, $n) = @_;

        make($sink, 'create', $first, $n);
        wait_for(sub {
            (stats($sink)->{success_count} || 0) == $first + $n
        }, 60) or die "not all is delivered\n";
    };

    # the endpoint has to be known to Redis before its events are written

    ask($nginx->create('here', 'h'));
    $deliver->(0, $warming);

    my $sum = $nginx->instructions(sub { $deliver->($warming, $requests) });

    $_->stop for $nginx, $sink, $redis;

    return $sum;
}


my %wanted = map { $_ => 1 } @ARGV;

$| = 1;
print machine(), ", $requests requests each.\n\n";
row('operation', 'instructions, thousands', @groups);
row('--', map { '--:' } 0, @groups);

for my $name ('yardstick create', 'create', 'join', 'leave', 'sync',
              "LiveKit's webhook", 'delivery')
{
    next if @ARGV && !$wanted{$name};

    print STDERR "measuring: $name\n";

    my $sum = $name eq 'delivery' ? profile_delivery()
        : $name =~ /^yardstick (.*)/ ? profile_request($1, yardstick =>
              "$ENV{BUILD}/bench/ngx_http_tgortc_yardstick_module.so")
        : profile_request($name);
    my $all = 0;

    $all += $_ for values %$sum;
    row($name, sprintf('%.1f', $all / $requests / 1000),
        map { sprintf '%.0f %%', 100 * ($sum->{$_} || 0) / $all } @groups);
}
