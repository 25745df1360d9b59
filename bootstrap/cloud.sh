#!/usr/bin/env bash
# Puts the SDK of the cloud provider into .venv, locked by hash. Skipped when it is there.
set -euo pipefail
cd "$(dirname "$0")/.."
hash=$(sha256sum requirements-cloud.txt | cut -c1-16)
[ "$(cat .venv/.cloud-hash 2>/dev/null)" = "$hash" ] && exit 0
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-cloud.txt
printf '%s\n' "$hash" >.venv/.cloud-hash
