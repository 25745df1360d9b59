#!/usr/bin/env bash
# Linters and types, each said by name; all run, then the sum decides.
set -uo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
failed=()
try() {
  local name=$1
  shift
  if output=$("$@" 2>&1); then
    echo "  ✓ $name"
  else
    echo "  ✗ $name"
    printf '%s\n' "$output" | tail -n 60
    failed+=("$name")
  fi
}
try 'ruff check' ruff check .
try 'ruff format' ruff format --check .
try 'mypy --strict' mypy
try 'import-linter' lint-imports
try 'ansible-lint, profile production' env ANSIBLE_CONFIG=playbooks/ansible.cfg ansible-lint --offline --profile production playbooks
try 'no registry, no machine path, no key in the files' bootstrap/check-leaks.sh
[ ${#failed[@]} -eq 0 ] || { echo "failed: ${failed[*]}"; exit 1; }
