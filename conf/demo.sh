#!/bin/bash

# Copyright (C) TgoRTC contributors
#
# Starts a private Redis and nginx in the foreground: demo.sh BUILD_DIR PORT

set -eu

# where Debian has nginx, and an ordinary user does not look
PATH=$PATH:/usr/sbin:/sbin

build=$(cd "$1" && pwd)
port=$2
conf=$(cd "$(dirname "$0")" && pwd)
run=$build/run

if (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; then
    echo "port $port is in use already; try: make run PORT=8081" >&2
    exit 1
fi

mkdir -p "$run/temp" "$run/redis"
cd "$run"

if [ -S redis.sock ] && redis-cli -s redis.sock ping > /dev/null 2>&1; then
    echo "this build folder runs already ($run/redis.sock)" >&2
    exit 1
fi

sed -e "s|@BUILD@|$build|; s|@CONF@|$conf|; s|@PORT@|$port|" \
    "$conf/demo.conf" > nginx.conf

redis-server --port 0 --dir "$run/redis" --unixsocket ../redis.sock \
    --appendonly yes --save '' --logfile redis.log &
redis=$!
nginx=

rm -f endpoint.sock
node "$conf/demo-endpoint.mjs" endpoint.sock &
endpoint=$!

stop() {
    trap - EXIT INT TERM
    [ -z "$nginx" ] || kill -QUIT "$nginx" 2> /dev/null || true
    [ -z "$nginx" ] || wait "$nginx" || true
    kill "$redis" "$endpoint" 2> /dev/null || true
    wait "$redis" || true
}

trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

until redis-cli -s redis.sock ping 2> /dev/null | grep -q PONG; do
    kill -0 "$redis" || { tail "$run/redis/redis.log" >&2; exit 1; }
    sleep 0.1
done

# a relative socket: its path has a length that no folder can spoil

nginx -p "$run/" -c "$run/nginx.conf" -e stderr -g "user $(id -un);" &
nginx=$!

until (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do
    kill -0 "$nginx" || exit 1
    sleep 0.1
done

url=http://localhost:$port

cat << END

TgoRTC answers on $url, its API is documented on $url/swagger/index.html
Calls and webhooks can be seen on $url/tgortc/

  curl -d '{"creator":"user_001","device_type":"app","rtc_type":1,"uids":["user_002"],"room_id":"room_abc123"}' $url/api/v1/rooms
  curl -d '{"uid":"user_002","device_type":"web"}' $url/api/v1/rooms/room_abc123/join
  curl '$url/api/v1/rooms/sync?uid=user_001&device_type=app'

Webhooks are printed here as they arrive.  Ctrl-C stops it.

END

wait "$nginx"
