#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# Scripts with arguments that nobody sends, and with keys that somebody else has
# written: each of them with arguments cut off, missing, huge, binary, and with
# each key in turn of another type or with something in it that is not ours.
# What fails changes nothing, what is refused changes nothing, nothing runs for
# long, and Redis stays.  Then what the largest groups and queues cost.
#
# FUZZ_SEED is another run, FUZZ_ROUNDS is how often the random part is done.

use strict;
use warnings;

use FindBin;
use List::Util qw(min);
use Test::More;
use TgoRTC::Live;


my $seed = $ENV{FUZZ_SEED} || 1;
my $rounds = $ENV{FUZZ_ROUNDS} || 1500;

diag("FUZZ_SEED=$seed FUZZ_ROUNDS=$rounds");
srand $seed;

my $src = "$FindBin::Bin/../../src/scripts";
my $redis = redis(args => ['--slowlog-log-slower-than', 3_000_000]);
my $pid = $redis->command('INFO', 'server') =~ /^process_id:(\d+)/m ? $1 : 0;

my $P = '{tgortc}:';
my $ENDPOINT = '0123456789abcdef';
my @COMMON = (9999999999999, 'nonce001', '', 3, 30000, 60000, 10000, 86400000,
              86400000);

# name => [room id, arguments of the script itself]

my %scripts = (
    create => ['new', 'zoe', 'app', 1, 0, 3, 'yan', 'xia'],
    invite => ['r1', 'ivy', 'joe'],
    join => ['r1', 'bob', 'web'],
    leave => ['r1', 'alice', 'app'],
    end => ['r1'],
    cancel => ['r1', 'bob', 'carol'],
    kick => ['r1', 'bob'],
    sync => ['', 'bob', 'app'],
    get => ['r1'],
    rooms => ['', 'live', 10, '', '', '', ''],
    calling => ['', 'alice', 'nobody', 'bob'],
    livekit => ['r1', 'joined', 'EV_9', 'RM_1', 'PA_9', 'bob', 1787500042000,
                'other', 'app'],
    deadlines => ['', 16],
    register => ['', 604800000, $ENDPOINT, 'main', 510, 1000, 86400000],
    release => ['', $ENDPOINT, 15000, 7, 0],
    claim => ['', $ENDPOINT, 15000, 7, 10, 10],
    report => ['r1', $ENDPOINT, 15000, 7, 10, 'TOKEN', 1, 1, 0, 1, 'retry',
               1000, 'HTTP 500'],
    listed => ['r1', 'alice', 'PA_1', 1787500042000, 'app'],
    stats => [''],
    list => ['', '', 10, '', 0, ''],
    cleanup => ['', 1000],
    replay => ['', '', 1, 9999999999999, 0, 0],
);

my @names = sort keys %scripts;
my %sha;

for my $name (@names) {
    my $text = qx(awk -v lua=1 -v parts=$src/parts -f $src/embed.awk \\
                      $src/$name.lua);

    $sha{$name} = $redis->command('SCRIPT', 'LOAD', $text);
}


# One that says what is in Redis, and one that puts it back.  Lists of rooms are
# no reason for anything to fail (src/scripts/parts/room.lua), so they are left
# out of what may not change.

