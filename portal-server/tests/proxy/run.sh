#!/usr/bin/env bash
# portal-server behind nginx, with docs/running/nginx.conf as it is written there: sockets, cookies, limits by
# client, and what a proxy must not pass on. Wants target/release/portal-server, or that of the
# directory named by PORTAL_PROGRAMS, python3 and openssl; nginx is installed where it is missing. All of it runs on
# loopback, on ports of its own, in a directory of its own.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/../surroundings.sh"
debian nginx nginx-light

fail() {
    printf 'proxy: %s\n' "$*" >&2
    tail -n 30 "$temp"/*.log >&2 || true
    exit 1
}

read -r plain tls port <<<"$(python3 - <<'PYTHON'
import socket
taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(one.getsockname()[1] for one in taken))
PYTHON
)"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout "$temp/key.pem" -out "$temp/cert.pem" 2>"$temp/openssl.log" ||
    fail "no certificate"

cat >"$temp/portal.toml" <<TOML
db = "$temp/portal.db"
listen = "127.0.0.1:$port"
public_url = "https://localhost:$tls"
client_address_header = "X-Forwarded-For"
rate_login = 5
log = "trace"
TOML
start_server server --config "$temp/portal.toml"
code="${sign_in##*:}"
sed -e "s|listen 80;|listen 127.0.0.1:$plain;|" -e "s|listen 443 ssl;|listen 127.0.0.1:$tls ssl;|" -e '/listen \[::\]/d' \
    -e "s|/etc/letsencrypt/live/chat.example/fullchain.pem|$temp/cert.pem|" \
    -e "s|/etc/letsencrypt/live/chat.example/privkey.pem|$temp/key.pem|" \
    -e "s|/var/log/nginx/portal.log|$temp/nginx-portal.log|" -e "s|127.0.0.1:8787|127.0.0.1:$port|" \
    -e "s|https://\$host|https://\$host:$tls|" -e 's|chat\.example|localhost|' \
    "$root/docs/running/nginx.conf" >"$temp/portal.conf"
! grep -nE '^[^#]*(/etc/|/var/|8787|:443|listen (80|443))' "$temp/portal.conf" || fail "nginx.conf has changed: mend $0"
user=""
[ "$(id -u)" != 0 ] || user="user root;"
cat >"$temp/nginx.conf" <<NGINX
$user
daemon off;
worker_processes 1;
pid $temp/nginx.pid;
error_log $temp/nginx.log;
events { worker_connections 2048; }
http {
    client_body_temp_path $temp/body;
    proxy_temp_path $temp/proxy;
    fastcgi_temp_path $temp/fastcgi;
    uwsgi_temp_path $temp/uwsgi;
    scgi_temp_path $temp/scgi;
    include $temp/portal.conf;
}
NGINX
nginx -e "$temp/nginx.log" -c "$temp/nginx.conf" -p "$temp" &
proxy=$!
others="$proxy"
for _ in $(seq 100); do
    python3 -c "import socket; socket.create_connection(('127.0.0.1', $tls), 1)" 2>/dev/null && break
    kill -0 "$proxy" 2>/dev/null || fail "nginx ended by itself"
    sleep 0.1
done

PROXY_PLAIN="$plain" PROXY_TLS="$tls" PORTAL_PORT="$port" PORTAL_PID="$server" PORTAL_CODE="$code" \
    PORTAL_SECRETS="$temp/secrets" PROXY_CERTIFICATE="$temp/cert.pem" PYTHONDONTWRITEBYTECODE=1 \
    python3 "$here/check.py" "$@" || fail "see above"

# The last check has asked the server to stop.
ended_in_order server || fail "see above"
[ -s "$temp/secrets" ] || fail "no secret was used"
if grep -hFf "$temp/secrets" "$temp"/*.log; then fail "a secret is in a log"; fi
echo "proxy: all good"
