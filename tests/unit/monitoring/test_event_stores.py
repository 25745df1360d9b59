"""What the monitoring hosts keep, judged: silence, rooms that are too small, and chains that do not agree."""

from __future__ import annotations

import json
from typing import Any

from monitoring.event_stores import Proof, judge_proofs, judge_stores, kept_of, proof_of

NOW = 1_800_000_000.0
STORE: dict[str, Any] = {
    'host': 'db-1', 'disk_bytes': 8388608, 'entries': 7, 'oldest': NOW - 9000, 'newest': NOW - 60, 'days': 300.0,
    'enough': True, 'retention_days': 180, 'silent_seconds': 60.0,
}  # fmt: skip


def stores(**changes: Any) -> tuple[str, ...]:
    """Return what is found where mon-1 keeps of db-1 what is given."""
    answer = kept_of('mon-1', json.dumps(STORE | changes))
    return judge_stores({'mon-1': answer}, ['db-1'], NOW).findings


def test_a_host_that_is_heard_and_has_room_is_right() -> None:
    assert stores() == ()


def test_a_host_that_is_silent_is_named_with_its_time() -> None:
    assert stores(newest=NOW - 1800) == ('mon-1: has heard nothing of db-1 for 30 min',)


def test_a_host_that_was_never_heard_or_is_not_told_of_is_named() -> None:
    assert stores(newest=None, oldest=None) == ('mon-1: keeps nothing of db-1',)
    answer = kept_of('mon-1', json.dumps(STORE))
    assert judge_stores({'mon-1': answer}, ['db-1', 'ops-1'], NOW).findings == ('mon-1: keeps nothing of ops-1',)


def test_a_room_that_will_not_do_is_told_and_one_that_is_not_known_is_no_finding() -> None:
    assert stores(enough=False, days=31.4) == ('mon-1: db-1 is to be kept 180 days; its room will do for 31 days',)
    unknown = judge_stores(
        {'mon-1': kept_of('mon-1', json.dumps(STORE | {'enough': None, 'days': None}))}, ['db-1'], NOW
    )
    assert (unknown.findings, unknown.unknown) == ((), ('mon-1: db-1',))


def test_a_monitoring_host_that_says_nothing_or_rubbish_is_not_observed() -> None:
    for answer in (
        'no SSH session',
        kept_of('mon-1', 'Traceback'),
        kept_of('mon-1', '{"host": "db-1"}'),
        kept_of('m', ''),
    ):
        assert isinstance(answer, str)
        (finding,) = judge_stores({'mon-1': answer}, ['db-1'], NOW).findings
        assert finding.startswith('mon-1: not observed: ')


CHAIN: dict[str, Any] = {
    'chain': 'c1', 'records': 3, 'heads': {'1': 'a', '2': 'b', '3': 'c'}, 'first': NOW - 9000, 'last': NOW - 600,
    'findings': [],
}  # fmt: skip


def proof(*witnessed: dict[str, Any], store: dict[str, Any] | None = None, **changes: Any) -> Proof:
    lines = [CHAIN | changes, {'store': 'db-1', 'entries': 9, 'chained': 8, 'findings': []} | (store or {}), *witnessed]
    found = proof_of('\n'.join(json.dumps(line) for line in lines))
    assert isinstance(found, Proof)
    return found


def told(number: int, head: str, chain: str = 'c1', seconds: float = 600) -> dict[str, Any]:
    return {'witnessed': 'mon-1', 'chain': chain, 'number': str(number), 'head': head, 'time': NOW - seconds}


def test_chains_that_are_what_others_were_told_are_right() -> None:
    found = judge_proofs({'mon-1': proof(), 'mon-2': proof(told(1, 'a'), told(3, 'c'), chain='c2')}, ['db-1'], NOW)
    assert (found.findings, found.notes, found.chained) == ((), (), {'mon-1': 8, 'mon-2': 8})


def test_what_a_host_found_in_its_own_stores_is_told() -> None:
    found = judge_proofs({'mon-1': proof(store={'findings': ['x is gone']}, findings=['record 2: y'])}, ['db-1'], NOW)
    assert found.findings == ('mon-1: the chain: record 2: y', 'mon-1: db-1: x is gone')


def test_a_chain_that_was_rewritten_is_another_than_was_told() -> None:
    found = judge_proofs({'mon-1': proof(), 'mon-2': proof(told(2, 'forged'), chain='c2')}, ['db-1'], NOW)
    (finding,) = found.findings
    assert finding == 'mon-1: the chain: record 2 is another than the one that was written then (as mon-2 was told)'


def test_a_chain_whose_end_was_cut_off_is_found() -> None:
    (finding,) = judge_proofs(
        {'mon-1': proof(), 'mon-2': proof(told(4, 'd'), told(5, 'e'), chain='c2')}, ['db-1'], NOW
    ).findings
    assert finding.startswith('mon-1: the chain: 2 records at its end are gone')


def test_what_was_told_while_the_question_was_under_way_is_not_missed() -> None:
    assert (
        judge_proofs({'mon-1': proof(), 'mon-2': proof(told(4, 'd', seconds=5), chain='c2')}, ['db-1'], NOW).findings
        == ()
    )


def test_a_chain_that_began_anew_is_said_and_is_no_finding() -> None:
    found = judge_proofs({'mon-1': proof(), 'mon-2': proof(told(9, 'z', chain='c0'), chain='c2')}, ['db-1'], NOW)
    assert found.findings == ()
    assert 'began anew; of the one before, 1 records were witnessed' in found.notes[0]


def test_a_chain_that_is_not_extended_any_more_is_found() -> None:
    (finding,) = judge_proofs({'mon-1': proof(last=NOW - 3 * 3600)}, ['db-1'], NOW).findings
    assert finding == 'mon-1: the chain: it was last extended 3.0 h ago'


def test_a_host_that_gives_no_proof_is_not_observed() -> None:
    for text in ('', 'Traceback', '{"store": "db-1"}', '{"chain": "c1"}'):
        answer = proof_of(text)
        assert isinstance(answer, str)
        assert judge_proofs({'mon-1': answer}, ['db-1'], NOW).findings[0].startswith('mon-1: not observed: ')


def test_a_store_of_which_the_answer_says_nothing_is_not_taken_for_right() -> None:
    found = judge_proofs({'mon-1': proof()}, ['db-1', 'ops-1'], NOW)
    assert found.findings == ('mon-1: says nothing of what it keeps of ops-1',)
