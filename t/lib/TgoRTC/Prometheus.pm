package TgoRTC::Prometheus;

# Copyright (C) TgoRTC contributors
#
# The text format of Prometheus, 0.0.4, read strictly:
#
#     my $metrics = TgoRTC::Prometheus->new($text);
#
#     $metrics->faults                 what is wrong, '' if nothing
#     $metrics->value('name', app => 'tgortc')     of the one sample that has
#                                      these labels among others; undef if
#                                      there is none
#     $metrics->sum('name', …)         of all that have them
#     $metrics->names                  of the metrics, sorted
#     $metrics->series                 names of samples, with those of
#                                      histograms

use strict;
use warnings;


sub new {
    my ($class, $text) = @_;

    my $self = bless { families => {}, samples => [], faults => [], seen => {}
                     }, $class;

    $self->fault('the last line has no end') if $text !~ /\n\z/;
    $self->fault('it is not UTF-8') if !utf8::decode(my $copy = $text);

    my $n = 0;

    for my $line (split /\n/, $text) {
        $self->{line} = ++$n;
        $self->read_line($line);
    }

    $self->check_family($_) for sort keys %{$self->{families}};

    return $self;
}


sub fault {
    my ($self, $text) = @_;

    push @{$self->{faults}}, ($self->{line} || 0) . ": $text";
}


sub faults {
    my ($self) = @_;

    return join "\n", @{$self->{faults}};
}


sub read_line {
    my ($self, $line) = @_;

    if ($line =~ /^# HELP ([a-z_]+) (\S.*)$/) {
        $self->fault("a second HELP for $1") if $self->{families}{$1};
        $self->{families}{$1} = { name => $1, help => $2, samples => [] };
        $self->{current} = $1;
        return;
    }

    my $family = $self->{families}{$self->{current} || ''};

    if ($line =~ /^# TYPE ([a-z_]+) (counter|gauge|histogram)$/) {
        return $self->fault("TYPE of $1 without its HELP")
            if !$family || $1 ne $self->{current} || $family->{type};

        $family->{type} = $2;
        return;
    }

    my ($name, $labels, $value) =
        $line =~ /^([a-z_]+)\{(.*)\} (-?\d+(?:\.\d+)?)$/
        or return $self->fault("cannot be read: $line");

    return $self->fault("$name without a TYPE") if !$family || !$family->{type};

    my $of = $family->{name};

    $self->fault("$name stands among those of $of")
        if $family->{type} eq 'histogram'
           ? $name !~ /\A\Q$of\E_(?:bucket|sum|count)\z/ : $name ne $of;

    my %labels;

    while ($labels =~ /\G([a-z_]+)="((?:[^"\\]|\\["\\n])*)"(?:,|\z)/gc) {
        $self->fault("label $1 twice") if exists $labels{$1};
        $labels{$1} = $2;
    }

    $self->fault("labels cannot be read: $labels")
        if (pos $labels || 0) != length $labels;

    my $identity = join ',', $name, map { "$_=$labels{$_}" } sort keys %labels;

    $self->fault("twice: $identity") if $self->{seen}{$identity}++;

    my $sample = { name => $name, labels => \%labels, value => $value };

    push @{$family->{samples}}, $sample;
    push @{$self->{samples}}, $sample;
}


sub check_family {
    my ($self, $name) = @_;
    my $family = $self->{families}{$name};
    my $type = $family->{type} || 'none';

    $self->fault("$name has no sample") if !@{$family->{samples}};
    $self->fault("$name is a $type")
        if ($name =~ /_total\z/) ne ($type eq 'counter');
    $self->fault("$name has no base unit")
        if $name =~ /_(?:milliseconds|ms|us|minutes)(?:_|\z)/;

    return if $type ne 'histogram';

    my (%buckets, %count, %sum);

    for my $sample (@{$family->{samples}}) {
        my %labels = %{$sample->{labels}};
        my $le = delete $labels{le};
        my $key = join ',', map { "$_=$labels{$_}" } sort keys %labels;

        if ($sample->{name} =~ /_bucket\z/) {
            push @{$buckets{$key}}, [ $le, $sample->{value} ];

        } elsif ($sample->{name} =~ /_count\z/) {
            $count{$key} = $sample->{value};

        } else {
            $sum{$key} = $sample->{value};
        }
    }

    for my $key (sort keys %buckets) {
        my ($below, $last) = (-1, 0);

        for (@{$buckets{$key}}) {
            my ($le, $value) = @$_;
            my $bound = $le eq '+Inf' ? 9**9**9 : $le;

            $self->fault("$name $key: buckets are not in order")
                if $bound <= $below || $value < $last;

            ($below, $last) = ($bound, $value);
        }

        $self->fault("$name $key: no last bucket") if $below != 9**9**9;
        $self->fault("$name $key: no sum") if !defined $sum{$key};
        $self->fault("$name $key: its count is not that of its buckets")
            if !defined $count{$key} || $count{$key} != $last;
    }
}


sub find {
    my ($self, $name, %labels) = @_;

    return grep {
        my $sample = $_;

        $sample->{name} eq $name
        && !grep { ($sample->{labels}{$_} // '') ne $labels{$_} } keys %labels;
    } @{$self->{samples}};
}


sub value {
    my ($self, @what) = @_;
    my @found = $self->find(@what);

    die "@what: " . @found . " samples\n" if @found > 1;

    return @found ? $found[0]{value} : undef;
}


sub sum {
    my ($self, @what) = @_;
    my $sum = 0;

    $sum += $_->{value} for $self->find(@what);

    return $sum;
}


sub names {
    my ($self) = @_;
    my @names = sort keys %{$self->{families}};

    return @names;
}


sub series {
    my ($self) = @_;
    my %series = map { $_->{name} => 1 } @{$self->{samples}};
    my @series = sort keys %series;

    return @series;
}


1;
