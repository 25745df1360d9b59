"""A restore by restic that finds nothing says where what the snapshot holds lies."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backup.engines.restic import ResticEngine
from backup.engines.restic_program import Answer
from backup.engines.restic_settings import ResticSettings
from backup.failure import BackupFailed, ExitClass
from backup.port import Snapshot
from backup.running import Ran

from .moments import at

SOURCES = ('/var/lib/anlan/media', '/srv/other')


def test_nothing_below_a_path_names_the_sources_of_the_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(*_: Any, **__: Any) -> Answer:
        return Answer(Ran(0, (), 0.1), json.dumps({'message_type': 'summary'}), ())

    engine = ResticEngine(ResticSettings('/repository', tmp_path / 'password'))
    snapshot = Snapshot('368ddce6ff', 'media', 'app-1', at(0), at(1), SOURCES)
    monkeypatch.setattr(engine, 'list', lambda *_: (snapshot,))
    monkeypatch.setattr(engine, 'program', SimpleNamespace(ask=ask))
    with pytest.raises(BackupFailed) as failure:
        engine.restore('368ddce6', tmp_path / 'target', 5, paths=('/media', '/x'))
    assert failure.value.exit_class is ExitClass.NO_SNAPSHOT
    assert str(failure.value) == (
        'snapshot 368ddce6 holds nothing below /media, /x; what it holds lies below /var/lib/anlan/media, /srv/other'
    )
