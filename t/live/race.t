#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# Many clients at once for what only one of them can have, over two nginx with
# several workers on one Redis.

use strict;
use warnings;

use List::Util qw(shuffle);
use Test::More;
use TgoRTC::Live;


my $redis = redis();
my @nginx = map { nginx(redis => $redis, workers => 3) } 1 .. 2;


# alternately to the one nginx and the other

sub either {
    my ($i) = @_;

    return $nginx[$i % @nginx];
}


# uids of a room by what GET says of them

sub active {
    my ($room) = @_;

    return join ' ', sort map { $_->{uid} }
                          grep { $_->{status} <= 1 } @{$room->{participants}};
}


sub of_room {
    my ($room_id) = @_;
    my $users = $redis->users;

    return join ' ', sort grep { $users->{$_} eq $room_id } keys %$users;
}


# What is wrong with a room: what GET says of it, who counts as busy because of
# it, and its deadline have to agree.

sub inconsistent {
    my ($room_id) = @_;

    my $room = ask($nginx[0]->get("/$room_id"))->json;
    return 'no such room' if !$room->{room_id};

    my $active = active($room);
    my $busy = of_room($room_id);
    my $due = grep { $_ eq $room_id } $redis->deadlines;

    return "active are <$active>, busy <$busy>" if $active ne $busy;
    return "live, with $due deadlines" if $room->{status} <= 1 && !$due;
    return "ended, with a deadline" if $room->{status} > 1 && $due;
    return "ended, with <$active>" if $room->{status} > 1 && $active ne '';
    return "live and empty" if $room->{status} <= 1 && $active eq '';
    return '';
}


for my $round (1 .. 3) {

    $redis->command('FLUSHDB');

    my @responses = fire([
        map { either($_)->create("r$_", "caller$_", 'callee') } 1 .. 200
    ]);

    is(count_by_status(@responses), '200: 1, 409: 199',
       "200 callers of one callee, round $round");

    my ($won) = grep { $_->{status} == 200 } @responses;
    my $room = $won->json;

    is_deeply($redis->users, { $room->{creator} => $room->{room_id},
                               callee => $room->{room_id} },
              'only the winner and the callee are busy');
    is_deeply([$redis->deadlines], [$room->{room_id}], 'there is one room');
    is(scalar(grep { $_->{status} == 409
                     && $_->json->{message} !~ /\bcallee\b/ } @responses),
       0, 'each refusal names the callee');
}


# the same room from everyone: whoever loses is not busy afterwards

$redis->command('FLUSHDB');

my @responses = fire([
    map { either($_)->create('only', "a$_", "b$_") } 1 .. 200
]);

is(count_by_status(@responses), '200: 1, 409: 199', '200 creators of one room');

my ($won) = grep { $_->{status} == 200 } @responses;

is_deeply($redis->users, { map { $_ => 'only' } @{$won->json->{uids}} },
          'only those in the room are busy');
is(inconsistent('only'), '', 'the room is consistent');


# everyone calls his neighbour: whatever comes first, nobody is in two rooms

$redis->command('FLUSHDB');

@responses = fire([
    map { either($_)->create("n$_", "u$_", 'u' . ($_ % 100 + 1)) } 1 .. 100
]);

my %seen;
my @rooms = map { $_->json } grep { $_->{status} == 200 } @responses;

$seen{$_}++ for map { @{$_->{uids}} } @rooms;

is(scalar(grep { $_ > 1 } values %seen), 0,
   '100 in a ring call their neighbours: nobody is in two rooms');
is(scalar(grep { $_->{status} != 200 && $_->{status} != 409 } @responses), 0,
   'everyone is answered 200 or 409');
cmp_ok(scalar @rooms, '>=', 34, 'as many rooms as there must be');
is(scalar keys %{$redis->users}, 2 * @rooms, 'two are busy for each room');


# the last places

for my $round (1 .. 3) {
    my $id = "group$round";

    ask($nginx[0]->create($id, "host$round", { max_participants => 5 }));

    @responses = fire([
        map { either($_)->join($id, "guest$round-$_") } 1 .. 50
    ]);

    is(count_by_status(@responses), '200: 4, 409: 46',
       "50 want the last 4 places, round $round");

    my $room = ask($nginx[1]->get("/$id"))->json;
    my @in = map { $_->{request}{body}{uid} }
             grep { $_->{status} == 200 } @responses;

    is(active($room), join(' ', sort "host$round", @in),
       'those who were let in are in');
    is(inconsistent($id), '', 'the room is consistent');
}


# invitations of which only some fit: each is carried out wholly or not at all

