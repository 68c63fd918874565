#!/usr/bin/env bash
# What a server costs that has nothing to do: memory at rest, memory per idle socket, and how long an existing
# file takes from start to first answer.
#
#   benches/idle/run.sh [SOCKETS]
#
# Prints five lines. Each socket is a person of their own, signed in, and then joined to an open room of ROOM, by
# default 20, that all of them are told of. After a while is when each has been sent PACKETS more, by default 40.
set -euo pipefail
. "$(dirname "$0")/../common.sh"

sockets=${1:-1000}
build bench-fanout
files $((sockets + 200))

start_portal --connections $((sockets + 100))
report=$("$target/examples/bench-fanout" --address "127.0.0.1:$port" --pid "$server_pid" \
  --db "$scratch/portal.db" idle --sockets "$sockets" --a-room "${ROOM:-20}" --packets "${PACKETS:-40}")
stop keep

# The same port again, so that the first answer can be asked for before the server says anything.
began=$(date +%s%N)
"$server" --db "$scratch/portal.db" --listen "127.0.0.1:$port" >"$scratch/out" 2>"$scratch/log" &
server_pid=$!
until curl -sf "http://127.0.0.1:$port/health" >/dev/null; do :; done
took=$((($(date +%s%N) - began) / 1000000))
stop

of() { field "$1" <<<"$report"; }
echo "at rest:        $(of rss_kib_at_rest) KiB resident (limit 20480)"
# The limit is 25,000 bytes.
echo "connected:      $(of kib_per_connected_socket) KiB a socket, over $sockets (limit 24.4)"
echo "in a room:      $(of kib_per_joined_socket) KiB a socket (limit 24.4)"
echo "after a while:  $(of kib_per_socket_after_a_while) KiB a socket (limit 24.4)"
echo "first answer:   $took ms after the start of the process (limit 100)"
