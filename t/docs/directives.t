#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# The pages of docs/ are true to the source: directives, where they stand, their
# parameters and defaults; scripts, keys and commands of Redis; events.

use strict;
use warnings;

use Cwd qw(abs_path);
use FindBin;
use Test::More;

my $root = abs_path("$FindBin::Bin/../..");


sub slurp {
    my ($name) = @_;

    open my $fh, '<', "$root/$name" or die "$name: $!\n";
    local $/;

    return scalar readline $fh;
}


sub sorted { return join ' ', sort @_ }


my $module = slurp('ngx_http_tgortc_module.c');
my $conf = join '', map { slurp("src/ngx_http_tgortc_$_") }
                    qw(conf.h conf.c conf_redis.c conf_webhook.c);
my $page = slurp('docs/directives.md');


# --- the table of the module, and the page

# name => [ flags, function ]

my %command;

while ($module =~ /\{ ngx_string\("(tgortc_\w+)"\),\s+([A-Z_0-9|]+),\s+(\w+),/g) {
    $command{$1} = [ $2, $3 ];
}

# name => { syntax, default, context, text }

my %entry;

for my $part (split /^### /m, $page) {
    my ($name, $text) = $part =~ /\A(tgortc_\w+)\n\n(.*)/s or next;

    ok(!$entry{$name}, "$name has one entry");

    my ($syntax, $default, $context) = $text =~ /
        \A \*\*Syntax:\*\*  [ ] `([^`]*)` \n
           \*\*Default:\*\* [ ] (.*?)     \n
           \*\*Context:\*\* [ ] (.*?)     \n\n [^\n]
    /sx;

    ok(defined $context, "$name has its syntax, default and context");

    s/\s+/ /g for grep { defined } $syntax, $default, $context;

    $entry{$name} = { syntax => $syntax, default => $default,
                      context => $context, text => $text };
}

cmp_ok(scalar keys %command, '>=', 18, 'directives of the module');
is(sorted(keys %entry), sorted(keys %command),
   'all directives are documented, and no others');

for my $name (sort keys %command) {
    my ($flags) = @{$command{$name}};
    my $entry = $entry{$name} or next;
    my @contexts = map { $_->[1] } grep { $flags =~ /$_->[0]/ }
                   [ NGX_HTTP_MAIN_CONF => 'http' ],
                   [ NGX_HTTP_SRV_CONF => 'server' ],
                   [ NGX_HTTP_LOC_CONF => 'location' ];

    is($entry->{context}, join(', ', @contexts), "$name, context");

    my $arguments = $flags =~ /NOARGS/    ? qr/;/
                  : $flags =~ /TAKE1\b/   ? qr/ \S+;/
                  : $flags =~ /TAKE2\b/   ? qr/ \S+ \S+;/
                                          : qr/ .+;/;

    like($entry->{syntax}, qr/\A$name$arguments\z/, "$name, syntax");
    like($entry->{default}, qr/\A(?:–( \(.*\))?|`$name .*;`)\z/,
         "$name, default");
}


# --- parameters: those that are read, and those of the syntax

sub body_of {
    my ($function) = @_;

    my ($body) = $conf =~ /^\Q$function\E\([^;{]*\)\n\{\n(.*?)^\}\n/ms
        or die "no $function()\n";

    return $body;
}


sub table_of {
    my ($name) = @_;

    my ($table) = $conf =~ /^\} \Q$name\E\[\] = \{\n(.*?)^\};\n/ms
        or die "no $name\n";

    return $table;
}


sub parameters_are {
    my ($name, $function, @tables) = @_;

    my $body = join '', body_of($function), map { table_of($_) } @tables;
    my @read = $body =~ /"([a-z_]+)="/g;
    my @shown = $entry{$name}{syntax} =~ /\[([a-z_]+)=/g;

    is(sorted(@shown), sorted(@read), "$name, parameters");

    like($entry{$name}{text}, qr/^- .*`$_`/m, "$name explains $_=")
        for @read;
}

parameters_are('tgortc_redis', 'ngx_http_tgortc_conf_redis_param',
               'ngx_http_tgortc_redis_texts', 'ngx_http_tgortc_redis_flags');
parameters_are('tgortc_webhook', 'ngx_http_tgortc_conf_webhook_param');
parameters_are('tgortc_webhook_retry', 'ngx_http_tgortc_conf_webhook_retry');


# --- defaults

sub define {
    my ($name) = @_;

    my ($value) = $conf =~ /^#define NGX_HTTP_TGORTC_$name +(\S.*)$/m
        or die "no $name\n";

    $value =~ s/\A\((.*)\)\z/$1/;
    $value =~ s/\A"(.*)"\z/$1/;
    $value = eval $value if $value =~ /\A[\d *]+\z/;

    return $value;
}


# A time of nginx in ms.

sub ms {
    my ($text) = @_;

    my %unit = (ms => 1, s => 1000, m => 60_000, h => 3_600_000,
                d => 86_400_000, w => 7 * 86_400_000, '' => 1000);
    my ($n, $unit) = $text =~ /\A(\d+)([a-z]*)\z/ or die "$text is no time\n";

    return $n * $unit{$unit};
}


sub default_of {
    my ($name, $parameter) = @_;

    my $what = defined $parameter ? qr/[ ]$parameter=([^ ;]+)/
                                  : qr/\A`$name[ ]([^ ;]+)/;

    return $entry{$name}{default} =~ $what ? $1 : 'none';
}


