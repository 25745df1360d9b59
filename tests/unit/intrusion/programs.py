"""The programs of role intrusion as modules, and its templates as Ansible renders them."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from types import ModuleType
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from anlan.paths import ROOT
from infra.outputs import outputs
from tests.unit.samples import inventory_of, platform_of, topology_from

ROLE = ROOT / 'playbooks' / 'roles' / 'intrusion'


def program(name: str) -> ModuleType:
    """Given the name of a program in the role's files, return it as a module of its own."""
    loader = importlib.machinery.SourceFileLoader(name.replace('-', '_'), str(ROLE / 'files' / name))
    specification = importlib.util.spec_from_loader(loader.name, loader)
    assert specification is not None
    module = importlib.util.module_from_spec(specification)
    # Dataclasses look their module up.
    sys.modules[loader.name] = module
    loader.exec_module(module)
    return module


def rendered(template: str, document: dict[str, Any], sensor: str = 'inline', host: str = 'fw-1') -> str:
    """Given a template of the role and a platform's document, return what a firewall has of it."""
    topology = topology_from(document)
    found = outputs(platform_of(document), topology, inventory_of(topology))
    groups: dict[str, list[str]] = {'all': list(found['hosts'])}
    for name, each in found['hosts'].items():
        groups.setdefault(each['tier'], []).append(name)
    hostvars = {name: each['variables'] for name, each in found['hosts'].items()}
    variables = {
        **found['variables'], **hostvars[host], 'groups': groups, 'hostvars': hostvars, 'inventory_hostname': host,
        'ansible_managed': 'managed', 'item': {'sensor': sensor},
    }  # fmt: skip
    text = (ROLE / 'templates' / template).read_text(encoding='utf-8')
    return str(Templar(DataLoader(), variables=variables).template(trust_as_template(text)))
