package LiveKit;

# Copyright (C) TgoRTC contributors
#
# A stand-in for LiveKit's RoomService that knows who is in which room, because
# the load tells it: PUT /ROOM with a JSON list of participants, PUT / that
# nobody is anywhere any more.

use strict;
use warnings;

use JSON::PP;
use TgoRTC::Endpoint;

our @ISA = 'TgoRTC::Endpoint::Server';

my $json = JSON::PP->new->canonical->utf8;
my $not_found = { status => 404,
                  body => '{"code":"not_found","msg":"no such room"}' };


sub choose {
    my ($self, $it, $bytes) = @_;

    my ($body) = $bytes =~ /\r\n\r\n(.*)/s;
    my $rooms = $self->{rooms} ||= {};

    if ($bytes =~ m{^PUT /(\S*)}) {
        if ($1 eq '') {
            $self->{rooms} = {};
        } else {
            $rooms->{$1} = $json->decode($body);
        }

        return {};
    }

    my $answer = $self->SUPER::choose($it, $bytes);

    return $answer if %$answer;

    my ($method) = $it->{path} =~ m{/(\w+)\z};
    my $asked = $json->decode($body);
    my $room = $rooms->{$asked->{room}} || [];

    return $not_found if !@$room;

    if ($method eq 'ListParticipants') {
        return { body => $json->encode({ participants => $room }) };
    }

    @$room = $method eq 'DeleteRoom'
             ? () : grep { $_->{identity} ne $asked->{identity} } @$room;

    return {};
}


1;
