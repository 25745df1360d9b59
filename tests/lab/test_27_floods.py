"""Floods: under each, a learner goes on; without the limits the same floods hurt; and each ends by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from anlan.deadline import wait_until
from anlan.errors import AnlanError
from anlan.paths import ROOT
from drills.acts import read_counts
from drills.blocks import released
from drills.floods import ATTACKS, Attack, attack_named
from drills.limits_off import ON, limits_off, off_script
from drills.under_attack import Place, Seen, watch
from infra.outputs_file import read_outputs
from tests.lab.standing import Standing

SECONDS = 10.0
OTHER_CARRIER = Place(attacker='client-2', learner='client-1', edge='edge-1')
SAME_CARRIER = Place(attacker='client-2', learner='client-1', edge='edge-2')
EVERY_TIME = ('SYN flood', 'spoofed SYN flood')
"""Against the learner's own edge. The other cases take a quarter of an hour, and belong to the long tests: those that
cost the application are decided by the processors that attacker and platform share in a lab of two cores."""

CASES = [
    pytest.param(
        attack,
        place,
        id=f'{attack.name}, {where}',
        marks=() if place is SAME_CARRIER and attack.name in EVERY_TIME else pytest.mark.long,
    )
    for where, place in (('other carrier', OTHER_CARRIER), ('same carrier', SAME_CARRIER))
    for attack in ATTACKS
    if attack.passes_firewall or place is SAME_CARRIER
]


def outputs_of(standing: Standing) -> dict[str, Any]:
    return read_outputs(standing.work.paths.outputs)


@pytest.fixture
def lab(standing: Standing) -> Iterator[Standing]:
    """The platform; clients that were shut out are let in again, and pauses let the rates begin anew."""
    yield standing
    for client in ('client-1', 'client-2'):
        released(standing.remote(), outputs_of(standing), str(standing.work.topology.host(client).address))
    standing.close()
    time.sleep(10)


def seen_of(standing: Standing, attack: Attack, place: Place) -> Seen:
    remotes = (standing.remote(), standing.remote())
    return watch(remotes, outputs_of(standing), attack, place, password=standing.password, seconds=SECONDS)


@pytest.mark.parametrize(('attack', 'place'), CASES)
def test_a_learner_goes_on_under_a_flood_and_a_limit_or_the_block_list_holds_it_back(
    lab: Standing, attack: Attack, place: Place
) -> None:
    seen = seen_of(lab, attack, place)
    platform = lab.work.platform
    assert seen.faults(platform.objectives.journey_mean_seconds, platform.limits.lost_share_under_attack) == []
    # What no flow declares does not reach an edge through the firewalls, whatever the limits are.
    expected = {*attack.acts, 'block list'} - {'undeclared'}
    acted = {name.partition(' (')[0] for name in seen.acted}
    assert acted & expected or ('undeclared' in attack.acts and place is OTHER_CARRIER), seen.acted


@pytest.mark.parametrize(
    'name',
    [
        'SYN flood',
        pytest.param('spoofed SYN flood', marks=pytest.mark.long),
        pytest.param('flood of log-ins', marks=pytest.mark.long),
    ],
)
def test_without_the_limits_the_same_flood_hurts(lab: Standing, name: str) -> None:
    with limits_off(lab.remote(), outputs_of(lab), 90):
        seen = seen_of(lab, attack_named(name), SAME_CARRIER)
    platform = lab.work.platform
    assert seen.faults(platform.objectives.journey_mean_seconds, platform.limits.lost_share_under_attack)


def in_force(standing: Standing) -> str | None:
    for host in ('edge-1', 'edge-2', 'fw-1', 'fw-2'):
        if standing.run(host, 'sudo', 'nft', 'list', 'table', 'inet', 'anlan_limits').code != 0:
            return f'{host} has no limits'
    return None


def test_limits_that_were_taken_away_are_missed_and_come_back_by_themselves(lab: Standing) -> None:
    done = lab.run('edge-2', 'sudo', 'sh', '-ec', off_script('edge', 12))
    assert done.code == 0, done.err
    assert in_force(lab) == 'edge-2 has no limits'

    def told() -> str | None:
        text = lab.run('edge-2', 'cat', '/run/anlan/metrics/limits.prom').out
        return None if 'anlan_limits_in_force{part="network"} 0' in text else 'the metric says nothing'

    wait_until(told, 'the metric to say that the limits are away', 8)
    wait_until(lambda: in_force(lab), 'the limits to be back', 20)
    mounts = lab.run('edge-2', 'sudo', 'sh', '-c', 'cat /proc/$(cat /run/nginx.pid)/mountinfo').out
    assert not [line for line in mounts.splitlines() if 'limits-off' in line]
    assert len(ON['edge']) > 3


def flooding(standing: Standing) -> str | None:
    done = standing.run('client-2', 'pgrep', '-x', 'hping3')
    return 'hping3 runs' if done.code == 0 else None


def test_an_attack_ends_by_itself_when_its_runner_is_killed(lab: Standing) -> None:
    program = (
        'from tests.lab.test_27_floods import *; from tests.lab.test_27_floods import run_alone; run_alone()'
    )  # fmt: skip
    runner = subprocess.Popen([sys.executable, '-c', program], cwd=ROOT, env=lab.environment())
    try:
        wait_until(lambda: None if flooding(lab) else 'it has not begun', 'the attack to begin', 20)
        os.kill(runner.pid, signal.SIGKILL)
        runner.wait(timeout=10)
        assert flooding(lab), 'it ended with its runner: this shows nothing of its own end'
        wait_until(lambda: flooding(lab), 'the attack to end by itself', 20)
    finally:
        runner.kill()


def run_alone() -> None:
    """Run an attack until somebody kills this process."""
    from anlan.cli.work import Work
    from drills.floods import command_of
    from infra.lab.engine import connect
    from tests.lab.standing import PLATFORM_FILE

    standing = Standing(Work.of(PLATFORM_FILE), connect())
    outputs = outputs_of(standing)
    edge = outputs['hosts']['edge-2']['variables']['anlan_address']
    standing.run('client-2', *command_of(attack_named('SYN flood'), outputs, edge, 14), deadline_seconds=40)


CLASS = """
import concurrent.futures, json, ssl, sys, time, urllib.request
url, edge, learners = sys.argv[1], sys.argv[2], int(sys.argv[3])
import http.client, socket
host = url.split('/')[2]
def one(number):
    time.sleep(number * 20 / learners)
    context = ssl.create_default_context()
    codes = []
    raw = socket.create_connection((edge, 443), 10)
    link = http.client.HTTPSConnection(host, timeout=20, context=context)
    link.sock = context.wrap_socket(raw, server_hostname=host)
    for path in ('/', '/courses/', '/accounts/login/', '/api/courses/', '/courses/', '/accounts/login/'):
        link.request('GET', path)
        answer = link.getresponse()
        answer.read()
        codes.append(answer.status)
    link.close()
    return codes
with concurrent.futures.ThreadPoolExecutor(learners) as pool:
    found = [code for codes in pool.map(one, range(learners)) for code in codes]
json.dump({'asked': len(found), 'codes': sorted(set(found))}, sys.stdout)
"""


def test_a_class_of_two_hundred_behind_one_address_is_served(lab: Standing) -> None:
    before = read_counts(lab.remote(), outputs_of(lab))
    url, edge = lab.work.platform.front_door_url(), str(lab.work.topology.host('edge-2').address)
    learners = str(lab.work.platform.limits.class_learners)
    done = lab.run('client-2', 'python3', '-I', '-c', CLASS, url, edge, learners, deadline_seconds=120)
    assert done.code == 0, done.err
    assert f'"asked": {int(learners) * 6}' in done.out
    assert '"codes": [200, 302]' in done.out
    time.sleep(6)
    after = read_counts(lab.remote(), outputs_of(lab))
    assert after['edge-2']['refused'] == before['edge-2']['refused']


def test_what_is_no_host_of_the_lab_is_no_target(lab: Standing) -> None:
    from drills.floods import command_of

    with pytest.raises(AnlanError, match='is no host of'):
        command_of(ATTACKS[0], outputs_of(lab), '198.18.1.99', 5)
