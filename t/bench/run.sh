#!/bin/bash

# Copyright (C) TgoRTC contributors
#
# Measures the module with a private Redis and nginx: run.sh BUILD_DIR
#
#     BENCH_SECONDS      of each measurement, 5
#     BENCH_CONNECTIONS  of wrk and redis-benchmark, 64
#     BENCH_ROOMS        the most live rooms to create among, 1000000
#     BENCH_REDIS        unix or tcp: how nginx reaches Redis
#     BENCH_ONLY         settings: only what Redis's settings cost; just printed
#
# prints the tables and leaves them in BUILD_DIR/bench.md, which plot.pl draws.
# What they mean is in docs/benchmarks.md.

set -eu

build=$(cd "$1" && pwd)
bench=$(cd "$(dirname "$0")" && pwd)

seconds=${BENCH_SECONDS:-5}
connections=${BENCH_CONNECTIONS:-64}
most_rooms=${BENCH_ROOMS:-1000000}
nginx=${TEST_NGINX_BINARY:-/usr/sbin/nginx}
yardstick=$build/bench/ngx_http_tgortc_yardstick_module.so

short='user_%07d'
uuid='f81d4fae-7dec-41d0-a765-%012d'

tmp=$(mktemp -d "${TMPDIR:-/tmp}/tgortc-bench.XXXXXX")
started=

declare -A rate p50 p99 worker_us redis_us calls script_us sha1 create_us least


fail() {
    echo "bench: $*" >&2
    exit 1
}


stop() {
    [ -z "$started" ] || kill $started 2> /dev/null || true
    wait
    rm -rf "$tmp"
}


calc() {
    awk "BEGIN { printf \"%.$1f\", $2 }"
}


# a free port: the kernel gives one to whoever asks for none

port() {
    perl -MIO::Socket::INET -e \
        'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")
             ->sockport'
}


# nothing is written to disk, but in measure_settings

start_redis() {
    local name

    redis_port=$(port)

    redis-server --port "$redis_port" --bind 127.0.0.1 \
        --unixsocket "$tmp/redis.sock" --save '' --appendonly no \
        --dir "$tmp" --logfile "$tmp/redis.log" &
    redis_pid=$!
    started+=" $redis_pid"

    until redis ping 2> /dev/null | grep -q PONG; do
        kill -0 $redis_pid || fail "redis: $(tail "$tmp/redis.log")"
        sleep 0.05
    done

    # linked as in the modules

    for name in create join; do
        sha1[$name]=$(cd "$bench/../../src/scripts" \
            && awk -v lua=1 -v parts=parts -f embed.awk $name.lua \
            | redis -x script load)
    done
}


redis() {
    redis-cli -s "$tmp/redis.sock" "$@"
}


# start_nginx NAME MODULE LOCATIONS: sets NAME_url and NAME_worker

start_nginx() {
    local dir=$tmp/$1 port pid worker

    port=$(port)
    mkdir -p "$dir/temp"

    cat > "$dir/nginx.conf" << END
load_module  $2;

daemon            off;
worker_processes  1;
error_log         error.log warn;
pid               nginx.pid;

events {
    worker_connections  1024;
}

http {
    access_log          off;
    keepalive_requests  100000000;

    client_body_temp_path  temp;
    proxy_temp_path        temp;
    fastcgi_temp_path      temp;
    uwsgi_temp_path        temp;
    scgi_temp_path         temp;

    server {
        listen  127.0.0.1:$port;

        $3
    }
}
END

    "$nginx" -p "$dir/" -c "$dir/nginx.conf" -e error.log \
        -g "user $(id -un);" 2> "$dir/stderr" &
    pid=$!
    started+=" $pid"

    worker=

    until [ -n "$worker" ] && curl -so /dev/null "http://127.0.0.1:$port/"; do
        kill -0 $pid || fail "nginx: $(cat "$dir/stderr" "$dir/error.log")"
        sleep 0.05
        worker=$(cat "/proc/$pid/task/$pid/children")
    done

    declare -g "$1_url=http://127.0.0.1:$port" "$1_worker=${worker% }"
}


