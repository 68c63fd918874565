#!/usr/bin/env bash
# Clients written by others against the real server: python-socketio with PyNaCl, and socket.io-client with
# TweetNaCl, hold an end-to-end encrypted conversation. Wants target/release/{portal-server,portal-cli}, or those of the
# directory named by PORTAL_PROGRAMS, CPython 3.11 or newer and Node 20 or newer; what else is needed is installed under
# target/outside and node/. Names of cases as arguments run those alone; "conversation" and "match" are the stories.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/../surroundings.sh"
venv="$target/outside/venv"
mkdir -p "$target/outside"
python_packages "$venv" "$here/requirements.txt"
node_packages "$here/node"
start_server server --db "$temp/portal.db" --listen 127.0.0.1:0 --limits off --client-country-header X-Country

status=0
PORTAL_URL="$url" PORTAL_FILE="$temp/portal.db" PORTAL_PID="$server" PORTAL_CLI="$programs/portal-cli" \
    PORTAL_SERVER="$programs/portal-server" PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 \
    "$venv/bin/python" -m suite "$@" || status=$?

stop_server server || status=1
[ "$status" = 0 ] || tail -n 40 "$temp/server.log" >&2
exit "$status"
