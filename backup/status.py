"""What is known of each policy: plain data, as people and machines are told it. `judgement.py` makes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from backup.record import RestoreEnded

State = Literal['ok', 'unproven', 'late', 'failed', 'never']
WORST: tuple[State, ...] = ('never', 'failed', 'late', 'unproven', 'ok')
"""From the worst to the best: of several reasons the worst is the state."""


@dataclass(frozen=True)
class Reason:
    """Why a policy is not ok, in both languages."""

    state: State
    zh: str
    en: str


@dataclass(frozen=True)
class PolicyStatus:
    """What is known of one policy. `measured_*` are the worst of its last ten verified restores, None without one."""

    name: str
    state: State
    reasons: tuple[Reason, ...]
    first_success: datetime | None
    last_success: datetime | None
    last_verified_restore: datetime | None
    recovery_point_age_seconds: float | None
    recovery_points: Mapping[str, datetime | None]
    recovery_point_ages: Mapping[str, float]
    promised_recovery_point_seconds: int
    promised_recovery_time_seconds: int
    measured_recovery_point_seconds: float | None
    measured_recovery_time_seconds: float | None
    restores: tuple[RestoreEnded, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON data."""

        def moment(at: datetime | None) -> str | None:
            return None if at is None else at.astimezone(UTC).isoformat(timespec='seconds')

        return {
            'name': self.name,
            'state': self.state,
            'reasons': [asdict(each) for each in self.reasons],
            'last_success': moment(self.last_success),
            'last_verified_restore': moment(self.last_verified_restore),
            'recovery_point_age_seconds': self.recovery_point_age_seconds,
            'recovery_points': {place: moment(at) for place, at in self.recovery_points.items()},
            'promised': {
                'recovery_point_seconds': self.promised_recovery_point_seconds,
                'recovery_time_seconds': self.promised_recovery_time_seconds,
            },
            'measured': {
                'recovery_point_seconds': self.measured_recovery_point_seconds,
                'recovery_time_seconds': self.measured_recovery_time_seconds,
            },
        }


def document_of(statuses: Iterable[PolicyStatus], platform: str, now: datetime) -> dict[str, Any]:
    """Given statuses, the platform's name and the time, return what `anlan backup status --json` prints."""
    return {
        'platform': platform,
        'at': now.astimezone(UTC).isoformat(timespec='seconds'),
        'policies': [each.document() for each in statuses],
    }
