"""Facts of a host that exists: fetched over SSH, then judged without the network."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from anlan.errors import AnlanError
from anlan.remote import Remote
from infra.topology import Host, Network

DEADLINE_SECONDS = 20.0
SUPPORTED_DEBIAN = ('13',)
"""The roles take PostgreSQL 17, Valkey and Python 3.13 from Debian, and Debian 12 has none of them."""

MEMORY_TOLERANCE = 0.9
"""The kernel keeps a part of the memory for itself, so a machine of 1024 MiB shows less."""

SCRIPT = r"""
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
. /etc/os-release
echo "system=$ID"
echo "version=$VERSION_ID"
echo "memory_kib=$(sed -n 's/^MemTotal: *\([0-9]*\) .*/\1/p' /proc/meminfo)"
echo "free_disk_kib=$(df -Pk /var | tail -n 1 | tr -s ' ' | cut -d ' ' -f 4)"
echo "ipv6_addresses=$(ip -6 -o addr show scope global | tr -s ' ' | cut -d ' ' -f 4 | cut -d / -f 1 | tr '\n' ' ')"
echo "ipv6_route=$(ip -6 route show default | sed -n '1s/^default via \([0-9a-f:]*\).*/\1/p')"
echo "default_route=$(ip -4 route show default | sed -n '1s/^default via \([0-9.]*\).*/\1/p')"
sudo -n true >/dev/null 2>&1 && echo sudo=yes || echo sudo=no
"""


@dataclass(frozen=True)
class HostFacts:
    """What a host said. `clock_error_seconds` is how wrong `clock_offset_seconds` may be, by the time of the way."""

    system: str
    version: str
    memory_mib: int
    free_disk_gib: float
    default_route: str
    sudo: bool
    clock_offset_seconds: float
    clock_error_seconds: float
    ipv6_addresses: frozenset[str] = frozenset()
    ipv6_route: str = ''


@dataclass(frozen=True)
class Expected:
    """What a host must be. The routes are None for a firewall, whose own lead out of the platform."""

    memory_mib: int
    disk_gib: int
    default_route: IPv4Address | None
    maximum_clock_offset_seconds: float
    ipv6_addresses: tuple[IPv6Address, ...] = ()
    ipv6_route: IPv6Address | None = None

    @classmethod
    def of(cls, host: Host, network: Network, maximum_clock_offset_seconds: float) -> Expected:
        """Given a host, its zone's network and the limit of the clock, return what it must be."""
        has_routes = host.tier != 'firewall'
        return cls(
            host.memory_mib,
            host.disk_gib,
            network.gateway if has_routes else None,
            maximum_clock_offset_seconds,
            tuple(host.ipv6_addresses.values()),
            network.ipv6_gateway if has_routes else None,
        )


def fetch(remote: Remote, host: str) -> HostFacts:
    """Given a connection and a host's name, return its facts. Raise Unreachable, or AnlanError if it cannot answer."""
    result = remote.run(host, ['sh', '-s'], DEADLINE_SECONDS, stdin=SCRIPT)
    facts = dict(line.split('=', 1) for line in result.out.splitlines() if '=' in line)
    before = time.time()
    clock = remote.run(host, ['date', '+%s.%N'], DEADLINE_SECONDS)
    after = time.time()
    try:
        return HostFacts(
            system=facts['system'],
            version=facts['version'].strip('"'),
            memory_mib=int(facts['memory_kib']) // 1024,
            free_disk_gib=int(facts['free_disk_kib']) / 1024 / 1024,
            default_route=facts['default_route'],
            sudo=facts['sudo'] == 'yes',
            clock_offset_seconds=float(clock.out) - (before + after) / 2,
            clock_error_seconds=(after - before) / 2,
            ipv6_addresses=frozenset(facts['ipv6_addresses'].split()),
            ipv6_route=facts['ipv6_route'],
        )
    except (KeyError, ValueError):
        said = (result.err or result.out).strip()[-200:]
        raise AnlanError(f'{host}: does not answer like a Debian host (exit code {result.code}): {said}') from None


def judge(facts: HostFacts, expected: Expected) -> Iterator[str]:
    """Given a host's facts and what it must be, yield every reason why it will not do."""
    if facts.system != 'debian' or facts.version.split('.')[0] not in SUPPORTED_DEBIAN:
        yield f'runs {facts.system} {facts.version}; Debian {" or ".join(SUPPORTED_DEBIAN)} is needed'
    if facts.memory_mib < expected.memory_mib * MEMORY_TOLERANCE:
        yield f'has {facts.memory_mib} MiB of memory; {expected.memory_mib} MiB are needed'
    if facts.free_disk_gib < expected.disk_gib:
        yield f'has {facts.free_disk_gib:.1f} GiB free under /var; {expected.disk_gib} GiB are needed'
    if abs(facts.clock_offset_seconds) - facts.clock_error_seconds > expected.maximum_clock_offset_seconds:
        yield (
            f'its clock is {facts.clock_offset_seconds:+.2f} s off this machine; '
            f'{expected.maximum_clock_offset_seconds:g} s are allowed'
        )
    if expected.default_route is not None and facts.default_route != str(expected.default_route):
        yield (
            f'its default route is {facts.default_route or "missing"}; it must be {expected.default_route}, '
            "the firewall pair's address in its zone"
        )
    for address in expected.ipv6_addresses:
        if str(address) not in facts.ipv6_addresses:
            yield f'it does not have the address {address}'
    if expected.ipv6_route is not None and facts.ipv6_route != str(expected.ipv6_route):
        yield (
            f'its default route of IPv6 is {facts.ipv6_route or "missing"}; it must be {expected.ipv6_route}, '
            "the firewall pair's address in its zone"
        )
    if not facts.sudo:
        yield 'sudo asks for a password or is refused; the user needs NOPASSWD'
