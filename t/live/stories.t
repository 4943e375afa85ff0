#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# Whole calls as the app sees them: what the API answers, where everybody ends
# up, and the exact events, one after the other, with everything in them.

use strict;
use warnings;

use Test::More;
use TgoRTC::Calls;
use TgoRTC::Live;
use Time::HiRes qw(sleep time);


my $calls = calls();

# where ringing ends soon
my $quick = calls(ring => 300 * patience() . 'ms');

my $group = { max_participants => 5 };


sub wait_until {
    my ($time) = @_;
    my $rest = $time - time;

    sleep $rest if $rest > 0;
}


# A call in which all of these are connected.

sub connected {
    my ($room, $livekit, @uids) = @_;

    for my $uid (@uids) {
        $calls->join($room, $uid, 'app');
        $livekit->session($uid, 'app')->joined;
    }
}


# --- two calls that are made now, answered later, and ended last

$calls->create($_, "$_-a", "$_-b") for 'long', 'alone';

my $created = time;


# --- one-to-one

for my $leaver ('b', 'a') {
    my $room = "answered-$leaver";

    my $answer = $calls->create($room, 'a', 'b', { rtc_type => 1 });

    is($answer->{status}, 0, 'answered: created');
    is($calls->state($room), '0 a=0 b=0', 'answered: both inviting');

    my $livekit = $calls->livekit($room);
    my $a = $livekit->session('a', 'app');
    my $b = $livekit->session('b', 'web');

    $calls->join($room, 'a', 'app');
    is($calls->state($room), '0 a=1 b=0', 'answered: the creator has joined');

    $livekit->started;
    $a->joined;
    is($calls->state($room), '1 a=1+ b=0', 'answered: and is connected');

    is($calls->join($room, 'b', 'web')->{status}, 1, 'answered: in progress');
    is($calls->state($room), '1 a=1+ b=1', 'answered: the callee has joined');

    $b->joined;
    is($calls->state($room), '1 a=1+ b=1+', 'answered: and is connected');

    is_deeply($calls->leave($room, $leaver), {}, "answered: $leaver leaves");
    is($calls->state($room), '2 a=3 b=3', 'answered: both hung up');

    $calls->expect("answered, $leaver leaves", $room,
        '0 participant.invited b',
        '1 room.started',
        '1 participant.joined a app',
        '1 participant.joined b web',
        "2 participant.left $leaver",
        '2 room.finished');
}

# the creator withdraws, whatever has happened before it was answered

$calls->create('cancelled', 'a', 'b');
is_deeply($calls->leave('cancelled', 'a'), {}, 'cancelled: the creator leaves');
is($calls->state('cancelled'), '3 a=6 b=6', 'cancelled: both are');

$calls->expect('cancelled', 'cancelled',
    '0 participant.invited b',
    '3 participant.cancelled a',
    '3 room.finished');

$calls->create('cancelled-2', 'a', 'b');
connected('cancelled-2', $calls->livekit('cancelled-2'), 'a');
$calls->leave('cancelled-2', 'a');
is($calls->state('cancelled-2'), '3 a=6 b=6', 'cancelled, connected: both are');

$calls->expect('cancelled by a creator who is connected', 'cancelled-2',
    '0 participant.invited b',
    '1 room.started',
    '1 participant.joined a app',
    '3 participant.cancelled a',
    '3 room.finished');

$calls->create('cancelled-3', 'a', 'b');
$calls->join('cancelled-3', 'b');
$calls->leave('cancelled-3', 'a');
is($calls->state('cancelled-3'), '3 a=6 b=3', 'cancelled while b connects');

$calls->expect('cancelled while the callee connects', 'cancelled-3',
    '0 participant.invited b',
    '3 participant.cancelled a',
    '3 room.finished');

# the callee is there, and only the creator is still connecting

