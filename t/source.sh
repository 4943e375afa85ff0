#!/bin/bash

# Copyright (C) TgoRTC contributors
#
# The source of nginx, for what is built with nginx itself: source.sh DIR leaves
# it in DIR/source.  NGINX_SRC_ASAN is the source tree to take; without it
# Debian's source package of the installed nginx is fetched.

set -eu

dir=$1
source=$dir/source


# Debian's nginx-dev has headers only.  The list of source packages is ours,
# the machine's own apt is left as it is; where to get them is where nginx
# itself comes from.  A mirror does not always have the source of the newest
# package: then it is the one before.

fetch() {
    local apt=$dir/apt version versions

    rm -rf "$apt"
    mkdir -p "$apt/lists/partial"

    apt-cache policy nginx \
        | awk '$2 ~ /^https?:/ {
                   split($3, where, "/")
                   print "deb-src", $2, where[1], where[2]
               }' \
        | sort -u > "$apt/sources.list"

    if [ ! -s "$apt/sources.list" ]; then
        echo "apt does not know where nginx comes from: apt-get update?" >&2
        return 1
    fi

    local opts=(-o "Dir::Etc::sourcelist=$apt/sources.list"
                -o Dir::Etc::sourceparts=/dev/null
                -o "Dir::State::lists=$apt/lists"
                -o "Dir::Cache::srcpkgcache="
                -o "Dir::Cache::pkgcache="
                -o APT::Sandbox::User=root)

    apt-get "${opts[@]}" -q update || return 1

    versions=$(apt-cache "${opts[@]}" showsrc nginx \
                   | sed -n 's/^Version: //p' | sort -ruV)

    for version in $versions; do
        if (cd "$apt" \
            && apt-get "${opts[@]}" -q --download-only source \
                   "nginx=$version" \
            && dpkg-source --no-check -x nginx_*.dsc tree)
        then
            mv "$apt/tree" "$source"
            return
        fi

        rm -rf "$apt"/nginx_* "$apt/tree"
    done

    return 1
}


mkdir -p "$dir"

# The tree is copied: configure writes into it.

if [ -n "${NGINX_SRC_ASAN-}" ]; then

    if [ "$(cat "$source/.origin" 2> /dev/null)" != "$NGINX_SRC_ASAN" ]; then
        rm -rf "$source"
        cp -R "$NGINX_SRC_ASAN" "$source"
        echo "$NGINX_SRC_ASAN" > "$source/.origin"
    fi

elif [ ! -e "$source/.origin" ] || [ -s "$source/.origin" ]; then
    rm -rf "$source"

    if ! fetch > "$dir/fetch.log" 2>&1; then
        tail -n 12 "$dir/fetch.log" >&2
        echo "no source of nginx; NGINX_SRC_ASAN=DIR takes a given one" >&2
        exit 1
    fi

    : > "$source/.origin"
fi
