# Copyright (C) TgoRTC contributors
#
# tgortc_redis where Redis is more than one server: what is wrong is said by
# nginx -t.

use Test::Nginx::Socket 'no_plan';
use FindBin;

require "$FindBin::Bin/lib/TgoRTC/Suite.pm";

TgoRTC::Suite::setup();

# a line of a configuration that stops nginx: [emerg] PID#TID: MESSAGE

sub emerg {
    my ($message) = @_;

    return qr/\[emerg\] \d+#\d+: $message in \S+nginx\.conf:\d+/;
}

run_tests();

__DATA__

=== TEST 1: sentinels without a name
--- http_config
    tgortc_redis  sentinel:127.0.0.1:26379;
--- must_die
--- error_log eval
main::emerg('"tgortc_redis sentinel:127.0.0.1:26379" takes sentinel:NAME@host:port,host:port')



=== TEST 2: sentinels with an empty name
--- http_config
    tgortc_redis  sentinel:@127.0.0.1:26379;
--- must_die
--- error_log eval
main::emerg('"tgortc_redis sentinel:@127.0.0.1:26379" takes sentinel:NAME@host:port,host:port')



=== TEST 3: a name without sentinels
--- http_config
    tgortc_redis  sentinel:calls@;
--- must_die
--- error_log eval
main::emerg('.*address "" of "tgortc_redis"')



=== TEST 4: an empty address among others
--- http_config
    tgortc_redis  sentinel:calls@127.0.0.1:26379,,127.0.0.1:26380;
--- must_die
--- error_log eval
main::emerg('.*address "" of "tgortc_redis"')



=== TEST 5: a sentinel on a port that is none
--- http_config
    tgortc_redis  sentinel:calls@127.0.0.1:26379,127.0.0.1:99999;
--- must_die
--- error_log eval
main::emerg('invalid port in the address "127.0.0.1:99999" of "tgortc_redis"')



=== TEST 6: a sentinel's user without a password
--- http_config
    tgortc_redis  sentinel:calls@127.0.0.1 sentinel_user=alice;
--- must_die
--- error_log eval
main::emerg('"tgortc_redis" directive has "sentinel_user=" without "sentinel_password="')



=== TEST 7: a sentinel's password without a sentinel
--- http_config
    tgortc_redis  127.0.0.1:6379 sentinel_password=watchword;
--- must_die
--- error_log eval
main::emerg('"tgortc_redis" directive has "sentinel_password=" without a sentinel')
--- no_error_log
watchword



=== TEST 8: one app by the same sentinels, with another password of theirs
--- http_config
    tgortc_livekit_key  devkey a-secret-of-the-tests-0123456789abcdef;
    tgortc_livekit_url  ws://localhost:7880;
--- config
    location /a {
        tgortc_redis  sentinel:calls@127.0.0.1:26379 sentinel_password=one;
        tgortc_rooms;
    }

    location /b {
        tgortc_redis  sentinel:calls@127.0.0.1:26379 sentinel_password=two;
        tgortc_rooms;
    }
--- must_die
--- error_log eval
qr/\[emerg\] \d+#\d+: "tgortc_redis" differs between /



=== TEST 9: a list of addresses with one that is wrong
--- http_config
    tgortc_redis  127.0.0.1:6379,127.0.0.1:redis;
--- must_die
--- error_log eval
main::emerg('.*"127.0.0.1:redis".*"tgortc_redis".*')



=== TEST 10: TLS, half a certificate
--- http_config
    tgortc_redis  127.0.0.1:6379 tls=on tls_cert=client.crt;
--- must_die
--- error_log eval
main::emerg('"tgortc_redis" directive takes "tls_cert=" and "tls_key=" together only')



=== TEST 11: TLS, parameters of it alone
--- http_config
    tgortc_redis  127.0.0.1:6379 tls_ca=ca.crt;
--- must_die
--- error_log eval
main::emerg('"tgortc_redis" directive has parameters of TLS without "tls=on"')



=== TEST 12: TLS is on or off
--- http_config
    tgortc_redis  127.0.0.1:6379 tls=yes;
--- must_die
--- error_log eval
main::emerg('invalid parameter "tls=yes" of "tgortc_redis"')



=== TEST 13: TLS, an authority that is not there
--- http_config
    tgortc_redis  127.0.0.1:6379 tls=on tls_ca=no-such-ca.crt;
--- must_die
--- error_log
no-such-ca.crt



=== TEST 14: TLS, a certificate that is not there
--- http_config
    tgortc_redis  127.0.0.1:6379 tls=on tls_cert=no-such.crt tls_key=no-such.key;
--- must_die
--- error_log
no-such.crt



=== TEST 15: TLS on a unix socket, for no name
--- http_config
    tgortc_redis  unix:/tmp/redis.sock tls=on;
--- must_die
--- error_log eval
main::emerg('"tgortc_redis" directive needs "tls_name=" for TLS on a unix socket')



