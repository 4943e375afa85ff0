#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# Acting on LiveKit and asking it (docs/livekit.md), with a stand-in for its
# RoomService.

use strict;
use warnings;

use JSON::PP;
use MIME::Base64 qw(decode_base64url);
use Test::More;
use TgoRTC::Calls;
use TgoRTC::Endpoint;
use TgoRTC::Live;
use Time::HiRes ();

my $json = JSON::PP->new->canonical->utf8;
my $not_found = '{"code":"not_found","msg":"twirp error unknown: requested '
                . 'room does not exist"}';

my $twirp = endpoint();
my $calls = calls(ring => '400ms', join => '400ms', grace => '300ms',
                  app => 'tgortc_livekit_api ' . $twirp->url('/') . ';');


sub twirp {
    my ($list, @rules) = @_;

    $twirp->answer(@rules, {
        path => 'ListParticipants',
        answers => [{ body => $json->encode({ participants => $list }) }]
    }, { path => 'DeleteRoom',
         answers => [{ status => 404, body => $not_found }] });
}


# an entry of a listing, named as RoomService names it

sub there {
    my ($uid, %more) = @_;

    return { sid => "PA_$uid", identity => $uid, state => 'ACTIVE',
             joined_at_ms => int(1000 * Time::HiRes::time) . '',
             kind => 'STANDARD', %more };
}


# what was asked of LiveKit about a room: "Method body grant"

sub asked {
    my ($room, $method) = @_;

    return grep { /^$method / } map {
        my ($name) = $_->{path} =~ m{^/twirp/livekit\.RoomService/(\w+)$};
        my ($token) = $_->{head}{authorization} =~ /^Bearer (\S+)$/;
        my $claims = $json->decode(decode_base64url((split /\./, $token)[1]));

        "$name $_->{body} " . $json->encode($claims->{video});
    } grep { $_->{body} =~ /"room":"\Q$room\E"/ } $twirp->requests;
}


sub await_asked {
    my ($room, $method, $n) = @_;

    wait_for(sub { (asked($room, $method))[$n - 1] }, 10 * $calls->patience);

    return asked($room, $method);
}


sub connect_all {
    my ($room, @uids) = @_;
    my $livekit = $calls->livekit($room);

    $livekit->started;
    $livekit->session($_, 'app')->joined for @uids;

    return $livekit;
}


# what is not there is done with, what failed is not (the answers of a path are
# counted from the beginning)

twirp([], { path => 'DeleteRoom',
            answers => [{ status => 404, body => '{"code":"bad_route"}' },
                        { status => 500 }, { status => 200 }] });

$calls->create('stubborn', 'b1', 'b2');
$calls->leave('stubborn', 'b1');
is(scalar await_asked('stubborn', 'DeleteRoom', 3), 3,
   'a wrong path and a failure are tried again');

twirp([]);

# a call that ends, and one that comes back

$calls->create('ends', 'a1', 'a2');
my $livekit = connect_all('ends', 'a1', 'a2');
$calls->leave('ends', 'a1');

is((await_asked('ends', 'DeleteRoom', 1))[0],
   'DeleteRoom {"room":"ends"} {"roomCreate":true}',
   'the room of a call that ended is deleted, with no other right');

$livekit->reborn->started;
is(scalar await_asked('ends', 'DeleteRoom', 2), 2,
   'a room that comes back to life is deleted again');

# a member of a group who leaves

$calls->create('group', 'c1', 'c2', 'c3', { max_participants => 4 });
connect_all('group', 'c1', 'c2', 'c3');
$calls->leave('group', 'c2');

is((await_asked('group', 'RemoveParticipant', 1))[0],
   'RemoveParticipant {"room":"group","identity":"c2"}'
   . ' {"room":"group","roomAdmin":true}',
   'who leaves a group is removed, with rights for that room alone');

# who is removed before LiveKit knows of him

$calls->create('early', 'k1', 'k2', 'k3', { max_participants => 4,
                                            invite_on => 1 });
$livekit = connect_all('early', 'k1');
$calls->join('early', 'k2');

my $session = $livekit->session('k2', 'app');

