"""What a command that changes a platform works with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from anlan.paths import PlatformPaths
from anlan.platform import Platform, load_platform
from anlan.platform.targets import LabTarget
from infra.images import image_tag
from infra.pulumi_cli import pulumi_root
from infra.ssh_files import ensure_key, ssh_files
from infra.targets.base import Target
from infra.targets.choose import target_of, uses_pulumi
from infra.topology import Topology, topology_of


@dataclass(frozen=True)
class Work:
    """A platform, its topology, and where its files are."""

    platform: Platform
    topology: Topology
    paths: PlatformPaths

    @classmethod
    def of(cls, file: Path) -> Work:
        """Given a platform file, return the work. Raise BadInput or InvalidFile; nothing is touched."""
        platform = load_platform(file)
        return cls(platform, topology_of(platform), PlatformPaths.of(platform.name))

    @property
    def makes_hosts(self) -> bool:
        """Return whether the hosts are made by us."""
        return isinstance(self.platform.target, LabTarget)

    def tiers(self) -> list[str]:
        """Return the tiers that have hosts."""
        return list(dict.fromkeys(host.tier for host in self.topology.hosts))

    def target(self) -> Target:
        """Return the platform's target; for hosts that we make, the operator's key is made if there is none.

        Raise AnlanError if there is no Pulumi CLI.
        """
        self.paths.make()
        key = ensure_key(ssh_files(self.platform, self.paths.ssh)) if self.makes_hosts else ''
        return target_of(
            self.platform,
            self.topology,
            self.paths,
            pulumi_root=pulumi_root() if uses_pulumi(self.platform, self.paths) else Path(),
            images={tier: image_tag(tier) for tier in self.tiers()},
            ssh_public_key=key,
        )
