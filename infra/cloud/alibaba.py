"""Alibaba Cloud as the boundary. NOT RUN AGAINST THE CLOUD: its resources are tested with Pulumi's mocks alone.

DCDN takes learners' requests in (its nodes' caches, its WAF), Anti-DDoS Pro stands ready beside it where instances are
named, and the front door's record at Alibaba Cloud DNS leads to one of the two. Resource classes and arguments are
those of the provider's SDK. Names of domain functions are those of its reference; some were read in the one of its CDN,
not of DCDN (`https_origin_sni`, `ipv6`, `edge_function`, `iquic`, `HSTS`, `range`, `brotli`): look at those first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import pulumi
from pulumi_alicloud import dcdn, ddos, dns

from anlan.platform.cloud import Cloud
from infra.cloud.alibaba_functions import DomainFunction, domain_functions, protections, signed_addresses
from infra.cloud.boundary import Entrance, RequestLimit, Wanted
from infra.cloud.edge_script import signed_address_script

COMPONENT_TYPE = 'anlan:cloud:AlibabaBoundary'
COUNTED_SECONDS = 10
"""Over how long the provider's WAF counts a source's requests (5 to 1800)."""

THRESHOLDS = (2, 500_000)
BLOCK_SECONDS = (60, 86_400)
"""What the provider's WAF takes, smallest and largest."""


