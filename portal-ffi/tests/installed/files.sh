#!/usr/bin/env bash
# Whether an install is whole: each file in its place, the soname, nothing exported that is not listed, and the same
# version everywhere: files.sh PREFIX VERSION [LIBDIR]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
prefix="$1" version="$2" libdir="${3:-lib}"

fail() {
    printf '%s: %s\n' "$prefix" "$*" >&2
    exit 1
}

series="${version%.*}"
case "$version" in 0.*) ;; *) series="${version%%.*}" ;; esac
diff <(cd "$prefix" && find . ! -type d | LC_ALL=C sort) - <<FILES || fail "there are other files"
./include/portal.h
./$libdir/libportal.a
./$libdir/libportal.so
./$libdir/libportal.so.$series
./$libdir/libportal.so.$version
./$libdir/pkgconfig/portal.pc
./share/cmake/portal/portal-config-version.cmake
./share/cmake/portal/portal-config.cmake
FILES
cmp include/portal.h "$prefix/include/portal.h" || fail "portal.h is another"

library="$prefix/$libdir/libportal.so"
soname="$(readelf -d "$library" | sed -n 's/.*(SONAME).*\[\(.*\)\]$/\1/p')"
[ "$soname" = "libportal.so.$series" ] || fail "the soname is $soname"
diff <(nm -D --defined-only --format=posix "$library" | cut -d' ' -f1 | LC_ALL=C sort) include/symbols.txt ||
    fail "other symbols are exported than are listed"

said() { [ "$2" = "$version" ] || fail "$1 says version $2, not $version"; }
said portal.pc "$(sed -n 's/^Version: //p' "$prefix/$libdir/pkgconfig/portal.pc")"
said CMake "$(sed -n 's/^set(PACKAGE_VERSION "\(.*\)")$/\1/p' "$prefix/share/cmake/portal/portal-config-version.cmake")"
said portal.h "$(sed -n 's/^#define PORTAL_VERSION "\(.*\)"$/\1/p' "$prefix/include/portal.h")"
grep -q '^Libs.private:.* -lm' "$prefix/$libdir/pkgconfig/portal.pc" || fail "portal.pc names no system libraries"

program="$(mktemp -d)"
trap 'rm -rf "$program"' EXIT
cat >"$program/version.c" <<'C'
#include <portal.h>
#include <stdio.h>
int main(void) {
    printf("%s %d.%d.%d\n", portal_version(), PORTAL_VERSION_MAJOR, PORTAL_VERSION_MINOR, PORTAL_VERSION_PATCH);
    return portal_version_number() != PORTAL_VERSION_NUMBER;
}
C
cc -I"$prefix/include" "$program/version.c" -L"$prefix/$libdir" -lportal -o "$program/version"
said "the library" "$(LD_LIBRARY_PATH="$prefix/$libdir" "$program/version" | cut -d' ' -f1)"
said "the header" "$(LD_LIBRARY_PATH="$prefix/$libdir" "$program/version" | cut -d' ' -f2)"
