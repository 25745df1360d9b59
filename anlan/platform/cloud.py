"""Cloud: a provider's delivery network and protection in front of the edges, behind the same interface as our own.

Not run against the cloud: what is made of these keys is tested with mocks of the provider alone.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Annotated, Literal

from pydantic import StringConstraints

from anlan.platform.base import Section, key

ZONE_PATTERN = r'^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$'
InstanceId = Annotated[str, StringConstraints(pattern=r'^ddos[a-z]*-[a-z0-9-]+$')]


class Cloud(Section):
    """A provider's delivery network, firewall and flood protection in front of the edges; target onprem only.

    Credentials come from the environment, never from this file.
    """

    provider: Literal['none', 'alibaba'] = key(
        'none',
        '`none`: learners come to our own edges. `alibaba`: through Alibaba Cloud (DCDN, its WAF, DNS).',
        'alibaba',
    )
    scope: Literal['domestic', 'overseas', 'global'] = key(
        'domestic',
        'Where the provider serves from. Mainland China (domestic, global) asks for an ICP filing.',
        'domestic',
    )
    certificate_id: Annotated[str, StringConstraints(pattern=r'^[0-9]+$')] | None = key(
        None,
        "Number of the front door's certificate at the provider's certificate service. Its key never comes here.",
        '8089870',
    )
    certificate_region: Literal['cn-hangzhou', 'ap-southeast-1'] = key(
        'cn-hangzhou', 'Region of the certificate service that holds it.', 'cn-hangzhou'
    )
    origins: list[IPv4Address] = key(
        list, "Public addresses of the edges. Without them: the edges' own, which then must be public.", ['47.96.10.11']
    )
    origin_pull_networks: list[IPv4Network | IPv6Network] = key(
        list,
        'Networks from which the provider fetches (DescribeDcdnL2Ips, and the nodes of Anti-DDoS). From them alone the '
        'edges believe who the client is; they have to be in block_list.never: shutting one out shuts learners out.',
        ['47.110.0.0/16'],
    )
    dns_zone: Annotated[str, StringConstraints(pattern=ZONE_PATTERN)] | None = key(
        None,
        "Zone at the provider's DNS in which the front door's record is kept. Without it the record is yours to make.",
        'example.cn',
    )
    dns_ttl_seconds: int = key(
        60, "Time to live of that record. The provider's free edition allows 600 and more, its standard one 60.", 60,
        unit='s', ge=1, le=86400,
    )  # fmt: skip
    quic: bool = key(False, 'HTTP/3 at the provider. It charges for each request.', True)
    ipv6: bool = key(True, 'IPv6 between learners and the provider.', True)
    anti_ddos_instances: list[InstanceId] = key(
        list,
        'Instances of Anti-DDoS Pro that stand ready beside the delivery network. They are bought elsewhere: '
        'nothing here orders anything by the month.',
        ['ddoscoo-cn-7e225i41q001'],
    )
    under_attack: bool = key(
        False, "Lead learners through Anti-DDoS Pro instead of the delivery network, by the front door's record.", True
    )
