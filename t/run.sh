#!/bin/bash

# Copyright (C) TgoRTC contributors
#
# Runs tests with a private Redis: run.sh BUILD_DIR [test …]
#
# The genuine Test::Nginx::Socket is used where it is installed, else the
# harness in t/lib.

set -eu

build=$(cd "$1" && pwd)
shift

cd "$(dirname "$0")/.."

redis=$(mktemp -d "${TMPDIR:-/tmp}/tgortc-redis.XXXXXX")

stop() {
    redis-cli -s "$redis/redis.sock" shutdown nosave > /dev/null 2>&1 || true
    rm -rf "$redis"
}

trap stop EXIT

# In a long run what a test said of its failure is far above prove's summary of
# names and numbers: the last of it is said again.

said=$redis/said
failed=0

prove_and_keep() {
    { prove --timer "$@" || failed=1; } 2> >(tee -a "$said" >&2)

    # what a test has left behind may hold it open

    for _ in {1..50}; do
        kill -0 $! 2> /dev/null || break
        sleep 0.1
    done
}

repeat_failures() {
    if [ $failed = 1 ] && grep -q '^# *Failed test' "$said"; then
        printf '\nWhat the tests said:\n'
        grep -A 9 '^# *Failed test' "$said" | tail -n 120 | cut -c 1-1000
    fi
}

# a free port: the kernel gives one to whoever asks for none

port() {
    perl -MIO::Socket::INET -e \
        'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")
             ->sockport'
}

TEST_NGINX_REDIS_PORT=$(port)
redis-server --port "$TEST_NGINX_REDIS_PORT" --bind 127.0.0.1 --save '' \
    --unixsocket "$redis/redis.sock" --unixsocketperm 777 --dir "$redis" \
    --daemonize yes --logfile "$redis/log" > /dev/null
chmod 755 "$redis"

until redis-cli -s "$redis/redis.sock" ping 2> /dev/null | grep -q PONG; do
    sleep 0.05
done

export TEST_NGINX_REDIS_PORT
export TEST_NGINX_REDIS_SOCKET=$redis/redis.sock
export TEST_NGINX_BINARY=${TEST_NGINX_BINARY-/usr/sbin/nginx}
export TEST_NGINX_LOAD_MODULES=${TEST_NGINX_LOAD_MODULES-$build/ngx_http_tgortc_module.so}
export TEST_NGINX_PORT=${TEST_NGINX_PORT-$(port)}
export TEST_NGINX_SERVROOT=${TEST_NGINX_SERVROOT-$build/servroot}
export BUILD=$build

lib=-It/lib
if perl -MTest::Nginx::Socket -e 1 2> /dev/null; then
    lib=
fi

if [ $# -gt 0 ]; then
    prove_and_keep $lib "$@"
    exit $failed
fi

prove_and_keep -e '' "$build"/unit/*.t

# browsers are waited for while others run; what looks at the time runs alone

prove_and_keep $lib -j 2 --rules 'seq=t/browser/*.t' \
    --rules 'seq=t/{*,check/*,docs/*,fuzz/*,harness/*}.t' \
    t/browser/*.t t/*.t t/check/*.t t/docs/*.t t/fuzz/*.t t/harness/*.t

# of these a processor sees little: they wait for Redis, sentinels, timeouts,
# endpoints; the longest first.  The model looks at no time.

waiting=(t/live/{queues,sentinel,cluster,redis_wait}.t t/model/*.t
         t/live/{room_service,redis_tls,neighbours}.t)
alone=()

for test in t/live/*.t t/model/*.t t/chaos/*.t; do
    [[ " ${waiting[*]} " = *" $test "* ]] || alone+=("$test")
done

prove_and_keep $lib -j 2 "${waiting[@]}"
prove_and_keep $lib "${alone[@]}"

repeat_failures
exit $failed
