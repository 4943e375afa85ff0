#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# What arrives at an endpoint, in which order, how often, and when: the
# requests and their signatures, retries, endpoints of every kind of bad.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use IO::Socket::INET;
use List::Util qw(max min sum uniq);
use MIME::Base64;
use Test::More;
use TgoRTC::Endpoint;
use TgoRTC::Live;
use Time::HiRes qw(sleep time);


# under sanitizers nothing is fast
my $slack = sanitized() ? 5 : 1;

my $redis = redis();
my @all;


# an nginx with endpoints, of an app of its own

sub app {
    my ($prefix, $hooks, %more) = @_;

    push @all, hooked("$redis->{address} prefix=$prefix", $hooks, %more);

    return $all[-1];
}


sub is_ok {
    my ($what, @responses) = @_;

    is(count_by_status(@responses), '200: ' . @responses, $what);
}


# Calls of two, all at once, and what follows from them: invited, rejected,
# room.finished.

sub ring {
    my ($nginx, @rooms) = @_;

    return fire([map { $nginx->create($_, "$_.a", "$_.b") } @rooms]);
}


sub reject {
    my ($nginx, @rooms) = @_;

    return fire([map { $nginx->leave($_, "$_.b") } @rooms]);
}


# seconds between the attempts at one event

sub gaps {
    my @attempts = @_;

    return map { $attempts[$_]{time} - $attempts[$_ - 1]{time} }
           1 .. $#attempts;
}


sub median {
    my @sorted = sort { $a <=> $b } @_;

    return $sorted[@sorted / 2];
}


sub keys_of {
    my ($body) = @_;

    # of the document itself: no object is nested in it
    return join ' ', $body =~ /"(\w+)":/g;
}


sub all_delivered {
    my ($nginx, $what, $n) = @_;
    my $expected = "$n = $n ok + 0 failed + 0 pending";

    wait_for(sub { counts($nginx) eq $expected }, 40);
    is(counts($nginx), $expected, $what);
}


# --- what takes long is begun first, and looked at in the end

my $patient = endpoint();
my $default = app('default', $patient->hook('/default'));
my $after = app('after', $patient->hook('/after')
                         . 'tgortc_webhook_retry delays=1s;');

{
    my $busy = { status => 503 };

    $patient->answer(
        { path => 'default', answers => [({ status => 400 }) x 2, {}] },
        { room => 'after-s', answers => [
            { %$busy, head => ['Retry-After: 3'] }, {}] },
        { room => 'after-date', answers => [
            { %$busy, head => ['Retry-After: {date+4}'] }, {}] },
        { room => 'after-429', answers => [
            { status => 429, head => ['retry-after:   3  '] }, {}] },
        { room => 'after-less', answers => [
            { %$busy, head => ['Retry-After: 0'] }, {}] },
        { room => 'after-past', answers => [
            { %$busy, head => ['Retry-After: {date+0}'] }, {}] },
        { room => 'after-junk', answers => [
            { %$busy, head => ['Retry-After: soon'] }, {}] });

    is_ok('a room for the default schedule', ring($default, 'default'));
    is_ok('rooms for Retry-After',
          ring($after, map { "after-$_" } qw(s date 429 less past junk)));
}


# --- the request

