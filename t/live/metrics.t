#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# Metrics of several workers: each thing is counted once, whoever does it, over
# reloads, with Redis and without.  The dashboard, the alerts and the page name
# what there is.  Variables in an access log, lines of the error log.

use strict;
use warnings;

use FindBin;
use JSON::PP;
use Test::More;
use TgoRTC::Calls;
use TgoRTC::Endpoint;
use TgoRTC::Live;
use TgoRTC::Prometheus;
use Time::HiRes qw(sleep time);


my $root = "$FindBin::Bin/../..";
my $endpoint = endpoint();


sub scrape {
    my ($nginx, $path) = @_;

    my $response = ask({ port => $nginx->{port}, method => 'GET',
                         path => $path || '/metrics' });

    is($response->{status}, 200, 'a scrape') if $response->{status} != 200;

    my $metrics = TgoRTC::Prometheus->new($response->{body});

    is($metrics->faults, '', 'the format') if $metrics->faults ne '';
    $metrics->{body} = $response->{body};
    $metrics->{time} = $response->{time};

    return $metrics;
}


# Waits until a sum has that value, for some is counted after the answer.

sub comes_to {
    my ($nginx, $value, @what) = @_;
    my $got;

    wait_for(sub { ($got = scrape($nginx)->sum(@what)) >= $value }, 20);
    is($got, $value, join ' ', @what);
}


my $place = 'location = /metrics { tgortc_metrics; }';


# --- requests, through all workers, over reloads

my $redis = redis();
my $nginx = hooked($redis, '', workers => 4, server => $place);

{
    my %workers;

    for my $round (1 .. 3) {
        my @responses = fire([
            (map { $nginx->create("r$round-$_", "u$round-$_") } 1 .. 40),
            (map { $nginx->get("/nobody-$_") } 1 .. 30)
        ]);

        push @responses,
             fire([map { $nginx->join("r$round-$_", "u$round-$_") } 1 .. 10]);

        $workers{$_->{head}{'x-worker'} || ''} = 1 for @responses;

        is(count_by_status(@responses), '200: 50, 404: 30', "round $round");
        ok($nginx->reload, "reload $round");
    }

    cmp_ok(scalar keys %workers, '>', 4, 'many workers had a part in it');

    comes_to($nginx, 120, 'tgortc_requests_total', operation => 'create',
             code => '200');
    comes_to($nginx, 90, 'tgortc_requests_total', operation => 'get',
             code => '404');
    comes_to($nginx, 30, 'tgortc_requests_total', operation => 'join');
    comes_to($nginx, 120, 'tgortc_request_duration_seconds_count',
             operation => 'create');

    my $metrics = scrape($nginx);

    is($metrics->value('tgortc_live_rooms'), 120, 'live rooms');
    is($metrics->value('tgortc_active_participants'), 120, 'participants');
    cmp_ok($metrics->value('tgortc_request_duration_seconds_sum',
                           operation => 'create'), '>', 0, 'it took a time');
    cmp_ok($metrics->value('tgortc_redis_command_duration_seconds_count'),
           '>', 240, 'round trips');
    cmp_ok($metrics->value('tgortc_redis_command_duration_seconds_sum'),
           '>', 0, 'they took a time');

    is($metrics->value('tgortc_redis_reconnects_total'), 0,
       'new workers are no reconnects');
}


# --- Redis that is gone, and comes back

{
    my $before = scrape($nginx);

    $redis->stop;

    my $metrics = scrape($nginx);

    is($metrics->value('tgortc_redis_up'), 0, 'Redis is not there');
    is($metrics->value('tgortc_live_rooms'), undef, 'nobody knows of rooms');
    is($metrics->value('tgortc_ringing_participants'), undef, 'nor who rings');
    is($metrics->sum('tgortc_requests_total', operation => 'create'), 120,
       'what was counted is there');
    cmp_ok($metrics->{time}, '<', 15, 'within the timeout');
    cmp_ok($metrics->sum('tgortc_redis_errors_total'), '>',
           $before->sum('tgortc_redis_errors_total'), 'errors are counted');

    $redis->start;
    ok(wait_for(sub { scrape($nginx)->value('tgortc_redis_up') == 1 }),
       'Redis is back');

    my $got;

    ok(wait_for(sub {
           $got = scrape($nginx)->value('tgortc_redis_reconnects_total');
           $got >= 4;
       }), 'each worker has connected again');
    is($got, 4, 'once');
    is($nginx->trouble, '', 'nothing bad in the log');
}


