#!/bin/sh
# Runs the C tests and the examples under valgrind, and the tests again under AddressSanitizer and
# UndefinedBehaviorSanitizer. Slow, and it needs both tools, so it is not part of `cargo test`.
set -eu

cd "$(dirname "$0")/../.."
cargo build -p portal-ffi
library=$(cargo metadata --format-version 1 --no-deps |
    sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug
work=$(mktemp -d)
export LD_LIBRARY_PATH="$library"
trap 'rm -rf "$work"' EXIT

compile() {
    source=$1
    shift
    cc -std=c99 -D_POSIX_C_SOURCE=200809L -g -Iinclude "$source" -o "$work/program" "$@" \
        -L"$library" -lportal -pthread
}

for source in portal-ffi/tests/c/*.c examples/c/*.c; do
    case $source in
    examples/*) argument=/chat.db ;;
    *) argument= ;;
    esac
    echo "valgrind: $source"
    compile "$source"
    mkdir "$work/data"
    valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite,indirect,possible \
        --error-exitcode=9 "$work/program" "$work/data$argument" >"$work/said"
    rm -r "$work/data"
    echo "sanitizers: $source"
    compile "$source" -fsanitize=address,undefined -fno-sanitize-recover=all
    mkdir "$work/data"
    "$work/program" "$work/data$argument" >"$work/said"
    rm -r "$work/data"
done
echo "no errors, no leaks"