=== TEST 16: one app with TLS and without
--- http_config
    tgortc_livekit_key  devkey a-secret-of-the-tests-0123456789abcdef;
    tgortc_livekit_url  ws://localhost:7880;
--- config
    location /a {
        tgortc_redis  127.0.0.1:6379 tls=on;
        tgortc_rooms;
    }

    location /b {
        tgortc_redis  127.0.0.1:6379;
        tgortc_rooms;
    }
--- must_die
--- error_log eval
qr/\[emerg\] \d+#\d+: "tgortc_redis" differs between /



=== TEST 17: replicas that are no number
--- http_config
    tgortc_redis_wait  all;
--- must_die
--- error_log eval
main::emerg('"tgortc_redis_wait" directive takes a number of replicas from 0 to 100')



=== TEST 18: replicas, a time that is none
--- http_config
    tgortc_redis_wait  1 soon;
--- must_die
--- error_log eval
main::emerg('"tgortc_redis_wait" directive takes a time that is longer than 0')



=== TEST 19: replicas, twice
--- http_config
    tgortc_redis_wait  1;
    tgortc_redis_wait  2;
--- must_die
--- error_log eval
main::emerg('"tgortc_redis_wait" directive is duplicate')



=== TEST 20: replicas that are waited for longer than Redis
--- http_config
    tgortc_livekit_key  devkey a-secret-of-the-tests-0123456789abcdef;
    tgortc_livekit_url  ws://localhost:7880;
    tgortc_redis_wait   1 1s;
--- must_die
--- error_log eval
qr/\[emerg\] \d+#\d+: "tgortc_redis_wait" waits as long as the timeout of "tgortc_redis", or longer, in /



=== TEST 21: one app with replicas that are waited for and without
--- http_config
    tgortc_livekit_key  devkey a-secret-of-the-tests-0123456789abcdef;
    tgortc_livekit_url  ws://localhost:7880;
--- config
    location /a {
        tgortc_redis_wait  1;
        tgortc_rooms;
    }

    location /b {
        tgortc_rooms;
    }
--- must_die
--- error_log eval
qr/\[emerg\] \d+#\d+: "tgortc_redis_wait" differs between /



=== TEST 22: one app by other addresses
--- http_config
    tgortc_livekit_key  devkey a-secret-of-the-tests-0123456789abcdef;
    tgortc_livekit_url  ws://localhost:7880;
--- config
    location /a {
        tgortc_redis  127.0.0.1:6379;
        tgortc_rooms;
    }

    location /b {
        tgortc_redis  127.0.0.2:6379,127.0.0.1:6379;
        tgortc_rooms;
    }
--- must_die
--- error_log eval
qr/\[emerg\] \d+#\d+: "tgortc_redis" differs between /



=== TEST 23: one app by the same addresses, in another order
--- http_config
    tgortc_livekit_key  devkey a-secret-of-the-tests-0123456789abcdef;
    tgortc_livekit_url  ws://localhost:7880;
--- config
    location /a {
        tgortc_redis       127.0.0.1:$TEST_NGINX_REDIS_PORT,127.0.0.2:9;
        tgortc_token_ttl   1h;
        tgortc_rooms;
    }

    location /b {
        tgortc_redis       127.0.0.2:9,127.0.0.1:$TEST_NGINX_REDIS_PORT;
        tgortc_token_ttl   2h;
        tgortc_rooms;
    }
--- must_die
--- error_log eval
qr/\[emerg\] \d+#\d+: "tgortc_token_ttl" differs between /



=== TEST 24: more replicas than there may be
--- http_config
    tgortc_redis_wait  101;
--- must_die
--- error_log eval
main::emerg('"tgortc_redis_wait" directive takes a number of replicas from 0 to 100')



=== TEST 25: replicas are waited for half as long as the Redis of the location
--- http_config
    tgortc_livekit_key  devkey a-secret-of-the-tests-0123456789abcdef;
    tgortc_livekit_url  ws://localhost:7880;
    tgortc_redis_wait   1;
--- config
    location /a {
        tgortc_redis  127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=10s;
        tgortc_rooms;

        location /a/b {
            tgortc_redis  127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=5s prefix=b;
            tgortc_rooms;
        }
    }
--- request
GET /a/b/r1
--- error_code: 404



=== TEST 26: an empty password
--- http_config
    tgortc_redis  127.0.0.1:6379 password=;
--- must_die
--- error_log eval
main::emerg('invalid parameter "password=" of "tgortc_redis"')



=== TEST 27: an empty user
--- http_config
    tgortc_redis  127.0.0.1:6379 user= password=secret;
--- must_die
--- error_log eval
main::emerg('invalid parameter "user=" of "tgortc_redis"')



=== TEST 28: TLS, an empty name of a file
--- http_config
    tgortc_redis  127.0.0.1:6379 tls=on tls_ca=;
--- must_die
--- error_log eval
main::emerg('invalid parameter "tls_ca=" of "tgortc_redis"')
