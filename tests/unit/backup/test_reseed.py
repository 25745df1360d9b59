"""Local repositories are made anew from the other site, each by itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from anlan.errors import BadInput
from backup import reseed as module
from backup.failure import BackupFailed, ExitClass
from backup.places import FilePlace, Places
from backup.reseed import hand_to_keeper, reseed


@dataclass
class Engine:
    failure: BackupFailed | None = None
    done: list[str] = field(default_factory=list)

    def list(self, _: float) -> list[Any]:
        if self.failure is not None:
            raise self.failure
        return []

    def prepare_like(self, _: Any, __: float) -> bool:
        self.done.append('prepared')
        return True

    def copy(self, _: Any, __: float) -> Any:
        self.done.append('copied')

        class Copied:
            snapshots = ('a', 'b')

        return Copied()


@contextlib.contextmanager
def alone(repository: str, seconds: float) -> Iterator[None]:
    yield


def places(*repositories: str) -> Places:
    return Places(
        'ops-1',
        tuple(
            FilePlace(each, 'app-1', place, f'/{place}/{each}', '/key')
            for each in repositories
            for place in ('local', 'offsite')
        ),  # type: ignore[arg-type]
    )


def test_each_is_copied_back_one_that_never_was_is_left_out_and_one_that_is_away_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away = BackupFailed(ExitClass.UNREACHABLE, 'the store does not answer')
    never = BackupFailed(ExitClass.NO_REPOSITORY, 'there is none')
    engines = {
        '/offsite/media': Engine(), '/local/media': Engine(), '/offsite/etcd': Engine(away), '/local/etcd': Engine(),
        '/offsite/archive': Engine(never), '/local/archive': Engine(),
    }  # fmt: skip
    monkeypatch.setattr(FilePlace, 'engine', lambda self: engines[self.address])
    monkeypatch.setattr(module, 'hand_to_keeper', lambda _: None)
    assert reseed(places('media', 'etcd', 'archive'), 60, alone) == [
        {'repository': 'media', 'host': 'app-1', 'copied': 2, 'failure': None},
        {
            'repository': 'etcd', 'host': 'app-1', 'copied': 0, 'failure': ExitClass.UNREACHABLE.word,
            'sentence': 'the store does not answer',
        },
    ]  # fmt: skip
    assert engines['/local/media'].done == ['prepared', 'copied']
    assert engines['/local/etcd'].done == []


def test_a_host_that_keeps_no_copies_says_so() -> None:
    with pytest.raises(BadInput, match='no way to the other site'):
        reseed(Places('app-1', ()), 60, alone)


def test_what_was_made_belongs_to_who_owns_the_folder_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = tmp_path / 'app-1' / 'media'
    (repository / 'data').mkdir(parents=True)
    given: dict[Path, tuple[int, int]] = {}
    monkeypatch.setattr(module.os, 'chown', lambda path, user, group, **_: given.update({Path(path): (user, group)}))
    hand_to_keeper(repository)
    owner = tmp_path.stat()
    assert given == dict.fromkeys((tmp_path / 'app-1', repository, repository / 'data'), (owner.st_uid, owner.st_gid))
