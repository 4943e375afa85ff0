#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# Removing people, lists that change while they are read, and requests that
# come twice, all with their events, over connections that break and many
# clients at once.

use strict;
use warnings;

use Test::More;
use TgoRTC::Calls;
use TgoRTC::Live;


my $calls = calls();
my ($redis, $nginx) = @$calls{qw(redis nginx)};

my $group = { max_participants => 9 };


sub key { return (head => ["Idempotency-Key: $_[0]"]) }


sub ids {
    my ($query) = @_;
    my (@ids, $cursor);

    do {
        my $page = ask($nginx->get("?$query"
                       . (defined $cursor ? "&cursor=$cursor" : '')))->json;

        push @ids, map { $_->{room_id} } @{$page->{rooms}};
        $cursor = $page->{next_cursor};
    } while (defined $cursor);

    return @ids;
}


# --- removing

$calls->create('kick', qw(a b c d e), $group);

$calls->join('kick', $_, 'app') for qw(a b c);

my $livekit = $calls->livekit('kick');
my %session = map { $_ => $livekit->session($_, 'app') } qw(a b c);

$session{$_}->joined for qw(a b c);
is($calls->state('kick'), '1 a=1+ b=1+ c=1+ d=0 e=0', 'three talk, two ring');

is_deeply($calls->kick('kick', qw(d c b x)), {}, 'three are removed');
is($calls->state('kick'), '1 a=1+ b=3 c=3 d=6 e=0', 'those are gone');

is_deeply($calls->kick('kick', qw(d c b x)), {}, 'and nothing is left to do');

# what LiveKit says of them afterwards is no news

$session{b}->left('PARTICIPANT_REMOVED');
$session{c}->published;
is($calls->state('kick'), '1 a=1+ b=3 c=3 d=6 e=0', 'they are gone once');

$calls->kick('kick', 'a');
is($calls->state('kick'), '2 a=3 b=3 c=3 d=6 e=6', 'the last one joined');

$calls->expect('removed from a group', 'kick',
    '0 participant.invited b', '0 participant.invited c',
    '0 participant.invited d', '0 participant.invited e',
    '1 room.started', '1 participant.joined a app',
    '1 participant.joined b app', '1 participant.joined c app',
    '1 participant.left b', '1 participant.left c',
    '1 participant.cancelled d',
    '2 participant.left a', '2 room.finished');

$calls->create('kick-2', 'a', 'b');
is_deeply($calls->kick('kick-2', 'b'), {}, '1:1: the callee is removed');
is($calls->state('kick-2'), '3 a=6 b=6', 'and the call is off');
is($calls->status(kick => 'kick-2', 'b'), 410, 'it has ended');

$calls->expect('removed from a call that rings', 'kick-2',
    '0 participant.invited b',
    '3 participant.cancelled b', '3 room.finished');


# --- a repeat

$calls->create('once', qw(a b), $group);

for my $n (1 .. 3) {
    my $response = ask($nginx->post('/once/kick', { uids => ['b'] },
                                    key('kick-b')));

    is("$response->{status} $response->{body}", '200 {}', "request $n");

    # between them he comes back
    $calls->join('once', 'b', 'app') if $n == 1;
}

is($calls->of('once', 'b'), '1', 'he is still there');
$calls->end('once');

$calls->expect('removed once', 'once',
    '0 participant.invited b', '0 participant.cancelled b',
    '3 room.finished');

my $new = '{"creator":"z","device_type":"app","uids":["y"]}';
my @answers = fire([ map { $nginx->post('', $new, key('the-same')) }
                         1 .. 100 ]);
my %made = map { ($_->json->{room_id} || '') => 1 } @answers;

is(count_by_status(@answers), '200: 100', 'a hundred at once are answered');
is(scalar(keys %made), 1, 'with the same room');

my ($made) = keys %made;

