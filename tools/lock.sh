#!/usr/bin/env bash
# Writes the hashed requirements anew. No index address is written: they must install from any mirror.
set -euo pipefail
cd "$(dirname "$0")/../requirements"
python=../.venv-lock/bin/python
if ! "$python" -c 'import piptools' 2>/dev/null; then
    python3 -m venv --clear ../.venv-lock
    "$python" -m pip install --quiet pip-tools
fi
for name in run test conformance legacy; do
    "$python" -m piptools compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-header \
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o "$name.txt" "$name.in"
done
