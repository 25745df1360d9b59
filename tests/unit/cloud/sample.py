"""A good platform with a cloud before its edges."""

from __future__ import annotations

from typing import Any

from infra.cloud.boundary import Wanted, wanted_of
from infra.topology import topology_of
from tests.unit.samples import onprem, platform_of, with_values

EDGES = ['192.0.32.11', '192.0.32.12']
FETCHERS = ['192.0.40.0/24', '2620:0:2d0::/48']
CLOUD: dict[str, Any] = {
    'provider': 'alibaba',
    'certificate_id': '8089870',
    'origins': EDGES,
    'origin_pull_networks': FETCHERS,
    'dns_zone': 'sample.test',
}


def clouded(**changes: Any) -> dict[str, Any]:
    """Given keys of the cloud by name, return the document of a good platform with them."""
    return with_values(onprem(), {'cloud': CLOUD | changes, 'block_list.never': FETCHERS})


def wanted(**changes: Any) -> Wanted:
    """Given keys of the cloud by name, return what the boundary of a platform with them is to do."""
    platform = platform_of(clouded(**changes))
    return wanted_of(platform, topology_of(platform))
