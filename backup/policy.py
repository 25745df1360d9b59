"""A policy: what is kept, how, how often, where, for how long, how it is proven, and what is promised. One schema.

Read on the operator's machine; hosts get plain tasks made of it (`schedule.py`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import StringConstraints, field_validator, model_validator

from anlan.platform.base import Section, key
from backup.on_calendar import longest_gap_seconds, parse
from backup.port import Retention
from backup.retention_class import RetentionClass, breach
from backup.stateful import Where

Name = Annotated[str, StringConstraints(pattern=r'^[a-z][a-z0-9]*(-[a-z0-9]+)*$', max_length=40)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=300)]
ClauseId = Annotated[str, StringConstraints(pattern=r'^[a-z0-9]+(?:[.-][a-z0-9]+)*$', max_length=60)]
Engine = Literal['restic', 'pgbackrest', 'stream', 'object-copy']
"""stream: what a command prints, kept by restic. object-copy: objects of one store copied to another."""

STOLEN_ENGINES = frozenset({'restic', 'stream'})
"""Engines whose repository a drill of stolen credentials can copy, attack and open again."""

DAY_SECONDS = 86400
LONGEST_PATH = 240
STOLEN_DAYS = 31
_START = datetime(2026, 1, 1, tzinfo=UTC)
_UNSAFE = ('..', '//', '\0', '\n')


class Text(Section):
    """The same in Chinese and in English."""

    zh: Line = key(..., 'In Chinese.', '数据库')
    en: Line = key(..., 'In English.', 'Database')


class Source(Section):
    """Where a part of it comes from: one of paths, stanza, and command."""

    tier: Where = key(..., 'The tier whose hosts have it, or `operator`.', 'data')
    hosts: Literal['each', 'any'] = key(
        'each', '`each`: every host has its own, all are kept. `any`: all have the same, one success is enough.', 'any'
    )
    paths: tuple[str, ...] = key((), 'Files and folders; `var` is the folder of the platform.', ['/var/lib/etcd'])
    exclude: tuple[str, ...] = key((), 'Patterns below the paths that are left out.', ['*.tmp'])
    prepare: tuple[str, ...] = key(
        (), 'A command that makes what stands in `paths` before it is kept, word by word; no secret in it.',
        ['/usr/bin/etcdctl', 'snapshot', 'save', '/run/etcd.snapshot'],
    )  # fmt: skip
    stanza: str | None = key(None, 'The stanza of pgBackRest.', 'learning', pattern=r'^[a-z][a-z0-9-]{0,30}$')
    command: tuple[str, ...] = key(
        (), 'A command whose output is kept, word by word; no secret in it.', ['/usr/bin/psql', '--csv']
    )
    file_name: str | None = key(
        None, 'The name that the output of `command` has in a snapshot.', 'archive.jsonl',
        pattern=r'^[a-z0-9][a-z0-9._-]{0,60}$',
    )  # fmt: skip

    @field_validator('paths')
    @classmethod
    def _plain(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            if any(part in path for part in _UNSAFE) or len(path) > LONGEST_PATH or path in {'', '/'}:
                raise ValueError(f'{path!r} is no plain path')
            if not (path.startswith('/') or path.split('/')[0] == 'var'):
                raise ValueError(f'{path!r} neither begins with / nor is it below var')
        return paths

    @model_validator(mode='after')
    def _one_kind(self) -> Source:
        kinds = [name for name in ('paths', 'stanza', 'command') if getattr(self, name)]
        if len(kinds) != 1:
            raise ValueError(f'has {" and ".join(kinds) or "none"} of paths, stanza and command; it needs one')
        if bool(self.command) != bool(self.file_name):
            raise ValueError('command and file_name belong together')
        if self.prepare and not self.paths:
            raise ValueError('prepare makes files, so it needs paths')
        for name in ('prepare', 'command'):
            words = getattr(self, name)
            if words and not words[0].startswith('/'):
                raise ValueError(f'{name} begins with {words[0]!r}; a program is named by its whole path')
        if self.tier != 'operator' and any(not path.startswith('/') for path in self.paths):
            raise ValueError('var is on the machine of the operator alone')
        return self


Calendar = Annotated[str, StringConstraints(min_length=3, max_length=80)]


class Schedule(Section):
    """When it runs, in UTC. A run that was missed while a host was down is made up for at its next start."""

    incremental: Calendar = key(..., 'When what changed is kept (systemd OnCalendar).', '*-*-* *:05:00')
    full: Calendar | None = key(None, 'When all of it is kept anew; restic needs none.', 'Sun *-*-* 01:00:00')
    copy_offsite: Calendar | None = key(
        None, 'When ops-1 copies to the other site what is new; None where a run writes to both.', '*-*-* *:35:00'
    )
    forget: Calendar = key('*-*-* 05:30:00', 'When what has run out is forgotten.', '*-*-* 05:30:00')
    randomised_delay_seconds: int = key(
        120, 'Up to how much later a run begins, so that hosts do not begin together.', 120, unit='s', ge=0, le=14400
    )
    deadline_seconds: int = key(3600, 'How long a run may take.', 3600, unit='s', ge=30, le=172800)
    persistent: Literal[True] = key(True, 'A missed run is made up for. Always.', True)

    @field_validator('incremental', 'full', 'copy_offsite', 'forget')
    @classmethod
    def _calendar(cls, text: str | None) -> str | None:
        if text is not None:
            parse(text)
        return text


class Verification(Section):
    """How often it is looked at, and how deep."""

    structure: Calendar = key('*-*-* 03:40:00', 'When it is seen that nothing named is missing.', '*-*-* 03:40:00')
    data: Calendar = key('Sat *-*-* 04:10:00', 'When a part of the bytes is read.', 'Sat *-*-* 04:10:00')
    data_share_percent: int = key(
        15, 'How much of the bytes is read each time, chosen anew.', 15, unit='%', ge=1, le=100
    )
    equality: Calendar = key('*-*-* 06:40:00', 'When both places are compared.', '*-*-* 06:40:00')
    planting: Calendar = key(
        'Fri *-*-* 04:10:00', 'When damage is planted into a throw-away copy, to see whether the checks see it.',
        'Fri *-*-* 04:10:00',
    )  # fmt: skip
    restore: Calendar = key('Sun *-*-* 04:10:00', 'When it is restored into a scratch place.', 'Sun *-*-* 04:10:00')
    stolen: Calendar | None = key(
        None, 'When the loss of the writers\' credentials is drilled, off-site; files alone. Each drill leaves locked '
        'bytes in the store until their lock ends.', '*-*-03 04:40:00',
    )  # fmt: skip
    restore_within_days: int = key(
        8, 'Without a verified restore for longer the policy counts as late.', 8, unit='days', ge=1, le=31
    )

    @field_validator('structure', 'data', 'equality', 'planting', 'restore', 'stolen')
    @classmethod
    def _calendar(cls, text: str | None) -> str | None:
        if text is not None:
            parse(text)
        return text

    @model_validator(mode='after')
    def _often_enough(self) -> Verification:
        for name, most_days in (
            ('structure', 1.0), ('data', 7.0), ('equality', 1.0), ('planting', 7.0), ('restore', 7.0)
        ):  # fmt: skip
            days = longest_gap_seconds(parse(getattr(self, name)), _START) / DAY_SECONDS
            if days > most_days:
                raise ValueError(f'{name} runs every {days:g} days; it has to be every {most_days:g} at least')
        if self.stolen is not None:
            days = longest_gap_seconds(parse(self.stolen), _START) / DAY_SECONDS
            if days > STOLEN_DAYS:
                raise ValueError(f'stolen runs every {days:g} days; it has to be every {STOLEN_DAYS} at least')
        if self.restore_within_days * DAY_SECONDS <= longest_gap_seconds(parse(self.restore), _START):
            raise ValueError('restore_within_days leaves no time for the restore itself')
        return self


class RealTime(Section):
    """How every change gets to the other site as it is made."""

    way: Literal['write-ahead-log'] = key(..., 'By what.', 'write-ahead-log')
    lag_seconds: float = key(..., 'How far behind it may be.', 60.0, unit='s', gt=0, le=3600)


class Keep(Section):
    """How many snapshots are kept, and the class whose minimum and maximum they are held to."""

    retention_class: RetentionClass = key(..., 'The class.', 'logs')
    last: int = key(0, 'The newest.', 3, unit='snapshots', ge=0)
    daily: int = key(0, 'The last of each day.', 14, unit='days', ge=0)
    weekly: int = key(0, 'The last of each week.', 8, unit='weeks', ge=0)
    monthly: int = key(0, 'The last of each month.', 12, unit='months', ge=0)
    yearly: int = key(0, 'The last of each year.', 7, unit='years', ge=0)
    within_days: int = key(0, 'All of them that are not older.', 7, unit='days', ge=0)

    def retention(self) -> Retention:
        """Return it as an engine takes it."""
        return Retention(self.last, self.daily, self.weekly, self.monthly, self.yearly, self.within_days)

    @model_validator(mode='after')
    def _fits_the_class(self) -> Keep:
        reason = breach(self.retention_class, self.retention())
        if reason:
            raise ValueError(reason)
        return self


class Policy(Section):
    """All of one policy."""

    name: Name = key(..., 'Name; that of its file too.', 'database')
    title: Text = key(..., 'What people call it.', {'zh': '数据库', 'en': 'Database'})
    covers: tuple[Name, ...] = key(..., 'Stateful resources, by name.', ['database-cluster'], min_length=1)
    planned: Text | None = key(
        None, 'Why it cannot run yet. It counts as covering nothing, and is never scheduled.',
        {'zh': '应用尚不采集人脸', 'en': 'the application takes no faces yet'},
    )  # fmt: skip
    engine: Engine = key(..., 'What does the work.', 'restic')
    repository: Name = key(..., 'The repository in each place; each has a key of its own.', 'files')
    own_key: bool = key(
        False, 'No other policy uses this repository, so that destroying its key destroys this data alone.', True
    )
    sources: tuple[Source, ...] = key(..., 'Where it comes from.', [{'tier': 'app', 'paths': ['/srv']}], min_length=1)
    places: tuple[Literal['local', 'offsite'], ...] = key(
        ('local', 'offsite'), 'Where copies lie: on ops-1, and in the other site.', ['local', 'offsite'], min_length=1
    )
    real_time: RealTime | None = key(
        None, 'How every change is followed.', {'way': 'write-ahead-log', 'lag_seconds': 60}
    )
    schedule: Schedule = key(..., 'When it runs.', {'incremental': 'hourly'})
    keep: Keep = key(..., 'How much is kept.', {'retention_class': 'logs', 'daily': 180})
    verification: Verification = key(Verification, 'How it is proven.', {'restore': 'Sun *-*-* 04:10:00'})
    recovery_point_seconds: int = key(
        ..., 'How much may be lost at most, the main site with it.', 7200, unit='s', ge=1, le=8 * DAY_SECONDS
    )
    recovery_time_seconds: int = key(..., 'How long until it is back at most.', 900, unit='s', ge=1, le=7 * DAY_SECONDS)
    clauses: tuple[ClauseId, ...] = key(..., 'The clauses that it serves, by id.', ['cosha-7.2'], min_length=1)

    @field_validator('places')
    @classmethod
    def _two_places(cls, places: tuple[str, ...]) -> tuple[str, ...]:
        if set(places) != {'local', 'offsite'} or len(places) != 2:
            raise ValueError('a copy is kept in both places, local and offsite (22239-8.1.4.9, chapter 7)')
        return places

    @model_validator(mode='after')
    def _fits_the_engine(self) -> Policy:
        wanted = {'pgbackrest': 'stanza', 'stream': 'command'}.get(self.engine, 'paths')
        for index, source in enumerate(self.sources):
            if not getattr(source, wanted):
                raise ValueError(f'sources.{index} has no {wanted}, which {self.engine} needs')
        if self.engine == 'pgbackrest' and self.schedule.full is None:
            raise ValueError('schedule.full is missing: pgBackRest builds on a full backup')
        if self.engine != 'pgbackrest' and self.schedule.copy_offsite is None:
            raise ValueError(f'schedule.copy_offsite is missing: {self.engine} writes to the local place alone')
        if self.verification.stolen is not None and self.engine not in STOLEN_ENGINES:
            raise ValueError(f'verification.stolen: the drill copies a repository of restic, {self.engine} has none')
        if self.real_time is not None and self.engine != 'pgbackrest':
            raise ValueError(f'real_time: {self.engine} does not follow changes')
        return self

    @model_validator(mode='after')
    def _promise_can_be_kept(self) -> Policy:
        least = self.least_recovery_point_seconds()
        if self.recovery_point_seconds < least:
            raise ValueError(
                f'recovery_point_seconds is {self.recovery_point_seconds}; '
                f'with this schedule up to {least:g} s are lost'
            )
        return self

    def least_recovery_point_seconds(self) -> float:
        """Return how much is lost at most if every run and copy comes when it should and ends within its deadline."""
        if self.real_time is not None:
            return self.real_time.lag_seconds
        schedule = self.schedule
        one_run = schedule.randomised_delay_seconds + schedule.deadline_seconds
        lost = longest_gap_seconds(parse(schedule.incremental), _START) + one_run
        if schedule.copy_offsite is not None:
            lost += longest_gap_seconds(parse(schedule.copy_offsite), _START) + one_run
        return lost
