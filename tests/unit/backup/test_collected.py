"""What a monitoring host believes of what hosts hand over: each refusal, and what is kept."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from anlan.errors import BadInput
from backup.announcement import FIELD
from backup.collected import Collected, collected_of, still_wanted, taken_in
from backup.record import Begun, CopyEnded, Lagged, PlantingEnded, Record, VerificationEnded, line_of
from backup.speakers import STORES, Speakers, read_speakers
from tests.unit.backup.policy_samples import HOUR, NOW, PROMISES, end, look, restore, run

HOSTS = ('app-1', 'app-2', 'db-1', 'mon-1', 'ops-1', 'vault-1')
SPEAKERS = Speakers(STORES, HOSTS, 'ops-1', ('db-1',), 'vault-1')
REFUSAL = partial(SPEAKERS.refusal, promises=PROMISES)


def entry(record: Record | str, number: int = 1, **changes: Any) -> str:
    """Given a record or what stands in its place, return the entry as journalctl prints it."""
    line = record if isinstance(record, str) else line_of(record)
    return json.dumps({'__CURSOR': f's=1;i={number}', FIELD: line, '_UID': '0'} | changes)


def of(sender: str, *entries: str) -> Collected:
    return taken_in(Collected(), sender, entries, REFUSAL, NOW)


def lag(host: str, place: str) -> Lagged:
    return Lagged('database', host, place, NOW, 0.1)


@pytest.mark.parametrize(
    ('sender', 'record'),
    [
        ('app-1', run(HOUR)),
        ('app-1', Begun('x', 'run', 'media', 'app-1', 'local', NOW)),
        ('ops-1', run(HOUR, policy='database', host='ops-1', place='offsite')),
        ('ops-1', CopyEnded(**end(HOUR, place='offsite'))),
        ('ops-1', look(HOUR)),
        ('ops-1', restore(HOUR)),
        ('vault-1', lag('vault-1', 'offsite')),
        ('db-1', lag('db-1', 'local')),
    ],
)
def test_who_did_a_thing_is_believed(sender: str, record: Record) -> None:
    assert of(sender, entry(record)) == Collected({sender: 's=1;i=1'}, (record,), {})


@pytest.mark.parametrize(
    ('sender', 'record'),
    [
        ('app-2', run(HOUR)),
        ('ops-1', run(HOUR)),
        ('app-1', run(HOUR, place='offsite')),
        ('app-1', CopyEnded(**end(HOUR, place='offsite'))),
        ('app-1', Begun('x', 'copy', 'media', 'app-1', 'offsite', NOW)),
        ('app-1', look(HOUR)),
        ('app-1', restore(HOUR)),
        ('app-1', VerificationEnded(**end(HOUR))),
        ('app-1', PlantingEnded(**end(HOUR))),
        ('db-1', lag('db-1', 'offsite')),
        ('db-1', lag('vault-1', 'offsite')),
        ('ops-1', lag('vault-1', 'offsite')),
        ('vault-1', lag('vault-1', 'local')),
        ('app-1', lag('app-1', 'local')),
    ],
)
def test_a_host_that_speaks_for_another_or_of_what_it_does_not_do_is_refused(sender: str, record: Record) -> None:
    assert of(sender, entry(record)) == Collected({sender: 's=1;i=1'}, (), {(sender, 'another'): 1})


@pytest.mark.parametrize(
    'record',
    [run(HOUR, policy='nothing-of-ours'), look(HOUR, host='app-99'), look(HOUR, place='moon')],
)
def test_what_is_of_no_policy_host_or_place_of_ours_is_refused(record: Record) -> None:
    assert of('ops-1', entry(record)).refused == {('ops-1', 'unknown'): 1}


@pytest.mark.parametrize(
    'line',
    ['', '{}', 'null', '[' * 10000, line_of(run(HOUR))[:-1], '{"kind": "run"}', 'x' * (1 << 21)],
)
def test_what_is_no_record_is_refused_and_what_follows_is_believed(line: str) -> None:
    found = of('app-1', entry(line, 1), entry(run(HOUR), 2))
    assert found == Collected({'app-1': 's=1;i=2'}, (run(HOUR),), {('app-1', 'unreadable'): 1})


@pytest.mark.parametrize('value', [None, ['one', 'two'], [300], 7])
def test_a_field_that_is_missing_double_or_no_text_is_refused(value: object) -> None:
    assert of('app-1', entry(run(HOUR), **{FIELD: value})).refused == {('app-1', 'unreadable'): 1}


@pytest.mark.parametrize('account', ['33', None, ['0', '0'], ''])
def test_what_another_account_than_root_wrote_is_refused(account: object) -> None:
    """Anybody on a host may write into its journal; who did is what the journal itself notes."""
    assert of('app-1', entry(run(HOUR), _UID=account)).refused == {('app-1', 'account'): 1}


def test_a_record_that_comes_as_bytes_is_read() -> None:
    record = run(HOUR, sentence='磁盘\u200b已满', failure='unreachable', recovery_point=None)
    assert of('app-1', entry(record, **{FIELD: list(line_of(record).encode())})).records == (record,)


def test_the_same_entries_read_again_change_nothing() -> None:
    entries = [entry(run(HOUR), 1), entry(run(2 * HOUR), 2)]
    once = of('app-1', *entries)
    assert taken_in(once, 'app-1', entries, REFUSAL, NOW) == once


def test_what_is_no_entry_of_a_journal_is_an_error() -> None:
    for line in ('cut of', '[]', '{}', '{"__CURSOR": 1}'):
        with pytest.raises(ValueError, match=r'.'):
            of('app-1', line)


def test_the_state_comes_back_from_its_file_and_nothing_else_does() -> None:
    found = of('app-1', entry(run(HOUR), 1), entry('{}', 2))
    assert collected_of(json.loads(json.dumps(found.document()))) == found
    for broken in (None, [], {}, {'version': 2}, found.document() | {'records': ['x']}):
        with pytest.raises((ValueError, KeyError, TypeError)):
            collected_of(broken)


def test_what_is_of_a_host_or_policy_that_is_gone_is_left_out() -> None:
    found = of('app-1', entry(run(HOUR)))
    assert still_wanted(found, SPEAKERS, PROMISES) == found
    without = Speakers(STORES, ('ops-1',), 'ops-1', (), None)
    assert still_wanted(found, without, PROMISES) == Collected()
    assert still_wanted(found, SPEAKERS, ()).records == ()


def test_speakers_come_back_from_their_file_and_a_broken_one_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / 'speakers.json'
    file.write_text(json.dumps(SPEAKERS.document()))
    assert read_speakers(file) == SPEAKERS
    for broken in ('', '[]', '{}', '{"version": 1}', json.dumps(SPEAKERS.document() | {'version': 2})):
        file.write_text(broken)
        with pytest.raises(BadInput, match='`anlan up` writes it anew'):
            read_speakers(file)
