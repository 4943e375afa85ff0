#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# A user of Redis with the rights that docs/directives.md names, and no others:
# everything works, and Redis has nothing to complain of.

use strict;
use warnings;

use FindBin;
use Test::More;
use TgoRTC::Calls;
use TgoRTC::Endpoint;
use TgoRTC::Live;
use TgoRTC::Replicas;


my $page = slurp("$FindBin::Bin/../../docs/directives.md");
my ($rights) = $page =~ /needs\s+(`\+.*?)\s+on\s+the\s+keys/s;
my @rights = map { "+$_" } $rights =~ /\+([a-z]+)/g;

cmp_ok(scalar @rights, '>', 20, 'rights of the page');

my ($primary, $replica) = replicated(1);

$primary->command('ACL', 'SETUSER', 'app', 'reset', 'on', '>secret',
                  '~{tgortc}:*', @rights, '+info', '+role', '+wait');

my $as_user = bless {
    %$primary, address => "$primary->{address} user=app password=secret"
}, ref $primary;

delete @{$as_user}{qw(pid socket)};

my $twirp = endpoint();
my $calls = calls(
    redis => $as_user, ring => '400ms', grace => '300ms', join => '10s',
    app => 'tgortc_livekit_api ' . $twirp->url('/') . ';'
           . 'tgortc_webhook_retry delays=100ms,100ms max_age=2s;'
           . 'tgortc_redis_wait 1;',
    server => 'location /api/v1/participants { tgortc_participants; }'
              . 'location /api/v1/webhooks/logs { tgortc_webhook_logs; }'
);
my $nginx = $calls->{nginx};


sub answers {
    my ($what, $request) = @_;
    my $response = ask($request);

    is($response->{status} . ($response->{status} == 200
                              ? '' : " $response->{body}"), 200, $what);

    return $response->json;
}


sub logs {
    my ($path, $body) = @_;

    return TgoRTC::Endpoint::logs_request($nginx, $path, $body);
}


# a call between two, with LiveKit

$calls->create('pair', 'a', 'b');

my $livekit = $calls->livekit('pair');

$livekit->started;
$livekit->session('a', 'app')->joined;

answers('join', $nginx->join('pair', 'b'));

my $b = $livekit->session('b', 'app');

$b->joined;
$b->left;
answers('get', $nginx->get('/pair'));
answers('list', $nginx->get('?status=live'));
answers('sync', $nginx->get('/sync?uid=a&device_type=app'));
answers('calling', { port => $nginx->{port}, method => 'POST',
                     path => '/api/v1/participants/calling',
                     body => { uids => ['a', 'b'] } });
answers('leave', $nginx->leave('pair', 'a'));
$livekit->finished;

# a group

$calls->create('group', 'c', 'd', 'e', { max_participants => 9 });
answers('join', $nginx->join('group', 'c'));
answers('invite', $nginx->post('/group/invite', { uids => ['f'] }));
answers('cancel', $nginx->post('/group/cancel', { uids => ['f'] }));
answers('kick', $nginx->post('/group/kick', { uids => ['e'] }));
answers('end', $nginx->post('/group/end', ''));

# ringing that ends, a repeat

my $once = { %{$nginx->create('ring', 'g', 'h')},
             head => ['Idempotency-Key: k'] };

answers('once', $once);
answers('twice', $once);
ok(wait_for(sub { ask($nginx->get('/ring'))->json->{status} != 0 }),
   'nobody answers');

# an endpoint that refuses, and what is done about it

$calls->{endpoint}->answer({ answers => [{ status => 410 }] });
$calls->create('refused', 'i', 'j');

ok(wait_for(sub {
       my $stats = ask(logs('/stats'))->json;
       ($stats->{data}{dead} || 0) + ($stats->{data}{given_up} || 0) > 0
           || ask(logs('?status=dead'))->{body} =~ /"dead"|given/
   }, 30), 'an event is given up');

answers('list of the logs', logs(''));
$calls->{endpoint}->answer({ answers => [{ status => 200 }] });
answers('replay', logs('/replay', { since => int(time) - 600,
                                    until => int(time) + 600 }));
answers('cleanup', logs('/cleanup', { retention_days => 1 }));
answers('health', $nginx->health);

# another worker in the place of one that died gives back what that one had

my ($victim) = $nginx->pids;

kill KILL => $victim;
ok(wait_for(sub { ($nginx->pids)[0] && !grep { $_ == $victim } $nginx->pids }),
   'a worker is killed');
answers('after that', $nginx->create('after', 'k'));

my @denied = map { my %entry = @$_; "$entry{reason} $entry{object}" }
                 @{$primary->command('ACL', 'LOG')};

is(join(', ', @denied), '', 'Redis has denied nothing');
unlike($nginx->error_log, qr/NOPERM/, 'nor does the log know of it');


# with a sentinel

{
    my $sentinel = sentinel($primary);
    my $other = nginx(redis => "sentinel:calls\@$sentinel->{address} user=app "
                               . 'password=secret');

    ok(wait_for(sub { ask($other->health)->{status} == 200 }),
       'found by a sentinel');
    unlike($other->error_log, qr/NOPERM|\[error\]/, 'nothing is wrong');
}


# A script that comes to a command which its user may not run: it is not the
# script that is wrong, and passes when he may.

for my $case (['+xrevrange', logs('')], ['+set', $nginx->create('set', 'l')],
              ['+hget', $nginx->get('/sync?uid=a&device_type=app')])
{
    my ($right, $request) = @$case;

    $primary->command('ACL', 'SETUSER', 'app', $right =~ tr/+/-/r);
    is(unavailable(ask($request), 6), '', "without $right: 503");

    $primary->command('ACL', 'SETUSER', 'app', $right);
    is(ask($request)->{status}, 200, 'with it: 200');
}

like($nginx->error_log,
     qr/redis says "(?:NOPERM|ERR) .*(?:can't run|permission)/,
     'the log says so');

done_testing();
