"""The journal of a task: what is begun is on the disk before it begins, and its end after it, whatever became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from anlan.errors import AnlanError
from backup.failure import BackupFailed, ExitClass
from backup.record import Begun, Ended, Record, What, new_identity
from backup.task import Place

Keep = Callable[[Record], None]


@dataclass(frozen=True)
class Told:
    """What an end says beside its times: the values of its kind of record, and a failure with its sentence."""

    values: dict[str, Any] = field(default_factory=dict)
    failure: str | None = None
    sentence: str = ''


def recorded(
    keep: Keep, what: What, kind: type[Ended], subject: tuple[str, str, Place], work: Callable[[], Told],
    *, fixed: dict[str, Any] | None = None,
) -> Ended:  # fmt: skip
    """Given what is done of which (policy, host, place), do it, record it, and return its end, good or bad.

    `fixed` are values that its end has also when the work did not come to an end of its own.
    """
    policy, host, place = subject
    identity, began = new_identity(), datetime.now(UTC)
    keep(Begun(identity, what, policy, host, place, began))
    try:
        told = work()
    except BackupFailed as failure:
        told = Told(dict(fixed or {}), failure.exit_class.word, str(failure))
    except AnlanError as failure:
        told = Told(dict(fixed or {}), ExitClass.FAILED.word, str(failure))
    ended = kind(identity, policy, host, place, began, datetime.now(UTC), told.failure, told.sentence, **told.values)
    keep(ended)  # type: ignore[arg-type]
    return ended
