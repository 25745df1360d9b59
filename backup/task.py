"""A task: one thing that one host does by its timer. Plain data that hosts read, made of the policies. No pydantic.

`jobs.json` on a host is a `HostPlan`: what it does, and what is promised of it, so that the host can say what is late.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from anlan.errors import BadInput
from backup.port import Retention

Kind = Literal[
    'incremental', 'full', 'copy', 'structure', 'data', 'equality', 'planting', 'restore', 'stolen', 'forget', 'look'
]
KINDS: tuple[Kind, ...] = get_args(Kind)
Place = Literal['local', 'offsite']
PLACES: tuple[Place, ...] = ('local', 'offsite')
VERSION = 1


@dataclass(frozen=True)
class TaskSource:
    """What a run keeps: paths (after `prepare`, if any), a stanza, or what `command` prints under `file_name`."""

    paths: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    stanza: str | None = None
    command: tuple[str, ...] = ()
    file_name: str | None = None


@dataclass(frozen=True)
class Task:
    """What to do for a policy, when, and for how long at most. `name` is that of its timer, too.

    Only a run has sources. `places`: where a run writes to, where a check looks, or from where to where it is copied.
    """

    name: str
    policy: str
    kind: Kind
    engine: str
    repository: str
    on_calendar: str
    randomised_delay_seconds: int
    deadline_seconds: int
    places: tuple[Place, ...]
    sources: tuple[TaskSource, ...] = ()
    retention: Retention | None = None
    data_share_percent: int = 100


@dataclass(frozen=True)
class Promise:
    """What a policy promises, and whose data it needs: of each host of one list, of any of the other.

    Both are empty where it does not matter which host the data is read from.
    """

    policy: str
    title_zh: str
    title_en: str
    engine: str
    repository: str
    places: tuple[Place, ...]
    each_of: tuple[str, ...]
    any_of: tuple[str, ...]
    recovery_point_seconds: int
    recovery_time_seconds: int
    restore_within_days: int
    deadline_seconds: int
    real_time_lag_seconds: float | None = None
    stolen_within_days: int | None = None
    """How old the last drill of stolen credentials may be; None where there is none on a schedule."""

    def groups(self) -> tuple[frozenset[str] | None, ...]:
        """Return sets of hosts, of each of which one must have succeeded; None stands for whichever host."""
        groups = (*(frozenset({host}) for host in self.each_of), *([frozenset(self.any_of)] if self.any_of else []))
        return groups or (None,)


@dataclass(frozen=True)
class HostPlan:
    """All that a host does, and every promise of the platform."""

    platform: str
    host: str
    tasks: tuple[Task, ...]
    promises: tuple[Promise, ...] = ()

    def task(self, name: str) -> Task:
        """Given a name, return its task. Raise BadInput, with those that there are."""
        found = next((each for each in self.tasks if each.name == name), None)
        if found is None:
            raise BadInput(f'{self.host} has no task {name!r}; there are {", ".join(each.name for each in self.tasks)}')
        return found

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {'version': VERSION, **asdict(self)}


def read_plan(document: Any) -> HostPlan:
    """Given what a `jobs.json` says, return it. Raise BadInput with a sentence if it is not what `document` made."""
    if not isinstance(document, dict) or document.get('version') != VERSION:
        raise BadInput(f'jobs.json is not of version {VERSION}; `anlan up` writes it anew')
    try:
        return HostPlan(
            str(document['platform']),
            str(document['host']),
            tuple(_task(each) for each in document['tasks']),
            tuple(_promise(each) for each in document['promises']),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f'jobs.json is broken ({error!r}); `anlan up` writes it anew') from None


def _task(document: dict[str, Any]) -> Task:
    if document['kind'] not in KINDS or set(document['places']) - set(PLACES):
        raise ValueError(f'{document["name"]} has kind {document["kind"]}, places {document["places"]}')
    retention = document['retention']
    return Task(
        **document
        | {
            'places': tuple(document['places']),
            'sources': tuple(TaskSource(**_tuples(each)) for each in document['sources']),
            'retention': None if retention is None else Retention(**retention),
        }
    )


def _promise(document: dict[str, Any]) -> Promise:
    return Promise(**_tuples(document))


def _tuples(document: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in document.items()}
