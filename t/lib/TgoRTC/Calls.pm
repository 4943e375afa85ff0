package TgoRTC::Calls;

# Copyright (C) TgoRTC contributors
#
# For tests of whole calls, on top of TgoRTC::Live and TgoRTC::Endpoint: an
# nginx with its Redis, an endpoint that gets the app's events, and a stand-in
# for LiveKit, which tells nginx what happens in its rooms.
#
#     my $calls = calls(ring => '300ms');
#
#     $calls->create('r1', 'a', 'b', { rtc_type => 1 });
#     my $livekit = $calls->livekit('r1');
#     my $session = $livekit->session('a', 'app');
#     $session->joined;
#     $calls->leave('r1', 'a');
#     $calls->expect('a story', 'r1', '0 participant.invited b', …);

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 sha256);
use Exporter 'import';
use JSON::PP;
use MIME::Base64 qw(encode_base64 encode_base64url);
use Test::More ();
use TgoRTC::Endpoint ();
use TgoRTC::Live ();
use Time::HiRes qw(sleep time);

our @EXPORT = qw(calls stopwatch patience);


my $json = JSON::PP->new->canonical->utf8->allow_nonref;

our ($KEY, $SECRET) = ('devkey', 'a-secret-of-the-tests-0123456789abcdef');

my %DIRECTIVE = (
    ring      => 'tgortc_ring_timeout',
    join      => 'tgortc_join_timeout',
    grace     => 'tgortc_rejoin_grace',
    age       => 'tgortc_room_max_age',
    retention => 'tgortc_room_retention'
);

# keys of a body, in the reference's order

my @ROOM_KEYS = qw(
    room_id creator rtc_type invite_on status max_participants duration uids
    created_at updated_at
);

my %MORE_KEYS = (
    'participant.joined'  => [qw(uid device_type)],
    'participant.invited' => [qw(uid invited_uids)],
    'participant.missed'  => [qw(uid missed_uids)]
);

my $ids = 0;


sub calls { return TgoRTC::Calls->new(@_) }


# Times longer by that where everything takes longer.

sub patience {
    return TgoRTC::Live::sanitized() ? 4 : 1;
}


# Options: times (above) as nginx takes them; "redis" and "endpoint" to share
# those of another, "nginx" for one that has been started; "timeout" is that of Redis, long unless it matters, for the
# machine may be busy; "app" has more directives, "server" more locations; any
# other is for nginx.

sub new {
    my ($class, %option) = @_;

    my $redis = delete $option{redis} || TgoRTC::Live::redis();
    my $endpoint = delete $option{endpoint}
                   || TgoRTC::Endpoint::endpoint();
    my $timeout = delete $option{timeout} || '10s';
    my $http = delete $option{app} || '';
    my $server = delete $option{server} || '';

    for (sort keys %DIRECTIVE) {
        my $time = delete $option{$_};
        $http .= "$DIRECTIVE{$_} $time;\n" if defined $time;
    }

    my $nginx = delete $option{nginx} || TgoRTC::Live::nginx(
        redis => "$redis->{address} timeout=$timeout",
        http => $endpoint->hook('/tgortc/webhook') . $http,
        server => <<"END", %option);
location = /api/v1/webhooks/livekit {
    tgortc_livekit_webhook;
}
$server
END

    return bless { redis => $redis, nginx => $nginx, endpoint => $endpoint,
                   rooms => {} }, $class;
}


# --- the API

sub request {
    my ($self, $verb, $room, @args) = @_;
    my $nginx = $self->{nginx};

    return $nginx->create($room, @args) if $verb eq 'create';
    return $nginx->get("/$room") if $verb eq 'get';
    return $nginx->post("/$room/end", '') if $verb eq 'end';

    return $nginx->post("/$room/$verb", { uids => \@args })
        if $verb =~ /^(?:invite|cancel|kick)\z/;

    return $nginx->post("/$room/$verb", {
        uid => $args[0], defined $args[1] ? (device_type => $args[1]) : ()
    });
}


sub status {
    my ($self, @args) = @_;

    return TgoRTC::Live::ask($self->request(@args))->{status};
}


# These have to succeed: what they answer, decoded.

