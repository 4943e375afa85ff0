#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# What "make run" runs, tried as its reader would: the lines that it prints,
# the pages, the reference's story, Ctrl-C.

use strict;
use warnings;

use JSON::PP;
use Test::More;
use TgoRTC::Live;
use Time::HiRes qw(sleep time);


my ($module) = TgoRTC::Live::Nginx::modules({});

plan skip_all => 'the demo opens the module, here it is built in'
    if !defined $module;
plan skip_all => 'the demo runs the nginx that is installed'
    if TgoRTC::Live::Nginx::binary() ne '/usr/sbin/nginx';

my $build = TgoRTC::Live::name('build');
our $port = free_port();
my $json = JSON::PP->new->utf8;


# A build folder of its own: its data is its own as well.

ok(system("docs/pages.sh '$ENV{BUILD}' > $build.pages 2>&1") == 0,
   'the pages are made') or diag(slurp("$build.pages"));

mkdir $build or die "$build: $!";
chmod 0755, $build;
symlink $module, "$build/ngx_http_tgortc_module.so" or die "symlink: $!";
symlink "$ENV{BUILD}/www", "$build/www" or die "symlink: $!";


sub curl {
    my ($path, @options) = @_;

    open my $pipe, '-|', 'curl', '-s', '--max-time', '20', @options,
         "http://localhost:$port$path" or die "curl: $!";
    local $/;
    my $text = readline $pipe;
    close $pipe;

    return defined $text ? $text : '';
}


sub post {
    my ($path, $body) = @_;

    return curl("/api/v1/rooms$path", '-d', $body, '-w', ' %{http_code}');
}


# Starts the demo, with the PATH that Debian gives to users; what it printed
# until it was ready or gave up.

my ($pid, $runs) = (undef, 0);

sub start {
    my $out = "$build.out" . ++$runs;

    $pid = TgoRTC::Live::spawn(sub {
        $ENV{PATH} = '/usr/local/bin:/usr/bin:/bin:/usr/local/games:'
                     . '/usr/games';
        exec 'conf/demo.sh', $build, $port;
    }, $out);

    wait_for(sub {
        slurp($out) =~ /Ctrl-C/ || !grep { $_ == $pid } children($$);
    });

    return slurp($out);
}


# The processes of it that are still there.

sub left {
    my ($group) = @_;

    return grep { /^\d+ \(.*\) [^Z] \d+ (\d+)/s && $1 == $group }
           map { slurp($_) } glob '/proc/[0-9]*/stat';
}


sub is_stopped {
    my ($how, $group, $status) = @_;

    ok(TgoRTC::Live::reap($group, 20), "$how ends it");
    is($? >> 8, $status, "$how: the status says so");
    ok(wait_for(sub { !left($group) }, 5), "$how: nginx and Redis have ended");
    is(curl('/'), '', "$how: nothing answers any more");
}


my $said = start();

if (!like($said, qr/http:\/\/localhost:$port\b/, 'it says where it answers')) {
    done_testing();
    exit;
}

like($said, qr/swagger\/index\.html/, 'and where the documentation is');


# the lines to try, just as they are

my @lines = $said =~ /^\s+(curl .*)$/mg;

is(scalar @lines, 3, 'there are three lines to try');

my @answers = map { my $text = `$_ 2>/dev/null`; $text } @lines;
my @data = map { eval { $json->decode($_) } } @answers;

is($data[0]{room_id}, 'room_abc123', 'the first makes a room')
    or diag($answers[0]);
is(join(' ', @{$data[0]{uids} || []}), 'user_001 user_002', 'of two');
like($data[1]{token}, qr/^[\w-]+\.[\w-]+\.[\w-]+$/,
     'the second joins it, and gets a token') or diag($answers[1]);
is(ref $data[2] eq 'ARRAY' && @{$data[2]} && $data[2][0]{room_id},
   'room_abc123', 'the third finds the room') or diag($answers[2]);


# the pages

my $page = curl('/swagger/index.html', '-w', ' %{http_code} %{content_type}');

like($page, qr/ 200 text\/html$/, 'the page of the documentation');

my @assets = $page =~ /(?:src|href)="([^"#]+)"/g;

