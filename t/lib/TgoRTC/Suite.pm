package TgoRTC::Suite;

# Copyright (C) TgoRTC contributors
#
# What the suites of t/ have in common, on top of Test::Nginx::Socket:
#
#     use Test::Nginx::Socket 'no_plan';
#     use FindBin;
#     require "$FindBin::Bin/lib/TgoRTC/Suite.pm";
#
#     TgoRTC::Suite::setup();
#     run_tests();
#
# - config and http_config have a default.  Redis is empty when a block begins,
#   its own "init" runs after that.
# - An error in nginx's log fails a block that does not expect one.
# - Several requests need no "eval": in request, more_headers and
#   response_headers a blank line parts them ("-" is nothing), response_body
#   has a line for each ("-" is an empty body), error_code a word.  One of
#   these alone is meant for all requests.
# - Among the requests "redis COMMAND" is given to redis-cli (by a shell)
#   after the request above it; what it prints has a line of its own in
#   response_body, its line breaks as spaces.  "await PATH" asks nginx for PATH
#   until it answers 200, and prints the last status.
# - In answers a token reads TOKEN, and a time between the beginning of the
#   block and now reads NOW.  In what is expected "*" stands for anything.

use strict;
use warnings;

use Digest::SHA ();
use IO::Socket::INET ();
use JSON::PP ();
use MIME::Base64 ();
use Test::More ();
use Time::HiRes qw(time);


# a machine that is slow for a while is not the matter of a test

my $HTTP_CONFIG = <<'END';
    tgortc_redis        127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=10s;
    tgortc_livekit_key  devkey secret-of-at-least-32-characters-0000;
    tgortc_livekit_url  wss://livekit.example.com;
END

my $CONFIG = <<'END';
    location /api/v1/rooms {
        tgortc_rooms;
    }

    location /api/v1/participants {
        tgortc_participants;
    }

    location = /api/v1/health {
        tgortc_health;
    }
END

# what parts the text of a section that has one for each request

my %SPREAD = (
    error_code                  => qr/\s+/,
    more_headers                => qr/\n\n+/,
    response_headers            => qr/\n\n+/,
    response_headers_like       => qr/\n\n+/,
    response_body_like          => undef,
    raw_response_headers_like   => undef,
    raw_response_headers_unlike => undef
);

my $began;


sub setup {
    main::no_shuffle();
    main::no_long_string();
    main::add_block_preprocessor(\&prepare);
}


sub prepare {
    my ($block) = @_;

    default($block, http_config => $HTTP_CONFIG);
    default($block, config => $CONFIG);

    if (defined $block->must_die) {
        default($block, suppress_stderr => 1);
        return;
    }

    my $init = $block->init;

    $block->set_value(init => 'TgoRTC::Suite::begin();'
                              . (defined $init ? $init : ''));

    default($block, no_error_log => defined $block->error_log
                                    ? qr/\[(?:crit|alert|emerg)\]/
                                    : qr/\[(?:error|crit|alert|emerg)\]/);

    story($block);
}


sub default {
    my ($block, $section, $value) = @_;

    $block->set_value($section, $value) if !defined $block->$section;
}


sub begin {
    die "cannot empty the Redis\n" if redis('flushall') ne 'OK';
    $began = int time;
}


# What redis-cli prints; a shell splits the command.

sub redis {
    my ($command) = @_;

    my $out = `redis-cli -p $ENV{TEST_NGINX_REDIS_PORT} $command 2>&1`;

    $out =~ s/\s+\z//;
    $out =~ s/\n/ /g;

    return $out;
}


sub await {
    my ($path) = @_;

    my $give_up = time + 10;
    my $status = '';

    while ($status ne '200' && time < $give_up) {
        my $socket = IO::Socket::INET->new(
            PeerAddr => '127.0.0.1', PeerPort => main::server_port());

        print {$socket} "GET $path HTTP/1.0\r\n\r\n" if $socket;

        $status = ($socket && <$socket> || '') =~ m{^HTTP/\S+ (\d+)} ? $1 : '';
        select undef, undef, undef, 0.02 if $status ne '200';
    }

    return $status;
}


