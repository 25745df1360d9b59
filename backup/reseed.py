"""Reseeding: after the loss of the main site its local repositories are made anew from those in the other site."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from anlan.deadline import Deadline
from anlan.errors import BadInput
from backup.failure import BackupFailed, ExitClass
from backup.places import Places

WAIT_SECONDS = 600.0
Alone = Callable[[str, float], AbstractContextManager[None]]


def reseed(places: Places, seconds: float, alone: Alone) -> list[dict[str, Any]]:
    """Given the keeper's places, copy to each local repository what the other site has and it has not.

    Return by repository and host how many snapshots were copied, and what kept it from being done; a repository that
    the other site never had is left out. `alone` holds a repository. Raise BadInput if this host is not the keeper.
    """
    pairs = [(there, places.one(there.repository, there.host, 'local')) for there in places.files
             if there.place == 'offsite']  # fmt: skip
    if not pairs:
        raise BadInput(f'{places.host} has no way to the other site; the host that keeps the copies has')
    deadline, done = Deadline(seconds), []
    for offsite, local in pairs:
        about: dict[str, Any] = {'repository': local.repository, 'host': local.host, 'copied': 0, 'failure': None}
        try:
            with alone(local.repository, min(WAIT_SECONDS, deadline.remaining_seconds())):
                source, target = offsite.engine(), local.engine()
                source.list(deadline.remaining_seconds())
                target.prepare_like(source, deadline.remaining_seconds())
                about['copied'] = len(target.copy(source, deadline.remaining_seconds()).snapshots)
                hand_to_keeper(Path(local.address))
        except BackupFailed as failure:
            if failure.exit_class is ExitClass.NO_REPOSITORY:
                continue
            about |= {'failure': failure.exit_class.word, 'sentence': str(failure)}
        done.append(about)
    return done


def hand_to_keeper(repository: Path) -> None:
    """Given a local repository that was made here, give it to the account that takes snapshots from its host.

    That account owns the folder of all of them, two above; root made this one.
    """
    owner = repository.parent.parent.stat()
    for path in (repository.parent, repository, *repository.rglob('*')):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
