"""Templates of roles as Ansible renders them for a host of a sample platform."""

from __future__ import annotations

from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from anlan.paths import ROOT
from infra.outputs import outputs
from tests.unit.samples import inventory_of, platform_of, topology_from


def rendered(document: dict[str, Any], role: str, template: str, host: str) -> str:
    """Given a platform's document, a role's template and a host, return what stands on that host."""
    topology = topology_from(document)
    found = outputs(platform_of(document), topology, inventory_of(topology))
    groups: dict[str, list[str]] = {'all': list(found['hosts'])}
    for name, each in found['hosts'].items():
        groups.setdefault(each['tier'], []).append(name)
    hostvars = {name: each['variables'] for name, each in found['hosts'].items()}
    variables = {
        **found['variables'], **hostvars[host], 'groups': groups, 'hostvars': hostvars, 'inventory_hostname': host,
        'ansible_managed': 'managed',
    }  # fmt: skip
    text = (ROOT / 'playbooks' / 'roles' / role / 'templates' / template).read_text(encoding='utf-8')
    return str(Templar(DataLoader(), variables=variables).template(trust_as_template(text)))
