"""Targets: where the hosts are."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Literal

from pydantic import Field

from anlan.platform.base import Section, key


class LabTarget(Section):
    """Systemd hosts in Docker on this machine."""

    kind: Literal['lab'] = key(..., 'Hosts in Docker on this machine.', 'lab')
    headroom_mib: int = key(
        1024, 'Memory of this machine that must stay free beside the hosts.', 1024, unit='MiB', ge=0
    )
    disk_gib: int = key(8, 'Disk that must be free where Docker stores its data.', 8, unit='GiB', ge=1)


class ExistingHost(Section):
    """A host that exists and is taken as it is."""

    address: IPv4Address = key(..., 'Address under which the bastion reaches it, inside its zone.', '10.1.20.11')
    fault_domain: str = key(..., 'What fails together with it: a rack, a room, a site.', 'rack-1')
    ssh_port: int = key(22, 'Port of its SSH server.', 22, ge=1, le=65535)
    zone_addresses: dict[str, IPv4Address] = key(
        dict, 'Firewalls only: the address in each zone.', {'dmz': '10.1.10.2', 'app': '10.1.20.2'}
    )
    ipv6_address: IPv6Address | None = key(None, 'Its IPv6 address, where its zone has IPv6.', 'fd5c:3d1e:9a70:1::11')
    zone_ipv6_addresses: dict[str, IPv6Address] = key(
        dict, 'Firewalls only: the IPv6 address in each zone that has IPv6.', {'uplink-a': 'fd5c:3d1e:9a70:1::2'}
    )


class OnpremTarget(Section):
    """Hosts that exist, reached over SSH."""

    kind: Literal['onprem'] = key(..., 'Hosts that exist.', 'onprem')
    ssh_user: str = key('anlan', 'User with sudo on every host.', 'anlan', min_length=1)
    ssh_key_file: str = key(..., 'Private key of that user, on this machine.', '~/.ssh/id_ed25519')
    known_hosts_file: str = key(..., 'Host keys of all hosts; unknown hosts are refused.', '~/.ssh/known_hosts')
    hosts: dict[str, ExistingHost] = key(
        ..., 'Every host of every tier, by its name.', {'db-1': {'address': '10.1.30.11', 'fault_domain': 'rack-1'}}
    )
    maximum_clock_offset_seconds: float = key(2.0, 'Hosts whose clock is further off are refused.', 2.0, unit='s', gt=0)


Target = Annotated[LabTarget | OnpremTarget, Field(discriminator='kind')]
