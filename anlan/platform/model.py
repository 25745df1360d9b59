"""The platform: all sections of the file together."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

from anlan.platform.base import Section, key
from anlan.platform.block_list import BlockList
from anlan.platform.cloud import Cloud
from anlan.platform.delivery import Delivery
from anlan.platform.hardening import Hardening
from anlan.platform.inspection import Inspection
from anlan.platform.limits import Limits
from anlan.platform.objectives import Objectives
from anlan.platform.operators import OperatorName, PublicKey
from anlan.platform.targets import Target
from anlan.platform.tiers import COUNTS, Size, TierName, Tiers
from anlan.platform.timing import Timing
from anlan.platform.zones import Zone

NAME_PATTERN = r'^[a-z][a-z0-9-]{0,14}[a-z0-9]$'
DNS_NAME_PATTERN = r'^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$'


class FrontDoor(Section):
    """What learners type."""

    name: str = key(..., 'Public name of the learning platform.', 'learn.example.cn', pattern=DNS_NAME_PATTERN)
    port: int = key(443, 'Public HTTPS port.', 443, ge=1, le=65535)


class State(Section):
    """Where Pulumi keeps its state."""

    backend: str = key(
        'file',
        '`file` (under var/), or the address of an S3 bucket or a PostgreSQL database. '
        'Credentials come from the environment, never from this file.',
        's3://anlan-state?region=cn-north-1',
        pattern=r'^(file|s3://\S+|postgres(ql)?://\S+)$',
    )


class Configuration(Section):
    """How hosts are configured."""

    mitogen: bool = key(True, 'Use Mitogen to speed Ansible up; off means plain SSH with pipelining.', True)
    forks: int = key(20, 'Hosts configured at the same time.', 20, unit='hosts', ge=1, le=200)
    time_sources: list[IPv4Address] = key(
        list, 'NTP servers outside the platform; none in the lab. The firewalls let the monitoring hosts ask them.',
        ['203.0.113.123'],
    )  # fmt: skip
    resolvers: list[IPv4Address] = key(list, 'DNS resolvers outside the platform; none in the lab.', ['10.1.0.53'])
    operators: dict[OperatorName, PublicKey] = key(
        dict,
        'Who may log in on every host through the bastion, under a name of their own: user name and SSH public key. '
        'Who is taken out of here is removed from every host.',
        {'li-wei': 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI… li-wei'},
    )
    journal_retention_days: int = key(
        180, 'How long system logs are kept (Cybersecurity Law of the PRC, article 21: six months).', 180,
        unit='days', ge=1,
    )  # fmt: skip
    journal_maximum_mib: int = key(200, 'Disk that the journal of a host may use.', 2048, unit='MiB', ge=16)
    events_maximum_mib: int = key(
        200, 'Disk that the collected journal of one host may use on each monitoring host.', 4096, unit='MiB', ge=32
    )


class Certificates(Section):
    """The platform's own certificate authority."""

    host_days: int = key(90, 'Life of a host certificate.', 90, unit='days', ge=2, le=397)
    renew_before_days: int = key(30, 'A certificate with less life left is renewed by `up`.', 30, unit='days', ge=1)


class Platform(Section):
    """A whole platform, as the user wants it."""

    name: str = key(
        ..., 'Name of the platform, unique on this machine. Part of every name that is made.', 'lab',
        pattern=NAME_PATTERN,
    )  # fmt: skip
    size: Size = key(
        'full', '`full`: redundant. `mini`: one host a tier but three for data; promises no availability.', 'full'
    )
    target: Target = key(..., 'Where the hosts are.', {'kind': 'lab'})
    front_door: FrontDoor = key(..., 'What learners type.', {'name': 'learn.example.cn'})
    zones: dict[str, Zone] = key(
        ...,
        'The networks: uplink-a, uplink-b, dmz, app, data, mgmt, offsite, sync.',
        {'app': {'subnet': '10.1.20.0/24'}},
    )
    balancer_address: IPv4Address | None = key(
        None, 'Virtual address of the balancers, in the dmz. Without it: the one before the gateway.', '198.18.10.253'
    )
    fault_domains: list[str] = key(
        lambda: ['a', 'b'],
        'What fails together: racks, rooms, sites. Hosts of a tier are spread over them in turn (target lab).',
        ['rack-1', 'rack-2'], min_length=1,
    )  # fmt: skip
    tiers: Tiers = key(Tiers, 'Hosts of each tier.', {'app': {'count': 3}})
    timing: Timing = key(Timing, 'Settings that decide how long a failover takes.', {'patroni': {'ttl_seconds': 20}})
    objectives: Objectives = key(
        Objectives, 'What is promised; refused where the settings cannot reach it.', {'database_crash_seconds': 5}
    )
    inspection: Inspection = key(Inspection, 'Intrusion detection of the firewalls.', {'on_failure': 'open'})
    block_list: BlockList = key(BlockList, 'How sources that attacked are shut out.', {'seconds': 600})
    limits: Limits = key(Limits, 'What one source may do.', {'lost_share_under_attack': 0.01})
    delivery: Delivery = key(Delivery, 'Caches between learners and origin.', {'signed_url_seconds': 14400})
    cloud: Cloud = key(Cloud, "A provider's delivery network in front of the edges.", {'provider': 'none'})
    configuration: Configuration = key(Configuration, 'How hosts are configured.', {'mitogen': True})
    hardening: Hardening = key(Hardening, 'How tightly hosts are shut.', {'lockout': {'attempts': 5}})
    certificates: Certificates = key(Certificates, 'Internal certificates.', {'host_days': 90})
    state: State = key(State, 'Where Pulumi keeps its state.', {'backend': 'file'})

    def count(self, tier: TierName) -> int:
        """Return how many hosts `tier` has: as the file says, else as the size says."""
        given: int | None = getattr(self.tiers, tier).count
        return COUNTS[self.size][tier] if given is None else given

    def balancer_virtual_address(self) -> IPv4Address:
        """Return the balancers' virtual address, given or derived. The zone dmz must be there."""
        return self.balancer_address or self.zones['dmz'].gateway_address() - 1

    def internal_domain(self) -> str:
        """Return the domain of the hosts' internal names (`.internal` is reserved for private use)."""
        return f'{self.name}.anlan.internal'

    def front_door_url(self) -> str:
        """Return the address that learners use."""
        port = '' if self.front_door.port == 443 else f':{self.front_door.port}'
        return f'https://{self.front_door.name}{port}/'

    def document(self) -> dict[str, Any]:
        """Return the platform as plain JSON data, defaults filled in."""
        return self.model_dump(mode='json')
