"""What hosts need to tell how backups stand: the replica's host a plan, monitoring hosts who may say what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from backup.speakers import STORES, Speakers
from backup.task import HostPlan
from backup.unit_files import JOBS
from infra.topology import Topology

SPEAKERS = '/etc/anlan/backup/speakers.json'


def speakers_of(topology: Topology) -> Speakers:
    """Given a topology, return who may say what of its backups: every host whose journal is collected, by its part."""
    replica = next(iter(topology.tier('offsite')), None)
    return Speakers(
        stores=STORES,
        hosts=tuple(sorted(host.name for host in topology.hosts if host.tier != 'client')),
        keeper=topology.bastion.name,
        databases=tuple(host.name for host in topology.tier('data')),
        replica=None if replica is None else replica.name,
    )


def telling_files(
    topology: Topology, parts: Mapping[str, HostPlan], program: Mapping[str, Any]
) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """Given a topology, what each host does, and the program as a file, yield hosts with what they need more.

    The host of the replica has no task; it has the promises, to say of which policy a copy follows in real time.
    """
    some = next(iter(parts.values()))
    for host in topology.tier('monitoring'):
        yield host.name, [{'path': SPEAKERS, 'text': _text(speakers_of(topology).document()), 'mode': '0600'}]
    for host in topology.tier('offsite'):
        plan = HostPlan(some.platform, host.name, (), some.promises)
        yield host.name, [program, {'path': JOBS, 'text': _text(plan.document()), 'mode': '0600'}]


def _text(document: Any) -> str:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + '\n'
