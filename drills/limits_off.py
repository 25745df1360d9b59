"""The limits taken away for a while: what a flood would do without them. They come back by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from anlan.errors import AnlanError
from anlan.remote import Remote
from drills.floods import MOST_SECONDS
from drills.targets import require_target

DEADLINE_SECONDS = 30.0
MOST_OFF_SECONDS = 3 * MOST_SECONDS
UNIT = 'anlan-limits-return'
FOLDER = '/run/anlan/limits-off'

# In a container /proc/sys is read-only for all but this view of it.
COOKIES = "unshare --mount sh -c 'mount -o remount,bind,rw /proc/sys; echo {} > /proc/sys/net/ipv4/tcp_syncookies'"
# Mounts that only the service sees, and no changed file: a service or a host that starts anew has its limits, whatever
# happened to this run.
INSIDE = 'nsenter --mount --target "$(systemctl show --property MainPID --value {}.service)"'
NGINX, HAPROXY = INSIDE.format('nginx'), INSIDE.format('haproxy')
NGINX_FILES = ('/etc/nginx/nginx.conf', '/etc/nginx/conf.d/limits.conf', '/etc/nginx/anlan-server.d/limits.conf')
OFF = {
    'firewall': ('nft delete table inet anlan_limits',),
    'edge': (
        'nft delete table inet anlan_limits',
        COOKIES.format(0),
        r"sed -E 's/(client_header_timeout|client_body_timeout|send_timeout) [0-9]+s/\1 600s/' /etc/nginx/nginx.conf"
        f' > {FOLDER}/nginx.conf',
        f': > {FOLDER}/limits.conf',
        f'{NGINX} mount --bind {FOLDER}/nginx.conf {NGINX_FILES[0]}',
        *(f'{NGINX} mount --bind {FOLDER}/limits.conf {file}' for file in NGINX_FILES[1:]),
        f'{NGINX} nginx -t -q',
        'systemctl reload nginx.service',
    ),
    'balancer': (
        f"sed -E '/use_backend too_many_requests|set-priority-class/d; s/ maxconn [0-9]+$//' /etc/haproxy/haproxy.cfg"
        f' > {FOLDER}/haproxy.cfg',
        f'{HAPROXY} mount --bind {FOLDER}/haproxy.cfg /etc/haproxy/haproxy.cfg',
        'systemctl reload haproxy.service',
    ),
}
ON = {
    'firewall': ('nft -f /etc/anlan/limits.nft',),
    'edge': (
        'nft -f /etc/anlan/limits.nft',
        COOKIES.format(1),
        *(f'{NGINX} umount {file}' for file in NGINX_FILES),
        'systemctl reload nginx.service',
    ),
    'balancer': (f'{HAPROXY} umount /etc/haproxy/haproxy.cfg', 'systemctl reload haproxy.service'),
}


def off_script(tier: str, seconds: float) -> str:
    """Given a tier and how long, return what takes its limits away: the way back is armed before."""
    back = '; '.join(ON[tier])
    return '\n'.join(
        (
            f'mkdir -p {FOLDER}',
            f"cat > {FOLDER}/back <<'BACK'\n#!/bin/sh\n{back}\nBACK",
            f'systemd-run --quiet --collect --unit={UNIT} --on-active={seconds:g}s --timer-property=AccuracySec=1s '
            f'/bin/sh {FOLDER}/back',
            *OFF[tier],
        )
    )


def on_script() -> str:
    """Return what puts the limits of a host in force again at once, and disarms the timer; nothing if they are."""
    return f'systemctl stop {UNIT}.timer && sh {FOLDER}/back || systemctl is-active --quiet {UNIT}.service || true'


@contextmanager
def limits_off(remote: Remote, outputs: Mapping[str, Any], seconds: float) -> Iterator[None]:
    """Given a lab, take its limits away while the body runs, for at most `seconds`. Raise AnlanError.

    Killed in between, each host puts its own in force again when the seconds have passed.
    """
    hosts = {name: host['tier'] for name, host in outputs['hosts'].items() if host['tier'] in OFF}
    for name in hosts:
        require_target(outputs, outputs['hosts'][name]['variables']['anlan_address'])
    if not 0 < seconds <= MOST_OFF_SECONDS:
        raise AnlanError(f'limits are taken away for at most {MOST_OFF_SECONDS:g} s, not {seconds:g} s')
    try:
        for name, tier in hosts.items():
            _do(remote, name, off_script(tier, seconds))
        yield
    finally:
        failed = [reason for name in hosts if (reason := _try(remote, name, on_script()))]
        if failed:
            raise AnlanError(
                f'the limits come back by themselves in at most {seconds:g} s, not at once: ' + '; '.join(failed)
            )


def _try(remote: Remote, host: str, script: str) -> str | None:
    try:
        _do(remote, host, script)
    except AnlanError as error:
        return str(error)
    return None


def _do(remote: Remote, host: str, script: str) -> None:
    result = remote.run(host, ['sudo', 'sh', '-ec', script], DEADLINE_SECONDS)
    if result.code != 0:
        raise AnlanError(f'{host}: {(result.err or result.out).strip()[-300:]}')
