#!/usr/bin/env bash
# Locks all requirements with hashes and without addresses.
set -euo pipefail
cd "$(dirname "$0")/.."
for name in requirements-dev requirements-cloud; do
  .venv/bin/pip-compile --quiet --allow-unsafe --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
    --strip-extras --no-annotate --no-header --output-file "$name.txt" "$name.in"
done
