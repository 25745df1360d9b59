"""The provider against the real Pulumi engine, with a state of its own in a temporary folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pulumi
import pytest

from anlan.deadline import wait_until
from anlan.errors import AnlanError
from infra.lab import hosts, networks
from infra.lab import platform as standing
from infra.lab.model import LabHost, LabNetwork
from infra.program import Host, Network
from infra.stack import PlatformStack, StackPlace
from infra.targets.changes import Change, Drift
from tests.contract.conftest import PROVIDER_GATEWAY, PROVIDER_PLATFORM, PROVIDER_SUBNET

NETWORK = LabNetwork(PROVIDER_PLATFORM, 'app', PROVIDER_SUBNET, PROVIDER_GATEWAY)
BROKEN_IMAGE = 'anlan-contract:broken'

pytestmark = pytest.mark.usefixtures('swept')


@pytest.fixture
def place(tmp_path: Path, pulumi_root: Path) -> StackPlace:
    return StackPlace(PROVIDER_PLATFORM, tmp_path / 'pulumi', pulumi_root)


@pytest.fixture
def host(image: str, public_key: str) -> LabHost:
    return LabHost(PROVIDER_PLATFORM, 'app-1', image, {'app': PROVIDER_SUBNET[11]}, 192, public_key)


@pytest.fixture
def broken_image(client: docker.DockerClient, image: str) -> Iterator[str]:
    """An image whose first process says something and ends."""
    container = client.containers.create(image, ['true'])
    try:
        from pathlib import PurePosixPath

        from infra.lab import files

        init = files.HostFile(PurePosixPath('/usr/sbin/anlan-init'), '#!/bin/sh\necho no systemd here\nexit 3\n', 0o755)
        files.write(container, init)
        repository, tag = BROKEN_IMAGE.split(':')
        container.commit(repository=repository, tag=tag)
        yield BROKEN_IMAGE
    finally:
        container.remove(force=True)
        standing.remove(client, PROVIDER_PLATFORM)
        client.images.remove(BROKEN_IMAGE, force=True)


class Events(list[tuple[str, str]]):
    def __call__(self, resource: str, state: str) -> None:
        self.append((resource, state))

    def order(self, *wanted: tuple[str, str]) -> None:
        places = [self.index(event) for event in wanted]
        assert places == sorted(places), list(self)


def stack_of(place: StackPlace, network: LabNetwork, *declared: LabHost) -> PlatformStack:
    def program() -> None:
        made = {network.zone: Network(network)}
        for host in declared:
            Host(host, made)

    return PlatformStack(place, program)


def identifier(client: docker.DockerClient, host: LabHost) -> str:
    found = hosts.find(client, host.container)
    assert found is not None
    return str(found.id)


def test_memory_is_shown_as_a_difference_and_changed_in_place(
    client: docker.DockerClient, place: StackPlace, host: LabHost
) -> None:
    stack_of(place, NETWORK, host).up()
    before = identifier(client, host)
    larger = stack_of(place, NETWORK, replace(host, memory_mib=256))
    assert larger.plan().changes == (Change('host app-1', 'update', ('memory_mib: 192 → 256',)),)
    larger.up()
    assert identifier(client, host) == before
    seen = hosts.read(client, host.container, host)
    assert seen is not None
    assert seen.memory_mib == 256
    assert not larger.plan()


def test_a_network_is_replaced_after_its_hosts_have_left_it(
    client: docker.DockerClient, place: StackPlace, host: LabHost
) -> None:
    stack_of(place, NETWORK, host).up()
    before, events = identifier(client, host), Events()
    moved = stack_of(place, replace(NETWORK, gateway=PROVIDER_SUBNET[253]), host)
    assert {(change.resource, change.operation) for change in moved.plan().changes} == {
        ('network app', 'replace'),
        ('host app-1', 'replace'),
    }
    moved.up(events)
    events.order(
        ('host app-1', 'deleted'), ('network app', 'deleted'), ('network app', 'created'), ('host app-1', 'created')
    )
    assert identifier(client, host) != before
    seen = networks.read(client, NETWORK.name)
    assert seen is not None
    assert seen.gateway == PROVIDER_SUBNET[253]


def test_refresh_sees_that_a_host_and_its_network_are_gone(
    client: docker.DockerClient, place: StackPlace, host: LabHost
) -> None:
    stack = stack_of(place, NETWORK, host)
    stack.up()
    standing.remove(client, PROVIDER_PLATFORM)
    reason = 'it was made by Anlan and is gone'
    assert sorted(map(str, stack.drift())) == sorted(
        map(str, [Drift('host app-1', 'removed', reason), Drift('network app', 'removed', reason)])
    )
    stack.up()
    assert stack.drift() == []


def test_an_existing_host_is_imported_by_its_name_and_not_touched(
    client: docker.DockerClient, place: StackPlace, host: LabHost
) -> None:
    networks.create(client, NETWORK)
    hosts.create(client, host)
    before = identifier(client, host)

    def program() -> None:
        made = {'app': Network(NETWORK, pulumi.ResourceOptions(import_=NETWORK.name))}
        Host(host, made, pulumi.ResourceOptions(import_=host.container))

    events = Events()
    PlatformStack(place, program).up(events)
    assert ('host app-1', 'imported') in events
    assert identifier(client, host) == before
    assert not stack_of(place, NETWORK, host).plan()


def test_a_host_that_does_not_come_up_is_kept_named_and_repaired_by_the_next_up(
    client: docker.DockerClient, place: StackPlace, host: LabHost, broken_image: str
) -> None:
    broken = stack_of(place, NETWORK, replace(host, image=broken_image))
    with pytest.raises(AnlanError, match=r'host app-1: ended with exit code 3 .*no systemd here'):
        broken.up()
    state = json.loads(place.checkpoint.read_text(encoding='utf-8'))['checkpoint']['latest']['resources']
    assert [resource['urn'].rsplit('::')[-1] for resource in state if resource.get('initErrors')] == ['app-1']
    repaired = stack_of(place, NETWORK, host)
    repaired.up()
    seen = hosts.read(client, host.container, host)
    assert seen == host
    assert not repaired.plan()


def test_a_secret_input_is_not_in_the_state_in_plain_text(place: StackPlace, host: LabHost) -> None:
    secret = 'ssh-ed25519 AAAAthisIsTheSecret contract'

    def program() -> None:
        made = {'app': Network(NETWORK)}
        document = host.document() | {
            'ssh_public_key': pulumi.Output.secret(secret),
            'networks': {'app': made['app'].network_name},
        }
        pulumi.CustomResource('lab:index:Host', host.name, document)

    PlatformStack(place, program).up()
    files = [file for file in place.directory.rglob('*') if file.is_file()]
    state = json.loads(place.checkpoint.read_text(encoding='utf-8'))['checkpoint']['latest']['resources']
    kept = next(resource for resource in state if resource['urn'].endswith('::app-1'))
    assert 'ciphertext' in kept['inputs']['ssh_public_key']
    assert not [file for file in files if 'thisIsTheSecret' in file.read_text(errors='replace')]


def test_a_container_of_somebody_else_is_refused_and_left_alone(
    client: docker.DockerClient, place: StackPlace, host: LabHost
) -> None:
    theirs = client.containers.create(host.image, ['true'], name=host.container)
    try:
        with pytest.raises(AnlanError, match=r'was not made by Anlan; remove it'):
            stack_of(place, NETWORK, host).up()
        assert identifier(client, host) == theirs.id
    finally:
        theirs.remove(force=True)


def test_wrong_inputs_are_refused_before_anything_is_made(
    client: docker.DockerClient, place: StackPlace, host: LabHost
) -> None:
    with pytest.raises(AnlanError, match='memory_mib: 8 is below 64'):
        stack_of(place, NETWORK, replace(host, memory_mib=8)).plan()
    assert standing.host_states(client, PROVIDER_PLATFORM) == {}


KILLED_RUN = """
import sys
from pathlib import Path
from infra.stack import StackPlace
from tests.contract.test_provider import NETWORK, many, stack_of
directory, root, image, key = sys.argv[1:]
place = StackPlace(NETWORK.platform, Path(directory), Path(root))
stack_of(place, NETWORK, *many(image, key)).up(lambda resource, state: print(resource, state, flush=True))
"""


def many(image: str, public_key: str) -> list[LabHost]:
    return [
        LabHost(PROVIDER_PLATFORM, f'app-{number}', image, {'app': PROVIDER_SUBNET[10 + number]}, 192, public_key)
        for number in range(1, 5)
    ]


def test_what_a_killed_run_left_is_taken_over_by_the_next_up(
    client: docker.DockerClient, place: StackPlace, image: str, public_key: str
) -> None:
    process = subprocess.Popen(
        [sys.executable, '-c', KILLED_RUN, str(place.directory), str(place.pulumi_root), image, public_key],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, 'PYTHONPATH': str(Path.cwd())},
        cwd=Path(__file__).parents[2],
    )
    try:
        wait_until(some_container(client), 'the killed run to make a host', 60, 0.02)
        family = descendants(process.pid)
        assert any('pulumi' in name for name in family.values()), family
    finally:
        for each in [process.pid, *descendants(process.pid)]:
            kill(each)
        process.wait(timeout=10)
    declared = many(image, public_key)
    stack = stack_of(place, NETWORK, *declared)
    left = stack.leftovers()
    assert [leftover for leftover in left if leftover.startswith('lock ')], left
    assert [leftover for leftover in left if leftover.startswith('creating ')], left
    standing_before = {name: identifier(client, each) for name, each in present(client, declared).items()}
    events = Events()
    stack.up(events)
    assert ('state', 'recovered') in events
    assert stack.leftovers() == []
    for one in declared:
        assert hosts.read(client, one.container, one) == one
    for name, before in standing_before.items():
        assert identifier(client, next(each for each in declared if each.name == name)) == before
    stack.down()
    assert standing.host_states(client, PROVIDER_PLATFORM) == {}
    assert standing.zones(client, PROVIDER_PLATFORM) == []


def some_container(client: docker.DockerClient) -> Callable[[], str | None]:
    return lambda: None if standing.host_states(client, PROVIDER_PLATFORM) else 'there is no container yet'


def present(client: docker.DockerClient, declared: list[LabHost]) -> dict[str, LabHost]:
    names = standing.host_states(client, PROVIDER_PLATFORM)
    return {each.name: each for each in declared if each.name in names}


def descendants(process: int) -> dict[int, str]:
    """Given a process that we started, return all that it started, by their parents."""
    parents: dict[int, tuple[int, str]] = {}
    for folder in Path('/proc').iterdir():
        if folder.name.isdigit():
            try:
                before, _, after = (folder / 'stat').read_text().rpartition(')')
            except OSError:
                continue
            parents[int(folder.name)] = (int(after.split()[1]), before.partition('(')[2])
    found: dict[int, str] = {}
    level = {process}
    while level:
        level = {child for child, (parent, _) in parents.items() if parent in level}
        found |= {child: parents[child][1] for child in level}
    return found


def kill(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        time.sleep(0)