{
    my $endpoint = endpoint();
    my @secret = ('first secret', 'whsec_'
                  . encode_base64('a key of 24 bytes, or so', ''));
    my @key = ('first secret', 'a key of 24 bytes, or so');

    my $nginx = app('request',
        $endpoint->hook('/hook?tenant=7&x=%20y',
                        "name=two 'secret=$secret[0]' secret=$secret[1]")
        . $endpoint->hook('/whsec', "name=whsec secret=$secret[1]")
        . $endpoint->hook('/unsigned', 'name=unsigned')
        . $endpoint->hook('/few', 'name=few events=room.finished,'
                                  . 'participant.rejected')
        . $endpoint->hook('', 'name=bare events=room.finished')
        . 'tgortc_webhook_retry delays=1500ms;');

    # each event is refused once

    $endpoint->answer({ path => '^/hook$', answers => [{ status => 400 }, {}]
                      });

    my $began = int time;

    is_ok('a group is created', ask($nginx->create('group', 'ann', 'bob',
        "cy \x{e9} \"q\"", { rtc_type => 1, invite_on => 1, max_participants => 5 })));
    is_ok('one rejects', ask($nginx->leave('group', 'bob')));
    is_ok('the creator withdraws it', ask($nginx->leave('group', 'ann')));

    $endpoint->await_events(5, path => '^/unsigned');

    my @events = sort { $a->{seq} <=> $b->{seq} }
                 $endpoint->requests(path => '^/unsigned');

    is(join(' ', map { $_->{type} } @events),
       'participant.invited participant.invited participant.rejected '
       . 'participant.cancelled room.finished', 'the events');
    is(join(' ', map { $_->{seq} } @events), '1 2 3 4 5', 'numbered');

    my $room = 'room_id creator rtc_type invite_on status max_participants '
               . 'duration uids created_at updated_at';

    is(join("\n", map { keys_of($_->{body}) } @events),
       join("\n", ("$room uid invited_uids") x 2, ("$room uid") x 2, $room),
       'the keys of their bodies, in the order of the reference');

    my @bodies = map { $_->json } @events;
    my ($created) = map { $_->{created_at} } @bodies;
    my %body = (room_id => 'group', creator => 'ann', rtc_type => 1,
                invite_on => 1, status => 0, max_participants => 5,
                duration => 0, uids => ['ann', 'bob', "cy \x{e9} \"q\""],
                created_at => $created);

    for my $body (@bodies) {
        my $updated = delete $body->{updated_at};

        ok($updated >= $created && $updated <= time, 'updated_at is its time');
    }

    ok($created >= $began && $created <= time, 'created_at is a time');
    is_deeply(\@bodies, [
        { %body, uid => 'bob', invited_uids => ['bob'] },
        { %body, uid => $body{uids}[2], invited_uids => [$body{uids}[2]] },
        { %body, uid => 'bob' },
        { %body, uid => 'ann', status => 3 },
        { %body, status => 3 }
    ], 'the bodies');

    like($events[0]{body}, qr/^\{"room_id":"group",.*\d\}$|^\{.*\]\}$/,
         'numbers are numbers, and nothing is around them');
    unlike(join('', map { $_->{body} } @events), qr/"\w+_at":"/,
           'times are integers');

    $endpoint->await(10, path => '^/hook$');

    my %attempts;
    push @{$attempts{$_->{id}}}, $_ for $endpoint->requests(path => '^/hook$');

    is(scalar keys %attempts, 5, 'an id for each event');
    is(scalar(grep { @$_ == 2 } values %attempts), 5,
       'and the same one on each attempt');
    is(join(' ', sort keys %attempts), join(' ', sort map { $_->{id} }
                                                 @events),
       'at every endpoint');
    unlike(join(' ', keys %attempts), qr/[^\w -]/, 'of harmless characters');

    for my $request (map { @$_ } values %attempts) {
        my $head = $request->{head};
        my ($id, $time) = @$head{qw(webhook-id webhook-timestamp)};
        my $signed = "$id.$time.$request->{body}";

        is($request->{method}, 'POST', "$request->{type}: POST");
        is($request->{uri}, "/hook?tenant=7&x=%20y&event_type=$request->{type}"
                            . "&event_id=$request->{id}",
           'type and id are added to the query');
        is($head->{'content-type'}, 'application/json', 'Content-Type');
        ok($head->{'user-agent'}, 'User-Agent');
        is($head->{'x-timestamp'}, $request->json->{updated_at},
           'X-Timestamp is the time of the event');
        is($head->{'x-signature'}, hmac_sha256_hex($request->{body}, $key[0]),
           'X-Signature is by the first secret');
        is($id, $request->{id}, 'webhook-id');
        cmp_ok(abs($time - $request->{time}), '<', 2 + $slack,
               'webhook-timestamp is the time of the attempt');
        is($head->{'webhook-signature'},
           join(' ', map { 'v1,' . encode_base64(hmac_sha256($signed, $_), '') }
                     @key),
           'webhook-signature is by both secrets');
    }

    for my $pair (values %attempts) {
        my ($first, $second) = @$pair;

        is($second->{head}{'x-timestamp'}, $first->{head}{'x-timestamp'},
           "$first->{type} again: the event has its time");
        isnt($second->{head}{'webhook-timestamp'},
             $first->{head}{'webhook-timestamp'}, 'the attempt has another');
        is($second->{body}, $first->{body}, 'the body is the same');
    }

    # by another implementation of HMAC

    {
        my ($one) = $endpoint->requests(path => '^/whsec');
        my $head = $one->{head};
        my $file = TgoRTC::Live::name('signed');

        open my $fh, '>:raw', $file or die "$file: $!";
        print $fh "$head->{'webhook-id'}.$head->{'webhook-timestamp'}."
                  . $one->{body};
        close $fh;

        my $hex = unpack 'H*', $key[1];
        my $mac = qx(openssl dgst -sha256 -mac HMAC -macopt hexkey:$hex $file);
        my ($digest) = $mac =~ /([0-9a-f]{64})/;

        is($head->{'webhook-signature'},
           'v1,' . encode_base64(pack('H*', $digest), ''),
           'the key of whsec_ is what its base64 says');
        is($head->{'x-signature'}, hmac_sha256_hex($one->{body}, $secret[1]),
           'but not for X-Signature, which has the text');
    }

    is(join(' ', grep { /signature|webhook/ } map { keys %{$_->{head}} }
                 @events),
       '', 'no signature without a secret');

    $endpoint->await(2, path => '^/few');
    is(join(' ', map { $_->{type} } $endpoint->requests(path => '^/few')),
       'participant.rejected room.finished', 'an endpoint gets its events=');

    my ($bare) = $endpoint->await(1, path => '^/$');

    like($bare->{uri}, qr{^/\?event_type=room\.finished&event_id=$bare->{id}$},
         'a URL without path and query');

    all_delivered($nginx, 'all events are accounted for', 5 * 3 + 2 + 1);
    is(counts($nginx, 'few'), '2 = 2 ok + 0 failed + 0 pending',
       'events that an endpoint does not take are none of its');
}


# --- prompt: with one worker, which would otherwise look once a second

