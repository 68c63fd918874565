#!/usr/bin/env bash
# How long a message takes from when it is due to each receiver, on disk before, at half of the most that the
# server can.
#
#   benches/fanout/latency.sh [ROUNDS] [RECEIVERS...]
#
# In each round the most is measured first, as in run.sh, and then half of it is sent, evenly, for some seconds.
# Prints one line of JSON a round. SHARE is the part of the most, in hundredths, by default 50.
set -euo pipefail
. "$(dirname "$0")/../common.sh"
here=benches/fanout

rounds=${1:-3}
sizes=("${@:2}")
[ "${#sizes[@]}" -gt 0 ] || sizes=(10 100 1000)
build bench-fanout

driver() {
  "$target/examples/bench-fanout" --address "127.0.0.1:$port" --pid "$server_pid" --db "$scratch/portal.db" \
    "$@" --receivers "$size" --content "$here/content.json"
}

for size in "${sizes[@]}"; do
  files $((size + 200))
  for _ in $(seq "$rounds"); do
    start_portal
    most=$(driver fanout --messages $((size < 500 ? 300000 / (size + 20) : 600)) | field deliveries_per_second)
    stop
    pace=$(awk "BEGIN { print $most / $size * ${SHARE:-50} / 100 }")
    start_portal
    report=$(driver latency --pace "$pace" --messages "$(awk "BEGIN { print int($pace * 4) }")")
    stop
    echo "{\"receivers\":$size,\"most\":$most,${report#\{}"
  done
done
