#!/usr/bin/env bash
# Makes this machine ready: system packages, Docker, .venv, the Pulumi CLI. Each step is skipped when its result is
# there, can be interrupted, and can be run again. Without root it says what root has to install.
set -euo pipefail
cd "$(dirname "$0")/.."

CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/anlan"
PULUMI_VERSION=3.259.0
TOOLCHAIN=go1.25.11
LOGS="$CACHE/logs"
mkdir -p "$CACHE/tools" "$LOGS"
umask 022

say() { printf '%s\n' "$*"; }
fail() { printf '\n%s\n' "$*" >&2; exit 1; }

# step NAME COMMAND…: run it with a clock that ticks on a terminal; its output goes to a log, shown when it fails.
step() {
  local name=$1 log start code=0
  shift
  log="$LOGS/$(printf '%s' "$name" | tr -cs '[:alnum:]' '-').log"
  start=$SECONDS
  # In a process group of its own, so that an interrupt ends what the step has started too.
  set -m
  "$@" >"$log" 2>&1 </dev/null &
  local child=$!
  set +m
  trap 'kill -TERM -- "-$child" 2>/dev/null; wait "$child" 2>/dev/null; printf "\ninterrupted during: %s; run it again\n" "$name" >&2; exit 130' INT TERM
  while kill -0 "$child" 2>/dev/null; do
    [ -t 1 ] && printf '\r  … %-58s %4d s ' "$name" $((SECONDS - start))
    sleep 0.3
  done
  wait "$child" || code=$?
  trap - INT TERM
  [ -t 1 ] && printf '\r'
  if [ "$code" -ne 0 ]; then
    printf '  ✗ %-58s %4d s \n' "$name" $((SECONDS - start))
    tail -n 15 "$log" >&2
    fail "$name failed (exit code $code). The whole log: $log"
  fi
  printf '  ✓ %-58s %4d s \n' "$name" $((SECONDS - start))
}

