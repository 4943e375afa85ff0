#!/bin/bash

# Copyright (C) TgoRTC contributors
#
# Tries the package of BUILD_DIR/deb as root: run.sh BUILD_DIR [test …]

set -eu

BUILD=$(cd "$1" && pwd)
export BUILD
shift

cd "$(dirname "$0")/../.."

sudo=
[ "$(id -u)" = 0 ] || sudo="sudo --preserve-env=BUILD"

[ $# -gt 0 ] || set -- t/deb/*.t

# each has a Debian of its own, and waits most of the time

$sudo prove -j 4 -It/lib "$@"
