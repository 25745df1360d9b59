"""What the enforcers say, put together: every way in which one of them can differ is found."""

from __future__ import annotations

from typing import Any

from monitoring.block_list import answer_of, enforcers_of, judge, missing

HOSTS = ('fw-1', 'fw-2', 'edge-1', 'edge-2')


def entry(prefix: str = '198.18.2.32', left: float = 300.0) -> dict[str, Any]:
    return {
        'prefix': prefix, 'sensor': 'waf', 'reason': 'SQL injection', 'origin': 'edge-2', 'left_seconds': left,
        'since': '2026-11-25T12:00:00+00:00', 'until': '2026-11-25T12:10:00+00:00',
    }  # fmt: skip


def answer(*prefixes: str, kernel: list[str] | None = None, fault: str | None = None) -> dict[str, Any]:
    entries = [entry(prefix) for prefix in prefixes]
    return {'entries': entries, 'in_kernel': list(prefixes) if kernel is None else kernel, 'fault': fault}


def answers(**changes: Any) -> dict[str, Any]:
    return {host: answer('198.18.2.32') for host in HOSTS} | {
        name.replace('_', '-'): it for name, it in changes.items()
    }


def test_the_same_everywhere_is_no_finding() -> None:
    listing = judge(answers())
    assert listing.findings == ()
    assert listing.blocks[0].on == HOSTS
    assert missing(listing, '198.18.2.32', wanted=True) == []
    assert missing(listing, '198.18.2.32', wanted=False) == list(HOSTS)


def test_a_host_that_lacks_a_block_in_its_list_or_only_in_its_kernel_is_named() -> None:
    for lacking in (answer(), answer('198.18.2.32', kernel=[])):
        listing = judge(answers(fw_2=lacking))
        assert listing.findings == ('fw-2: 198.18.2.32 is not shut out there',)
        assert missing(listing, '198.18.2.32', wanted=True) == ['fw-2']


def test_what_a_kernel_has_and_nobody_decided_is_named() -> None:
    listing = judge(answers(edge_1=answer('198.18.2.32', kernel=['198.18.2.32', '192.0.2.1'])))
    assert listing.findings == ('edge-1: 192.0.2.1 is shut out, and nobody decided it',)


def test_a_host_that_was_not_observed_is_never_taken_for_one_that_agrees() -> None:
    silent = judge(answers(fw_1='the connection broke'))
    assert silent.findings == ('fw-1: not observed: the connection broke',)
    assert missing(silent, '198.18.2.32', wanted=True) == ['fw-1']
    blind = judge(answers(fw_1=answer('198.18.2.32') | {'in_kernel': None, 'fault': 'no permission'}))
    assert any('not observed' in finding for finding in blind.findings)
    assert 'fw-1' not in blind.blocks[0].on


def test_a_list_that_is_not_in_force_is_said() -> None:
    assert judge(answers(fw_1=answer('198.18.2.32', fault='EPERM'))).findings == ('fw-1: not in force: EPERM',)


def test_a_block_that_is_nearly_over_may_be_gone_on_one() -> None:
    nearly = {'entries': [entry(left=2.0)], 'in_kernel': ['198.18.2.32'], 'fault': None}
    assert judge(dict.fromkeys(HOSTS, nearly) | {'fw-2': answer()}).findings == ()


def test_answers_that_are_none_are_reasons() -> None:
    assert answer_of('{"error": "no"}') == 'no'
    assert answer_of('[]') == answer_of('Traceback') == 'it gave no answer that can be read'
    assert answer_of('{"entries": []}') == {'entries': []}


def test_the_enforcers_are_the_firewalls_and_the_edges() -> None:
    hosts = {'fw-1': {'tier': 'firewall'}, 'edge-1': {'tier': 'edge'}, 'lb-1': {'tier': 'balancer'}}
    assert enforcers_of({'hosts': hosts}) == ['fw-1', 'edge-1']
