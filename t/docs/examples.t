#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# Every example of README.md and docs/ is run as it stands there:
#
#     commands         by the shell, page by page, with a server like that of
#                      "make run", and their answers compared ("…" is anything)
#     make             has such a target
#     webhook N type   has been printed by the demo's endpoint
#     nginx            passes nginx -t, in as much of a frame as it needs
#     conf             Redis starts with it
#     json, yaml       can be parsed
#     js               is JavaScript, and uses what its libraries have
#
# Receivers in docs/webhooks.md are run by t/docs/webhooks.t.  What cannot be
# run says why, in a comment before it.

use strict;
use warnings;

use JSON::PP;
use Test::More;
use TgoRTC::Calls;
use TgoRTC::Live;
use TgoRTC::Pages;

my $json = JSON::PP->new->utf8;
my $dir = TgoRTC::Live::name('examples');
my ($so) = TgoRTC::Live::Nginx::modules({});
my $npm = "$ENV{BUILD}/npm/node_modules";

mkdir $_ or die "$_: $!" for $dir, "$dir/bin", "$dir/work";
chmod 0755, $dir;


sub put {
    my ($file, $text) = @_;

    open my $out, '>', $file or die "$file: $!";
    print $out $text;
    close $out or die "$file: $!";

    return $file;
}


sub said {
    my ($command) = @_;

    my $text = `$command 2>&1`;

    return ($? == 0, $text);
}


# Examples that other tests run, by page and kind.

my %elsewhere = (
    (map { ("docs/webhooks.md $_" => 1) } qw(js python go php)),

    # t/deb installs the package, and upgrades, removes and confines it
    'docs/packages.md indented' => 1
);

my %check = (
    nginx => \&nginx_block, conf => \&conf_block, json => \&json_block,
    yaml => \&yaml_block, js => \&js_block, '' => \&text_block
);

my @marked;


# --- configurations

my ($made, $openssl) = said(
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    . " -days 2 -subj /CN=example.com -keyout $dir/any.key -out $dir/any.pem");

die "openssl: $openssl" if !$made;


