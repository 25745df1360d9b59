"""A harness for each target: the target over the small topology, and a hand that breaks its hosts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import docker

from anlan.remote import Remote, RemoteHost
from infra.inventory import Inventory
from infra.lab import hosts, networks, power
from infra.lab import platform as standing
from infra.lab.model import LabHost
from infra.program import lab_hosts, lab_networks
from infra.stack import StackPlace
from infra.targets.base import Target
from infra.targets.lab import Lab
from infra.targets.onprem import Access, Onprem
from infra.topology import Topology
from tests.contract.topologies import APPLICATION, PLATFORM, topology, with_address


@dataclass(frozen=True)
class Equipment:
    """What every harness is made with."""

    client: docker.DockerClient
    directory: Path
    pulumi_root: Path
    image: str
    key_file: Path
    public_key: str

    def images(self) -> dict[str, str]:
        return dict.fromkeys(('firewall', 'operations', 'app'), self.image)

    def hosts(self) -> dict[str, LabHost]:
        return {host.name: host for host in lab_hosts(topology(), self.images(), self.public_key)}


@dataclass(frozen=True)
class Harness:
    """A target and the equipment behind it. `makes_hosts`: whether `up` brings back what is broken."""

    kind: str
    equipment: Equipment
    target: Target
    makes_hosts: bool

    def stop(self, name: str) -> None:
        power.kill(self.equipment.client, self.equipment.hosts()[name])

    def start(self, name: str) -> None:
        power.start(self.equipment.client, self.equipment.hosts()[name])

    def remove(self, name: str) -> None:
        hosts.delete(self.equipment.client, self.equipment.hosts()[name].container)

    def identifiers(self) -> dict[str, tuple[str, str]]:
        """Return, by host, which container it is and since when it runs: the same twice means untouched."""
        found = {}
        for name, host in self.equipment.hosts().items():
            container = hosts.find(self.equipment.client, host.container)
            assert container is not None
            found[name] = (str(container.id), str(container.attrs['State']['StartedAt']))
        return found

    def route(self) -> None:
        """Give the firewall the zones' virtual addresses, which keepalived holds on a platform that is configured."""
        firewall = self.equipment.client.containers.get(self.equipment.hosts()['fw-1'].container)
        for network in topology().networks:
            own = topology().host('fw-1').addresses[network.zone]
            interface = f"$(ip -o -4 addr show to {own} | cut -d ' ' -f 2)"
            command = f'ip addr replace {network.gateway}/{network.subnet.prefixlen} dev {interface}'
            code, said = firewall.exec_run(['sh', '-c', command])
            assert code == 0, said

    def blocked(self) -> Target:
        """Return the same target over a topology in which something stands in the way of app-1."""
        if self.kind == 'lab':
            taken = replace(APPLICATION, subnet=_docker_default_subnet(self.equipment.client))
            given = replace(topology(), networks=(topology().networks[0], taken))
            return lab_target(self.equipment, given)
        return onprem_target(self.equipment, with_address(topology(), 'app-1', str(APPLICATION.subnet[77])))

    def connect(self, inventory: Inventory) -> Remote:
        known = self.equipment.directory / 'known_hosts.inventory'
        known.write_text(
            ''.join(f'{host.address} {host.ssh_host_key}\n' for host in inventory.hosts.values()), encoding='utf-8'
        )
        places = {
            name: RemoteHost(name, host.address, host.ssh_port, host.ssh_user) for name, host in inventory.hosts.items()
        }
        return Remote(places, topology().bastion.name, self.equipment.key_file, known)


@contextmanager
def standing_lab(equipment: Equipment) -> Iterator[Harness]:
    """A lab that its own `up` made."""
    standing.remove(equipment.client, PLATFORM)
    target = lab_target(equipment, topology())
    harness = Harness('lab', equipment, target, makes_hosts=True)
    try:
        target.up()
        harness.route()
        yield harness
    finally:
        standing.remove(equipment.client, PLATFORM)


@contextmanager
def standing_onprem(equipment: Equipment) -> Iterator[Harness]:
    """Hosts that somebody else made: here the lab's backend, without Pulumi."""
    standing.remove(equipment.client, PLATFORM)
    try:
        for network in lab_networks(topology()):
            networks.create(equipment.client, network)
        lines = []
        for name, host in equipment.hosts().items():
            key = hosts.create(equipment.client, host)
            lines.append(f'{topology().host(name).address} {key}\n')
        (equipment.directory / 'known_hosts').write_text(''.join(lines), encoding='utf-8')
        harness = Harness('onprem', equipment, onprem_target(equipment, topology()), makes_hosts=False)
        harness.route()
        yield harness
    finally:
        standing.remove(equipment.client, PLATFORM)


def lab_target(equipment: Equipment, given: Topology) -> Lab:
    """Given a topology, return its target `lab`."""
    place = StackPlace(PLATFORM, equipment.directory / 'pulumi', equipment.pulumi_root)
    return Lab(given, place, equipment.images(), equipment.public_key, headroom_mib=64, free_disk_gib=1)


def onprem_target(equipment: Equipment, given: Topology, maximum_clock_offset_seconds: float = 2.0) -> Onprem:
    """Given a topology and the limit of the clock, return its target `onprem`."""
    access = Access('anlan', equipment.key_file, equipment.directory / 'known_hosts')
    return Onprem(given, access, maximum_clock_offset_seconds)


def _docker_default_subnet(client: docker.DockerClient):  # type: ignore[no-untyped-def]
    from ipaddress import IPv4Network

    for network in client.networks.list():
        for pool in network.attrs['IPAM']['Config'] or []:
            if network.name == 'bridge':
                return IPv4Network(pool['Subnet'])
    raise AssertionError('Docker has a default network')
