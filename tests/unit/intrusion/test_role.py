"""The settings of the intrusion detection as Ansible renders them: who is ours, who is outside, what a death means."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.unit.intrusion.programs import ROLE, rendered
from tests.unit.samples import dual_stack, lab, onprem, topology_from, with_values

DOCUMENTS = [lab(), lab('mini'), dual_stack(), onprem()]
NAMES = ['lab', 'mini', 'ipv6', 'onprem']


def settings(document: dict[str, Any], sensor: str = 'inline') -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(rendered('suricata.yaml.j2', document, sensor))
    return found


def members(document: dict[str, Any], group: str) -> set[str]:
    text: str = settings(document)['vars']['address-groups'][group]
    return set(text.strip('[]').split(','))


@pytest.mark.parametrize('document', DOCUMENTS, ids=NAMES)
def test_every_host_of_ours_is_at_home_and_no_learner_is(document: dict[str, Any]) -> None:
    topology = topology_from(document)
    home = members(document, 'HOME_NET')
    subnets = {str(zone.subnet) for zone in topology.networks if not zone.zone.startswith('uplink')}
    assert subnets <= home
    for host in topology.hosts:
        addresses = {str(each) for each in (*host.addresses.values(), *host.ipv6_addresses.values())}
        if host.tier in {'edge', 'firewall'}:
            assert addresses <= home, host.name
        if host.tier == 'client':
            assert not addresses & home, host.name
    uplinks = {str(zone.subnet) for zone in topology.networks if zone.zone.startswith('uplink')}
    assert not uplinks & home


def test_an_address_outside_that_a_flow_is_declared_to_is_no_forbidden_egress() -> None:
    document = with_values(lab(), {'configuration.resolvers': ['203.0.113.53']})
    assert '!203.0.113.53' in members(document, 'UNDECLARED')
    assert '!203.0.113.53' not in members(lab(), 'UNDECLARED')


def test_learners_are_undeclared_for_all_but_the_bastion() -> None:
    topology = topology_from(lab())
    clients = {f'!{host.address}' for host in topology.hosts if host.tier == 'client'}
    assert not clients & members(lab(), 'UNDECLARED')


@pytest.mark.parametrize(('choice', 'full_queue'), [('open', True), ('closed', False)])
def test_a_dead_process_and_a_full_queue_follow_the_same_choice(choice: str, full_queue: bool) -> None:
    document = with_values(lab(), {'inspection.on_failure': choice})
    assert rendered('way.j2', document).strip() == choice
    assert settings(document)['nfq']['fail-open'] is full_queue


def test_connections_met_in_their_middle_live() -> None:
    found = settings(lab())
    assert found['stream']['midstream'] is True
    assert found['exception-policy'] == found['stream']['midstream-policy'] == 'ignore'


def test_alerts_and_nothing_else_go_to_the_block_list_and_to_the_watch() -> None:
    outputs = [each['eve-log'] for each in settings(lab())['outputs']]
    assert [each['filename'] for each in outputs] == ['/run/anlan/block-list/eve', '/run/anlan/intrusion/eve']
    for each in outputs:
        assert each['filetype'] == 'unix_dgram'
        assert [name for kind in each['types'] for name in kind] == ['alert']


@pytest.mark.parametrize('sensor', ['inline', 'refused'])
def test_the_units_are_bounded_and_always_come_back(sensor: str) -> None:
    unit = rendered('anlan-intrusion.service.j2', with_values(lab(), {'inspection.memory_mib': 700}), sensor)
    lines = unit.splitlines()
    assert f'MemoryMax={700 if sensor == "inline" else 256}M' in lines
    assert {'Restart=always', 'RestartSec=1', 'NoNewPrivileges=yes', 'ProtectSystem=strict'} <= set(lines)
    assert f'ExecStartPre=/bin/rm -f /run/anlan/intrusion/{sensor}.pid /run/anlan/intrusion/{sensor}.command' in lines
    watch = rendered('anlan-intrusion-watch.service.j2', with_values(lab(), {'inspection.memory_mib': 700}))
    assert '--memory-maximum-mib 700 256' in watch


def test_rules_of_ours_have_numbers_of_their_own_a_priority_and_words_in_two_languages() -> None:
    seen: set[str] = set()
    for name in ('learners', 'inside', 'refused'):
        for line in (ROLE / 'templates' / 'rules' / f'{name}.rules.j2').read_text(encoding='utf-8').splitlines():
            if line.startswith('#') or not line:
                continue
            number = line.split('sid:')[1].split(';')[0]
            assert {'learners': '901', 'inside': '902', 'refused': '903'}[name] == number[:3]
            assert number not in seen
            seen.add(number)
            assert 'priority:' in line
            assert 'classtype:' in line
            message = line.split('msg:"')[1].split('"')[0]
            chinese, english = message.split(' · ')
            assert any('一' <= letter <= '鿿' for letter in chinese)
            assert english.isascii()
    assert len(seen) == 29
