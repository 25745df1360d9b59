"""The lab's plain data: one canonical form, names that fit, wrong inputs refused."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest

from infra.lab.model import BRIDGE_NAME_LENGTH, LABEL_DOCUMENT, LABEL_HASH, LabHost, LabNetwork, canonical_hash

NETWORK = LabNetwork('lab', 'uplink-a', IPv4Network('198.18.1.0/24'), IPv4Address('198.18.1.254'))
HOST = LabHost(
    'lab', 'fw-1', 'image:1', {'mgmt': IPv4Address('198.18.40.2'), 'app': IPv4Address('198.18.20.2')}, 256, 'ssh-x A b'
)


def test_the_hash_does_not_depend_on_the_order_of_keys() -> None:
    assert canonical_hash({'a': 1, 'b': {'c': 2, 'd': 3}}) == canonical_hash({'b': {'d': 3, 'c': 2}, 'a': 1})
    assert canonical_hash({'a': 1}) != canonical_hash({'a': 2})


def test_networks_and_hosts_survive_their_canonical_form() -> None:
    assert LabNetwork.from_document(NETWORK.document()) == NETWORK
    assert LabHost.from_document(HOST.document()) == HOST
    assert list(HOST.document()['addresses']) == ['app', 'mgmt']


def test_the_bridge_of_the_longest_platform_name_fits_into_an_interface_name() -> None:
    long = replace(NETWORK, platform='a-platform-name1')
    assert len(long.bridge) == BRIDGE_NAME_LENGTH
    assert long.bridge != NETWORK.bridge


def test_labels_hold_what_only_a_new_container_can_change_and_no_key() -> None:
    changed = replace(HOST, memory_mib=512, ssh_public_key='ssh-x B c', powered=False)
    assert changed.labels() == HOST.labels()
    assert 'ssh-x' not in HOST.labels()[LABEL_DOCUMENT]
    assert replace(HOST, image='image:2').labels()[LABEL_HASH] != HOST.labels()[LABEL_HASH]


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        ({'addresses': {}}, 'at least one zone'),
        ({'memory_mib': 63}, '63 is below 64'),
        ({'ssh_public_key': 'a\nb'}, 'one line'),
        ({'addresses': {'app': '198.18.20.300'}}, '300'),
    ],
)
def test_a_wrong_host_is_refused_with_its_reason(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        LabHost.from_document(HOST.document() | change)


def test_a_gateway_outside_its_subnet_is_refused() -> None:
    with pytest.raises(ValueError, match=r'198\.18\.2\.254 is not in 198\.18\.1\.0/24'):
        LabNetwork.from_document(NETWORK.document() | {'gateway': '198.18.2.254'})


def test_ipv6_survives_the_canonical_form_and_without_it_nothing_of_it_is_there() -> None:
    network = replace(NETWORK, ipv6_subnet=IPv6Network('fd00:1::/64'), ipv6_gateway=IPv6Address('fd00:1::254'))
    assert LabNetwork.from_document(network.document()) == network
    host = replace(HOST, ipv6_addresses={'app': IPv6Address('fd00:1::2')})
    assert LabHost.from_document(host.document()) == host
    # What stands without IPv6 stays as it is: its hash does not change.
    assert not [key for key in {**NETWORK.document(), **HOST.document()} if 'ipv6' in key]


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        ({'ipv6_subnet': 'fd00:1::/64'}, 'one without the other'),
        ({'ipv6_subnet': 'fd00:1::/64', 'ipv6_gateway': 'fd00:2::1'}, 'is not in fd00:1::/64'),
    ],
)
def test_a_wrong_ipv6_network_is_refused(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        LabNetwork.from_document(NETWORK.document() | change)


def test_an_ipv6_address_in_a_zone_of_which_the_host_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match='not in addresses'):
        LabHost.from_document(HOST.document() | {'ipv6_addresses': {'dmz': 'fd00:1::2'}})
