"""`anlan events --stores`, `--verify`: what is amiss is the exit code, and nothing that is kept steers a terminal."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from anlan.cli import event_stores
from anlan.remote import Result, Unreachable
from tests.unit.cli.conftest import Anlan

HOSTS = {'mon-1': {'tier': 'monitoring'}, 'db-1': {'tier': 'data'}, 'client-1': {'tier': 'client'}}


class Standing:
    """A platform with one monitoring host, which answers what it is given."""

    def __init__(self, answer: Result | Unreachable) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def __enter__(self) -> tuple[Standing, dict[str, Any]]:
        return self, {'hosts': HOSTS}

    def __exit__(self, *_: object) -> None:
        return None

    def run_on_all(self, hosts: list[str], argv: list[str], _seconds: float) -> dict[str, Result | Unreachable]:
        self.asked = argv
        return dict.fromkeys(hosts, self.answer)


def said(*documents: dict[str, Any], code: int = 0) -> Result:
    return Result(code, '\n'.join(json.dumps(document) for document in documents), '', 0.1)


def store(host: str, **changes: Any) -> dict[str, Any]:
    now = time.time()
    return {
        'host': host, 'disk_bytes': 1, 'entries': 1, 'oldest': now - 9000, 'newest': now - 5, 'days': 300.0,
        'enough': True, 'retention_days': 180, 'silent_seconds': 5.0, **changes,
    }  # fmt: skip


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> Any:
    def stand(answer: Result | Unreachable) -> Standing:
        made = Standing(answer)
        monkeypatch.setattr(event_stores, 'observing', lambda _: made)
        monkeypatch.setattr(event_stores, 'require_bastion', lambda *_: None)
        return made

    return stand


def test_every_host_but_clients_is_missed_when_it_is_not_kept(anlan: Anlan, sample: Path, standing: Any) -> None:
    standing(said(store('mon-1'), store('db-1')))
    assert anlan('events', '-p', sample, '--stores').code == 0
    standing(said(store('mon-1'), code=1))
    ended = anlan('events', '-p', sample, '--stores', '--json')
    assert ended.code == 1
    assert json.loads(ended.out)['findings'] == ['mon-1: keeps nothing of db-1']


def test_what_was_found_in_a_store_is_printed_and_is_the_exit_code(anlan: Anlan, sample: Path, standing: Any) -> None:
    chain = {'chain': 'c', 'records': 1, 'heads': {'1': 'a'}, 'first': 1.0, 'last': time.time(), 'findings': []}
    kept = {'store': 'db-1', 'entries': 2, 'chained': 2, 'findings': []}
    own = kept | {'store': 'mon-1', 'chained': 0}
    made = standing(said(chain, own, kept))
    whole = anlan('events', '-p', sample, '--verify')
    assert (whole.code, '2 records were held against its chain' in whole.out) == (0, True)
    assert made.asked == ['sudo', '/usr/local/lib/anlan/event_verify.py']
    standing(said(chain, own, kept | {'findings': ['gone\x1b[2J']}, code=1))
    ended = anlan('events', '-p', sample, '--verify')
    assert (ended.code, '\x1b' in ended.out, 'mon-1: db-1: gone·[2J' in ended.out) == (1, False, True)


@pytest.mark.parametrize('question', ['--stores', '--verify'])
def test_a_host_that_does_not_answer_is_not_taken_for_one_that_is_right(
    anlan: Anlan, sample: Path, standing: Any, question: str
) -> None:
    standing(Unreachable('mon-1', 'no SSH session'))
    assert anlan('events', '-p', sample, question).code == 1
    standing(Result(1, '', 'sudo: a password is required\n', 0.1))
    assert 'sudo: a password is required' in anlan('events', '-p', sample, question).out
