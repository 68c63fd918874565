#!/usr/bin/env bash
# `cargo cinstall` installs what portal-ffi/install.sh does: the same files, of which CMake's and the header are the same
# to the byte, portal.pc says the same, and a program builds and runs (SPEC 17.8).
#
# Takes the cargo-c that there is, or builds one in cargo's dev profile under target/cargo-c, which takes some minutes; in
# that profile cargo-c builds the library here, because only the profile differs then.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
source .ci/install.sh
debian cmake cmake
debian pkg-config pkg-config
target="${CARGO_TARGET_DIR:-$PWD/target}"
temp="$(mktemp -d)"
trap 'rm -rf "$temp"' EXIT

# The newest that the toolchain of rust-version can build; its number behind the + is that of the cargo it is made of.
version="0.10.24+cargo-0.98.0"
if ! command -v cargo-cinstall >/dev/null; then
    # What it links with.
    debian /usr/include/openssl/ssl.h libssl-dev
    # Without what a debugger would want: half of the time and nine tenths of the room.
    CARGO_PROFILE_DEV_DEBUG=0 cargo install cargo-c --version "$version" --locked --debug --bin cargo-cinstall \
        --root "$target/cargo-c" --target-dir "$target/cargo-c/target" --quiet
    export PATH="$target/cargo-c/bin:$PATH"
fi

cargo cinstall --locked -p portal-ffi --debug --prefix "$temp/made by cargo-c" --libdir lib
portal-ffi/install.sh --debug --prefix "$temp/made by hand" >/dev/null

library="$(cargo pkgid --locked -p portal-ffi)"
portal-ffi/tests/installed/files.sh "$temp/made by cargo-c" "${library##*[#@]}"
for file in share/cmake/portal/portal-config.cmake share/cmake/portal/portal-config-version.cmake include/portal.h; do
    cmp "$temp/made by cargo-c/$file" "$temp/made by hand/$file"
done
diff <(sed 1d "$temp/made by cargo-c/lib/pkgconfig/portal.pc") <(sed 1d "$temp/made by hand/lib/pkgconfig/portal.pc")

cmake -S examples/c -B "$temp/build" "-DCMAKE_PREFIX_PATH=$temp/made by cargo-c" >/dev/null
cmake --build "$temp/build" >/dev/null
LD_LIBRARY_PATH="$temp/made by cargo-c/lib" "$temp/build/first" "$temp/chat.db" | grep -F '"name":"Lobby"' >/dev/null
"$temp/build/first_static" "$temp/static.db" | grep -F '"name":"Lobby"' >/dev/null
echo "cargo cinstall: the same as install.sh"
