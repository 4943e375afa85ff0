#!/bin/bash

# Copyright (C) TgoRTC contributors
#
# Compiles nginx, with the module in it, for the fuzz targets that are linked
# with it: build.sh BUILD_DIR leaves BUILD_DIR/fuzz/nginx.a, and the compiler's
# options for what includes its headers in BUILD_DIR/fuzz/nginx.flags.

set -eu

mkdir -p "$1/asan" "$1/fuzz"
build=$(cd "$1" && pwd)
objs=$build/fuzz/objs

cd "$(dirname "$0")/../.."

source=$build/asan/source

t/source.sh "$build/asan"

# see t/asan.sh; and nginx's core itself adds nothing to NULL

cc_opt='-g -O1 -DNGX_HAVE_NONALIGNED=0 -DNGX_DEBUG_PALLOC=1
        -fsanitize=fuzzer-no-link,address,undefined
        -fno-sanitize=nonnull-attribute,pointer-overflow,function
        -fno-sanitize-recover=undefined'

without=
for module in charset gzip ssi userid access auth_basic mirror autoindex geo \
    map split_clients referer rewrite proxy fastcgi uwsgi scgi grpc memcached \
    limit_conn limit_req empty_gif browser upstream_hash upstream_ip_hash \
    upstream_least_conn upstream_random upstream_keepalive upstream_zone
do
    without="$without --without-http_${module}_module"
done

configure() {
    local configure=./configure

    cd "$source"
    [ -f "$configure" ] || configure=auto/configure

    rm -rf "$objs"

    bash "$configure" --prefix="$build/fuzz/prefix" --builddir="$objs" \
        --with-cc="${CLANG-clang}" --with-compat --with-threads $without \
        --with-cc-opt="$(echo $cc_opt)" \
        --with-ld-opt='-fsanitize=fuzzer-no-link,address,undefined' \
        --add-module="$1"
}

if [ ! -e "$objs/Makefile" ] \
   || [ -n "$(find config src/scripts t/fuzz/build.sh "$source/.origin" \
                  -newer "$objs/Makefile")" ]
then
    if ! (configure "$PWD") > "$build/fuzz/configure.log" 2>&1; then
        tail -n 12 "$build/fuzz/configure.log" >&2
        rm -f "$objs/Makefile"
        exit 1
    fi
fi

if ! make -C "$source" -f "$objs/Makefile" -j"$(nproc)" \
         > "$build/fuzz/make.log" 2>&1
then
    tail -n 12 "$build/fuzz/make.log" >&2
    exit 1
fi

# the target has a main() of its own, and asks epoll whether there are events

changed=$build/fuzz/changed
mkdir -p "$changed"

objcopy --redefine-sym main=nginx_main "$objs/src/core/nginx.o" \
    "$changed/nginx.o"
objcopy --redefine-sym ep=fuzz_epoll --globalize-symbol=fuzz_epoll \
    "$objs/src/event/modules/ngx_epoll_module.o" \
    "$changed/ngx_epoll_module.o"

rm -f "$build/fuzz/nginx.a"
find "$objs" -name '*.o' ! -name nginx.o ! -name ngx_epoll_module.o -print0 \
    | xargs -0 ar rcs "$build/fuzz/nginx.a" "$changed"/*.o

includes=
for folder in core event event/modules event/quic os/unix http http/modules \
    http/v2 http/v3
do
    includes="$includes -I$source/src/$folder"
done

echo "$(echo $cc_opt) $includes -I$objs -Isrc -I$PWD/src" \
    > "$build/fuzz/nginx.flags"
