"""Whom an attack may be aimed at: a host of a lab, and nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, ip_address
from typing import Any

from anlan.errors import BadInput


def require_target(outputs: Mapping[str, Any], address: str) -> str:
    """Given the outputs of a platform that stands and an address, return the address if an attack may be aimed at it.

    Raise BadInput unless the platform is a lab and the address belongs to one of its hosts or is virtual in it.
    """
    name = outputs['variables']['platform']['name']
    if outputs['variables']['platform']['target']['kind'] != 'lab':
        raise BadInput(f'{name} is no lab; attacks are aimed at the hosts of a lab only')
    try:
        wanted = ip_address(address)
    except ValueError:
        raise BadInput(f'{address!r} is no address; an attack is aimed at the address of a host') from None
    if not isinstance(wanted, IPv4Address) or str(wanted) not in _addresses(outputs):
        raise BadInput(f'{address} is no host of {name}; attacks are aimed at the hosts of a lab only')
    return str(wanted)


def _addresses(outputs: Mapping[str, Any]) -> set[str]:
    virtual = outputs['variables']['topology']['virtual_addresses'].values()
    hosts = (host['variables']['anlan_addresses'].values() for host in outputs['hosts'].values())
    return {address for each in hosts for address in each} | {each['address'] for each in virtual}
