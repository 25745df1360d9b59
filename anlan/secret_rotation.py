"""The steps of a rotation that no host and no learner notices.

Where hosts cannot change at the same time, a new secret is made known first (`<name>_next`: accepted, not used yet),
then used (it becomes `<name>`, the one before is `<name>_previous` and still accepted), and the one before is forgotten
last, once `<name>_overlap_until` has passed. Each step is noted before it is brought to the hosts, and the next one is
taken only when every host has it: a run that is cut off anywhere is run again and goes on. Where it is nothing to
anybody that hosts differ for a moment, the first step is left out.

`<name>_overlap_seconds` is how long the one before is accepted. `<name>_login` says which of two logins has the present
password, where a program knows one password a login: `first`, if it is not there, or `second`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from anlan.errors import AnlanError, BadInput
from anlan.secret_store import generated, is_over, is_under_way, read_all, write_all

LOGINS = ('first', 'second')


class Stage(StrEnum):
    """Where the rotation of a secret is; hosts are to be brought what is new in every stage but two."""

    SETTLED = 'settled'
    ANNOUNCED = 'new one made known'
    USED = 'new one taken into use'
    OVERLAPPING = 'one before still accepted'
    RETIRING = 'one before taken away'


UNDER_WAY = (Stage.ANNOUNCED, Stage.USED, Stage.RETIRING)


def stage_of(file: Path, known: Mapping[str, str], name: str, now: datetime) -> Stage:
    """Given all that is kept and the time, return where the rotation of a secret is. Raise AnlanError."""
    if f'{name}_next' in known:
        return Stage.ANNOUNCED
    if is_under_way(known, name):
        return Stage.USED
    if f'{name}_previous' in known:
        return Stage.RETIRING if is_over(file, known, name, now) else Stage.OVERLAPPING
    return Stage.SETTLED


def stages(file: Path, names: Iterable[str], now: datetime | None = None) -> dict[str, Stage]:
    """Given the file of secrets and names, return where the rotation of each is. Raise AnlanError if unreadable."""
    known, moment = read_all(file), now or datetime.now(UTC)
    return {name: stage_of(file, known, name, moment) for name in names}


def under_way(file: Path, names: Iterable[str], now: datetime | None = None) -> dict[str, Stage]:
    """Given the file of secrets and names, return those for which hosts are still to be brought something."""
    return {name: stage for name, stage in stages(file, names, now).items() if stage in UNDER_WAY}


def begin(
    file: Path, announced: Mapping[str, float], at_once: Mapping[str, float], now: datetime | None = None
) -> None:
    """Given names with how many seconds the one before stays accepted, make each anew and note it, all in one step.

    Those of `announced` are made known before they are used. Nothing has reached a host yet. The caller holds the
    platform's lock. Raise BadInput if a rotation of one of them has not ended.
    """
    moment = now or datetime.now(UTC)
    known = read_all(file)
    for name in [*announced, *at_once]:
        if name not in known:
            raise AnlanError(f'{file} has no {name}; `anlan up` makes it')
        if (stage := stage_of(file, known, name, moment)) is not Stage.SETTLED:
            raise BadInput(f'{name} is being rotated ({stage.value}); that is ended first')
    for name, seconds in {**announced, **at_once}.items():
        known[f'{name}_overlap_seconds'] = f'{seconds:g}'
        if name in announced:
            known[f'{name}_next'] = generated()
        else:
            _use(known, name, generated(), moment)
    write_all(file, known)


def advance(file: Path, brought: Mapping[str, Stage], default_seconds: Mapping[str, float],
            now: datetime | None = None) -> None:  # fmt: skip
    """Given what every host was brought, by name, note that and take the next step of each, all in one step.

    `brought` is what was under way when the secrets were handed out. The overlap of a rotation that has none noted is
    of `default_seconds`. The caller holds the platform's lock since then. Again for the same, it changes nothing.
    """
    moment = now or datetime.now(UTC)
    known = read_all(file)
    before = dict(known)
    for name, stage in brought.items():
        if stage_of(file, known, name, moment) is not stage:
            continue
        if stage is Stage.ANNOUNCED:
            _use(known, name, known.pop(f'{name}_next'), moment)
        elif stage is Stage.USED:
            seconds = float(known.get(f'{name}_overlap_seconds', default_seconds.get(name, 0.0)))
            until = moment + timedelta(seconds=seconds if f'{name}_previous' in known else 0.0)
            known[f'{name}_overlap_until'] = until.isoformat(timespec='seconds')
        elif stage is Stage.RETIRING:
            known.pop(f'{name}_previous')
            known.pop(f'{name}_overlap_seconds', None)
    if known != before:
        write_all(file, known)


def shorten(file: Path, names: Iterable[str], now: datetime | None = None) -> None:
    """Given names of secrets that leaked, have what is older than the newest one of each count no more.

    Of a rotation that is under way the one before ends as soon as the new one is in use; one that still overlaps is
    forgotten. The caller holds the platform's lock.
    """
    moment = now or datetime.now(UTC)
    known = read_all(file)
    for name in names:
        stage = stage_of(file, known, name, moment)
        if stage in (Stage.ANNOUNCED, Stage.USED):
            known[f'{name}_overlap_seconds'] = '0'
        elif stage is Stage.OVERLAPPING:
            known.pop(f'{name}_previous')
    write_all(file, known)


def _use(known: dict[str, str], name: str, new: str, moment: datetime) -> None:
    login = known.get(f'{name}_login', LOGINS[0])
    known.pop(f'{name}_overlap_until', None)
    known |= {
        name: new,
        f'{name}_previous': known[name],
        f'{name}_rotated': moment.isoformat(timespec='seconds'),
        f'{name}_login': LOGINS[1 - LOGINS.index(login)],
    }
