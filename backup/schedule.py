"""The schedule: from policies and the hosts of a platform to what each host does, and when next. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import takewhile
from typing import TYPE_CHECKING

from anlan.platform.tiers import HOST_PREFIX, host_name
from backup.on_calendar import parse
from backup.task import HostPlan, Kind, Place, Promise, Task, TaskSource

if TYPE_CHECKING:
    from anlan.platform import Platform
    from backup.policy import Policy, Source

OPERATOR = 'operator'
"""As a tier: the machine that `anlan` runs on. What it has is handed to the keeper, below INCOMING, and kept there."""

STOLEN_WITHIN_DAYS = 35
"""How old the last drill of stolen credentials may be where there is one on a schedule: a month and some days."""

INCOMING = '/var/lib/anlan/backup/incoming'

LOOK = '*-*-* 0/2:40:00'
"""When each place is looked at: three times within the time that a look stands for it (judgement.LOOK_SECONDS)."""


@dataclass(frozen=True, order=True)
class Due:
    """A task of a host and when it is due, its randomised delay not counted."""

    at: datetime
    host: str
    task: str
    policy: str
    kind: Kind


def hosts_of(platform: Platform) -> dict[str, tuple[str, ...]]:
    """Given a platform, return its hosts by tier; for the operator's machine stands who keeps what is handed over."""
    tiers: dict[str, tuple[str, ...]] = {
        tier: tuple(host_name(tier, number + 1) for number in range(platform.count(tier))) for tier in HOST_PREFIX
    }
    return {**tiers, OPERATOR: tiers['operations'][:1]}


def plans(name: str, policies: Sequence[Policy], hosts: Mapping[str, Sequence[str]]) -> dict[str, HostPlan]:
    """Given a platform's name, its policies and its hosts by tier, return what each host does; who does nothing, not.

    Runs of files are done where the files are; pgBackRest's, copies, checks, restores and forgetting on ops-1.
    """
    active = [policy for policy in policies if policy.planned is None]
    keeper = hosts['operations'][0]
    tasks: dict[str, list[Task]] = {}
    for policy in active:
        for host, sources in _runs(policy, hosts, keeper).items():
            tasks.setdefault(host, []).extend(_run_tasks(policy, sources))
        tasks.setdefault(keeper, []).extend(_keeper_tasks(policy))
    promises = tuple(promise_of(policy, hosts) for policy in active)
    return {host: HostPlan(name, host, tuple(each), promises) for host, each in sorted(tasks.items())}


def promise_of(policy: Policy, hosts: Mapping[str, Sequence[str]]) -> Promise:
    """Given a policy and the hosts by tier, return what it promises and who has to succeed for it."""
    sharing = {kind: [source for source in policy.sources if source.hosts == kind] for kind in ('each', 'any')}
    each_of, any_of = _names(sharing['each'], hosts), _names(sharing['any'], hosts)
    if policy.engine == 'pgbackrest':
        # Whichever database host it reads from, it is one and the same cluster.
        each_of, any_of = [], []
    return Promise(
        policy=policy.name,
        title_zh=policy.title.zh,
        title_en=policy.title.en,
        engine=policy.engine,
        repository=policy.repository,
        places=policy.places,
        each_of=tuple(each_of),
        any_of=tuple(any_of),
        recovery_point_seconds=policy.recovery_point_seconds,
        recovery_time_seconds=policy.recovery_time_seconds,
        restore_within_days=policy.verification.restore_within_days,
        deadline_seconds=policy.schedule.deadline_seconds,
        real_time_lag_seconds=None if policy.real_time is None else policy.real_time.lag_seconds,
        stolen_within_days=None if policy.verification.stolen is None else STOLEN_WITHIN_DAYS,
    )


def next_runs(plans: Iterable[HostPlan], after: datetime, until: datetime) -> list[Due]:
    """Given plans and an aware span, return every task that is due in it, in order of time."""

    def due(plan: HostPlan, task: Task) -> Iterable[Due]:
        for at in takewhile(lambda at: at <= until, parse(task.on_calendar).after(after)):
            yield Due(at, plan.host, task.name, task.policy, task.kind)

    return list(merge(*(due(plan, task) for plan in plans for task in plan.tasks)))


def _names(sources: Iterable[Source], hosts: Mapping[str, Sequence[str]]) -> list[str]:
    return sorted({host for source in sources for host in hosts.get(source.tier, ())})


def _runs(policy: Policy, hosts: Mapping[str, Sequence[str]], keeper: str) -> dict[str, list[TaskSource]]:
    runs: dict[str, list[TaskSource]] = {}
    for source in policy.sources:
        below = f'{INCOMING}/' if source.tier == OPERATOR else ''
        made = TaskSource(
            tuple(below + path for path in source.paths), tuple(below + path for path in source.exclude) if below
            else source.exclude, source.prepare, source.stanza, source.command, source.file_name,
        )  # fmt: skip
        for host in [keeper] if source.stanza else hosts.get(source.tier, ()):
            runs.setdefault(host, []).append(made)
    return runs


def _run_tasks(policy: Policy, sources: Sequence[TaskSource]) -> list[Task]:
    both = policy.schedule.copy_offsite is None
    places: tuple[Place, ...] = policy.places if both else ('local',)
    kinds: list[tuple[Kind, str]] = [('incremental', policy.schedule.incremental)]
    if policy.schedule.full is not None:
        kinds.append(('full', policy.schedule.full))
    return [_task(policy, kind, when, places, sources=tuple(sources)) for kind, when in kinds]


def _keeper_tasks(policy: Policy) -> list[Task]:
    schedule, verification = policy.schedule, policy.verification
    copy = [_task(policy, 'copy', schedule.copy_offsite, policy.places)] if schedule.copy_offsite else []
    return [
        *copy,
        _task(policy, 'structure', verification.structure, policy.places),
        _task(policy, 'data', verification.data, policy.places, share_percent=verification.data_share_percent),
        _task(policy, 'equality', verification.equality, policy.places),
        _task(policy, 'planting', verification.planting, policy.places),
        _task(policy, 'restore', verification.restore, policy.places),
        *([_task(policy, 'stolen', verification.stolen, ('offsite',))] if verification.stolen else []),
        _task(policy, 'forget', schedule.forget, policy.places),
        _task(policy, 'look', LOOK, policy.places),
    ]


def _task(
    policy: Policy, kind: Kind, when: str, places: tuple[Place, ...], *, sources: tuple[TaskSource, ...] = (),
    share_percent: int = 100,
) -> Task:  # fmt: skip
    return Task(
        name=f'{policy.name}-{kind}',
        policy=policy.name,
        kind=kind,
        engine=policy.engine,
        repository=policy.repository,
        on_calendar=when,
        randomised_delay_seconds=policy.schedule.randomised_delay_seconds,
        deadline_seconds=policy.schedule.deadline_seconds,
        places=places,
        sources=sources,
        retention=policy.keep.retention() if kind == 'forget' else None,
        data_share_percent=share_percent,
    )
