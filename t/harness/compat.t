# Copyright (C) TgoRTC contributors

# Every section of the harness at least once, against nginx alone.  This file
# is plain Test::Nginx: it gives the same TAP with the module of CPAN, apart
# from the order of the headers within a response_headers section.

use Test::Nginx::Socket;

no_shuffle();
no_long_string();
worker_connections(128);
log_level('info');
env_to_nginx('HARNESS_FIXED=fixed', 'HARNESS_PASSED');
config_preamble('add_header X-Preamble yes;');

$ENV{HARNESS_PASSED} = 'passed';
$ENV{TEST_NGINX_HARNESS_WORD} = 'word';

our (@checked, @preprocessed, @cleaned);

add_block_preprocessor(sub {
    my $block = shift;
    push @preprocessed, $block->name;
});

our @order;

for my $n (1, 2) {
    add_block_preprocessor(sub { push @order, "begin $n" });
    add_test_cleanup_handler(sub { push @order, "end $n" });
}

add_response_body_check(sub {
    my ($block, $body, $req_idx, $repeated_req_idx) = @_;
    push @checked, "$req_idx $repeated_req_idx $body";
});

add_test_cleanup_handler(sub { push @cleaned, shift->name });

sub reversed { return scalar reverse $_[0] }

plan tests => 182;

run_tests();

is(scalar(@preprocessed), 46, 'each block is preprocessed once');
is(scalar(@cleaned), 46, 'each block is cleaned up once');
is("@order[0 .. 3]", 'begin 2 begin 1 end 2 end 1',
   'what is added last is called first');
is($checked[0], "0 0 hello\n", 'the body check sees the body');
is_str(timeout(), 3, 'timeout() tells the default');
is_str(server_name(), qr/\Alocal/, 'is_str takes a regexp');

__DATA__

=== TEST 1: the essentials
--- config
location = /a { return 200 "hello\n"; }
--- request
GET /a
--- response_headers
X-Preamble: yes
--- response_body
hello



=== TEST 2: error_code, response_body_like
--- config
location = /a { return 403 "one\r\n\r\n\ttwo  three\n"; }
--- request
GET /a
--- error_code: 403
--- response_body_like: ^one.*two



=== TEST 3: error_code_like, response_body_unlike
--- config
location = /a { return 404 "one\ntwo\n"; }
--- request
GET /a
--- error_code_like: ^40[34]$
--- response_body_unlike: three



=== TEST 4: response_body as a regexp
--- config
location = /a { return 200 "one two"; }
--- request
GET /a
--- response_body eval
qr/o.e\b/



=== TEST 5: the filters chop and chomp
--- config
location = /a { return 200 "no newline"; }
--- request
GET /a
--- response_body chop
no newline
--- response_body_filters
--- error_code chomp
200



=== TEST 6: response_headers
--- config
location = /a {
    add_header X-Twice 1;
    add_header X-Twice 2;
    return 200 "a";
}
--- request
GET /a
--- response_headers
X-Twice: 1, 2
content-length:   1
X-None:
!X-Absent
Content-Type: text/plain



=== TEST 7: response_headers_like
--- config
location = /a { add_header X-Number 1234; return 200 "a"; }
--- request
GET /a
--- response_headers_like
X-Number: \d+
Content-Type: text/.*



=== TEST 8: raw_response_headers_like, raw_response_headers_unlike
--- config
location = /a { return 200 "abc"; }
--- request
GET /a
--- raw_response_headers_like eval
qr/^HTTP\/1.1 200 OK\r\n.*Content-Length: 3\r\n/s
--- raw_response_headers_unlike: X-Absent



=== TEST 9: error_log, no_error_log, in the order of the log
--- config
location = /a { return 200 "a"; }
--- log_level: debug
--- request
GET /a
--- error_log eval
["http args", qr/http ur[il]: "\/a"/, "http"]
--- no_error_log
[error]
[alert]



=== TEST 10: access_log, no_access_log
--- config
location = /a { return 200 "a"; }
--- request
GET /a
--- access_log
GET /a
 200 