{
    my $endpoint = endpoint();
    my $nginx = app('prompt', $endpoint->hook('/'), workers => 1);
    my (%begun, @latency);

    for my $i (1 .. 25) {
        $begun{"p$i invited"} = time;
        ring($nginx, "p$i");
        $begun{"p$i rejected"} = time;
        reject($nginx, "p$i");
        sleep 0.02;
    }

    is($endpoint->await_events(75), 75, 'every event came');

    my @requests = $endpoint->requests;
    my %answered = map { ("$_->{room} $_->{seq}" => $_->{answered}) }
                   @requests;

    for my $what ('invited', 'rejected') {
        my @late = map { $_->{time} - $begun{"$_->{room} $what"} }
                   grep { $_->{type} =~ /$what/ } @requests;

        cmp_ok(median(@late), '<', 0.2 * $slack,
               sprintf 'it leaves at once: %s after %.4f s', $what,
                       median(@late));
    }

    my @next = map { $_->{time} - $answered{"$_->{room} 2"} }
               grep { $_->{type} eq 'room.finished' } @requests;

    cmp_ok(median(@next), '<', 0.2 * $slack,
           sprintf 'and so does the next one: after %.4f s', median(@next));
    is(repeated(@requests), 0, 'each came once');
    is(misordered(@requests), '', 'in order');
}


# --- order

{
    my $endpoint = endpoint();
    my $nginx = app('order', $endpoint->hook('/')
                             . 'tgortc_webhook_retry delays=200ms;');
    my @rooms = map { "o$_" } 1 .. 60;

    $endpoint->answer({ room => '^stuck$', answers => [{ status => 400 }] });

    is_ok('a room whose first event is refused', ring($nginx, 'stuck'));
    is_ok('goes on', reject($nginx, 'stuck'));
    is_ok('and others', ring($nginx, @rooms));
    is_ok('go on', reject($nginx, @rooms));

    is($endpoint->await_events(180, room => '^o'), 180,
       'the others get all their events');
    $endpoint->await(3, room => '^stuck$');
    is(join(' ', sort { $a <=> $b } map { $_->{seq} }
                      $endpoint->requests(room => '^stuck$')) =~ s/ 1//gr,
       '1', 'the one only tries its first');

    $endpoint->answer;
    is($endpoint->await_events(3, room => '^stuck$'), 3, 'and then goes on');
    all_delivered($nginx, 'nothing is left', 183);
    is(misordered($endpoint->requests), '', 'every room in order');
    is(repeated($endpoint->requests(room => '^o')), 0,
       'nothing came twice without a reason');
}


# --- side by side: one type of one change, and nothing else

{
    my $endpoint = endpoint();
    my $nginx = app('side', $endpoint->hook('/')
                            . 'tgortc_webhook_retry delays=300ms;');

    $endpoint->answer(
        { room => '^side$', uid => '^s3$', type => 'invited', answers => [
            { status => 400, delay => 0.5 }, { status => 400 }, {}] },
        { answers => [{ delay => 0.5 }] });

    is_ok('five are invited', ask($nginx->create('side', 'side',
          (map { "s$_" } 1 .. 5), { max_participants => 9 })));
    is_ok('one rejects', ask($nginx->leave('side', 's1')));
    is_ok('one is invited', ask($nginx->create('same', 'same', 't1',
                                               { max_participants => 9 })));
    is_ok('another one later',
          ask($nginx->post('/same/invite', { uids => ['t2'] })));

    is($endpoint->await_events(8), 8, 'all events came');
    $endpoint->await_answers;

    my @invited = $endpoint->requests(room => '^side$', type => 'invited');
    my ($rejected) = $endpoint->requests(room => '^side$', type => 'rejected');
    my @others = grep { $_->{uid} ne 's3' } @invited;

    cmp_ok(max(map { $_->{time} } @others), '<',
           min(map { $_->{answered} } @others),
           'events of one change are under way together');
    is(scalar @others, 4, 'those that are accepted are not repeated');
    is(scalar @invited, 7, 'the one that is refused is');
    cmp_ok($rejected->{time}, '>=', max(map { $_->{answered} } @invited),
           'the next change waits for all of them');

    my ($first, $second) = $endpoint->requests(room => '^same$');

    is("$first->{uid} $second->{uid}", 't1 t2', 'the other room in order');
    cmp_ok($second->{time}, '>=', $first->{answered},
           'two changes are not side by side, though of one type');
}

{
    my $endpoint = endpoint();
    my $nginx = app('missed', $endpoint->hook('/'),
                    http => 'tgortc_ring_timeout 500ms;');

    $endpoint->answer({ type => 'missed', answers => [{ delay => 0.5 }] });

    is_ok('three are called', ask($nginx->create('ring', 'ring', qw(x y z),
                                                 { max_participants => 4 })));
    is($endpoint->await_events(7), 7, 'and do not answer');
    $endpoint->await_answers;

    my @missed = $endpoint->requests(type => 'missed');
    my ($finished) = $endpoint->requests(type => 'room.finished');

    is(join(' ', sort map { "$_->{uid}:@{$_->json->{missed_uids}}" } @missed),
       'x:x y:y z:z', 'an event for each');
    cmp_ok(max(map { $_->{time} } @missed), '<',
           min(map { $_->{answered} } @missed), 'side by side');
    cmp_ok($finished->{time}, '>=', max(map { $_->{answered} } @missed),
           'and then the end of the room');
    is($finished->json->{status}, 6, 'missed');
}


