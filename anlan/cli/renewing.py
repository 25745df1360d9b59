"""Hosts that must be made anew, one after another, so that what the others of their tier hold is never lost at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from anlan.cli.observing import observing
from anlan.cli.status import check_status
from anlan.cli.work import Work
from anlan.errors import AnlanError
from infra.targets.changes import Change
from infra.topology import Topology
from monitoring.status import Status

LOSSES = ('delete', 'replace')
IN_TURN = 'are made anew, one after another; what only they hold (logs, caches) is lost, what their tier shares is kept'
AT_ONCE = 'and their data would be lost'
SWITCHOVER_SECONDS = 60.0


def waves_of(topology: Topology, outdated: Collection[str]) -> list[list[str]]:
    """Given the hosts to make anew, return them in waves: of each tier at most one a wave, in order of number."""
    waves: list[list[str]] = []
    for tier in dict.fromkeys(host.tier for host in topology.hosts):
        names = [host.name for host in topology.tier(tier) if host.name in outdated]
        for index, name in enumerate(names):
            if index == len(waves):
                waves.append([])
            waves[index].append(name)
    return waves


def unshared(topology: Topology, outdated: Collection[str]) -> list[str]:
    """Given the hosts to make anew, return those whose tier has no other host to keep what they hold."""
    return [host.name for host in topology.hosts if host.name in outdated and len(topology.tier(host.tier)) == 1]


def losses_of(topology: Topology, changes: Sequence[Change], at_once: bool) -> tuple[list[Change], str]:
    """Given what `up` would do, return the changes that take a host that stands, and what becomes of what they hold."""
    lost = [change for change in changes if change.operation in LOSSES and change.resource.startswith('host ')]
    names = [change.resource.removeprefix('host ') for change in lost if change.operation == 'replace']
    # A network that is made anew takes all its hosts with it.
    networks = any(change.operation in LOSSES and change.resource.startswith('network ') for change in changes)
    in_turn = len(names) == len(lost) and not (at_once or networks or unshared(topology, names))
    return lost, IN_TURN if in_turn else AT_ONCE


def require_whole(status: Status, before: str) -> None:
    """Given a status, raise AnlanError if the platform is not whole: `before` what is then not done."""
    if status.state != 'ok':
        missing = '; '.join([*status.lost_redundancy, *status.reasons])
        raise AnlanError(
            f'stopped before {before}: the platform is not whole, and another host may hold the only copy: {missing}. '
            'Mend that and run it again, or use --at-once'
        )


def hand_over(work: Work, names: Collection[str]) -> None:
    """Have the database's leader step down in order if it is among hosts that are about to be made anew."""
    leader: str | None = check_status(work.platform).database.get('leader')
    if leader is None or leader not in names:
        return
    command = ['sudo', 'patronictl', '-c', '/etc/patroni/config.yml', 'switchover', '--force', work.platform.name,
               '--leader', leader]  # fmt: skip
    with observing(work.platform) as (remote, _):
        done = remote.run(leader, command, SWITCHOVER_SECONDS)
    if done.code != 0:
        raise AnlanError(f'{leader} leads the database and does not hand over: {(done.out + done.err).strip()[-300:]}')
