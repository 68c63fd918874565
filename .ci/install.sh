# How scripts of the tests get what they need beside a Rust toolchain and a C compiler; to be sourced. Nothing is
# installed that is there.
# shellcheck shell=bash

# Installs Debian's packages where a command, or a file that has a path, is missing: debian COMMAND PACKAGE...
debian() {
    local command="$1"
    shift
    if command -v "$command" >/dev/null || [ -f "$command" ]; then return; fi
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "there is no $command" >&2; exit 1; }
    # Only the programs are wanted: nothing is to start them.
    local policy=/usr/sbin/policy-rc.d made="" installed=0
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
        made=yes
    fi
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; } || installed=$?
    if [ -n "$made" ]; then rm -f "$policy"; fi
    [ "$installed" = 0 ] || exit "$installed"
}

# Python's packages, of exactly the versions written down; installed again only when those change:
# python_packages VENV REQUIREMENTS
python_packages() {
    local venv="$1" requirements="$2"
    if cmp -s "$requirements" "$venv/requirements.txt"; then return; fi
    rm -rf "$venv"
    if ! python3 -m venv "$venv" 2>/dev/null; then
        [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "python3 -m venv does not work here" >&2; exit 1; }
        apt-get update -qq && apt-get install -y -qq python3-venv
        rm -rf "$venv"
        python3 -m venv "$venv"
    fi
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$requirements"
    cp "$requirements" "$venv/requirements.txt"
}

# Node's packages, likewise: node_packages DIRECTORY
node_packages() {
    local directory="$1"
    if cmp -s "$directory/package-lock.json" "$directory/node_modules/.installed"; then return; fi
    (cd "$directory" && npm ci --ignore-scripts --loglevel=error)
    cp "$directory/package-lock.json" "$directory/node_modules/.installed"
}