# --- how many at once

{
    my $endpoint = endpoint();
    my $nginx = app('bound', $endpoint->hook('/', 'max_in_flight=4'),
                    workers => 1);

    $endpoint->answer({ answers => [{ delay => 0.05 }] });

    my @rooms = map { "b$_" } 1 .. 20;

    is_ok('many rooms', ring($nginx, @rooms));
    is_ok('which end', reject($nginx, @rooms));
    is($endpoint->await_events(60), 60, 'all events came');
    is(max(map { $_->{active} } $endpoint->requests), 4,
       'max_in_flight are under way, and no more');

    $endpoint->forget;

    is_ok('large groups', fire([
        map {
            my $group = "g$_";

            $nginx->create($group, "$group.c", (map { "$group.$_" } 1 .. 9),
                           { max_participants => 10 });
        } 1 .. 6
    ]));
    is_ok('and others meanwhile', ring($nginx, map { "m$_" } 1 .. 10));
    is($endpoint->await_events(64), 64, 'all events came');
    is(max(map { $_->{active} } $endpoint->requests), 4,
       'max_in_flight are under way, and no more, of groups as well');
    is(misordered($endpoint->requests(room => '^b')), '', 'in order');
}


# --- what is a failure

{
    my $endpoint = endpoint();
    my $nginx = app('status', $endpoint->hook('/')
                              . 'tgortc_webhook_retry delays=100ms;');

    my @good = (200, 201, 202, 204, 206, 299);
    my @bad = (300, 301, 302, 303, 304, 305, 307, 308, 400, 401, 403, 404,
               405, 409, 413, 418, 422, 451, 499);
    my @worse = (429, 500, 502, 503, 504, 599);
    my $to = 'Location: ' . $endpoint->url('/elsewhere');

    $endpoint->answer(map {
        { room => "^st$_\$",
          answers => [{ status => $_, head => [$to] }, {}] }
    } @good, @bad, @worse);

    for my $statuses (\@good, \@bad, \@worse) {
        is_ok('rooms', ring($nginx, map { "st$_" } @$statuses));
    }

    all_delivered($nginx, 'all are delivered', @good + @bad + @worse);

    my %tries;
    $tries{$_->{room}}++ for $endpoint->requests;

    is(join(' ', grep { ($tries{"st$_"} || 0) != 1 } @good), '',
       'any 2xx is a success');
    is(join(' ', grep { ($tries{"st$_"} || 0) != 2 } @bad, @worse), '',
       'anything else is a failure, and is tried again');
    is(scalar $endpoint->requests(path => 'elsewhere'), 0,
       'redirects are not followed');
    is(scalar(grep { $_->{method} ne 'POST' } $endpoint->requests), 0,
       'everything is a POST');
}


# --- when