cmp_ok(scalar @assets, '>', 1, 'it uses some files');
is(join(' ', grep { m|^(?:https?:)?//| } @assets), '', 'of its own, no CDN');

for my $asset (@assets) {
    $asset =~ s|^\./||;
    my $path = $asset =~ m|^/| ? $asset : "/swagger/$asset";

    like(curl($path, '-o', '/dev/null', '-w', '%{http_code} %{size_download}'),
         qr/^200 [1-9]/, "$path is there");
}

like(curl('/', '-H', 'Host: rebound.example', '-o', '/dev/null',
          '-w', '%{http_code}'), qr/^403$/, 'other names are not its own');

# what is clicked there makes and ends calls

for my $path ('/swagger/index.html', '/tgortc/index.html') {
    like(curl($path, '-I'),
         qr/^Content-Security-Policy: .*frame-ancestors 'none'\r$/m,
         "$path is in no frame of another site");
}

my $api = eval { $json->decode(curl('/openapi.json')) };

like($api->{openapi}, qr/^3\.1/, 'openapi.json is there');
ok($api->{paths}{'/api/v1/rooms'} || $api->{paths}{'/rooms'}, 'and complete');
like(curl('/openapi.yaml'), qr/^openapi: /m, 'openapi.yaml is there');
like(curl('/', '-w', ' %{http_code} %{redirect_url}'),
     qr/ 302 http.*\/swagger\/index\.html$/, '/ leads to the page');
like(curl('/api/v1/health', '-w', ' %{http_code}'),
     qr/^\{"status":"ok"\} 200$/, 'health');


# the story of the reference: create, invite, join, sync, leave

my $room = 'story';

like(post('', qq({"creator":"alice","device_type":"app","rtc_type":1,)
              . qq("uids":["bob"],"room_id":"$room","max_participants":4})),
     qr/^\{"room_id":"$room","creator":"alice","token":"[^"]+","url":.* 200$/,
     'create');
is(post("/$room/invite", '{"uids":["carol"]}'), '{} 200', 'invite');

my $found = $json->decode(curl('/api/v1/rooms/sync?uid=carol&device_type=web'));

is($found->[0]{room_id}, $room, 'sync: carol is rung');
is(join(' ', @{$found->[0]{uids}}), 'alice bob carol', 'with the others');

for my $uid (qw(alice bob carol)) {
    my $answer = post("/$room/join", qq({"uid":"$uid","device_type":"app"}));

    like($answer, qr/"token":"[^"]+".* 200$/, "$uid joins");
}

is(post("/$room/leave", '{"uid":"bob","device_type":"app"}'), '{} 200',
   'bob leaves');
is(curl('/api/v1/rooms/sync?uid=bob&device_type=app'), '[]',
   'sync: bob is in no call');

$found = $json->decode(curl('/api/v1/rooms/sync?uid=alice&device_type=app'));
is(join(' ', @{$found->[0]{uids}}), 'alice carol', 'sync: the others are');

is(post("/$room/leave", qq({"uid":"$_"})), '{} 200', "$_ leaves")
    for qw(carol alice);

cmp_ok($json->decode(curl("/api/v1/rooms/$room"))->{status}, '>', 1,
       'the room has ended');
like(post("/$room/join", '{"uid":"bob"}'), qr/^\{"code":410,.* 410$/,
     'nobody can join it any more');


# the port is taken, the folder is in use

my $first = $pid;
my $again = start();

isnt($again, '', 'a second one at the same port says something');
like($again, qr/\b$port\b.*in use/, 'what is wrong');
unlike($again, qr/Ctrl-C/, 'and does not run');
ok(TgoRTC::Live::reap($pid, 20) && $? >> 8, 'it fails');

{
    local $port = $port;

    $port = free_port();
    $again = start();
    like($again, qr/runs already/, 'a second one of the same folder as well');
    ok(TgoRTC::Live::reap($pid, 20) && $? >> 8, 'it fails');
}

like(curl('/api/v1/health'), qr/ok/, 'the first one is not disturbed');


# Ctrl-C: the terminal tells all of the group

kill INT => -$first;
is_stopped('Ctrl-C', $first, 130);

# what there was is there again

start();
is($json->decode(curl('/api/v1/rooms/room_abc123'))->{room_id}, 'room_abc123',
   'after a restart the calls are still there');
kill TERM => $pid;
is_stopped('SIGTERM', $pid, 143);

done_testing();
