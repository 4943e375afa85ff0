#!/bin/sh

# Copyright (C) TgoRTC contributors

exec node "$(dirname "$0")/lint.mjs"
