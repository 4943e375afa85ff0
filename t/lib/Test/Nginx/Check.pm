# Copyright (C) TgoRTC contributors

package Test::Nginx::Check;

# The assertions: what a block says about responses and logs, against what
# there was.  Their number, order and names are part of the interface, files
# plan by them.

use strict;
use warnings;

use Digest::MD5 ();
use JSON::PP ();
use Test::Builder;

use Test::Nginx::Client qw(parse_response);

our @EXPORT_OK = qw(
    check_grep check_patterns check_response is_str line_matches patterns quoted
);
use parent 'Exporter';

# Whether differing strings are shown whole.
our $LongStrings = 0;

my $tap = Test::Builder->new;

my %body_filter = (
    lc      => sub { lc $_[0] },
    uc      => sub { uc $_[0] },
    length  => sub { length $_[0] },
    md5_hex => \&Digest::MD5::md5_hex,
);


# Takes the first response off the bytes.  Returns it, as parse_response does,
# with its body filtered as the block demands.
sub check_response {
    my ($run, $bytes, $method) = @_;

    my $name = $run->{name};

    my $res = parse_response($bytes, $method);

    $tap->ok(0, "$name - $res->{broken}") if $res->{broken};
    $tap->diag("$name - $res->{odd}") if $res->{odd};

    check_status($run, $res);
    check_raw_headers($run, $res);
    check_headers($run, $res);
    check_body($run, $res);

    return $res;
}


sub check_status {
    my ($run, $res) = @_;

    my $name = "$run->{name} - status code ok";
    my $like = $run->expected('error_code_like');

    if (defined $like) {
        $tap->like($res->{code}, qr/$like/ms, $name);
        return;
    }

    my $code = $run->expected('error_code') // 200;
    $code =~ s/\A\s+|\s+\z//g;

    $tap->is_eq($res->{code}, $code, $name);
}


sub check_raw_headers {
    my ($run, $res) = @_;

    my $like = $run->expected('raw_response_headers_like');
    if (defined $like) {
        $tap->like($res->{head}, qr/$like/s,
                   "$run->{name} - raw resp headers like");
    }

    my $unlike = $run->expected('raw_response_headers_unlike');
    if (defined $unlike) {
        $tap->unlike($res->{head}, qr/$unlike/s,
                     "$run->{name} - raw resp headers unlike");
    }
}