$calls->create('cancelled-5', 'a', 'b');
$calls->join('cancelled-5', 'a', 'app');
connected('cancelled-5', $calls->livekit('cancelled-5'), 'b');
$calls->leave('cancelled-5', 'a');
is($calls->state('cancelled-5'), '3 a=6 b=3', 'cancelled while a connects');

$calls->expect('cancelled while the creator connects', 'cancelled-5',
    '0 participant.invited b',
    '1 room.started',
    '1 participant.joined b app',
    '3 participant.cancelled a',
    '3 room.finished');

$calls->create('cancelled-4', 'a');
$calls->leave('cancelled-4', 'a');
is($calls->state('cancelled-4'), '3 a=6', 'cancelled: nobody was called');

$calls->expect('cancelled, nobody was called', 'cancelled-4',
    '3 participant.cancelled a',
    '3 room.finished');

# rejected

$calls->create('rejected', 'a', 'b');
$calls->leave('rejected', 'b');
is($calls->state('rejected'), '4 a=6 b=2', 'rejected: it rang for both');

$calls->expect('rejected', 'rejected',
    '0 participant.invited b',
    '4 participant.rejected b',
    '4 room.finished');

$calls->create('rejected-2', 'a', 'b');
connected('rejected-2', $calls->livekit('rejected-2'), 'a');
$calls->leave('rejected-2', 'b');
is($calls->state('rejected-2'), '4 a=3 b=2', 'rejected: the creator hung up');

$calls->expect('rejected, the creator connected', 'rejected-2',
    '0 participant.invited b',
    '1 room.started',
    '1 participant.joined a app',
    '4 participant.rejected b',
    '4 room.finished');

# the callee joined and left again before it was answered

$calls->create('not-answered', 'a', 'b');
$calls->join('not-answered', 'b');
$calls->leave('not-answered', 'b');
is($calls->state('not-answered'), '2 a=6 b=3', 'not answered');

$calls->expect('left before it was answered', 'not-answered',
    { duration => [0, 0] },
    '0 participant.invited b',
    '2 participant.left b',
    '2 room.finished');

# missed

$quick->create('missed', 'a', 'b');
$quick->expect('missed', 'missed',
    '0 participant.invited b',
    '6 participant.missed b',
    '6 room.finished');
like($quick->state('missed'), qr/^6 a=\d b=4$/, 'missed: the callee did');


# --- now the two are answered: one by both, the other by one of them

wait_until($created + 1.1);

my $before_answered = time;

connected('long', $calls->livekit('long'), 'long-a', 'long-b');
connected('alone', $calls->livekit('alone'), 'alone-b');

my $answered = time;


# --- leaving twice, elsewhere, from nowhere

$calls->create('leave', 'a', 'b', 'c', $group);
connected('leave', $calls->livekit('leave'), 'a', 'b');
$calls->join('leave', 'c');

is_deeply($calls->leave('leave', 'b', 'tablet'), {},
          'leave: on another device');
is($calls->of('leave', 'b'), '1+', 'leave: another device does not hang up');

is_deeply($calls->leave('leave', 'b', 'app'), {}, 'leave: on this one');
is($calls->of('leave', 'b'), '3', 'leave: this one does');

is_deeply($calls->leave('leave', 'b'), {}, 'leave: once more');
is_deeply($calls->leave('leave', 'b', 'app'), {}, 'leave: and again');

is_deeply($calls->leave('leave', 'c', 'tablet'), {}, 'leave: c');
is($calls->of('leave', 'c'), '3', 'leave: no device is known of him');

is($calls->status(leave => 'leave', 'nobody'), 404, 'leave: not in it');
is($calls->status(leave => 'no-such-room', 'a'), 404, 'leave: no such room');

$calls->leave('leave', 'a');
is_deeply($calls->leave('leave', 'a'), {}, 'leave: it has ended');
is_deeply($calls->leave('leave', 'nobody'), {}, 'leave: for everybody');
is($calls->state('leave'), '2 a=3 b=3 c=3', 'leave: all hung up');

