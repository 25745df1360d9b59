"""`anlan cdn`: what is counted is said in words and units that people read, and JSON stays JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from anlan.cli import cdn
from anlan.cli.cdn import duration, print_caches, size
from anlan.cli.warming import Ladder
from anlan.remote import Result
from monitoring.delivery import CacheHost
from tests.unit.cli.conftest import Anlan, stand_in

OUTPUTS = {'hosts': {'lb-1': {'tier': 'balancer'}, 'edge-1': {'tier': 'edge'}, 'db-1': {'tier': 'data'}}}


class Caches:
    """Caches that all count the same."""

    def __init__(self) -> None:
        self.counted = {'removed': 28, 'removed_bytes': 2366937, 'removed_late': 0, 'faults': []}

    def run_on_all(self, names: Sequence[str], argv: Sequence[str], deadline_seconds: float) -> dict[str, Result]:
        if 'sh' in argv:
            return dict.fromkeys(names, Result(0, f'{time.time():.0f}\n[]\n', '', 0.1))
        return dict.fromkeys(names, Result(0, json.dumps(self.counted), '', 0.1))


@pytest.fixture
def caches(monkeypatch: pytest.MonkeyPatch) -> Caches:
    """Give caches that stand in for those of a platform."""
    hosts = Caches()

    stand_in(monkeypatch, cdn, hosts, OUTPUTS)
    return hosts


def test_what_to_purge_is_said_once(anlan: Anlan, sample: Path) -> None:
    both = anlan('cdn', 'purge', '--tag', 'x', '--all', '-p', sample)
    assert (both.code, both.said) == (2, 'anlan: give --tag or --all, not both')
    neither = anlan('cdn', 'purge', '-p', sample)
    assert (neither.code, neither.said) == (2, 'anlan: say what to purge: --tag TAG, or --all')


def test_a_purge_says_what_went_and_what_would_go(anlan: Anlan, sample: Path, caches: Caches) -> None:
    done = anlan('cdn', 'purge', '--tag', 'x', '-p', sample)
    assert done.code == 0
    assert done.out.splitlines() == ['  lb-1: 28 removed, 2.4 MB', '  edge-1: 28 removed, 2.4 MB']
    assert '✓ Purging the shield, then the edges' in done.said
    dry = anlan('cdn', 'purge', '--tag', 'x', '--dry-run', '-p', sample)
    assert dry.out.splitlines()[0] == '  lb-1: 28 would be removed, 2.4 MB'


def test_a_purge_that_found_nothing_ends_with_4(anlan: Anlan, sample: Path, caches: Caches) -> None:
    caches.counted |= {'removed': 0, 'removed_bytes': 0}
    ended = anlan('cdn', 'purge', '--tag', 'x', '-p', sample)
    assert ended.code == 4
    assert "no cache has anything with the tag 'x'" in ended.said


@pytest.mark.parametrize('words', [['purge', '--all'], ['show']], ids=' '.join)
def test_with_json_no_step_is_shown(anlan: Anlan, sample: Path, caches: Caches, words: list[str]) -> None:
    ended = anlan('cdn', *words, '--json', '-p', sample)
    assert json.loads(ended.out)
    assert ended.err == ''


def test_show_says_what_it_does_meanwhile(anlan: Anlan, sample: Path, caches: Caches) -> None:
    assert '✓ Asking the caches' in anlan('cdn', 'show', '-p', sample).said


def test_one_lesson_is_one_lesson(anlan: Anlan, sample: Path, caches: Caches, monkeypatch: pytest.MonkeyPatch) -> None:
    ladders = [Ladder('a', {'one': 'b', 'two': 'c'}, restricted=False)]
    monkeypatch.setattr(cdn, 'ladders_of_course', lambda remote, outputs, course: ladders)
    ended = anlan('cdn', 'warm', 'height', '--dry-run', '-p', sample)
    assert ended.out.strip() == 'would fetch 2 files of 1 lesson through edge-1'


def test_a_purge_of_nothing_pushes_no_purge_out_of_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    real = {'time': 1_700_000_000, 'tag': 'height', 'removed': 3}
    nothing = [{'time': 1_700_000_100 + count, 'tag': 'absent', 'removed': 0} for count in range(9)]
    print_caches([CacheHost('edge-1', 'edge', purges=[real, *nothing])])
    shown = [line for line in capsys.readouterr().out.splitlines() if 'purged' in line]
    assert shown == ['  purged 2023-11-14T22:13:20+00:00 edge-1: height, 3 removed']


@pytest.mark.parametrize(
    ('seconds', 'text'),
    [(14460, '4 h 1 min'), (14400, '4 h'), (3599, '59 min 59 s'), (60, '1 min'), (5, '5 s'), (0, '0 s'),
     (3601, '1 h 1 min'), (7199, '2 h')],
)  # fmt: skip
def test_a_duration_is_said_for_people_and_never_as_less_than_it_is(seconds: int, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ('size_bytes', 'text'), [(2366937, '2.4 MB'), (999, '999 B'), (1500, '1.5 kB'), (999_960, '1.0 MB'), (0, '0 B')]
)
def test_a_size_is_said_in_its_own_unit(size_bytes: int, text: str) -> None:
    assert size(size_bytes) == text