sub story {
    my ($block) = @_;

    my $section = defined $block->pipelined_requests ? 'pipelined_requests'
                                                     : 'request';
    my $given = $block->$section;
    my (@requests, @commands);

    return if !defined $given;

    for my $part (ref $given ? @$given : split /\n\n+/, $given) {
        if (!ref $part && $part =~ /^((?:redis|await) .*\S)/) {
            push @{$commands[$#requests]}, $1;

        } else {
            push @requests, $part;
            push @commands, [];
        }
    }

    $block->set_value($section, \@requests);

    for my $name (sort keys %SPREAD) {
        spread($block, $name, scalar @requests);
    }

    answers($block, \@commands);
}


# Makes a list, one for each request, of a section that is none.

sub spread {
    my ($block, $name, $n) = @_;

    my $value = $block->$name;

    return if !defined $value || ref $value eq 'ARRAY';

    my $between = $SPREAD{$name};
    my @parts = ref $value || !$between ? ($value) : split $between, $value;

    @parts = map { $_ =~ /\A-\s*\z/ ? '' : $_ } @parts;
    @parts = (@parts) x $n if @parts == 1;

    fits($block, $name, scalar @parts, $n);

    $block->set_value($name, \@parts);
}


# What is expected of the requests and of the commands after each.

sub answers {
    my ($block, $commands) = @_;

    my $expected = $block->response_body;
    my $filters = $block->response_body_filters;
    my (@bodies, @printed);

    if (defined $expected && !ref $expected) {
        my @lines = map { pattern($_) } split /\n/, $expected;
        my $n = @$commands + map { @$_ } @$commands;

        @lines = (@lines) x $n if @lines == 1 && $n == @$commands;

        fits($block, 'response_body', scalar @lines, $n);

        for my $list (@$commands) {
            push @bodies, shift @lines;
            push @printed, [ splice @lines, 0, @$list ];
        }

        $block->set_value(response_body => \@bodies);

    } elsif (grep { @$_ } @$commands) {
        die $block->name, ": nothing is expected of redis\n";
    }

    # a filter is called once for each answer

    my $i = 0;
    my $name = "$0 " . $block->name;

    my $after = sub {
        run($name, $commands->[$i], $printed[$i]);
        $i++;

        return $_[0];
    };

    $filters = [] if !defined $filters;
    $filters = [ $filters ] if ref $filters ne 'ARRAY';

    $block->set_value(response_body_filters => [ @$filters, \&plain, $after ]);
}


sub run {
    my ($name, $commands, $expected) = @_;

    for my $i (0 .. $#$commands) {
        my $title = "$name - $commands->[$i]";
        my ($tool, $rest) = split / /, $commands->[$i], 2;
        my $out = $tool eq 'redis' ? redis($rest) : await($rest);

        if (ref $expected->[$i]) {
            Test::More::like($out, $expected->[$i], $title);

        } else {
            Test::More::is($out, $expected->[$i], $title);
        }
    }
}


sub fits {
    my ($block, $name, $has, $needs) = @_;

    die $block->name, ": $name has $has of $needs\n" if $has != $needs;
}


sub pattern {
    my ($line) = @_;

    return '' if $line eq '-';
    return $line if $line !~ /\*/;

    my $pattern = join '.*', map { quotemeta } split /\*/, $line, -1;

    return qr/\A$pattern\z/s;
}


sub plain {
    my ($body) = @_;

    $body =~ s/"token":"(?:[\w-]+\.){2}[\w-]{43}"/"token":"TOKEN"/g;
    $body =~ s/"(\w+_at)":"(\d+)"/'"' . $1 . '":"' . when($2) . '"'/eg;

    return $body;
}


# time() of Perl itself may lag behind the clock by some ms, and so by a second

sub when {
    my ($time) = @_;

    return $time >= $began && $time <= time ? 'NOW' : $time;
}


# The header, claims and signature of the token in an answer.

sub token {
    my ($body) = @_;

    my $answer = JSON::PP::decode_json($body);
    my $token = (ref $answer eq 'ARRAY' ? $answer->[0] : $answer)->{token};

    return split /\./, $token;
}


# The claims as JSON, its keys sorted; of the times, which have to be integers,
# "nbf" as when it is, the others by how much later they are.

sub claims {
    my ($body) = @_;

    my (undef, $claims) = token($body);

    $claims = MIME::Base64::decode_base64url($claims);

    my ($nbf) = $claims =~ /"nbf":(\d+)[,}]/ or return $claims;

    $claims =~ s/"(exp|iat)":(\d+)(?=[,}])/qq{"$1":} . ($2 - $nbf)/eg;
    $claims =~ s/"nbf":(\d+)/'"nbf":"' . when($1) . '"'/e;

    my $json = JSON::PP->new->canonical->utf8;

    return $json->encode($json->decode($claims));
}


# The header of the token as it is.

sub header {
    my ($body) = @_;

    return MIME::Base64::decode_base64url((token($body))[0]);
}


# Whether the token was signed with this secret.

sub signed {
    my ($body, $secret) = @_;

    my ($header, $claims, $signature) = token($body);

    my $mac = Digest::SHA::hmac_sha256("$header.$claims", $secret);

    return $signature eq MIME::Base64::encode_base64url($mac) ? 'yes' : 'no';
}


1;
