#!/usr/bin/env bash
# The header, the one for C++, the C tests and the examples by gcc and by clang, every warning an error: each of the two
# warns of what the other lets pass. `cargo test` takes one compiler, the one there is.
set -euo pipefail
cd "$(dirname "$0")/../.."
source .ci/install.sh
debian gcc gcc
debian g++ g++
debian clang clang

temp="$(mktemp -d)"
trap 'rm -rf "$temp"' EXIT
# As a file that includes nothing else; a header compiled by itself warns of being one.
printf '#include <portal.h>\nint main(void) { return 0; }\n' >"$temp/alone.c"
printf '#include "%s/examples/cpp/portal.hpp"\nint main() { return 0; }\n' "$PWD" >"$temp/wrapped.cpp"

# Optimised, because some warnings come from following the values.
strict=(-Wall -Wextra -Wpedantic -Werror -O2 -c -o "$temp/object" -Iinclude)
for compilers in "gcc g++" "clang clang++"; do
    read -r c cpp <<<"$compilers"
    "$c" -std=c99 "${strict[@]}" "$temp/alone.c"
    "$cpp" -std=c++17 "${strict[@]}" -x c++ "$temp/alone.c"
    "$cpp" -std=c++17 "${strict[@]}" "$temp/wrapped.cpp"
    for source in portal-ffi/tests/c/*.c examples/c/*.c; do
        # Threads and the clock of the tests themselves are POSIX, which plain C99 hides.
        "$c" -std=c99 -D_POSIX_C_SOURCE=200809L "${strict[@]}" "$source"
    done
    printf '%s and %s: no warning in the headers, %d programs\n' "$c" "$cpp" \
        "$(ls portal-ffi/tests/c/*.c examples/c/*.c | wc -l)"
done