$calls->expect('leaving', 'leave',
    '0 participant.invited b',
    '0 participant.invited c',
    '1 room.started',
    '1 participant.joined a app',
    '1 participant.joined b app',
    '1 participant.left b',
    '1 participant.left c',
    '2 participant.left a',
    '2 room.finished');

# the device of somebody who rings does not matter

$calls->create('tablet', 'a', 'b');
$calls->leave('tablet', 'b', 'tablet');

$calls->expect('rejected on a tablet', 'tablet',
    '0 participant.invited b',
    '4 participant.rejected b',
    '4 room.finished');

# nor that of the creator before he has joined

$calls->create('tablet-2', 'a', 'b');
$calls->leave('tablet-2', 'a', 'tablet');

$calls->expect('cancelled on a tablet', 'tablet-2',
    '0 participant.invited b',
    '3 participant.cancelled a',
    '3 room.finished');


# --- groups

# rejections end nothing while the creator is there

$calls->create('reject', 'a', 'b', 'c', $group);
$calls->leave('reject', 'b');
is($calls->state('reject'), '0 a=0 b=2 c=0', 'group: b rejects, it goes on');
$calls->leave('reject', 'c');
is($calls->state('reject'), '0 a=0 b=2 c=2', 'group: so does c, it goes on');
$calls->leave('reject', 'a');
is($calls->state('reject'), '3 a=6 b=2 c=2', 'group: the creator gives up');

$calls->expect('group, rejected by all', 'reject',
    '0 participant.invited b',
    '0 participant.invited c',
    '0 participant.rejected b',
    '0 participant.rejected c',
    '3 participant.cancelled a',
    '3 room.finished');

# cancelled: nobody else ever joined

$calls->create('withdraw', 'a', 'b', 'c', $group);
connected('withdraw', $calls->livekit('withdraw'), 'a');
$calls->leave('withdraw', 'a');
is($calls->state('withdraw'), '3 a=6 b=6 c=6', 'group: cancelled for all');

$calls->expect('group, cancelled', 'withdraw',
    '0 participant.invited b',
    '0 participant.invited c',
    '1 room.started',
    '1 participant.joined a app',
    '3 participant.cancelled a',
    '3 room.finished');

# one after the other, the creator first

$calls->create('one-by-one', 'a', 'b', 'c', 'd', $group);
connected('one-by-one', $calls->livekit('one-by-one'), 'a', 'b', 'c');

$calls->leave('one-by-one', 'a');
is($calls->state('one-by-one'), '1 a=3 b=1+ c=1+ d=0',
   'group: it goes on without its creator');
$calls->leave('one-by-one', 'b');
is($calls->state('one-by-one'), '1 a=3 b=3 c=1+ d=0', 'group: c is alone');
$calls->leave('one-by-one', 'c');
is($calls->state('one-by-one'), '2 a=3 b=3 c=3 d=6',
   'group: nobody waits for d');

$calls->expect('group, one by one', 'one-by-one',
    '0 participant.invited b',
    '0 participant.invited c',
    '0 participant.invited d',
    '1 room.started',
    '1 participant.joined a app',
    '1 participant.joined b app',
    '1 participant.joined c app',
    '1 participant.left a',
    '1 participant.left b',
    '2 participant.left c',
    '2 room.finished');

# the creator leaves, having been there alone after somebody else was; the
# last one joined leaves, nobody was ever connected to anybody

$calls->create('after-b', 'a', 'b', 'c', $group);
connected('after-b', $calls->livekit('after-b'), 'a');
$calls->join('after-b', 'b');
$calls->leave('after-b', 'b');
is($calls->state('after-b'), '1 a=1+ b=3 c=0', 'group: b came and went');
$calls->leave('after-b', 'a');
is($calls->state('after-b'), '6 a=3 b=3 c=6', 'group: never answered');

