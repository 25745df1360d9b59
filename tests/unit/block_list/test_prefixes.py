"""What of a source is shut out, and what never is."""

from __future__ import annotations

import pytest

from tests.unit.block_list import network  # noqa: F401 - makes the program importable

from block_list.prefixes import Never, Refused, is_canonical  # isort: skip

NEVER = Never(['198.18.1.11', 'fd5c::2:12', '203.0.113.0/28'])


@pytest.mark.parametrize(
    ('source', 'prefix'),
    [
        ('198.18.2.32', '198.18.2.32'),
        ('198.18.2.32/32', '198.18.2.32'),
        ('::ffff:198.18.2.32', '198.18.2.32'),
        ('::ffff:198.18.2.32/128', '198.18.2.32'),
        ('::FFFF:C612:220/128', '198.18.2.32'),
        ('198.18.2.32/255.255.255.255', '198.18.2.32'),
        ('2001:0db8:0000::/64', '2001:db8::/64'),
        ('2001:db8::1', '2001:db8::/64'),
        ('2001:DB8:0::ffff', '2001:db8::/64'),
        ('2001:db8::/64', '2001:db8::/64'),
        # One of ours stands in this /64: the stranger beside it is shut out alone.
        ('fd5c::2:32', 'fd5c::2:32'),
    ],
)
def test_a_source_is_an_ipv4_address_or_an_ipv6_64(source: str, prefix: str) -> None:
    assert NEVER.prefix_of(source) == prefix


@pytest.mark.parametrize(
    ('source', 'reason'),
    [
        ('198.18.1.11', 'ours'),
        ('::ffff:198.18.1.11', 'ours'),
        ('::ffff:198.18.1.11/128', 'ours'),
        ('::ffff:127.0.0.1/128', 'ours'),
        ('203.0.113.7', 'ours'),
        ('fd5c::2:12', 'ours'),
        ('fd5c::/64', 'ours'),
        ('127.0.0.1', 'ours'),
        ('0.0.0.0', 'ours'),
        ('255.255.255.255', 'ours'),
        ('224.0.0.18', 'ours'),
        ('169.254.1.1', 'ours'),
        ('::1', 'ours'),
        ('::', 'ours'),
        ('fe80::1', 'ours'),
        ('ff02::1', 'ours'),
        ('198.18.2.0/24', 'wide'),
        ('0.0.0.0/0', 'wide'),
        ('2001:db8::/48', 'wide'),
        ('::/0', 'wide'),
        ('::ffff:198.18.2.32/127', 'wide'),
        ('::ffff:198.18.2.0/120', 'wide'),
        ('::ffff:0:0/96', 'wide'),
        ('198.18.2.32; drop', 'nonsense'),
        ('fe80::1%eth0', 'nonsense'),
        ('2001:db8::1%eth0', 'nonsense'),
        ('2001:db8:1::99%x }; flush ruleset; add element inet anlan_blocks blocked_v6 { ::1/128', 'nonsense'),
        ('2001:db8:1::%x/64', 'nonsense'),
        ('2001:db8:1::99%x}/128', 'nonsense'),
        ('fd5c::2:32%x; flush ruleset/128', 'nonsense'),
        ('198.18.2.32%1', 'nonsense'),
        ('%', 'nonsense'),
        ('198.18.2.33/31', 'nonsense'),
        ('', 'nonsense'),
        ('unknown', 'nonsense'),
    ],
)
def test_what_is_ours_or_wide_or_nonsense_is_refused_with_the_reason(source: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        NEVER.prefix_of(source)
    assert refused.value.reason[0] == reason


@pytest.mark.parametrize('prefix', ['198.18.2.32', '2001:db8::/64', 'fd5c::2:32'])
def test_what_is_written_as_it_is_here_is_canonical(prefix: str) -> None:
    assert is_canonical(prefix)


@pytest.mark.parametrize(
    'prefix',
    [
        '', 'x', '198.18.2.32/32', '2001:db8::1/64', '2001:DB8::/64', 'fd5c::2:32/128', '2001:db8::1%x',
        '2001:db8:1::99%x }; flush ruleset; add element inet anlan_blocks blocked_v6 { ::1/128',
    ],
)  # fmt: skip
def test_what_is_written_otherwise_is_not(prefix: str) -> None:
    assert not is_canonical(prefix)
