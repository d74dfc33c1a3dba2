#!/usr/bin/env bash
# Runs the journeys and promises on Debian's PostgreSQL, Redis and RabbitMQ, by URL.
# Everything listens on loopback only, lives in a folder that is removed, and ends with this script.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-.venv/bin/python}
postgres=$(ls -d /usr/lib/postgresql/1[5-8]/bin 2>/dev/null | head -1 || true)
for program in "${postgres:-/usr/lib/postgresql/15/bin}/initdb" "$(command -v redis-server || echo redis-server)" /usr/lib/rabbitmq/bin/rabbitmq-server; do
    if [[ ! -x $program ]]; then
        echo "$program is missing; install it: sudo apt-get install postgresql redis-server rabbitmq-server" >&2
        [[ ${CI:-} == true ]] && exit 1
        exit 0
    fi
done

folder=$(mktemp -d /tmp/fpmail-elsewhere.XXXXXX)
as=()
if [[ $(id -u) == 0 ]]; then
    as=(runuser -u nobody --)
    chown nobody "$folder"
fi
pids=()
end() {
    "${as[@]}" "$postgres/pg_ctl" -D "$folder/postgres" -m immediate stop >/dev/null 2>&1 || true
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    pkill -f "$folder" 2>/dev/null || true
    sleep 1
    rm -rf "$folder"
}
trap end EXIT
port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

pg=$(port) redis=$(port) rabbit=$(port) dist=$(port) epmd=$(port)
"${as[@]}" "$postgres/initdb" -D "$folder/postgres" -U postgres -A trust --locale=C.UTF-8 >/dev/null
"${as[@]}" "$postgres/pg_ctl" -D "$folder/postgres" -w -l "$folder/postgres.log" \
    -o "-p $pg -k $folder -c listen_addresses=127.0.0.1 -c max_connections=200" start >/dev/null
"${as[@]}" redis-server --bind 127.0.0.1 --port "$redis" --save '' --dir "$folder" >"$folder/redis.log" &
pids+=($!)
mkdir "$folder/rabbit" && { [[ ${#as[@]} == 0 ]] || chown nobody "$folder/rabbit"; }
"${as[@]}" env HOME="$folder/rabbit" RABBITMQ_MNESIA_BASE="$folder/rabbit/mnesia" \
    RABBITMQ_LOG_BASE="$folder/rabbit/log" RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 \
    RABBITMQ_NODE_PORT="$rabbit" RABBITMQ_DIST_PORT="$dist" ERL_EPMD_PORT="$epmd" \
    ERL_EPMD_ADDRESS=127.0.0.1 RABBITMQ_NODENAME="fpmail$rabbit@localhost" \
    RABBITMQ_PID_FILE="$folder/rabbit/pid" RABBITMQ_ENABLED_PLUGINS_FILE="$folder/rabbit/plugins" \
    /usr/lib/rabbitmq/bin/rabbitmq-server >"$folder/rabbit.log" 2>&1 &
pids+=($!)

export TEST_DATABASE_URL="postgresql://postgres@127.0.0.1:$pg/postgres"
check() { # a broker's URL and the promise that is tried on it: with the journeys, when it listens
    for _ in $(seq 120); do
        (exec 3<>"/dev/tcp/127.0.0.1/$(sed -E 's#.*:([0-9]+)/.*#\1#' <<<"$1")") 2>/dev/null && break
        sleep 0.5
    done
    echo "on $("$postgres/postgres" --version) and ${1%%:*}"
    TEST_BROKER_URL=$1 "$python" -m pytest -q tests/journeys "$2"
}
# Beside each other: journeys and promises wait more than they work. The embedded broker, which
# `make test` has both promises on, speaks Redis too.
beside() { # a name, and what to run of it; what it says is told when it has ended
    "${@:2}" >"$folder/$1.said" 2>&1 &
    running[$1]=$!
}
declare -A running
beside redis check "redis://127.0.0.1:$redis/0" tests/promises/test_opt_outs_under_load.py
beside rabbit check "amqp://guest:guest@127.0.0.1:$rabbit//" tests/promises/test_digest_under_fire.py
beside rooms "$python" -m pytest -q -n 2 --dist loadscope --max-worker-restart 0 \
    -m 'not slow and not browser' tests/delivery tests/permission tests/recovery \
    tests/campaigns/test_audience.py tests/development/test_migrations.py
status=0
for name in redis rabbit rooms; do
    wait "${running[$name]}" || status=1
    cat "$folder/$name.said"
done
exit "$status"