$calls->expect('group, the creator leaves after another', 'after-b',
    '0 participant.invited b',
    '0 participant.invited c',
    '1 room.started',
    '1 participant.joined a app',
    '1 participant.left b',
    '6 participant.left a',
    '6 room.finished');

# a creator who is still inviting keeps the room open

$calls->create('connecting', 'a', 'b', 'c', $group);
$calls->join('connecting', 'b');
$calls->leave('connecting', 'b');
is($calls->state('connecting'), '0 a=0 b=3 c=0',
   'group: the creator may still come');
$calls->leave('connecting', 'c');
is($calls->state('connecting'), '0 a=0 b=3 c=2', 'group: even for nobody');
$calls->leave('connecting', 'a');
is($calls->state('connecting'), '6 a=3 b=3 c=2', 'group: he does not');

$calls->expect('group, the creator never came', 'connecting',
    '0 participant.invited b',
    '0 participant.invited c',
    '0 participant.left b',
    '0 participant.rejected c',
    '6 participant.left a',
    '6 room.finished');

# and goes on without one who never came

$calls->create('without', 'a', 'b', 'c', $group);
connected('without', $calls->livekit('without'), 'b', 'c');
$calls->leave('without', 'a');
is($calls->state('without'), '1 a=3 b=1+ c=1+', 'group: the creator leaves');
$calls->leave('without', 'c');
$calls->leave('without', 'b');

$calls->expect('group, the creator never joined', 'without',
    '0 participant.invited b',
    '0 participant.invited c',
    '1 room.started',
    '1 participant.joined b app',
    '1 participant.joined c app',
    '1 participant.left a',
    '1 participant.left c',
    '2 participant.left b',
    '2 room.finished');

# three on a table of three are no pair

$calls->create('three', 'a', 'b', 'c', { max_participants => 3 });
connected('three', $calls->livekit('three'), 'a', 'b');
$calls->leave('three', 'c');
is($calls->state('three'), '1 a=1+ b=1+ c=2', 'group of three: it goes on');
$calls->leave('three', 'b');
is($calls->state('three'), '1 a=1+ b=3 c=2', 'group of three: with one');
$calls->leave('three', 'a');

$calls->expect('group of three', 'three',
    '0 participant.invited b',
    '0 participant.invited c',
    '1 room.started',
    '1 participant.joined a app',
    '1 participant.joined b app',
    '1 participant.rejected c',
    '1 participant.left b',
    '2 participant.left a',
    '2 room.finished');

# missed, side by side; whoever answered goes on

$quick->create('group', 'a', 'b', 'c', 'd', 'e', $group);

{
    my $livekit = $quick->livekit('group');

    $livekit->session($_, 'pc')->joined for 'a', 'b';
}

$quick->await('group', 10);
is($quick->state('group'), '1 a=1+ b=1+ c=4 d=4 e=4', 'group: three missed it');
$quick->leave('group', 'a');
$quick->leave('group', 'b');

$quick->expect('group, missed by three', 'group',
    '0 participant.invited b',
    '0 participant.invited c',
    '0 participant.invited d',
    '0 participant.invited e',
    '1 room.started',
    '1 participant.joined a pc',
    '1 participant.joined b pc',
    '1 participant.missed c',
    '1 participant.missed d',
    '1 participant.missed e',
    '1 participant.left a',
    '2 participant.left b',
    '2 room.finished');


# --- invitations

{
    my @many = map { "m$_" } 1 .. 40;

    $calls->create('many', 'a', @many, { max_participants => 41 });
    $calls->end('many');

    $calls->expect('forty invited', 'many',
        (map { "0 participant.invited $_" } @many),
        '3 room.finished');
}

# each once, and not the creator

$calls->create('twice', 'a', 'b', 'b', 'a', 'c', $group);
$calls->end('twice');

$calls->expect('named twice', 'twice',
    '0 participant.invited b',
    '0 participant.invited c',
    '3 room.finished');

# again, after each way to go; who is there is skipped

$calls->create('again', 'a', 'b', 'c', 'd',
               { max_participants => 6, invite_on => 1 });
