"""Score: how much of what applies was verified, and how much of that passed. Two numbers, because one would mislead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compliance.saying import Said
from compliance.verdicts import ClauseVerdict

NO_OFFICIAL_RESULT = Said(
    '这不是网络安全等级测评结果，也不能代替它；测评结论只能由有资质的测评机构作出。',
    'This is no official result of a classified protection assessment (等级测评) and does not replace one; only an '
    'accredited assessor can give that.',
)
"""Stands beside every score."""


@dataclass(frozen=True)
class Score:
    """Numbers of clauses. `applicable` leaves out what does not apply and what others answer for (inherited)."""

    counts: Mapping[str, int]
    applicable: int
    verified: int
    passed: int
    waived: int
    high_risk_failed: tuple[str, ...]

    def lines(self) -> tuple[Said, Said]:
        """Return the two lines: the share that was verified, and the share of that which passed."""
        verified, passed = percent(self.verified, self.applicable), percent(self.passed, self.verified)
        waived = self.waived
        more = (
            f'；{waived} 条不通过已豁免，仍计为不通过',
            f'; {waived} failed and are waived, still counted as failed',
        )
        return (
            Said(
                f'已验证 {verified}：适用的 {self.applicable} 条中的 {self.verified} 条（通过或不通过）',
                f'verified {verified}: {self.verified} of the {self.applicable} clauses that apply (pass or fail)',
            ),
            Said(
                f'已验证中通过 {passed}：{self.verified} 条中的 {self.passed} 条{more[0] if waived else ""}',
                f'passed {passed} of what was verified: {self.passed} of {self.verified}{more[1] if waived else ""}',
            ),
        )

    def document(self) -> dict[str, Any]:
        """Return it as plain data; a share of nothing is None."""
        return {
            'counts': dict(self.counts), 'applicable': self.applicable, 'verified': self.verified,
            'passed': self.passed, 'waived': self.waived, 'high_risk_failed': list(self.high_risk_failed),
            'share_verified': _share(self.verified, self.applicable),
            'share_passed': _share(self.passed, self.verified),
            'note': {'zh': NO_OFFICIAL_RESULT.zh, 'en': NO_OFFICIAL_RESULT.en},
        }  # fmt: skip


def score_of(verdicts: Sequence[ClauseVerdict]) -> Score:
    """Given the verdicts of all clauses, return the score."""
    counts: dict[str, int] = {}
    for each in verdicts:
        counts[each.verdict] = counts.get(each.verdict, 0) + 1
    passed = counts.get('pass', 0)
    return Score(
        counts, len(verdicts) - counts.get('not-applicable', 0) - counts.get('inherited', 0),
        passed + counts.get('fail', 0), passed, sum(each.waived for each in verdicts),
        tuple(each.clause.id for each in verdicts if each.verdict == 'fail' and each.clause.high_risk),
    )  # fmt: skip


def percent(part: int, whole: int) -> str:
    """Given a part and the whole, return the share with one digit, half rounded up; but 99.96 % is not all."""
    if not whole:
        return '–'
    tenths = (part * 2000 + whole) // (2 * whole)
    return f'{min(tenths, 1000 if part >= whole else 999) / 10:.1f} %'


def _share(part: int, whole: int) -> float | None:
    return None if not whole else round(part / whole, 4)
