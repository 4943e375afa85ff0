# Copyright (C) TgoRTC contributors

package Test::Nginx::Socket;

# Runs the test blocks of a .t file against nginx: for each block one nginx
# with the block's configuration, the block's requests, and assertions about
# the answers and the logs.
#
# The blocks mean what they mean to the Test::Nginx::Socket of CPAN, as far as
# this subset goes, with the same assertions by the same names.  A .t file runs
# with either: "prove -It/lib" takes this one.  It is stricter in that
#
# - a section it does not know stops the run,
# - alerts in the error log that no test expects, reports of a sanitizer or of
#   valgrind, and an nginx that crashes make the file fail.

use strict;
use warnings;

use List::Util qw(shuffle);
use POSIX ();
use Test::Base ();
use Test::Builder;
use Time::HiRes qw(sleep);

use Test::Nginx::Block qw(free_port);
use Test::Nginx::Check qw(check_grep check_patterns check_response is_str
                          line_matches patterns quoted);
use Test::Nginx::Client qw(exchange);
use Test::Nginx::Mock;
use Test::Nginx::Server;

our @ISA = ('Test::Base');

our @EXPORT = qw(
    run_tests repeat_each no_shuffle no_long_string log_level workers
    worker_connections master_on master_off master_process_enabled
    no_root_location env_to_nginx config_preamble use_hup check_accum_error_log
    add_block_preprocessor add_cleanup_handler add_test_cleanup_handler
    add_response_body_check timeout html_dir server_root server_name
    server_addr server_port server_port_for_client bail_out is_str
    $ServerPort $NginxVersion
);

my %known_section = map { $_ => 1 } qw(
    ONLY SKIP LAST

    config http_config main_config post_main_config log_level user_files
    init post_setup_server_root must_die suppress_stderr

    request more_headers pipelined_requests raw_request
    raw_request_middle_delay shutdown timeout abort wait ignore_response

    error_code error_code_like response_headers response_headers_like
    raw_response_headers_like raw_response_headers_unlike response_body
    response_body_like response_body_unlike response_body_filters
    response_body_json_sort

    error_log no_error_log grep_error_log grep_error_log_out access_log
    no_access_log shutdown_error_log no_shutdown_error_log

    skip_nginx skip_eval todo

    tcp_listen tcp_reply tcp_reply_delay tcp_query tcp_query_len tcp_no_close
);

# Only one of each would be looked at.
my @exclusive_sections = (
    [qw(request pipelined_requests raw_request)],
    [qw(error_code error_code_like)],
    [qw(response_headers response_headers_like)],
    [qw(response_body response_body_like response_body_unlike)],
);

my %compare = (
    '<'  => sub { $_[0] <  $_[1] },
    '<=' => sub { $_[0] <= $_[1] },
    '>'  => sub { $_[0] >  $_[1] },
    '>=' => sub { $_[0] >= $_[1] },
    '==' => sub { $_[0] == $_[1] },
    '!=' => sub { $_[0] != $_[1] },
);

my $tap = Test::Builder->new;
my $main_pid = $$;

# of the current block, if it has one
my $mock;

# What went wrong inside nginx, apart from the assertions.
my @problems;

our $ServerPort = $ENV{TEST_NGINX_SERVER_PORT} || $ENV{TEST_NGINX_PORT} || 1984;
my $servroot = $ENV{TEST_NGINX_SERVROOT} || 't/servroot';

if ($ENV{TEST_NGINX_RANDOMIZE}) {
    $ServerPort = free_port();
    $servroot = "t/servroot_$ServerPort";
}

my $binary = $ENV{TEST_NGINX_BINARY} || 'nginx';
my $valgrind = $ENV{TEST_NGINX_USE_VALGRIND};

my $server = Test::Nginx::Server->new(
    binary   => $binary,
    root     => $servroot,
    valgrind => $valgrind,
    env      => { $ENV{TEST_NGINX_LD_PRELOAD}
                  ? (LD_PRELOAD => $ENV{TEST_NGINX_LD_PRELOAD}) : () },
);

# The blocks may use these.
$ENV{TEST_NGINX_SERVER_PORT} = $ServerPort;
$ENV{TEST_NGINX_SERVER_ROOT} = $server->root;