for ([ tgortc_token_ttl => 1000 * define('TOKEN_TTL') ],
     [ tgortc_ring_timeout => define('RING_TIMEOUT') ],
     [ tgortc_join_timeout => define('JOIN_TIMEOUT') ],
     [ tgortc_rejoin_grace => define('REJOIN_GRACE') ],
     [ tgortc_room_max_age => define('ROOM_MAX_AGE') ],
     [ tgortc_room_retention => define('ROOM_RETENTION') ],
     [ tgortc_webhook_log_retention => define('LOG_RETENTION') ])
{
    my ($name, $value) = @$_;

    is(ms(default_of($name)), $value, "$name, the default");
}

is(default_of('tgortc_redis'), define('REDIS_ADDRESS'),
   'tgortc_redis, the address');
is(default_of('tgortc_redis', 'db'), 0, 'tgortc_redis, the database');
is(default_of('tgortc_redis', 'prefix'), define('REDIS_PREFIX'),
   'tgortc_redis, the prefix');
is(ms(default_of('tgortc_redis', 'timeout')), define('REDIS_TIMEOUT'),
   'tgortc_redis, the timeout');

my ($delays) = $conf =~ /ngx_http_tgortc_delays\[\] = \{([^}]*)\}/;

is(join(' ', map { ms($_) }
             split /,/, default_of('tgortc_webhook_retry', 'delays')),
   join(' ', $delays =~ /(\d+)/g), 'tgortc_webhook_retry, the delays');
is(ms(default_of('tgortc_webhook_retry', 'max_age')),
   define('RETRY_MAX_AGE'), 'tgortc_webhook_retry, the age');
is(default_of('tgortc_webhook_retry', 'max_queued'),
   define('RETRY_MAX_QUEUED'), 'tgortc_webhook_retry, the queue');

my $webhook = $entry{tgortc_webhook}{text};

$webhook =~ s/\s+/ /g;

my ($timeout) = $webhook =~ /`timeout`:.*?Default: `(\w+)`/;
my ($in_flight) = $webhook =~ /`max_in_flight`:.*?Default: `(\d+)`/;
my ($limit) = $webhook =~ /`max_in_flight`:[^.]*1 to (\d+)/;

is(ms($timeout), define('WEBHOOK_TIMEOUT'), 'tgortc_webhook, the timeout');
is($in_flight, define('MAX_IN_FLIGHT'), 'tgortc_webhook, in flight');
is($limit, define('MAX_IN_FLIGHT_MAX'), 'tgortc_webhook, most in flight');
is(define('WEBHOOK_TIMEOUT_MAX'), 60_000,
   'tgortc_webhook, at most a minute, as the page says');


# --- bodies

is(define('BODY_SIZE'), 65536, '64k for a body');
is(define('LIVEKIT_SIZE'), 4 * 1048576, "4m for LiveKit's");


