#!/usr/bin/env bash
# The encryption of libportal.so, called through ctypes, against a second implementation in Python: written from the design
# of the bytes, over PyNaCl, pyhpke and cryptography. Each side makes what the other opens, and refuses what it should.
#
#     run.sh [ROUNDS [SEED]]
#
# Wants target/release/libportal.so, or that of the directory named by PORTAL_PROGRAMS, and CPython 3.11 or newer; what else
# is needed is installed under target/interop. The seed is printed, and given again it repeats the run but for the random
# bytes that both sides draw themselves.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
source "$root/.ci/install.sh"
target="${CARGO_TARGET_DIR:-$root/target}"
programs="$(cd "${PORTAL_PROGRAMS:-$target/release}" && pwd)"
case "$(uname)" in Darwin) library=libportal.dylib ;; *) library=libportal.so ;; esac

venv="$target/interop/venv"
mkdir -p "$target/interop"
python_packages "$venv" "$here/requirements.txt"
PORTAL_LIBRARY="$programs/$library" PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" -m suite "$@"
