package TgoRTC::Clock;

# Copyright (C) TgoRTC contributors
#
# Makes processes see another time than the machine's: as a file says, which
# they read again each second.

use strict;
use warnings;

use TgoRTC::Live ();


# Nothing where there is no libfaketime, or where that program does not bear it.

sub new {
    my ($class, @program) = @_;
    my ($library) = glob '/usr/lib/*/faketime/libfaketime.so.1';

    return if !defined $library;

    my $self = bless { file => TgoRTC::Live::name('clock') }, $class;

    # behind it stands libc, so that its malloc is taken: jemalloc's asks for
    # the time before the library is ready to tell it

    $self->{env} = {
        LD_PRELOAD => "$library libc.so.6",
        FAKETIME_TIMESTAMP_FILE => $self->{file},
        FAKETIME_DONT_FAKE_MONOTONIC => 1, FAKETIME_CACHE_DURATION => 1,
        FAKETIME_DONT_RESET => 1
    };
    $self->set(0);

    local @ENV{keys %{$self->{env}}} = values %{$self->{env}};

    return system("@program > /dev/null 2>&1") == 0 ? $self : ();
}


sub set {
    my ($self, $offset) = @_;
    my $file = $self->{file};

    open my $fh, '>', "$file.new" or die "$file: $!";
    printf $fh "%+.1f\n", $offset;
    close $fh;
    rename "$file.new", $file or die "$file: $!";
}


# of processes that have it

sub env {
    my ($self) = @_;

    return $self->{env};
}


1;
