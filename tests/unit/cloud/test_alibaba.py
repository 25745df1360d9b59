"""What is asked of Alibaba Cloud, resource by resource. With mocks alone: none of it was run against the cloud."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable
from typing import Any

import pytest

from anlan.platform.cloud import Cloud
from infra.cloud.alibaba_functions import domain_functions
from tests.unit.cloud.sample import CLOUD, EDGES, wanted

pytest.importorskip('pulumi_alicloud', reason='`make cloud` installs the SDK of the cloud provider')

from pulumi_alicloud import dcdn, ddos, dns

from infra.cloud.alibaba import AlibabaBoundary
from infra.cloud.edge_script import signed_address_script
from tests.unit.cloud.mocked import Declared, Secret, declared_by

KEYS = ['present-key_0123456789', 'former-key_0123456789']
DOMAIN, CONFIG = 'alicloud:dcdn/domain:Domain', 'alicloud:dcdn/domainConfig:DomainConfig'
RECORD = 'alicloud:dns/alidnsRecord:AlidnsRecord'
SHIELD = 'alicloud:ddos/domainResource:DomainResource'
WAF_DOMAIN, WAF_POLICY = 'alicloud:dcdn/wafDomain:WafDomain', 'alicloud:dcdn/wafPolicy:WafPolicy'
WAF_RULE = 'alicloud:dcdn/wafRule:WafRule'
WAF_ATTACHMENT = 'alicloud:dcdn/wafPolicyDomainAttachment:WafPolicyDomainAttachment'
SDK = {
    DOMAIN: dcdn.Domain, CONFIG: dcdn.DomainConfig, RECORD: dns.AlidnsRecord, SHIELD: ddos.DomainResource,
    WAF_DOMAIN: dcdn.WafDomain, WAF_POLICY: dcdn.WafPolicy, WAF_RULE: dcdn.WafRule,
    WAF_ATTACHMENT: dcdn.WafPolicyDomainAttachment,
}  # fmt: skip
INSTANCE = 'ddoscoo-cn-7e225i41q001'


def declared(**changes: Any) -> tuple[list[Declared], Any]:
    cloud = Cloud.model_validate(CLOUD | changes)

    def program() -> Any:
        return vars(AlibabaBoundary(wanted(**changes), cloud, KEYS).entrance())

    resources, entrance, _ = declared_by(program)
    return resources, entrance


def inputs(resources: Iterable[Declared], kind: str, name: str = '') -> dict[str, Any]:
    (found,) = [item for item in resources if item.kind == kind and item.name.endswith(name)]
    return found.inputs


@pytest.fixture(scope='module')
def plain() -> list[Declared]:
    return declared()[0]


def test_nothing_is_declared_but_what_is_named_here(plain: list[Declared]) -> None:
    (component,) = [item for item in plain if item.kind == 'anlan:cloud:AlibabaBoundary']
    assert component.name == 'sample'
    kinds = sorted(item.kind for item in plain if item is not component)
    settings = len(domain_functions(wanted(), Cloud.model_validate(CLOUD))) + 1
    assert kinds == sorted(
        [DOMAIN, *[CONFIG] * settings, RECORD, WAF_DOMAIN, *[WAF_POLICY] * 2, *[WAF_ATTACHMENT] * 2, *[WAF_RULE] * 3]
    )
    assert {item.parent for item in plain if item is not component} == {'sample'}
    assert all(item.name.startswith('sample-') for item in plain if item is not component)


def test_every_argument_is_one_of_the_providers_sdk(plain: list[Declared]) -> None:
    with_shield, _ = declared(anti_ddos_instances=[INSTANCE])
    for item in [*plain, *with_shield]:
        if item.kind in SDK:
            known = inspect.signature(SDK[item.kind]._internal_init).parameters
            assert {_snake(name) for name in item.inputs} <= set(known), item.name


def test_the_domain_serves_https_with_the_named_certificate_from_every_edge(plain: list[Declared]) -> None:
    assert inputs(plain, DOMAIN) == {
        'domainName': 'learn.sample.test',
        'scope': 'domestic',
        'sources': [
            {'content': edge, 'port': 443, 'type': 'ipaddr', 'priority': '20', 'weight': '10'} for edge in EDGES
        ],
        'sslProtocol': 'on',
        'certType': 'cas',
        'certId': '8089870',
        'certRegion': 'cn-hangzhou',
    }


@pytest.mark.parametrize(
    ('label', 'function', 'arguments'),
    [
        ('http2', 'https_option', {'http2': 'on', 'ocsp_stapling': 'on'}),
        (
            'tls', 'https_tls_version',
            {'tls10': 'off', 'tls11': 'off', 'tls12': 'on', 'tls13': 'on', 'ciphersuitegroup': 'strict'},
        ),
        (
            'hsts', 'HSTS',
            {'enabled': 'on', 'https_hsts_max_age': '31536000', 'https_hsts_include_subdomains': 'on'},
        ),
        ('https-only', 'https_force', {'enable': 'on', 'https_rewrite': '308'}),
        ('gzip', 'gzip', {'enable': 'on'}),
        ('brotli', 'brotli', {'enable': 'on'}),
        ('ipv6', 'ipv6', {'switch': 'on', 'region': '*'}),
        ('origin-https', 'forward_scheme', {'enable': 'on', 'scheme_origin': 'https', 'scheme_origin_port': '443'}),
        ('origin-host', 'set_req_host_header', {'domain_name': 'learn.sample.test'}),
        ('origin-name', 'https_origin_sni', {'enabled': 'on', 'https_origin_sni': 'learn.sample.test'}),
        ('origin-ranges', 'range', {'enable': 'on'}),
        (
            'dynamic', 'dynamic',
            {
                'enable': 'on', 'static_route_path': '/media/*,/static/*,/signed/*', 'dynamic_route_origin': 'https',
                'dynamic_route_adapt_cache': 'off',
            },
        ),
        ('cache-key', 'set_hashkey_args', {'hashkey_args': '', 'disable': 'on', 'keep_oss_args': 'on'}),
        *(
            (
                f'cache-{name}', 'path_based_ttl_set',
                {
                    'path': f'/{name}/', 'ttl': seconds, 'weight': '99', 'swift_origin_cache_high': 'off',
                    'swift_no_cache_low': 'off', 'swift_follow_cachetime': 'off',
                },
            )
            for name, seconds in (('media', '86400'), ('static', '86400'), ('signed', '14460'))
        ),
    ],
)  # fmt: skip
def test_each_setting_of_the_domain(
    plain: list[Declared], label: str, function: str, arguments: dict[str, str]
) -> None:
    assert inputs(plain, CONFIG, f'sample-{label}') == {
        'domainName': 'learn.sample.test',
        'functionName': function,
        'functionArgs': [{'argName': name, 'argValue': value} for name, value in arguments.items()],
    }


def test_no_setting_of_the_domain_is_untested(plain: list[Declared]) -> None:
    marks = test_each_setting_of_the_domain.pytestmark[0].args[1]
    tested = {f'sample-{row[0]}' for row in marks} | {'sample-signed-addresses'}
    assert {item.name for item in plain if item.kind == CONFIG} == tested


def test_settings_are_made_one_after_another(plain: list[Declared]) -> None:
    chain = [item for item in plain if item.kind == CONFIG]
    before = 'sample-domain'
    for item in chain:
        assert before in item.after
        before = item.name


def test_http_3_is_asked_for_where_it_is_paid_for() -> None:
    arguments = inputs(declared(quic=True)[0], CONFIG, '-quic')
    assert (arguments['functionName'], arguments['functionArgs']) == (
        'iquic',
        [{'argName': 'iquic_enable', 'argValue': 'on'}],
    )


def test_ipv6_can_be_off() -> None:
    assert inputs(declared(ipv6=False)[0], CONFIG, '-ipv6')['functionArgs'][0] == {
        'argName': 'switch',
        'argValue': 'off',
    }


def test_the_signing_keys_reach_the_provider_as_a_secret_and_stand_nowhere_else(plain: list[Declared]) -> None:
    (script,) = [item for item in plain if item.name == 'sample-signed-addresses']
    assert script.secret_outputs == ('functionArgs',)
    assert script.inputs['functionName'] == 'edge_function'
    arguments = script.inputs['functionArgs']
    assert isinstance(arguments, Secret)
    assert {item['argName']: item['argValue'] for item in arguments.value} == {
        'name': 'signed_addresses',
        'rule': signed_address_script(KEYS, wanted()),
        'pri': '0',
        'pos': 'head',
        'enable': 'on',
        'brk': 'off',
    }
    open_text = repr([item.inputs for item in plain if item is not script])
    assert not any(key in open_text for key in KEYS)


def test_the_firewall_blocks_attacks_by_the_providers_rules(plain: list[Declared]) -> None:
    assert inputs(plain, WAF_DOMAIN) == {'domainName': 'learn.sample.test'}
    assert inputs(plain, WAF_POLICY, '-attacks') == {
        'policyName': 'sample_attacks',
        'policyType': 'custom',
        'defenseScene': 'waf_group',
        'status': 'on',
    }
    assert inputs(plain, WAF_RULE, '-attacks') == {
        'policyId': 'sample-attacks-id',
        'ruleName': 'sample_attacks',
        'action': 'block',
        'status': 'on',
    }


@pytest.mark.parametrize(
    ('name', 'paths', 'threshold'),
    [
        ('requests', '/', 4000 + 10 * 400),
        ('expensive', '/search/,/archive/,/accounts/login/,/accounts/signup/', 200 + 10 * 10),
    ],
)
def test_the_firewall_holds_our_limits(plain: list[Declared], name: str, paths: str, threshold: int) -> None:
    assert inputs(plain, WAF_RULE, f'-limit-{name}') == {
        'policyId': 'sample-limits-id',
        'ruleName': f'sample_limit_{name}',
        'action': 'block',
        'status': 'on',
        'ccStatus': 'on',
        'effect': 'rule',
        'conditions': [{'key': 'URI', 'opValue': 'contain-one', 'values': paths}],
        'rateLimit': {'target': 'IP', 'interval': 10, 'threshold': threshold, 'ttl': 600},
    }
    assert inputs(plain, WAF_POLICY, '-limits')['defenseScene'] == 'custom_acl'


def test_each_policy_is_put_on_the_domain(plain: list[Declared]) -> None:
    attached = [item for item in plain if item.kind == WAF_ATTACHMENT]
    assert sorted(item.inputs['policyId'] for item in attached) == ['sample-attacks-id', 'sample-limits-id']
    assert {item.inputs['domainName'] for item in attached} == {'learn.sample.test'}
    # The domain is put under the firewall first.
    assert all('sample-firewall' in item.after for item in attached)


def test_the_front_doors_record_leads_to_the_delivery_network(plain: list[Declared]) -> None:
    assert inputs(plain, RECORD) == {
        'domainName': 'sample.test',
        'rr': 'learn',
        'type': 'CNAME',
        'value': 'delivery.provider.example',
        'ttl': 60,
    }


def test_anti_ddos_stands_ready_and_is_led_to_under_attack_only() -> None:
    ready, entrance = declared(anti_ddos_instances=[INSTANCE])
    assert inputs(ready, SHIELD) | {'httpsExt': None} == {
        'domain': 'learn.sample.test',
        'rsType': 0,
        'realServers': EDGES,
        'instanceIds': [INSTANCE],
        'proxyTypes': [{'proxyType': 'https', 'proxyPorts': [443]}],
        'httpsExt': None,
        # The SDK itself takes it for a secret.
        'certIdentifier': Secret('8089870-cn-hangzhou'),
        'sslProtocols': 'tls1.2',
        'ssl13Enabled': True,
    }
    assert json.loads(inputs(ready, SHIELD)['httpsExt']) == {'Http2': 1, 'Http2https': 0, 'Https2http': 0}
    assert inputs(ready, RECORD)['value'] == entrance['alias'] == 'delivery.provider.example'
    attacked, entrance = declared(anti_ddos_instances=[INSTANCE], under_attack=True)
    assert inputs(attacked, RECORD)['value'] == entrance['alias'] == 'shield.provider.example'
    assert entrance['protections']['floods of packets'] == 'Anti-DDoS Pro, through which learners are led now'
    assert not any('DCDN' in who for who in entrance['protections'].values())


def test_without_a_zone_the_record_is_not_ours_and_the_alias_is_said() -> None:
    resources, entrance = declared(dns_zone=None)
    assert not [item for item in resources if item.kind == RECORD]
    assert entrance['alias'] == 'delivery.provider.example'
    assert entrance['addresses'] == ()


def test_a_limit_that_the_firewall_does_not_take_is_its_nearest() -> None:
    from infra.cloud.alibaba import BLOCK_SECONDS, THRESHOLDS, _between

    assert [_between(value, THRESHOLDS) for value in (1, 300, 10**9)] == [2, 300, 500_000]
    assert [_between(value, BLOCK_SECONDS) for value in (1, 600, 10**9)] == [60, 600, 86_400]


def _snake(name: str) -> str:
    return ''.join(f'_{letter.lower()}' if letter.isupper() else letter for letter in name)