our $NginxVersion = nginx_version();

my %setting = (
    config_preamble        => '',
    log_level              => $ENV{TEST_NGINX_LOG_LEVEL} || 'debug',
    repeat_each            => 1,
    server_addr            => '127.0.0.1',
    server_name            => 'localhost',
    server_port            => $ServerPort,
    server_port_for_client => $ENV{TEST_NGINX_CLIENT_PORT} || $ServerPort,
    timeout                => $ENV{TEST_NGINX_TIMEOUT} || ($valgrind ? 15 : 3),
    worker_connections     => 64,
    workers                => 1,
);

my %flag = (
    accumulate => 0,
    master     => ($ENV{TEST_NGINX_MASTER_PROCESS} || 'off') eq 'on',
    root       => 1,
    shuffle    => !$ENV{TEST_NGINX_NO_SHUFFLE},
);

my (@nginx_env, @preprocessors, @body_checks, @test_cleanups, @cleanups);

# With a value a setting is set, without it is only returned.
for my $name (keys %setting) {
    no strict 'refs';
    *$name = sub {
        $setting{$name} = shift if @_;
        return $setting{$name};
    };
}

sub no_shuffle { $flag{shuffle} = 0 }

sub no_long_string { $Test::Nginx::Check::LongStrings = 1 }

sub no_root_location { $flag{root} = 0 }

sub check_accum_error_log { $flag{accumulate} = 1 }

sub master_process_enabled {
    $flag{master} = !!shift if @_;
    return $flag{master};
}

sub master_on { $flag{master} = 1 }

sub master_off { $flag{master} = 0 }

# Here every block has an nginx of its own, which is what a reload is to spare.
sub use_hup { return 0 }

sub env_to_nginx { push @nginx_env, @_ }

# of these the last that is added comes first

sub add_block_preprocessor(&) { unshift @preprocessors, shift }

sub add_response_body_check($) { push @body_checks, shift }

sub add_test_cleanup_handler($) { unshift @test_cleanups, shift }

sub add_cleanup_handler($) { unshift @cleanups, shift }

sub server_root { return $server->root }

sub html_dir { return $server->html_dir }

sub bail_out { $tap->BAIL_OUT(@_) }


sub run_tests {
    my @blocks = Test::Base::blocks();

    check_sections($_) for @blocks;

    @blocks = shuffle(@blocks) if $flag{shuffle};

    while (my $block = shift @blocks) {
        $_->($block) for @preprocessors;

        my $run = Test::Nginx::Block->new(
            block   => $block,
            setting => \%setting,
        );

        run_block($run) if !exempted($run);

        $_->($block) for @test_cleanups;

        # left running to be looked at
        last if !@blocks && $ENV{TEST_NGINX_NO_CLEAN};

        finish_block($run) if $run->{started};
    }
}


sub check_sections {
    my ($block) = @_;

    my @sections = @{ $block->_section_order };

    for my $section (@sections) {
        next if $known_section{$section};
        die $block->name, ": unknown section '--- $section'\n";
    }

    for my $exclusive (@exclusive_sections) {
        my @given = grep { defined $block->$_ } @$exclusive;
        next if @given < 2;
        die $block->name, ': ', join(' and ', map { "'--- $_'" } @given),
            " exclude each other\n";
    }
}


