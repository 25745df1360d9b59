"""Retention classes: how long what kind of data must be kept, and no longer, each with what the number rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from backup.port import Retention

RetentionClass = Literal[
    'archive-six-years', 'archive-three-years', 'logs', 'evidence', 'database', 'configuration', 'content',
    'face-evidence',
]  # fmt: skip
DAYS_A_YEAR = 365.25


@dataclass(frozen=True)
class Bounds:
    """The fewest and the most days (None: no limit), and what they rest on, in both languages."""

    minimum_days: int
    maximum_days: int | None
    because_zh: str
    because_en: str


BOUNDS: dict[RetentionClass, Bounds] = {
    'archive-six-years': Bounds(
        2192, None, '特种作业人员培训档案不少于 6 年（赣应急字〔2024〕24号第15条；其他地区为项目默认）',
        'archives of special-operation workers: 6 years or more (Jiangxi art. 15; elsewhere our default)',
    ),
    'archive-three-years': Bounds(
        1096, None, '主要负责人和安全管理人员培训档案不少于 3 年（同上）',
        'archives of principals and safety managers: 3 years or more (the same)',
    ),
    'logs': Bounds(
        180, None, '网络日志不少于六个月（网络安全法第21条）', 'logs: six months or more (Cybersecurity Law, art. 21)'
    ),
    'evidence': Bounds(
        1096, None, '合规证据不少于 3 年（项目默认）', 'evidence of compliance: 3 years or more (our default)'
    ),
    'database': Bounds(28, 400, '数据库可回到四周内的任一时刻（项目默认）', 'any moment of four weeks (our default)'),
    'configuration': Bounds(
        90, None, '配置不少于一个季度（项目默认）', 'configuration: a quarter of a year or more (our default)'
    ),
    'content': Bounds(
        90, None, '课件不少于一个季度（项目默认）', 'courseware: a quarter of a year or more (our default)'
    ),
    'face-evidence': Bounds(
        1, 30, '人脸信息的保存期限应为最短，且不超过 30 天（人脸识别技术应用安全管理办法；30 天为项目默认）',
        'faces: the shortest time that does, at most 30 days (rules on face recognition; the 30 days are our default)',
    ),
}  # fmt: skip


def horizon_days(retention: Retention) -> int:
    """Given a retention, return the age in days that the last snapshot of a period surely reaches.

    Of weeks, months and years the one that runs counts among those that are kept, so one fewer is surely kept whole.
    Years are of 365.25 days, rounded up, as the bounds have them; months are as short as so many in a row can be.
    """
    return max(
        retention.within_days, retention.daily, max(0, retention.weekly - 1) * 7, _months(retention.monthly - 1),
        math.ceil(max(0, retention.yearly - 1) * DAYS_A_YEAR),
    )  # fmt: skip


def _months(count: int) -> int:
    """Given how many months in a row, return days that they surely have: a February takes two from the mean."""
    return int(count * DAYS_A_YEAR / 12) - 2 if count > 0 else 0


def kept_for(retention: Retention, language: Literal['zh', 'en']) -> str:
    """Given a retention and a language, return how long it surely keeps as people say it: days, or whole years."""
    days = horizon_days(retention)
    years = int(days / DAYS_A_YEAR)
    if years < 2:
        return f'{days} 天' if language == 'zh' else f'{days} days'
    return f'{years} 年' if language == 'zh' else f'{years} years'


def longest_days(retention: Retention) -> int:
    """Given a retention, return the greatest age in days that a snapshot of a policy that runs daily can reach."""
    return int(
        max(
            retention.last, retention.within_days, retention.daily, retention.weekly * 7, retention.monthly * 31,
            retention.yearly * DAYS_A_YEAR,
        )
    ) + 1  # fmt: skip


def breach(name: RetentionClass, retention: Retention) -> str | None:
    """Given a class and a policy's retention, return why it does not do for the class, or None."""
    bounds = BOUNDS[name]
    kept, most = horizon_days(retention), longest_days(retention)
    if kept < bounds.minimum_days:
        return f'keeps {kept} days; {name} needs {bounds.minimum_days}: {bounds.because_en}'
    if bounds.maximum_days is not None and most > bounds.maximum_days:
        return f'can keep {most} days; {name} allows {bounds.maximum_days}: {bounds.because_en}'
    return None
