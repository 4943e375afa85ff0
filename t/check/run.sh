#!/bin/bash

# Copyright (C) TgoRTC contributors
#
# Static checks: run.sh BUILD_DIR fast|all [check …], after "make build".  What
# is not installed is passed over.  What is excepted is in exceptions.sh.

set -u

build=$(cd "$1" && pwd) || exit
which=$2
shift 2

cd "$(dirname "$0")/../.." || exit

. t/check/exceptions.sh

root=$PWD
plain=("$root"/src/ngx_tgortc_*.c)
nginx=("$root"/src/ngx_http_tgortc_*.c "$root"/ngx_http_tgortc_module.c)

# where nginx's headers are, and how the module was compiled against them

objs=$(ls -td "$build"/objs-*/ | head -n 1)
source=${NGINX_SRC:-/usr/share/nginx/src}

read -ra includes < <(awk '/^ALL_INCS/ { on = 1; $1 = $2 = "" }
                           /^$/ { on = 0 }
                           on { gsub(/\\/, ""); printf "%s ", $0 }' \
                          "$objs/Makefile")

for ((i = 0; i < ${#includes[@]}; i++)); do
    case ${includes[i]} in
        -I | /*) ;;
        *) includes[i]=$source/${includes[i]} ;;
    esac
done


has() {
    command -v "$1" > /dev/null
}


# What is passed over says so; what is found is a failure.

failed=0

check() {
    local name=$1 tool=$2

    shift 2

    if ! has "$tool"; then
        echo "$name: $tool is not installed"
    elif "$@"; then
        echo "$name: ok"
    else
        echo "$name: FAILED"
        failed=1
    fi
}


analyzer() {
    local file status=0
    local options=(-fanalyzer -O1 -std=gnu99 -Wall -Wextra -Werror
                   -Wno-unused-parameter -c -o /dev/null)

    for file in "${plain[@]}"; do
        gcc "${options[@]}" -Isrc "$file" || status=1
    done

    for file in "${nginx[@]}"; do
        gcc "${options[@]}" "${includes[@]}" "$file" || status=1
    done

    return $status
}


cpp_check() {
    cppcheck --quiet --error-exitcode=1 --std=c99 --inline-suppr \
        --enable=warning,performance,portability \
        "${CPPCHECK_EXCEPTIONS[@]}" -Isrc -I"$objs" \
        "${plain[@]}" "${nginx[@]}"
}


shell_check() {
    local scripts

    mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
    shellcheck --severity=warning "${SHELLCHECK_EXCEPTIONS[@]}" "${scripts[@]}"
}


# as they are run: linked

lua_check() {
    local dir script status=0

    dir=$(mktemp -d)

    for script in src/scripts/*.lua; do
        awk -v lua=1 -v parts=src/scripts/parts -f src/scripts/embed.awk \
            "$script" > "$dir/$(basename "$script")" || status=1
    done

    luacheck --quiet --no-color --codes --std lua51 --no-max-line-length \
        --read-globals redis cmsgpack bit KEYS ARGV \
        --ignore "${LUACHECK_EXCEPTIONS[@]}" -- "$dir"/*.lua || status=1

    rm -r "$dir"

    return $status
}


tidy() {
    local status=0 checks='-*,clang-analyzer-*,bugprone-*'

    clang-tidy --quiet --warnings-as-errors='*' \
        --checks="$checks,$TIDY_EXCEPTIONS" "${plain[@]}" \
        -- -std=gnu99 -Isrc 2> /dev/null || status=1

    clang-tidy --quiet --warnings-as-errors='*' \
        --checks="$checks,$TIDY_EXCEPTIONS,$TIDY_NGINX_EXCEPTIONS" \
        "${nginx[@]}" -- -D_GNU_SOURCE "${includes[@]}" 2> /dev/null \
        || status=1

    return $status
}


wants() {
    [ ${#chosen[@]} -eq 0 ] || [[ " ${chosen[*]} " == *" $1 "* ]]
}

chosen=("$@")

wants analyzer && check analyzer gcc analyzer
wants cppcheck && check cppcheck cppcheck cpp_check
wants shellcheck && check shellcheck shellcheck shell_check
wants luacheck && check luacheck luacheck lua_check

if [ "$which" = all ] && wants clang-tidy; then
    check clang-tidy clang-tidy tidy
fi

exit $failed