{
    my $endpoint = endpoint();
    my $hook = $endpoint->hook('/');
    my $jitter = app('jitter', "$hook tgortc_webhook_retry delays=1s;");
    my $own = app('own', "$hook tgortc_webhook_retry delays=100ms,600ms;");

    # it is given up when the next attempt would be too late

    my $age = app('age', "$hook tgortc_webhook_retry delays=300ms "
                         . 'max_age=1s;');
    my $early = app('early', "$hook tgortc_webhook_retry delays=100ms,10s "
                             . 'max_age=3s;');

    # so it can be told whether Retry-After is taken for more than an hour

    my $hour = app('hour', "$hook tgortc_webhook_retry delays=1s "
                           . 'max_age=90m;');
    my $less = app('less', "$hook tgortc_webhook_retry delays=1s "
                           . 'max_age=30m;');

    my $no = { status => 400 };

    $endpoint->answer(
        { room => '^j', answers => [$no, {}] },
        { room => '^own', answers => [($no) x 5, {}] },
        { room => '^age$|^early$', type => 'invited', answers => [$no] },
        { room => '^gone', type => 'invited', answers => [{ status => 410 }] },
        { room => '^(?:hour|less)', answers => [
            { status => 503, head => ['Retry-After: 7200'] }] },
        { room => '^ever', answers => [
            { status => 503, head => ['Retry-After: 9999999999'] }]
        });

    my @rooms = map { "j$_" } 1 .. 30;

    is_ok('rooms', ring($jitter, @rooms), ring($own, 'own', 'gone'),
          ring($age, 'age'), ring($early, 'early'), ring($hour, 'hour', 'ever'),
          ring($less, 'less'));
    is_ok('which end', reject($own, 'gone'), reject($age, 'age'),
          reject($early, 'early'));

    # 410

    is($endpoint->await_events(3, room => '^gone'), 3, '410: the room goes on');
    is(scalar $endpoint->requests(room => '^gone', type => 'invited'), 1,
       '410 gives up at once');
    is(counts($own), '4 = 2 ok + 1 failed + 1 pending',
       '410: that event and no other');

    my ($dead) = entries($own, 'room_id=gone');

    is($dead->{kind}, 'dead', '410: it is a dead letter');
    is($dead->{attempts}, 1, 'after one attempt');
    like($dead->{reason}, qr/410/, 'and the log says why');

    # max_age

    is($endpoint->await_events(3, room => '^early'), 3,
       'what is given up does not hold up the room');

    my @tries = $endpoint->requests(room => '^early', type => 'invited');
    my ($next) = $endpoint->requests(room => '^early', type => 'rejected');

    is(scalar @tries, 2, 'no attempt would have been in time');
    cmp_ok($next->{time} - $tries[1]{answered}, '<', 2 * $slack,
           'it was given up at once');

    is($endpoint->await_events(3, room => '^age'), 3, 'max_age: it goes on');
    @tries = $endpoint->requests(room => '^age', type => 'invited');
    cmp_ok(scalar @tries, '>', 1, 'it is tried again until max_age');
    cmp_ok($tries[-1]{time} - $tries[0]{time}, '<', 1 + 0.5 * $slack,
           'and not after it');
    is(counts($age), '3 = 2 ok + 1 failed + 0 pending',
       'max_age: what is given up has failed');
    is(misordered(map { { %$_, seq => $_->{seq} - 1 } }
                  grep { $_->{seq} > 1 }
                  $endpoint->requests(room => '^(?:age|early|gone)')), '',
       'the rest in order');

    # delays

    my @own = gaps($endpoint->await(6, room => '^own'));

    is(scalar @own, 5, 'delays= of its own');
    cmp_ok($own[0], '>=', 0.08, 'the first');
    cmp_ok($own[0], '<', 0.45 * $slack, 'is over soon');

    for my $gap (@own[1 .. 4]) {
        ok($gap >= 0.48 && $gap < 0.72 + $slack,
           sprintf 'the last repeats: %.3f', $gap);
    }

    is($endpoint->await(60, room => '^j'), 60, 'all were tried again');

    my @gaps = map { gaps($endpoint->requests(room => "^$_\$")) } @rooms;

    cmp_ok(min(@gaps), '>=', 0.8, sprintf 'not before -20 %%: %.3f',
                                          min(@gaps));
    cmp_ok(max(@gaps), '<', 1.2 + $slack, sprintf 'not after +20 %%: %.3f',
                                                  max(@gaps));
    cmp_ok(min(@gaps), '<', 1, 'some sooner than scheduled');
    cmp_ok(max(@gaps), '>', 1, 'some later');

    # Retry-After

    is(counts($hour), '2 = 0 ok + 0 failed + 2 pending',
       'Retry-After counts for an hour at most');
    wait_for(sub { counts($less) eq '1 = 0 ok + 1 failed + 0 pending' });
    is(counts($less), '1 = 0 ok + 1 failed + 0 pending',
       'and gives up at once what would be too late by it');
    is(scalar $endpoint->requests(room => '^(?:hour|less|ever)'), 3,
       'Retry-After is waited for');
}


# --- endpoints that are bad, each in its own way, beside a good one

my $cut_off = -e '/proc/self/ns/mnt' && $> == 0
              && system('unshare -m true 2> /dev/null') == 0;

sub certificates {
    my $dir = TgoRTC::Live::name('tls');

    mkdir $dir or die "$dir: $!";

    my $run = sub {
        my ($command) = @_;

        system("cd $dir && openssl $command > /dev/null 2>&1") == 0
            or die "openssl $command: $?";
    };

    my $key = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';

    $run->("req -x509 $key -keyout ca.key -out ca.pem -subj /CN=ca -days 2");

    for my $name ('right', 'wrong') {
        my $san = $name eq 'right' ? 'IP:127.0.0.1' : 'DNS:wrong.example';

        open my $fh, '>', "$dir/$name.ext" or die "$name.ext: $!";
        print $fh "subjectAltName=$san\n";
        close $fh;

        $run->("req $key -keyout $name.key -out $name.csr -subj /CN=$name");
        $run->("x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -days 2"
               . " -CAcreateserial -extfile $name.ext -out $name.pem");
    }

    return $dir;
}


# TLS in front of an endpoint: a port for each certificate

sub tls_front {
    my ($endpoint, $dir) = @_;
    my %port = map { $_ => TgoRTC::Live::free_port() } 'right', 'wrong';

    nginx(redis => $redis, http => join '', map { <<"END" } keys %port);
server {
    listen               127.0.0.1:$port{$_} ssl;
    ssl_certificate      $dir/$_.pem;
    ssl_certificate_key  $dir/$_.key;

    location = /empty {
        return  204;
    }

    location / {
        proxy_pass  http://127.0.0.1:$endpoint->{port};
    }
}
END

    return %port;
}


my $tls = endpoint();
my $certificates = certificates();
my %tls_port = tls_front($tls, $certificates);

