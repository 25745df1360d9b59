"""Files of services: mode and owner of each that matters, all of a host in one question, and which are loose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from testinfra.host import Host

from compliance.checking import not_verified
from compliance.expected import Expected

DATABASE = '/var/lib/postgresql/17/*'
"""The folder of PostgreSQL's files; the platform's name is its last part."""

NGINX = ('/etc/nginx', '/etc/nginx/nginx.conf')
HAPROXY = ('/run/haproxy', '/run/haproxy/admin.sock', '/etc/haproxy', '/etc/haproxy/haproxy.cfg')
PLACES: Mapping[str, tuple[str, ...]] = {
    'all': ('/etc/anlan/tls', '/etc/anlan/tls/*'),
    'edge': NGINX,
    'balancer': NGINX + HAPROXY,
    'app': (
        *NGINX, *HAPROXY, '/etc/anlan/application.env', '/opt/anlan/releases', '/run/anlan-app/gunicorn.sock',
        '/var/lib/anlan/media',
    ),
    'data': (
        DATABASE, *(f'{DATABASE}/{name}' for name in ('postgresql.conf', 'pg_hba.conf', 'base', 'pg_wal')),
        '/etc/patroni/config.yml', '/run/anlan-patroni', '/run/anlan-patroni/pgpass', '/var/lib/etcd',
        '/var/lib/etcd/*/member', '/etc/default/etcd', '/etc/valkey/valkey.conf', '/etc/valkey/sentinel.conf',
        '/etc/anlan/valkey.seed', '/etc/anlan/sentinel.seed', '/etc/anlan/cache-node.json',
    ),
    'monitoring': (*NGINX, '/var/log/anlan/events', '/var/log/anlan/events/*', '/var/log/anlan/event-chain'),
}  # fmt: skip
LOOSE_NGINX = (
    "find /etc/nginx -type f \\( -perm /022 -o ! -user root -o -name '*.key' \\) "
    "-printf 'loose nginx %p has mode %m, is of %u\\n' | head -5"
)
LOOSE: Mapping[str, str] = {
    'edge': LOOSE_NGINX,
    'balancer': LOOSE_NGINX,
    'app': f'{LOOSE_NGINX}; find -L /opt/anlan/current -maxdepth 6 \\( -perm /022 -o ! -user root \\) ! -type l '
    "-printf 'loose release %p has mode %m, is of %u\\n' | head -5",
    'data': f"find {DATABASE} ! -user postgres -printf 'loose database %p is of %u\\n' | head -5",
    'monitoring': f'{LOOSE_NGINX}; find /var/log/anlan/events -type f \\( -perm /027 -o ! -user systemd-journal-remote '
    "\\) -printf 'loose events %p has mode %m, is of %u\\n' | head -5; id www-data | sed 's/^/door /'",
}


@dataclass(frozen=True)
class Place:
    """A file: where, its mode, and whose it is (`user:group`)."""

    path: str
    mode: int
    owner: str

    def __str__(self) -> str:
        return f'{self.path} has mode {self.mode:o} and is of {self.owner}'


def _lines(host: Host, expected: Expected) -> list[str]:
    every = ' '.join(PLACES['all'] + PLACES.get(expected.tier, ()))
    more = LOOSE.get(expected.tier, 'true')
    members = 'echo members $(getent group anlan-tls | cut -d: -f4)'
    said = host.run(f"stat -L -c '%a %U:%G %n' {every} 2>/dev/null; {more}; {members}; echo end")
    lines: list[str] = said.stdout.splitlines()
    if lines[-1:] != ['end']:
        not_verified('the files of the services could not be looked at')
    return lines


def places(host: Host, expected: Expected) -> dict[str, Place]:
    """Given a host, return what is there of the files of its services, by path."""
    found = [line.split(' ', 2) for line in _lines(host, expected) if line[:1].isdigit()]
    return {path: Place(path, int(mode, 8), owner) for mode, owner, path in found}


def loose(host: Host, expected: Expected, of: str) -> list[str]:
    """Given whose files (`nginx`, `release`, `database`, `events`), return what is wrong with some of them."""
    start = f'loose {of} '
    return [line.removeprefix(start) for line in _lines(host, expected) if line.startswith(start)]


def told(host: Host, expected: Expected, word: str) -> str:
    """Given the first word of a line (`members`, `door`), return the rest of it."""
    line = next((line for line in _lines(host, expected) if line.split()[:1] == [word]), None)
    if line is None:
        not_verified(f'the host does not tell its {word}')
    return line.removeprefix(word).strip()


def shut(host: Host, expected: Expected, path: str, bits: int, *owners: str) -> None:
    """Given a path, the bits that its mode may not have and whose it may be, fail if it is not so, or not there.

    A path that begins with `*` is every one that ends so.
    """
    every = places(host, expected)
    found = [each for name, each in every.items() if name == path or (path[0] == '*' and name.endswith(path[1:]))]
    assert found, f'{path} is not there'
    for each in found:
        assert not each.mode & bits, str(each)
        assert not owners or each.owner in owners, str(each)
