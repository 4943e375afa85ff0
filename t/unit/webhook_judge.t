#!/bin/sh

# Copyright (C) TgoRTC contributors

exec node "$(dirname "$0")/webhook_judge.mjs"
