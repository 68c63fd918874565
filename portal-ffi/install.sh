#!/bin/sh
# Installs libportal for C and whatever calls C, with nothing but cargo and a C compiler: the shared library with its
# soname, the static one, portal.h, portal.pc, and what CMake's find_package(portal) reads. `cargo cinstall -p portal-ffi`
# installs the same files to the same places, for whoever has cargo-c.
#
#     portal-ffi/install.sh [--prefix DIR] [--libdir DIR] [--destdir DIR] [--debug]
#
#   --prefix   where it is to be used, /usr/local if not said
#   --libdir   where libraries are, below the prefix: lib if not said; lib64 or lib/x86_64-linux-gnu elsewhere
#   --destdir  where to put the whole tree, for whoever makes a package; empty if not said
#   --debug    cargo's dev profile: larger, slower, built sooner
#
# --prefix=DIR and its like are taken too.
# Afterwards `ldconfig` may be needed for the system to find a library in /usr/local/lib.
set -eu

prefix=/usr/local libdir=lib destdir="" profile=release
while [ $# -gt 0 ]; do
    option=$1
    shift
    case $option in
    --debug)
        profile=dev
        continue
        ;;
    --prefix=* | --libdir=* | --destdir=*)
        directory=${option#*=}
        option=${option%%=*}
        ;;
    --prefix | --libdir | --destdir)
        [ $# -gt 0 ] || { echo "$option wants a directory" >&2; exit 2; }
        directory=$1
        shift
        ;;
    -h | --help)
        sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0"
        exit
        ;;
    *)
        echo "there is no $option; try --help" >&2
        exit 2
        ;;
    esac
    case $option in
    --destdir) destdir=$directory ;;
    *) [ -n "$directory" ] || { echo "$option wants a directory" >&2; exit 2; } ;;
    esac
    case $option in
    --prefix) prefix=$directory ;;
    --libdir) libdir=$directory ;;
    esac
done
case $prefix in /*) ;; *) prefix="$PWD/$prefix" ;; esac
case $libdir in
/*)
    echo "--libdir is below the prefix, such as lib64" >&2
    exit 2
    ;;
esac
case $destdir in "" | /*) ;; *) destdir="$PWD/$destdir" ;; esac

cd "$(dirname "$0")/.."
version=$(cargo pkgid --locked -p portal-ffi)
version=${version##*[#@]}
# As cargo has it: 0.1.4 and 0.1.5 can stand for each other, 0.1.4 and 0.2.0 cannot.
case $version in
0.0.*) series=$version ;;
0.*) series=${version%.*} ;;
*) series=${version%%.*} ;;
esac

case $(uname -s) in
Darwin)
    shared=libportal.dylib versioned=libportal.$version.dylib series_name=libportal.$series.dylib
    name="-Wl,-install_name,$prefix/$libdir/$series_name,-current_version,$version,-compatibility_version,$series"
    ;;
*)
    shared=libportal.so versioned=libportal.so.$version series_name=libportal.so.$series
    name="-Wl,-soname,$series_name"
    ;;
esac

build() {
    cargo rustc --locked -p portal-ffi --lib --crate-type cdylib,staticlib --profile "$profile" \
        -- -C "link-arg=$name" --print native-static-libs
}
build
# Again, which builds nothing, for what the compiler says that the static library needs of the system.
system=$(export CARGO_TERM_COLOR=never && build 2>&1 | sed -n 's/^note: native-static-libs: *//p' | tail -n 1)
[ -n "$system" ] || { echo "the compiler does not say what the static library needs" >&2; exit 1; }

target=$(cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
case $profile in dev) built=$target/debug ;; *) built=$target/$profile ;; esac

into=$destdir$prefix
mkdir -p "$into/include" "$into/$libdir/pkgconfig" "$into/share/cmake/portal"
install -m 644 include/portal.h "$into/include/portal.h"
install -m 644 portal-ffi/cmake/*.cmake "$into/share/cmake/portal/"
install -m 644 "$built/libportal.a" "$into/$libdir/libportal.a"
# Four fifths of it are for a debugger.
[ "$profile" != release ] || strip -S "$into/$libdir/libportal.a"
install -m 755 "$built/$shared" "$into/$libdir/$versioned"
ln -sf "$versioned" "$into/$libdir/$series_name"
ln -sf "$versioned" "$into/$libdir/$shared"
cat >"$into/$libdir/pkgconfig/portal.pc" <<PC
prefix=$prefix
exec_prefix=\${prefix}
libdir=\${prefix}/$libdir
includedir=\${prefix}/include

Name: portal
Description: Chat in rooms, end-to-end encrypted, over SQLite
Version: $version
Libs: -L\${libdir} -lportal
Cflags: -I\${includedir}
Libs.private: $system
PC
echo "libportal $version is in $into"