sub ask {
    my ($self, @args) = @_;
    my $response = TgoRTC::Live::ask($self->request(@args));

    if ($response->{status} != 200) {
        local $Test::Builder::Level = $Test::Builder::Level + 2;
        Test::More::is("$response->{status} $response->{body}", 200,
                       "@args: succeeds");
    }

    return $response->json;
}


sub create {
    my ($self, $room, @args) = @_;

    my $more = ref $args[-1] ? $args[-1] : {};
    my $begun = time;
    my $answer = $self->ask('create', $room, @args);

    $self->{rooms}{$room} = {
        begun => $begun, until => time, creator => $answer->{creator},
        rtc_type => $answer->{rtc_type}, uids => $answer->{uids},
        max_participants => $answer->{max_participants},
        created_at => int($answer->{created_at} || 0),
        invite_on => $more->{invite_on} || 0
    };

    return $answer;
}


sub join { my $self = shift; return $self->ask('join', @_) }
sub leave { my $self = shift; return $self->ask('leave', @_) }
sub invite { my $self = shift; return $self->ask('invite', @_) }
sub cancel { my $self = shift; return $self->ask('cancel', @_) }
sub kick { my $self = shift; return $self->ask('kick', @_) }
sub end { my $self = shift; return $self->ask('end', @_) }


# A room as GET has it: its status, then each one's, with a plus sign if
# connected: "1 a=1+ b=0".

sub state {
    my ($self, $room) = @_;

    my $answer = TgoRTC::Live::ask($self->request('get', $room));
    my $look = $answer->json;

    return $answer->{status} if $answer->{status} != 200;

    return CORE::join ' ', $look->{status}, map {
        "$_->{uid}=$_->{status}" . ($_->{connected} ? '+' : '')
    } @{$look->{participants}};
}


# of one participant: "1+"

sub of {
    my ($self, $room, $uid) = @_;

    return $self->state($room) =~ / \Q$uid\E=(\S+)/ ? $1 : '';
}


# --- LiveKit

# An instance of a room in LiveKit: it has a sid.  With "twice" each of its
# webhooks is sent twice.

sub livekit {
    my ($self, $room, %option) = @_;

    return bless { calls => $self, name => $room, sid => sid('RM'), %option },
                 'TgoRTC::Calls::Room';
}


sub sid {
    my ($prefix) = @_;

    return sprintf '%s_%06dabcdef', $prefix, ++$ids;
}


# A LiveKit webhook from its data or its text.  Options: "claims" to be changed
# (undef: left out), "header" and "secret" of the token, "authorization" if it
# is another one altogether, "type" of the content.

sub webhook {
    my ($self, $event, %option) = @_;

    my $body = ref $event ? $json->encode($event) : $event;
    my $token = exists $option{authorization} ? $option{authorization}
                                              : token($body, %option);

    return TgoRTC::Live::ask($self->webhook_request($body, $token,
                                                    $option{type}));
}


sub webhook_request {
    my ($self, $body, $token, $type) = @_;

    $type = 'application/webhook+json' if !defined $type;

    return {
        port => $self->{nginx}{port}, method => 'POST', body => $body,
        path => '/api/v1/webhooks/livekit',
        head => [$type ne '' ? "Content-Type: $type" : (),
                 defined $token ? "Authorization: $token" : ()]
    };
}


sub token {
    my ($body, %option) = @_;
    my $now = int time;

    my %claims = (iss => $KEY, nbf => $now, iat => $now, exp => $now + 300,
                  sha256 => encode_base64(sha256($body), ''),
                  %{$option{claims} || {}});

    delete $claims{$_} for grep { !defined $claims{$_} } keys %claims;

    my $header = $option{header} || { alg => 'HS256', typ => 'JWT' };
    my $text = CORE::join '.', map { encode_base64url($json->encode($_)) }
                                   $header, \%claims;
    my $secret = defined $option{secret} ? $option{secret} : $SECRET;

    return "$text." . encode_base64url(hmac_sha256($text, $secret));
}


# --- events

# What has come so far of a room, or of all.  An event is a request to the
# endpoint, with its body decoded ("json").