# A block that is not to be run here emits as many assertions as it says.
sub exempted {
    my ($run) = @_;

    my ($method, $count, $why);

    if (defined(my $text = $run->section('skip_nginx'))) {
        my ($n, $op, $version, $reason) =
            $text =~ /\A\s*(\d+)\s*:\s*([<>]=?|[!=]=)\s*([\d.]+)
                      \s*(?::\s*(.*?))?\s*\z/xs
            or $run->bail_out("skip_nginx takes 'N: op version[: reason]'");

        if ($compare{$op}->($NginxVersion, version_number($version))) {
            ($method, $count) = ('skip', $n);
            $why = $reason // "nginx version $op $version";
        }
    }

    if (defined(my $text = $run->section('skip_eval'))) {
        my ($n, $code) = $text =~ /\A\s*(\d+)\s*:\s*(.*)\z/s
            or $run->bail_out("skip_eval takes 'N: <perl>'");

        if ($run->eval_in_main('skip_eval', $code)) {
            ($method, $count, $why) = ('skip', $n, 'skip_eval');
        }
    }

    if (defined(my $text = $run->section('todo'))) {
        my ($n, $reason) = $text =~ /\A\s*(\d+)\s*:\s*(.*?)\s*\z/s
            or $run->bail_out("todo takes 'N: reason'");

        ($method, $count, $why) = ('todo_skip', $n, $reason);
    }

    return 0 if !$method;

    # These are not among the counted ones: they are checked once, after all
    # repetitions.
    my $at_exit = map { patterns($run->section($_)) }
                  qw(shutdown_error_log no_shutdown_error_log);

    for (1 .. $count * $setting{repeat_each} + $at_exit) {
        $tap->$method("$run->{name} - $why");
    }

    return 1;
}


sub run_block {
    my ($run) = @_;

    my $requests = $run->requests;

    for my $repeat (0 .. $setting{repeat_each} - 1) {
        $run->{repeat} = $repeat;

        if (defined $run->section('must_die')) {
            expect_no_start($run);
            check_logs($run, 'error.log');
            next;
        }

        # The mock comes first: nginx may connect while it starts.
        prepare_server($run) if $repeat == 0;
        $mock = start_mock($run);
        start_nginx($run) if $repeat == 0;

        if (defined $run->section('pipelined_requests')) {
            send_pipeline($run, $requests);

        } else {
            for my $index (0 .. $#$requests) {
                $run->{index} = $index;
                send_request($run, $requests->[$index]);
            }
        }

        finish_mock($run) if $mock;
    }
}


sub prepare_server {
    my ($run) = @_;

    $run->{offset} = 0;
    $run->{started} = 1;

    eval { $server->prepare; 1 } or $run->bail_out("$@");

    write_user_files($run);

    my $setup = $run->section('post_setup_server_root');
    $run->eval_in_main('post_setup_server_root', $setup) if defined $setup;
}


sub start_nginx {
    my ($run) = @_;

    if (!$server->start(nginx_conf($run))) {
        $tap->diag($server->read_log('stderr.log')
                   || $server->read_log('error.log'));
        $run->bail_out('nginx does not start');
    }

    my $init = $run->section('init');
    $run->eval_in_main('init', $init) if defined $init;
}


sub expect_no_start {
    my ($run) = @_;

    $server->stop('QUIT') if $server->running;
    prepare_server($run);

    my $started = $server->start(nginx_conf($run));
    my $code = $started ? 0 : $server->exit_code;
    my $expected = $run->section('must_die');

    if ($expected =~ /(\d+)/) {
        $tap->is_num($code, $1,
                     "$run->{name} - die with the expected exit code");
    } else {
        $tap->isnt_num($code, 0, "$run->{name} - die as expected");
    }

    if (!defined $run->section('suppress_stderr')) {
        $tap->note($server->read_log('stderr.log'));
    }
}


# The end of a block: nginx stops, and what it logged then is checked.
sub finish_block {
    my ($run) = @_;

    my $name = $run->{name};

    # A single process ends at once upon either signal.  A worker first serves
    # what it has accepted.
    my $remark = $server->stop($ENV{TEST_NGINX_FAST_SHUTDOWN} ? () : 'QUIT',
                               'TERM');
    $tap->diag("$name - $remark") if $remark;

    my $log = new_log_lines($run);
    check_patterns($run, 'error.log', $log, 'shutdown_error_log',
                   'no_shutdown_error_log', '');

    my @expected = map { patterns($run->section($_)) }
                   qw(error_log shutdown_error_log grep_error_log);

    my $is_expected = sub {
        my ($line) = @_;
        return grep { line_matches($line, $_) } @expected;
    };

    for my $problem ($server->problems($is_expected,
                                       defined $run->section('must_die')))
    {
        push @problems, $name;
        $tap->diag("$name - $problem");
    }

    if (my $path = $ENV{TEST_NGINX_ERROR_LOG}) {
        open my $file, '>>', $path or bail_out("cannot open $path: $!");
        print {$file} "=== $name\n", $server->read_log('error.log');
    }
}