{
    my $bad = endpoint();
    my $good = endpoint();
    my $dead = TgoRTC::Live::free_port();
    my $gone = 'http://no-such-host.invalid/';

    $bad->answer(
        { path => 'slow', answers => [{ delay => 60 }] },
        { path => 'close', answers => [{ close => 1 }] },
        { path => 'cut', answers => [{ cut => 17 }] },
        { path => 'huge', answers => [{ size => 50_000_000 }] },
        { path => 'refusal', answers => [{ status => 500,
                                           size => 50_000_000 }] });

    my $nginx = app('bad',
        $bad->hook('/slow', 'name=slow timeout=500ms')
        . $bad->hook('/close', 'name=close')
        . $bad->hook('/cut', 'name=cut')
        . $bad->hook('/huge', 'name=huge')
        . $bad->hook('/refusal', 'name=refusal')
        . "tgortc_webhook http://127.0.0.1:$dead/ name=dead;"
        . "tgortc_webhook $gone name=unresolvable timeout=5s;"
        . "tgortc_webhook https://127.0.0.1:$tls_port{right}/ name=unknown-ca;"
        . $good->hook('/good', 'name=good')
        . 'tgortc_webhook_retry delays=1s;');

    my @rooms = map { "bad$_" } 1 .. 30;
    my $began = time;
    my @responses = (ring($nginx, @rooms), reject($nginx, @rooms));
    my $ended = time;

    is_ok('requests are served beside bad endpoints', @responses);
    cmp_ok(max(map { $_->{time} } @responses), '<', 2 * $slack,
           'none of them waits for one');
    is($good->await_events(90), 90, 'another endpoint gets every event');
    is(misordered($good->requests), '', 'in order');
    cmp_ok(max(map { $_->{time} } $good->requests) - $ended, '<', 2 * $slack,
           'soon');
    is(repeated($good->requests), 0, 'once');

    my %why = (slow => qr/time/i, dead => qr/refused/i,
               'unknown-ca' => qr/certificate|SSL/i, cut => qr/header/i,
               close => qr/empty|reset|recv|receiv|clos|nothing/i,
               refusal => qr/500/, unresolvable => qr/resolv/i);

    for my $name (sort keys %why) {
        my @entries;

        wait_for(sub { @entries = entries($nginx, "endpoint=$name") });
        like($entries[0]{reason}, $why{$name}, "$name: the log says why");
        is($entries[0]{endpoint}, $name, 'and where');
        is($entries[0]{kind}, 'failed', 'as a failed attempt');

        my $counts = state_of($nginx, $name);

        is("$counts->{success_count} $counts->{failed_count}", '0 0',
           "$name: nothing is accepted, nothing given up");
    }

    is($bad->await_events(90, path => 'huge'), 90,
       'a huge answer of 200 is a success');
    $bad->await_answers(path => 'huge');
    is(repeated($bad->requests(path => 'huge')), 0, 'at the first attempt');
    cmp_ok(max(map { $_->{sent} } $bad->requests(path => 'huge|refusal')), '<',
           20_000_000, 'and nobody reads it to its end');
    is(scalar $tls->requests, 0, 'nothing is told to whom nobody vouches for');

    # as they recover

    $bad->answer;
    is($bad->await_events(90, path => $_, within => 60), 90,
       "$_: gets everything once it is well")
        for qw(slow close cut refusal);
    is(misordered($bad->requests(path => "^/$_\$")), '', "$_: in order")
        for qw(close cut refusal);
}


# --- what OpenSSL has to say of an endpoint is not taken for a word on others

{
    my $nginx = app('stale',
        "tgortc_webhook https://127.0.0.1:$tls_port{right}/ name=stale;",
        workers => 1,
        # nginx never frees a session that it has kept
        server => "location = /empty { proxy_ssl_session_reuse off; proxy_pass"
                  . " https://127.0.0.1:$tls_port{right}; }");

    is_ok('an endpoint that nobody vouches for', ring($nginx, 'stale'));
    ok(wait_for(sub { $nginx->error_log =~ /"stale" failed/ }), 'fails');
    is(ask({ port => $nginx->{port}, method => 'GET',
             path => '/empty' })->{status}, 204, 'TLS with another');
    unlike($nginx->error_log, qr/stale global SSL error/, 'has no trouble');
}


# --- kept connections that close without an answer

{
    my $endpoint = endpoint();

    $endpoint->answer(
        { room => '^tired$', answers => [{ close => 1 }, {}] },
        { room => '^closes$', answers => [{ close => 1 }] },
        { answers => [{ delay => 0.5 }] });

    my $nginx = app('kept', $endpoint->hook('/', 'name=kept')
                            . 'tgortc_webhook_retry delays=1h;', workers => 1);
    my @rooms = map { "kept$_" } 1 .. 8;

    is_ok('eight at once keep eight connections', ring($nginx, @rooms));
    is(scalar $endpoint->await(8), 8, 'which come');
    ok($endpoint->await_answers, 'and are answered');

    is_ok('one that closes', ring($nginx, 'tired'));
    is(scalar $endpoint->await(2, room => '^tired$'), 2,
       'gets it once more, on the next');
    all_delivered($nginx, 'and answers', 9);
    is(scalar(my @none = entries($nginx, 'endpoint=kept')), 0,
       'no attempt has failed');

    is_ok('those that close, all of them', ring($nginx, 'closes'));

    my @entries;

    wait_for(sub { @entries = entries($nginx, 'endpoint=kept') });
    like($entries[0]{reason}, qr/nothing/, 'fail in the end');
    is(scalar $endpoint->requests(room => '^closes$'), 2,
       'but not one after the other');
}


