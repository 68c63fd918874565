#!/usr/bin/env bash
# How long the first page of a directory of 10,000 chats takes, over HTTP, on a connection that is kept.
#
#   benches/directory/run.sh [ROUNDS]
#
# Prints one line of JSON a round. CHATS changes how many there are.
set -euo pipefail
. "$(dirname "$0")/../common.sh"

build bench-directory
for _ in $(seq "${1:-3}"); do
  start_portal
  "$target/examples/bench-directory" --address "127.0.0.1:$port" --pid "$server_pid" \
    --db "$scratch/portal.db" --chats "${CHATS:-10000}"
  stop
done