sub events {
    my ($self, $room) = @_;

    my $endpoint = $self->{endpoint};
    my $of = $endpoint->{of_room} ||= {};
    my @events = $endpoint->requests;

    for my $event (@events[($endpoint->{sorted} || 0) .. $#events]) {
        $event->{json} = eval { $json->decode($event->{body}) };
        push @{$of->{$event->{room}}}, $event;
    }

    $endpoint->{sorted} = @events;

    return defined $room ? @{$of->{$room} || []} : @events;
}


# Waits for so many events of a room, or for all of it (-1); those that have
# come, as they came.

sub await {
    my ($self, $room, $n, $seconds) = @_;
    my @events;

    TgoRTC::Live::wait_for(sub {
        @events = $self->events($room);

        return $n < 0 ? grep { $_->{type} eq 'room.finished' } @events
                      : @events >= $n;
    }, $seconds || 10 * patience());

    return @events;
}


# Waits until all that happened was delivered, and the module knows it.

sub settle {
    my ($self) = @_;
    my $redis = $self->{redis};

    return TgoRTC::Live::wait_for(sub {
        !@{$redis->command('KEYS', '{tgortc}:queue:*')}
    });
}


# The events of a room, from its first: "STATUS TYPE [UID [DEVICE]]" for each.
# Side by side those of types that one change can have several of may be in any
# order.  A hash among them says what is so from there on: "uids", or the
# "duration" as the least and the most.

sub expect {
    my ($self, $what, $room, @expected) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $finishes = grep { / room\.finished/ } @expected;
    my @lines = grep { !ref } @expected;
    my @events = in_sequence($self->await($room,
                                          $finishes ? -1 : scalar @lines));

    Test::More::is(CORE::join('', sets(map { line($_) } @events)),
                   CORE::join('', sets(@lines)), "$what: events");

    my $known = $self->{rooms}{$room};
    my (%so, @wrong);
    my $seq = 0;

    for my $expected (@expected) {
        if (ref $expected) {
            %so = (%so, %$expected);
            next;
        }

        my $event = $events[$seq++] or last;

        push @wrong, map { "$seq: $_" } wrong($event, $seq, $known, \%so);
    }

    Test::More::is(CORE::join("\n", @wrong), '', "$what: bodies, headers");

    return @events;
}


# Events of one type from one change travel side by side and may overtake each
# other.

sub in_sequence {
    my @events = @_;
    my $i = 0;

    while ($i < @events) {
        my $n = 1;

        $n++ while $i + $n < @events
                   && $events[$i + $n]{type} eq $events[$i]{type};

        @events[$i .. $i + $n - 1] =
            sort { $a->{seq} <=> $b->{seq} } @events[$i .. $i + $n - 1];
        $i += $n;
    }

    return @events;
}


# Lines, neighbours sorted that are of one change.

sub sets {
    my @lines = map { "$_\n" } @_;
    my ($i, $type) = (0);

    while ($i < @lines) {
        my $n = 1;

        if ((($type) = $lines[$i] =~ /^(\d+ participant\.(?:invited|missed
                                                         |cancelled))/x)) {
            $n++ while $i + $n < @lines && $lines[$i + $n] =~ /^$type/;

            @lines[$i .. $i + $n - 1] = sort @lines[$i .. $i + $n - 1];
        }

        $i += $n;
    }

    return @lines;
}


sub line {
    my ($event) = @_;
    my $body = $event->{json};

    return CORE::join ' ', map { defined $_ ? $_ : () }
                               ref $body eq 'HASH' ? $body->{status} : '?',
                               $event->{type}, $body->{uid},
                               $body->{device_type};
}


sub wrong {
    my ($event, $seq, $known, $so) = @_;

    my ($head, $body, $type) = @$event{qw(head json type)};
    my $id = $head->{'x-event-id'} || '';
    my @wrong;

    return 'not JSON' if ref $body ne 'HASH';

    my $differs = sub {
        my ($name, $is, $should) = @_;

        push @wrong, "$name is <" . (defined $is ? $is : '')
                     . ">, not <$should>"
            if !defined $is || $is ne $should;
    };

    $differs->('method', $event->{method}, 'POST');
    $differs->('URI', $event->{uri}, "/tgortc/webhook?event_type=$type"
                                     . "&event_id=$id");
    $differs->('Content-Type', $head->{'content-type'}, 'application/json');
    $differs->('X-Event-Type', $head->{'x-event-type'}, $type);
    $differs->('X-Event-Seq', $head->{'x-event-seq'}, $seq);
    $differs->('X-Timestamp', $head->{'x-timestamp'}, $body->{updated_at});
    push @wrong, 'no X-Event-ID' if $id eq '';
    push @wrong, 'no User-Agent' if !length($head->{'user-agent'} || '');

    my $uid = $body->{uid};
    my @keys = (@ROOM_KEYS, $type =~ /^participant/
                            ? @{$MORE_KEYS{$type} || ['uid']} : ());

    $differs->('order of keys',
               CORE::join(' ', $event->{body} =~ /"(\w+)":/g), "@keys");

    my ($least, $most) = (0, 0);

    if ($type eq 'room.finished' && $body->{status} == 2) {
        ($least, $most) = $so->{duration}
                          ? @{$so->{duration}}
                          : (0, int($event->{time} - $known->{begun}) + 1);
    }

    my ($duration, $updated) = @$body{qw(duration updated_at)};

    push @wrong, "duration is $duration, not from $least to $most"
        if $duration !~ /^\d+\z/ || $duration < $least || $duration > $most;
    push @wrong, "updated_at is $updated"
        if $updated !~ /^\d+\z/ || $updated < int $known->{begun}
           || $updated > $event->{time};

    # what is compared as numbers may have become one

    my %should = (
        room_id => $event->{room}, status => 0 + $body->{status},
        creator => $known->{creator}, rtc_type => 0 + $known->{rtc_type},
        invite_on => 0 + $known->{invite_on}, duration => 0 + $duration,
        max_participants => 0 + $known->{max_participants},
        created_at => 0 + $known->{created_at}, updated_at => 0 + $updated,
        uids => $so->{uids} || $known->{uids}
    );

    if ($type =~ /^participant/) {
        $should{uid} = $uid;
        $should{device_type} = $body->{device_type}
            if $type eq 'participant.joined';
        $should{invited_uids} = [$uid] if $type eq 'participant.invited';
        $should{missed_uids} = [$uid] if $type eq 'participant.missed';
    }

    $differs->('body', $json->encode($json->decode($event->{body})),
               $json->encode(\%should));

    return @wrong;
}


# What has to be so of all rooms when everything is over: one room.finished for
# each that ended, which is its last event; no gap, no id twice; whoever is
# busy is in a live room.  Waits a moment for what must not come.

sub is_over {
    my ($self, $what, @live) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    sleep 0.3;

    my (%of, %seen, @wrong);

    for ($self->events) {
        push @{$of{$_->{room}}}, $_;
        push @wrong, "$_->{room}: id of $_->{type} twice"
            if $seen{$_->{head}{'x-event-id'} || ''}++;
    }

    for my $room (sort keys %{$self->{rooms}}) {
        my @events = in_sequence(@{$of{$room} || []});
        my $finished = grep { $_->{type} eq 'room.finished' } @events;
        my @seqs = map { $_->{seq} } @events;
        my $should = (grep { $_ eq $room } @live) ? 0 : 1;

        push @wrong, "$room: room.finished comes $finished times"
            if $finished != $should;
        push @wrong, "$room: $events[-1]{type} is last"
            if $finished && $events[-1]{type} ne 'room.finished';
        push @wrong, "$room: events @seqs" if "@seqs" ne "@{[1 .. @seqs]}";
    }

    Test::More::is(CORE::join("\n", @wrong), '', "$what: all events in order");

    my %live = map { $_ => 1 } @live;
    my $users = $self->{redis}->users;

    Test::More::is(CORE::join(' ', sort grep { !$live{$users->{$_}} }
                                             keys %$users), '',
                   "$what: nobody is busy without a call");
    Test::More::is(CORE::join(' ', sort grep { !$live{$_} }
                                             $self->{redis}->deadlines), '',
                   "$what: no deadline without a call");
    Test::More::is($self->{nginx}->trouble, '', "$what: nothing bad in the "
                                                . 'log');
}


# How long the slowest answer of an nginx takes while something else is going
# on.  What it returns when it is stopped: the lateness that a deadline may
# have, a quarter of a second and what it takes to see it, unless the machine
# is so busy that nothing is measured by that.

sub stopwatch {
    my ($calls) = @_;
    my $request = $calls->{nginx}->health;

    my $watch = TgoRTC::Live::background(sub {
        my ($go_on) = @_;
        my $slowest = 0;

        while ($go_on->()) {
            my $since = time;
            TgoRTC::Live::ask($request);

            my $took = time - $since;

            $slowest = $took if $took > $slowest;
            sleep 0.02;
        }

        return { slowest => $slowest };
    });

    return sub {
        my $slowest = $watch->finish->{slowest};

        return defined $slowest && $slowest < 0.03
               ? 0.35 : 1.5 * patience();
    };
}


# A room in LiveKit, and what it tells.  All of these fail if the webhook is
# not answered as it has to be.

package TgoRTC::Calls::Room;

use strict;
use warnings;

use Time::HiRes qw(sleep time);


sub started { my $self = shift; return $self->tell('room_started', @_) }
sub finished { my $self = shift; return $self->tell('room_finished', @_) }


# the same room with another sid

sub reborn {
    my ($self) = @_;

    return bless { %$self, sid => TgoRTC::Calls::sid('RM') }, ref $self;
}


# A session of somebody that LiveKit has not told of so far; younger than all
# sessions before it.

my $last = 0;

sub session {
    my ($self, $uid, $device, %more) = @_;

    # nobody makes one in the same millisecond in which another one ended
    sleep 0.002;

    my $now = int 1000 * time;

    $last = $now > $last ? $now : $last + 1;

    my %participant = (
        sid => TgoRTC::Calls::sid('PA'), identity => $uid,
        joinedAt => int($last / 1000) . '', joinedAtMs => "$last", version => 2,
        permission => { canSubscribe => JSON::PP::true,
                        canPublish => JSON::PP::true,
                        canPublishData => JSON::PP::true,
                        canPublishSources => ['CAMERA', 'MICROPHONE'] },
        clientProtocol => 1
    );

    $participant{metadata} = qq({"device_type":"$device"}) if defined $device;

    return bless { livekit => $self, participant => { %participant, %more } },
                 'TgoRTC::Calls::Session';
}


sub tell {
    my ($self, $event, %more) = @_;

    my %room = (sid => $self->{sid}, name => $self->{name});

    if ($event !~ /^track/) {
        %room = (%room, emptyTimeout => 300, departureTimeout => 20,
                 maxParticipants => 2, creationTime => '1787500000',
                 creationTimeMs => '1787500000123',
                 turnPassword => '8nTlwISkb63DPP7OH4enwJ4',
                 enabledCodecs => [{ mime => 'audio/opus' },
                                   { mime => 'video/VP8' }]);
    }

    my %body = (event => $event, room => \%room,
                id => TgoRTC::Calls::sid('EV'), createdAt => int(time) . '',
                %more);

    my $wrong = $self->send(\%body);

    $wrong ||= $self->send(\%body) if $self->{twice};

    if ($wrong) {
        local $Test::Builder::Level = $Test::Builder::Level + 2;
        Test::More::is($wrong, '', "$event of $self->{name}");
    }

    return $body{id};
}


sub send {
    my ($self, $body) = @_;
    my $response = $self->{calls}->webhook($body);

    return $response->{error}
           || "$response->{status} $response->{body}"
        if $response->{status} != 200 || $response->{body} ne '';

    return '';
}


package TgoRTC::Calls::Session;

use strict;
use warnings;


sub tell {
    my ($self, $event, $more, %top) = @_;

    return $self->{livekit}->tell($event, participant => {
        %{$self->{participant}}, %$more
    }, %top);
}


sub joined {
    my ($self, %top) = @_;

    return $self->tell('participant_joined', { state => 'ACTIVE' }, %top);
}


# without a reason LiveKit does not know any

sub left {
    my ($self, $reason, %top) = @_;

    return $self->tell('participant_left', {
        state => 'DISCONNECTED',
        defined $reason ? (disconnectReason => $reason) : ()
    }, %top);
}


sub aborted {
    my ($self, $reason, %top) = @_;

    return $self->tell('participant_connection_aborted', {
        state => 'DISCONNECTED', disconnectReason => $reason || 'SIGNAL_CLOSE'
    }, %top);
}


sub published {
    my ($self, %top) = @_;
    my $participant = $self->{participant};

    return $self->{livekit}->tell('track_published', participant => {
        sid => $participant->{sid}, identity => $participant->{identity}
    }, track => {
        sid => TgoRTC::Calls::sid('TR'), name => 'microphone',
        source => 'MICROPHONE', mimeType => 'audio/red', mid => '1'
    }, %top);
}


1;
