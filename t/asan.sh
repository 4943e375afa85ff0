#!/bin/bash

# Copyright (C) TgoRTC contributors
#
# Runs tests under AddressSanitizer and UBSan: asan.sh BUILD_DIR [test …]
#
# They run against an nginx of its own in BUILD_DIR/asan, with the module built
# in: of a module that nginx opens, stacks of leaks cannot be read any more when
# they are reported.  Where its source comes from is said in t/source.sh.  Any
# report of a sanitizer is a failure, whatever the tests say.

set -eu

mkdir -p "$1/asan"
build=$(cd "$1" && pwd)
asan=$build/asan
shift

cd "$(dirname "$0")/.."

source=$asan/source
objs=$asan/objs
reports=$asan/reports


t/source.sh "$asan"


# NGX_DEBUG_PALLOC: each piece of a pool is a malloc() of its own, so that
# what runs over it is seen.  nonnull-attribute: nginx's core itself, before
# 1.31, copies nothing from NULL.

cc_opt='-O1 -g3 -DNGX_HAVE_NONALIGNED=0 -DNGX_DEBUG_PALLOC=1
        -fsanitize=address,undefined -fno-sanitize=nonnull-attribute
        -fno-sanitize-recover=undefined -fno-omit-frame-pointer
        -Wall -Wextra -Werror -Wno-unused-parameter'

configure() {
    local configure=./configure

    cd "$source"
    [ -f "$configure" ] || configure=auto/configure

    rm -rf "$objs"

    bash "$configure" --prefix="$asan/prefix" --builddir="$objs" \
        --with-debug --with-compat --with-threads --with-http_ssl_module \
        --with-http_v2_module --with-http_realip_module \
        --with-http_stub_status_module --with-http_auth_request_module \
        --with-cc-opt="$(echo $cc_opt)" \
        --with-ld-opt='-fsanitize=address,undefined' \
        --add-module="$1"
}

# the scripts are embedded by configure

if [ ! -e "$objs/Makefile" ] \
   || [ -n "$(find config src/scripts t/asan.sh "$source/.origin" \
                  -newer "$objs/Makefile")" ]
then
    if ! (configure "$PWD") > "$asan/configure.log" 2>&1; then
        tail -n 12 "$asan/configure.log" >&2
        rm -f "$objs/Makefile"
        exit 1
    fi
fi

if ! make -C "$source" -f "$objs/Makefile" -j"$(nproc)" > "$asan/make.log" 2>&1
then
    grep -a -A 12 error "$asan/make.log" >&2 || tail -n 12 "$asan/make.log" >&2
    exit 1
fi


# What the tests find in BUILD_DIR besides the module: what npm brought is
# taken from there, the unit tests are made anew, their default is sanitizers.

for folder in npm pages www; do
    if [ -d "$build/$folder" ] && [ ! -e "$asan/$folder" ]; then
        ln -s "../$folder" "$asan/$folder"
    fi
done

if [ $# -eq 0 ]; then
    docs/pages.sh "$asan" > "$asan/pages.log" 2>&1 \
    && make -C t/unit BUILD="$asan" > "$asan/unit.log" 2>&1 \
    || { tail -n 12 "$asan/pages.log" "$asan/unit.log" >&2; exit 1; }
fi


# workers may run as another user

rm -rf "$reports"
mkdir -m 777 "$reports"

# "nginx -t" ends without giving its memory back, which is no leak

cat > "$asan/nginx" << END
#!/bin/bash
for arg; do
    [ "\$arg" != -t ] || ASAN_OPTIONS=\$ASAN_OPTIONS:detect_leaks=0
done
exec "$objs/nginx" "\$@"
END
chmod +x "$asan/nginx"

export TEST_NGINX_BINARY=$asan/nginx
export TEST_NGINX_LOAD_MODULES=
export TEST_NGINX_SANITIZED=1
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1
ASAN_OPTIONS=$ASAN_OPTIONS:log_path=$reports/asan
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
UBSAN_OPTIONS=$UBSAN_OPTIONS:log_path=$reports/ubsan
export LSAN_OPTIONS=suppressions=$PWD/t/lsan.suppress:print_suppressions=0

failed=0
t/run.sh "$asan" "$@" || failed=1


# When nginx refuses its configuration it leaves the pool behind from which it
# began.  No suppression can tell that from any other pool.

known() {
    awk '
        BEGIN { RS = ""; unknown = 0 }
        /ERROR: LeakSanitizer/ || /^SUMMARY: / { next }
        / leak of .* in ngx_create_pool [^\n]*\n[^\n]* in main / { next }
        { unknown = 1 }
        END { exit unknown }
    ' "$1"
}

for report in "$reports"/*; do
    if [ -e "$report" ] && known "$report"; then
        rm "$report"
    fi
done

if [ -n "$(ls "$reports")" ]; then
    cat "$reports"/*
    echo "$(ls "$reports" | wc -l) reports of sanitizers are in $reports" >&2
    failed=1
fi

exit $failed