system_packages() {
  local missing=() command package
  # command → Debian package that brings it
  while read -r command package; do
    command -v "$command" >/dev/null 2>&1 || missing+=("$package")
  done <<'LIST'
mmdebstrap mmdebstrap
ffmpeg ffmpeg
ssh openssh-client
ip iproute2
iptables iptables
git git
LIST
  # Reports as PDF: library → package that brings it, and a font with Chinese (what lists fonts comes with Pango).
  while read -r command package; do
    grep -q "$command" < <(/sbin/ldconfig -p) || missing+=("$package")
  done <<'LIST'
libpangoft2-1.0.so.0 libpangoft2-1.0-0
libharfbuzz-subset.so.0 libharfbuzz-subset0
LIST
  grep -q . < <(fc-list :lang=zh 2>/dev/null) || missing+=(fonts-noto-cjk)
  command -v dockerd >/dev/null 2>&1 || docker info >/dev/null 2>&1 || missing+=(docker.io)
  # mmdebstrap without root maps users; as root it needs nothing.
  [ "$(id -u)" -eq 0 ] || command -v newuidmap >/dev/null 2>&1 || missing+=(uidmap)
  [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing+=(debian-archive-keyring)
  [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
  python_with_venv >/dev/null || missing+=(python3 python3-venv)
  need_go && missing+=(golang-go)
  [ ${#missing[@]} -eq 0 ] && return 0
  if [ "$(id -u)" -ne 0 ]; then
    fail "This machine lacks: ${missing[*]}
As root:  apt-get update && apt-get install --yes --no-install-recommends ${missing[*]}
Then run this again (as a user in the group docker, or as root)."
  fi
  command -v apt-get >/dev/null 2>&1 || fail "This machine lacks ${missing[*]} and has no apt-get; install them by hand."
  step "System packages: ${missing[*]}" install_packages "${missing[@]}"
  python_with_venv >/dev/null ||
    fail "Python 3.11 to 3.13 with venv is needed; this machine has $(python3 --version 2>&1). Debian 12 or 13 and Ubuntu 24.04 have it."
}

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  apt-get install -q --yes --no-install-recommends "$@"
  # Since Debian 13 the client is a package of its own.
  command -v docker >/dev/null 2>&1 || apt-get install -q --yes --no-install-recommends docker-cli
}

python_with_venv() {
  local python
  for python in python3.11 python3.12 python3.13 python3; do
    if command -v "$python" >/dev/null 2>&1 &&
      "$python" -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      command -v "$python"
      return 0
    fi
  done
  return 1
}

pulumi_there() {
  [ -x "$CACHE/tools/pulumi-$PULUMI_VERSION/bin/pulumi" ] && return 0
  local found
  found=$(pulumi version 2>/dev/null | sed 's/^v//') || return 1
  [ "${found%%.*}" = 3 ] && [ "$(printf '%s\n%s\n' "$PULUMI_VERSION" "$found" | sort -V | head -n 1)" = "$PULUMI_VERSION" ]
}

need_go() { ! pulumi_there && ! command -v go >/dev/null 2>&1; }

docker_engine() {
  docker info >/dev/null 2>&1 && return 0
  if [ "$(id -u)" -ne 0 ]; then
    if docker info 2>&1 | grep -qi 'permission denied'; then
      fail "Docker runs, but $(id -un) may not use it. As root:  usermod --append --groups docker $(id -un)  – then log in anew."
    fi
    fail 'Docker does not run. As root:  systemctl enable --now docker   (or start dockerd by hand)'
  fi
  step 'Docker Engine' start_docker
}

start_docker() {
  if [ -d /run/systemd/system ]; then
    systemctl enable --now docker
  else
    # No service manager: dockerd runs by itself, apart from this shell.
    setsid nohup dockerd >"$LOGS/dockerd.log" 2>&1 </dev/null &
  fi
  local waited
  for waited in $(seq 60); do
    docker info >/dev/null 2>&1 && return 0
    sleep 1
  done
  echo "Docker did not start in $waited s:"
  tail -n 10 "$LOGS/dockerd.log" 2>/dev/null
  return 1
}

# Every host's systemd takes inotify instances from root's own limit; the default of 128 is used up by 17 hosts.
kernel_limits() {
  local limit=/proc/sys/fs/inotify/max_user_instances wanted=8192
  [ "$(cat $limit)" -ge 1024 ] && return 0
  if [ "$(id -u)" -ne 0 ]; then
    fail "fs.inotify.max_user_instances is $(cat $limit); a second platform does not fit. As root:
  sysctl -w fs.inotify.max_user_instances=$wanted"
  fi
  step 'Kernel limit: inotify instances' raise_inotify $wanted
}

raise_inotify() {
  echo "$1" >/proc/sys/fs/inotify/max_user_instances
  [ -d /run/systemd/system ] || return 0
  printf '# Made by Anlan, removed by `make clean-lab`.\nfs.inotify.max_user_instances = %s\n' "$1" >/etc/sysctl.d/60-anlan.conf
}

python_environment() {
  local lock=requirements-dev.txt hash
  hash=$(sha256sum "$lock" | cut -c1-16)
  [ "$(cat .venv/.lock-hash 2>/dev/null)" = "$hash" ] && [ -x .venv/bin/python ] && return 0
  step 'Python packages, locked by hash, into .venv' make_environment "$lock" "$hash"
}

make_environment() {
  rm -rf .venv
  "$(python_with_venv)" -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$1"
  printf '%s\n' "$(pwd)" >.venv/lib/"$(basename "$(ls -d .venv/lib/python3*)")"/site-packages/anlan-checkout.pth
  cat >.venv/bin/anlan <<'PROGRAM'
#!/bin/sh
exec "$(dirname "$(readlink -f "$0")")/python" -m anlan.cli "$@"
PROGRAM
  chmod +x .venv/bin/anlan
  printf '%s\n' "$2" >.venv/.lock-hash
}

pulumi_cli() {
  pulumi_there && return 0
  step "Pulumi CLI $PULUMI_VERSION, built from its Go module (once)" build_pulumi
}

build_pulumi() {
  local target="$CACHE/tools/pulumi-$PULUMI_VERSION" go=go
  # Some 3 GB of modules and objects that nobody needs afterwards: in a place of their own, kept only if the build is cut off.
  export GOMODCACHE="$CACHE/go/modules" GOCACHE="$CACHE/go/objects" GOFLAGS=-modcacherw
  cd bootstrap/pulumi
  # Go before 1.21 does not fetch the toolchain that a module asks for: fetch it as the module that it is.
  if ! go version | grep -qE 'go1\.(2[1-9]|[3-9][0-9])'; then
    local module folder
    module="golang.org/toolchain@v0.0.1-$TOOLCHAIN.linux-$(dpkg --print-architecture)"
    folder=$(cd / && GO111MODULE=on GOFLAGS='-mod=mod -modcacherw' go mod download -json "$module" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
    chmod -R u+x "$folder/bin" "$folder/pkg/tool"
    go="$folder/bin/go"
  fi
  mkdir -p "$target.part/bin"
  CGO_ENABLED=0 "$go" build -trimpath -mod=readonly -tags osusergo,grpcnotrace \
    -ldflags "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v$PULUMI_VERSION" \
    -o "$target.part/bin/pulumi" github.com/pulumi/pulumi/pkg/v3/cmd/pulumi
  rm -rf "$target" "$CACHE/go"
  mv "$target.part" "$target"
}

say 'Anlan: making this machine ready'
system_packages
docker_engine
kernel_limits
python_environment
pulumi_cli
say "  ✓ ready after $SECONDS s"