# µs of CPU time that a process has used

cpu() {
    if [ -r "/proc/$1/schedstat" ]; then
        awk '{ printf "%d", $1 / 1000 }' "/proc/$1/schedstat"
    else
        awk -v hz="$(getconf CLK_TCK)" \
            '{ printf "%d", ($14 + $15) * 1000000 / hz }' "/proc/$1/stat"
    fi
}


# commandstats since their reset: calls and µs of COMMAND, calls of all others

stats() {
    redis info commandstats | awk -F'[_:=,]' -v name="$1" '
        $2 ~ /^(info|config)/ { next }
        $2 == name { n = $4; us = $6; next }
        { others += $4 }
        END { print n + 0, us + 0, others + 0 }'
}


# begin [WORKER]; then the load; then end NAME COMMAND REQUESTS RATE P50 P99.
# What is measured several times keeps its best: others use the machine too.

begin() {
    worker=${1-}
    redis config resetstat > /dev/null
    redis_before=$(cpu $redis_pid)
    [ -z "$worker" ] || worker_before=$(cpu $worker)
}


end() {
    local name=$1 n us others

    read -r n us others < <(stats "$2")

    [ "$2" = none ] || [ "$n" -ge "$3" ] \
        || fail "$name: $n calls of $2 for $3 requests"

    [ "$4" -gt "${rate[$name]-0}" ] || return 0

    rate[$name]=$4 p50[$name]=$5 p99[$name]=$6

    if [ -n "$worker" ]; then
        worker_us[$name]=$(calc 1 "($(cpu $worker) - $worker_before) / $3")
    fi

    [ "$2" != none ] || return 0

    redis_us[$name]=$(calc 1 "($(cpu $redis_pid) - $redis_before) / $3")
    script_us[$name]=$(calc 1 "$us / $n")
    calls[$name]=$(calc 0 "$others / $n")
}


# run_wrk NAME COMMAND WORKER URL OPERATION [ROOMS [PAUSE]]: sets $requests

run_wrk() {
    local name=$1 command=$2 line field
    local requests_ rate_ p50_ p99_ failed_

    echo "measuring: $name" >&2

    begin "$3"
    line=$(wrk -t1 -c "$connections" -d "$seconds" -s "$bench/wrk.lua" \
        "$4" -- "${@:5}" | grep '^requests=') || fail "$name: wrk failed"

    for field in $line; do
        declare "${field%%=*}_=${field#*=}"
    done

    end "$name" "$command" $requests_ $rate_ $p50_ $p99_
    requests=$requests_

    [ "$requests" -gt 0 ] || fail "$name: no request was answered"
    [ "$failed_" = 0 ] || fail "$name: $failed_ of $requests failed"
}


# run_redis NAME COMMAND REQUESTS [ARGUMENT …]

run_redis() {
    local name=$1 line

    echo "measuring: $name" >&2

    begin
    line=$(redis-benchmark -s "$tmp/redis.sock" -c "$connections" -n "$3" \
        -r 2000000000 --csv "$2" "${@:4}" | tail -n 1)

    [ -n "$line" ] || fail "$name: redis-benchmark failed"

    # the name of the test may have commas too: rps is the 7th from the end
    end "$name" "${2,,}" "$3" $(awk -F'","' '{
        printf "%.0f %.2f %.2f", $(NF - 6), $(NF - 3), $(NF - 1)
    }' <<< "$line")
}


# make_rooms SCRIPT UIDS FIRST COUNT

make_rooms() {
    "$bench/rooms.pl" "$1" "${sha1[$1]}" "${@:2}" | redis --pipe \
        | grep -q "^errors: 0, replies: $4\$" || fail "no rooms by $1"
}


expect_rooms() {
    local n

    n=$(redis zcard "{$1}:deadlines")
    test "$n" "$2" "$3" || fail "$n live rooms, $2 $3 expected"
}


