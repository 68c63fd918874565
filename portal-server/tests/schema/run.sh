#!/usr/bin/env bash
# What /openapi.json says, held against what the real server answers: schemathesis makes up requests from the document,
# right ones and wrong ones, as an admin, as a person and as a guest,
# and as an admin of everything by its name. Whatever comes back must be in the document:
# no 5xx, no other status or content type, no body that its schema refuses.
# Wants target/release/portal-server, or that of the directory named by PORTAL_PROGRAMS, and CPython 3.11 or newer; what
# else is needed is installed under target/schema. Parts as arguments play those alone.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/../surroundings.sh"
venv="$target/schema/venv"
mkdir -p "$target/schema"
python_packages "$venv" "$here/requirements.txt"

# Plays one part against a server and a file of its own.
play() {
    local part="$1" token header=() status=0
    # Signing out would make guests of the signed in (hooks.py keeps it from being run by its name too).
    local which=(--exclude-operation-id session.logout --exclude-operation-id any --max-examples 40)
    case "$part" in
        guest) which=(--max-examples 40) ;;
        any) which=(--include-operation-id any --max-examples 1000) ;;
    esac
    local report="$temp/$part.report"
    start_server "$part" --db "$temp/$part.db" --listen 127.0.0.1:0 --limits off
    token="$("$venv/bin/python" "$here/seed.py" "$url" "$temp/$part.out" "$part")"
    if [ -n "$token" ]; then header=(--header "Authorization: Bearer $token"); fi

    local checks=not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance
    checks+=,response_schema_conformance,unsupported_method,allow_header_conformance,negative_data_rejection
    (cd "$temp" && PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 SCHEMATHESIS_HOOKS=hooks \
        "$venv/bin/schemathesis" run "$url/openapi.json" "${header[@]}" "${which[@]}" \
        --phases coverage,fuzzing --seed 1 --no-shrink --continue-on-failure \
        --checks "$checks" --request-timeout 20 --generation-database none --warnings off --no-color) \
        >"$report" 2>&1 || status=$?
    if [ "$status" != 0 ]; then cat "$report"; fi
    # Had the session ended on the way, the rest would have been a guest's.
    if [ -n "$token" ] && ! curl -sf "$url/v1/users/me" "${header[@]}" -o "$temp/me"; then
        echo "$part: the session is gone" >&2
        status=1
    fi

    stop_server "$part" || status=1
    if [ "$status" = 0 ]; then
        printf '%s: %s\n' "$part" "$(sed -n 's/^ *\([0-9]* generated.*\)/\1/p' "$report" | tail -n 1)"
    fi
    return "$status"
}

if [ $# = 0 ]; then set -- admin user guest any; fi
failed=0
for part in "$@"; do
    play "$part" || failed=1
done
exit "$failed"