# Somebody who takes no more connections than wait already: those that others
# make of him are never made.

sub full {
    my ($address, $port) = @_;
    my $full = IO::Socket::INET->new(LocalAddr => $address,
                                     LocalPort => $port || 0, Listen => 1)
        or die "listen: $!";

    return ($full, map {
        IO::Socket::INET->new(PeerAddr => $address, Blocking => 0,
                              PeerPort => $full->sockport)
    } 1 .. 4);
}


# --- names with several addresses, of which only the last is of use

{
    my $library = TgoRTC::Live::name('names') . '.so';

    open my $cc, '|-', qw(cc -x c -shared -fPIC -o), $library, '-', '-ldl'
        or die "cc: $!";
    print $cc <<'END';
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>

typedef int (*original_pt)(const char *, const char *,
                           const struct addrinfo *, struct addrinfo **);

static struct {
    const char  *name;
    const char  *addresses[6];
} names[] = {
    { "silent.test", { "127.0.0.9", "127.0.0.1" } },
    { "refuses.test", { "::ffff:127.0.0.8", "127.0.0.1" } },
    { "four.test", { "127.0.0.5", "127.0.0.6", "127.0.0.7", "127.0.0.8",
                     "127.0.0.1" } }
};

int
getaddrinfo(const char *name, const char *service,
    const struct addrinfo *hints, struct addrinfo **found)
{
    int          rc;
    unsigned     i, n;
    original_pt  original = (original_pt) dlsym(RTLD_NEXT, "getaddrinfo");

    for (i = 0; name != NULL && i < sizeof(names) / sizeof(names[0]); i++) {

        if (strcmp(name, names[i].name) != 0) {
            continue;
        }

        for (n = 0; names[i].addresses[n] != NULL; n++) {
            rc = original(names[i].addresses[n], service, hints, found);

            if (rc) {
                return rc;
            }

            found = &(*found)->ai_next;
        }

        return 0;
    }

    return original(name, service, hints, found);
}
END
    close $cc or die "cc has failed\n";

    my $endpoint = endpoint();
    my @full = full('127.0.0.9', $endpoint->{port});
    my $hook = sub {
        my ($name, $host, $timeout) = @_;

        return "tgortc_webhook http://$host:$endpoint->{port}/$name "
               . "name=$name timeout=${\($timeout * $slack)}s;\n";
    };

    local $ENV{LD_PRELOAD} = join ' ', grep { defined } $ENV{LD_PRELOAD},
                                       $library;

    # it comes before the sanitizer's own
    local $ENV{ASAN_OPTIONS} = join ':', grep { defined } $ENV{ASAN_OPTIONS},
                                         'verify_asan_link_order=0';

    my $nginx = hooked("$redis->{address} prefix=addresses",
                       $hook->('silent', 'silent.test', 4)
                       . $hook->('refuses', 'refuses.test', 4)
                       . $hook->('four', 'four.test', 4)
                       . $hook->('none', '127.0.0.9', 1));

    my $began = time;

    is_ok('calls', ring($nginx, 'addresses1', 'addresses2'));

    for my $name ('silent', 'refuses', 'four') {
        is(scalar $endpoint->await(2, path => $name), 2,
           "$name: the other one is tried");
    }

    cmp_ok(max(map { $_->{time} } $endpoint->requests(path => 'four')) - $began,
           '<', 1.2 * $slack, 'four: each as soon as the one before has refused');

    ok(wait_for(sub { entries($nginx) >= 2 }), 'where there is no other one');
    is(join(' ', uniq map { $_->{endpoint} } entries($nginx)), 'none',
       'the attempt fails, and no other attempt');
    ok($nginx->quit('TERM'), 'it ends');
    is($nginx->trouble, '', 'nothing bad in the log');
}


# --- what is under way as nginx is told to stop at once

{
    my $endpoint = endpoint();

    $endpoint->answer({ answers => [{ delay => 60 }] });

    # ours are being made

    my @full = full('127.0.0.1');
    my $port = $full[0]->sockport;
    my $hex = sprintf '%04X', $port;
    my $connecting = sub {
        return scalar grep { / \S+:$hex 02 / } split /\n/,
                                               slurp('/proc/net/tcp');
    };
    my $others = $connecting->();

    my $nginx = hooked("$redis->{address} prefix=stop",
                       $endpoint->hook('/', 'name=slow')
                       . "tgortc_webhook http://127.0.0.1:$port/ name=full;");

    is_ok('calls', ring($nginx, map { "stop$_" } 1 .. 8));
    is(scalar $endpoint->await(8), 8, 'are being told of');

    ok(wait_for(sub { $connecting->() > $others }), 'or about to be');

    kill TERM => $nginx->{pid};
    ok(TgoRTC::Live::reap($nginx->{pid}, 20), 'it stops');
    is($nginx->trouble, '', 'nothing bad in the log');
}


# --- flapping