used_memory() {
    redis info memory | tr -d '\r' | sed -n 's/^used_memory://p'
}


# bytes_of_rooms UIDS COUNT: sets $bytes, leaves the rooms

bytes_of_rooms() {
    local before

    redis flushall > /dev/null
    before=$(used_memory)
    make_rooms create "$1" 0 "$2"
    expect_rooms tgortc -eq "$2"
    bytes=$(calc 0 "($(used_memory) - $before) / $2")
}


# While there are COUNT rooms: requests of sync, then µs of a create, the median
# of 21 times 500 of them.  For a thousand rooms each time begins with as many.

among() {
    local among=$1 some=500 first=$1 i n us

    redis flushall > /dev/null
    make_rooms create "$short" 0 "$among"
    expect_rooms tgortc -eq "$among"

    run_wrk "sync among $among" evalsha $tgortc_worker \
        "$tgortc_url/api/v1/rooms" sync "$among"

    create_us[$among]=$(
        set -o pipefail

        for (( i = 0; i < 21; i++ )); do
            if [ "$among" -lt $((21 * some)) ]; then
                redis flushall > /dev/null
                make_rooms create "$short" 0 "$among"
                first=$among
            fi

            redis config resetstat > /dev/null
            make_rooms create "$short" $first $some
            first=$((first + some))
            read -r n us _ < <(stats evalsha)
            calc 1 "$us / $n"
            echo
        done | sort -n | sed -n 11p
    )
    expect_rooms tgortc -ge $((among + some))
}


measure() {
    local rooms round

    run_wrk 'nginx `return 200`' none $bare_worker "$bare_url/200" same

    for round in 1 2 3; do
        redis flushall > /dev/null
        run_wrk 'yardstick create' evalsha $bare_worker \
            "$bare_url/yardstick" create
        expect_rooms yardstick -ge $requests

        redis flushall > /dev/null
        run_wrk create evalsha $tgortc_worker "$tgortc_url/api/v1/rooms" create
        expect_rooms tgortc -ge $requests
    done

    # each connection waits as long as makes it half of what was possible

    redis flushall > /dev/null
    run_wrk 'create, half load' evalsha $tgortc_worker \
        "$tgortc_url/api/v1/rooms" create '' \
        "$(calc 2 "2000 * $connections / ${rate[create]}")"

    # three times as many rooms as there were creates: none is met twice

    rooms=$((rate[create] * seconds * 3))

    redis flushall > /dev/null
    make_rooms create "$short" 0 $rooms

    curl -s "$tgortc_url/api/v1/rooms/sync?uid=user_0000000&device_type=app" \
        | grep -q '"room_id":"0*"' || fail 'sync does not tell the room'

    run_wrk sync evalsha $tgortc_worker "$tgortc_url/api/v1/rooms" sync $rooms

    run_wrk join evalsha $tgortc_worker "$tgortc_url/api/v1/rooms" join $rooms
    [ $requests -lt $rooms ] || fail 'join ran out of rooms'

    make_rooms join "$short" 0 $rooms
    expect_rooms tgortc -eq $rooms

    run_wrk leave evalsha $tgortc_worker "$tgortc_url/api/v1/rooms" leave \
        $rooms
    [ $requests -lt $rooms ] || fail 'leave ran out of rooms'
    expect_rooms tgortc -le $((rooms - requests))

    # each __rand_int__ is another number: a new room, two users, hardly ever
    # the same again

    redis flushall > /dev/null
    run_redis '`redis-benchmark` create' EVALSHA $((seconds * rate[create])) \
        "${sha1[create]}" 4 '{tgortc}:users' '{tgortc}:deadlines' \
        '{tgortc}:room:0000000000__rand_int__' '{tgortc}:never' \
        $((($(date +%s) + 3600) * 1000)) 12345678 \
        0000000000__rand_int__ \
        0 3600000 3600000 10000 86400000 86400000 \
        __rand_int__ app 0 0 2 __rand_int__
    expect_rooms tgortc -ge $((seconds * rate[create] * 99 / 100))

    run_redis '`redis-benchmark` SET' SET $((seconds * rate[create] * 4)) \
        key:__rand_int__ value

    echo 'measuring: bytes of a room' >&2

    bytes_of_rooms "$short" 100000
    bytes_short=$bytes
    bytes_of_rooms "$uuid" 100000
    bytes_uuid=$bytes

    for rooms in 1000 10000 100000 "$most_rooms"; do
        [ -n "${create_us[$rooms]-}" ] || among "$rooms"
    done
}