--- no_access_log
POST
--- no_error_log eval
qr/\[(?:warn|error)\]/



=== TEST 11: grep_error_log
--- config
location = /a { return 200 "a"; }
--- log_level: debug
--- request
GET /a
--- grep_error_log eval: qr/http (?:uri|args): .*/
--- grep_error_log_out
http uri: "/a"
http args: ""



=== TEST 12: grep_error_log of a string, nothing found
--- config
location = /a { return 200 "a"; }
--- request
GET /a
--- grep_error_log: a.c
--- grep_error_log_out



=== TEST 13: shutdown_error_log, no_shutdown_error_log
--- config
location = /a { return 200 "a"; }
--- request
GET /a
--- error_log
nginx/
--- shutdown_error_log eval
["SIGQUIT", qr/\bexit\b/]
--- no_shutdown_error_log
[alert]
epoll" event method



=== TEST 14: must_die
--- config
location = /a { no_such_directive; }
--- request
GET /a
--- must_die
--- suppress_stderr
--- error_log
unknown directive "no_such_directive"
--- no_error_log
[crit]



=== TEST 15: must_die with an exit code
--- config
location = /a { no_such_directive; }
--- must_die: 1
--- suppress_stderr
--- grep_error_log eval: qr/unknown directive/
--- grep_error_log_out
unknown directive



=== TEST 16: SKIP takes a block out
--- config
location = /a { return 500; }
--- request
GET /a
--- SKIP



=== TEST 17: the request line and the headers
--- config
location = /a {
    return 200 "$request|$http_host|$http_connection|$http_content_length";
}
--- request
POST /a?b=c HTTP/1.0
--- response_body: POST /a?b=c HTTP/1.0|localhost|close|



