"""Who the learner is: believed of the provider's nodes alone, and of nobody where there is no provider."""

from __future__ import annotations

from typing import Any

from tests.unit.cloud.sample import FETCHERS, clouded
from tests.unit.floods.rendering import rendered
from tests.unit.samples import onprem


def lines(document: dict[str, Any]) -> list[str]:
    text = rendered(document, 'edge', 'nginx.conf.j2', 'edge-1')
    return [line.strip() for line in text.splitlines() if 'real_ip' in line]


def test_without_a_provider_no_header_says_who_the_learner_is() -> None:
    assert lines(onprem()) == []


def test_the_providers_nodes_say_who_the_learner_is() -> None:
    assert lines(clouded()) == [
        *(f'set_real_ip_from {network};' for network in FETCHERS),
        'real_ip_header Ali-Cdn-Real-Ip;',
        'real_ip_recursive on;',
    ]


def test_anti_ddos_says_it_in_another_header() -> None:
    attacked = clouded(anti_ddos_instances=['ddoscoo-cn-1'], under_attack=True)
    assert 'real_ip_header X-Forwarded-For;' in lines(attacked)
