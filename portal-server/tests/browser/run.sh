#!/usr/bin/env bash
# The web client in real browsers: Chromium, driven by playwright-core, Firefox, and its encryption under Node. Wants
# Node 20 or newer and target/release/{portal-server,portal-cli,examples/fake-browsers}, or those of the directory named
# by PORTAL_PROGRAMS; the browsers come from Debian if they are not there. Pictures of the pages go to target/browser.
# Names of test files as arguments run those alone.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/../surroundings.sh"
mkdir -p "$target/browser"
debian chromium chromium
debian firefox-esr firefox-esr
node_packages "$here"
start_server server --db "$temp/portal.db" --listen 127.0.0.1:0 --limits off

status=0
cd "$here"
if [ "$#" = 0 ]; then set -- unit/*.test.js suite/*.test.js; fi
PORTAL_URL="$url" PORTAL_FILE="$temp/portal.db" PORTAL_CLI="$programs/portal-cli" PORTAL_PICTURES="$target/browser" \
    PORTAL_FAKE_BROWSERS="$programs/examples/fake-browsers" \
    PORTAL_SERVER="$programs/portal-server" PORTAL_SIGN_IN="$sign_in" \
    node --test --test-concurrency=1 --test-reporter=spec "$@" || status=$?

stop_server server || status=1
[ "$status" = 0 ] || tail -n 40 "$temp/server.log" >&2
exit "$status"
