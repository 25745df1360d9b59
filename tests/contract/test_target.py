"""The contract of a target: one suite, held by every target."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from anlan.errors import AnlanError, Problem
from infra.inventory import Inventory
from infra.stack import StackPlace
from infra.targets.changes import Change, Drift
from infra.targets.lab import Lab
from infra.targets.onprem import Access, Onprem
from tests.contract.harness import Equipment, Harness, lab_target, onprem_target, standing_lab, standing_onprem
from tests.contract.topologies import APPLICATION, PLATFORM, topology, with_memory


@pytest.fixture(scope='module')
def equipment(
    client: docker.DockerClient,
    tmp_path_factory: pytest.TempPathFactory,
    pulumi_root: Path,
    image: str,
    key_file: Path,
    public_key: str,
) -> Equipment:
    return Equipment(client, tmp_path_factory.mktemp('target'), pulumi_root, image, key_file, public_key)


@pytest.fixture(scope='module', params=['lab', 'onprem'])
def harness(request: pytest.FixtureRequest, equipment: Equipment) -> Iterator[Harness]:
    standing = {'lab': standing_lab, 'onprem': standing_onprem}[request.param]
    with standing(equipment) as made:
        yield made


def test_up_hands_over_every_host_reachable_under_its_address_and_host_key(harness: Harness) -> None:
    inventory = harness.target.up()
    assert set(inventory.hosts) == {host.name for host in topology().hosts}
    assert Inventory.of(json.loads(json.dumps(inventory.document()))) == inventory
    with harness.connect(inventory) as remote:
        for host in topology().hosts:
            handed = inventory.hosts[host.name]
            assert handed.address == str(host.address)
            assert (handed.tier, handed.zone, handed.fault_domain) == (host.tier, host.zone, 'a')
            assert remote.run(host.name, ['hostname'], 10).out.strip() == host.name
            assert remote.run(host.name, ['sudo', '-n', 'id', '-u'], 10).out.strip() == '0'


def test_a_host_that_shows_another_key_is_not_reached(harness: Harness) -> None:
    inventory = harness.target.up()
    other = inventory.hosts['fw-1'].ssh_host_key
    swapped = dataclasses.replace(inventory.hosts['app-1'], ssh_host_key=other)
    wrong = Inventory(inventory.platform, inventory.hosts | {'app-1': swapped})
    with harness.connect(wrong) as remote, pytest.raises(AnlanError, match='app-1'):
        remote.run('app-1', ['true'], 10)


def test_every_host_leaves_its_zone_through_the_firewall_alone(harness: Harness) -> None:
    inventory = harness.target.up()
    with harness.connect(inventory) as remote:
        for name in ('ops-1', 'app-1'):
            gateway = topology().network(inventory.hosts[name].zone).gateway
            route = remote.run(name, ['ip', '-4', 'route', 'show', 'default'], 10).out
            assert route.startswith(f'default via {gateway} '), route
        assert remote.run('fw-1', ['ip', '-4', 'route', 'show', 'default'], 10).out == ''
        assert remote.run('fw-1', ['cat', '/proc/sys/net/ipv4/ip_forward'], 10).out.strip() == '1'


def test_up_done_twice_changes_nothing(harness: Harness) -> None:
    first, before = harness.target.up(), harness.identifiers()
    events: list[tuple[str, str]] = []
    assert harness.target.up(lambda resource, state: events.append((resource, state))) == first
    assert harness.identifiers() == before
    assert {state for _, state in events} <= {'reading', 'read', 'unchanged'}
    assert not harness.target.plan()
    assert harness.target.drift() == []
    assert set(harness.target.hosts().values()) == {'running'}


def test_a_stopped_host_is_named_by_drift_and_nothing_else_is(harness: Harness) -> None:
    harness.stop('app-1')
    try:
        drifts = harness.target.drift()
        assert [drift.resource for drift in drifts] == ['host app-1'], drifts
        assert drifts[0].kind in ('stopped', 'unreachable')
        if harness.makes_hosts:
            assert harness.target.hosts()['app-1'] == 'stopped'
            assert [str(change) for change in harness.target.plan().changes] == [
                'update host app-1 (powered: false → true)'
            ]
            harness.target.up()
        else:
            with pytest.raises(AnlanError, match='app-1'):
                harness.target.up()
    finally:
        harness.start('app-1')
    assert harness.target.drift() == []


def test_preflight_is_silent_when_all_is_well(harness: Harness) -> None:
    assert harness.target.preflight() == []


def test_preflight_names_what_stands_in_the_way(harness: Harness) -> None:
    problems = harness.blocked().preflight()
    assert [problem.path for problem in problems] == [
        {'lab': f'zones.{APPLICATION.zone}.subnet', 'onprem': 'target.hosts.app-1'}[harness.kind]
    ]
    assert problems[0].reason


@pytest.mark.parametrize('harness', ['lab'], indirect=True)
class TestLab:
    """What only a target that makes its hosts can be asked."""

    @pytest.fixture
    def lab(self, harness: Harness) -> Harness:
        return harness

    def test_a_removed_host_is_named_by_drift_and_put_back_by_up(self, lab: Harness) -> None:
        lab.remove('app-1')
        assert lab.target.drift() == [Drift('host app-1', 'removed', 'it was made by Anlan and is gone')]
        assert lab.target.hosts()['app-1'] == 'missing'
        events: list[tuple[str, str]] = []
        lab.target.up(lambda resource, state: events.append((resource, state)))
        assert events.index(('host app-1', 'creating')) < events.index(('host app-1', 'created'))
        assert lab.target.drift() == []

    def test_memory_changed_by_hand_is_drift_and_up_puts_it_back(self, lab: Harness, equipment: Equipment) -> None:
        container = equipment.client.containers.get(equipment.hosts()['app-1'].container)
        container.update(mem_limit='300m', memswap_limit='300m')
        assert [str(drift) for drift in lab.target.drift()] == ['host app-1: changed: memory_mib: 192 → 300']
        before = lab.identifiers()
        lab.target.up()
        assert lab.target.drift() == []
        assert lab.identifiers() == before

    def test_a_lost_state_is_said_and_up_imports_what_exists(self, lab: Harness, equipment: Equipment) -> None:
        before = lab.identifiers()
        fresh = Lab(
            topology(),
            StackPlace(PLATFORM, equipment.directory / 'another', equipment.pulumi_root),
            equipment.images(),
            equipment.public_key,
        )
        assert {drift.resource for drift in fresh.drift()} >= {'host app-1', 'network app'}
        assert Change('host app-1', 'import') in fresh.plan().changes
        inventory = fresh.up()
        assert lab.identifiers() == before
        assert inventory == lab.target.up()

    def test_down_removes_everything_even_what_no_state_knows(self, lab: Harness, equipment: Equipment) -> None:
        stranger = lab_target(dataclasses.replace(equipment, directory=equipment.directory / 'third'), topology())
        stranger.down()
        assert set(lab.target.hosts().values()) == {'missing'}
        assert not equipment.client.networks.list(filters={'label': f'anlan.platform={PLATFORM}'})


@pytest.mark.parametrize('harness', ['onprem'], indirect=True)
class TestOnprem:
    """What only hosts that exist can be asked."""

    @pytest.fixture
    def existing(self, harness: Harness) -> Harness:
        return harness

    def test_a_clock_that_is_off_is_refused(
        self, existing: Harness, equipment: Equipment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import time

        real = time.time
        monkeypatch.setattr('infra.targets.host_facts.time.time', lambda: real() + 30)
        problems = onprem_target(equipment, topology()).preflight()
        assert {problem.path for problem in problems} == {f'target.hosts.{host.name}' for host in topology().hosts}
        assert all('s off this machine; 2 s are allowed' in problem.reason for problem in problems)

    def test_too_little_memory_and_a_wrong_route_are_both_said(self, existing: Harness, equipment: Equipment) -> None:
        container = equipment.client.containers.get(equipment.hosts()['app-1'].container)
        beside = topology().host('fw-1').addresses[APPLICATION.zone]
        # The way back must exist, or the host could not be asked at all.
        container.exec_run(['ip', 'route', 'replace', 'default', 'via', str(beside)])
        try:
            problems = onprem_target(equipment, with_memory(topology(), 'app-1', 1024 * 1024)).preflight()
        finally:
            container.exec_run(['ip', 'route', 'replace', 'default', 'via', str(APPLICATION.gateway)])
        assert [problem.path for problem in problems] == ['target.hosts.app-1'] * 2
        assert '1048576 MiB are needed' in problems[0].reason
        assert f'its default route is {beside}; it must be {APPLICATION.gateway}' in problems[1].reason

    def test_a_user_without_sudo_is_refused(self, existing: Harness, equipment: Equipment) -> None:
        container = equipment.client.containers.get(equipment.hosts()['app-1'].container)
        container.exec_run(['mv', '/etc/sudoers.d/anlan', '/root/anlan.sudoers'])
        try:
            problems = existing.target.preflight()
        finally:
            container.exec_run(['mv', '/root/anlan.sudoers', '/etc/sudoers.d/anlan'])
        assert [problem.path for problem in problems] == ['target.hosts.app-1']
        assert 'sudo' in problems[0].reason

    def test_an_unknown_host_key_is_refused_without_connecting(self, existing: Harness, equipment: Equipment) -> None:
        known = (equipment.directory / 'known_hosts').read_text(encoding='utf-8')
        without = equipment.directory / 'known_hosts.short'
        without.write_text(
            ''.join(f'{line}\n' for line in known.splitlines() if str(APPLICATION.subnet[11]) not in line),
            encoding='utf-8',
        )
        problems = Onprem(topology(), Access('anlan', equipment.key_file, without)).preflight()
        assert [problem.path for problem in problems] == ['target.hosts.app-1']
        assert 'unknown hosts are refused' in problems[0].reason

    def test_missing_files_are_said_before_anything_else(self, existing: Harness, tmp_path: Path) -> None:
        problems = Onprem(topology(), Access('anlan', tmp_path / 'key', tmp_path / 'known')).preflight()
        assert problems == [
            Problem('target.ssh_key_file', f'{tmp_path}/key: there is no such file'),
            Problem('target.known_hosts_file', f'{tmp_path}/known: there is no such file'),
        ]

    def test_a_dead_bastion_is_named_once_and_the_rest_is_not_guessed(self, existing: Harness) -> None:
        existing.stop('ops-1')
        try:
            problems = existing.target.preflight()
        finally:
            existing.start('ops-1')
        assert problems[0].path == 'target.hosts.ops-1'
        assert all('not looked at' in problem.reason for problem in problems[1:])

    def test_down_refuses_to_touch_hosts_that_exist(self, existing: Harness) -> None:
        before = existing.identifiers()
        with pytest.raises(AnlanError, match='does not remove them'):
            existing.target.down()
        assert existing.identifiers() == before
