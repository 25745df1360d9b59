"""The judgement: from promises, records and what the places hold to the state of each policy. Pure.

Nothing unobserved is ever ok: what nobody looked at is a reason, as is what went wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from backup.failure import MEANING, ExitClass
from backup.port import Snapshot
from backup.record import (
    CopyEnded,
    Ended,
    Lagged,
    Looked,
    PlantingEnded,
    Record,
    RestoreEnded,
    RunEnded,
    StolenEnded,
    VerificationEnded,
    moment_of,
    unfinished,
)
from backup.status import WORST, PolicyStatus, Reason, State
from backup.task import Promise

DAY_SECONDS = 86400
SOUND_WITHIN_DAYS = {'structure': 2, 'data': 8, 'equality': 2}
"""How old the last sound look may be, by its depth: the time between two, and a day more."""

PLANTING_DAYS = 8
"""How old the last planting of damage may be. Without one nobody knows whether the checks see anything."""

LAG_FRESH_SECONDS = 120
"""How long a measurement of a copy in real time stands for that copy as it is now. Then it ages."""

LAG_SEEN_SECONDS = 900
"""How old a measurement of a copy in real time may be and still say where that copy is."""

LOOK_SECONDS = 6 * 3600
"""How old the last look at a place may be, where nobody looks now."""

AHEAD_SECONDS = 300
"""By how much a record may be ahead of the clock here. One that is further ahead is believed in nothing but that."""

LAST_RESTORES = 10
PLACE_ZH = {'local': '本地', 'offsite': '异地'}
PLACE_EN = {'local': 'local', 'offsite': 'off-site'}

Held = Mapping[tuple[str, str], Sequence[Snapshot] | None]
"""The snapshots by policy and place, as listed now; None where the place did not answer."""

_Kind = TypeVar('_Kind')


def judge(
    promises: Sequence[Promise], records: Sequence[Record], now: datetime, held: Held | None = None
) -> tuple[PolicyStatus, ...]:
    """Given promises, the records of all hosts, the time, and the snapshots if places were asked, return the states.

    Without `held`, the last look at each place on record counts, while it is not older than LOOK_SECONDS.
    """
    return tuple(_Judgement(promise, records, now, held).status() for promise in promises)


def spoken(seconds: float, language: str = 'en') -> str:
    """Given a span and a language, return it as people say it."""
    units = {'en': ('s', 'min', 'h', 'days'), 'zh': ('秒', '分钟', '小时', '天')}[language]
    limits = ((120.0, 1.0), (7200.0, 60.0), (2.0 * DAY_SECONDS, 3600.0), (float('inf'), float(DAY_SECONDS)))
    for unit, (limit, divisor) in zip(units, limits, strict=True):
        if abs(seconds) < limit:
            return (
                f'{seconds / divisor:.3g} {unit}'
                if divisor == 1
                else f'{seconds / divisor:.1f}'.removesuffix('.0') + f' {unit}'
            )
    raise AssertionError(seconds)


def present(records: Iterable[Record], now: datetime) -> list[Record]:
    """Given records and the time, return those that are not of the future."""
    return [each for each in records if not is_ahead(each, now)]


def is_ahead(record: Record, now: datetime) -> bool:
    """Given a record and the time, return whether it, or what it says is kept, is of the future: a clock is wrong."""
    kept = record.newest if isinstance(record, Looked) else getattr(record, 'recovery_point', None)
    moments = [moment_of(record), *([kept] if kept is not None else [])]
    return any((at - now).total_seconds() > AHEAD_SECONDS for at in moments)


class _Judgement:
    """One policy, judged."""

    def __init__(self, promise: Promise, records: Sequence[Record], now: datetime, held: Held | None) -> None:
        self.promise, self.now, self.held = promise, now, held
        own = [each for each in records if each.policy == promise.policy]
        # What a clock that is ahead says would be newer than all that is true.
        self.records = present(own, now)
        self.ahead = len(self.records) < len(own)
        self.reasons: list[Reason] = []
        runs = [each for each in self.of(RunEnded) if not isinstance(each, CopyEnded)]
        self.good = [each for each in runs if each.recovery_point is not None and each.failure in {None, 'incomplete'}]
        self.first_success = min((each.ended for each in self.good), default=None)

    def status(self) -> PolicyStatus:
        restores = sorted(self.of(RestoreEnded), key=lambda each: each.ended)
        verified = [each for each in restores if each.verified]
        points: dict[str, datetime | None] = {place: self.point(place) for place in self.promise.places}
        self.see_runs()
        self.see_failures()
        self.see_points(points)
        self.see_restores(restores, verified)
        self.see_looks()
        self.see_plantings()
        self.see_stolen()
        self.see_clock_and_ends()
        if not self.good:
            # What follows from it says nothing more.
            self.reasons = [each for each in self.reasons if each.state in {'never', 'failed'}]
        known = [at for at in points.values() if at is not None]
        last_ten = verified[-LAST_RESTORES:]
        lost = [each.lost_seconds for each in self.telling(last_ten) if each.lost_seconds is not None]
        return PolicyStatus(
            name=self.promise.policy,
            state=min((each.state for each in self.reasons), key=WORST.index, default='ok'),
            reasons=tuple(sorted(self.reasons, key=lambda each: WORST.index(each.state))),
            first_success=self.first_success,
            last_success=max((each.ended for each in self.good), default=None),
            last_verified_restore=verified[-1].ended if verified else None,
            recovery_point_age_seconds=self.age(min(known)) if known and len(known) == len(points) else None,
            recovery_points=points,
            recovery_point_ages={place: self.age(at) for place, at in points.items() if at is not None},
            promised_recovery_point_seconds=self.promise.recovery_point_seconds,
            promised_recovery_time_seconds=self.promise.recovery_time_seconds,
            measured_recovery_point_seconds=max(lost, default=None),
            measured_recovery_time_seconds=max((each.seconds for each in last_ten), default=None),
            restores=tuple(restores[-LAST_RESTORES:]),
        )

    def of(self, kind: type[_Kind]) -> list[_Kind]:
        return [each for each in self.records if isinstance(each, kind)]

    def age(self, at: datetime) -> float:
        return (self.now - at).total_seconds()

    def say(self, state: State, zh: str, en: str) -> None:
        self.reasons.append(Reason(state, zh, en))

    def unless_due(self, within_seconds: float) -> State:
        """Given how long after the first success something has to be there, return what its lack means."""
        if self.first_success is not None and self.age(self.first_success) <= within_seconds:
            return 'unproven'
        return 'late'

    def point(self, place: str) -> datetime | None:
        """Return the moment that would be had back from a place if all else were lost now, None if none is known.

        What the place holds counts, never what a run says that it stored.
        """
        if self.promise.real_time_lag_seconds is not None:
            lags = [each for each in self.of(Lagged) if each.place == place and self.age(each.at) <= LAG_SEEN_SECONDS]
            newest = max(lags, key=lambda each: each.at, default=None)
            if newest is not None:
                since = self.now if self.age(newest.at) <= LAG_FRESH_SECONDS else newest.at
                return since - timedelta(seconds=newest.seconds)
        if self.held is not None:
            listed = self.held.get((self.promise.policy, place)) or ()
            return self.oldest_of_groups((each.host, each.started) for each in listed)
        last: dict[str, Looked] = {}
        for look in sorted(self.of(Looked), key=lambda each: each.at):
            if look.place == place and self.age(look.at) <= LOOK_SECONDS:
                last[look.host] = look
        return self.oldest_of_groups((each.host, each.newest) for each in last.values() if each.newest is not None)

    def oldest_of_groups(self, moments: Iterable[tuple[str, datetime]]) -> datetime | None:
        """Given moments by host, return the newest of each group, of these the oldest; None if a group has none."""
        known = list(moments)
        newest = [
            max((at for host, at in known if group is None or host in group), default=None)
            for group in self.promise.groups()
        ]
        return None if None in newest else min(at for at in newest if at is not None)

    def see_runs(self) -> None:
        lacking = [
            group
            for group in self.promise.groups()
            if not any(group is None or each.host in group for each in self.good)
        ]
        if not lacking:
            return
        names = ', '.join(' or '.join(sorted(group)) for group in lacking if group is not None)
        names_zh = '、'.join('或'.join(sorted(group)) for group in lacking if group is not None)
        self.say(
            'never',
            f'从未成功备份{f"（{names_zh}）" if names_zh else ""}',
            f'no run{f" of {names}" if names else ""} has ever succeeded',
        )

    def see_failures(self) -> None:
        """The last of each thing on each host and place counts: a failure stands until the same has succeeded."""
        last: dict[tuple[type[Ended], str, str, str], Ended] = {}
        for each in sorted(self.of(Ended), key=lambda each: each.ended):
            last[type(each), each.host, each.place, getattr(each, 'depth', '')] = each
        shared = set(self.promise.any_of)
        for (kind, host, _, _), each in last.items():
            if each.failure is None:
                continue
            succeeded_elsewhere = kind is RunEnded and any(
                other.failure is None and other.ended > each.began and other.host in shared
                for (other_kind, *_), other in last.items()
                if other_kind is RunEnded
            )
            if host in shared and succeeded_elsewhere:
                continue
            meaning = next(MEANING[known] for known in ExitClass if known.word == each.failure)
            place = PLACE_ZH.get(each.place, each.place)
            said = each.sentence or meaning
            self.say(
                'failed',
                f'{host}，{place}：{said}（{each.failure}）',
                f'{host}, {PLACE_EN.get(each.place, each.place)}: {said} ({each.failure})',
            )

    def see_points(self, points: Mapping[str, datetime | None]) -> None:
        most = self.promise.recovery_point_seconds
        for place, at in points.items():
            zh, en = PLACE_ZH.get(place, place), PLACE_EN.get(place, place)
            unanswered = self.held is not None and self.held.get((self.promise.policy, place), ()) is None
            if at is None and unanswered:
                self.say('failed', f'{zh}仓库没有回应，其内容未知', f'{en} did not answer; what it holds is not known')
            elif at is None:
                self.say(self.unless_due(most), f'{zh}没有已知的恢复点', f'no recovery point is known, {en}')
            elif self.age(at) > most:
                self.say(
                    'late',
                    f'{zh}恢复点已有 {spoken(self.age(at), "zh")}，承诺 {spoken(most, "zh")}',
                    f'the recovery point, {en}, is {spoken(self.age(at))} old, promised are {spoken(most)}',
                )

    def see_restores(self, restores: Sequence[RestoreEnded], verified: Sequence[RestoreEnded]) -> None:
        days = self.promise.restore_within_days
        # The newest of each place: one that came back says nothing of the other.
        for newest_there in {each.place: each for each in restores}.values():
            if newest_there.failure is None and not newest_there.verified:
                problems = '; '.join(newest_there.problems) or 'nothing was compared'
                self.say('failed', f'最近一次恢复未通过核对：{problems}', f'the last restore did not pass: {problems}')
        if not verified:
            self.say(self.unless_due(days * DAY_SECONDS), '从未有过经核对的恢复', 'there never was a verified restore')
            return
        last = verified[-1]
        if self.age(last.ended) > days * DAY_SECONDS:
            since = self.age(last.ended)
            self.say(
                'late',
                f'距上次经核对的恢复已有 {spoken(since, "zh")}，应不超过 {days} 天',
                f'the last verified restore is {spoken(since)} old; it has to be at most {days} days',
            )
        newest = self.telling(verified)
        lost = newest[-1].lost_seconds if newest else None
        if lost is not None and lost > self.promise.recovery_point_seconds:
            promised = self.promise.recovery_point_seconds
            self.say(
                'late',
                f'上次恢复最新快照时丢失了 {spoken(lost, "zh")}，承诺不超过 {spoken(promised, "zh")}',
                f'the last restore of the newest snapshot lacked {spoken(lost)}, promised are {spoken(promised)}',
            )
        if last.seconds > self.promise.recovery_time_seconds:
            took, most = last.seconds, self.promise.recovery_time_seconds
            self.say(
                'late',
                f'上次恢复用了 {spoken(took, "zh")}，承诺 {spoken(most, "zh")}',
                f'the last restore took {spoken(took)}, promised are {spoken(most)}',
            )

    def telling(self, restores: Sequence[RestoreEnded]) -> list[RestoreEnded]:
        """Given restores, return those that say what would be lost: of the newest snapshot, of what has no log.

        With a log a drill brings back what was there when it began; what would be lost is how far the log is behind.
        """
        if self.promise.real_time_lag_seconds is not None:
            return []
        return [each for each in restores if each.choice == 'newest' and each.recovery_point is not None]

    def see_looks(self) -> None:
        depths = {'structure': '的结构', 'data': '的数据', 'equality': '与本地的一致性'}
        for depth, days in SOUND_WITHIN_DAYS.items():
            # The local place is what the other is compared with.
            for place in [each for each in self.promise.places if depth != 'equality' or each == 'offsite']:
                looks = [each for each in self.of(VerificationEnded) if (each.depth, each.place) == (depth, place)]
                last = max(looks, key=lambda each: each.ended, default=None)
                zh, en = f'{PLACE_ZH.get(place, place)}仓库{depths[depth]}', PLACE_EN.get(place, place)
                if last is not None and last.problems:
                    problems = '; '.join(last.problems[:3])
                    self.say('failed', f'{zh}有误：{problems}', f'{depth}, {en}, is wrong: {problems}')
                sound = [each for each in looks if each.failure is None and not each.problems]
                newest = max((each.ended for each in sound), default=None)
                if newest is None:
                    state = self.unless_due(days * DAY_SECONDS)
                    self.say(state, f'{zh}从未核查', f'{depth}, {en}, was never looked at')
                elif self.age(newest) > days * DAY_SECONDS:
                    self.say('late', f'{zh}超过 {days} 天未核查', f'{depth}, {en}, was not looked at for {days} days')

    def see_plantings(self) -> None:
        plantings = self.of(PlantingEnded)
        last = max(plantings, key=lambda each: each.ended, default=None)
        if last is not None and last.missed:
            kinds = ', '.join(last.missed)
            self.say('failed', f'植入的损坏未被发现：{kinds}', f'planted damage was not caught: {kinds}')
        whole = [each.ended for each in plantings if each.failure is None and each.planted and not each.missed]
        if not whole:
            self.say(
                self.unless_due(PLANTING_DAYS * DAY_SECONDS),
                '从未用植入的损坏检验核查本身',
                'no planted damage has ever shown that the checks see any',
            )
        elif self.age(max(whole)) > PLANTING_DAYS * DAY_SECONDS:
            self.say(
                'late',
                f'超过 {PLANTING_DAYS} 天没有用植入的损坏检验核查本身',
                f'for {PLANTING_DAYS} days no planted damage has shown that the checks see any',
            )

    def see_stolen(self) -> None:
        """The last drill of stolen credentials counts, and where there is a schedule, that there was one in time."""
        drills = sorted(self.of(StolenEnded), key=lambda each: each.ended)
        if drills and drills[-1].failure is None and drills[-1].verdict != 'pass':
            last = drills[-1]
            wrong = '; '.join((*last.succeeded, *last.problems, *last.unproven)[:3]) or 'not everything was tried'
            self.say('failed', f'凭据被窃演练未通过：{wrong}', f'the drill of stolen credentials did not pass: {wrong}')
        days = self.promise.stolen_within_days
        passed = [each.ended for each in drills if each.verdict == 'pass']
        # Before the first one is due nobody could have drilled: then it counts from the first success.
        since = max(passed, default=self.first_success)
        if days is not None and since is not None and self.age(since) > days * DAY_SECONDS:
            self.say(
                'late',
                f'超过 {days} 天没有通过凭据被窃的演练',
                f'for {days} days no drill of stolen credentials has passed',
            )

    def see_clock_and_ends(self) -> None:
        """Say what began and never ended, and what is of the future: with a wrong clock no age means anything."""
        most = 2 * self.promise.deadline_seconds + 3600
        ends: list[Ended] = self.of(Ended)
        for each in unfinished(tuple(self.records)):
            followed = any(
                (other.host, other.place) == (each.host, each.place) and other.began > each.at for other in ends
            )
            if self.age(each.at) > most and not followed:
                self.say(
                    'failed',
                    f'{each.host} 的 {each.what} 于 {each.at:%m-%d %H:%M} 开始，没有结束记录',
                    f'{each.what} on {each.host} began {each.at:%m-%d %H:%M} and has no end',
                )
        if self.ahead:
            self.say('failed', '有来自未来的记录：时钟不对', 'there are records of the future: a clock is wrong')
