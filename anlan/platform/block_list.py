"""Block list: how long a source that attacked is shut out, and who never is."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from pydantic import field_validator

from anlan.platform.base import Section, key

WIDEST = {4: 12, 6: 32}
"""By version of IP, the shortest prefix that may never be shut out."""


class BlockList(Section):
    """Sources that attacked, shut out on every firewall and edge."""

    seconds: int = key(600, 'How long a source is shut out.', 600, unit='s', ge=1, le=86400)
    window_seconds: int = key(
        120, 'How long what a source did is held against it; 100 points within this time shut it out.', 120,
        unit='s', ge=1, le=3600,
    )  # fmt: skip
    maximum_entries: int = key(
        4096, 'How many sources may be shut out at once; more are refused, and said.', 4096, ge=16, le=32768
    )
    never: list[IPv4Network | IPv6Network] = key(
        list,
        "Networks that are never shut out, besides the platform's own addresses: the operators' office, for instance.",
        ['203.0.113.0/28'],
    )

    @field_validator('never')
    @classmethod
    def _not_everybody(cls, networks: list[IPv4Network | IPv6Network]) -> list[IPv4Network | IPv6Network]:
        for network in networks:
            if network.prefixlen < WIDEST[network.version]:
                raise ValueError(f'{network} is wider than a /{WIDEST[network.version]}: attackers would be in it too')
        return networks