is($redis->users->{y}, $made, 'which is the one there is');
is(scalar(grep { $_->{type} eq 'participant.invited' }
               wait_for(sub { $calls->events($made) }) && $calls->events($made)),
   1, 'and rings once');

# one key, two bodies: one is carried out, the other never

@answers = fire([ map { $nginx->post("/$made/" . ($_ % 2 ? 'leave' : 'join'),
                                     { uid => 'y' }, key('either')) }
                      1 .. 40 ]);

is(count_by_status(@answers), '200: 20, 422: 20', 'one of two uses of a key');
ask($nginx->post("/$made/end", ''));


# --- connections that break

my $proxy = proxy($redis);
my $fragile = nginx(redis => "$proxy->{address} timeout=10s");

ask($fragile->create('fragile', 'f', $group));
ask($fragile->post('/fragile/invite', { uids => ['g'] }, key('first')));

for my $lost ('swallow', 'drop') {
    my $uid = "h-$lost";

    $proxy->tell($lost);

    my $response = ask($fragile->post('/fragile/invite', { uids => [$uid] },
                                      key("invite-$lost")));

    is("$response->{status} $response->{body}", '200 {}', "$lost: answered");

    ask($fragile->post('/fragile/cancel', { uids => [$uid] }));
    $response = ask($fragile->post('/fragile/invite', { uids => [$uid] },
                                   key("invite-$lost")));

    is("$response->{status} $response->{body}", '200 {}', "$lost: and again");
    is($calls->of('fragile', $uid), '6', "$lost: done once");
}

is($fragile->trouble, '', 'nothing bad in the log');
ask($fragile->post('/fragile/end', ''));


# --- lists that change

my @stay = map { "stay-$_" } 1 .. 40;

for my $room (@stay) {
    $calls->create($room, "$room-a", $group);
    $calls->create("go-$room", "$room-b", $group);
}

for my $limit (1, 3, 7, 100) {
    my $n = 0;
    my $work = TgoRTC::Live::background(sub {
        my ($go_on) = @_;

        while ($go_on->()) {
            my $room = "come-$limit-" . ++$n;

            ask($nginx->create($room, "$room-a"));
            ask($nginx->post("/$room/end", ''));
            ask($nginx->post("/go-$stay[$n % 40]/end", ''));
        }

        return { n => $n };
    });

    my %seen;

    $seen{$_}++ for ids("limit=$limit");

    ok($work->finish->{n} > 0, "rooms come and go, $limit on a page");
    is(join(' ', grep { ($seen{$_} || 0) != 1 } @stay), '',
       'who stays is seen once');
    is(join(' ', grep { $seen{$_} > 1 } keys %seen), '', 'and nobody twice');
}

ask($nginx->post("/go-$_/end", '')) for @stay;

is_deeply([ids('limit=9')], [reverse @stay], 'the newest first');

my @ended = ids('state=ended&limit=100');

is(scalar(grep { /^stay/ } @ended), 0, 'who lives has not ended');
is(scalar(grep { $_ eq 'go-stay-1' } @ended), 1, 'who has ended is seen once');

$calls->end($_) for @stay;
$calls->is_over('at the end');


# --- what is gone

$redis->command('ZADD', '{tgortc}:rooms', map { (-1_700_000_000_000 - $_,
                                                 "old$_") } 1 .. 2500);
ok(wait_for(sub { !grep { /^old/ }
                  @{$redis->command('ZRANGE', '{tgortc}:rooms', 0, -1)} }),
   'rooms that are forgotten leave the list');

my $quick = calls(join => '500ms', ring => '500ms');

$quick->create('gone', 'a');
$quick->{redis}->command('DEL', '{tgortc}:room:gone');
ok(wait_for(sub { !@{$quick->{redis}->command('ZRANGE', '{tgortc}:rooms',
                                              0, -1)} }),
   'and so does one that was deleted, at its deadline');

is($nginx->trouble, '', 'nothing bad in the log');

done_testing();
