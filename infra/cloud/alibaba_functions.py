"""What Alibaba Cloud is asked for, as plain data: the settings of a DCDN domain, named as its reference has them.

https://www.alibabacloud.com/help/en/edge-security-acceleration/dcdn/developer-reference/parameters-for-configuring-features-for-domain-names
"""

from __future__ import annotations

from dataclasses import dataclass

from anlan.platform.cloud import Cloud
from infra.cloud.boundary import YEAR_SECONDS, Wanted

HIGHEST_WEIGHT = 99
SIGNED_ADDRESSES = 'edge_function'
"""The function whose arguments hold the signing key."""


@dataclass(frozen=True)
class DomainFunction:
    """One setting of the domain; `label` tells it from others of the same function."""

    label: str
    function: str
    arguments: dict[str, str]


def domain_functions(wanted: Wanted, cloud: Cloud) -> list[DomainFunction]:
    """Given what the boundary is to do and the platform's cloud, return the domain's settings without any secret."""
    return [*_client_side(cloud), *_origin_side(wanted), *_caches(wanted)]


def signed_addresses(script: str) -> DomainFunction:
    """Given the script that checks signed addresses, return the setting that runs it before the cache is asked."""
    return DomainFunction(
        'signed-addresses',
        SIGNED_ADDRESSES,
        {
            'name': 'signed_addresses',
            'rule': script,
            'pri': '0',
            'pos': 'head',
            'enable': 'on',
            'brk': 'off',
        },
    )


def protections(cloud: Cloud) -> dict[str, str]:
    """Given the platform's cloud, return by what is protected against who does it, the provider before the edges."""
    if cloud.under_attack:
        # This way goes past DCDN: its caches and its WAF see nothing.
        way = 'Anti-DDoS Pro, through which learners are led now'
        return {
            'floods of packets': way,
            'floods of requests': f'{way}, then the edges',
            'attacks inside requests': 'ModSecurity on the edges',
            'restricted media': 'signed addresses, checked by the edges',
            'load on the origin': 'caches of edges and balancers',
        }
    delivery = 'Alibaba Cloud DCDN'
    ready = 'Anti-DDoS Pro once cloud.under_attack is set' if cloud.anti_ddos_instances else 'no Anti-DDoS Pro is named'
    return {
        'floods of packets': f'basic protection of {delivery}; {ready}',
        'floods of requests': f'rate limits of the WAF of {delivery}, then the edges',
        'attacks inside requests': f'WAF of {delivery}, then ModSecurity on the edges',
        'restricted media': f'signed addresses, checked by nodes of {delivery} and by the edges',
        'load on the origin': f'caches of {delivery}, then of edges and balancers',
    }


def _client_side(cloud: Cloud) -> list[DomainFunction]:
    """HTTPS alone, as at our own edges (roles/edge): TLS 1.2 and 1.3, HTTP/2, HSTS, and HTTP/3 where it is paid for."""
    functions = [
        DomainFunction('http2', 'https_option', {'http2': 'on', 'ocsp_stapling': 'on'}),
        DomainFunction(
            'tls',
            'https_tls_version',
            {'tls10': 'off', 'tls11': 'off', 'tls12': 'on', 'tls13': 'on', 'ciphersuitegroup': 'strict'},
        ),
        DomainFunction(
            'hsts',
            'HSTS',
            {'enabled': 'on', 'https_hsts_max_age': str(YEAR_SECONDS), 'https_hsts_include_subdomains': 'on'},
        ),
        # 308 keeps method and body, which 301 does not promise.
        DomainFunction('https-only', 'https_force', {'enable': 'on', 'https_rewrite': '308'}),
        DomainFunction('gzip', 'gzip', {'enable': 'on'}),
        DomainFunction('brotli', 'brotli', {'enable': 'on'}),
        DomainFunction('ipv6', 'ipv6', {'switch': 'on' if cloud.ipv6 else 'off', 'region': '*'}),
    ]
    if cloud.quic:
        functions.append(DomainFunction('quic', 'iquic', {'iquic_enable': 'on'}))
    return functions


def _origin_side(wanted: Wanted) -> list[DomainFunction]:
    """The edges are asked over HTTPS, by the front door's name, and in pieces for videos."""
    return [
        DomainFunction(
            'origin-https', 'forward_scheme', {'enable': 'on', 'scheme_origin': 'https', 'scheme_origin_port': '443'}
        ),
        DomainFunction('origin-host', 'set_req_host_header', {'domain_name': wanted.front_door}),
        DomainFunction('origin-name', 'https_origin_sni', {'enabled': 'on', 'https_origin_sni': wanted.front_door}),
        DomainFunction('origin-ranges', 'range', {'enable': 'on'}),
    ]


def _caches(wanted: Wanted) -> list[DomainFunction]:
    """What the rules name is kept under its path alone; all else is dynamic, passed on whole, and never kept."""
    paths = ','.join(f'{rule.path}*' for rule in wanted.cache_rules)
    return [
        DomainFunction(
            'dynamic',
            'dynamic',
            {
                'enable': 'on',
                'static_route_path': paths,
                'dynamic_route_origin': 'https',
                # It would keep pages of its own choice: pages are somebody's.
                'dynamic_route_adapt_cache': 'off',
            },
        ),
        DomainFunction('cache-key', 'set_hashkey_args', {'hashkey_args': '', 'disable': 'on', 'keep_oss_args': 'on'}),
        *(
            DomainFunction(
                f'cache{rule.path.rstrip("/").replace("/", "-")}',
                'path_based_ttl_set',
                {
                    'path': rule.path,
                    'ttl': str(rule.seconds),
                    'weight': str(HIGHEST_WEIGHT),
                    'swift_origin_cache_high': 'off',
                    # A refusal says no-store, and stays one.
                    'swift_no_cache_low': 'off',
                    'swift_follow_cachetime': 'off',
                },
            )
            for rule in wanted.cache_rules
        ),
    ]
