#!/usr/bin/env bash
# What a simple verb of the command line takes, from the start of its process to the end, on a file with a million
# messages: at rest, and beside a process that has the file open, as a server has.
#
#   benches/cli/run.sh [MESSAGES [ROUNDS]]
#
# Prints two tables. The floor is a program that opens the file with SQLite and reads one row.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

messages=${1:-1000000}
rounds=${2:-100}
cargo build --quiet --release -p portal-cli --bins --example bench-cli
target=${CARGO_TARGET_DIR:-target}/release

scratch=$(mktemp -d)
holder=
cleanup() {
  [ -z "$holder" ] || kill "$holder" 2>/dev/null || true
  rm -rf "$scratch"
}
trap cleanup EXIT

file="$scratch/portal.db"
"$target/examples/bench-cli" seed "$file" "$messages"
echo "$messages messages, $(($(stat -c %s "$file") / 1000000)) MB, $rounds rounds"
echo
echo "At rest:"
"$target/examples/bench-cli" measure "$target/portal-cli" "$file" "$rounds"
echo
echo "While another process has the file open:"
mkfifo "$scratch/events"
"$target/portal-cli" --db "$file" event tail --follow --last 1 >"$scratch/events" &
holder=$!
exec 3<"$scratch/events"
read -r _ <&3
"$target/examples/bench-cli" measure "$target/portal-cli" "$file" "$rounds"
