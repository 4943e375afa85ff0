#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# The operator's page in a browser, as conf/demo.conf serves it: calls and how
# they end, webhooks that fail and are sent again, with a key and without, by
# keyboard, on a phone, in the dark.  Screenshots are left in build/shots.

use strict;
use warnings;

use Test::More;
use TgoRTC::Browser;
use TgoRTC::Calls;
use TgoRTC::Endpoint;
use TgoRTC::Live;


ok(system("docs/pages.sh '$ENV{BUILD}' >&2") == 0, 'the pages are made');


# what the demo says of pages

my $demo = slurp('conf/demo.conf');
my ($types) = $demo =~ /^    (types \{.*?^    \})/ms;
my ($places) = $demo =~ m{^        (location / \{.*?^        \})}ms;

ok($places, 'and of where they are');

$places =~ s/\@BUILD\@/$ENV{BUILD}/g;

my $logs = 'location /api/v1/webhooks/logs { tgortc_webhook_logs; }';
my $redis = redis();
my $endpoint = endpoint();

my $calls = calls(
    redis => $redis, endpoint => $endpoint, ring => '10m', join => '10m',
    app => "tgortc_webhook_retry delays=1s; $types",
    server => "$logs $places"
);

my $locked = nginx(
    redis => "$redis->{address} timeout=10s prefix=locked",
    http => "tgortc_api_key a-key-of-the-tests; $types",
    server => "$logs $places"
);

my %livekit;

browse('page.mjs',
    ["http://127.0.0.1:$calls->{nginx}{port}",
     "http://127.0.0.1:$locked->{port}", 'a-key-of-the-tests'],

    # the app's backend
    stop => sub { $endpoint->stop; return 1 },
    start_refusing => sub {
        my ($rooms) = @_;

        $endpoint->{rules} = [
            { room => $rooms, answers => [{ status => 410 }] }
        ];
        $endpoint->start;
        return 1;
    },
    accept => sub { $endpoint->answer; return 1 },
    accepted => sub {
        my ($room, $type) = @_;

        return scalar grep { ($_->{status} || 0) == 200 }
                      $endpoint->requests(room => "^\Q$room\E\$",
                                          type => "^\Q$type\E\$");
    },

    # these are connected to LiveKit
    connect => sub {
        my ($room, @uids) = @_;
        my $livekit = $livekit{$room} ||= $calls->livekit($room);

        $livekit->session($_, 'web')->joined for @uids;
        return 1;
    });

is($_->trouble, '', 'nothing to worry about in the log')
    for $calls->{nginx}, $locked;

done_testing();
