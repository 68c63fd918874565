#!/usr/bin/env bash
# Browsers in containers of a real engine: podman, by Docker's API, with a stand-in for neko's images that is built here.
# Wants target/release/{portal-server,portal-cli}, or those of the directory named by PORTAL_PROGRAMS, a C compiler,
# python3 and root; podman and what it needs is installed where it is missing. The engine is one of its own, on
# a socket, a store and a network of its own, and all of it goes at the end. Names of cases as arguments run those alone.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/../surroundings.sh"
[ "$(id -u)" = 0 ] || { echo "containers and firewalls want root: nothing was tried" >&2; exit 1; }
debian podman podman runc nftables netavark iproute2 iptables
debian runc runc
debian nft nftables
debian iptables iptables
debian ip iproute2
debian bash-static bash-static
debian gcc gcc libc6-dev
debian nginx nginx-light
debian caddy caddy
debian openssl openssl

export CONTAINERS_CONF="$temp/containers.conf"
# The limits are low where containers run within containers.
cat >"$CONTAINERS_CONF" <<'CONF'
[containers]
default_ulimits = ["nofile=1024:1024","nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
[network]
network_backend = "netavark"
CONF
store="$temp/store"
socket="$temp/engine.sock"
network="pt-$$"
network="${network:0:15}"
podman=(podman --root "$store" --runroot "$temp/state" --runtime=runc --cgroup-manager=cgroupfs --storage-driver=vfs
    --network-config-dir "$temp/networks")
engine() { "${podman[@]}" "$@"; }

clear_engine() {
    # Servers first, so that nobody starts what is removed.
    for process in $others; do kill "$process" 2>/dev/null && wait "$process" || true; done
    others=""
    engine rm --all --force --time 0 >/dev/null 2>&1 || true
    # Of each command that was run within a container podman keeps a process for five minutes.
    for process in /proc/[0-9]*; do
        if [ "$(cat "$process/comm" 2>/dev/null)" = conmon ] && grep -qaF "$temp/" "$process/cmdline" 2>/dev/null; then
            kill "${process#/proc/}" 2>/dev/null || true
        fi
    done
    engine network rm --force "$network" >/dev/null 2>&1 || true
    # What clears away after a container runs on by itself, and writes where all is to go.
    for _ in $(seq 100); do
        grep -qsaF -f <(printf '%s/\n' "$temp") /proc/[0-9]*/cmdline || break
        sleep 0.1
    done
    ip link delete "$network" 2>/dev/null || true
    nft delete table inet "portal_browsers_$network" 2>/dev/null || true
    nft delete table bridge "portal_browsers_$network" 2>/dev/null || true
    nft delete table inet "${network}own" 2>/dev/null || true
    ip netns delete "$network" 2>/dev/null || true
    mount | awk -v at="$temp/" 'index($3, at) == 1 { print $3 }' | sort -r | xargs -r -n 1 umount 2>/dev/null || true
    clean_up
}
trap clear_engine EXIT

mkdir -p "$temp/image" "$temp/networks"
cp "$here"/image/* "$temp/image/"
cp "$(command -v bash-static)" "$temp/image/bash"
gcc -std=gnu11 -O1 -Wall -Wextra -Werror -static -o "$temp/image/standin" "$here/image/standin.c" -lpthread
engine build --isolation=chroot --quiet --tag standin:good "$temp/image" >/dev/null
mkdir "$temp/bad"
for kind in dies mute old rising; do
    printf 'FROM localhost/standin:good\nENV STANDIN=%s\n' "$kind" >"$temp/bad/Containerfile"
    engine build --isolation=chroot --quiet --tag "standin:$kind" "$temp/bad" >/dev/null
done
# One in which nothing can be run.
cp "$temp/image/standin" "$temp/bad/"
printf 'FROM scratch\nCOPY standin /neko\nCMD ["/neko"]\n' >"$temp/bad/Containerfile"
engine build --isolation=chroot --quiet --tag standin:mum "$temp/bad" >/dev/null
# Not by the function: the process that is ended would be a shell, and the engine stay.
"${podman[@]}" system service --time=0 "unix://$socket" >"$temp/engine.log" 2>&1 &
others="$!"
for _ in $(seq 100); do
    [ -S "$socket" ] && break
    sleep 0.1
done

status=0
PORTAL_PROGRAMS="$programs" ENGINE_SOCKET="$socket" ENGINE_NETWORK="$network" ENGINE_TEMP="$temp" \
    PYTHONDONTWRITEBYTECODE=1 python3 "$here/check.py" "$@" || status=$?
if [ "$status" = 0 ] && [ $# = 0 ]; then
    # With a clock that can be moved: in the library's own way, on the same engine.
    (cd "$root" && ENGINE_SOCKET="$socket" ENGINE_NETWORK="$network" \
        cargo test --quiet --locked -p portal-server --test neko_idle -- --ignored) || status=$?
fi
if [ "$status" != 0 ]; then tail -n 20 "$temp"/*.log >&2 || true; fi
exit "$status"
