# Copyright (C) TgoRTC contributors

# The harness itself: a wrong expectation must fail, and so must an nginx that
# goes wrong.  Each case is a small .t file that is run on its own.  What is to
# pass is in compat.t.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use FindBin;
use IO::Socket::INET;
use Test::More;

my $lib = abs_path("$FindBin::Bin/../lib");
my $dir = tempdir(CLEANUP => 1);

# A fixed port for the cases that are about ports, else each run takes its own.
my $port = do {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1);
    $socket->sockport;
};

my %fixed = (
    TEST_NGINX_RANDOMIZE => undef,
    TEST_NGINX_PORT      => $port,
    TEST_NGINX_SERVROOT  => "$dir/servroot",
);


# run(text => blocks, prologue =>, epilogue =>, env =>, command =>) returns
# { exit, signal, out, err, ok => [names], not_ok => [names] }.
sub run {
    my (%arg) = @_;

    my $prologue = $arg{prologue} // '';
    my $epilogue = $arg{epilogue} // '';
    my $blocks = $arg{text};

    # a single block may come without its name
    $blocks = "=== only\n$blocks" if $blocks !~ /\A===/;

    write_file("$dir/case.t", <<"END");
use Test::Nginx::Socket 'no_plan';
no_shuffle();
$prologue
run_tests();
$epilogue
__DATA__

$blocks
END

    local %ENV = %ENV;

    my $binary = $ENV{TEST_NGINX_BINARY};
    delete $ENV{$_} for grep { /\ATEST_NGINX_/ } keys %ENV;

    $ENV{TEST_NGINX_BINARY} = $binary if defined $binary;
    $ENV{TEST_NGINX_RANDOMIZE} = 1;

    while (my ($name, $value) = each %{ $arg{env} // {} }) {
        defined $value ? $ENV{$name} = $value : delete $ENV{$name};
    }

    my $command = $arg{command} // "$^X -I$lib case.t";

    my $status = system "cd $dir && exec $command >out 2>err";

    my %run = (
        exit   => $status >> 8,
        signal => $status & 127,
        out    => read_file("$dir/out"),
        err    => read_file("$dir/err"),
    );

    $run{ok} = [$run{out} =~ /^ok \d+ - (.*)/mg];
    $run{not_ok} = [$run{out} =~ /^not ok \d+ - (.*)/mg];

    return \%run;
}


sub read_file {
    my ($path) = @_;

    open my $file, '<', $path or return '';
    local $/;
    return <$file> // '';
}


sub write_file {
    my ($path, $text) = @_;

    open my $file, '>', $path or die "$path: $!";
    print {$file} $text;
    close $file or die "$path: $!";
}


# Our nginx processes that still live.
sub leftovers {
    return grep { index(read_file("/proc/$_/cmdline"), "-p\0$dir/") >= 0 }
           map { m{/proc/(\d+)} } glob '/proc/[0-9]*';
}


sub passes {
    my ($what, %arg) = @_;

    my $run = run(%arg);

    ok($run->{exit} == 0 && !@{ $run->{not_ok} }, $what)
        or diag($run->{out}, $run->{err});

    is_deeply([leftovers()], [], "$what: nothing is left running");

    return $run;
}


# $message is to be found on stderr or in the TAP.
sub fails {
    my ($what, $message, %arg) = @_;

    my $run = run(%arg);

    ok($run->{exit} != 0, "$what: fails") or diag($run->{out}, $run->{err});
    like($run->{err} . $run->{out}, $message, "$what: says so");
    is_deeply([leftovers()], [], "$what: nothing is left running");

    return $run;
}


my $plain = <<'END';
--- config
location = /a { return 200 "hello"; }
--- request
GET /a
END

my $refused = <<'END';
--- config
no_such_directive;
--- must_die
--- suppress_stderr
END


# A line in the error log as if nginx had written it.
sub logging {
    my ($line) = @_;

    return <<"END";
--- init
open my \$log, '>>', server_root() . '/logs/error.log' or die;
print {\$log} q{$line}, "\\n";
close \$log;
END
}


# Wrong expectations: block, then the names of the assertions that must fail.
# All others of the block must pass.

my @wrong = (
    [error_code => "$plain--- error_code: 201\n", 'status code ok'],
    [error_code_default =>
        "--- config\nlocation = /a { return 201; }\n--- request\nGET /a\n",
        'status code ok'],
    [error_code_like => "$plain--- error_code_like: ^4\n", 'status code ok'],
    [response_body => "$plain--- response_body\nhello\n",
        'response_body - response is expected (repeated req 0, req 0)'],
    [response_body_qr => "$plain--- response_body eval\nqr/x/\n",
        'response_body - like (repeated req 0, req 0)'],
    [response_body_like => "$plain--- response_body_like: x\n",
        'response_body_like - response is expected (hello)'],
    [response_body_unlike => "$plain--- response_body_unlike: ^hel\n",
        'response_body_unlike - response is expected (hello)'],
    [response_body_filters =>
        "$plain--- response_body_filters: uc\n--- response_body: hello\n",
        'response_body - response is expected (repeated req 0, req 0)'],
    [response_body_json_sort =>
        "$plain--- response_body_json_sort\n--- response_body\n\"hello\"\n",
        'response_body - response is expected (repeated req 0, req 0)'],
    [response_headers =>
        "$plain--- response_headers\nContent-Length: 6\nX-A: 1\n"
        . "!Content-Type\nConnection: close\n",
        'header Content-Length ok', 'header X-A ok',
        'header Content-Type not present in the raw headers'],
    [response_headers_like =>
        "$plain--- response_headers_like\nContent-Length: \\d\\d\n"
        . "Content-Type: text\n",
        'header Content-Length like ok', 'header Content-Type like ok'],
    [raw_response_headers_like =>
        "$plain--- raw_response_headers_like: X-A\n", 'raw resp headers like'],
    [raw_response_headers_unlike =>
        "$plain--- raw_response_headers_unlike: nginx\n",
        'raw resp headers unlike'],
    [error_log => "$plain--- error_log\nhttp uri\nno such line\n",
        'pattern "no such line" should match a line in error.log (req 0)'],
    [error_log_regexp => "$plain--- error_log eval\nqr/a.*\\n.*b/\n",
        'pattern "(?^:a.*\n.*b)" should match a line in error.log (req 0)'],
    [no_error_log => "$plain--- no_error_log\nhttp uri: \"/a\"\n[error]\n",
        qr/^pattern "http uri: \\\\"\/a\\\\"" should not match any line in /],
    [grep_error_log =>
        "$plain--- grep_error_log eval: qr/http uri/\n"
        . "--- grep_error_log_out\nhttp uri\nhttp uri\n",
        'grep_error_log_out (req 0)'],
    [access_log => "$plain--- access_log\nGET /b\n",
        'pattern "GET /b" should match a line in access.log (req 0)'],
    [no_access_log => "$plain--- no_access_log\nGET /a\n",
        qr/^pattern "GET \/a" should not match any line in access\.log/],
    [shutdown_error_log => "$plain--- shutdown_error_log\nhttp uri\n",
        'pattern "http uri" should match a line in error.log'],
    [no_shutdown_error_log => "$plain--- no_shutdown_error_log\nSIGQUIT\n",
        qr/^pattern "SIGQUIT" should not match any line in error\.log/],
    [assertion => $plain . logging("Assertion `0' failed."),
        "Assertion `0' failed."],
    [must_die => "$plain--- must_die\n", 'die as expected'],
    [must_die_code => $refused =~ s/^(--- must_die)$/$1: 2/mr,
        'die with the expected exit code'],
    [must_die_error_log => "$refused--- error_log\nno such line\n",
        'pattern "no such line" should match a line in error.log (req 0)'],
    [timeout => <<'END', qr/^ERROR: client socket timed out - /],
--- config
location = /a { return 200 "hello"; }
--- raw_request eval
"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"
--- timeout: 50ms
--- response_body: hello
END
    [several_requests => <<'END', 'status code ok',
--- config
location = /a { return 200 "hello"; }
--- request eval
["GET /a", "GET /b", "GET /a"]
--- response_body eval
["hello", qr/404/, "bye"]
END
        'response_body - response is expected (repeated req 0, req 2)'],
    [pipelined_requests => <<'END', 'status code ok',
--- config
location = /a { return 200 "hello"; }
--- pipelined_requests eval
["HEAD /a", "GET /b", "GET /a"]
--- response_body eval
["", qr/404/, "bye"]
END
        'response_body - response is expected (repeated req 0, req 2)'],
    [broken_chunks => <<'END', 'no last chunk found'],
--- config
location = /a { return 200 "hello"; }
location = /b {
    default_type "text/plain\r\nTransfer-Encoding: chunked";
    return 200 "3\r\nabc\r\n";
}
--- request
GET /b
--- response_body: abc
END
    [connection_closed =>
        "--- config\nlocation = /a { return 444; }\n--- request\nGET /a\n"
        . "--- response_body: hello\n",
        'status code ok',
        'response_body - response is expected (repeated req 0, req 0)'],
    [tcp_query => <<'END', 'tcp_query ok', 'TCP query length ok'],
--- config
location = /a { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
--- tcp_listen: $TEST_NGINX_RAND_PORT_1
--- tcp_query: POST
--- tcp_query_len: 10
--- tcp_reply eval
"HTTP/1.0 200 OK\r\n\r\n"
--- request
GET /a
END
    [tcp_query_not_asked => <<'END', 'tcp_query ok'],
--- config
location = /a { return 200; }
--- tcp_listen: $TEST_NGINX_RAND_PORT_1
--- tcp_query eval
qr/GET/
--- tcp_reply: nothing
--- request
GET /a
END
);

{
    my $text = join "\n\n", map { "=== $_->[0]:\n$_->[1]" } @wrong;

    # so that the one that waits in vain does not wait long
    my $run = run(text => $text, prologue => 'timeout(0.5);',
                  command => "prove -v -I$lib case.t");

    isnt($run->{exit}, 0, 'wrong expectations: prove fails');
    like($run->{out}, qr/^Result: FAIL$/m, 'wrong expectations: prove says so');

    for my $wrong (@wrong) {
        my ($name, undef, @names) = @$wrong;

        my @failed = grep { /\bcase\.t \Q$name\E:/ } @{ $run->{not_ok} };
        my @left = map { s/case\.t \Q$name\E: - //r } @failed;

        # each expected name takes one away
        for my $expected (@names) {
            my ($at) = grep { ref $expected ? $left[$_] =~ $expected
                                            : $left[$_] eq $expected }
                       0 .. $#left;

            splice @left, $at, 1 if defined $at;
        }

        ok(@failed == @names && !@left, "a wrong $name fails")
            or diag("expected:\n", map({ "  $_\n" } @names),
                    "failed:\n", map({ "  $_\n" } @failed));
    }

    # Nothing but the case of the timeout has to do with the clock.
    is_deeply([leftovers()], [], 'wrong expectations: nothing is left running');
}


# Mistakes in the .t file

fails('an unknown section', qr/only: unknown section '--- respones_body'/,
      text => "$plain--- respones_body: hello\n");

fails('sections that exclude each other',
      qr/'--- response_body' and '--- response_body_like' exclude each other/,
      text => "$plain--- response_body: hello\n--- response_body_like: h\n");

for my $mistake (
    ['no request', qr/there is no request/, "--- config\n"],
    ['an unknown variable', qr/no environment variable TEST_NGINX_NONE/,
     "--- config\n# \$TEST_NGINX_NONE\n--- request\nGET /a\n"],
    ['a request line that is none', qr/Request line must be/,
     "--- config\n--- request\nGET /a b c\n"],
    ['several requests, one expectation', qr/response_body must be an array/,
     "--- config\n--- request eval\n['GET /', 'GET /']\n"
     . "--- response_body: a\n"],
    ['several requests, too few expectations',
     qr/error_code has no element for request 2/,
     "--- config\n--- request eval\n['GET /', 'GET /']\n"
     . "--- error_code eval\n[200]\n"],
    ['several requests, too few more_headers',
     qr/more_headers takes one element for each request/,
     "--- config\n--- request eval\n['GET /', 'GET /']\n"
     . "--- more_headers eval\n['A: b']\n"],
    ['a time that is none', qr/timeout takes a time, got '1m'/,
     "$plain--- timeout: 1m\n"],
    ['grep_error_log alone', qr/need each other/,
     "$plain--- grep_error_log: a\n"],
    ['an unknown filter', qr/unknown body filter 'no_such'/,
     "$plain--- response_body_filters: no_such\n"],
    ['an error in init', qr/init failed: wrong here/,
     "$plain--- init\ndie 'wrong here'\n"],
    ['a configuration that nginx refuses', qr/no_such_directive.*Bail out!/s,
     "--- config\nno_such_directive;\n--- request\nGET /a\n"],
) {
    my ($what, $message, $text) = @$mistake;

    fails($what, $message, text => $text);
}


# nginx going wrong, with every assertion passing

for my $wrong (
    ['an alert', qr/only - \S+ \S+ \[alert\] 1#1: open socket/,
     $plain . logging('2024/01/01 00:00:00 [alert] 1#1: open socket')],
    ['a critical message', qr/\[crit\] 1#1: something/,
     $plain . logging('2024/01/01 00:00:00 [crit] 1#1: something')],
    ['a report of AddressSanitizer', qr/heap-use-after-free.*\n.*#0 0x1 in f/,
     $plain . logging("==7==ERROR: AddressSanitizer: heap-use-after-free\n"
                      . '    #0 0x1 in f')],
    ['a report of LeakSanitizer', qr/detected memory leaks/,
     $plain . logging('==7==ERROR: LeakSanitizer: detected memory leaks')],
    ['a report of UndefinedBehaviorSanitizer', qr/runtime error: shift/,
     $plain . logging('a.c:1:2: runtime error: shift exponent 32')],
    ['a crash', qr/nginx was killed by signal 6/,
     "$plain--- ignore_response\n--- init\n"
     . "kill 'ABRT', `cat \${\\ server_root()}/logs/nginx.pid`;\n"
     . "sleep 1;\n", ['cannot connect']],
    ['a sanitizer although nginx was to refuse', qr/stack-overflow/,
     $refused . "--- post_setup_server_root\n"
     . "open my \$log, '>', server_root() . '/logs/error.log';\n"
     . "print {\$log} \"==7==ERROR: AddressSanitizer: stack-overflow\\n\";\n"],
) {
    my ($what, $message, $text, $failing) = @$wrong;

    my $run = fails($what, $message, text => $text);

    next if $failing;

    is_deeply($run->{not_ok}, [], "$what: the assertions pass");
    like($run->{err}, qr/nginx itself went wrong in: case\.t only/,
         "$what: the summary names the block");
}

passes('an alert that error_log expects',
       text => $plain . "--- error_log\nopen socket\n"
               . logging('2024/01/01 00:00:00 [alert] 1#1: open socket'));

passes('the message of an nginx that was to refuse', text => $refused);

{
    my $run = run(text => $plain
                          . logging('2024/01/01 00:00:00 [alert] 1#1: x'),
                  command => "prove -I$lib case.t");

    like($run->{out}, qr/^Result: FAIL$/m, 'prove fails upon an alert');
}

fails('a worker that crashes', qr/\[alert\].* exited on signal 6/,
      text => "$plain--- init\n" . <<'END', prologue => 'master_on();');
chomp(my $pid = `cat ${\ server_root()}/logs/nginx.pid`);
for (1 .. 100) {
    my @workers = split ' ', `cat /proc/$pid/task/$pid/children`;
    last if kill 'ABRT', @workers;
    select undef, undef, undef, 0.05;
}
sleep 1;
END

SKIP: {
    skip 'there is no valgrind', 8 if system('valgrind --version >/dev/null');
    skip 'valgrind cannot run what has a sanitizer', 8
        if $ENV{TEST_NGINX_SANITIZED};

    my %env = (TEST_NGINX_USE_VALGRIND => 1);

    # nginx alone leaks a little at exit.
    fails('a leak under valgrind', qr/definitely lost: [1-9]/, text => $plain,
          env => \%env);

    write_file("$dir/valgrind.suppress",
               "{\n   all\n   Memcheck:Leak\n   fun:*alloc\n   ...\n}\n");

    passes('suppressed leaks under valgrind', text => $plain, env => \%env);

    my $run = passes('options for valgrind', text => $plain,
                     env => { TEST_NGINX_USE_VALGRIND => '--leak-check=no',
                              TEST_NGINX_NO_CLEAN => undef });

    is(scalar @{ $run->{ok} }, 1, 'valgrind: the assertions are the same');

    unlink "$dir/valgrind.suppress";
}


# However it ends, nginx is gone

for my $signal (qw(INT TERM HUP)) {
    my $run = run(text => "$plain--- init\nkill '$signal', \$\$; sleep 9;\n");

    isnt($run->{exit}, 0, "SIG$signal: the run fails");
    is_deeply([leftovers()], [], "SIG$signal: nothing is left running");
}

fails('a test that dies', qr/wrong here/, text => $plain,
      prologue => "add_test_cleanup_handler(sub { die 'wrong here' });");

{
    my $run = run(text => "$plain--- init\nkill 'KILL', \$\$;\n",
                  env => \%fixed);

    is($run->{signal}, 9, 'SIGKILL: the run is killed');
    is(scalar leftovers(), 1, 'SIGKILL: nginx is left running');

    passes('a run after a killed one', text => $plain, env => \%fixed);
}

{
    my $run = run(text => $plain,
                  env => { %fixed, TEST_NGINX_NO_CLEAN => 1 });

    is($run->{exit}, 0, 'TEST_NGINX_NO_CLEAN: the run passes');
    is(scalar leftovers(), 1, 'TEST_NGINX_NO_CLEAN: nginx is left running');

    kill 'TERM', leftovers();

    for (1 .. 100) {
        last if !leftovers();
        select undef, undef, undef, 0.05;
    }
}

make_path("$dir/precious");
write_file("$dir/precious/file", 'precious');

fails('a servroot that is something else', qr/holds files/, text => $plain,
      env => { %fixed, TEST_NGINX_SERVROOT => "$dir/precious" });

is(read_file("$dir/precious/file"), 'precious', 'foreign files are left alone');


# The functions and the environment

{
    my $run = passes('repeat_each', text => <<'END', prologue => <<'END');
=== one
--- config
location = /a { return 200 "hello"; }
--- request
GET /a
--- error_log
http uri
--- shutdown_error_log
SIGQUIT



=== two
--- config
location = /a { return 200 "hello"; }
--- request
GET /a
--- skip_eval: 2: 1
--- no_shutdown_error_log
SIGQUIT
END
repeat_each(3);
print '# ', repeat_each() * blocks(), "\n";
END

    my $pattern = 'pattern "http uri" matches a line in error.log';

    is_deeply(
        $run->{ok},
        [
            (map { ('case.t one - status code ok',
                    "case.t one - $pattern (req $_)") } 0 .. 2),
            'case.t one - pattern "SIGQUIT" matches a line in error.log',
        ],
        'repeat_each: the assertions'
    );

    my @skipped = $run->{out} =~ /^ok \d+ # skip (.*)/mg;

    is(scalar @skipped, 3 * 2 + 1, 'repeat_each: what is skipped');
    like($run->{out}, qr/^# 6$/m, 'repeat_each, blocks: their values');
}

passes('the error log is read from the last request on',
       text => <<'END');
--- config
location = /a { return 200; }
location = /b { return 200; }
--- request eval
["GET /a", "GET /b"]
--- grep_error_log eval: qr/http uri: .*/
--- grep_error_log_out eval
qr/\Ahttp uri: ".."\n\z/
END

passes('check_accum_error_log', text => <<'END', prologue => <<'END');
--- config
location = /a { return 200; }
--- request eval
["GET /a", "GET /a"]
--- grep_error_log eval: qr/http uri|SIGNAL/
--- grep_error_log_out eval
qr/\A(?:http uri\n)+\z/
--- shutdown_error_log
http uri
END
check_accum_error_log();
END

passes('master_on, workers, no_root_location',
       text => <<'END', prologue => <<'END');
--- config
location / { return 200 "root"; }
--- request
GET /a
--- response_body: root
--- error_log
start worker processes
--- shutdown_error_log eval
[qr/worker process \d+ exited with code 0/, "gracefully shutting down"]
END
master_on();
workers(2);
no_root_location();
END

{
    my $run = passes('master_process_enabled, master_off', text => $plain,
                     prologue => <<'END');
master_process_enabled(1);
print '# ', master_process_enabled() ? 'on' : 'off', "\n";
master_off();
print '# ', master_process_enabled() ? 'on' : 'off', "\n";
use_hup();
END

    like($run->{out}, qr/^# on\n# off\n/m, 'master_process_enabled: values');
}

passes('log_level, env_to_nginx, worker_connections, server_name',
       prologue => <<'END', text => <<'END');
log_level('warn');
env_to_nginx('HOME');
worker_connections(32);
server_name('example.com');
config_preamble('add_header X-Preamble yes;');
END
--- config
location = /a { return 200 "$server_name $http_host"; }
--- request
GET /a
--- response_body: example.com example.com
--- response_headers
X-Preamble: yes
--- no_error_log
[debug]
[info]
--- init
my $conf = `cat ${\ server_root()}/conf/nginx.conf`;
for my $line ('env HOME;', 'worker_connections 32;', 'server_name ') {
    die "no $line" if $conf !~ /\Q$line/;
}
END

{
    my $run = passes('the handlers', text => $plain,
                     prologue => <<'END', epilogue => 'print "# after\n";');
add_block_preprocessor(sub {
    my $block = shift;
    print "# preprocess\n";
    $block->set_value('response_body', 'hello');
});
add_response_body_check(sub {
    my ($block, $body, $req_idx, $repeated_req_idx) = @_;
    print "# check $body $req_idx $repeated_req_idx\n";
});
add_test_cleanup_handler(sub { print "# cleanup block\n" });
add_cleanup_handler(sub { print "# cleanup all\n" });
END

    is($run->{out}, <<'END', 'the handlers: in their order');
# preprocess
ok 1 - case.t only - status code ok
ok 2 - case.t only - response_body - response is expected (repeated req 0, req 0)
# check hello 0 0
# cleanup block
# after
# cleanup all
1..2
END
}

{
    my $run = passes('the variables', text => $plain, env => \%fixed,
                     prologue => <<'END');
print join(' ', '#', $ServerPort, server_port(), server_port_for_client(),
           server_addr(), timeout(), server_root(), html_dir(), workers()),
      "\n# $NginxVersion\n";
END

    my $values = "# $port $port $port 127.0.0.1 3 $dir/servroot "
                 . "$dir/servroot/html 1\n";

    is(index($run->{out}, $values), 0, 'the variables: their values')
        or diag($run->{out});
    like($run->{out}, qr/^# \d+\.\d{6}$/m, 'the variables: the version');
}

{
    my $text = join "\n", map { "=== $_\n$plain" } 'a' .. 'h';

    write_file("$dir/shuffled.t", <<"END");
use Test::Nginx::Socket 'no_plan';
run_tests();
__DATA__

$text
END

    my %order;

    for my $no_shuffle (undef, undef, undef, 1, 1) {
        my $run = run(text => $plain,
                      command => "$^X -I$lib shuffled.t",
                      env => { TEST_NGINX_NO_SHUFFLE => $no_shuffle });

        $order{ $no_shuffle // 0 }{ join ' ', @{ $run->{ok} } }++;
    }

    cmp_ok(scalar keys %{ $order{0} }, '>', 1, 'blocks are shuffled');
    is_deeply([values %{ $order{1} }], [2], 'TEST_NGINX_NO_SHUFFLE');
}

fails('TEST_NGINX_LOAD_MODULES', qr/dlopen\(\).*no_such_module\.so/,
      text => $plain,
      env => { TEST_NGINX_LOAD_MODULES => '/no_such_module.so' });

fails('TEST_NGINX_BINARY', qr/cannot execute \S+no_such_nginx/, text => $plain,
      env => { TEST_NGINX_BINARY => "$dir/no_such_nginx" });

passes('TEST_NGINX_LD_PRELOAD', text => "$plain--- init\n" . <<'END',
my $stderr = `cat ${\ server_root()}/logs/stderr.log`;
die $stderr if $stderr !~ /no_such_library/;
die 'preloaded here' if $ENV{LD_PRELOAD};
END
       env => { TEST_NGINX_LD_PRELOAD => '/no_such_library.so' });

fails('TEST_NGINX_CLIENT_PORT', qr/cannot connect to 127\.0\.0\.1:1/,
      text => $plain, env => { TEST_NGINX_CLIENT_PORT => 1 });

fails('TEST_NGINX_TIMEOUT', qr/timed out/,
      text => "$plain--- raw_request eval\n\"GET\"\n" =~ s/--- request\n.*\n//r,
      env => { TEST_NGINX_TIMEOUT => 0.05 });

fails('TEST_NGINX_LOG_LEVEL', qr/"http uri" should match/,
      text => "$plain--- error_log\nhttp uri\n",
      env => { TEST_NGINX_LOG_LEVEL => 'info' });

passes('TEST_NGINX_MASTER_PROCESS, TEST_NGINX_FAST_SHUTDOWN',
       text => "$plain--- error_log\nstart worker process\n"
               . "--- shutdown_error_log\nSIGTERM\n",
       env => { TEST_NGINX_MASTER_PROCESS => 'on',
                TEST_NGINX_FAST_SHUTDOWN => 1 });

passes('TEST_NGINX_ERROR_LOG', text => "=== one\n$plain\n=== two\n$plain",
       env => { TEST_NGINX_ERROR_LOG => "$dir/all.log" });

like(read_file("$dir/all.log"),
     qr/^=== case\.t one\n.*http uri.*^=== case\.t two\n.*http uri/ms,
     'TEST_NGINX_ERROR_LOG has the logs of all blocks');

{
    my $run = passes('TEST_NGINX_VERBOSE', text => $plain,
                     env => { TEST_NGINX_VERBOSE => 1 });

    like($run->{out}, qr/^# > "GET \/a HTTP.*^# < "HTTP\/1.1 200/ms,
         'TEST_NGINX_VERBOSE shows what is sent and received');
}

is_deeply([glob "$dir/t/servroot_*"], [],
          'TEST_NGINX_RANDOMIZE cleans up behind itself');


# The same TAP as the module of CPAN, when that is at hand

SKIP: {
    my $genuine = $ENV{TEST_NGINX_GENUINE_LIB};

    skip 'TEST_NGINX_GENUINE_LIB is not set', 1 if !$genuine;

    my @tap = map {
        my $run = run(text => $plain, env => \%fixed,
                      command => "$^X -I$_ $FindBin::Bin/compat.t");

        # The headers of one section come in any order there.
        my @lines = grep { /^(?:not )?ok/ } split /\n/, $run->{out};
        s/^(ok|not ok) \d+/$1/ for @lines;

        [sort @lines];
    } $lib, $genuine;

    is_deeply($tap[0], $tap[1], 'compat.t has the same TAP under both');
}

done_testing();
