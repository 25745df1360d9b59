"""`anlan platform`: a file checked, described and shown, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.unit.cli.conftest import LAB, Anlan
from tests.unit.samples import Document, lab, topology_from, with_values

NAMES = [host.name for host in topology_from(lab()).hosts]
WRONG = with_values(lab(), {'tiers.data.count': 2, 'fault_domains': ['a']})


def test_a_good_file_is_said_to_be_good(anlan: Anlan, sample: Path) -> None:
    ended = anlan('platform', 'check', sample)
    assert ended.code == 0
    assert 'platform sample, size full, 17 hosts: no errors' in ended.said


def test_the_lab_is_checked_without_a_file(anlan: Anlan) -> None:
    ended = anlan('platform', 'check')
    assert ended.code == 0
    assert str(LAB) in ended.said


def test_a_wrong_file_ends_with_2_and_all_errors_by_path(
    anlan: Anlan, platform_file: Callable[[Document], Path]
) -> None:
    ended = anlan('platform', 'check', platform_file(WRONG))
    assert ended.code == 2
    assert ended.out == ''
    assert 'has 2 errors:' in ended.said
    assert 'fault_domains: names fewer than two' in ended.said
    assert 'tiers.data.count: 2 is below 3' in ended.said
    assert 'Traceback' not in ended.err


def test_a_good_file_as_json(anlan: Anlan, sample: Path) -> None:
    ended = anlan('platform', 'check', sample, '--json')
    assert ended.code == 0
    assert json.loads(ended.out) == {'valid': True, 'errors': [], 'platform': 'sample', 'hosts': 17}


def test_a_wrong_file_as_json(anlan: Anlan, platform_file: Callable[[Document], Path]) -> None:
    ended = anlan('platform', 'check', platform_file(WRONG), '--json')
    assert ended.code == 2
    document = json.loads(ended.out)
    assert document['valid'] is False
    assert [error['path'] for error in document['errors']] == ['fault_domains', 'tiers.data.count']
    assert all(error['reason'] for error in document['errors'])


@pytest.mark.parametrize('arguments', [['platform', 'check'], ['platform', 'show']])
def test_a_missing_file_ends_with_2_and_one_sentence(anlan: Anlan, tmp_path: Path, arguments: list[str]) -> None:
    ended = anlan(*arguments, tmp_path / 'none.yaml')
    assert ended.code == 2
    assert 'there is no such file' in ended.said
    assert 'Traceback' not in ended.err


def test_the_schema_is_json_that_describes_every_key(anlan: Anlan) -> None:
    ended = anlan('platform', 'schema')
    assert ended.code == 0
    document = json.loads(ended.out)
    assert document['$schema'].startswith('https://json-schema.org/')
    assert document['$defs']['PatroniTiming']['properties']['ttl_seconds']['unit'] == 's'


def test_the_tables_have_every_host_zone_and_flow_in_full_even_in_a_pipe(anlan: Anlan, sample: Path) -> None:
    ended = anlan('platform', 'show', sample)
    assert ended.code == 0
    topology = topology_from(lab())
    words = ended.out.split()
    for name in NAMES:
        assert name in words
    for network in topology.networks:
        assert {network.zone, str(network.subnet), str(network.gateway)} <= set(words)
    for flow in topology.flows:
        assert flow.name in words


def test_size_mini_is_shown_with_what_it_does_not_promise(
    anlan: Anlan, platform_file: Callable[[Document], Path]
) -> None:
    assert 'promises no availability' in anlan('platform', 'show', platform_file(lab('mini'))).out
    assert 'promises no availability' not in anlan('platform', 'show', platform_file(lab())).out


def test_the_topology_as_json(anlan: Anlan, sample: Path) -> None:
    ended = anlan('platform', 'show', sample, '--format', 'json')
    document = json.loads(ended.out)
    assert [host['name'] for host in document['hosts']] == NAMES
    assert document['virtual_addresses']['balancer']['address'] == '198.18.10.253'
    assert {'networks', 'flows'} <= set(document)


def test_the_topology_as_a_flowchart(anlan: Anlan, sample: Path) -> None:
    ended = anlan('platform', 'show', sample, '--format', 'mermaid')
    assert ended.out.startswith('flowchart TB\n')
    assert all(f'"{name}"' in ended.out or f'{name} ' in ended.out for name in NAMES if not name.startswith('fw'))


def test_the_topology_as_a_picture(anlan: Anlan, sample: Path) -> None:
    ended = anlan('platform', 'show', sample, '--format', 'svg')
    assert ElementTree.fromstring(ended.out).tag.endswith('svg')


def test_an_unknown_format_is_bad_input(anlan: Anlan, sample: Path) -> None:
    ended = anlan('platform', 'show', sample, '--format', 'pdf')
    assert ended.code == 2
    assert 'pdf' in ended.said


@pytest.mark.parametrize('shown', ['svg', 'mermaid', 'json'])
def test_a_file_that_is_asked_for_gets_what_is_shown_otherwise(
    anlan: Anlan, sample: Path, tmp_path: Path, shown: str
) -> None:
    file = tmp_path / 'shown'
    printed = anlan('platform', 'show', sample, '--format', shown).out
    ended = anlan('platform', 'show', sample, '--format', shown, '--output', file)
    assert ended.code == 0
    assert ended.out == ''
    assert file.read_text(encoding='utf-8').strip() == printed.strip()
    assert file.stat().st_mode & 0o777 == 0o644


def test_a_table_is_not_written_as_something_else(anlan: Anlan, sample: Path, tmp_path: Path) -> None:
    """Either the file holds the table, or it is refused; it must not hold a flowchart that nobody asked for."""
    file = tmp_path / 'shown'
    anlan('platform', 'show', sample, '--format', 'table', '--output', file)
    assert not file.exists() or not file.read_text().startswith('flowchart')


def test_a_folder_that_is_not_there_is_said(anlan: Anlan, sample: Path, tmp_path: Path) -> None:
    ended = anlan('platform', 'show', sample, '--format', 'svg', '--output', tmp_path / 'none' / 'shown.svg')
    assert ended.code in (1, 2)
    assert 'Traceback' not in ended.err
    assert 'none' in ended.said


@pytest.mark.parametrize('command', ['check', 'show'])
def test_the_file_is_given_by_its_place_by_an_option_or_by_the_environment(
    anlan: Anlan, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    by_place = anlan('platform', command, sample)
    assert by_place.code == 0
    assert 'latform sample' in by_place.out + by_place.said
    assert anlan('platform', command, '-p', sample) == by_place
    assert anlan('platform', command, '--platform', sample) == by_place
    assert anlan('platform', command, sample, '-p', sample) == by_place
    monkeypatch.setenv('ANLAN_PLATFORM', str(sample))
    assert anlan('platform', command) == by_place
    monkeypatch.setenv('ANLAN_PLATFORM', str(tmp_path / 'none.yaml'))
    assert anlan('platform', command, sample) == by_place


def test_two_files_are_one_too_many(anlan: Anlan, sample: Path) -> None:
    ended = anlan('platform', 'check', sample, '-p', LAB)
    assert ended.code == 2
    assert 'give one platform file' in ended.said


@pytest.mark.parametrize('words', [['platform', 'check'], ['up'], ['ssh'], ['cdn', 'purge'], ['block', 'list']])
def test_help_says_which_file_is_taken_without_one(anlan: Anlan, words: list[str]) -> None:
    assert 'infra/platforms/lab.yaml' in anlan(*words, '--help').out


def test_an_address_that_is_none_is_one_clean_error_as_json(
    anlan: Anlan, platform_file: Callable[[Document], Path]
) -> None:
    wrong = platform_file(with_values(lab(), {'block_list.never': ['banana'], 'limits.syns': -1}))
    ended = anlan('platform', 'check', '-p', wrong, '--json')
    assert ended.code == 2
    assert json.loads(ended.out)['errors'] == [
        {'path': 'block_list.never.0', 'reason': "'banana' is no network or address"},
        {'path': 'limits.syns', 'reason': '-1: needs per_second and burst'},
    ]
