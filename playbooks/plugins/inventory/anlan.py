"""Inventory plugin: the outputs of the infrastructure (var/<platform>/outputs.anlan.json) as Ansible's inventory."""

from __future__ import annotations

import json
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.inventory import BaseInventoryPlugin

DOCUMENTATION = """
name: anlan
short_description: Hosts, zones and addresses from the outputs of Anlan's infrastructure
description:
  - Groups are the tiers (C(data), C(app), …) and the zones (C(zone_data), C(zone_uplink_a), …).
  - No role needs an address of its own; every address comes from here.
options:
  plugin:
    description: Must be C(anlan).
    required: false
"""


class InventoryModule(BaseInventoryPlugin):  # type: ignore[misc]
    """Reads one JSON file with `variables`, and `hosts` that have `tier`, `zone` and `variables`."""

    NAME = 'anlan'

    def verify_file(self, path: str) -> bool:
        """Given a path, return whether it is a file of outputs."""
        return bool(super().verify_file(path)) and path.endswith('.anlan.json')

    def parse(self, inventory: InventoryData, loader: DataLoader, path: str, cache: bool = True) -> None:
        """Given a file of outputs, fill the inventory. Raise AnsibleParserError if it is not one."""
        super().parse(inventory, loader, path, cache)
        try:
            with open(path, encoding='utf-8') as file:
                document: dict[str, Any] = json.load(file)
            hosts, variables = document['hosts'], document['variables']
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AnsibleParserError(f'{path} is no file of outputs; run `anlan up`: {error}') from error
        for name, value in variables.items():
            inventory.set_variable('all', name, value)
        for name, host in hosts.items():
            for group in (host['tier'], 'zone_' + host['zone'].replace('-', '_')):
                inventory.add_group(group)
                inventory.add_host(name, group=group)
            for variable, value in host['variables'].items():
                inventory.set_variable(name, variable, value)