# --- deliveries, exactly: some are accepted, some fail twice, some are refused
# --- for good

{
    my $hooked = hooked(redis(), $endpoint->hook('/a', 'name=a')
                                 . $endpoint->hook('/b', 'name=b')
                                 . 'tgortc_webhook_retry delays=100ms;',
                        workers => 3, log_level => 'info', server => $place);

    $endpoint->answer(
        { path => '^/b$', room => '^twice',
          answers => [({ status => 400 }) x 2, {}] },
        { path => '^/b$', room => '^gone', answers => [{ status => 410 }] });

    fire([map { $hooked->create($_, "$_.a", "$_.b", "$_.c",
                                { max_participants => 3 }) }
          (map { "well$_" } 1 .. 20), (map { "twice$_" } 1 .. 5),
          'gone1', 'gone2']);

    comes_to($hooked, 54, 'tgortc_webhook_deliveries_total', endpoint => 'a');
    comes_to($hooked, 50, 'tgortc_webhook_deliveries_total', endpoint => 'b',
             result => 'ok');

    my $metrics = scrape($hooked);
    my @b = map {
        $metrics->value('tgortc_webhook_deliveries_total', endpoint => 'b',
                        result => $_)
    } qw(ok retry dead unreported);

    is("@b", '50 20 4 0', 'deliveries by result');
    is($metrics->value('tgortc_webhook_delivery_duration_seconds_count',
                       endpoint => 'b'), 74, 'and how long they took');
    is(scalar $endpoint->requests(path => '^/b$'), 74, 'as many as came');
    is($metrics->value('tgortc_webhook_dead_letters', endpoint => 'b'), 4,
       'dead letters');
    is($metrics->value('tgortc_webhook_waiting_events', endpoint => 'b'), 0,
       'none waits');
    is($metrics->value('tgortc_webhook_oldest_event_age_seconds',
                       endpoint => 'b'), '0.000', 'for no time');
    is($metrics->value('tgortc_ringing_participants'), 54, 'who rings');

    my $says = qr/"b" will not get "participant\.invited" of room "gone\d": /;
    my @said = $hooked->error_log =~ /\[notice\].*tgortc: ${says}HTTP 410/g;

    is(scalar @said, 4, 'the log says what is given up');
    like($hooked->error_log,
         qr/\[info\].*tgortc: created room "well1", "well1\.a"/,
         'and that a call is made');
    ask($hooked->post('/well1/end', ''));
    ok(wait_for(sub { $hooked->error_log =~ /tgortc: ended room "well1" / }),
       'or ended');
    unlike($hooked->error_log, qr/a-secret-of-the-tests|eyJ/, 'but no secret');
}


# --- what waits, and the breaker