# Configuration

sub nginx_conf {
    my ($run) = @_;

    my %text = map { $_ => $run->expand($run->section($_)) // '' }
               qw(main_config http_config config post_main_config);

    my $root = $server->root;
    my $level = $run->section('log_level') // $setting{log_level};
    my $master = $flag{master} ? 'on' : 'off';

    my $modules = join '', map { "load_module $_;\n" }
                  split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // '';

    # nginx drops all other variables; sanitizers want their options.
    my $env = join '', map { "env $_;\n" }
              qw(ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS), @nginx_env;

    my $user = $> == 0
               ? 'user ' . ($ENV{TEST_NGINX_WORKER_USER} || 'root') . ";\n"
               : '';

    my $temp_paths = join '', map { "    ${_}_temp_path $root/${_}_temp;\n" }
                     qw(client_body proxy fastcgi scgi uwsgi);

    my $root_location = $flag{root} ? <<"END" : '';
        location / {
            root $root/html;
            index index.html index.htm;
        }
END

    return <<"END";
worker_processes $setting{workers};
daemon off;
master_process $master;
error_log $root/logs/error.log $level;
pid $root/logs/nginx.pid;
$user$env$modules
$text{main_config}

http {
    access_log $root/logs/access.log;
$temp_paths
    default_type text/plain;
    keepalive_timeout 68s;

$text{http_config}

    server {
        listen $setting{server_port};
        server_name '$setting{server_name}';
        client_max_body_size 30M;

$setting{config_preamble}

$text{config}

$root_location    }
}

$text{post_main_config}

events {
    accept_mutex off;
    worker_connections $setting{worker_connections};
}
END
}


sub write_user_files {
    my ($run) = @_;

    my $text = $run->expand($run->section('user_files'));
    return if !defined $text;

    for my $file (split /^(?=>>>)/m, $text) {
        my ($path, $date, $content) =
            $file =~ /\A>>>[ \t]*(\S+)(?:[ \t]+(\S+))?[ \t]*(?:\n(.*))?\z/s
            or $run->bail_out("user_files takes '>>> name [date]', and the "
                              . 'content of the file below');

        $path = $server->html_dir . "/$path" if $path !~ m{\A/};

        eval { Test::Nginx::Server::write_file($path, $content // ''); 1 }
            or $run->bail_out("$@");

        next if !defined $date;

        my @time = $date =~ /\A(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d\d))?\z/
            or $run->bail_out("the date of $path is not YYYYMMDDhhmm[.ss]");

        my $mtime = POSIX::mktime($time[5] // 0, @time[4, 3, 2], $time[1] - 1,
                                  $time[0] - 1900, 0, 0, -1);
        utime $mtime, $mtime, $path;
    }
}


sub nginx_version {
    my $output = `$binary -v 2>&1` // '';

    return $output =~ m{nginx/(\d+\.\d+\.\d+)} ? version_number($1) : undef;
}


sub version_number {
    my ($major, $minor, $patch) = split /\./, shift;

    return sprintf '%d.%03d%03d', $major, $minor // 0, $patch // 0;
}


# Requests and what comes of them

sub send_request {
    my ($run, $request) = @_;

    my $bytes = talk($run, $request->{packets});

    my $rest = judge_response($run, $bytes, $request->{method});

    if (length $rest) {
        $tap->diag("$run->{name} - bytes after the response: "
                   . quoted($rest));
    }

    check_logs($run, 'error.log', 'access.log');
}


sub send_pipeline {
    my ($run, $requests) = @_;

    my $bytes = talk($run, [map { @{ $_->{packets} } } @$requests]);

    for my $index (0 .. $#$requests) {
        $run->{index} = $index;

        $bytes = judge_response($run, $bytes, $requests->[$index]{method});

        check_logs($run, 'error.log', 'access.log');
    }
}


# Returns the bytes after the response.
sub judge_response {
    my ($run, $bytes, $method) = @_;

    return '' if defined $run->section('ignore_response');

    my $res = check_response($run, $bytes, $method);

    $_->($run->{block}, $res->{body}, $run->{index}, $run->{repeat}, 0)
        for @body_checks;

    return $res->{rest};
}


sub talk {
    my ($run, $packets) = @_;

    my $shutdown = $run->section('shutdown');
    if (defined $shutdown) {
        $shutdown = $shutdown =~ /(\d)/ ? $1 : 1;
    }

    my $result = exchange(
        addr     => $setting{server_addr},
        port     => $setting{server_port_for_client},
        packets  => $packets,
        timeout  => $run->seconds('timeout', $setting{timeout}),
        shutdown => $shutdown,
    );

    if ($ENV{TEST_NGINX_VERBOSE}) {
        $tap->note('> ' . quoted($_->{value})) for @$packets;
        $tap->note('< ' . quoted($result->{bytes}));
    }

    if ($result->{error}) {
        $tap->ok(0, "$run->{name} - $result->{error}");
    }

    if ($result->{timed_out} && !defined $run->section('abort')) {
        $tap->ok(0, "ERROR: client socket timed out - $run->{name}");
    }

    return $result->{bytes};
}


sub check_logs {
    my ($run, @logs) = @_;

    # What nginx logs last about a request it logs after the answer.
    sleep($run->seconds('wait', $ENV{TEST_NGINX_SLEEP} || 0.015));

    my $log = new_log_lines($run);
    my $suffix = " (req $run->{repeat})";

    check_grep($run, $log);
    check_patterns($run, 'error.log', $log, 'error_log', 'no_error_log',
                   $suffix);

    if (grep { $_ eq 'access.log' } @logs) {
        check_patterns($run, 'access.log', $server->read_log('access.log'),
                       'access_log', 'no_access_log', $suffix);
    }

    for my $line ($log =~ /^(.*Assertion .* failed.*)$/mg) {
        $tap->ok(0, "$run->{name} - $line");
    }
}


# The error log since it was last looked at.
sub new_log_lines {
    my ($run) = @_;

    my $log = $server->read_log('error.log', $run->{offset});
    $run->{offset} += length $log if !$flag{accumulate};

    return $log;
}


# The mock server

sub start_mock {
    my ($run) = @_;

    my $listen = $run->expand($run->section('tcp_listen'));
    return if !defined $listen;

    $listen =~ s/\A\s+|\s+\z//g;

    my $query = $run->section('tcp_query');
    my $length = $run->section('tcp_query_len')
                 // (defined $query && !ref $query ? length $query : undef);

    return eval {
        Test::Nginx::Mock->new(
            listen    => $listen,
            reply     => $run->section('tcp_reply'),
            query_len => $length,
            delay     => $run->seconds('tcp_reply_delay', 0),
            no_close  => defined $run->section('tcp_no_close'),
        );
    } // $run->bail_out("$@");
}


sub finish_mock {
    my ($run) = @_;

    my $query = $run->section('tcp_query');
    my $length = $run->section('tcp_query_len');

    if (!defined $query && !defined $length) {
        $mock->stop;
        return;
    }

    my $got = $mock->finish($setting{timeout});

    if (defined $query) {
        is_str($got, $query, "$run->{name} - tcp_query ok");
    }

    if (defined $length) {
        $tap->is_num(length $got, $length,
                     "$run->{name} - TCP query length ok");
    }
}


# However the file ends, nginx does not survive it.

$SIG{INT} = sub { exit 130 };
$SIG{HUP} = sub { exit 129 };
$SIG{TERM} = sub { exit 143 };

# When prove is gone, printing is to fail rather than to kill us.
$SIG{PIPE} = 'IGNORE';

END {
    # not in a child that a test has forked
    if ($$ == $main_pid) {
        my $status = $?;

        $mock->stop if $mock;

        if ($server->running && $ENV{TEST_NGINX_NO_CLEAN}) {
            $tap->diag('nginx is left running, pid ' . $server->pid);

        } else {
            $server->kill_group;
        }

        $_->() for @cleanups;

        if ($ENV{TEST_NGINX_RANDOMIZE} && !$ENV{TEST_NGINX_NO_CLEAN}) {
            $server->remove;
        }

        if (@problems) {
            my %seen;
            $tap->diag('nginx itself went wrong in: ',
                       join ', ', grep { !$seen{$_}++ } @problems);
            $status ||= 1;
        }

        $? = $status;
    }
}

1;
