#!/usr/bin/perl

# Copyright (C) TgoRTC contributors
#
# The receivers in docs/webhooks.md, run as they stand there: what is signed
# they take, once, what is not they refuse.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use FindBin;
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;
use TgoRTC::Live;

my $page = slurp("$FindBin::Bin/../../docs/webhooks.md");

my $whsec = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
my $other = 'whsec_' . encode_base64('another key of 24 bytes!', '');
my $plain = 'a secret of words & signs';

# how an example is run, and where it says "standard"

my %language = (
    js     => { name => 'Node', program => 'node', file => 'receiver.mjs',
                command => sub { 'node', $_[0] },
                choice => 'const verify = standard;' },
    python => { name => 'Python', program => 'python3', file => 'receiver.py',
                command => sub { 'python3', $_[0] },
                choice => 'verify = standard' },
    go     => { name => 'Go', program => 'go', file => 'receiver.go',
                command => sub { "$_[0].bin" }, build => \&build_go,
                choice => 'var verify = standard' },
    php    => { name => 'PHP', program => 'php', file => 'receiver.php',
                command => sub { 'php', '-S', "127.0.0.1:$_[1]", $_[0] },
                choice => q($verify = 'standard';) },
);

my @languages = qw(js python go php);


sub installed {
    my ($program) = @_;

    return grep { -x "$_/$program" } split /:/, $ENV{PATH};
}


sub build_go {
    my ($file) = @_;

    local $ENV{GOCACHE} = TgoRTC::Live::tmp() . '/go'
        if !$ENV{HOME} && !$ENV{GOCACHE};
    local $ENV{GO111MODULE} = 'off';
    local $ENV{GOFLAGS} = '';

    system('go', 'build', '-o', "$file.bin", $file) == 0
        or die "go build failed\n";
}


# An example that runs: its port, and the file that has what it prints.

sub receiver {
    my ($code, $family, $secret) = @_;

    my $language = $language{$code};
    my ($example) = $page =~ /^```$code\n(.*?)^```/ms
        or die "no example in $code\n";
    my $dir = TgoRTC::Live::name($code);
    my $file = "$dir/$language->{file}";
    my $port = free_port();

    if ($family ne 'standard') {
        my $choice = quotemeta $language->{choice};

        $example =~ s{($choice)}{(my $c = $1) =~ s/standard/$family/; $c}e
            or die "no choice in $code\n";
    }

    mkdir $dir or die "$dir: $!";
    open my $out, '>', $file or die "$file: $!";
    print $out $example;
    close $out;

    $language->{build}->($file) if $language->{build};

    my $pid = TgoRTC::Live::spawn(sub {
        $ENV{PORT} = $port;
        $ENV{WEBHOOK_SECRET} = $secret;
        $ENV{TMPDIR} = $dir;
        chdir $dir;
        exec $language->{command}->($file, $port) or die "$code: $!";
    }, "$dir/log");

    TgoRTC::Live::remember(bless { pid => $pid }, 'TgoRTC::Live::Process');

    wait_for(sub { TgoRTC::Live::open_connection($port) })
        or die "$code does not start: " . slurp("$dir/log");

    return { port => $port, log => "$dir/log" };
}


# how often it has printed that

sub printed {
    my ($receiver, $text) = @_;

    return scalar(() = slurp($receiver->{log}) =~ /\Q$text\E/g);
}


sub v1 {
    my ($secret, $id, $time, $body) = @_;

    my $key = $secret =~ /^whsec_(.*)/ ? decode_base64($1) : $secret;

    return 'v1,' . encode_base64(hmac_sha256("$id.$time.$body", $key), '');
}


my $count = 0;

# A request, signed as told: the status it gets.

