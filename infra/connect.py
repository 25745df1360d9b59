"""Connections to the hosts of a platform that stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anlan.paths import PlatformPaths
from anlan.platform import Platform
from anlan.remote import Remote, RemoteHost
from infra.ssh_files import ssh_files


def connect(platform: Platform, paths: PlatformPaths, outputs: Mapping[str, Any]) -> Remote:
    """Given a platform and its outputs, return a Remote to all of its hosts through the bastion."""
    files = ssh_files(platform, paths.ssh)
    hosts = {
        name: RemoteHost(
            name,
            host['variables']['ansible_host'],
            host['variables']['ansible_port'],
            host['variables']['ansible_user'],
        )
        for name, host in outputs['hosts'].items()
    }
    bastion = next(name for name, host in outputs['hosts'].items() if host['tier'] == 'operations')
    return Remote(hosts, bastion, files.key, files.known_hosts)