$calls->kick('early', 'k2');
await_asked('early', 'RemoveParticipant', 1);
$session->joined;
is(scalar await_asked('early', 'RemoveParticipant', 2), 2,
   'who comes after he was removed is removed again');

# ended calls that are forgotten while LiveKit does not delete their rooms

{
    my ($fails, $recovers) = (endpoint(), endpoint());
    my ($again, $late) = map {
        calls(retention => '1500ms',
              app => 'tgortc_livekit_api ' . $_->url('/') . ';')
    } $fails, $recovers;

    $fails->answer({ path => 'DeleteRoom', answers => [{ status => 500 }] });
    $recovers->answer({ path => 'DeleteRoom',
                        answers => [({ status => 500 }) x 3, {}] });

    for ($again, $late) {
        $_->create('forgotten', 'f1', 'f2');
        $_->leave('forgotten', 'f1');
    }

    ok(wait_for(sub {
        $again->status('create', 'forgotten', 'f3', 'f4') == 200
    }), 'another call has the id');

    my $since = Time::HiRes::time;

    ok(wait_for(sub {
        !$again->{redis}->command('EXISTS', '{tgortc}:queue:livekit:forgotten')
    }), "it keeps its room: what was to be done to the other's is dropped");
    is(scalar(grep { $_->{time} > $since } $fails->requests), 0,
       'and not tried any more');
    is(scalar $recovers->await(4), 4,
       'where none has it the room is deleted in the end');
}

# who may not join

$calls->create('closed', 'd1', 'd2', { max_participants => 4,
                                       invite_on => 1 });
connect_all('closed', 'd1', 'd2', 'stranger');

like((await_asked('closed', 'RemoveParticipant', 1))[0],
     qr/"identity":"stranger"/, 'who may not join is removed');
is($calls->state('closed'), '1 d1=1+ d2=1+', 'and has no state');

# what somebody put in the place of a room keeps no other waiting

twirp([], { path => 'RemoveParticipant',
            answers => [{ status => 500 }] });

$calls->create('odd', 'i1', 'i2', 'i3', { max_participants => 4 });
connect_all('odd', 'i1', 'i2', 'i3');
$calls->leave('odd', 'i3');
is(scalar await_asked('odd', 'RemoveParticipant', 1), 1, 'somebody to be removed');

$calls->{redis}->command('DEL', '{tgortc}:room:odd');
$calls->{redis}->command('RPUSH', '{tgortc}:room:odd', 'not a room');
twirp([]);
ok(wait_for(sub {
       !$calls->{redis}->command('EXISTS', '{tgortc}:queue:livekit:odd');
   }),
   'what was to be done for it is given up');
$calls->{redis}->command('DEL', '{tgortc}:room:odd');

# LiveKit's events are lost, but it is asked

twirp([there('e1'), there('e2'), there('bot', kind => 'AGENT'),
       there('e3', state => 'JOINING')]);

$calls->create('lost', 'e1', 'e2', 'e3', { max_participants => 4 });
$calls->await('lost', 7);
is($calls->state('lost'), '1 e1=1+ e2=1+ e3=4',
   'who is listed as active is connected; who is not has missed the call');
$calls->leave('lost', 'e1');
$calls->leave('lost', 'e2');

# LiveKit tells late of those whom its list had already

twirp([there('h1'), there('h2')]);

$calls->create('told', 'h1', 'h2', 'h3', { max_participants => 4 });
$calls->await('told', 6);

for my $uid ('h1', 'h2') {
    my $livekit = $uid eq 'h1' ? $calls->livekit('told')
                               : $calls->livekit('told')->reborn;
    my $session = $livekit->session($uid, 'app', sid => "PA_$uid");

    $session->joined;
    $session->left('PARTICIPANT_REMOVED');
    is($calls->of('told', $uid), '3', 'the session is the one that was listed');
}

# a list from before the session of somebody ended, who was no member then

twirp([map { there($_) } 'o1', 'o2', 'o3']);

$calls->create('stray', 'o1', 'o2', { max_participants => 4 });
$calls->livekit('stray')->session('o3', 'app', sid => 'PA_o3')
      ->left('CLIENT_INITIATED');