connected('again', $calls->livekit('again'), 'a', 'c');

$calls->leave('again', 'b');
$calls->leave('again', 'c');
$calls->cancel('again', 'd');
is($calls->state('again'), '1 a=1+ b=2 c=3 d=6', 'again: all are gone');
is($calls->status(join => 'again', 'd'), 403, 'again: d may not join');

is_deeply($calls->invite('again', 'd', 'e', 'a', 'b', 'c', 'e'), {},
          'again: all are invited');
is($calls->state('again'), '1 a=1+ b=0 c=0 d=0 e=0', 'again: and ring');
is_deeply($calls->invite('again', 'a', 'b', 'e'), {}, 'again: to no avail');

$calls->leave('again', 'b');
connected('again', $calls->livekit('again'), 'd');
$calls->end('again');

$calls->expect('invited again', 'again',
    '0 participant.invited b',
    '0 participant.invited c',
    '0 participant.invited d',
    '1 room.started',
    '1 participant.joined a app',
    '1 participant.joined c app',
    '1 participant.rejected b',
    '1 participant.left c',
    '1 participant.cancelled d',
    { uids => [qw(a b c d e)] },
    '1 participant.invited d',
    '1 participant.invited e',
    '1 participant.invited b',
    '1 participant.invited c',
    '1 participant.rejected b',
    '1 participant.joined d app',
    '2 room.finished');

# a creator who is called back rings for as long as somebody is there

$calls->create('recalled', 'a', 'b', $group);
connected('recalled', $calls->livekit('recalled'), 'a', 'b');
$calls->leave('recalled', 'a');
$calls->invite('recalled', 'a');
$calls->leave('recalled', 'b');
is($calls->state('recalled'), '2 a=6 b=3', 'called back: not any more');

$calls->expect('called back', 'recalled',
    '0 participant.invited b',
    '1 room.started',
    '1 participant.joined a app',
    '1 participant.joined b app',
    '1 participant.left a',
    '1 participant.invited a',
    '2 participant.left b',
    '2 room.finished');

$quick->create('again', 'a', 'b', $group);
$quick->join('again', 'a');
$quick->await('again', 2);
$quick->invite('again', 'b');
$quick->await('again', 4);
$quick->end('again');

$quick->expect('missed, invited again, and missed again', 'again',
    '0 participant.invited b',
    '0 participant.missed b',
    '0 participant.invited b',
    '0 participant.missed b',
    '3 room.finished');

# whoever comes uninvited is one of the room's from then on

$calls->create('open', 'a', 'b', $group);
$calls->join('open', 'x', 'app');
$calls->invite('open', 'y');
$calls->end('open');
is($calls->state('open'), '3 a=6 b=6 x=3 y=6', 'uninvited: ended for all');

$calls->expect('uninvited', 'open',
    '0 participant.invited b',
    { uids => [qw(a b x y)] },
    '0 participant.invited y',
    '3 room.finished');

# what is refused is told to nobody

$calls->create('there', 'a', 'b', $group);
is($calls->status(create => 'refused', 'q', 'r', 'b', $group), 409,
   'refused: a creation, b is busy');
is($calls->status(invite => 'there', 'q', 'r', 's', 't'), 409,
   'refused: four invitations, there are three places');
$calls->create('elsewhere', 'c', 'd');
is($calls->status(invite => 'there', 'q', 'd'), 409,
   'refused: two invitations, d is busy');
$calls->end('elsewhere');
$calls->end('there');

$calls->expect('refusals', 'there',
    '0 participant.invited b',
    '3 room.finished');


# --- ended by the app

