"""Prefixes: what of a source is shut out, and what never is."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network
IPV6_LENGTH = 64
"""An IPv6 source is its /64: it has all of it for itself (RFC 6177), and blocking one address of it blocks nothing."""

STANDING = ('0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3', '::/127', 'fe80::/10', 'ff00::/8')
"""This host itself, neighbours on the link, groups, and no address at all."""


class Refused(Exception):
    """A source that is not shut out; `word` names the reason in metrics, the text says it to people."""

    def __init__(self, word: str, text: str) -> None:
        super().__init__(text)
        self.reason = (word, text)


class Never:
    """The addresses that are never shut out: every one of ours, and what the operators name."""

    def __init__(self, networks: Iterable[str]) -> None:
        wanted = [ip_network(text) for text in (*STANDING, *networks)]
        self._exact = {network for network in wanted if network.prefixlen == network.max_prefixlen}
        self._wide = [network for network in wanted if network.prefixlen < network.max_prefixlen]
        # The /64 of one of ours is shared with strangers: they are blocked by their single addresses.
        self._shared = {
            network.supernet(new_prefix=IPV6_LENGTH)
            for network in wanted
            if network.version == 6 and network.prefixlen > IPV6_LENGTH
        }

    def shares(self, network: IPv6Network) -> bool:
        """Given a /64, return whether one of ours stands in it."""
        return network in self._shared

    def covers(self, network: Network) -> bool:
        """Given a prefix, return whether any address in it must never be shut out."""
        if network in self._exact or (network.version == 6 and network in self._shared):
            return True
        return any(network.version == each.version and network.overlaps(each) for each in self._wide)

    def prefix_of(self, source: str) -> str:
        """Given a source as text, return the prefix to shut out: an IPv4 address, or an IPv6 /64 (/128 beside ours).

        Raise Refused if it is no address, wider than that, or must never be shut out.
        """
        network = parsed(source)
        if isinstance(network, IPv6Network) and network.prefixlen >= IPV6_LENGTH:
            wide = network.supernet(new_prefix=IPV6_LENGTH)
            if not self.shares(wide):
                network = wide
            elif network.prefixlen < network.max_prefixlen:
                raise Refused('ours', f'{source} holds addresses of the platform')
        if network.prefixlen < (32 if network.version == 4 else IPV6_LENGTH):
            raise Refused('wide', f'{source} is wider than one IPv4 address or one IPv6 /{IPV6_LENGTH}')
        if self.covers(network):
            raise Refused('ours', f'{source} is an address of the platform, or one that is never shut out')
        return text_of(network)


def parsed(source: str) -> Network:
    """Given an address or a prefix as text, return it as a network; an IPv4 address in IPv6 clothes is that address.

    Raise Refused if it is neither.
    """
    try:
        # What stands behind a percent sign names a link of one host, and may be any text.
        if '%' in source:
            raise ValueError
        network = ip_network(source)
    except ValueError:
        raise Refused('nonsense', f'{source[:60]!r} is no address') from None
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is None:
        return network
    if network.prefixlen < network.max_prefixlen:
        raise Refused('wide', f'{source} is wider than one IPv4 address')
    return ip_network(mapped)


def is_canonical(prefix: str) -> bool:
    """Given a prefix, return whether it is written as its bits are, and so holds nothing else."""
    try:
        network = ip_network(prefix)
    except ValueError:
        return False
    return text_of(type(network)((int(network.network_address), network.prefixlen))) == prefix


def text_of(network: Network) -> str:
    """Given a prefix, return it as text; a single address has no length behind it."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