sub nginx_block {
    my ($block, $name) = @_;

    my $text = $block->{text};
    my ($root, $sockets) = (root(), 0);

    $text =~ s/^load_module .*\n//m;
    $text =~ s{/etc/ssl/\S+\.(key|pem);}{$dir/any.$1;}g;
    $text =~ s{\b(include\s+)tgortc\.conf;}{$1$root/conf/tgortc.conf;}g;
    $text =~ s{\b(listen\s+)(?:[\d.]+:)?\d+}
              {$1 . "unix:$dir/listen" . ++$sockets}ge;

    my $in_main = $text =~ /^(?:events|http) \{/m;

    if ($text =~ /^location /m) {
        $text = "server {\nlisten unix:$dir/listen;\n$text}\n";
    }

    $text = "http {\n$text}\n" if !$in_main;
    $text = "events { }\n$text" if $text !~ /^events \{/m;

    my $more = "access_log off;\n"
             . join '', map { "${_}_temp_path $dir;\n" }
                        qw(client_body proxy fastcgi uwsgi scgi);

    # what an example about something else leaves out

    $more .= "tgortc_livekit_key APIxxxxxxxx SECRET-OF-32-BYTES-OR-MORE-0;\n"
        if $text !~ /tgortc_livekit_key/;
    $more .= "tgortc_livekit_url wss://livekit.example.com;\n"
        if $text !~ /tgortc_livekit_url/;

    $text =~ s/^http \{\n/http {\n$more/m;

    put("$dir/nginx.conf", (defined $so ? "load_module $so;\n" : '')
                           . "pid $dir/pid;\n$text");

    my ($passed, $why) = said(TgoRTC::Live::Nginx::binary()
                              . " -t -p $dir/ -c $dir/nginx.conf -e stderr");

    SKIP: {
        skip "this nginx has no $1", 1
            if $why =~ /unknown directive "((?!tgortc_)\w+)"/;

        ok($passed, $name) or diag($why);
    }
}


sub conf_block {
    my ($block, $name) = @_;

    my $redis = TgoRTC::Live::name('conf');
    my $text = $block->{text} =~ s/^unixsocket \S+/unixsocket $redis\/sock/mr;

    mkdir $redis or die "$redis: $!";
    $text .= "unixsocket $redis/sock\n" if $text !~ /^unixsocket /m;

    my $pid = TgoRTC::Live::spawn(sub {
        exec 'redis-server', put("$redis/conf", $text),
             '--port', 0, '--save', '', '--dir', $redis, '--daemonize', 'no'
            or die "redis-server: $!";
    }, "$redis/log");

    TgoRTC::Live::remember(bless { pid => $pid }, 'TgoRTC::Live::Process');

    ok(wait_for(sub { -S "$redis/sock" }, 10), $name)
        or diag(slurp("$redis/log"));
}


# --- data and programs

sub json_block {
    my ($block, $name) = @_;

    ok(eval { $json->decode($block->{text}); 1 }, $name) or diag($@);
}


sub node {
    my ($program, @args) = @_;

    put("$dir/work/run.mjs", $program);
    symlink $npm, "$dir/work/node_modules";

    return said("cd $dir/work && node run.mjs @args");
}


sub yaml_block {
    my ($block, $name) = @_;

    put("$dir/work/block.yaml", $block->{text});

    my ($passed, $why) = node(<<"END");
import fs from 'node:fs';
import { createRequire } from 'node:module';

const { parse } = createRequire('$ENV{BUILD}/pages/package.json')('yaml');

if (typeof parse(fs.readFileSync('block.yaml', 'utf8')) !== 'object') {
    throw new Error('no mapping');
}
END

    ok($passed, $name) or diag($why);
}


# The module is loaded; what it is to do, its libraries have, and does.

sub js_block {
    my ($block, $name) = @_;

    put("$dir/work/block.mjs", $block->{text});

    my ($passed, $why) = node(<<'END');
import assert from 'node:assert';
import * as livekit from 'livekit-client';
import { Webhook } from 'standardwebhooks';

import fs from 'node:fs';

const block = await import('./block.mjs');
const text = fs.readFileSync('block.mjs', 'utf8');
const room = new livekit.Room();
const has = {
    room, 'room.localParticipant': room.localParticipant,
    track: livekit.Track.prototype
};

for (const [, object, method] of
    text.matchAll(/\b(room|room\.localParticipant|track)\.(\w+)\(/g))
{
    assert.strictEqual(typeof has[object][method], 'function',
        `${object}.${method}()`);
}

for (const [, event] of text.matchAll(/\bRoomEvent\.(\w+)/g)) {
    assert.ok(livekit.RoomEvent[event], event);
}

if (block.verified) {
    const [secret] = text.match(/whsec_\w+/);
    const now = new Date();
    const body = '{"room_id":"first_call"}';
    const headers = {
        'webhook-id': '1-1',
        'webhook-timestamp': `${Math.floor(now / 1000)}`,
        'webhook-signature': new Webhook(secret).sign('1-1', now, body)
    };

    assert.strictEqual(block.verified(headers, body).room_id, 'first_call');
    assert.throws(() => block.verified(headers, `${body} `));
}
END

    ok($passed, $name) or diag($why);
}


# What has no language is to be looked at: commands do not hide in it.

sub text_block {
    my ($block, $name) = @_;

    unlike($block->{text},
           qr/^(?:\$ |(?:curl|make|redis-cli|sudo|nginx) )/m, $name);
}


# --- a server

my $redis = redis(args => [ '--aclfile', put("$dir/acl", '') ]);
my $root = root();

system("docs/pages.sh '$ENV{BUILD}' > $dir/pages.log 2>&1") == 0
    or die slurp("$dir/pages.log");

my $endpoint = TgoRTC::Live::spawn(sub {
    exec 'node', 'conf/demo-endpoint.mjs', "$dir/endpoint.sock"
        or die "node: $!";
}, "$dir/printed");

TgoRTC::Live::remember(bless { pid => $endpoint }, 'TgoRTC::Live::Process');
wait_for(sub { -S "$dir/endpoint.sock" }) or die slurp("$dir/printed");
chmod 0777, "$dir/endpoint.sock";

# The configuration of "make run", with the places of the test.  While there is
# a file "refuse" the endpoint does so, and is not soon asked again: a page
# shows one failure.

sub TgoRTC::Demo::conf {
    my ($self) = @_;

    my $conf = source('conf/demo.conf');
    my $secret = 'a-secret-of-the-tests-0123456789abcdef';
    my $load = defined $so ? "load_module $so;" : '';

    $load .= ' user root;' if $> == 0;
    $conf =~ s/^ *tgortc_webhook_retry .*\n//m;

    my @changes = (
        qr/^load_module .*$/m                  => $load,
        qr/stderr(?= notice;)/                 => $self->{log},
        qr/\/dev\/stdout(?=;)/                 => 'off',
        qr/unix:redis\.sock(?=;)/
            => "$redis->{address} timeout=10s",
        qr/unix:endpoint\.sock(?=;)/           => "unix:$dir/endpoint.sock",
        qr/a-secret-for-trying[\w-]+(?=;)/     => $secret,
        qr/(?<=\/tgortc\/webhook)(?: name=\w+)?;/
            => ' name=app; tgortc_webhook_retry delays=1h;',
        qr/(?<=location = \/tgortc\/webhook \{)/
            => "if (-f $dir/refuse) { return 500; }"
    );

    while (my ($what, $to) = splice @changes, 0, 2) {
        $conf =~ s/$what/$to/ or die "no $what in conf/demo.conf";
    }

    my %value = (BUILD => $ENV{BUILD}, CONF => "$root/conf",
                 PORT => $self->{port});

    return $conf =~ s/\@([A-Z]+)\@/$value{$1}/gr;
}

@TgoRTC::Demo::ISA = ('TgoRTC::Live::Nginx');

my $nginx = TgoRTC::Live::remember(TgoRTC::Demo->new);
my $calls = calls(redis => $redis, nginx => $nginx);

symlink $nginx->{log}, "$dir/work/error.log" or die "error.log: $!";

my ($key, $secret) = $nginx->conf =~ /tgortc_livekit_key\s+(\S+) (\S+);/;


# curl fails when it is refused; redis-cli asks the server's Redis, and prints
# as it does on a terminal

sub program {
    my ($name, @args) = @_;

    my ($path) = grep { -x } map { "$_/$name" } split /:/, $ENV{PATH};

    put("$dir/bin/$name", "#!/bin/sh\nexec $path @args \"\$\@\"\n");
    chmod 0755, "$dir/bin/$name";
}

program('curl', qw(-sS --fail-with-body --max-time 20));
program('redis-cli', '--no-raw', '-s', $redis->{path});


# What has happened when a page begins to speak, besides nothing: user_001 calls
# user_002 and user_003.

sub call {
    $calls->create('room_abc123', 'user_001', 'user_002', 'user_003',
                   { max_participants => 3, rtc_type => 1 });
}


# He is connected, has left another group, and the endpoint was away.

sub trouble {
    $calls->create('room_before', 'user_001', 'user_009',
                   { max_participants => 3 });
    $calls->join('room_before', 'user_009');
    $calls->leave('room_before', 'user_001');
    $calls->settle or die "not delivered\n";

    put("$dir/refuse", '');
    $calls->create('room_abc123', 'user_001', 'user_002',
                   { max_participants => 3, rtc_type => 1 });

    wait_for(sub {
        ask({ port => $nginx->{port}, method => 'GET',
              path => '/api/v1/webhooks/logs' })->{body} =~ /"failed"/;
    }) or die "nothing has failed\n";

    unlink "$dir/refuse";

    $calls->invite('room_abc123', 'user_003');
    $calls->livekit('room_abc123')->session('user_001', 'app')->joined;
}


my %given = (
    'docs/api.md' => \&trouble,
    'docs/metrics.md' => \&trouble,
    'docs/redis.md' => \&call,
    'docs/troubleshooting.md' => \&call
);


# --- commands

# An example as pairs of a command and what it prints, which is undef where it
# is not shown.

sub commands {
    my ($text) = @_;

    my $prompts = $text =~ /^\$ /;
    my @commands;

    for my $line (split /\n/, $text) {
        my $last = $commands[-1];

        if ($last && !$last->{whole}) {
            $last->{command} .= "\n$line";

        } elsif ($prompts && $line !~ s/^\$ //) {
            $last->{prints} .= "$line\n";
            next;

        } else {
            $last = { command => $line };
            push @commands, $last;
        }

        # quotes that are open, and a backslash at the end, go on

        my $command = $last->{command};
        my $rest = $command =~ s/\\.|'[^']*'|"(?:\\.|[^"\\])*"//gsr;

        $last->{whole} = $rest !~ /['"]/ && $command !~ /\\\z/;
    }

    return grep { $_->{command} ne '' } @commands;
}


# What is shown, as an expression; spaces and lines do not count.

sub shown {
    my ($text) = @_;

    $text =~ s/\s+//g;

    return join '.*?', map {
        my $part = quotemeta;

        # the time and the event of the examples

        $part =~ s/170409\d{4}(\d{3})?/$1 ? '\\d{13}' : '\\d{10}'/ge;
        $part =~ s/0fb4a6fa1d44d187\\-(\d+)/[0-9a-f]{16}-$1/g;
        $part;
    } split /…/, $text, -1;
}


sub makes {
    my ($command, $name) = @_;

    my $makefile = source('Makefile');

    for my $word (split ' ', $command =~ s/\s#.*//r =~ s/"[^"]*"/x/gr) {
        next if $word eq 'make';

        if ($word =~ /\A(\w+)=/) {
            like($makefile . source('t/bench/run.sh'), qr/\b$1\b/,
                 "$name: $word");
        } else {
            like($makefile, qr/^\Q$word\E:/m, "$name: $word");
        }
    }

    for my $test ($command =~ m{\bt/\S+?\.t\b}g) {
        ok(-e "$root/$test", "$name: $test");
    }
}


sub runs {
    my ($name, $command, $prints) = @_;

    if ($command =~ /\A(?:\w+=\S+ )*make\b/) {
        makes($command, $name);
        return;
    }

    $name .= ': ' . (split /\n/, $command)[0];

    for ($command) {
        s{localhost:8080\b}{localhost:$nginx->{port}}g;
        s{https://…}{http://localhost:$nginx->{port}}g;
        s{\bKEY=APIxxxxxxxx SECRET=SECRET\b}{KEY=$key SECRET=$secret};
    }

    # a form, and no command

    return if $command =~ /…/;

    put("$dir/command", $command);

    my ($passed, $text) =
        said("cd $dir/work && PATH=$dir/bin:\$PATH sh -e $dir/command");

    # redis-cli does not say so by its status

    $passed &&= $text !~ /^(?:\(error\) )?(?:ERR|[A-Z]{5,}) /m
        if $command =~ /redis-cli/;

    my $refused = defined $prints && $prints =~ /^\{"code":[45]/;

    ok($passed || $refused, $name) or diag($text);

    if (defined $prints) {
        like($text =~ s/\s+//gr, qr/\A${\shown($prints)}\z/s,
             "$name, what it prints");
    }
}


sub script {
    my ($block, $name) = @_;

    if ($block->{text} =~ /^webhook \d+ [a-z.]+ /) {
        my $shown = shown($block->{text});

        ok(wait_for(sub { slurp("$dir/printed") =~ s/\s+//gr =~ /$shown/ }, 10),
           "$name: the endpoint has printed it")
            or diag(slurp("$dir/printed"));
        return;
    }

    if ($block->{kind} eq 'sh') {
        runs($name, $block->{text});
        return;
    }

    runs($name, $_->{command}, $_->{prints}) for commands($block->{text});
}


# --- page by page

for my $page (pages()) {
    $redis->command('FLUSHALL');
    put("$dir/printed", '');
    $given{$page}->() if $given{$page};

    for my $block (blocks($page)) {
        my $name = "$page:$block->{line}";

        if (defined $block->{reason}) {
            push @marked, $name;
            next;
        }

        next if $elsewhere{"$page $block->{kind}"};

        if ($check{$block->{kind}}) {
            $check{$block->{kind}}->($block, "$name: $block->{kind}");

        } elsif ($block->{kind} =~ /\A(?:indented|sh)\z/) {
            script($block, $name);

        } else {
            fail("$name: nobody knows how to run $block->{kind}");
        }
    }
}

cmp_ok(scalar @marked, '<=', 10, "few are not run: @marked");
is($nginx->trouble, '', 'no trouble');

done_testing();