for (['end',   '3 a=3 b=6', 'a'], ['end-2', '2 a=3 b=3', 'a', 'b']) {
    my ($room, $state, @connected) = @$_;

    $calls->create($room, 'a', 'b', { rtc_type => 1, invite_on => 1 });
    connected($room, $calls->livekit($room), @connected);

    is_deeply($calls->end($room), {}, "$room: ended");
    is($calls->state($room), $state, "$room: for both");
    is_deeply($calls->end($room), {}, "$room: once more");

    $calls->expect("$room, ended by the app", $room,
        '0 participant.invited b',
        '1 room.started',
        (map { "1 participant.joined $_ app" } @connected),
        substr($state, 0, 1) . ' room.finished');
}

is($calls->status('end', 'no-such-room'), 404, 'end: no such room');


# --- invitations withdrawn

$calls->create('cancel', 'a', 'b', 'c', 'd', 'e', $group);
connected('cancel', $calls->livekit('cancel'), 'a', 'b');
$calls->leave('cancel', 'e');

is_deeply($calls->cancel('cancel', 'a', 'b', 'd', 'c', 'e', 'nobody'), {},
          'cancel: whoever rings');
is($calls->state('cancel'), '1 a=1+ b=1+ c=6 d=6 e=2', 'cancel: two rang');
is_deeply($calls->cancel('cancel', 'a', 'b', 'c'), {}, 'cancel: nobody rings');
$calls->end('cancel');

$calls->expect('withdrawn', 'cancel',
    '0 participant.invited b',
    '0 participant.invited c',
    '0 participant.invited d',
    '0 participant.invited e',
    '1 room.started',
    '1 participant.joined a app',
    '1 participant.joined b app',
    '1 participant.rejected e',
    '1 participant.cancelled c',
    '1 participant.cancelled d',
    '2 room.finished');

$calls->create('cancel-2', 'a', 'b', { rtc_type => 1 });
$calls->cancel('cancel-2', 'b');
is($calls->state('cancel-2'), '3 a=6 b=6', 'cancel: a pair has ended');

$calls->expect('withdrawn in a pair', 'cancel-2',
    '0 participant.invited b',
    '3 participant.cancelled b',
    '3 room.finished');

is($calls->status(cancel => 'cancel-2', 'b'), 410, 'cancel: it has ended');
is($calls->status(cancel => 'no-such-room', 'b'), 404, 'cancel: no such room');

# the creator himself does not ring

$calls->create('cancel-3', 'a', 'b');
is_deeply($calls->cancel('cancel-3', 'a'), {}, 'cancel: not the creator');
is($calls->state('cancel-3'), '0 a=0 b=0', 'cancel: who goes on inviting');
$calls->end('cancel-3');

$calls->expect('withdrawn in vain', 'cancel-3',
    '0 participant.invited b',
    '3 room.finished');


# --- the two calls that last

{
    wait_until($answered + 1.1);

    my $before = time;

    $calls->leave('long', 'long-b');
    $calls->leave('alone', 'alone-b');

    my $after = time;
    my $events = sub {
        my ($letter) = @_;

        return ("0 participant.invited $_[0]-b", '1 room.started',
                $_[0] eq 'long' ? '1 participant.joined long-a app' : (),
                "1 participant.joined $_[0]-b app",
                "2 participant.left $_[0]-b", '2 room.finished');
    };

    # seconds begun are not counted; milliseconds of both ends may be lost

    $calls->expect('a call that lasts', 'long',
        { duration => [int($before - $answered - 0.002),
                       int($after - $before_answered + 0.002)] },
        $events->('long'));
    $calls->expect('a call that lasts and was never answered', 'alone',
        { duration => [0, 0] }, $events->('alone'));

    my $look = ask($calls->request(get => 'long'))->json;
    my ($finished) = grep { $_->{type} eq 'room.finished' }
                          $calls->events('long');

    is($look->{duration}, $finished->{json}{duration},
       'the room says as long as the event');
    is($look->{ended_at}, $finished->{json}{updated_at}, 'and ended then');
}


is(scalar $calls->events('refused'), 0,
   'nothing is told of what was refused');

$calls->is_over('at the end');
$quick->is_over('at the end of ringing');

done_testing();
