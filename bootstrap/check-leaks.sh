#!/usr/bin/env bash
# The repository names no package registry that this machine uses, not the folder that it stands in, and holds no private key.
set -uo pipefail
cd "$(dirname "$0")/.."
patterns=$( {
  grep -rhoE 'https?://[^ /]+' /etc/apt/sources.list /etc/apt/sources.list.d
  go env GOPROXY | tr ',' '\n' | grep '^http'
  .venv/bin/python -m pip config list | grep -oE 'https?://[^/ ]+'
  .venv/bin/python -c 'from pip._internal.models.index import PyPI; print(PyPI.url)' | grep -oE 'https?://[^/ ]+'
} 2>/dev/null | sed -E 's#^https?://([^@/]*@)?##; s#:[0-9]+$##' | sort -u | grep -v '^$')
outside=$(dirname "$PWD")
[ "$outside" != / ] && patterns="$patterns
$PWD/"
failed=0
if git grep -nIF "$patterns" -- . ':!*.svg'; then
  echo 'the lines above name a package registry or a folder of this machine'
  failed=1
fi
if git grep -nIE 'BEGIN (OPENSSH |RSA |EC |ENCRYPTED )?PRIVATE KEY' -- . ':!bootstrap/check-leaks.sh'; then
  echo 'the lines above hold a private key'
  failed=1
fi
exit $failed
