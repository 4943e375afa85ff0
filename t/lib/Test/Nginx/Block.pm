# Copyright (C) TgoRTC contributors

package Test::Nginx::Block;

# A test block while it is run: what its sections say, with everything in them
# expanded and checked.

use strict;
use warnings;

use IO::Socket::INET;
use Test::Builder;

use Test::Nginx::Client qw(build_request);

our @EXPORT_OK = qw(free_port);
use parent 'Exporter';


# new(block => the Test::Base block, setting => { of the file })
#
# The run keeps "repeat", "index" and "many" up to date: which repetition and
# which request it is at, and whether there are several requests.
sub new {
    my ($class, %arg) = @_;

    $arg{name} = "$0 " . $arg{block}->name;
    $arg{ports} = {};

    return bless \%arg, $class;
}


sub bail_out {
    my ($self, $why) = @_;

    Test::Builder->new->BAIL_OUT("$self->{name} - $why");
}


# The value of a section, or undef.  The accessors of a block return an empty
# list in list context, which would drop the argument of a call.
sub section {
    my ($self, $name) = @_;

    return scalar $self->{block}->$name;
}


# What the section says about the current request: of several each has its own
# element.
sub expected {
    my ($self, $section) = @_;

    my $value = $self->section($section);

    return $value if !defined $value;

    if (!$self->{many}) {
        return ref $value eq 'ARRAY' ? $value->[0] : $value;
    }

    $self->bail_out("of several requests $section must be an array")
        if ref $value ne 'ARRAY';

    $value = $value->[$self->{index}];

    # Too short an array must not pass for success.  That there are no headers
    # to check may be said by undef.
    $self->bail_out("$section has no element for request "
                    . ($self->{index} + 1))
        if !defined $value && $section !~ /\Aresponse_headers/;

    return $value;
}


# A section that is a time, in seconds: "2", "0.5s", "50ms".
sub seconds {
    my ($self, $section, $default) = @_;

    my $text = $self->section($section);
    return $default if !defined $text;

    my ($number, $unit) = $text =~ /\A\s*(\d+(?:\.\d+)?|\.\d+)\s*(ms|s)?\s*\z/
        or $self->bail_out("$section takes a time, got '$text'");

    return $unit && $unit eq 'ms' ? $number / 1000 : $number;
}


# Perl code of a section, which can use what the .t file has defined.
sub eval_in_main {
    my ($self, $section, $code) = @_;

    my $value = eval "package main;\n#line 1 \"$section\"\n$code";
    $self->bail_out("$section failed: $@") if $@;

    return $value;
}


# $TEST_NGINX_* from the environment, $TEST_NGINX_RAND_PORT_N for a free port
# that stays the same throughout the block.
sub expand {
    my ($self, $value) = @_;

    return $value if !defined $value;
    return [map { $self->expand($_) } @$value] if ref $value eq 'ARRAY';
    return $value if ref $value;

    $value =~ s{\$(TEST_NGINX_[A-Z0-9_]+)}{
        my $name = $1;

        $name =~ /\ATEST_NGINX_RAND_PORT_(\d+)\z/
            ? $self->{ports}{$1} //= free_port()
            : $ENV{$name}
              // $self->bail_out("no environment variable $name")
    }ge;

    return $value;
}


# The two names that expectations about responses may use.
sub expand_expected {
    my ($self, $value) = @_;

    return $value if !defined $value || ref $value;

    $value = $self->expand($value);

    my $setting = $self->{setting};

    $value =~ s/\$ServerPortForClient\b/$setting->{server_port_for_client}/g;
    $value =~ s/\$ServerPort\b/$setting->{server_port}/g;

    return $value;
}


sub free_port {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
        or die "no free port: $!\n";

    return $socket->sockport;
}


# A list of { method, packets }, each to be sent on a connection of its own
# (pipelined ones apart).
sub requests {
    my ($self) = @_;

    return [] if defined $self->section('must_die');

    my $raw = $self->section('raw_request');

    if (defined $raw) {
        my @parts = ref $raw eq 'ARRAY' ? @$raw : $raw;
        my $delay = $self->seconds('raw_request_middle_delay', 0);
        my ($method) = $parts[0] =~ /\A(\S*)/;

        my @packets = map { { value => $parts[$_], delay => $_ ? $delay : 0 } }
                      0 .. $#parts;

        return [{ method => $method, packets => \@packets }];
    }

    my $pipeline = $self->expand($self->section('pipelined_requests'));

    $self->bail_out("pipelined_requests takes an array")
        if defined $pipeline && ref $pipeline ne 'ARRAY';

    my $given = $pipeline // $self->section('request')
        // $self->bail_out("there is no request");

    if (!ref $given) {
        # Comments at the beginning are for the reader.
        $given =~ s/\A(?:\s*(?:#.*)?\n)+//;
    }

    my @requests = ref $given eq 'ARRAY' ? @$given : $given;
    my @headers = $self->more_headers(scalar @requests);

    $self->{many} = @requests > 1;

    my @built;

    for my $i (0 .. $#requests) {
        my $request = $requests[$i];
        my $packets = ref $request eq 'ARRAY' ? $request : [$request];
        my $connection = $pipeline && $i < $#requests ? 'keep-alive' : 'close';

        my ($method, $cut) = eval {
            build_request($packets, $headers[$i],
                          $self->{setting}{server_name}, $connection);
        };

        $self->bail_out("$@") if $@;

        push @built, { method => $method, packets => $cut };
    }

    return \@built;
}


sub more_headers {
    my ($self, $count) = @_;

    my $headers = $self->section('more_headers');

    return ($headers) x $count if ref $headers ne 'ARRAY';

    $self->bail_out("more_headers takes one element for each request")
        if @$headers != $count;

    return @$headers;
}

1;
