#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# conf/docker: what its files name is there and fits together, and nginx of the
# package serves with its configuration.  No image is built.

use strict;
use warnings;

use Cwd qw(getcwd);
use JSON::PP;
use Test::More;
use TgoRTC::Live;
use TgoRTC::Root;


my ($deb) = glob "$ENV{BUILD}/deb/libnginx-mod-http-tgortc_*.deb";

BAIL_OUT('no package: make deb') if !defined $deb;

my $dir = 'conf/docker';


# --- the image

sub glob_to_regex {
    my ($pattern) = @_;

    my $regex = join '.*', map { quotemeta } split /\*/, $pattern, -1;

    return qr/(?:^|\/)$regex$/;
}


my $text = slurp("$dir/Dockerfile");

$text =~ s/^#.*\n//mg;
$text =~ s/\\\n\s*//g;

my @steps = map { [ /^([A-Z]+) +(.*)/ ] } grep { /\S/ } split /\n/, $text;
my @ignored = split ' ', slurp("$dir/Dockerfile.dockerignore");
my %stage;

for my $step (@steps) {
    my ($name, $what) = @$step;

    if (!ok($name && $name =~ /^(?:FROM|RUN|COPY|EXPOSE|STOPSIGNAL|CMD)$/,
            'an instruction: ' . ($name || '?')))
    {
        next;
    }

    if ($name eq 'FROM') {
        like($what, qr/^debian:\w+-slim(?: AS \w+)?$/, $what);
        $stage{$1} = 1 if $what =~ / AS (\w+)/;
        next;
    }

    if ($name eq 'COPY') {
        my @places = split ' ', $what;

        if ($places[0] =~ /^--from=(.*)/) {
            ok($stage{$1}, "$what: a stage before this one");
            (my $pattern = $places[1]) =~ s|.*/||;
            like($deb, glob_to_regex($pattern), "$what: the package");
            next;
        }

        pop @places;
        ok(-e $_, "$_ is there to copy") for @places;

        for my $place (@places) {
            ok(!grep({ $place eq $_ } @ignored), "$place is not ignored");
        }

        next;
    }

    next if $name ne 'RUN';

    for my $command (split / && /, $what) {
        if ($command =~ /^apt-get install (.*)/) {
            for my $package (grep { !/^-|^\/tmp\// } split ' ', $1) {
                ok(system("apt-cache show $package > /dev/null 2>&1") == 0,
                   "$package is a package of Debian");
            }
        }

        if ($command =~ /^make -C \S+ (.*)/) {
            like(slurp('Makefile'), qr/^\Q$_\E:/m, "make $_")
                for split ' ', $1;
        }
    }
}


for my $needed (qw(config src docs conf)) {
    ok(!grep({ $needed eq $_ } @ignored), "$needed is in the image's context");
}


# --- what runs beside it

sub yaml {
    my ($file) = @_;

    my $script = 'console.log(JSON.stringify(require("yaml").parse('
                 . 'require("fs").readFileSync(0, "utf8"))))';
    my $json = `cd '$ENV{BUILD}/pages' && node -e '$script' < '$file' 2>&1`;

    return $? == 0 ? JSON::PP->new->allow_nonref->decode($json)
                   : die "$file: $json";
}


my $top = getcwd();
my $compose = yaml("$top/$dir/compose.yaml");
my $livekit = yaml("$top/$dir/livekit.yaml");
my $nginx = slurp("$dir/nginx.conf");
my %service = %{$compose->{services}};

is(join(' ', sort keys %service), 'livekit nginx redis', 'the services');
is($service{nginx}{build}{context}, '../..', 'the sources are the context');
ok(-e $service{nginx}{build}{dockerfile}, 'the Dockerfile is there');

for my $name (sort keys %service) {
    for my $volume (@{$service{$name}{volumes}}) {
        my ($source) = split /:/, $volume;

        ok($source =~ m|^\./| ? -f "$dir/$source"
                              : exists $compose->{volumes}{$source},
           "$name: $source is there");
    }

    like($_, qr/^127\.0\.0\.1:(\d+):\1(?:\/udp)?$/,
         "$name: $_, for this machine alone")
        for @{$service{$name}{ports}};

    ok($service{$_}, "$name depends on $_, which there is")
        for keys %{$service{$name}{depends_on} || {}};
}

like($service{redis}{command}, qr/--appendonly yes\b/, 'Redis keeps calls');
like($service{redis}{command}, qr/noeviction/, 'and throws none away');

my ($key, $secret) = $nginx =~ /tgortc_livekit_key\s+(\S+)\s+(\S+);/;

is($livekit->{keys}{$key}, $secret, 'LiveKit has the key of nginx');
is($livekit->{webhook}{api_key}, $key, 'and signs its webhooks with it');

my ($host, $port, $path) =
    $livekit->{webhook}{urls}[0] =~ m|^http://(\w+):(\d+)(/.*)$|;

ok($service{$host}, "which go to $host");
like($nginx, qr/listen\s+$port;/, 'where it listens');
like($nginx, qr/server_name\s[^;]*\b$host\b/, 'by that name');
like(slurp('conf/tgortc.conf'),
     qr/location = \Q$path\E \{\s+tgortc_livekit_webhook;/, 'and takes them');

like($nginx, qr/tgortc_livekit_api\s+http:\/\/livekit:$livekit->{port};/,
     'nginx reaches LiveKit');
like($nginx, qr/tgortc_livekit_url\s+ws:\/\/localhost:$livekit->{port};/,
     'and so do clients');

my %published = map { /^127\.0\.0\.1:(.*?):/ ? ($1 => 1) : () }
                @{$service{livekit}{ports}};

ok($published{$_}, "port $_ of LiveKit is published")
    for $livekit->{port}, @{$livekit->{rtc}}{qw(tcp_port udp_port)};


# --- nginx

my $root = TgoRTC::Root->new->boot;

system('cp', $deb, $root->path('/tmp/package.deb')) == 0 or die "cp: $?";
system('cp', "$dir/nginx.conf", $root->path('/etc/nginx/conf.d/tgortc.conf'))
    == 0 or die "cp: $?";

my ($status, $said) = $root->sh(
    'echo "127.0.0.1 localhost redis livekit" > /etc/hosts'
    . ' && service redis-server start && dpkg -i /tmp/package.deb'
    . ' && rm /etc/nginx/sites-enabled/default && nginx -t && nginx');

is($status, 0, 'nginx takes its configuration') or diag($said);


sub curl { return ($root->sh("curl -s --max-time 10 $_[0]"))[1] }


ok(wait_for(sub {
       curl("http://localhost:$port/api/v1/health") eq '{"status":"ok"}';
   }), 'and reaches Redis by its name');
like(curl("-w ' %{http_code}' -d '{}' http://localhost:$port$path"),
     qr/ 401$/, 'a webhook that is not signed is refused');
like(curl("-L http://localhost:$port/"), qr/swagger-ui-bundle\.js/,
     'Swagger UI');

done_testing();