$calls->join('stray', 'o3');
wait_for(sub { $calls->of('stray', 'o3') =~ /^(?:1\+|3)$/ }, 20);
is($calls->state('stray'), '1 o1=1+ o2=1+ o3=3',
   'does not connect him by a session that is over');
$calls->leave('stray', 'o1');
$calls->leave('stray', 'o2');

# on which device somebody is, the list tells as well

$calls->create('devices', 'w1', 'w2', 'w3', { max_participants => 4 });
$livekit = connect_all('devices', 'w2');

my $one = $livekit->session('w1', 'app');

$one->joined;
twirp([there('w1', sid => 'PA_heard', metadata => '{"device_type":"pc"}'),
       there('w2', metadata => '{"device_type":"web"}'),
       there('w3', metadata => '{"device_type":"pad"}')]);
$one->left('DUPLICATE_IDENTITY');
$livekit->session('w1', undef, sid => 'PA_heard')->published;

ok(wait_for(sub {
       my $look = TgoRTC::Live::ask($calls->request('get', 'devices'))->json;

       'pc web pad' eq join ' ', map { $_->{device_type} || '' }
                                     @{$look->{participants}};
   }),
   'who is on another device than he was, or on one not heard of');
$calls->leave('devices', 'w2', 'web');
is($calls->state('devices'), '1 w1=1+ w2=3 w3=1+', 'hangs up on that one');

# without an answer a deadline waits no longer than 3 s

twirp([], { path => 'ListParticipants', answers => [{ delay => 20 }] });

$calls->create('silent', 'f1', 'f2');
my $began = time;
$calls->await('silent', 3);
is($calls->state('silent'), '6 f1=4 f2=4', 'no answer: the deadline acts');
cmp_ok(time - $began, '>=', 3, 'but not at once');

# a Redis that is full: LiveKit is asked all the same, and calls end

twirp([]);

my $full;

for my $try (1 .. 10) {
    $full = "full$try";
    $calls->create($full, "$full.a", "$full.b");
    $calls->{redis}->command(qw(CONFIG SET maxmemory 100kb));
    last if !asked($full, 'ListParticipants');
    $calls->{redis}->command(qw(CONFIG SET maxmemory 0));
}

is($calls->status('create', 'no', 'no1', 'no2'), 503,
   'there is no memory for another call');
wait_for(sub { $calls->state($full) =~ /^6/ });
is($calls->state($full), "6 $full.a=4 $full.b=4", 'but a call can end');
is(scalar asked($full, 'ListParticipants'), 1, 'after LiveKit was asked');
$calls->{redis}->command(qw(CONFIG SET maxmemory 0));

# a room as if more time had gone by: LiveKit is asked now, somebody was missing
# for so many ms

sub age {
    my ($calls, $room, %ms) = @_;

    $calls->{redis}->command('EVAL', <<'END', 2, "{tgortc}:room:$room",
local room = cmsgpack.unpack(redis.call('GET', KEYS[1]))
local now = redis.call('TIME')[1] * 1000

room[17] = now

for _, member in ipairs(room[13]) do
    if member[1] == ARGV[2] and tonumber(ARGV[3]) > 0 then
        member[12] = now - ARGV[3]
    end
end

redis.call('SET', KEYS[1], cmsgpack.pack(room))
redis.call('ZADD', KEYS[2], now, ARGV[1])
END
                             '{tgortc}:deadlines', $room, $ms{uid} || '',
                             $ms{missing} || 0);
}


# seconds until Redis says it is time

sub due_in {
    my ($calls, $room) = @_;
    my $redis = $calls->{redis};
    my ($s, $us) = @{$redis->command('TIME')};

    return ($redis->command('ZSCORE', '{tgortc}:deadlines', $room) || 0) / 1000
           - $s - $us / 1e6;
}


# a lost participant_left: missing twice, half a minute apart

twirp([there('g1')]);
$calls->create('ghost', 'g1', 'g2');
connect_all('ghost', 'g1', 'g2');

