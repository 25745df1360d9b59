"""The section `block_list`: networks that are never shut out are few and narrow."""

from __future__ import annotations

import pytest

from anlan.errors import InvalidFile
from tests.unit.samples import lab, platform_of, with_values


@pytest.mark.parametrize('network', ['203.0.113.0/28', '10.16.0.0/12', '2001:db8::/32', '192.0.2.7/32'])
def test_a_network_of_an_operator_may_be_kept_in(network: str) -> None:
    platform = platform_of(with_values(lab(), {'block_list.never': [network]}))
    assert [str(each) for each in platform.block_list.never] == [network]


@pytest.mark.parametrize('network', ['0.0.0.0/0', '10.0.0.0/8', '::/0', '2001::/16', '203.0.113.1/28', 'office'])
def test_half_the_internet_or_what_is_no_network_is_refused(network: str) -> None:
    with pytest.raises(InvalidFile) as refused:
        platform_of(with_values(lab(), {'block_list.never': [network]}))
    assert 'block_list.never' in str(refused.value)


@pytest.mark.parametrize(
    ('key', 'value'), [('seconds', 0), ('window_seconds', 0), ('maximum_entries', 1), ('nevr', [])]
)
def test_what_makes_no_sense_is_refused_by_its_path(key: str, value: object) -> None:
    with pytest.raises(InvalidFile, match=f'block_list.{key}'):
        platform_of(with_values(lab(), {f'block_list.{key}': value}))
