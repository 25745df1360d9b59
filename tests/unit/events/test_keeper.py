"""What a monitoring host says of its stores; and that the parts of the collection name the same port."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from anlan.platform.model import Configuration
from infra.flows import EVENTS_PORT, declared_flows
from tests.unit.events.programs import FILES, load

NOW = 1_800_000_000.0


@pytest.fixture(scope='module')
def program() -> ModuleType:
    return load('event-keeper')


def test_what_is_kept_of_each_host_is_told(program: ModuleType) -> None:
    stores = [
        program.Store('fw-1', 8192, 7, NOW - 9000, NOW - 20, 200.5, True),
        program.Store('lb-1', 0, 0, None, None, None, None),
    ]
    values = program.observe(stores, NOW)
    assert values == {
        'store_bytes': {'{from="fw-1"}': 8192.0, '{from="lb-1"}': 0.0},
        'store_heard_age_seconds': {'{from="fw-1"}': 20.0},
        'store_oldest_age_seconds': {'{from="fw-1"}': 9000.0},
        'store_projected_days': {'{from="fw-1"}': 200.5},
    }


def test_a_host_that_was_never_heard_has_nothing_and_no_age(program: ModuleType) -> None:
    values = program.observe([program.Store('lb-1', 0, 0, None, None, None, None)], NOW)
    assert values['store_bytes'] == {'{from="lb-1"}': 0.0}
    assert 'heard_age' not in program.exposition(values)


def test_every_metric_has_words_that_explain_it(program: ModuleType, tmp_path: Path) -> None:
    settings = program.Settings('mon-1', tmp_path, tmp_path, 180, 200, ('fw-1',), ('mon-1',))
    (tmp_path / 'chain.jsonl').write_text('x')
    chaining = program.Chaining(tmp_path / 'chain.jsonl', tmp_path / 'settings')
    text = program.exposition(program.look(settings, chaining, 1))
    assert 'anlan_events_chain_extended_timestamp_seconds ' in text
    assert 'anlan_events_store_retention_seconds 15552000' in text
    assert 'anlan_events_store_vacuum_failed 1' in text


def test_the_chain_is_extended_soon_after_the_start_and_then_once_an_hour(
    program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment: list[float] = [1000.0]
    started: list[float] = []

    class Ended:
        def poll(self) -> int:
            return 0

    monkeypatch.setattr(program.time, 'monotonic', lambda: moment[0])

    def begin(*_words: object, **_options: object) -> Ended:
        started.append(moment[0])
        return Ended()

    monkeypatch.setattr(program.subprocess, 'Popen', begin)
    chaining = program.Chaining(tmp_path / 'chain.jsonl', tmp_path / 'settings')
    for moment[0] in (1000.0, 1299.0, 1300.0, 1315.0, 4899.0, 4900.0):
        chaining.look()
    assert started == [1300.0, 4900.0]
    assert chaining.extended() is None


def test_a_store_that_cannot_be_cleaned_is_counted_and_said(
    program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'journalctl').write_text('#!/bin/sh\ncase "$*" in *fw-1*) exit 1;; esac\n')
    (tmp_path / 'journalctl').chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path), prepend=os.pathsep)
    assert not program.vacuum(tmp_path / 'fw-1', 180)
    assert 'fw-1: what is older than 180 days is not removed' in capsys.readouterr().err
    assert program.vacuum(tmp_path / 'lb-1', 180)


STORED: dict[tuple[str, ...], str] = {
    ('--field=ANLAN_EVENT',): 'intrusion\nblock\n',
    ('--field=ANLAN_SOURCE',): '192.0.2.1\n192.0.2.77/32\n198.51.100.1\n2001:0db8:0001:0002:0000:0000:0000:0005\n'
    '2001:db8:1:2::/64\n2001:dc8::1\nno-address\n',
}


def test_the_reader_asks_for_all_kinds_that_there_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reader = load('event-read')
    asked: list[tuple[str, ...]] = []

    def journal(store: Path, *words: str) -> str:
        asked.append(words)
        return STORED.get(words, '{"a": 1}\n')

    monkeypatch.setattr(reader, 'journal', journal)
    assert reader.events(tmp_path, 5.0, 7, sources=['192.0.2.1']) == ['{"a": 1}']
    assert asked[-1][2:] == (
        '--lines=7', '--since=@5.000000', 'ANLAN_EVENT=block', 'ANLAN_EVENT=intrusion', 'ANLAN_SOURCE=192.0.2.1',
    )  # fmt: skip
    reader.events(tmp_path, 5.0, 7, kinds=['waf'], requests=['ab12'])
    assert asked[-1][-2:] == ('ANLAN_EVENT=waf', 'ANLAN_REQUEST=ab12')


def test_what_is_usual_is_told_to_who_asks_for_it_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reader = load('event-read')
    asked: list[tuple[str, ...]] = []

    def journal(store: Path, *words: str) -> str:
        asked.append(words)
        return 'backup\n' if words == ('--field=ANLAN_EVENT',) else 'entry\n'

    monkeypatch.setattr(reader, 'journal', journal)
    assert reader.events(tmp_path, 0.0, 7) == []
    assert reader.events(tmp_path, 0.0, 7, kinds=['backup']) == ['entry']
    assert asked[-1][-1] == 'ANLAN_EVENT=backup'


@pytest.mark.parametrize(
    ('source', 'found'),
    [
        ('192.0.2.1', ['192.0.2.1']),
        ('192.0.2.0/24', ['192.0.2.1', '192.0.2.77/32']),
        ('::ffff:192.0.2.1', ['192.0.2.1']),
        ('2001:db8:1:2::5', ['2001:0db8:0001:0002:0000:0000:0000:0005', '2001:db8:1:2::/64']),
        ('2001:DB8:1:2:0::9', ['2001:db8:1:2::/64']),
        ('2001:db8::/32', ['2001:0db8:0001:0002:0000:0000:0000:0005', '2001:db8:1:2::/64']),
    ],
)
def test_a_source_is_found_in_any_spelling_in_its_network_and_by_its_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str, found: list[str]
) -> None:
    reader = load('event-read')
    asked: list[tuple[str, ...]] = []

    def journal(store: Path, *words: str) -> str:
        asked.append(words)
        return STORED.get(words, '')

    monkeypatch.setattr(reader, 'journal', journal)
    reader.events(tmp_path, 5.0, 7, kinds=['block'], sources=[source])
    assert [word for word in asked[-1] if word.startswith('ANLAN_SOURCE=')] == [
        f'ANLAN_SOURCE={each}' for each in found
    ]


def test_a_source_that_a_store_does_not_have_is_not_a_question_for_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    reader = load('event-read')
    monkeypatch.setattr(reader, 'journal', lambda store, *words: STORED.get(words, 'all'))
    assert reader.events(tmp_path, 5.0, 7, sources=['203.0.113.0/24']) == []


def test_a_store_without_events_is_not_asked_for_all_entries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a match journalctl would print the whole journal as events."""
    reader = load('event-read')
    monkeypatch.setattr(reader, 'journal', lambda store, *words: '' if words == ('--field=ANLAN_EVENT',) else 'all')
    assert reader.events(tmp_path, 0.0, 7) == []


def test_role_and_flows_name_the_same_port_and_every_zone_but_the_learners_sends() -> None:
    defaults = yaml.safe_load((FILES.parent / 'defaults' / 'main.yml').read_text(encoding='utf-8'))
    assert defaults['event_collection_port'] == EVENTS_PORT
    flows = [flow for flow in declared_flows(443) if EVENTS_PORT in flow.ports]
    # Firewalls and bastions stand in the zone of the monitoring hosts.
    assert {(flow.source, flow.destination) for flow in flows} == {
        (tier, 'monitoring') for tier in ('edge', 'balancer', 'app', 'data', 'offsite')
    }


def test_a_store_is_larger_than_the_smallest_that_the_journal_can_bound() -> None:
    assert Configuration().events_maximum_mib == 200
    with pytest.raises(ValueError, match='greater than or equal to 32'):
        Configuration(events_maximum_mib=8)
