#!/usr/bin/env bash
# `make test`: linters, unit tests, contract tests, then the platform deployed fresh, tried, broken and torn down.
set -uo pipefail
cd "$(dirname "$0")/.."
started=$SECONDS
failed=()
part() {
  local name=$1 from=$SECONDS
  shift
  echo "── $name"
  if "$@"; then
    echo "── $name: passed after $((SECONDS - from)) s"
  else
    echo "── $name: FAILED after $((SECONDS - from)) s"
    failed+=("$name")
  fi
}
part 'SDK of the cloud provider' bootstrap/cloud.sh
# Side by side, each on a core; what the first says is shown when it has ended.
said=$(mktemp)
trap 'rm -f "$said"' EXIT
bootstrap/lint.sh >"$said" 2>&1 &
linting=$!
part 'unit tests' .venv/bin/python -m pytest -q tests/unit
linted() { wait "$linting"; local code=$?; cat "$said"; return "$code"; }
part 'linters and types' linted
part 'contract tests' .venv/bin/python -m pytest -q tests/contract
part 'the platform' .venv/bin/python -m pytest -q --durations=30 tests/lab
if [ ${#failed[@]} -gt 0 ]; then
  printf '%s failed after %d s\n' "${failed[*]}" $((SECONDS - started))
  exit 1
fi
echo "all passed after $((SECONDS - started)) s"
