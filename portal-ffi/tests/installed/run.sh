#!/usr/bin/env bash
# The library as it is installed (SPEC 17.8): what is where, that versions agree, and that the examples in C, C++, Python
# and Node build and run against it, found by pkg-config and CMake in a prefix of its own and by nothing else.
#
#     run.sh [--debug]      --debug builds the library in cargo's dev profile, which is sooner done
#
# Wants a C++ compiler, CPython 3.11 or newer and Node 20 or newer; what else is needed is installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
source .ci/install.sh
debian cmake cmake
debian pkg-config pkg-config
debian /usr/include/nlohmann/json.hpp nlohmann-json3-dev
target="${CARGO_TARGET_DIR:-$PWD/target}"
temp="$(mktemp -d)"
trap 'rm -rf "$temp"' EXIT

fail() {
    printf 'installed: %s\n' "$*" >&2
    exit 1
}
step() { printf -- '-- %s\n' "$*"; }

step "install.sh, twice: into a prefix and as a package would"
portal-ffi/install.sh --prefix "$temp/first" "$@"
portal-ffi/install.sh --prefix=/opt/portal --libdir=lib64 --destdir="$temp/package" "$@" >"$temp/said"
grep -q '^prefix=/opt/portal$' "$temp/package/opt/portal/lib64/pkgconfig/portal.pc" || fail "a package's portal.pc"
[ -e "$temp/package/opt/portal/lib64/libportal.a" ] || fail "--libdir is not followed"
# From here on nothing may come from the tree: the prefix is moved, and the examples are copied.
prefix="$temp/moved"
mv "$temp/first" "$prefix"
cp -R examples "$temp/examples"
version="$(cargo pkgid --locked -p portal-ffi)"
version="${version##*[#@]}"

step "files, symbols and versions"
portal-ffi/tests/installed/files.sh "$prefix" "$version"

export PKG_CONFIG_PATH="$prefix/lib/pkgconfig" LD_LIBRARY_PATH="$prefix/lib"
strict=(-Wall -Wextra -Wpedantic -Werror -g)
declare -A tells=(
    [first]='"name":"Lobby"'
    [browsers]='"password":"open sesame"'
    [matcher]='"reason":"peer_stayed_away"'
    [e2ee]='cyd reads: ERR_NO_ROOM_KEY'
    [chat]='ada reads: Good morning'
)
# Runs a program on a new file, and looks for what it has to tell: tells NAME PROGRAM
tells() {
    "$2" "$(mktemp -u "$temp/XXXXXX.db")" >"$temp/said" 2>&1 || fail "$1 ended with $?: $(cat "$temp/said")"
    grep -qF "${tells[$1]}" "$temp/said" || fail "$1 does not tell ${tells[$1]}: $(cat "$temp/said")"
}

# A second run on a file is refused in one sentence: refuses PROGRAM...
refuses() {
    if "$@" >"$temp/said" 2>&1; then fail "$* takes a file that is there"; fi
    [ "$(wc -l <"$temp/said")" = 1 ] && grep -q 'name a new file$' "$temp/said" || fail "$*: $(cat "$temp/said")"
}

# Whether find_package(portal VERSION) is content.
finds() {
    rm -rf "$temp/wants"
    mkdir "$temp/wants"
    printf 'cmake_minimum_required(VERSION 3.20)\nproject(wants LANGUAGES C)\nfind_package(portal %s REQUIRED)\n' "$1" \
        >"$temp/wants/CMakeLists.txt"
    cmake -S "$temp/wants" -B "$temp/wants/build" "-DCMAKE_PREFIX_PATH=$prefix" >"$temp/said" 2>&1
}

step "C, by pkg-config, under the sanitizers"
# --define-prefix, because the prefix was moved: pkg-config goes by where it found the file.
read -ra flags <<<"$(pkg-config --define-prefix --cflags --libs portal)"
for source in "$temp"/examples/c/*.c; do
    name="$(basename "$source" .c)"
    cc -std=c99 -D_POSIX_C_SOURCE=200809L "${strict[@]}" -fsanitize=address,undefined -fno-sanitize-recover=all \
        "$source" -o "$temp/$name" -pthread "${flags[@]}"
    tells "$name" "$temp/$name"
done

step "C and C++, by CMake, in a path with a space"
ln -s "$prefix" "$temp/a prefix"
for language in c cpp; do
    cmake -S "$temp/examples/$language" -B "$temp/build-$language" "-DCMAKE_PREFIX_PATH=$temp/a prefix" \
        "-DCMAKE_C_FLAGS=${strict[*]}" \
        "-DCMAKE_CXX_FLAGS=${strict[*]} -fsanitize=address,undefined -fno-sanitize-recover=all" \
        >"$temp/said" 2>&1 || fail "$(cat "$temp/said")"
    cmake --build "$temp/build-$language" >"$temp/said" 2>&1 || fail "$(cat "$temp/said")"
done
tells first "$temp/build-c/first"
tells chat "$temp/build-cpp/chat"
grep -q '^log 3: .' "$temp/said" || fail "the log's callback is not called: $(cat "$temp/said")"
# The static one needs no library beside it.
(unset LD_LIBRARY_PATH && tells first "$temp/build-c/first_static")

step "CMake takes this version and its like, and no other"
# Before 1.0 a minor version is a series of its own.
series="${version%.*}"
for wanted in "" "$series" "$version" "$series...<99"; do
    finds "$wanted" || fail "for \"$wanted\": $(cat "$temp/said")"
done
for wanted in 0.0 99.0 "$version.1" "0.0.1...<$version" "99...<100"; do
    if finds "$wanted"; then fail "CMake takes $version for $wanted"; fi
    grep -q 'version: '"$version" "$temp/said" || fail "for \"$wanted\": $(cat "$temp/said")"
done

step "Python, installed by pip"
python_packages "$target/installed/venv" portal-ffi/tests/installed/requirements.txt
python="$target/installed/venv/bin/python"
"$python" -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --force-reinstall \
    "$temp/examples/python"
(cd "$temp/examples/python" && "$python" -m mypy)
# The tests alone are read from here; what they import is what pip installed.
mkdir "$temp/python"
cp -R "$temp/examples/python/tests" "$temp/python/tests"
(cd "$temp/python" && "$python" -W error -m unittest -v)
# As README has it: the package beside it is not what is imported.
rm -r "$temp/examples/python/portal"
"$python" -P -W error "$temp/examples/python/chat.py" "$temp/python.db" >"$temp/said" || fail "chat.py: $(cat "$temp/said")"
grep -qF "ada reads: Good morning" "$temp/said" || fail "chat.py: $(cat "$temp/said")"
refuses "$python" "$temp/examples/python/chat.py" "$temp/python.db"

step "Node"
node_packages examples/node
ln -s "$PWD/examples/node/node_modules" "$temp/examples/node/node_modules"
(cd "$temp/examples/node" && node --test)
(cd "$temp/examples/node" && node chat.js "$temp/node.db" >"$temp/said") || fail "chat.js: $(cat "$temp/said")"
grep -qF "ada reads: Good morning" "$temp/said" || fail "chat.js: $(cat "$temp/said")"
refuses node "$temp/examples/node/chat.js" "$temp/node.db"
echo "installed: all good"
