"""Where a restore may go, and above all where not."""

from __future__ import annotations

from pathlib import Path

import pytest

from backup.failure import BackupFailed, ExitClass
from backup.scratch import held, refusal, require_empty


@pytest.mark.parametrize('target', ['/', '/etc', '/etc/anlan', '/usr/local/x', '/srv/live', '/srv/live/a', '/srv', 'x',
                                    '/srv/live/../live/a', '/srv/other/../live'])  # fmt: skip
def test_a_live_path_is_refused_however_it_is_written(target: str) -> None:
    assert refusal(Path(target), (Path('/srv/live'),)) is not None


def test_a_name_that_only_begins_alike_is_another() -> None:
    assert refusal(Path('/srv/lively'), (Path('/srv/live'),)) is None


def test_a_live_root_that_is_itself_a_link_protects_what_it_leads_to(tmp_path: Path) -> None:
    real = tmp_path / 'real'
    real.mkdir()
    (tmp_path / 'live').symlink_to(real)
    assert refusal(real / 'below', (tmp_path / 'live',)) is not None


def test_a_way_through_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / 'live').mkdir()
    (tmp_path / 'innocent').symlink_to(tmp_path / 'live')
    assert refusal(tmp_path / 'innocent' / 'below', (tmp_path / 'live',)) is not None


def test_a_folder_is_held_by_one_and_left_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / 'deep' / 'target'
    with held(target, ()):
        with pytest.raises(BackupFailed, match='another restore') as failure, held(target, ()):
            pass
        assert failure.value.exit_class is ExitClass.TARGET_REFUSED
        assert not list(target.iterdir())
    with held(target, ()):
        (target / 'file').touch()
    with pytest.raises(BackupFailed, match='not empty'), held(target, ()):
        pass


def test_a_look_at_a_target_refuses_what_a_restore_refuses_and_makes_nothing(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    (tmp_path / 'empty').mkdir()
    for wrong, said in ((Path('/etc'), 'live path'), (Path('relative'), 'not an absolute path'),
                        (tmp_path, 'not empty'), (tmp_path / 'file' / 'below', 'not a folder')):  # fmt: skip
        with pytest.raises(BackupFailed, match=said) as failure:
            require_empty(wrong, ())
        assert failure.value.exit_class is ExitClass.TARGET_REFUSED
    require_empty(tmp_path / 'empty', ())
    require_empty(tmp_path / 'new' / 'deep', ())
    assert not (tmp_path / 'new').exists()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    with pytest.raises(BackupFailed, match='not a folder'), held(tmp_path / 'file', ()):
        pass
    with pytest.raises(BackupFailed, match='cannot be made'), held(tmp_path / 'file' / 'below', ()):
        pass
