"""A moment that a database is gone back to: what was asked, how far can be gone back, from which backup. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from anlan.errors import BadInput
from backup.engines.pgbackrest_info import SEGMENT, Backup, Piece, chain, gaps, number_of
from backup.failure import BackupFailed, ExitClass

LATEST = 'latest'
PIECE_BYTES = 16 * 1024**2
CLOCKS = timedelta(seconds=60)
"""By so much the clocks of two hosts are taken to differ where one says when and the other what."""


@dataclass(frozen=True)
class Reach:
    """How far can be gone back in one place: from the end of its oldest backup to the last piece of the log there."""

    first: datetime
    last: datetime

    def spoken(self) -> str:
        """Return it in words."""
        return f'what is kept reaches from {plain(self.first)} to {plain(self.last)}'


@dataclass(frozen=True)
class Moment:
    """What would be restored for a moment, None for the latest. `pieces`: what of the log may be needed, old to new.

    `needed` of them are, as far as the times tell at which they were kept. `young`: the moment is younger than what is
    there of the log, so that the leader has to begin a new piece first. `whole`: a later backup, or the leader itself,
    shows that `pieces` has all from before the moment; times alone do not, for the log may have come late.
    """

    to_time: datetime | None
    backup: Backup
    pieces: tuple[Piece, ...]
    needed: int
    reach: Reach
    young: bool
    whole: bool

    @property
    def log_pieces(self) -> int:
        """Return how many pieces of the log are probably needed; histories of timelines are none."""
        return sum(each.number is not None for each in self.pieces[: self.needed])

    @property
    def log_bytes(self) -> int:
        """Return what the log takes restored."""
        return self.log_pieces * PIECE_BYTES

    @property
    def stored_bytes(self) -> int:
        """Return what is read of the log in the repository."""
        return sum(each.stored_bytes for each in self.pieces[: self.needed])


def wanted(text: str, now: datetime) -> datetime | None:
    """Given what was asked for and the time, return the moment in UTC, None for the latest. Raise BadInput."""
    if text.strip() == LATEST:
        return None
    try:
        found = datetime.fromisoformat(text.strip())
        if found.tzinfo is None:
            raise BadInput(f'--to-time: {text!r} has no zone; write {text.strip()}Z for UTC, or +08:00 at its end')
        moment = found.astimezone(UTC)
    except (ValueError, OverflowError):
        sentence = f'--to-time: {text!r} is neither `latest` nor a time such as 2026-11-26T10:42:00+08:00'
        raise BadInput(sentence) from None
    if moment > now:
        raise BadInput(f'--to-time: {plain(moment)} lies in the future; now it is {plain(now)}')
    return moment


def chosen(to_time: datetime | None, backups: Sequence[Backup], pieces: Sequence[Piece]) -> Moment:
    """Given a moment and what a place holds, from old to new, return what is restored for it.

    Raise BackupFailed if the place does not go back that far, or its log is broken on the way.
    """
    fit = [each for each in backups if each.first_segment and not each.damaged and not chain(each, backups)]
    if not fit:
        raise BackupFailed(ExitClass.NO_SNAPSHOT, 'there is no whole backup, so nothing can be gone back to')
    here = [each for each in pieces if each.number is not None]
    reach = Reach(fit[0].ended, max([each.kept for each in here] + [fit[-1].ended]))
    # A backup says its end in whole seconds: within that one it may not have ended yet.
    earlier = [each for each in fit if to_time is None or each.ended + timedelta(seconds=1) <= to_time]
    if not earlier:
        assert to_time is not None
        raise BackupFailed(ExitClass.NO_SNAPSHOT, f'{plain(to_time)} is too long ago: {reach.spoken()}')
    base = earlier[-1]
    mine = [each for each in pieces if each.number is None or each.number >= number_of(base.first_segment)]
    later = next((each for each in backups if to_time is not None and each.started > to_time + CLOCKS), None)
    whole = later is not None and later.last_segment != '' and later.archive == base.archive
    if later is not None and whole:
        # What was committed before a backup began stands before the end of what it needs.
        mine = [each for each in mine if each.number is None or each.number <= number_of(later.last_segment)]
    broken = gaps([each.name for each in mine if SEGMENT.match(each.name)], number_of(base.first_segment))
    if broken:
        raise BackupFailed(
            ExitClass.CORRUPT, f'after {base.label} {broken[0]}: {plain(to_time)} cannot be gone back to'
        )
    needed = len(mine)
    if to_time is not None:
        after = [each.number for each in mine if each.number is not None and each.kept > to_time + CLOCKS]
        if after:
            needed = sum(each.number is None or each.number <= min(after) + 1 for each in mine)
    return Moment(to_time, base, tuple(mine), needed, reach, to_time is None or to_time >= reach.last, whole)


def reached(moment: Moment, until: datetime) -> Moment:
    """Given a moment whose place has the whole log up to a time by now, return it so; BackupFailed if it is later."""
    if moment.to_time is not None and moment.to_time > until:
        reach = replace(moment.reach, last=until)
        raise BackupFailed(ExitClass.NO_SNAPSHOT, f'{plain(moment.to_time)} is too young: {reach.spoken()}')
    return replace(moment, reach=replace(moment.reach, last=max(moment.reach.last, until)), young=False, whole=True)


def plain(moment: datetime | None) -> str:
    """Given a moment, return it for people, in UTC; None is the latest."""
    if moment is None:
        return 'the latest moment'
    text = moment.astimezone(UTC).strftime('%Y-%m-%d %H:%M:%S.%f').rstrip('0').rstrip('.')
    return f'{text} UTC'
