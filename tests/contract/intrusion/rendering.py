"""The rules and settings of the intrusion detection as a firewall of a sample platform has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from anlan.paths import ROOT
from infra.outputs import outputs
from infra.topology import topology_of
from tests.unit.samples import dual_stack, inventory_of, platform_of

TEMPLATES = ROOT / 'playbooks' / 'roles' / 'intrusion' / 'templates'
RULES = {'inline': ('learners', 'inside'), 'refused': ('refused',)}
OUTSIDE = '203.0.113.9'


def write_sensors(folder: Path) -> dict[str, str]:
    """Given a folder, write each sensor's settings and rules there, and return the hosts' addresses by name."""
    platform = platform_of(dual_stack())
    topology = topology_of(platform)
    found = outputs(platform, topology, inventory_of(topology))
    groups: dict[str, list[str]] = {'all': list(found['hosts'])}
    for name, each in found['hosts'].items():
        groups.setdefault(each['tier'], []).append(name)
    hostvars = {name: each['variables'] for name, each in found['hosts'].items()}
    variables: dict[str, Any] = {
        **found['variables'], **hostvars['fw-1'], 'groups': groups, 'hostvars': hostvars, 'inventory_hostname': 'fw-1',
        'ansible_managed': 'managed',
    }  # fmt: skip
    for sensor, names in RULES.items():
        settings = _rendered('suricata.yaml.j2', variables | {'item': {'sensor': sensor}})
        (folder / f'{sensor}.yaml').write_text(settings, encoding='utf-8')
        rules = ''.join(_rendered(f'rules/{name}.rules.j2', variables) for name in names)
        (folder / f'{sensor}.rules').write_text(rules, encoding='utf-8')
    return {host.name: str(host.address) for host in topology.hosts} | {'outside': OUTSIDE}


def _rendered(template: str, variables: dict[str, Any]) -> str:
    text = (TEMPLATES / template).read_text(encoding='utf-8')
    return str(Templar(DataLoader(), variables=variables).template(trust_as_template(text)))