=== TEST 18: white space around the body is not sent
--- config
location = /a { proxy_pass http://127.0.0.1:$server_port/b; }
location = /b { return 200 "$http_content_length|$http_x_a|$http_x_b"; }
--- request
# a comment
POST /a

  {"a": 1}

--- more_headers
X-A: 1
# a comment

X-B:   2
--- response_body: 8|1|2



=== TEST 19: headers that the test gives itself
--- config
location = /a {
    return 200 "$http_host|$http_connection|$http_content_length";
}
--- request
POST /a
12345
--- more_headers
Host: example.com
Connection: foo, close
Content-Length: 3
--- response_body: example.com|foo, close|3



=== TEST 20: a chunked request
--- config
location = /a { proxy_pass http://127.0.0.1:$server_port/b; }
location = /b { return 200 "$http_content_length"; }
--- request eval
"POST /a
5\r
hello\r
0\r
\r
"
--- more_headers
Transfer-Encoding: chunked
--- response_body: 5



=== TEST 21: several requests
--- config
location = /a { return 200 "$http_x"; }
location = /b { return 201 "$http_x"; }
location = /c { return 200 "$request_method"; }
--- log_level: debug
--- request eval
["GET /a", "POST /b\nabc", "HEAD /c"]
--- more_headers eval
["X: 1", "X: 2\nY: z", ""]
--- error_code eval
[200, 201, 200]
--- response_body eval
["1", "2", ""]
--- response_headers eval
["Content-Length: 1", "Connection: close\nContent-Length: 1",
 "Content-Length: 4"]
--- raw_response_headers_like eval
[200, 201, 200]
--- error_log eval
["http request line", qr/http uri: "\/[abc]"/]
--- no_error_log
[error]
--- access_log
GET /a
--- no_access_log
PUT



=== TEST 22: several requests, the other expectations
--- config
location = /a { return 200 "a"; }
location = /b { return 404 "b"; }
--- request eval
["GET /a", "GET /b"]
--- error_code_like eval
["200", qr/4.4/]
--- response_body_like eval
["a", "b"]
--- response_headers_like eval
["Content-Length: \\d", "Content-Type: .*"]
--- raw_response_headers_unlike eval
["X-A", "X-B"]



=== TEST 23: packets
--- config
location = /a { proxy_pass http://127.0.0.1:$server_port/b; }
location = /b { return 200 "$http_content_length"; }
--- request eval
[["POST /a\nfirst ", { value => "second", delay_before => 0.1 }, " third\n"]]
--- response_body: 18
--- error_code: 200



=== TEST 24: pipelined_requests
--- config
location = /a { return 200 "$http_connection $connection_requests $http_x"; }
--- pipelined_requests eval
["GET /a", "POST /a\nabc", "GET /a"]
--- more_headers
X: y
--- error_code eval
[200, 200, 200]
--- response_body eval
["keep-alive 1 y", "keep-alive 2 y", "close 3 y"]
--- no_error_log
[error]



=== TEST 25: raw_request
--- config
location = /a { return 200 "$http_host|$http_x"; }
--- raw_request eval
"GET /a HTTP/1.0\r\nX: 1\r\n\r\n"
--- response_body: |1



=== TEST 26: raw_request_middle_delay
--- config
location = /a { return 200 "$http_x"; }
--- raw_request eval
["GET /a HTTP", "/1.0\r\nX", ": 1\r\n\r\n"]
--- raw_request_middle_delay: 0.05
--- response_body: 1



=== TEST 27: abort, after a timeout
--- config
location = /a { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/; }
--- tcp_listen: $TEST_NGINX_RAND_PORT_1
--- tcp_reply:
--- tcp_no_close
--- request
GET /a
--- timeout: 200ms
--- abort
--- ignore_response
--- wait: 0.1
--- no_error_log
[error]



=== TEST 28: shutdown
--- config
location = /a { return 200 "a"; }
--- request
GET /a
--- shutdown
--- response_body: a



=== TEST 29: shutdown with a direction
--- config
location = /a { return 200 "a"; }
--- request
GET /a
--- shutdown: 1
--- response_body: a



=== TEST 30: ignore_response
--- config
location = /a { return 444; }
--- request
GET /a
--- ignore_response
--- no_error_log
[error]



=== TEST 31: init, post_setup_server_root
--- config
location = /a { root html; }
--- post_setup_server_root
open my $file, '>', html_dir() . '/a' or die $!;
print $file "written";
--- init
open my $file, '>>', html_dir() . '/a' or die $!;
print $file " twice";
--- request
GET /a
--- response_body: written twice



=== TEST 32: user_files
--- config
location /files { alias html; }
--- user_files
>>> a.txt
one

two
>>> sub/b.txt 200801020304.05
$TEST_NGINX_HARNESS_WORD
>>> c.txt
--- request eval
["GET /a.txt", "GET /sub/b.txt", "GET /c.txt"]
--- response_body eval
["one\n\ntwo\n", "word\n", ""]
--- response_headers_like eval
["Content-Length: 9", "Last-Modified: .*0[12] Jan 2008 .*", "ETag: .*"]



=== TEST 33: the levels of the configuration, variables
--- main_config
timer_resolution 100ms;
--- http_config
map $uri $mapped { default $TEST_NGINX_HARNESS_WORD; }
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / { return 200 "$TEST_NGINX_RAND_PORT_1"; }
}
--- config
location = /a { return 200 "$mapped $TEST_NGINX_SERVER_PORT"; }
location = /b { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
--- post_main_config
worker_rlimit_nofile 1024;
--- request eval
["GET /a", "GET /b"]
--- response_body eval
['$TEST_NGINX_HARNESS_WORD $ServerPort', '$TEST_NGINX_RAND_PORT_1']



=== TEST 34: response_body_filters
--- config
location = /a { return 200 "abc"; }
--- request
GET /a
--- response_body_filters
uc
md5_hex
--- response_body: 902fbdd2b1df0c4f70b4a5d23525e932



=== TEST 35: response_body_filters as code
--- config
location = /a { return 200 "ABC"; }
--- request
GET /a
--- response_body_filters eval
[\&main::reversed, sub { lc $_[0] }]
--- response_body: cba



=== TEST 36: response_body_json_sort
--- config
location = /a { return 200 '{"b": [2, 1], "a": {"d": null, "c": true}}'; }
--- request
GET /a
--- response_body_json_sort
--- response_body
{"a":{"c":true,"d":null},"b":[2,1]}



=== TEST 37: skip_nginx that applies
--- config
location = /a { return 200 "a"; }
--- request
GET /a
--- skip_nginx: 3: > 0.1.2: too new
--- error_log
nothing like that
--- response_body: b



=== TEST 38: skip_nginx that does not apply
--- config
location = /a { return 200 "a"; }
--- request
GET /a
--- skip_nginx
2: < 1.2.3
--- response_body: a



=== TEST 39: skip_eval, todo
--- config
location = /a { return 200 "a"; }
--- request
GET /a
--- skip_eval: 2: 1 + 1 == 2
--- response_body: b



=== TEST 40: todo
--- config
location = /a { return 200 "a"; }
--- request
GET /a
--- todo: 2: not done yet
--- response_body: b



=== TEST 41: tcp_listen, tcp_query, tcp_query_len
--- config
location = /a {
    proxy_set_header Host "";
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/b;
}
--- tcp_listen: $TEST_NGINX_RAND_PORT_1
--- tcp_query eval
"GET /b HTTP/1.0\r\nConnection: close\r\n\r\n"
--- tcp_query_len: 38
--- tcp_reply eval
"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"
--- request
GET /a
--- response_body: hello
--- no_error_log
[error]



=== TEST 42: tcp_query as a regexp, tcp_reply_delay
--- config
location = /a { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/b; }
--- tcp_listen: $TEST_NGINX_RAND_PORT_1
--- tcp_query eval
qr/^GET .b HTTP/
--- tcp_reply eval
["HTTP/1.0 200 OK\r\n", "Content-Length: 2\r\n\r\n", "ok"]
--- tcp_reply_delay: 50ms
--- request
GET /a
--- response_body: ok



=== TEST 43: tcp_reply as code
--- config
location = /a { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/b; }
--- tcp_listen: $TEST_NGINX_RAND_PORT_1
--- tcp_reply eval
sub { "HTTP/1.0 200 OK\r\n\r\n" . (split ' ', shift)[1] }
--- request
GET /a
--- response_body: /b



=== TEST 44: tcp_listen on a unix socket
--- config
location = /a {
    proxy_pass http://unix:/tmp/harness_$TEST_NGINX_SERVER_PORT.sock:/b;
}
--- tcp_listen: /tmp/harness_$TEST_NGINX_SERVER_PORT.sock
--- tcp_reply eval
"HTTP/1.0 200 OK\r\n\r\nunix"
--- request
GET /a
--- response_body: unix



=== TEST 45: responses without a length
--- config
location = /a { ssi on; default_type text/html; root html; }
location = /b { return 204; }
location = /c { root html; }
--- user_files
>>> a
<!--# echo var="request_method" -->
>>> c
c
--- request eval
["GET /a", "GET /a HTTP/1.0", "HEAD /a", "GET /b", "GET /c"]
--- more_headers eval
["", "", "", "", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"]
--- error_code eval
[200, 200, 200, 204, 200]
--- response_body eval
["GET\n", "GET\n", "", "", "c\n"]
--- response_headers eval
["Transfer-Encoding: chunked", "!Transfer-Encoding", "!Content-Length", undef,
 undef]



=== TEST 46: a large body, refused early
--- config
location = /a { client_max_body_size 1k; root html; }
--- request eval
"POST /a\n" . "x" x 100_000
--- error_code: 413
--- response_body_like: 413 Request Entity Too Large
--- error_log
client intended to send too large body



=== TEST 47: what limit_req limits
--- http_config
limit_req_zone $binary_remote_addr zone=one:1m rate=1r/m;
--- config
location = /a { limit_req zone=one; limit_req_status 429; root html; }
--- user_files
>>> a
a
--- request eval
["GET /a", "GET /a"]
--- error_code eval
[200, 429]
--- grep_error_log eval: qr/limiting requests/
--- grep_error_log_out eval
qr/\A(?:limiting requests\n)?\z/