ok(wait_for(sub { my $due = due_in($calls, 'ghost'); $due > 30 && $due <= 60 }),
   'asked a minute after somebody connected');
age($calls, 'ghost');
await_asked('ghost', 'ListParticipants', 1);
ok(wait_for(sub { my $due = due_in($calls, 'ghost'); $due > 0 && $due <= 30 }),
   'asked again half a minute after somebody was missing');
age($calls, 'ghost', uid => 'g2', missing => 10000);
await_asked('ghost', 'ListParticipants', 2);
is($calls->state('ghost'), '1 g1=1+ g2=1+', 'missing for ten seconds: stays');
age($calls, 'ghost', uid => 'g2', missing => 31000);
$calls->await('ghost', 6);
is($calls->state('ghost'), '2 g1=3 g2=3',
   'missing for half a minute: grace, then as if he had left');

# who answers is not LiveKit: nobody is missing because of that

$calls->create('other', 'n1', 'n2');
connect_all('other', 'n1', 'n2');

for my $body ('{"code":404,"msg":"no such page"}', '[]', '"ok"',
              '{"participants":{}}')
{
    my $n = asked('other', 'ListParticipants');

    twirp([], { path => 'ListParticipants', answers => [{ body => $body }] });
    age($calls, 'other', uid => 'n2', missing => 31000);
    await_asked('other', 'ListParticipants', $n + 1);
}

ok(wait_for(sub { 4 == (() = $calls->{nginx}->error_log =~
                        /list of participants of room "other" cannot be/g) }),
   'an answer that is no list is said to be none');
is($calls->state('other'), '1 n1=1+ n2=1+', 'and is taken for none');

# it was the listing that was wrong

{
    my $asked = endpoint();
    my $calls = calls(grace => '300ms',
                      app => 'tgortc_livekit_api ' . $asked->url('/') . ';');
    my $livekit = $calls->livekit('found');

    $calls->create('found', 'j1', 'j2');

    my @there = map {
        my $session = $livekit->session($_, 'app');

        $session->joined;
        there($_, sid => $session->{participant}{sid},
              joined_at_ms => $session->{participant}{joinedAtMs});
    } 'j1', 'j2';

    $asked->answer({ path => 'ListParticipants', answers => [
        map { { body => $json->encode({ participants => $_ }) } }
            [$there[0]], \@there
    ] });

    age($calls, 'found', uid => 'j2', missing => 31000);
    $asked->await(2);
    ok(wait_for(sub { due_in($calls, 'found') > 1 }), 'his grace is over');
    is($calls->state('found'), '1 j1=1+ j2=1+',
       'who was missing and is listed again has the same session');
}

# LiveKit failed for some seconds: a question of before delays no later one

{
    my $asked = endpoint();
    my $calls = calls(grace => '300ms',
                      app => 'tgortc_livekit_api ' . $asked->url('/') . ';');

    $calls->create('again', 'r1', 'r2');

    my $livekit = $calls->livekit('again');
    my ($one, $two) = map { $livekit->session($_, 'app') } 'r1', 'r2';

    $_->joined for $one, $two;
    $asked->answer({ path => 'ListParticipants', answers => [
        ({ status => 500 }) x 4,
        { body => $json->encode({ participants => [
              there('r1', sid => $one->{participant}{sid}), there('r2')
          ] }) }
    ] });

    age($calls, 'again');
    $asked->await(4);
    $two->left('CONNECTION_TIMEOUT');
    ok(wait_for(sub { $calls->state('again') =~ /^2/
                      || (() = $asked->requests) > 4
                         && due_in($calls, 'again') > 10 }),
       'it was asked in time');
    is($calls->state('again'), '1 r1=1+ r2=1+', 'who is there stays');
}

# a question that got no answer, and by whose end nobody had to be closed

$calls->create('unheard', 'm1', 'm2');
$livekit = $calls->livekit('unheard');

my ($first) = map { my $session = $livekit->session($_, 'app');
                    $session->joined;
                    $session } 'm1', 'm2';

$calls->{redis}->command('EVAL', <<'END', 1, '{tgortc}:room:unheard');
local room = cmsgpack.unpack(redis.call('GET', KEYS[1]))

