"""Templates and variables of roles as Ansible renders them on a host of a sample platform, with the roles' defaults."""

from __future__ import annotations

from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from anlan.paths import ROOT
from infra.outputs import outputs
from tests.unit.samples import inventory_of, lab, platform_of, topology_from

ROLES = ROOT / 'playbooks' / 'roles'
SECRETS = {
    name: f'secret of {name}'
    for name in (
        'database_superuser_password', 'database_replication_password', 'database_rewind_password',
        'database_application_password', 'patroni_rest_password', 'valkey_password', 'valkey_administration_password',
    )
}  # fmt: skip


def templar(role: str, host: str, **variables: Any) -> Templar:
    """Given a role and a host, return what templates with the role's defaults, the platform's variables and these."""
    topology = topology_from(lab())
    found = outputs(platform_of(lab()), topology, inventory_of(topology))
    groups: dict[str, list[str]] = {'all': list(found['hosts'])}
    for name, each in found['hosts'].items():
        groups.setdefault(each['tier'], []).append(name)
    hostvars = {name: each['variables'] for name, each in found['hosts'].items()}
    given: dict[str, Any] = {}
    for folder in ('defaults', 'vars'):
        file = ROLES / role / folder / 'main.yml'
        if file.exists():
            given |= DataLoader().load_from_file(str(file), trusted_as_template=True)
    return Templar(
        DataLoader(),
        variables={
            **given, **found['variables'], **hostvars[host], 'groups': groups, 'hostvars': hostvars,
            'inventory_hostname': host, 'ansible_managed': 'managed', 'secrets': SECRETS, **variables,
        },
    )  # fmt: skip


def rendered(role: str, template: str, host: str, **variables: Any) -> str:
    """Given a role, its template and a host, return what stands on that host."""
    text = (ROLES / role / 'templates' / template).read_text(encoding='utf-8')
    return str(templar(role, host, **variables).template(trust_as_template(text)))


def variable(role: str, name: str, host: str) -> Any:
    """Given a role, one of its variables and a host, return its value there."""
    return templar(role, host).template(trust_as_template('{{ ' + name + ' }}'))
