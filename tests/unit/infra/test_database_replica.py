"""What is done about the replica of the other site: the last copy of a database is never written over."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from typing import Any

import pytest

from anlan.paths import ROOT

FILE = ROOT / 'playbooks' / 'roles' / 'database_replica' / 'files' / 'database-replica'


@pytest.fixture
def program() -> Any:
    loader = importlib.machinery.SourceFileLoader('database_replica', str(FILE))
    specification = importlib.util.spec_from_loader(loader.name, loader)
    assert specification is not None
    module = importlib.util.module_from_spec(specification)
    loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ('is_there', 'reason', 'gone', 'since', 'deed'),
    [
        (False, 'there is none', None, 0, 'copy'),
        (True, None, None, 0, 'nothing'),
        (True, 'it is promoted', None, 990, 'copy'),
        (True, 'it receives nothing', None, 0, 'nothing'),
        (True, 'it receives nothing', 'requested WAL segment', 990, 'nothing'),
        (True, 'it receives nothing', 'requested WAL segment', 100, 'copy'),
        (True, 'it does not answer', None, 990, 'start'),
    ],
)
def test_what_cannot_follow_is_copied_anew_and_nothing_else(
    program: Any, is_there: bool, reason: str | None, gone: str | None, since: float, deed: str
) -> None:
    assert program.decide(is_there, reason, gone, since, 1000, 120)[0] == deed


def test_beside_another_database_it_is_kept_however_long(program: Any) -> None:
    said = f'FATAL: {program.ANOTHER} between primary and standby'
    assert program.decide(True, 'it receives nothing', said, 0, 1_000_000, 120, said) == ('keep', said)
    assert not any(words in said for words in program.GONE)


def test_a_history_that_left_is_seen_at_once(program: Any) -> None:
    said = 'FATAL: new timeline 2 forked off current database system timeline 1 before current recovery point 0/7000000'
    assert any(words in said for words in program.FORKED)


@pytest.mark.parametrize(('code', 'enabled'), [(0, False), (1, True)])
def test_a_replica_that_somebody_else_made_starts_by_itself_from_now_on(
    program: Any, monkeypatch: pytest.MonkeyPatch, code: int, enabled: bool
) -> None:
    ran: list[list[str]] = []

    def run(argv: list[str], *_: Any) -> Any:
        ran.append(argv)
        return type('Done', (), {'returncode': code if 'is-enabled' in argv else 0})

    monkeypatch.setattr(program, 'run', run)
    monkeypatch.setattr(program, 'there', lambda _: True)
    monkeypatch.setattr(program, 'follows', lambda: None)
    program.settle({}, dry_run=False)
    assert (['systemctl', 'enable', program.UNIT] in ran) is enabled


@pytest.mark.parametrize(
    ('here', 'leads', 'said'),
    [('111', '222', 'is kept as it is'), ('111', None, 'does not say which database'), (None, None, 'does not say')],
)
@pytest.mark.parametrize('signal', [True, False])
def test_the_copy_of_another_database_than_what_leads_is_never_written_over_promoted_or_not(
    program: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, here: str | None, leads: str | None, said: str,
    signal: bool,
) -> None:  # fmt: skip
    folder = tmp_path / 'test'
    if here:
        (folder / 'global').mkdir(parents=True)
        (folder / 'global' / 'pg_control').touch()
        if signal:
            (folder / 'standby.signal').touch()
    ran: list[list[str]] = []
    monkeypatch.setattr(program, 'run', lambda argv, *_: ran.append(argv))
    monkeypatch.setattr(program, 'identifier_here', lambda _: here)
    monkeypatch.setattr(program, 'identifier_of_leader', lambda _: leads)
    assert said in program.copy({'folder': str(folder)})
    assert ran == []
    assert not here or (folder / 'global' / 'pg_control').exists()


def test_a_copy_that_was_cut_off_between_two_renames_is_there_again(
    program: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    old = tmp_path / 'test.old' / 'global'
    old.mkdir(parents=True)
    (old / 'pg_control').touch()
    monkeypatch.setattr(program, 'identifier_here', lambda _: '111')
    monkeypatch.setattr(program, 'identifier_of_leader', lambda _: '222')
    assert 'is kept as it is' in program.copy({'folder': str(tmp_path / 'test')})
    assert (tmp_path / 'test' / 'global' / 'pg_control').exists()
