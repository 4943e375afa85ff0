#!/bin/bash

# Copyright (C) TgoRTC contributors
#
# Builds the yardstick: build.sh BUILD_DIR leaves it in BUILD_DIR/bench

set -eu

build=$(cd "$1" && pwd)
yardstick=$(cd "$(dirname "$0")" && pwd)

source=${NGINX_SRC:-/usr/share/nginx/src}
objs=$build/bench
configure=./configure

mkdir -p "$objs"
cd "$source"

if [ -f conf_flags ]; then . ./conf_flags; fi
if [ ! -f configure ]; then configure=auto/configure; fi

bash $configure "${NGX_CONF_FLAGS[@]---with-compat}" \
    --with-cc-opt='-fPIC -g -O2 -Wall -Wextra -Wno-unused-parameter' \
    --add-dynamic-module="$yardstick" --builddir="$objs" \
    > "$objs.log" 2>&1 \
&& make -f "$objs/Makefile" -C "$source" modules >> "$objs.log" 2>&1 \
|| {
    tail -n 12 "$objs.log"
    echo 'the yardstick could not be built' >&2
    exit 1
}