ask($nginx[0]->create('invite', 'boss', { max_participants => 10 }));

@responses = fire([
    map { either($_)->post('/invite/invite',
                           { uids => ["$_-1", "$_-2", "$_-3"] }) } 1 .. 20
]);

is(count_by_status(@responses), '200: 3, 409: 17',
   '20 invitations of three people each for 9 places');
is(active(ask($nginx[0]->get('/invite'))->json),
   join(' ', sort 'boss', map { @{$_->{request}{body}{uids}} }
                          grep { $_->{status} == 200 } @responses),
   'whoever was invited is in, with the other two');


# join against leave: whatever order it is, room, users and deadlines agree

my (%statuses, @wrong, $ended);

for my $round (1 .. 10) {
    my @ids = map { "j$round-$_" } 1 .. 20;

    fire([map { either($_)->create("j$round-$_", "c$round-$_",
                                   { max_participants => 3 }) } 1 .. 20]);

    @responses = fire([shuffle map {
        my ($i, $id) = ($_, "j$round-$_");

        (either($i)->join($id, "x$round-$i"),
         either($i + 1)->leave($id, "x$round-$i"),
         either($i)->join($id, "y$round-$i"),
         either($i + 1)->join($id, "z$round-$i"),
         either($i)->leave($id, "y$round-$i"),
         either($i + 1)->leave($id, "c$round-$i"))
    } 1 .. 20]);

    for (@responses) {
        my ($what) = $_->{request}{path} =~ /(\w+)$/;

        $statuses{$what}{$_->{status}}++;
    }

    for my $id (@ids) {
        my $why = inconsistent($id);

        push @wrong, "$id: $why" if $why ne '';
        $ended += ask($nginx[0]->get("/$id"))->json->{status} > 1;
    }
}

is_deeply(\@wrong, [], 'join against leave in 200 rooms: all are consistent');
is(join(' ', grep { !/^(?:200|409|410)$/ } keys %{$statuses{join}}), '',
   'join is answered 200, 409 or 410');
is(join(' ', grep { !/^(?:200|404)$/ } keys %{$statuses{leave}}), '',
   'leave is answered 200 or 404');
ok($ended > 0 && $ended < 200, "some rooms ended, some did not ($ended)");


# Churn: everyone calls anyone, people join and leave, some leave twice.  When
# all have left what they were in, nobody is busy and nothing is waiting.

$redis->command('FLUSHDB');

my @users = map { "churn$_" } 1 .. 40;
my $unexpected = 0;
my ($created, $refused) = (0, 0);

my @agents = map {
    my ($i, $me) = ($_, $users[$_ - 1]);
    my @steps;
    my $calls = 0;
    my $turn = $i;

    sub {
        my ($response) = @_;

        if ($response) {
            my $path = $response->{request}{path};
            my $status = $response->{status};

            $unexpected++ if $status !~ /^(?:200|409|410|403)$/;

            if ($path eq '/api/v1/rooms') {
                $status == 200 ? $created++ : $refused++;

                if ($status == 200) {
                    my ($id, @uids) = ($response->json->{room_id},
                                       @{$response->json->{uids}});

                    push @steps, map { either(++$turn)->join($id, $_) }
                                     grep { rand() < 0.7 } @uids;
                    push @steps, map { either(++$turn)->leave($id, $_) }
                                     shuffle @uids, $uids[0];
                }
            }
        }

        return { %{shift @steps}, keepalive => rand() < 0.8 } if @steps;
        return if $calls++ >= 25;

        my @others = (shuffle grep { $_ ne $me } @users)[0 .. rand 3];

        return { %{either(++$turn)->create(undef, $me, @others,
                       { max_participants => @others > 1 ? 6 : 2 })},
                 keepalive => 1 };
    }
} 1 .. @users;

drive(\@agents, deadline => 60);

is($unexpected, 0, 'churn: every answer is one that can be');
cmp_ok($created, '>', 100, "churn: many calls were made ($created)");
cmp_ok($refused, '>', 20, "churn: many callers were refused ($refused)");
is_deeply($redis->users, {}, 'churn: at the end nobody is busy');
is_deeply([$redis->deadlines], [], 'churn: at the end nothing is waiting');

my @live = grep { $_->json->{status} <= 1 }
           map { ask($nginx[0]->get("/$_")) }
           map { /:room:(.*)/ } @{$redis->command('KEYS', '*:room:*')};

is(scalar @live, 0, 'churn: at the end every room has ended');


for (@nginx) {
    ok($_->quit, 'nginx stops');
    is($_->trouble, '', 'nothing bad in its log');
}

done_testing();