class AlibabaBoundary(pulumi.ComponentResource):  # type: ignore[misc]
    """DCDN, its WAF, Anti-DDoS Pro and the front door's record, before the edges of one platform.

    `signing_keys`: the keys of signed addresses that hold, the present one first; they are kept as Pulumi secrets.
    """

    def __init__(
        self,
        wanted: Wanted,
        cloud: Cloud,
        signing_keys: Sequence[str],
        options: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(COMPONENT_TYPE, wanted.platform, None, options)
        self._wanted = wanted
        self._cloud = cloud
        self._prefix = wanted.platform
        self._inside = pulumi.ResourceOptions(parent=self)
        self._domain = self._make_domain()
        self._make_functions(signing_keys)
        self._make_firewall()
        self._shield = self._make_shield() if cloud.anti_ddos_instances else None
        self._alias = self._domain.cname if self._shield is None or not cloud.under_attack else self._shield.cname
        if cloud.dns_zone is not None:
            self._make_record(cloud.dns_zone)
        self.register_outputs({'alias': self._alias})

    def entrance(self) -> Entrance:
        """Return the alias that learners' resolvers are to be told, and what protects what."""
        return Entrance(self._alias, (), protections(self._cloud))

    def _make_domain(self) -> dcdn.Domain:
        return dcdn.Domain(
            f'{self._prefix}-domain',
            domain_name=self._wanted.front_door,
            scope=self._cloud.scope,
            sources=[
                dcdn.DomainSourceArgs(content=address, port=443, type='ipaddr', priority='20', weight='10')
                for address in self._wanted.origins
            ],
            ssl_protocol='on',
            cert_type='cas',
            cert_id=self._cloud.certificate_id,
            cert_region=self._cloud.certificate_region,
            opts=self._inside,
        )

    def _make_functions(self, signing_keys: Sequence[str]) -> None:
        """Make the domain's settings one after another: it refuses a setting while it takes in another."""
        before: pulumi.Resource = self._domain
        for function in domain_functions(self._wanted, self._cloud):
            before = self._make_function(function, before, pulumi.Output.from_input(function.arguments))
        keys = [pulumi.Output.secret(key) for key in signing_keys]
        arguments = pulumi.Output.all(*keys).apply(
            lambda known: signed_addresses(signed_address_script(known, self._wanted)).arguments
        )
        self._make_function(signed_addresses(''), before, arguments, secret=True)

    def _make_function(
        self,
        function: DomainFunction,
        before: pulumi.Resource,
        arguments: pulumi.Output[dict[str, str]],
        secret: bool = False,
    ) -> dcdn.DomainConfig:
        return dcdn.DomainConfig(
            f'{self._prefix}-{function.label}',
            domain_name=self._domain.domain_name,
            function_name=function.function,
            function_args=arguments.apply(
                lambda known: [{'arg_name': name, 'arg_value': value} for name, value in known.items()]
            ),
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[before], additional_secret_outputs=['functionArgs'] if secret else None
            ),
        )

    def _make_firewall(self) -> None:
        """Make the WAF: the provider's rules against attacks inside requests, and our limits of one source."""
        protected = dcdn.WafDomain(
            # No client_ip_tag: nothing of ours stands before DCDN, so that header would be the attacker's own words.
            f'{self._prefix}-firewall',
            domain_name=self._domain.domain_name,
            opts=self._inside,
        )
        attacks = self._make_policy('attacks', 'waf_group', protected)
        dcdn.WafRule(
            f'{self._prefix}-attacks',
            policy_id=attacks.id,
            rule_name=self._rule_name('attacks'),
            action='block',
            status='on',
            opts=self._inside,
        )
        limits = self._make_policy('limits', 'custom_acl', protected)
        for limit in self._wanted.limits:
            self._make_limit(limits, limit)

    def _make_policy(self, name: str, scene: str, protected: dcdn.WafDomain) -> dcdn.WafPolicy:
        policy = dcdn.WafPolicy(
            f'{self._prefix}-{name}',
            policy_name=self._rule_name(name),
            policy_type='custom',
            defense_scene=scene,
            status='on',
            opts=self._inside,
        )
        dcdn.WafPolicyDomainAttachment(
            f'{self._prefix}-{name}', policy_id=policy.id, domain_name=protected.domain_name, opts=self._inside
        )
        return policy

    def _make_limit(self, policy: dcdn.WafPolicy, limit: RequestLimit) -> None:
        dcdn.WafRule(
            f'{self._prefix}-limit-{limit.name}',
            policy_id=policy.id,
            rule_name=self._rule_name(f'limit_{limit.name}'),
            action='block',
            status='on',
            cc_status='on',
            # Only what the rule is about is refused then, as by our own limits.
            effect='rule',
            conditions=[dcdn.WafRuleConditionArgs(key='URI', op_value='contain-one', values=','.join(limit.paths))],
            rate_limit=dcdn.WafRuleRateLimitArgs(
                target='IP',
                interval=COUNTED_SECONDS,
                threshold=_between(limit.rate.burst + limit.rate.per_second * COUNTED_SECONDS, THRESHOLDS),
                ttl=_between(self._wanted.block_seconds, BLOCK_SECONDS),
            ),
            opts=self._inside,
        )

    def _make_shield(self) -> ddos.DomainResource:
        """Make the other way to the edges, through instances of Anti-DDoS Pro that are there already."""
        return ddos.DomainResource(
            f'{self._prefix}-anti-ddos',
            domain=self._wanted.front_door,
            rs_type=0,
            real_servers=list(self._wanted.origins),
            instance_ids=list(self._cloud.anti_ddos_instances),
            proxy_types=[ddos.DomainResourceProxyTypeArgs(proxy_type='https', proxy_ports=[443])],
            https_ext=json.dumps({'Http2': 1, 'Http2https': 0, 'Https2http': 0}),
            cert_identifier=f'{self._cloud.certificate_id}-{self._cloud.certificate_region}',
            ssl_protocols='tls1.2',
            ssl13_enabled=True,
            opts=self._inside,
        )

    def _make_record(self, zone: str) -> None:
        dns.AlidnsRecord(
            f'{self._prefix}-record',
            domain_name=zone,
            rr=self._wanted.front_door.removesuffix(f'.{zone}'),
            type='CNAME',
            value=self._alias,
            ttl=self._cloud.dns_ttl_seconds,
            opts=self._inside,
        )

    def _rule_name(self, name: str) -> str:
        """Return a name as the WAF takes it: letters, digits and underscores."""
        return f'{self._prefix}_{name}'.replace('-', '_')


def _between(value: int, limits: tuple[int, int]) -> int:
    return max(limits[0], min(value, limits[1]))