sub told {
    my ($receiver, %how) = @_;

    my $id = $how{id} || sprintf 'event%d-1', ++$count;
    my $time = defined $how{time} ? $how{time} : time;
    my $body = $how{body} || '{"room_id":"r1","uid":"bob","duration":0}';
    my @head = ('Content-Type: application/json', "X-Event-ID: $id",
                "X-Event-Type: $how{type}", 'X-Event-Seq: 1');

    if ($how{v1}) {
        push @head, "webhook-timestamp: $time", "webhook-signature: "
             . join ' ', map { v1($_, $id, $time, $body) } @{$how{v1}};
    }

    push @head, "webhook-id: $id" if $how{v1} || $how{hex};
    push @head, 'X-Signature: ' . hmac_sha256_hex($body, $how{hex})
        if $how{hex};

    return ask({ port => $receiver->{port}, method => 'POST',
                 path => "/hook?event_type=$how{type}&event_id=$id",
                 head => [ @head, @{$how{head} || []} ],
                 body => $body . ($how{more} || '') })->{status} || 0;
}


sub standard_tests {
    my ($receiver, $secret) = @_;
    my @signed = (v1 => [ $secret ]);

    is(told($receiver, type => 'once', id => 'same', @signed), 204, 'taken');
    is(told($receiver, type => 'once', id => 'same', @signed), 204,
       'taken again');
    is(printed($receiver, 'once r1 bob'), 1, 'and done once');

    is(told($receiver, type => 'room', @signed, body => '{"room_id":"r1"}'),
       204, 'an event without a uid');
    is(told($receiver, type => 'utf8', @signed,
            body => qq({"room_id":"r1","uid":"\xc3\xa9\xe7\x94\xa8"})), 204,
       'a uid that is not ASCII');

    is(told($receiver, type => 'second', v1 => [ $other, $secret ]), 204,
       'the second of two signatures');
    is(told($receiver, type => 'late', @signed, time => time - 200), 204,
       'three minutes ago');

    is(told($receiver, type => 'wrong', v1 => [ $other ]), 401,
       'another secret');
    is(told($receiver, type => 'wrong', v1 => [ $other, "$other=" ]), 401,
       'two other secrets');
    is(told($receiver, type => 'wrong', @signed, more => ' '), 401,
       'another body');
    is(told($receiver, type => 'wrong', @signed, time => time - 400), 401,
       'an old request');
    is(told($receiver, type => 'wrong', @signed, time => time + 400), 401,
       'a request of the future');
    is(told($receiver, type => 'wrong', @signed, time => 'now'), 401,
       'a time that is none');
    is(told($receiver, type => 'wrong', @signed, time => ''), 401, 'no time');
    is(told($receiver, type => 'wrong'), 401, 'no signature');
    is(told($receiver, type => 'wrong', hex => $secret), 401,
       'the other kind of signature');
    is(told($receiver, type => 'wrong', head => [ 'webhook-signature: v1,',
            'webhook-id: x', 'webhook-timestamp: ' . time ]), 401,
       'an empty signature');

    is(printed($receiver, 'wrong'), 0, 'none of these is done');
    is(printed($receiver, $_), 1, "$_ is done") for qw(room utf8 second late);
}


sub legacy_tests {
    my ($receiver, $secret) = @_;
    my @signed = (hex => $secret);

    is(told($receiver, type => 'once', id => 'same', @signed), 204, 'taken');
    is(told($receiver, type => 'once', id => 'same', @signed), 204,
       'taken again');
    is(printed($receiver, 'once r1 bob'), 1, 'and done once');

    is(told($receiver, type => 'wrong', hex => $other), 401, 'another secret');
    is(told($receiver, type => 'wrong', @signed, more => ' '), 401,
       'another body');
    is(told($receiver, type => 'wrong'), 401, 'no signature');
    is(told($receiver, type => 'wrong', v1 => [ $secret ]), 401,
       'the other kind of signature');
    is(told($receiver, type => 'wrong', head => [ 'X-Signature: ',
            'webhook-id: x' ]), 401, 'an empty signature');

    is(printed($receiver, 'wrong'), 0, 'none of these is done');
}