# append no|everysec|always: the append-only file, from now on

append() {
    redis config set appendonly no > /dev/null
    redis flushall > /dev/null
    [ "$1" != no ] || return 0

    redis config set appendfsync "$1" appendonly yes > /dev/null

    # it is begun by a copy of what there is

    until redis info persistence | tr -d '\r' \
        | grep -c '^aof_enabled:1$\|^aof_rewrite_.*:0$' | grep -q 3
    do
        sleep 0.05
    done
}


# least NAME VALUE: keeps the least of each name

least() {
    if [ -z "${least[$1]-}" ] || [ "$(calc 0 "$2 < ${least[$1]}")" = 1 ]; then
        least[$1]=$2
    fi
}


# By turns, nine times for 2 s.  It is the CPU times that count: of each the
# least.

measure_settings() {
    local round setting address fsync seconds=2

    for round in {1..9}; do
        for setting in 'unix no' 'unix everysec' 'unix always' 'tcp no'; do
            read -r address fsync <<< "$setting"
            append "$fsync"
            rate[$setting]=0
            run_wrk "$setting" evalsha $tgortc_worker "$tgortc_url/$address" \
                create
            expect_rooms "$address" -ge $requests
            least "redis $setting" "${redis_us[$setting]}"
            least "worker $setting" "${worker_us[$setting]}"
        done
    done

    append no
}


report_settings() {
    local setting name us

    row 'Redis, for create' 'Redis CPU, µs' 'to the first' 'worker CPU, µs'
    row -- --: --: --:

    for setting in 'unix no' 'unix everysec' 'unix always' 'tcp no'; do
        case $setting in
            'unix no') name='unix socket, no append-only file' ;;
            tcp*) name='TCP on loopback, no append-only file' ;;
            *) name="unix socket, \`appendfsync ${setting#unix }\`" ;;
        esac

        us=${least["redis $setting"]}
        row "$name" "$us" "$(calc 2 "$us / ${least['redis unix no']}")" \
            "${least["worker $setting"]}"
    done
}


row() {
    local IFS='|'
    echo "|$*|" | sed 's/|/ | /g; s/^ //; s/ $//; s/|  /| - /g'
}


# times_set NAME: script time in units of SET's

times_set() {
    calc 0 "${script_us[$1]} / ${script_us['`redis-benchmark` SET']}"
}


# aimed NAME VALUE RELATION LIMIT [UNIT [MORE]]: a row that says if it is missed

aimed() {
    local sign=≥ missed=

    [ "$3" = '>=' ] || sign=≤
    awk "BEGIN { exit !($2 $3 $4) }" || missed=', missed'
    row "$1" "${6-}$2${5-}" "$sign $4${5-}$missed"
}


machine() {
    local model

    model=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)

    fold -s -w 80 << END | sed 's/ $//'
$(date -u +%Y-%m-%d), $(nproc) × ${model:-$(uname -m)}, load average $load, \
$("$nginx" -v 2>&1 | sed 's/^nginx version: //'), \
$(redis-server --version | awk '{ print $1, $3 }') by ${BENCH_REDIS:-unix} \
socket, $(wrk -v 2>&1 | awk '{ print $1, $2; exit }'), $connections \
connections, $seconds s each.
END
}


