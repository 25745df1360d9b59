"""Each check sees the fault that it names, and nothing of a planted fault stays."""

from __future__ import annotations

import json

import pytest

from tests.lab.audits import audited, verdicts
from tests.lab.standing import Standing

PLANTED = ('ssh', 'sudo', 'firewall', 'listeners', 'integrity', 'postgresql', 'valkey')
"""Files of checks whose faults are planted in every run; those of all in a long one."""


@pytest.mark.parametrize('files', [PLANTED, pytest.param((), marks=pytest.mark.long)], ids=['some', 'all'])
def test_every_planted_fault_is_caught_and_nothing_of_it_stays(standing: Standing, files: tuple[str, ...]) -> None:
    chosen = [word for name in files for word in ('--check', name)]
    _, before = audited(standing, *chosen)
    done = standing.anlan('audit', 'mutate', '--yes', '--json', *chosen, deadline_seconds=900)
    document = json.loads(done.stdout)
    assert [each for each in document['outcomes'] if each['found'] in ('missed', 'not planted')] == []
    assert sum(each['how'] == 'on the host' for each in document['outcomes']) > 60
    print(f'\n  {len(document["outcomes"])} faults, {document["score"]:.1%} caught')
    _, after = audited(standing, *chosen)
    differs = {
        name: (verdict, verdicts(after).get(name)) for name, verdict in verdicts(before).items()
        if verdicts(after).get(name) != verdict
    }  # fmt: skip
    assert differs == {}
    standing.wait_whole()
