"""What nftables is told. That it takes it is tested on the lab's hosts."""

from __future__ import annotations

from tests.unit.block_list import network  # noqa: F401 - makes the program importable

from block_list.enforcement import commands, element_of, table_text  # isort: skip
from block_list.entries import Entry  # isort: skip


def entry(prefix: str, removed: bool = False, ends: float = 160.0) -> Entry:
    return Entry(prefix, 1.0, 'a', removed, ends, 0.0, 'waf', 'why', 'edge-1')


def test_a_block_replaces_the_element_so_that_its_time_is_new() -> None:
    assert list(commands([entry('192.0.2.1')], 100.0)) == [
        'add element inet anlan_blocks blocked_v4 { 192.0.2.1 timeout 1s }',
        'delete element inet anlan_blocks blocked_v4 { 192.0.2.1 }',
        'add element inet anlan_blocks blocked_v4 { 192.0.2.1 timeout 60000ms }',
    ]


def test_a_removal_is_no_error_where_there_is_nothing_and_what_has_ended_is_left_alone() -> None:
    assert [line.split()[0] for line in commands([entry('2001:db8::/64', removed=True)], 100.0)] == ['add', 'delete']
    assert list(commands([entry('192.0.2.1', ends=99.0)], 100.0)) == []


def test_the_table_drops_before_connection_tracking_and_any_other_table() -> None:
    text = table_text(
        [entry('192.0.2.1'), entry('2001:db8::/64'), entry('192.0.2.2', ends=50.0)], 100.0, ['198.18.1.2'], []
    )
    assert 'hook prerouting priority -350' in text
    assert 'elements = { 192.0.2.1 timeout 60000ms }' in text
    assert 'elements = { 2001:db8::/64 timeout 60000ms }' in text
    assert '192.0.2.2' not in text
    assert 'ip saddr != { 198.18.1.2 } udp dport 3783 counter drop' in text
    assert 'meta nfproto ipv6 udp dport 3783 counter drop' in text


def test_elements_are_read_as_nftables_lists_them() -> None:
    assert element_of({'elem': {'val': '1.2.3.4', 'timeout': 60, 'expires': 59}}) == ('1.2.3.4', 59.0)
    prefix = {'elem': {'val': {'prefix': {'addr': '2001:db8::', 'len': 64}}, 'timeout': 50, 'expires': 50}}
    assert element_of(prefix) == ('2001:db8::/64', 50.0)
    assert element_of({'elem': {'val': '::1.2.3.4', 'expires': 1}}) == ('::102:304', 1.0)


def test_what_is_no_prefix_as_it_is_written_here_becomes_no_command() -> None:
    injected = '2001:db8:1::99%x }; flush ruleset; add element inet anlan_blocks blocked_v6 { ::1/128'
    entries = [entry(prefix) for prefix in (injected, 'x; flush ruleset', '192.0.2.1/32', '2001:db8::1/64')]
    assert list(commands([*entries, entry(injected, removed=True)], 100.0)) == []
    text = table_text(entries, 100.0, [], [])
    assert 'flush' not in text
    assert 'elements' not in text
