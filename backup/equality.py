"""Equality: whether the other site holds what the local place holds, by counts, bytes and sampled hashes. Pure.

"The copy ran" is no proof of a copy: a place that has 3 % of the bytes is refused here, whatever the copy said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

CLOSE_SHARE = 0.02
"""By how much source bytes of one and the same snapshot may differ: engines count folders differently, no more."""

STORED_SHARE = 0.6
"""How many of the bytes stored here have to be stored there, where both store the same snapshots.

Compression and packing differ between repositories; what is less than this is no copy of the same.
"""

LEAST_SAMPLES = 4
MOST_NAMED = 5


@dataclass(frozen=True)
class Held:
    """One snapshot as one side holds it. `origin`: what both sides call it, its identity on the side that made it."""

    origin: str
    started: datetime
    files: int
    source_bytes: int


@dataclass(frozen=True)
class Side:
    """What one side holds of a policy. `samples`: sha256 of the content of files, by `snapshot:path`."""

    name: str
    snapshots: tuple[Held, ...]
    stored_bytes: int
    samples: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Equality:
    """What the comparison found. Equal only if there is no reason against it; `share` is that of the source bytes."""

    reasons: tuple[str, ...]
    snapshots: int
    compared_samples: int
    share: float

    @property
    def equal(self) -> bool:
        """Return whether the other side holds the same."""
        return not self.reasons


def compare(
    local: Side, remote: Side, now: datetime, most_lag: timedelta, *, same_storage: bool = True,
    forgotten_before: datetime | None = None,
) -> Equality:  # fmt: skip
    """Given both sides, the time and how far the copy may be behind, return whether the other side holds the same.

    Snapshots younger than `most_lag` may lack there. What the other side alone has is no fault: it keeps longer.
    `same_storage`: both sides store the snapshots in the same way, so that stored bytes can be compared.
    `forgotten_before`: what is older is being forgotten on either side and is left out.
    """
    expected = [each for each in local.snapshots if forgotten_before is None or each.started >= forgotten_before]
    due = [each for each in expected if each.started <= now - most_lag]
    there = {each.origin: each for each in remote.snapshots}
    reasons: list[str] = []
    if not due:
        reasons.append(
            f'{local.name} holds nothing that is old enough to compare, so nothing shows that the copy works'
        )
    reasons += _twice(local) + _twice(remote)
    reasons += _missing(due, there, remote.name)
    pairs = [(each, there[each.origin]) for each in expected if each.origin in there]
    reasons += _different(pairs, remote.name)
    here_bytes = sum(each.source_bytes for each in due)
    there_bytes = sum(there[each.origin].source_bytes for each in due if each.origin in there)
    share = there_bytes / here_bytes if here_bytes else float(not due or all(each.origin in there for each in due))
    if here_bytes and share < 1 - CLOSE_SHARE:
        reasons.append(f'{remote.name} holds {share:.1%} of the {here_bytes} source bytes of {local.name}')
    if same_storage and due and remote.stored_bytes < local.stored_bytes * STORED_SHARE:
        stored = remote.stored_bytes / local.stored_bytes
        reasons.append(f'{remote.name} stores {stored:.1%} of the {local.stored_bytes} bytes that {local.name} stores')
    both = sorted(set(local.samples) & set(remote.samples))
    reasons += _samples(local, remote, both, due, there)
    return Equality(tuple(reasons), len(pairs), len(both), share)


def sample(names: Iterable[str], count: int, seed: str) -> tuple[str, ...]:
    """Given names of files, how many, and a seed that nobody could foresee, return that many of them, in order.

    Both sides choose the same by the same seed, and a copy cannot keep just those that will be asked for.
    """
    ranked = sorted(set(names), key=lambda name: hashlib.sha256(f'{seed}\0{name}'.encode()).digest())
    return tuple(sorted(ranked[:count]))


def _twice(side: Side) -> list[str]:
    origins = [each.origin for each in side.snapshots]
    return [f'{side.name} names {each} twice' for each in sorted({each for each in origins if origins.count(each) > 1})]


def _missing(due: Sequence[Held], there: Mapping[str, Held], name: str) -> list[str]:
    missing = [each for each in due if each.origin not in there]
    if not missing:
        return []
    named = ', '.join(f'{each.origin[:12]} of {each.started:%Y-%m-%d %H:%M}' for each in missing[:MOST_NAMED])
    more = f' and {len(missing) - MOST_NAMED} more' if len(missing) > MOST_NAMED else ''
    return [f'{name} lacks {len(missing)} of {len(due)} snapshots: {named}{more}']


def _different(pairs: Sequence[tuple[Held, Held]], name: str) -> list[str]:
    reasons = []
    for here, there in pairs:
        said = f'{name}: snapshot {here.origin[:12]} of {here.started:%Y-%m-%d %H:%M}'
        if here.started != there.started:
            reasons.append(f'{said} is of {there.started:%Y-%m-%d %H:%M:%S} there')
        if here.files != there.files:
            reasons.append(f'{said} has {there.files} files there, {here.files} here')
        if abs(here.source_bytes - there.source_bytes) > here.source_bytes * CLOSE_SHARE:
            reasons.append(f'{said} has {there.source_bytes} bytes there, {here.source_bytes} here')
    if len(reasons) > MOST_NAMED:
        return [*reasons[:MOST_NAMED], f'{name}: and {len(reasons) - MOST_NAMED} more differences']
    return reasons


def _samples(
    local: Side, remote: Side, both: Sequence[str], due: Sequence[Held], there: Mapping[str, Held]
) -> list[str]:
    reasons = []
    wrong = [name for name in both if local.samples[name] != remote.samples[name]]
    if wrong:
        reasons.append(
            f'{remote.name}: {len(wrong)} of {len(both)} sampled files differ: {", ".join(wrong[:MOST_NAMED])}'
        )
    alone = sorted(set(local.samples) - set(remote.samples))
    if alone:
        reasons.append(f'{remote.name}: {len(alone)} sampled files could not be read: {", ".join(alone[:MOST_NAMED])}')
    files = sum(each.files for each in due if each.origin in there)
    needed = min(LEAST_SAMPLES, files)
    if due and len(both) < needed:
        reasons.append(f'{len(both)} sampled files were compared; {needed} are needed')
    return reasons
