#!/usr/bin/env bash
# Removes what `make lab` made, and nothing else: found by our own labels and folders. System packages stay.
set -euo pipefail
cd "$(dirname "$0")/.."
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/anlan"
if [ -x .venv/bin/anlan ] && docker info >/dev/null 2>&1; then
  .venv/bin/anlan down --platform "${PLATFORM:-infra/platforms/lab.yaml}" --yes
  .venv/bin/python -c 'from infra.images.build import remove_images; remove_images(print)'
fi
rm -rf var/lab .venv "$CACHE"
rm -f /etc/sysctl.d/60-anlan.conf 2>/dev/null || true
rmdir var 2>/dev/null || true
echo 'Removed: hosts, networks, host images, var/lab, .venv and the cache. Installed system packages stay.'