my $look = $redis->command('SCRIPT', 'LOAD', <<'END');
local keys, all = redis.call('KEYS', '*'), {}
table.sort(keys)
for _, key in ipairs(keys) do
    local ttl = redis.call('PTTL', key)
    if key ~= '{tgortc}:rooms' and key ~= '{tgortc}:hosts' then
        all[#all + 1] = key .. (ttl < 0 and '' or '~')
                        .. redis.sha1hex(redis.call('DUMP', key))
    end
end
return all
END

my $save = $redis->command('SCRIPT', 'LOAD', <<'END');
local all = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
    all[#all + 1] = key
    all[#all + 1] = math.max(0, redis.call('PTTL', key))
    all[#all + 1] = redis.call('DUMP', key)
end
return all
END

my $load = $redis->command('SCRIPT', 'LOAD', <<'END');
redis.call('FLUSHALL')
for i = 1, #ARGV, 3 do
    redis.call('RESTORE', ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
END


sub run {
    my ($name, $room, @args) = @_;

    my @common = @COMMON;

    $common[2] = $room;

    return call($name, [keys_of($room)], @common, @args);
}


sub keys_of {
    my ($room) = @_;

    return ($P . 'users', $P . 'deadlines', $P . "room:$room");
}


# [outcome, reply]; an error has the outcome "error"

sub call {
    my ($name, $keys, @args) = @_;

    my $reply = eval {
        $redis->command('EVALSHA', $sha{$name}, scalar @$keys, @$keys, @args)
    };

    return ['error', $@] if !defined $reply;
    return ['no array', $reply] if ref $reply ne 'ARRAY';
    return [defined $reply->[0] ? $reply->[0] : 'nil', $reply];
}


# A state in which every script finds something to do: rooms that ring, are
# answered, have ended, are overdue; events that wait, were given up, are
# leased; users, breakers, a log.

sub build {
    $redis->command('FLUSHALL');

    my $ok = sub {
        my ($outcome, $reply) = @{run(@_)};

        BAIL_OUT("$_[0]: $outcome " . ($reply || '')) if $outcome ne 'ok';
        return $reply;
    };

    $ok->('register', @{$scripts{register}});
    $ok->('create', 'r1', 'alice', 'app', 1, 0, 5, 'bob', 'carol');
    $ok->('livekit', 'r1', 'joined', 'EV_1', 'RM_1', 'PA_1', 'alice',
          1787500042000, 'other', 'app');
    $ok->('create', 'r2', 'dave', 'app', 0, 0, 2, 'erin');
    $ok->('end', 'r2');
    $ok->('create', 'r3', 'frank', 'app', 0, 1, 3, 'grace');
    $redis->command('ZADD', $P . 'deadlines', 1, 'r3');

    my $claimed;

    for (1 .. 3) {
        $claimed = $ok->('claim', '', $ENDPOINT, 15000, 7, 10, 1);

        last if @$claimed <= 4 || $claimed->[4] eq 'r1';

        $ok->('report', $claimed->[4], $ENDPOINT, 15000, 7, 10, $claimed->[5],
              0, 0, 0, 1, 'dead', 0, 'HTTP 410');
    }

    BAIL_OUT('nothing of r1 is claimed') if @$claimed <= 4;

    return $claimed->[5];
}


my $token = build();

$_ eq 'TOKEN' and $_ = $token for @{$scripts{report}};

my $state = $redis->command('EVALSHA', $save, 0);
my @keys = @{$redis->command('KEYS', '*')};

sub restore {
    my @more = @_;

    $redis->command('EVALSHA', $load, 0, @$state);
    $redis->command(@$_) for @more;
}


sub look {
    return join "\n", @{$redis->command('EVALSHA', $look, 0)};
}


my (%changed, %done);

# What docs/redis.md says of a script that fails behind its first write.  In the
# outbox there is a key for each endpoint, and looking at all of them first
# would cost every change; a room is written last, so it is as it was.  What
# goes into the outbox or the clock of a room is checked by the module that
# sends it, and not again.

my $outbox = qr/^(?:endpoints|stats|breakers|(?:queue|due|age):\S+)
                \ (?:is|has)\ /x;
my $trusting = qr/^(?:create|register|claim|report)$/;
my $times = qr/argument [5-9] |only \d arguments|an argument less|once/;


sub is_known {
    my ($name, $what, @new) = @_;

    # it is set aside
    return 1 if $name eq 'deadlines' && "@new" eq "${P}deadlines";

    # of a room there was, never
    return 0 if grep { /^\{tgortc\}:room:r\d/ } @new;

    return $what =~ $outbox || $name =~ $trusting || $what =~ $times;
}


# Calls a script; whether it changed anything.

sub try {
    my ($what, $name, $keys, @args) = @_;

    my $before = look();
    my ($outcome, $reply) = @{call($name, $keys, @args)};
    my $after = look();

    $done{$outcome}++;

    return 0 if $after eq $before;

    return 1 if $outcome eq 'ok';

    my %was = map { $_ => 1 } split /\n/, $before;
    my @new = grep { !$was{$_} } split /\n/, $after;

    # the answer that is kept for a repeat is a refusal too (once.lua)
    @new = grep { !/^\{tgortc\}:once:/ } @new if $outcome ne 'error';
    return 1 if !@new && keys(%was) <= (() = $after =~ /^/mg);

    s/~?[0-9a-f]{40}$// for @new;
    return 1 if $outcome eq 'error' && is_known($name, $what, @new);

    $changed{"$name: $what: $outcome "
             . ($outcome eq 'error' ? $reply =~ s/\n//r : '')
             . " changed: @new"} = 1;

    return 1;
}


# --- keys of other types, and what is not ours in them

my @foreign = (
    ['a string', ['SET', 'KEY', 'garbage']],
    ['a list', ['RPUSH', 'KEY', 'garbage']],
    ['a hash', ['HSET', 'KEY', 'garbage', 'garbage']],
    ['a set', ['SADD', 'KEY', 'garbage']],
    ['a sorted set', ['ZADD', 'KEY', 1, 'garbage']],
    ['a stream', ['XADD', 'KEY', '*', 'garbage', 'garbage']],
);

my @garbage = (
    ['nothing' => ''],
    ['a byte that is none' => "\xc1"],
    ['nil' => "\xc0"],
    ['a number' => "\x07"],
    ['true' => "\xc3"],
    ['a text' => "\xa3abc"],
    ['an empty array' => "\x90"],
    ['an array of nils' => "\x9f" . "\xc0" x 15],
    ['an array of texts' => "\xdc\x00\x14" . "\xa1a" x 20],
    ['an array of arrays' => "\xdc\x00\x14" . "\x90" x 20],
    ['an array of maps' => "\xdc\x00\x14" . "\x80" x 20],
    ['an array of numbers' => "\xdc\x00\x14" . "\x01" x 20],
    ['an array of infinities' => "\xdc\x00\x14"
                                 . "\xcb\x7f\xf0\0\0\0\0\0\0" x 20],
    ['an array that is cut off' => "\xdc\xff\xff\x01"],
    ['a text that is cut off' => "\xdb\xff\xff\xff\xffabc"],
    ['a deep array' => "\x91" x 10000 . "\x01"],
    ['two objects' => "\x01\x02"],
);


sub each_script {
    my ($what, @before) = @_;

    restore(@before);

    for my $name (@names) {
        my ($room, @args) = @{$scripts{$name}};
        my @common = @COMMON;

        $common[2] = $room;

        restore(@before)
            if try($what, $name, [keys_of($room)], @common, @args);
    }
}


for my $key (sort @keys) {
    my $type = $redis->command('TYPE', $key);
    my $short = $key =~ s/^\{tgortc\}://r;

    for my $foreign (@foreign) {
        my ($what, $command) = @$foreign;
        my @command = map { $_ eq 'KEY' ? $key : $_ } @$command;

        each_script("$short is $what", ['DEL', $key], \@command);
    }

    for my $garbage (@garbage) {
        my ($what, $bytes) = @$garbage;
        my @write;

        restore();

        if ($type eq 'string') {
            @write = ['SET', $key, $bytes];

        } elsif ($type eq 'list') {
            @write = ['LSET', $key, 0, $bytes];

        } elsif ($type eq 'hash') {
            @write = map { ['HSET', $key, $_, $bytes] }
                         @{$redis->command('HKEYS', $key)};

        } elsif ($type eq 'stream') {
            @write = ['XADD', $key, '*', 'e', $bytes];

        } else {
            @write = ['ZADD', $key, 1, $bytes];
        }

        each_script("$short has $what", @write);
    }
}

is(join("\n", sort keys %changed), '',
   'with foreign keys: what fails or refuses changes nothing');
cmp_ok($done{error} || 0, '>', 100, 'scripts failed at them');
%changed = ();


# --- a room that is none keeps no other from its end

my @kept;

for my $case ((map { [$_->[0], ['SET', $P . 'room:r3', $_->[1]]] } @garbage),
              (map { my $command = $_->[1];
                     [$_->[0], [map { $_ eq 'KEY' ? $P . 'room:r3' : $_ }
                                    @$command]] } @foreign))
{
    my ($what, $command) = @$case;

    restore(['DEL', $P . 'room:r3'], $command,
            ['ZADD', $P . 'deadlines', 1, 'r3', 2, 'r1']);

    run('deadlines', '', 16) for 1 .. 2;

    my $score = $redis->command('ZSCORE', $P . 'deadlines', 'r1');

    push @kept, $what if defined $score && $score == 2;
}

is(join(', ', @kept), '', 'a room that is none keeps no other from its end');


# --- arguments

my @values = (
    '', '0', '-1', '1.5', 'abc', 'nan', '-nan', 'inf', '-inf', '1e308',
    '-1e308', '9007199254740993', '99999999999999999999', '0x7fffffff',
    "\0", "\xff\xfe", ' 1 ', '1' x 400, 'x' x 100_000, '%s%n', "a\nb",
    '{tgortc}:users', 'r1', 'bob',
);


sub value { return $values[rand @values] }


for my $round (1 .. $rounds) {
    my $name = $names[rand @names];
    my ($room, @args) = @{$scripts{$name}};
    my @common = @COMMON;
    my @keys = keys_of($room);
    my $what;

    $common[2] = $room;

    my @all = (@common, @args);
    my $kind = int rand 8;

    if ($kind == 0) {
        $#all = int(rand @all) - 1;
        $what = 'only ' . @all . ' arguments';

    } elsif ($kind == 1) {
        my $n = (10, 300, 4000, 9000)[rand 4];
        my $value = rand() < 0.5 ? undef : value();

        # a megabyte: hundreds of them take Redis seconds to read alone

        $n = min($n, int(1e6 / (1 + length $value))) if defined $value;

        push @all, map { defined $value ? $value : "u$_" } 1 .. $n;
        $what = "$n arguments more";

    } elsif ($kind == 2) {
        splice @all, rand @all, 1;
        $what = 'an argument less';

    } elsif ($kind == 3) {
        $#keys = int(rand @keys) - 1;
        $what = 'only ' . @keys . ' keys';

    } elsif ($kind == 4) {
        push @keys, $P . 'once:' . (rand() < 0.5 ? 'hash' : '');
        $all[1] .= rand() < 0.5 ? 'fingerprint' : value();
        $what = 'a key for once';
        $all[rand @all] = value() if rand() < 0.5;

    } else {
        my @which;

        for (1 .. 1 + rand 3) {
            my $i = int rand @all;

            $all[$i] = value();
            push @which, "argument " . ($i + 1) . " is '"
                         . substr($all[$i], 0, 24) =~ s/[^ -~]/?/gr . "'";
        }

        $what = join ', ', @which;
    }

    restore() if $round == 1;
    restore() if try($what, $name, \@keys, @all);
}

is(join("\n", sort keys %changed), '',
   'with wrong arguments: what fails or refuses changes nothing');


# --- what a script costs does not grow with the square of anything

# Nothing but an endpoint, for which so many events may wait.

sub begin {
    my ($max_queued) = @_;

    $redis->command('FLUSHALL');
    endpoint($max_queued, 86400000);
}


sub endpoint {
    my ($max_queued, $max_age) = @_;

    run('register', '', 604800000, $ENDPOINT, 'main', 510, $max_queued,
        $max_age);
}


# Those who are together in a room, by number: the creator is 1.

sub group {
    my ($room, $n) = @_;

    run('create', $room, 'u1', 'app', 0, 0, 1000, map { "u$_" } 2 .. $n);
}


# Changes a room, "r"; "now" is Redis's time.

sub rewrite {
    my ($room, $code) = @_;

    $redis->command('EVAL', <<"END", 1, $P . "room:$room");
local r, t = cmsgpack.unpack(redis.call('GET', KEYS[1])), redis.call('TIME')
local now = t[1] * 1000
$code
redis.call('SET', KEYS[1], cmsgpack.pack(r))
END
}


# Calls a script; how long it took (us), and its calls of Redis.

sub cost {
    my ($name, @args) = @_;

    $redis->command('CONFIG', 'RESETSTAT');

    my ($outcome, $why) = @{run($name, @args)};
    my $stats = $redis->command('INFO', 'commandstats');
    my ($us, $calls) = (0, 0);

    BAIL_OUT("$name: $outcome " . ($why || '')) if $outcome ne 'ok';

    while ($stats =~ /^cmdstat_(\w+):calls=(\d+),usec=(\d+)/mg) {
        $us = $3 if $1 eq 'evalsha';
        $calls += $2 if $1 !~ /^(?:evalsha|config|info)/;
    }

    return ($us, $calls);
}


# How many times as long it takes with 800 as with 200: 4, or 16 were it the
# square.  The least of some, by turns, for the machine has other work; more of
# them while it seems to be the square.

sub growth {
    my ($code) = @_;
    my %least;

    for my $round (1 .. 30) {
        for my $n (200, 800) {
            my ($us) = $code->($n);

            $least{$n} = $us if !$least{$n} || $us < $least{$n};
        }

        last if $round >= 5 && $least{800} < 8 * $least{200};
    }

    return $least{800} / $least{200};
}


cmp_ok(growth(sub {
           my ($n) = @_;

           begin(1000000);
           group('g', $n);

           return cost('listed', 'g',
                       map { ("u$_", "PA_$_", 1787500042000, '') }
                           1 .. $n);
       }), '<', 8, 'who is found in LiveKit at once');

# what deadlines.lua acts on one after the other, because each is of another ms

my %late = (
    'connected no more' => 'm[2], m[5], m[7] = 1, 1, 2',
    'never connected' => 'm[2], m[5] = 1, 1',
    'ringing, but the creator' => 'if i == 1 then m[4] = now + 60000 end',
);

for my $what (sort keys %late) {
    cmp_ok(growth(sub {
               my ($n) = @_;

               begin(1000000);
               group('g', $n);
               rewrite('g', <<"END");
r[2], r[18] = 1, now - 10
for i, m in ipairs(r[13]) do
    m[4] = now - 60000 + i
    $late{$what}
end
END
               $redis->command('ZADD', $P . 'deadlines', 1, 'g');

               return cost('deadlines', '', 16);
           }), '<', 8, "who is late: $what");
}


# many groups that nobody answers, at once

{
    begin(1000000);

    for my $g (1 .. 8) {
        run('create', "g$g", "a$g", 'app', 0, 0, 1000,
            map { "u$g-$_" } 1 .. 399);
        $redis->command('ZADD', $P . 'deadlines', $g, "g$g");
    }

    my @left = map { cost('deadlines', '', 16);
                     $redis->command('ZCOUNT', $P . 'deadlines', 0, 8) } 1 .. 3;

    is("@left", '5 2 0', 'large groups whose time is over: some in each script');
}


# --- what is given up at once

sub dead { return $redis->command('HLEN', $P . 'dead') }


{
    begin(499);
    group('g', 500);

    my (undef, $calls) = cost('create', 'pair', 'alice', 'app', 0, 0, 2, 'bob');

    cmp_ok($calls, '<', 40, 'full, of a large group: a call to two people');
    is(dead(), 1, 'gives up as many as come');
    is($redis->command('HGET', $P . 'stats', "$ENDPOINT:waiting"), 499,
       'no more wait than may');

    my @given_up = map { cost('create', "more$_", "a$_", 'app', 0, 0, 2, "b$_");
                         dead() } 1 .. 3;

    is("@given_up", '2 3 4', 'and each further one the same');

    $redis->command('ZADD', $P . "due:$ENDPOINT", 1, 'g');

    my $reply = run('claim', '', $ENDPOINT, 15000, 7, 10, 10)->[1];
    my @events = splice @$reply, 4 + 14 + 500;

    is(join(' ', map { $events[4 * $_ + 1] } 0 .. 9), join(' ', 5 .. 14),
       'the rest of the group is told in its order');
}

{
    begin(301);
    run('create', "r$_", "a$_", 'app', 0, 0, 2, "b$_") for 100 .. 400;
    run('claim', '', $ENDPOINT, 15000, 7, 300, 300);

    my (undef, $calls) = cost('create', 'pair', 'alice', 'app', 0, 0, 2, 'bob');
    my $left = $redis->command('ZRANGE', $P . "age:$ENDPOINT", 300, -1);

    cmp_ok($calls, '<', 60, 'full, with hundreds that are being sent');
    is("@$left", 'pair', 'which are passed over');
}

for my $what ('one step', 'one step after the other') {
    begin(1000000);
    group('g', 300);

    if ($what ne 'one step') {
        $redis->command('DEL', map { "$P$_" } "queue:$ENDPOINT:g",
                                              "due:$ENDPOINT", "age:$ENDPOINT");
        run('livekit', 'g', 'joined', "EV_$_", 'RM_1', "PA_$_", "u$_",
            1787500042000, 'other', 'app') for 1 .. 250;
    }

    endpoint(1000000, 1);
    select undef, undef, undef, 0.01;

    my @given_up = map { cost('claim', '', $ENDPOINT, 15000, 7, 10, 10);
                         dead() } 1 .. 2;

    is("@given_up", '100 200', "too old, of $what: some in each script");
}


# --- large letters, and all of them again

{
    begin(1000000);
    group('g', 1000);
    endpoint(1000000, 1);
    select undef, undef, undef, 0.01;
    run('claim', '', $ENDPOINT, 15000, 7, 10, 10) for 1 .. 10;
    endpoint(1000000, 86400000);
    is(dead(), 999, 'a large group is given up');

    my ($skipped, $began, @n) = (0, 0);

    while ($skipped >= 0 && @n < 1000) {
        (my $n, $skipped, $began) = @{run('replay', '', '', 1, 9999999999999,
                                          $skipped, $began)->[1]}[3 .. 5];
        push @n, $n;
    }

    my $seqs = $redis->command('EVAL', <<'END', 1, $P . "queue:$ENDPOINT:g");
local seqs = redis.call('LRANGE', KEYS[1], 0, -1)
for i, change in ipairs(seqs) do
    seqs[i] = cmsgpack.unpack(change)[2]
end
return seqs
END

    cmp_ok((sort { $b <=> $a } @n)[0], '<', 200,
           'and sent again part by part');
    is("@$seqs", join(' ', 1 .. 999), 'all of it, in its order');
}


# --- an endpoint that nobody has

{
    begin(1000000);
    group('g', 300);
    run('livekit', 'g', 'joined', "EV_$_", 'RM_1', "PA_$_", "u$_",
        1787500042000, 'other', 'app') for 1 .. 249;
    $redis->command('EVAL', <<'END', 1, $P . 'endpoints', $ENDPOINT);
local endpoint = cmsgpack.unpack(redis.call('HGET', KEYS[1], ARGV[1]))
endpoint[3] = 0
redis.call('HSET', KEYS[1], ARGV[1], cmsgpack.pack(endpoint))
END

    my (@calls, @left);

    for (1 .. 2) {
        push @calls, (cost('register', '', 604800000))[1];
        push @left, $redis->command('LLEN', $P . "queue:$ENDPOINT:g");
    }

    is("@left", '51 0', 'what waits for it is dropped part by part');
    cmp_ok($calls[0], '<', 4 * 200, 'and not event by event');
    is(join(' ', @{$redis->command('HMGET', $P . 'stats',
                                   map { "$ENDPOINT:$_" } 'waiting', 'dead:3',
                                         'dead:4')}),
       '0 299 249', 'but counted');
    is_deeply($redis->command('KEYS', "*$ENDPOINT*"), [], 'nothing is left');
}


# --- the log and the dead letters

{
    begin(1000000);
    $redis->command('EVAL', <<'END', 3, map { "$P$_" }
for i = 1, 2500 do
    redis.call('HSET', KEYS[1], i, 'a letter')
    redis.call('ZADD', KEYS[2], i, i)
    redis.call('XADD', KEYS[3], i .. '-1', 'e', cmsgpack.pack({
        'dead', i, '0123456789abcdef', 'r' .. i, 3, 'nonce-1', 'bob', 1, 'why'
    }))
end
END
                    'dead', 'dead:age', 'log');

    my %least;

    for (1 .. 5) {
        for my $cursor ('', '13-1') {
            my ($us) = cost('list', '', $cursor, 10, '', 0, '');

            $least{$cursor} = $us
                if !$least{$cursor} || $us < $least{$cursor};
        }
    }

    cmp_ok($least{''} / $least{'13-1'}, '<', 4,
           'a page of the log costs as much as the last one');

    my (@left, @again);

    for (1 .. 3) {
        push @again, run('cleanup', '', 1000)->[1][3];
        push @left, dead();
    }

    is("@left", '1500 500 0', 'a cleanup is made part by part');
    is("@again", '1000 1000 -1', 'and says whether there is more');
}


# --- what is to be done in LiveKit, and is not any more

for my $what ('too late', 'wrong by now') {
    begin(1000000);
    group('g', 300);
    rewrite('g', <<'END');
r[2], r[12] = 1, {}
for i, m in ipairs(r[13]) do
    m[2], m[5], m[7] = 1, now, 1
end
END

    my @leavers = map { "u$_" } 2 .. 151;

    run('kick', 'g', @leavers);
    rewrite('g', 'for i, m in ipairs(r[13]) do m[2] = 1 end')
        if $what ne 'too late';
    $redis->command('EVAL', <<'END', 1, $P . 'queue:livekit:g')
for i, c in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
    c = cmsgpack.unpack(c)
    c[4] = 1
    redis.call('LSET', KEYS[1], i - 1, cmsgpack.pack(c))
end
END
        if $what eq 'too late';

    my @left = map { cost('claim', '', 'livekit', 15000, 7, 10, 10);
                     $redis->command('LLEN', $P . 'queue:livekit:g') } 1 .. 2;
    my $read = $redis->command('INFO', 'commandstats')
               =~ /^cmdstat_get:calls=(\d+)/m ? $1 : 0;

    is("@left", '50 0', "$what: passed over, some in each script");
    is($read, $what eq 'too late' ? 0 : 1, 'which reads the room once');
}


# --- what is left

is_deeply([map { $_->[3][0] . ' ' . $_->[2] }
               @{$redis->command('SLOWLOG', 'GET', 10)}],
          [], 'no script ran for seconds');
like($redis->command('INFO', 'server'), qr/^process_id:$pid\r$/m,
     'Redis is the same');

diag(join ', ', map { "$_: $done{$_}" } sort keys %done);

done_testing();
