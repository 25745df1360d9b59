"""Hosts that must be made anew are so one after another: no acknowledged write is lost, the service goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from anlan.cli.bring_up import bring_up
from infra import program
from infra.lab.model import LabHost
from infra.program import lab_hosts
from monitoring.steady import settle
from tests.lab.standing import Standing


def hosts_of(standing: Standing, which: str) -> Sequence[str]:
    if which == 'leader':
        return (standing.with_role('leader'),)
    return tuple(host.name for host in standing.work.topology.hosts if host.tier == 'data')


@pytest.mark.parametrize('which', ['leader', pytest.param('all', marks=pytest.mark.long)])
def test_data_hosts_are_made_anew_and_no_acknowledged_write_is_lost(
    whole: Standing, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    names = hosts_of(whole, which)
    before = {name: whole.container(name).id for name in names}
    others = {host.name: whole.container(host.name).id for host in whole.work.topology.hosts if host.name not in names}

    def wanted(*arguments: object) -> list[LabHost]:
        # As a new image does, this can only be had with new containers.
        hosts = lab_hosts(*arguments)  # type: ignore[arg-type]
        return [replace(host, shared_memory_mib=96) if host.name in names else host for host in hosts]

    monkeypatch.setattr(program, 'lab_hosts', wanted)
    with whole.learner(seconds=900) as learner:
        settle(3)
        status = bring_up(whole.work, 'the test', may_lose_hosts=True)
        settle(3)
    assert status.state == 'ok'
    assert all(whole.container(name).id != before[name] for name in names)
    assert {name: whole.container(name).id for name in others} == others
    run = learner.run()
    assert len(run.acknowledged) > 100
    assert run.lost(learner.read_back()) == set()
    gap = run.longest_gap_seconds('write')
    print(
        f'\n  {len(names)} data hosts made anew: no write for {gap:.1f} s at most, {len(run.acknowledged)} acknowledged'
    )
    assert gap <= whole.work.platform.objectives.database_host_loss_seconds
    assert whole.work.target().outdated() == []