# --- Redis

my @scripts = glob "$root/src/scripts/*.lua";
my @parts = glob "$root/src/scripts/parts/*.lua";
my $lua = join '', map { s{\A\Q$root\E/}{}; slurp($_) }
                   my @copy = (@scripts, @parts);
my $redis = slurp('docs/redis.md');

my %called = map { lc $_ => 1 } $lua =~ /\bp?call\('([A-Z]+)'/g;
my ($acl) = $entry{tgortc_redis}{text} =~ /needs (`\+.*?) on the keys/s;

is(sorted($acl =~ /\+(\w+)/g),
   sorted(keys %{{ %called, map { $_ => 1 } qw(eval evalsha ping time select) }}),
   'commands that a user of Redis needs');

my ($user) = slurp('docs/configuration.md')
             =~ /redis-cli acl setuser (.*?)\n {4}[^ ]/s;

is(sorted($user =~ /\+(\w+)/g), sorted('info', $acl =~ /\+(\w+)/g),
   'commands of the user in docs/configuration.md');

my @listed = $redis =~ /`(\w+\.lua)`/g;
my %listed = map { $_ => 1 } @listed;

is(sorted(keys %listed), sorted(map { m{([^/]+)\z} } @scripts),
   'scripts of docs/redis.md');

# those that come from call.c, the rest is named in the scripts

my %key = map { $_ => 1 } qw(users deadlines once:), $lua =~ /BASE \.\. '([a-z:]+)'/g;
my %shown = map { (my $k = $_) =~ s/(?<=:)?[A-Z]+(?::[A-Z]+)?\z//; $k => 1 }
            $redis =~ /^\| `\{prefix\}:([^`]+)`/mg;

is(sorted(keys %shown), sorted(keys %key), 'keys of docs/redis.md');

my ($fields) = $redis =~ /### A room\n(.*?)\| \| field of a member/s;
my ($room) = slurp('src/scripts/create.lua') =~ /^ *room = \{(.*?)^ *\}/ms;
my $n = 1;

$room =~ s/\{\}/x/g;
$room =~ s/\([^()]*\)//g;
$n++ while $room =~ /,/g;

is(scalar(() = $fields =~ /^\| \d+ \| /mg), $n, 'fields of a room');

my ($change) = $redis =~ /### A change in a queue\n(.*?)\n## /s;
my ($last) = (sort { $b <=> $a } $change =~ /^\| (\d+)/mg)[0];

is($last, $lua =~ /C_TARGETS, C_UIDS, C_TRIES, C_WRITTEN = .*?(\d+)$/m ? $1 : 0,
   'fields of a change');


# --- events

my ($names) = slurp('src/ngx_http_tgortc_event.c')
              =~ /event_names\[\] = \{(.*?)\}/s;
my @events = $names =~ /ngx_string\("([\w.]+)"\)/g;
my $webhooks = slurp('docs/webhooks.md');

is(sorted($webhooks =~ /^\| `((?:room|participant)\.\w+)` \|/mg),
   sorted(@events), 'events of docs/webhooks.md');

my ($reasons) = slurp('src/ngx_http_tgortc_livekit.c')
                =~ /livekit_reasons\[\] = \{(.*?)NULL/s;
my $livekit = slurp('docs/livekit.md');

like($livekit, qr/`$_`/, "$_ is in docs/livekit.md")
    for $reasons =~ /"([A-Z_]+)"/g;

my ($events) = slurp('src/ngx_http_tgortc_livekit.c')
               =~ /livekit_events\[\] = \{(.*?)NULL/s;

like($livekit, qr/`$_`/, "$_ is in docs/livekit.md")
    for $events =~ /\{ "(\w+)"/g;

my ($verdicts) = slurp('src/ngx_tgortc_messages.c')
    =~ /(\[NGX_TGORTC_MSG_VERIFY_MISSING\].*?)\[NGX_TGORTC_MSG_NOT_INVITED\]/s;

like($livekit, qr/^\| \Q$_\E \|/m, "\"$_\" is in docs/livekit.md")
    for $verdicts =~ /= \{\n\s+"(.*?)",\n/g;


done_testing();