room[18] = redis.call('TIME')[1] * 1000 - 1000
redis.call('SET', KEYS[1], cmsgpack.pack(room))
END

twirp([there('m1'), there('m2')]);
$first->left('CONNECTION_TIMEOUT');
await_asked('unheard', 'ListParticipants', 1);
ok(wait_for(sub { due_in($calls, 'unheard') > 1 }), 'his grace is over');
is($calls->state('unheard'), '1 m1=1+ m2=1+',
   'does not stand for the question of a later deadline');

# who leaves while LiveKit is asked who is there, and is back when it answers

{
    $calls->create('behind', 'p1', 'p2', 'p3', { max_participants => 4 });
    $livekit = $calls->livekit('behind');

    my @there = map {
        my $session = $livekit->session($_, 'app');

        $session->joined;
        there($_, sid => $session->{participant}{sid},
              joined_at_ms => $session->{participant}{joinedAtMs});
    } 'p1', 'p2', 'p3';

    $twirp->answer({ path => 'ListParticipants', answers => [
        { delay => 1.5, body => $json->encode({ participants => \@there }) }
    ] });

    age($calls, 'behind');
    await_asked('behind', 'ListParticipants', 1);
    $calls->leave('behind', 'p2');
    $calls->join('behind', 'p2');
    $livekit->session('p2', 'app')->joined;
    ok(wait_for(sub {
           !$calls->{redis}->command('EXISTS', '{tgortc}:queue:livekit:behind');
       }),
       'nothing is to be done any more');
    is(scalar asked('behind', 'RemoveParticipant'), 0, 'he is not removed');
    is($calls->state('behind'), '1 p1=1+ p2=1+ p3=1+', 'all are there');
}

# a room that came again unheard of, then one event of it

$calls->create('moved', 'l1', 'l2', 'l3', { max_participants => 4 });
$livekit = $calls->livekit('moved');

my @sessions = map { $livekit->session($_, 'app') } 'l1', 'l2', 'l3';

$_->joined for @sessions;
twirp([map { there($_) } 'l1', 'l2', 'l3']);
$_->left('SERVER_SHUTDOWN') for @sessions;
await_asked('moved', 'ListParticipants', 1);
ok(wait_for(sub { due_in($calls, 'moved') > 1 }), 'all are back, it is listed');
$livekit->reborn->session('l1', undef, sid => 'PA_l1')->published;
await_asked('moved', 'ListParticipants', 2);
ok(wait_for(sub { due_in($calls, 'moved') > 1 }), 'their graces are over');
is($calls->state('moved'), '1 l1=1+ l2=1+ l3=1+',
   'who was listed before his room was heard of is not lost with the old one');

$livekit->reborn->finished;
await_asked('moved', 'ListParticipants', 3);
ok(wait_for(sub { due_in($calls, 'moved') > 1 }), 'their graces are over');
is($calls->state('moved'), '1 l1=1+ l2=1+ l3=1+',
   'nor with one that ends without having been heard of');

# a room that came again unheard of, and the end of the one before is told late

$calls->create('late', 'q1', 'q2', 'q3', { max_participants => 4 });
$livekit = connect_all('late', 'q1', 'q2');

my @next = map { there($_, joined_at_ms => int(1000 * Time::HiRes::time + 2000)
                                           . '') } 'q1', 'q2';

twirp(\@next);
age($calls, 'late');
await_asked('late', 'ListParticipants', 1);
ok(wait_for(sub { due_in($calls, 'late') > 50 }), 'all are back, it is listed');
$calls->join('late', 'q3', 'app');
$livekit->finished;
ok(wait_for(sub { $calls->of('late', 'q3') ne '1' }),
   'whom the call waited for did not come');
is($calls->state('late'), '1 q1=1+ q2=1+ q3=3',
   'who began after a room had ended is not lost with it');
$livekit->finished;
is($calls->state('late'), '1 q1=1+ q2=1+ q3=3', 'nor is the call');

is($calls->{nginx}->trouble, '', 'nothing bad in the log');

done_testing();
