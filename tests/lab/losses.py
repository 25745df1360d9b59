"""Losses: what of the platform is lost, how, and what the platform file promises for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from monitoring.steady import SteadyRun, settle
from tests.lab.standing import Standing

Choose = Callable[[Standing], str]
Lose = Callable[[Standing, str], None]


@dataclass(frozen=True)
class Loss:
    """What is lost: `victim` names the host, `lose` does it, `heal` undoes what does not come back by itself.

    `objective` names the platform file's promise; it stays lost for `held_seconds`.
    """

    name: str
    victim: Choose
    lose: Lose
    objective: str
    heal: Lose = lambda standing, victim: None
    held_seconds: float = 5.0


@dataclass(frozen=True)
class Seen:
    """What a learner saw of a loss."""

    victim: str
    run: SteadyRun
    lost_writes: frozenset[str]
    whole_again_seconds: float

    @property
    def gap_seconds(self) -> float:
        """Return the longest time without an acknowledged write."""
        return self.run.longest_gap_seconds('write')

    @property
    def failed(self) -> int:
        """Return how many requests failed, of all kinds; all may be sent twice."""
        return sum(len(self.run.failures(kind)) for kind in self.run.outcomes)


def watch(standing: Standing, loss: Loss, client: str = 'client-1') -> Seen:
    """Lose it while a learner works, heal it, wait until the platform is whole, and return what was seen."""
    victim = loss.victim(standing)
    with standing.learner(client) as learner:
        settle(3)
        loss.lose(standing, victim)
        try:
            time.sleep(loss.held_seconds)
        finally:
            loss.heal(standing, victim)
        settle(3)
    # Only now: asking every host costs the machine more than the learner does, and would be seen as a gap.
    started = time.monotonic()
    standing.wait_whole()
    whole_again_seconds = time.monotonic() - started + 3
    return Seen(victim, learner.run(), frozenset(learner.run().lost(learner.read_back())), whole_again_seconds)


def named(host: str) -> Choose:
    """Choose a host by its name."""
    return lambda standing: host


def holder(address: str) -> Choose:
    """Choose the host that holds a virtual address."""
    return lambda standing: standing.holder(address)


def role(name: str) -> Choose:
    """Choose the host that has a role."""
    return lambda standing: standing.with_role(name)


def power_loss(name: str, victim: Choose, objective: str, held_seconds: float = 5.0) -> Loss:
    """A host is cut off and started again."""
    return Loss(
        name, victim, lambda standing, host: standing.kill(host), objective,
        lambda standing, host: standing.start(host), held_seconds,
    )  # fmt: skip


def kill_of(name: str, victim: Choose, objective: str, unit: str, held_seconds: float = 5.0) -> Loss:
    """Every process of a unit is killed; systemd brings it back."""

    def lose(standing: Standing, host: str) -> None:
        done = standing.run(host, 'sudo', 'systemctl', 'kill', '--signal', 'KILL', unit)
        assert done.code == 0, done.err

    return Loss(name, victim, lose, objective, held_seconds=held_seconds)


def _crash_postgresql(standing: Standing, host: str) -> None:
    script = f'kill -9 $(head -n 1 /var/lib/postgresql/17/{standing.work.platform.name}/postmaster.pid)'
    done = standing.run(host, 'sudo', 'sh', '-c', script)
    assert done.code == 0, done.err


def _switch_over(standing: Standing, host: str) -> None:
    command = ['sudo', 'patronictl', '-c', '/etc/patroni/config.yml', 'switchover', '--force',
               standing.work.platform.name, '--leader', host]  # fmt: skip
    done = standing.run(host, *command, deadline_seconds=60)
    assert done.code == 0, done.out + done.err


FIREWALL_HOST = power_loss('the active firewall', holder('firewall-app'), 'virtual_address_move_seconds')
BALANCER_HOST = power_loss('the active balancer', holder('balancer'), 'virtual_address_move_seconds')
EDGE_HOST = power_loss("the client's own edge", named('edge-1'), 'edge_loss_seconds', 8)
APP_HOST = power_loss('an app host', named('app-1'), 'backend_loss_seconds')
LEADER_HOST = power_loss("the database leader's host", role('leader'), 'database_host_loss_seconds', 40)
CACHE_HOST = power_loss("the cache master's host", role('cache master'), 'database_host_loss_seconds', 40)
MONITORING_HOST = power_loss('a monitoring host', named('mon-1'), 'backend_loss_seconds', 2)
POSTGRESQL_CRASH = Loss("the leader's PostgreSQL", role('leader'), _crash_postgresql, 'database_crash_seconds')
SWITCHOVER = Loss('a planned switchover', role('leader'), _switch_over, 'database_switchover_seconds')

HOSTS = [FIREWALL_HOST, BALANCER_HOST, EDGE_HOST, APP_HOST, LEADER_HOST, CACHE_HOST, MONITORING_HOST]
SERVICES = [
    kill_of('HAProxy of the active balancer', holder('balancer'), 'virtual_address_move_seconds', 'haproxy.service'),
    kill_of('keepalived of the active firewall', holder('firewall-app'), 'virtual_address_move_seconds',
            'keepalived.service'),
    kill_of("nginx of the client's edge", named('edge-1'), 'edge_loss_seconds', 'nginx.service'),
    kill_of('the application of a host', named('app-1'), 'backend_loss_seconds', 'anlan-application.service'),
    kill_of('the origin of a host', named('app-2'), 'backend_loss_seconds', 'nginx.service'),
    kill_of('the way to the database of a host', named('app-1'), 'backend_loss_seconds', 'haproxy.service'),
    POSTGRESQL_CRASH,
    kill_of('Patroni of the leader', role('leader'), 'database_crash_seconds', 'patroni.service'),
    SWITCHOVER,
    kill_of('a member of etcd', named('db-1'), 'database_crash_seconds', 'etcd.service'),
    kill_of('the cache master', role('cache master'), 'cache_loss_seconds', 'valkey-server.service'),
]  # fmt: skip