# the request that the page shows, with the secret that it shows

{
    my ($head, $body) = $page =~ /^```\n(POST .*?)\n\n(\{.*?\})\n```/ms;
    my ($secret) = $page =~ /secret=(whsec_[^;\s]+);/;
    my %head = map { /^([\w-]+): (.*)/ ? (lc $1 => $2) : () } split /\n/, $head;

    $body =~ s/\n //g;

    is($head{'x-signature'}, hmac_sha256_hex($body, $secret),
       'X-Signature as shown');
    is($head{'webhook-signature'},
       v1($secret, $head{'webhook-id'}, $head{'webhook-timestamp'}, $body),
       'webhook-signature as shown');
}


my (@hooks, @delivered, @refused);

for my $code (@languages) {
    my $language = $language{$code};

    subtest $language->{name} => sub {
        ok(installed($language->{program}),
           "$language->{program} is installed") or return;

        for my $case ([ standard => $whsec ], [ standard => $plain ],
                      [ legacy => $whsec ], [ legacy => $plain ])
        {
            my ($family, $secret) = @$case;
            my $receiver = receiver($code, $family, $secret);
            my $name = "$code-$family-" . ($secret eq $plain ? 2 : 1);

            subtest "$family, $secret" => sub {
                if ($family eq 'standard') {
                    standard_tests($receiver, $secret);
                } else {
                    legacy_tests($receiver, $secret);
                }
            };

            # the old one first, as in a rotation, for who can tell

            my $secrets = $family eq 'standard'
                          ? qq("secret=$other" "secret=$secret")
                          : qq("secret=$secret" "secret=$other");

            push @hooks, "tgortc_webhook http://127.0.0.1:$receiver->{port}"
                         . "/hook?a=b name=$name $secrets;";
            push @delivered, [ $name, $receiver ];
        }

        my $receiver = receiver($code, 'standard', $other);

        push @hooks, "tgortc_webhook http://127.0.0.1:$receiver->{port}/"
                     . " name=$code-refused secret=$whsec;";
        push @refused, [ "$code-refused", $receiver ];
    };
}

my $nginx = nginx(redis => redis(), http => join("\n", @hooks), server => <<'END');
    location /api/v1/webhooks/logs {
        tgortc_webhook_logs;
    }
END

my $answer = ask($nginx->post('', {
    creator => 'alice', device_type => 'app', room_id => 'r9', rtc_type => 1,
    uids => [ "b\xe9b \"'\\/<&" ]
}));

is($answer->{status}, 200, 'a call, told to all receivers');


sub endpoints {
    my $stats = ask({ port => $nginx->{port}, method => 'GET',
                      path => '/api/v1/webhooks/logs/stats' });

    return map { $_->{name} => $_ } @{$stats->json->{data}{endpoints}};
}

my %endpoints;

wait_for(sub {
    %endpoints = endpoints();

    return !grep { !$endpoints{$_->[0]}{success_count} } @delivered;
});

for my $delivered (@delivered) {
    my ($name, $receiver) = @$delivered;

    is($endpoints{$name}{success_count}, 1, "$name has taken it");
    is(printed($receiver, 'participant.invited r9 '), 1, "$name has done it");
}

my $log = ask({ port => $nginx->{port}, method => 'GET',
                path => '/api/v1/webhooks/logs' })->json->{data}{entries};

for my $refused (@refused) {
    my ($name, $receiver) = @$refused;
    my @reasons = map { $_->{reason} } grep { $_->{endpoint} eq $name } @$log;

    is($endpoints{$name}{success_count}, 0, "$name has not taken it");
    is($reasons[0], 'HTTP 401', "$name has said why");
    is(printed($receiver, 'r9'), 0, "$name has not done it");
}

is($nginx->trouble, '', 'no trouble');

done_testing();
