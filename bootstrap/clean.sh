#!/usr/bin/env bash
# Removes what `make lab` made, and nothing else: found by our own labels and folders. System packages stay.
set -euo pipefail
cd "$(dirname "$0")/.."
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/anlan"
PLATFORM="${PLATFORM:-infra/platforms/lab.yaml}"
NAME=$(sed -n 's/^name: *//p' "$PLATFORM")
[ -n "$NAME" ] || { echo "$PLATFORM names no platform" >&2; exit 2; }
if [ -e "var/$NAME/outputs.anlan.json" ] && ! { [ -x .venv/bin/anlan ] && docker info >/dev/null 2>&1; }; then
  echo "Platform $NAME may still stand, and Docker or .venv is missing to remove it: run \`make setup\` first." >&2
  exit 1
fi
removed=()
if [ -x .venv/bin/anlan ] && docker info >/dev/null 2>&1; then
  .venv/bin/anlan down --platform "$PLATFORM" --yes
  .venv/bin/python -c 'from infra.images.build import remove_images; remove_images(print)'
  removed+=("hosts and networks of $NAME" 'host images that nothing uses')
fi
# The key that opens the secrets is outside the checkout; only the one of this folder is removed.
if [ -x .venv/bin/python ] && [ -d "var/$NAME" ]; then
  .venv/bin/python -c 'import pathlib, sys; from anlan.secret_key import discard_key; discard_key(pathlib.Path(sys.argv[1]))' "var/$NAME" || true
fi
rm -rf "var/$NAME" .venv "$CACHE"
rm -f /etc/sysctl.d/60-anlan.conf 2>/dev/null || true
rmdir var 2>/dev/null || true
removed+=("var/$NAME" .venv "$CACHE")
printf 'Removed: %s\n' "${removed[@]}"
echo 'Installed system packages stay.'