{
    my $hooked = hooked(redis(), $endpoint->hook('/bad', 'name=bad')
                                 . 'tgortc_webhook_retry delays=10m;',
                        workers => 2, server => $place);

    my $state = sub {
        my $metrics = scrape($hooked);

        return join ' ', map {
            $metrics->value('tgortc_webhook_breaker_state', endpoint => 'bad',
                            state => $_)
        } qw(closed open half_open);
    };

    $endpoint->answer({ path => '^/bad$', answers => [{ status => 500 }] });
    is($state->(), '1 0 0', 'the breaker is closed');

    fire([map { $hooked->create("bad$_", "bad$_.a", "bad$_.b") } 1 .. 10]);

    ok(wait_for(sub { $state->() =~ /^0 (?:1 0|0 1)$/ }),
       'the breaker is open');
    ok(wait_for(sub { $hooked->error_log =~ /"bad" fails: its breaker opens/ }),
       'the log says so');

    my $metrics = scrape($hooked);

    is($metrics->value('tgortc_webhook_waiting_events', endpoint => 'bad'), 10,
       'ten wait');
    ok(wait_for(sub {
           scrape($hooked)->value('tgortc_webhook_oldest_event_age_seconds',
                                  endpoint => 'bad') > 0.2
       }), 'for a while');

    $endpoint->answer;
    fire([$hooked->create('good', 'good.a', 'good.b')]);
    ok(wait_for(sub { $state->() eq '1 0 0' }), 'the breaker closes');
    ok(wait_for(sub { $hooked->error_log =~ /"bad" is well again/ }),
       'the log says so');
    is(scalar(() = $hooked->error_log =~ /breaker opens/g), 1,
       'it opened once');
}


# --- deadlines, by whom LiveKit tells of, and what it tells

{
    my $calls = calls(ring => '300ms', join => '300ms', grace => '300ms',
                      age => '5s', server => $place, workers => 3);
    my $server = $calls->{nginx};

    # ringing: the creator and the invitee at once, in each of five

    fire([map { $server->create("ring$_", "ring$_.a", "ring$_.b") } 1 .. 5]);
    comes_to($server, 5, 'tgortc_deadlines_fired_total', kind => 'ring');

    # connecting

    fire([map { $server->create("connect$_", "connect$_.a") } 1 .. 3]);
    fire([map { $server->join("connect$_", "connect$_.a") } 1 .. 3]);
    comes_to($server, 3, 'tgortc_deadlines_fired_total', kind => 'connect');

    # coming back

    $calls->ask('create', 'rejoin', 'x', 'y');

    my $livekit = $calls->livekit('rejoin');
    my @sessions = map { $livekit->session($_, 'app') } qw(x y);

    $_->joined for @sessions;
    $sessions[0]->left('CONNECTION_TIMEOUT');
    comes_to($server, 1, 'tgortc_deadlines_fired_total', kind => 'rejoin');

    comes_to($server, 2, 'tgortc_livekit_webhooks_total',
             event => 'participant_joined');
    comes_to($server, 1, 'tgortc_livekit_webhooks_total',
             event => 'participant_left');

    # nothing is counted twice

    my $metrics = scrape($server);

    is(join(' ', map { $metrics->value('tgortc_deadlines_fired_total',
                                       kind => $_) }
                 qw(ring connect rejoin age)), '5 3 1 0', 'deadlines');
    is($metrics->value('tgortc_ringing_participants'), 0, 'nobody rings');
    is($metrics->value('tgortc_live_rooms'), 0, 'no room lives');

    # each in the log once

    my @lines = $server->error_log
                =~ /\[notice\].*tgortc: (\w+ deadline of room "\w+")/g;

    is(scalar @lines, 9, 'the log has each');
    ok((grep { $_ eq 'rejoin deadline of room "rejoin"' } @lines),
       'by its room');

    # and what is not LiveKit's

    is(ask({ port => $server->{port}, method => 'POST', body => '{}',
             path => '/api/v1/webhooks/livekit' })->{status}, 401,
       'a webhook that nobody signed');
    comes_to($server, 1, 'tgortc_livekit_webhooks_refused_total',
             reason => 'missing');
    is($server->trouble, '', 'nothing bad in the log');
}


# --- the addresses of a name come in another order at each reload

{
    my $redis = redis();
    my @addresses = ($redis->{address}, map { "unix:/nonexistent/$_" } 1, 2);
    my $server = nginx(redis => join(',', @addresses), server => $place);

    is(ask($server->create('order', 'order'))->{status}, 200, 'a request');

    for my $round (1 .. 3) {
        push @addresses, shift @addresses;
        $server->{redis} = join ',', @addresses;
        $server->write_conf;
        ok($server->reload, "the addresses in another order, $round");
        comes_to($server, 1, 'tgortc_requests_total', operation => 'create');
    }
}


