"""Which target a platform has."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from anlan.paths import PlatformPaths
from anlan.platform import Platform
from anlan.platform.targets import OnpremTarget
from anlan.secret_store import ensure_secrets
from infra import program
from infra.cloud.boundary import wanted_of
from infra.cloud.prerequisites import installed_version, problems
from infra.ssh_files import ssh_files
from infra.stack import PlatformStack, StackPlace
from infra.targets.base import Target
from infra.targets.clouded import Clouded
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
    place = StackPlace(platform.name, paths.pulumi, pulumi_root, platform.state.backend)
    if isinstance(platform.target, OnpremTarget):
        access = Access(platform.target.ssh_user, files.key, files.known_hosts)
        hosts = Onprem(topology, access, platform.target.maximum_clock_offset_seconds)
        return _with_cloud(platform, topology, paths, hosts, place)
    return Lab(
        topology,
        place,
        images,
        ssh_public_key,
        headroom_mib=platform.target.headroom_mib,
        free_disk_gib=platform.target.disk_gib,
    )


def uses_pulumi(platform: Platform, paths: PlatformPaths) -> bool:
    """Given a platform and its paths, return whether its target has something made, or had from this machine."""
    return (
        not isinstance(platform.target, OnpremTarget)
        or platform.cloud.provider != 'none'
        or StackPlace(platform.name, paths.pulumi, Path()).work.is_dir()
    )


def _with_cloud(
    platform: Platform, topology: Topology, paths: PlatformPaths, hosts: Onprem, place: StackPlace
) -> Target:
    """Return the hosts, with the cloud before them where the file names one, or where one stands that is to go."""

    def declare() -> None:
        # The one before is not among them once its time is over.
        secrets = ensure_secrets(paths.secrets)
        names = ('media_signing_key', 'media_signing_key_previous')
        keys = [secrets[name] for name in names if secrets.get(name)]
        program.declare_boundary(wanted_of(platform, topology), platform.cloud, keys)

    stack = PlatformStack(place, declare)
    if platform.cloud.provider == 'none' and not (place.work.is_dir() and stack.holds('alicloud')):
        return hosts
    return Clouded(hosts, stack, lambda: problems(paths.pulumi / 'home', os.environ, installed_version()))
