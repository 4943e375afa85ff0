#!/bin/bash

# Copyright (C) TgoRTC contributors
#
# Runs fuzz targets, all or those named: run.sh BUILD_DIR SECONDS [target …]
#
# What they learn stays in BUILD_DIR/fuzz/corpus, what they find in
# BUILD_DIR/fuzz/found; a finding is repeated by BUILD_DIR/fuzz/TARGET FILE.

set -eu

build=$(mkdir -p "$1" && cd "$1" && pwd)
seconds=$2
shift 2

cd "$(dirname "$0")"

plain=(json validate language jwt claims retry_after secret token)
nginx=(redis request livekit listing conf)

make -s BUILD="$build"
./build.sh "$build"
make -s BUILD="$build" nginx

if [ $# -eq 0 ]; then
    set -- "${plain[@]}" "${nginx[@]}"
fi

found=$build/fuzz/found
mkdir -p "$found"
failed=0

for target; do
    corpus=$build/fuzz/corpus/$target
    log=$build/fuzz/$target.log
    options=(-max_total_time="$seconds" -max_len=8192 -timeout=20
             -rss_limit_mb=2048 -artifact_prefix="$found/$target-")

    if [ -f "$target.dict" ]; then
        options+=(-dict="$target.dict")
    fi

    # what nginx keeps between two inputs is no leak; what it has lost when it
    # ends is looked for then

    case " ${nginx[*]} " in
        *" $target "*) options+=(-detect_leaks=0) ;;
    esac

    mkdir -p "$corpus"

    if "$build/fuzz/$target" "${options[@]}" "$corpus" "corpus/$target" \
           > "$log" 2>&1
    then
        echo "$target: $(sed -n 's/^Done \([0-9]* runs\).*/\1/p' "$log")," \
             "$(find "$corpus" -type f | wc -l) inputs"
    else
        failed=1
        echo "$target: a finding"
        grep -a -A 30 -E 'ERROR|runtime error|not so' "$log" || tail "$log"
    fi
done

exit $failed
