"""Completion: what a shell is given for TAB is what there is, and nothing at all when something is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Anlan


@pytest.fixture
def completed(anlan: Anlan, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Give a function that completes the last of its words, and returns what a shell would offer."""

    def complete(*words: str | Path) -> list[str]:
        monkeypatch.setenv('_ANLAN_COMPLETE', 'complete_bash')
        monkeypatch.setenv('COMP_WORDS', ' '.join(['anlan', *map(str, words)]))
        monkeypatch.setenv('COMP_CWORD', str(len(words)))
        ended = anlan()
        assert (ended.code, ended.err) == (0, '')
        return ended.out.split()

    return complete


def test_ssh_completes_the_hosts_of_the_file_in_force(completed, sample, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    assert completed('ssh', 'db-') == ['db-1', 'db-2', 'db-3']
    assert 'client-1' in completed('ssh', '')
    for file in (sample, sample.parent / 'none.yaml'):
        monkeypatch.setenv('ANLAN_PLATFORM', str(file))
        assert completed('ssh', 'db-') == (['db-1', 'db-2', 'db-3'] if file == sample else [])


def test_a_file_that_is_given_goes_before_the_environment(completed, sample, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv('ANLAN_PLATFORM', str(sample.parent / 'none.yaml'))
    assert completed('ssh', '-p', sample, 'db-') == ['db-1', 'db-2', 'db-3']


def test_a_file_that_is_wrong_has_no_hosts(completed, sample, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    sample.write_text('name: [')
    monkeypatch.setenv('ANLAN_PLATFORM', str(sample))
    assert completed('ssh', '') == []


def test_warm_completes_the_courses(completed, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    assert completed('cdn', 'warm', 'haz') == ['hazardous-chemicals-storage']
    assert len(completed('cdn', 'warm', '')) > 1

    def broken() -> None:
        raise OSError('unreadable')

    monkeypatch.setattr('app_stack.release.model.load_courses', broken)
    assert completed('cdn', 'warm', '') == []
