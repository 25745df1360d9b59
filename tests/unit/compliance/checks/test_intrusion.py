"""Checks of the intrusion detection: whether it is in the way of all that passes, and what its records hold."""

import json

import pytest

from compliance.checks import test_intrusion as intrusion
from compliance.checks import test_intrusion_records as records
from tests.unit.compliance.checks.asked import Asked, cannot_judge, expected, fails, parts

RULES = """-N ANLAN_INSPECT
-A FORWARD -j ANLAN_INSPECT
-A ANLAN_INSPECT -m mark --mark 0x1000000/0x1000000 -j RETURN
-A ANLAN_INSPECT -j NFQUEUE --queue-balance 0:1 --queue-bypass
"""
QUEUES = '    0   2101     0 2 65531     0     0    21637  1\n    1 4253858269     2 2 65531     0     0    28734  1\n'


def way(ipv4=RULES, ipv6=RULES, queues=QUEUES):
    return Asked({intrusion.ASKED: parts(way=f'{ipv4}--\n{ipv6}--\n{queues}')})


def test_a_firewall_as_the_role_makes_it_passes():
    for family in ('ipv4', 'ipv6'):
        intrusion.test_all_that_passes_both_ways_goes_through_the_sensor(way(), family)
    intrusion.test_nothing_but_encrypted_connections_goes_past_the_sensor(way())
    intrusion.test_each_queue_is_read(way())
    intrusion.test_the_queues_lose_nothing(way())
    intrusion.test_what_becomes_of_traffic_that_nobody_inspects_is_as_declared(way(), expected('fw-1'))


def test_a_queue_for_one_direction_alone_is_seen():
    narrow = RULES.replace('-A ANLAN_INSPECT -j NFQUEUE', '-A ANLAN_INSPECT -s 198.18.1.0/24 -j NFQUEUE')
    check = intrusion.test_all_that_passes_both_ways_goes_through_the_sensor
    fails(check, way(ipv4=narrow), 'ipv4', saying='not all')
    check(way(ipv4=narrow), 'ipv6')


def test_a_way_past_the_sensor_is_seen():
    past = RULES.replace('-N ANLAN_INSPECT\n', '-N ANLAN_INSPECT\n-A ANLAN_INSPECT -s 192.0.2.7 -j RETURN\n')
    fails(intrusion.test_nothing_but_encrypted_connections_goes_past_the_sensor, way(ipv6=past), saying='ipv6')


def test_a_queue_that_nobody_reads_is_seen():
    fails(intrusion.test_each_queue_is_read, way(queues=QUEUES.splitlines()[0]), saying=r'\[1\]')


def test_lost_packets_are_seen():
    fails(intrusion.test_the_queues_lose_nothing, way(queues='0 7 0 2 65531 900 0 1000 1'), saying='900')
    cannot_judge(intrusion.test_the_queues_lose_nothing, way(queues=''))


def test_traffic_that_passes_where_it_is_to_stop_is_seen():
    shut = RULES.replace(' --queue-bypass', '')
    check = intrusion.test_what_becomes_of_traffic_that_nobody_inspects_is_as_declared
    fails(check, way(ipv4=shut), expected('fw-1'), saying='is dropped, open is declared')


def test_old_rules_are_seen_by_the_date_of_the_licensed_set_where_there_is_one():
    def sets(**inline):
        whole = {
            'failed': [],
            'inline': {'own': 21, 'licensed': 0, 'licensed_at': None, 'applied_at': 1795000000} | inline,
        }
        return Asked({intrusion.ASKED: parts(sets=f'{json.dumps(whole)}\n1795644103\n')})

    intrusion.test_rules_are_not_too_old(sets(), expected('fw-1'))
    old = sets(licensed=9, licensed_at=1700000000)
    fails(intrusion.test_rules_are_not_too_old, old, expected('fw-1'), saying='licensed set is 1107 days old')


def test_a_sensor_that_does_not_answer_is_no_sensor():
    silent = Asked({'/run/anlan/intrusion/': '\n'.join(['{"return": "NOK", "message": "refused"}'] * 6)})
    fails(intrusion.test_a_sensor_answers_and_has_rules, silent, 'inline', saying='does not answer')
    cannot_judge(intrusion.test_a_sensor_understood_each_rule, silent, 'inline')


@pytest.mark.parametrize('field', records.FIELDS)
def test_a_record_without_a_field_is_seen_and_none_is_no_proof(field):
    whole, short = ' '.join(records.FIELDS), ' '.join(each for each in records.FIELDS if each != field)
    records.test_each_record_of_an_attack_says(Asked({records.ASKED: parts(records=f'{whole}\nend\n')}), field)
    fails(
        records.test_each_record_of_an_attack_says,
        Asked({records.ASKED: parts(records=f'{whole}\n{short}\nend\n')}),
        field,
        saying='1 of',
    )
    cannot_judge(
        records.test_each_record_of_an_attack_says,
        Asked({records.ASKED: parts(records='end\n')}),
        field,
        saying='no attack',
    )
