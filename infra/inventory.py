"""Inventory: the hosts that stand, as a target hands them over."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class InventoryHost:
    """A host that stands: where SSH reaches it, and the public key that it must show (type and key in base64)."""

    address: str
    ssh_port: int
    ssh_user: str
    ssh_host_key: str
    tier: str
    zone: str
    addresses: dict[str, str]
    fault_domain: str


@dataclass(frozen=True)
class Inventory:
    """Every host of a platform, by name."""

    platform: str
    hosts: dict[str, InventoryHost]

    def document(self) -> dict[str, Any]:
        """Return the inventory as plain JSON data."""
        return asdict(self)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Inventory:
        """Given what `document` returned, return the inventory."""
        hosts = {name: InventoryHost(**host) for name, host in document['hosts'].items()}
        return cls(document['platform'], hosts)
