"""Platforms that tests change one key of, and what a target would hand over of them."""

from __future__ import annotations

import copy
import json
from typing import Any

import yaml

from anlan.errors import InvalidFile, Problem
from anlan.paths import PlatformPaths
from anlan.platform import Platform
from anlan.platform.load import parse_platform
from anlan.platform.tiers import COUNTS, host_name, zone_of
from infra.inventory import Inventory, InventoryHost
from infra.outputs import outputs
from infra.topology import HOST_OFFSET, Topology, topology_of

THIRD_OCTET = {
    'uplink-a': 1, 'uplink-b': 2, 'dmz': 10, 'app': 20, 'data': 30, 'mgmt': 40, 'offsite': 50, 'sync': 60,
}  # fmt: skip

ABSENT = object()
"""As a value: the key is taken out."""

Document = dict[str, Any]


def lab(size: str = 'full') -> Document:
    """Return the document of a good platform in the lab."""
    return {
        'name': 'sample',
        'size': size,
        'target': {'kind': 'lab'},
        'front_door': {'name': 'learn.sample.test'},
        'zones': {zone: {'subnet': f'198.18.{octet}.0/24'} for zone, octet in THIRD_OCTET.items()},
    }


IPV6_SUBNETS = {'uplink-a': 'fd00:18:0:1::/64', 'uplink-b': 'fd00:18:0:2::/64'}


def dual_stack() -> Document:
    """Return the document of a good platform in the lab whose uplinks have IPv6."""
    return with_values(lab(), {f'zones.{zone}.ipv6_subnet': subnet for zone, subnet in IPV6_SUBNETS.items()})


def onprem() -> Document:
    """Return the document of a good platform on hosts that exist, the hosts of each tier in two racks."""
    hosts: Document = {}
    for tier, count in COUNTS['full'].items():
        for number in range(1, count + 1):
            offset = HOST_OFFSET[tier] + number - 1
            host: Document = {
                'address': f'10.1.{THIRD_OCTET[zone_of(tier, number)]}.{offset}',
                'fault_domain': f'rack-{number}',
            }
            if tier == 'firewall':
                host['zone_addresses'] = {zone: f'10.1.{octet}.{offset}' for zone, octet in THIRD_OCTET.items()}
            hosts[host_name(tier, number)] = host
    return lab() | {
        'zones': {zone: {'subnet': f'10.1.{octet}.0/24'} for zone, octet in THIRD_OCTET.items()},
        'target': {
            'kind': 'onprem',
            'ssh_key_file': '~/.ssh/id_ed25519',
            'known_hosts_file': '~/.ssh/known_hosts',
            'hosts': hosts,
        },
    }


def with_values(document: Document, values: Document) -> Document:
    """Given a document and values by dotted path, return a copy with them; ABSENT takes a key out."""
    new = copy.deepcopy(document)
    for path, value in values.items():
        *parents, last = path.split('.')
        place = new
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is ABSENT:
            del place[last]
        else:
            place[last] = value
    return new


def platform_of(document: Document) -> Platform:
    """Given a document, return its platform. Raise InvalidFile."""
    return parse_platform(yaml.safe_dump(document, sort_keys=False), 'sample.yaml')


def problems_of(document: Document) -> list[Problem]:
    """Given a document, return all that is wrong with it."""
    try:
        platform_of(document)
    except InvalidFile as error:
        return list(error.problems)
    return []


def topology_from(document: Document) -> Topology:
    """Given the document of a good platform, return its topology."""
    return topology_of(platform_of(document))


def inventory_of(topology: Topology) -> Inventory:
    """Given a topology, return what a target hands over when it stands."""
    return Inventory(
        topology.platform,
        {
            host.name: InventoryHost(
                address=str(host.address),
                ssh_port=host.ssh_port,
                ssh_user='anlan',
                ssh_host_key=f'ssh-ed25519 KEY-OF-{host.name}',
                tier=host.tier,
                zone=host.zone,
                addresses={zone: str(address) for zone, address in host.addresses.items()},
                fault_domain=host.fault_domain,
            )
            for host in topology.hosts
        },
    )


def stand(platform: Platform) -> PlatformPaths:
    """Given a platform, write its outputs as if it stood (below ANLAN_VAR), and return its paths."""
    paths = PlatformPaths.of(platform.name)
    paths.make()
    topology = topology_of(platform)
    paths.outputs.write_text(json.dumps(outputs(platform, topology, inventory_of(topology))))
    return paths
