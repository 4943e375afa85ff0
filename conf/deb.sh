#!/bin/bash

# Copyright (C) TgoRTC contributors
#
# Builds Debian's package: deb.sh BUILD_DIR
#
# Its tools want debian/ at the top: the sources are copied to BUILD_DIR/deb,
# where the package is left, too.  The pages have to be in BUILD_DIR/www.

set -eu

build=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."

deb=$build/deb
tree=$deb/tree

rm -rf "$tree"
rm -f "$deb"/*.deb "$deb"/*.changes "$deb"/*.buildinfo
mkdir -p "$tree"

tar -c config ngx_http_tgortc_module.c src docs conf README.md LICENSE \
    | tar -xC "$tree"

mv "$tree/conf/debian" "$tree/debian"
cp -r "$build/www" "$tree/debian/www"

# make's own variables are for the Makefile that called this

cd "$tree"
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc -b \
    > "$deb/build.log" 2>&1 \
    || { tail -n 30 "$deb/build.log"; exit 1; }

# what lintian remarks is explained in an override, or is an error

package=$(ls "$deb"/libnginx-mod-http-tgortc_*.deb)

lintian --allow-root --display-info --pedantic \
    --fail-on error,warning,info,pedantic "$package"

echo "$package"
