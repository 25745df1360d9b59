"""The boundary of a platform in words, from its file alone."""

from __future__ import annotations

from typing import Any

from anlan.platform import Platform
from infra.cloud.alibaba_functions import protections
from infra.cloud.boundary import wanted_of
from infra.cloud.own_edges import OwnEdges
from infra.topology import Topology


def boundary_document(platform: Platform, topology: Topology) -> dict[str, Any]:
    """Given a platform and its topology, return its boundary as plain data.

    `run_against_the_cloud` is None where there is no cloud, and False where there is one: no cloud has seen it yet.
    """
    wanted = wanted_of(platform, topology)
    if platform.cloud.provider == 'none':
        entrance = OwnEdges(wanted).entrance()
        return {
            'provider': 'none',
            'run_against_the_cloud': None,
            'edges': list(entrance.addresses),
            'protections': entrance.protections,
        }
    return {
        'provider': platform.cloud.provider,
        'run_against_the_cloud': False,
        'edges': list(wanted.origins),
        'protections': protections(platform.cloud),
    }