report() {
    local name rooms bare='yardstick create' redis='`redis-benchmark` create'

    machine
    echo
    row operation requests/s 'p50, ms' 'p99, ms' 'worker CPU, µs' \
        'Redis CPU, µs' 'Redis calls' 'script, µs'
    row -- --: --: --: --: --: --: --:

    for name in 'nginx `return 200`' "$bare" create 'create, half load' join \
        leave sync '`redis-benchmark` create' '`redis-benchmark` SET'
    do
        row "$name" "${rate[$name]}" "${p50[$name]}" "${p99[$name]}" \
            "${worker_us[$name]-}" "${redis_us[$name]-}" "${calls[$name]-}" \
            "${script_us[$name]-}"
    done

    echo
    row 'what follows' measured aim
    row -- --: --:
    aimed 'requests/s of create / of the yardstick' \
        "$(calc 2 "${rate[create]} / ${rate[$bare]}")" '>=' 0.8
    aimed 'requests/s of create / of `redis-benchmark`' \
        "$(calc 2 "${rate[create]} / ${rate[$redis]}")" '>=' 0.8
    aimed 'p99 of create at half load' "${p99['create, half load']}" '<=' 2 \
        ' ms'
    aimed 'worker CPU of create / Redis CPU of create' \
        "$(calc 2 "${worker_us[create]} / ${redis_us[create]}")" '<=' 1.5
    aimed 'worker CPU of create / of the yardstick' \
        "$(calc 2 "${worker_us[create]} / ${worker_us[$bare]}")" '<=' 1.5
    aimed 'script of create' "$(times_set create)" '<=' 30 ' SET' \
        "${script_us[create]} µs, "
    aimed 'script of join' "$(times_set join)" '<=' 20 ' SET' \
        "${script_us[join]} µs, "
    aimed 'script of leave' "$(times_set leave)" '<=' 25 ' SET' \
        "${script_us[leave]} µs, "
    aimed 'Redis memory of a live one-to-one room, uids of 12 bytes' \
        "$bytes_short" '<=' 800 ' bytes'
    aimed 'the same, uids of 36 bytes' "$bytes_uuid" '<=' 800 ' bytes'
    aimed "script of create among $most_rooms rooms / among 1000" \
        "$(calc 2 "${create_us[$most_rooms]} / ${create_us[1000]}")" '<=' 1.2

    echo
    row 'live rooms' 'script of create, µs' 'sync, requests/s' \
        'sync p50, ms' 'sync p99, ms'
    row --: --: --: --: --:

    for rooms in $(printf '%s\n' "${!create_us[@]}" | sort -n); do
        name="sync among $rooms"
        row "$rooms" "${create_us[$rooms]}" "${rate[$name]}" "${p50[$name]}" \
            "${p99[$name]}"
    done

    echo
    report_settings
}


trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

load=$(cut -d' ' -f1 /proc/loadavg)

[ -f "$build/ngx_http_tgortc_module.so" ] || fail 'type "make" first'
"$bench/yardstick/build.sh" "$build"
start_redis

address=unix:$tmp/redis.sock
[ "${BENCH_REDIS:-unix}" = unix ] || address=127.0.0.1:$redis_port

start_nginx bare "$yardstick" "
        location /200       { return 200; }
        location /yardstick { tgortc_yardstick $address; }"

start_nginx tgortc "$build/ngx_http_tgortc_module.so" "
        tgortc_redis        $address;
        tgortc_livekit_key  key a-secret-for-the-benchmark-0123456789abcdef;
        tgortc_livekit_url  wss://livekit.example.com;

        # nobody answers here, and no room is to end meanwhile
        tgortc_ring_timeout  1h;
        tgortc_join_timeout  1h;

        location /api/v1/rooms { tgortc_rooms; }

        location /unix {
            tgortc_redis  unix:$tmp/redis.sock prefix=unix;
            tgortc_rooms;
        }

        location /tcp {
            tgortc_redis  127.0.0.1:$redis_port prefix=tcp;
            tgortc_rooms;
        }"

if [ "${BENCH_ONLY-}" = settings ]; then
    measure_settings
    machine
    echo
    report_settings
    exit
fi

measure
measure_settings
report > "$build/bench.md"
cat "$build/bench.md"
