#!/usr/bin/env bash
# Runs the C tests and the examples under valgrind, and again under AddressSanitizer and UndefinedBehaviorSanitizer.
# Slow, and it needs valgrind, so it is not part of `cargo test`.
set -euo pipefail

cd "$(dirname "$0")/../.."
source .ci/install.sh
debian valgrind valgrind
cargo build --locked -p portal-ffi
library="$(cd "${CARGO_TARGET_DIR:-target}/debug" && pwd)"
export LD_LIBRARY_PATH="$library"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# compile SOURCE FLAG...
compile() {
    local source="$1"
    shift
    cc -std=c99 -D_POSIX_C_SOURCE=200809L -g -Iinclude "$source" -o "$work/program" "$@" -L"$library" -lportal -pthread
}

# Runs the program under what is named, in a directory of its own; what it says is shown if it fails: run SOURCE COMMAND...
run() {
    local source="$1" argument="$work/data"
    shift
    case "$source" in examples/*) argument="$work/data/chat.db" ;; esac
    mkdir "$work/data"
    # Ten minutes are for a machine that is busy; a program that hangs ends here.
    timeout 600 "$@" "$work/program" "$argument" >"$work/said" 2>&1 || {
        echo "$source failed ($?): $*" >&2
        cat "$work/said" >&2
        exit 1
    }
    rm -r "$work/data"
}

for source in portal-ffi/tests/c/*.c examples/c/*.c; do
    began=$SECONDS
    compile "$source"
    # Fair, because otherwise threads that wait for one another take minutes on a busy machine.
    run "$source" valgrind --fair-sched=try --quiet --leak-check=full --errors-for-leak-kinds=definite,indirect,possible --error-exitcode=9
    compile "$source" -fsanitize=address,undefined -fno-sanitize-recover=all
    run "$source" env
    echo "$source: $((SECONDS - began)) s"
done
echo "no errors, no leaks"