# --- the end of a room's life

{
    my $calls = calls(ring => '10m', age => '400ms', server => $place);

    $calls->ask('create', 'old', 'x', 'y');
    comes_to($calls->{nginx}, 1, 'tgortc_deadlines_fired_total', kind => 'age');
    is(scrape($calls->{nginx})->value('tgortc_ringing_participants'), 0,
       'who rang rings no longer');
}


# --- a deadline that waits for LiveKit's word is acted on when that comes

{
    my $livekit = endpoint();
    my $server = nginx(
        redis => redis(), workers => 2, server => $place,
        http => 'tgortc_ring_timeout 300ms;'
                . "tgortc_livekit_api http://127.0.0.1:$livekit->{port};");

    fire([map { $server->create("ask$_", "ask$_.a", "ask$_.b") } 1 .. 4]);
    comes_to($server, 4, 'tgortc_deadlines_fired_total', kind => 'ring');
    comes_to($server, 4, 'tgortc_livekit_api_requests_total',
             method => 'ListParticipants', result => 'ok');
}


# --- LiveKit's API; two apps in one nginx, an endpoint that comes by a reload

{
    my $redis = redis();
    my $port = $endpoint->{port};
    my $second = <<"END";
location = /second {
    tgortc_redis  $redis->{address} prefix=second;
    tgortc_metrics;
}
END

    my $server = nginx(
        redis => $redis, workers => 2, server => $place . $second,
        http => $endpoint->hook('/x', 'name=x')
                . "tgortc_livekit_api http://127.0.0.1:$port;");

    $endpoint->answer({ path => 'DeleteRoom',
                        answers => [{ status => 500 }, {}] });
    ask($server->create('end', 'end.a', 'end.b'));
    ask($server->post('/end/end', ''));

    comes_to($server, 1, 'tgortc_livekit_api_requests_total',
             method => 'DeleteRoom', result => 'failed');
    comes_to($server, 1, 'tgortc_livekit_api_requests_total',
             method => 'DeleteRoom', result => 'ok');
    comes_to($server, 2, 'tgortc_webhook_deliveries_total', endpoint => 'x');

    my $other = scrape($server, '/second');

    is($other->value('tgortc_redis_up', app => 'second'), 1, 'another app');
    is($other->sum('tgortc_requests_total', operation => 'create'), 0,
       'has counts of its own');

    $server->{http} .= $endpoint->hook('/y', 'name=y');
    $server->write_conf;
    ok($server->reload, 'a reload with another endpoint');
    ask($server->create('more', 'more.a', 'more.b'));

    comes_to($server, 1, 'tgortc_webhook_deliveries_total', endpoint => 'y');
    comes_to($server, 3, 'tgortc_webhook_deliveries_total', endpoint => 'x');

    # --- names

    my $metrics = scrape($server);
    my %series = map { $_ => 1 } $metrics->series;
    my %exported = map { $_ => 1 } $metrics->names;

    my $board = JSON::PP->new->utf8->decode(slurp("$root/conf/grafana.json"));
    my @expressions = map { $_->{expr} } map { @{$_->{targets}} }
                      @{$board->{panels}};

    cmp_ok(scalar @expressions, '>', 20, 'the dashboard has panels');
    is(join(' ', grep { !defined $_->{targets}[0]{datasource}{uid}
                        || $_->{datasource}{uid} ne '${DS_PROMETHEUS}' }
                 @{$board->{panels}}), '', 'of the data source that is chosen');
    is($board->{__inputs}[0]{name}, 'DS_PROMETHEUS', 'when it is imported');

    my %labels = map { %{$_->{labels}} } @{$metrics->{samples}};

    my @queries = map { $_->{query}{query} } @{$board->{templating}{list}};

    for my $file (['conf/grafana.json', join ' ', @expressions, @queries],
                  ['conf/alerts.yml', join ' ', slurp("$root/conf/alerts.yml")
                       =~ /expr:(.*?)\n +(?:for|labels):/gs])
    {
        my ($name, $text) = @$file;
        my @used = $text =~ /\b(tgortc_[a-z_]+)\b/g;

        cmp_ok(scalar @used, '>', 8, "$name uses metrics");
        is(join(' ', grep { !$series{$_} } @used), '',
           "$name uses what is exported");

        my @by = map { split /, */ } $text =~ /\b(?:by|on) \(([^)]*)\)/g,
                                     $text =~ /[{,](\w+)[!=~]+"/g;

        cmp_ok(scalar @by, '>', 8, "$name uses labels");
        is(join(' ', grep { !exists $labels{$_} } @by), '',
           "$name uses labels that there are");
    }

    my $page = slurp("$root/docs/metrics.md");
    my %type = $page =~ /^\| `(tgortc_[a-z_]+)` \| (\w+) /mg;

    is(join(' ', sort keys %type), join(' ', sort keys %exported),
       'docs/metrics.md has all metrics, and no others');

    is($type{$_}, $metrics->{families}{$_}{type}, "$_, its type")
        for sort keys %exported;

    my @alerts = slurp("$root/conf/alerts.yml") =~ /alert: (\w+)/g;

    is(join(' ', sort $page =~ /^\| `(TgoRTC\w+)` \|/mg),
       join(' ', sort @alerts), 'docs/metrics.md has all alerts');

    my ($operations) = $page =~ /`operation` is one of (.*?) for a path/ms;
    my %operations = map { ($_->{labels}{operation} // '') => 1 }
                     $metrics->find('tgortc_requests_total');

    is(join(' ', sort $operations =~ /`(\w+)`/g),
       join(' ', sort keys %operations), 'and all operations');

    # --- as Prometheus itself reads it

    my $file = TgoRTC::Live::name('metrics');

    open my $fh, '>', $file or die "$file: $!";
    print $fh $metrics->{body};
    close $fh;

    is(`promtool check metrics < $file 2>&1`, '', 'promtool has no remarks');
    is($?, 0, 'and takes them');
}


# --- an access log

{
    my $redis = redis();
    my $log = TgoRTC::Live::name('access');
    my $server = nginx(
        redis => "$redis->{address} timeout=10s", workers => 1,
        http => "log_format it '\$tgortc_operation \$tgortc_room_id "
                . "\$tgortc_uid \$tgortc_code \$tgortc_redis_time';",
        rooms => "access_log $log it;",
        server => "location /no { access_log $log it; return 204; }");

    ask($server->create(undef, 'alice', 'bob'));
    ask($server->post('/sync', '{}'));
    ask({ port => $server->{port}, method => 'GET', path => '/no' });

    $redis->signal('STOP');

    my $continue = background(sub {
        sleep 0.3;
        kill CONT => $redis->{pid};
        return {};
    });

    ask($server->get('/r1'));
    $continue->finish;

    ok(wait_for(sub { (() = slurp($log) =~ /\n/g) == 4 }), 'four lines');

    my @lines = split /\n/, slurp($log);

    like($lines[0], qr/^create [\w-]{22} alice 200 \d\.\d{3}$/,
         'a room whose id is made, and the time of Redis');
    is($lines[1], 'sync - - 405 -', 'what does not come to Redis');
    is($lines[2], '- - - - -', 'and what is not ours');

    my ($time) = ($lines[3] || '') =~ /^get r1 - 404 (\d+\.\d{3})$/;

    cmp_ok($time || 0, '>=', 0.2, 'waiting for Redis: ' . ($time || $lines[3]));
    ok($server->quit, 'it ends');
}


ok($nginx->quit, 'it ends');
is($nginx->trouble, '', 'nothing bad in the log');

done_testing();
