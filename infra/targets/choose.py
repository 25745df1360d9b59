"""Which target a platform has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from anlan.paths import PlatformPaths
from anlan.platform import Platform
from anlan.platform.targets import OnpremTarget
from infra.ssh_files import ssh_files
from infra.stack import StackPlace
from infra.targets.base import Target
from infra.targets.lab import Lab
from infra.targets.onprem import Access, Onprem
from infra.topology import Topology


def target_of(
    platform: Platform,
    topology: Topology,
    paths: PlatformPaths,
    *,
    pulumi_root: Path,
    images: Mapping[str, str],
    ssh_public_key: str,
) -> Target:
    """Given a platform, its topology and paths, return its target.

    The Pulumi CLI's root, image tags by tier and the operator's public key are for hosts that we make.
    """
    files = ssh_files(platform, paths.ssh)
    if isinstance(platform.target, OnpremTarget):
        access = Access(platform.target.ssh_user, files.key, files.known_hosts)
        return Onprem(topology, access, platform.target.maximum_clock_offset_seconds)
    return Lab(
        topology,
        StackPlace(platform.name, paths.pulumi, pulumi_root, platform.state.backend),
        images,
        ssh_public_key,
        headroom_mib=platform.target.headroom_mib,
        free_disk_gib=platform.target.disk_gib,
    )