sub check_headers {
    my ($run, $res) = @_;

    my $like = defined $run->section('response_headers_like');
    my $text = $run->expected($like ? 'response_headers_like'
                                    : 'response_headers');

    for my $want (wanted_headers($run, $text)) {
        my ($header, $value) = @$want;

        if (!defined $value) {
            $tap->unlike($res->{head}, qr/^\Q$header\E\s*:/mi,
                         "$run->{name} - header $header not present in the "
                         . 'raw headers');
            next;
        }

        my $got = join ', ', @{ $res->{headers}{lc $header} // [] };

        if ($like) {
            $tap->like($got, qr/^$value$/,
                       "$run->{name} - header $header like ok");
        } else {
            $tap->is_eq($got, $value, "$run->{name} - header $header ok");
        }
    }
}


# "Name: value" as [name, value], "!Name" as [name, undef], in this order.  Of
# the same name the last one holds.
sub wanted_headers {
    my ($run, $text) = @_;

    my (@names, %value);

    for (split /\r?\n/, $run->expand_expected($text) // '') {
        my ($absent, $name, $value) = /\A\s*(!?)([^:]+?)\s*(?::\s*(.*?))?\s*\z/
            or next;

        push @names, $name if !exists $value{$name};
        $value{$name} = $absent ? undef : $value // '';
    }

    return map { [$_, $value{$_}] } @names;
}


sub check_body {
    my ($run, $res) = @_;

    my $name = $run->{name};
    my $request = "(repeated req $run->{repeat}, req $run->{index})";
    my $body = $res->{body} = filtered_body($run, $res->{body});

    my $want = $run->expand_expected($run->expected('response_body'));

    if (ref $want) {
        $tap->like($body, $want, "$name - response_body - like $request");

    } elsif (defined $want) {
        is_string($body, $want,
                  "$name - response_body - response is expected $request");
    }

    # The body goes into the name on one line.
    (my $summary = $body) =~ s/\A\s+|\s+\z//g;
    $summary =~ s/\s\s+|\n/ /g;

    if (defined(my $like = $run->expected('response_body_like'))) {
        $tap->like($body, qr/$like/s, "$name - response_body_like - response "
                   . "is expected ($summary)");
    }

    if (defined(my $unlike = $run->expected('response_body_unlike'))) {
        $tap->unlike($body, qr/$unlike/s, "$name - response_body_unlike - "
                     . "response is expected ($summary)");
    }
}


sub filtered_body {
    my ($run, $body) = @_;

    my $filters = $run->section('response_body_filters');

    if (defined $filters) {
        my @filters = ref $filters eq 'ARRAY' ? @$filters
                    : ref $filters            ? $filters
                    :                           split ' ', $filters;

        for my $filter (@filters) {
            my $code = ref $filter ? $filter
                                   : named_filter($run, $filter);
            $body = $code->($body);
        }
    }

    if (defined $run->section('response_body_json_sort')) {
        my $json = JSON::PP->new->utf8->canonical->allow_nonref;

        # What is no JSON is left to the comparison to find out.
        my $value = eval { [$json->decode($body)] };
        $body = $json->encode($value->[0]) . "\n" if $value;
    }

    return $body;
}


sub named_filter {
    my ($run, $name) = @_;

    return $body_filter{$name} // main->can($name)
           // $run->bail_out("unknown body filter '$name'");
}


# Compares with a string or, when that is what it is given, with a regexp.
sub is_str {
    my ($got, $expected, $name) = @_;

    return ref $expected ? $tap->like($got, $expected, $name)
                         : is_string($got, $expected, $name);
}


# Compares strings of which a difference can be invisible or far away.
sub is_string {
    my ($got, $expected, $name) = @_;

    my $ok = defined $got && $got eq $expected;

    $tap->ok($ok, $name);
    return 1 if $ok;

    $got //= '';

    # A file that says "use utf8" may expect characters, responses are bytes.
    utf8::encode($expected) if $expected =~ /[^\x00-\xff]/;

    my ($same) = ($got ^ $expected) =~ /\A(\0*)/;

    $tap->diag('         got: ' . quoted($got, length $same),
               "\n    expected: " . quoted($expected, length $same),
               "\n    the first difference is at offset " . length $same);

    return 0;
}


# Printable, and no longer than needed to see what is at the offset.
sub quoted {
    my ($text, $offset) = @_;

    my $length = 200;
    my $start = 0;

    if (!$LongStrings && length $text > $length) {
        $start = ($offset // 0) - 40;
        $start = 0 if $start < 0;
    }

    my $part = $LongStrings ? $text : substr $text, $start, $length;
    my $end = $start + length $part;

    $part =~ s/([\\"])/\\$1/g;
    $part =~ s/\n/\\n/g;
    $part =~ s/\r/\\r/g;
    $part =~ s/([^\x20-\x7e])/sprintf '\\x{%02x}', ord $1/ge;

    return ($start ? '...' : '') . qq("$part")
           . ($end < length $text ? '...' : '')
           . ' (length ' . length($text) . ')';
}


sub check_grep {
    my ($run, $log) = @_;

    my $pattern = $run->section('grep_error_log');
    my $want = $run->expand($run->section('grep_error_log_out'));

    $run->bail_out('grep_error_log and grep_error_log_out need each other')
        if defined $pattern != defined $want;

    return if !defined $pattern;

    $pattern = quotemeta $pattern if !ref $pattern;

    if (ref $want eq 'ARRAY') {
        $want = $want->[$run->{repeat}]
            // $run->bail_out('grep_error_log_out has no element for '
                              . "repetition $run->{repeat}");
    }

    my $found = '';

    for my $line (split /\n/, $log) {
        $found .= "$&\n" while $line =~ /$pattern/g;
    }

    is_str($found, $want,
           "$run->{name} - grep_error_log_out (req $run->{repeat})");
}


# check_patterns($run, $file, $log, $wanted, $unwanted, $suffix)
#
# One assertion for each pattern of the sections $wanted and $unwanted, about
# the lines of a log.  Those that are found come first, in the order of the log.
sub check_patterns {
    my ($run, $file, $log, $wanted, $unwanted, $suffix) = @_;

    my $name = $run->{name};
    my @lines = split /^/m, $log;
    my @missing = patterns($run->section($wanted));

    for my $line (@lines) {
        my @still_missing;

        for my $pattern (@missing) {
            if (line_matches($line, $pattern)) {
                $tap->ok(1, "$name - pattern \"$pattern\" matches a line in "
                         . "$file$suffix");
            } else {
                push @still_missing, $pattern;
            }
        }

        @missing = @still_missing;
    }

    for my $pattern (@missing) {
        $tap->ok(0, "$name - pattern \"$pattern\" should match a line in "
                 . "$file$suffix");
    }

    if (@missing) {
        my @tail = grep { $file ne 'error.log' || / \[(?!debug\])\w+\] \d+#/ }
                   @lines;
        splice @tail, 0, -10 if @tail > 10;
        $tap->diag("the end of $file, without debug messages:\n", @tail);
    }

    for my $pattern (patterns($run->section($unwanted))) {
        my ($line) = grep { line_matches($_, $pattern) } @lines;

        # These names, unlike those above, have their quotes escaped.
        (my $shown = "$pattern") =~ s/"/\\"/g;

        if (defined $line) {
            chomp $line;
            $tap->ok(0, "$name - pattern \"$shown\" should not match any "
                     . "line in $file but matches line \"$line\"$suffix");
        } else {
            $tap->ok(1, "$name - pattern \"$shown\" does not match a line "
                     . "in $file$suffix");
        }
    }
}


# A section as a list of patterns: a string has one on each line.
sub patterns {
    my ($value) = @_;

    return if !defined $value;
    return grep { defined } @$value if ref $value eq 'ARRAY';
    return $value if ref $value;
    return grep { length } split /\n/, $value;
}


sub line_matches {
    my ($line, $pattern) = @_;

    return ref $pattern ? $line =~ $pattern : index($line, $pattern) >= 0;
}

1;