{
    my $endpoint = endpoint();
    my $nginx = app('flap', $endpoint->hook('/')
                            . 'tgortc_webhook_retry delays=100ms;');
    my @rooms = map { "f$_" } 1 .. 40;

    $endpoint->answer(
        { room => '[05]$', answers => [{ close => 1 }, { status => 500 }, {}] },
        { room => '[27]$', answers => [{ status => 404 }, {}] });

    is_ok('rooms', ring($nginx, @rooms));

    for (1 .. 5) {
        $endpoint->stop;
        sleep 0.1;
        $endpoint->start;
        sleep 0.1;
    }

    is_ok('which end', reject($nginx, @rooms));
    all_delivered($nginx, 'a flapping endpoint gets everything', 120);
    is(misordered($endpoint->requests), '', 'in order');
}


# --- name servers that are silent, and certificates

SKIP: {
    skip 'no mount namespaces', 8 if !$cut_off;

    my $address = sprintf '127.%d.%d.77', 1 + int rand 250, int rand 250;
    my $silence = IO::Socket::INET->new(LocalAddr => $address, LocalPort => 53,
                                        Proto => 'udp')
        or skip "port 53: $!", 8;
    my $bundle = '/etc/ssl/certs/ca-certificates.crt';

    skip "no $bundle", 8 if !-e $bundle;

    # there the test's CA is known, and no name server answers

    my $dir = TgoRTC::Live::name('away');
    my $real = TgoRTC::Live::Nginx::binary();

    mkdir $dir or die "$dir: $!";

    for (['resolv.conf', "nameserver $address\n"],
         ['nginx', "#!/bin/sh\nexec unshare -m sh -c '"
          . "mount --bind $dir/resolv.conf /etc/resolv.conf"
          . " && mount --bind $certificates/ca.pem $bundle"
          . " && exec $real \"\$@\"' sh \"\$@\"\n"])
    {
        open my $fh, '>', "$dir/$_->[0]" or die "$_->[0]: $!";
        print $fh $_->[1];
        close $fh;
    }

    chmod 0755, "$dir/nginx", "$dir/resolv.conf";
    local $ENV{TEST_NGINX_BINARY} = "$dir/nginx";

    my $good = endpoint();
    my $nginx = app('away',
        "tgortc_webhook https://127.0.0.1:$tls_port{right}/right name=right;"
        . "tgortc_webhook https://127.0.0.1:$tls_port{wrong}/wrong name=wrong;"
        . 'tgortc_webhook http://nobody.knows.example/ name=hangs timeout=1s;'
        . $good->hook('/', 'name=good')
        . 'tgortc_webhook_retry delays=500ms;', workers => 1);

    my (@times, $asked);

    is_ok('a room', ring($nginx, 'away0'));

    # over some attempts

    for my $i (1 .. 40) {
        push @times, map { $_->{time} } ring($nginx, "away$i");
        sleep 0.05;
    }

    $silence->blocking(0);
    $asked = defined $silence->recv(my $query, 512);
    ok($asked, 'a name server is asked');
    cmp_ok(max(@times), '<', 0.8 * $slack,
           sprintf 'no request waits for it: %.3f s', max(@times));
    is($good->await_events(41), 41, 'another endpoint gets its events');

    my ($entry) = wait_for(sub { entries($nginx, 'endpoint=hangs') })
                  ? entries($nginx, 'endpoint=hangs') : ();

    like($entry->{reason}, qr/time|resolv/i, 'the attempt ends in time');

    is($tls->await_events(41, path => 'right'), 41,
       'a certificate of the right name is good');
    wait_for(sub { entries($nginx, 'endpoint=wrong') });
    ($entry) = entries($nginx, 'endpoint=wrong');
    like($entry->{reason}, qr/certificate|name|SSL/i,
         'one of a wrong name is not');
    is(scalar $tls->requests(path => 'wrong'), 0, 'and is told nothing');
}


# --- what was begun first

{
    my @gaps = gaps($patient->await(3, path => 'default'));

    is(scalar @gaps, 2, 'the default schedule');
    ok($gaps[0] >= 0.8 && $gaps[0] < 1.2 + 1.5 * $slack,
       sprintf 'after about 1 s: %.3f', $gaps[0]);
    ok($gaps[1] >= 4 && $gaps[1] < 6 + 2 * $slack,
       sprintf 'after about 5 s: %.3f', $gaps[1]);

    all_delivered($after, 'all of those with Retry-After came', 6);

    for (['s', 3, 6], [429, 3, 6], ['less', 0.8, 2.5], ['past', 0.8, 2.5],
         ['junk', 0.8, 2.5])
    {
        my ($room, $least, $most) = @$_;
        my ($gap) = gaps($patient->requests(room => "^after-$room\$"));

        # Redis's clock is read in ms
        ok($gap >= $least - 0.002 && $gap < $most * $slack,
           sprintf 'Retry-After, %s: %.4f', $room, $gap);
    }

    my ($first, $second) = $patient->requests(room => '^after-date');

    cmp_ok($second->{time}, '>=', 4 + int $first->{time},
           'Retry-After is a date');
    cmp_ok($second->{time}, '<', 4 + int($first->{time}) + 4 * $slack,
           'and not a later one');
}


for my $nginx (@all) {
    ok($nginx->quit, 'it ends');
    is($nginx->trouble, '', 'nothing bad in the log');
}

done_testing();
