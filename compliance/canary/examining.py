"""Examining: a canary from its registration to its deletion, and the search in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anlan.errors import AnlanError
from anlan.remote import Remote
from compliance.canary.database import (
    DUMP,
    ScratchData,
    count_personal_data,
    find_leader,
    learners_like,
    logs_pages_compressed,
)
from compliance.canary.front_door import Step, delete
from compliance.canary.judging import Canary, judge, places_of
from compliance.canary.needle import CanaryPerson, control_needle
from compliance.canary.searching import HostSearch, search_hosts

HOST_SECONDS = 300.0


@dataclass(frozen=True)
class Hosts:
    """The hosts of a platform by what they are to a canary."""

    every: tuple[str, ...]
    data: tuple[str, ...]
    app: tuple[str, ...]

    @classmethod
    def of(cls, outputs: Mapping[str, Any]) -> Hosts:
        """Given a platform's outputs, return its hosts."""
        tiers = {name: host['tier'] for name, host in outputs['hosts'].items()}
        by_tier = {tier: tuple(name for name, its in tiers.items() if its == tier) for tier in ('data', 'app')}
        return cls(tuple(tiers), by_tier['data'], by_tier['app'])


def examine(
    remote: Remote,
    hosts: Hosts,
    register: Callable[[CanaryPerson], Sequence[Step]],
    *,
    host_seconds: float = HOST_SECONDS,
    note: Callable[[str], None] = lambda _: None,
    searched: Callable[[HostSearch], None] = lambda _: None,
) -> Canary:
    """Given connections, hosts and what registers a canary at the front door, examine the platform.

    Whatever happens, control, dump and canary are taken away again, and what is left of them is a reason.
    Raise AnlanError if the database has no leader: nothing was registered then.
    """
    since = time.time()
    canary, control = CanaryPerson.hatched(), control_needle()
    needles = (*canary.needles(), control)
    leader = find_leader(remote, hosts.data)
    scratch = ScratchData(remote, leader)
    steps: Sequence[Step] = ()
    doubts: list[str] = []
    searches: dict[str, HostSearch] = {}
    try:
        note('the control is planted')
        scratch.plant(control.text)
        note('the canary registers and learns')
        steps = register(canary)
        doubts += [f'the canary: {step.name}: {step.reason}' for step in steps if step.reason]
        doubts += _registered(remote, leader, canary)
        note('memory is written out, and a dump taken')
        doubts += scratch.force_out(hosts.data)
        note('every host is searched')
        searches = search_hosts(remote, hosts.every, needles, host_seconds, since=since, done=searched)
    except AnlanError as error:
        doubts.append(str(error))
    finally:
        note('control, dump and canary are taken away')
        doubts += scratch.undo()
        doubts += _deleted(remote, hosts, leader, canary)
    return judge(
        username=canary.username, needles=needles, places=places_of(leader, DUMP), searches=searches,
        steps=[step.name for step in steps if step.reason is None], doubts=doubts,
    )  # fmt: skip


def _registered(remote: Remote, leader: str, canary: CanaryPerson) -> list[str]:
    # Doubts, and no end: what is in plain is looked for all the same.
    doubts = []
    try:
        if count_personal_data(remote, leader, canary.username) != 1:
            doubts.append('the database has no personal data of the canary: there was nothing to find')
        if logs_pages_compressed(remote, leader):
            doubts.append('wal_compression is on: compressed pages of the write-ahead log are not opened')
    except AnlanError as error:
        doubts.append(f'whether the canary is in the database is not known: {error}')
    return doubts


def _deleted(remote: Remote, hosts: Hosts, leader: str, canary: CanaryPerson) -> list[str]:
    try:
        for username in learners_like(remote, leader, canary.username):
            delete(remote, hosts.app, username)
        left = learners_like(remote, leader, canary.username)
    except AnlanError as error:
        return [f'the canary may still be there: {error}']
    return [f'{username} was deleted and is still there' for username in left]
