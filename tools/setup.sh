#!/usr/bin/env bash
# Sets up what is missing: Debian packages, .venv, the hashed requirements, this checkout and its client.
# Usage: tools/setup.sh [run|test|conformance|legacy]. A second run with nothing to do ends at once.
# `conformance` and `legacy` make .venv-conformance and .venv-legacy only: the suites that `make conformance` runs, and the client
# of years ago that the tests meet, must not choose our libraries' versions.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:-run}
case "$kind" in
    run | test) venv=.venv ;;
    conformance | legacy) venv=.venv-$kind ;;
    *) echo "usage: tools/setup.sh [run|test|conformance|legacy]" >&2; exit 2 ;;
esac

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

debian_packages() {
    local lists=(requirements/apt.txt) package missing=()
    if [ "$kind" = test ]; then lists+=(requirements/apt-test.txt); fi
    local names
    names=$(sed -e 's/#.*//' "${lists[@]}" | xargs)
    if ! command -v dpkg-query >/dev/null; then
        if [ -n "${GATESTONE_SKIP_APT:-}" ]; then return; fi
        die "this is not Debian: install what matches these packages, then run again with GATESTONE_SKIP_APT=1: $names"
    fi
    for package in $names; do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" != installed ]; then
            missing+=("$package")
        fi
    done
    if [ ${#missing[@]} = 0 ]; then return; fi
    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null || ! { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
            die "these Debian packages are missing, and neither root nor sudo is at hand: ask for: apt-get install ${missing[*]}"
        fi
        as_root=(sudo)
    fi
    say "installing Debian packages: ${missing[*]}"
    # No daemon of these is wanted as a system service: the demo and the tests start their own.
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
    "${apt[@]}" update || say "apt-get update failed; going on with the lists that are there"
    "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >build/apt.log 2>&1 \
        || { tail -n 20 build/apt.log >&2; die "apt-get could not install: ${missing[*]} (whole output: build/apt.log)"; }
}

# Prints an interpreter that is new enough, can make a virtual environment and has the headers to compile for.
find_python() {
    local name
    for name in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
        if command -v "$name" >/dev/null && "$name" - 2>/dev/null <<'PY'; then command -v "$name"; return; fi
import ensurepip, pathlib, sys, sysconfig, venv
headers = pathlib.Path(sysconfig.get_path("include")) / "Python.h"
sys.exit(sys.version_info < (3, 11) or not headers.is_file())
PY
    done
    die "no Python 3.11 or newer with venv and headers was found: install python3-venv and python3-dev, or set PYTHON=/path/to/python3"
}

# Compiled once: pip keeps the wheels of gssapi and krb5 in its cache. Unoptimised, they build four times as fast.
pip_install() {
    CFLAGS="${CFLAGS:--O0 -g0}" "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "$@" 2>build/pip.log \
        || { grep -v '^WARNING: Location' build/pip.log | tail -n 30 >&2; die "pip failed (its messages: build/pip.log)"; }
}

# outdated NAME FILES...: true when NAME was not yet installed from exactly these files; sets $stamp and $state to note that it is.
outdated() {
    local name=$1; shift
    stamp=$venv/.gatestone-$name
    state=$({ pwd; readlink -f "$venv/bin/python"; cat "$@"; } | sha256sum)
    [ "$(cat "$stamp" 2>/dev/null || true)" != "$state" ]
}

mkdir -p build
exec 9>build/setup.lock
flock 9
if [ "$venv" = .venv ]; then debian_packages; fi
if ! "$venv/bin/python" -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$(find_python)
    say "making $venv with $("$python" --version) ($python)"
    "$python" -m venv --clear "$venv"
fi
if [ "$venv" != .venv ]; then
    if outdated "$kind" "requirements/$kind.txt"; then
        say "installing $venv (requirements/$kind.txt)"
        pip_install --require-hashes -r "requirements/$kind.txt"
        "$venv/bin/python" -m compileall -q -j 0 "$venv/lib" >/dev/null || true  # a few files of theirs are templates
        echo "$state" >"$stamp"
    fi
    exit
fi
if outdated run requirements/run.txt pyproject.toml client/pyproject.toml; then
    say "installing the server and the client (requirements/run.txt)"
    pip_install --require-hashes -r requirements/run.txt
    pip_install --no-deps --no-build-isolation -e . -e client
    echo "$state" >"$stamp"
fi
if [ "$kind" = test ] && outdated test requirements/test.txt; then
    say "installing what the tests need (requirements/test.txt)"
    pip_install --require-hashes -r requirements/test.txt
    echo "$state" >"$stamp"
fi
# Byte code by hand: where PYTHONDONTWRITEBYTECODE is set, every start would compile the whole tree anew.
.venv/bin/python -m compileall -q -j 0 identity authplugins catalog client >/dev/null
