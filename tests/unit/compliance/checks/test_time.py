"""Checks of time, caches, the web application firewall and redundancy: what programs say of themselves."""

import json

from compliance.checks import test_caches as caches
from compliance.checks import test_core_dumps as core_dumps
from compliance.checks import test_redundancy as redundancy
from compliance.checks import test_time as time
from compliance.checks import test_web_firewall as web_firewall
from tests.unit.compliance.checks.asked import Asked, cannot_judge, expected, fails

SOURCES = '^,*,198.18.40.11,10,3,377,3,0,0,0\n^,+,198.18.40.12,11,4,377,11,0,0,0'


def clock(tracking=time.GOOD, sources=SOURCES, zone='/usr/share/zoneinfo/Etc/UTC'):
    return Asked({'chronyc': f'{tracking}\n--\n{sources}\n--\n{zone}\n'})


def test_a_clock_that_follows_both_monitoring_hosts_passes():
    time.test_the_clock_follows_another(clock())
    time.test_the_sources_are_the_monitoring_hosts_and_no_other(clock(), expected('db-1'))
    time.test_each_source_answers(clock(), expected('db-1'))
    time.test_what_a_host_writes_down_has_the_platforms_zone_of_time(clock())


def test_a_source_of_somebody_else_or_one_that_is_silent_is_seen():
    stranger = clock(sources='^,*,192.0.2.1,2,6,377,3,0,0,0')
    fails(time.test_the_sources_are_the_monitoring_hosts_and_no_other, stranger, expected('db-1'), saying='192.0.2.1')
    silent = clock(sources=SOURCES.replace('4,377,11', '4,0,4294967295'))
    fails(time.test_each_source_answers, silent, expected('db-1'), saying='1 of 2')
    cannot_judge(time.test_the_clock_follows_another, Asked({}))


def test_a_sample_that_passes_the_rules_is_seen_and_an_edge_that_is_away_is_not_judged():
    refused = Asked({'X-Waf-Probe': 'sql-injection 403 8f6b\npage 200 \n'})
    web_firewall.test_an_attack_is_refused(refused, expected('edge-1'), 'sql-injection')
    passed = Asked({'X-Waf-Probe': 'sql-injection 200\n'})
    fails(web_firewall.test_an_attack_is_refused, passed, expected('edge-1'), 'sql-injection', saying='200')
    other = Asked({'X-Waf-Probe': 'sql-injection 403 \n'})
    fails(web_firewall.test_an_attack_is_refused, other, expected('edge-1'), 'sql-injection', saying='not by the rules')
    away = Asked({'X-Waf-Probe': 'sql-injection 000\n'})
    cannot_judge(web_firewall.test_an_attack_is_refused, away, expected('edge-1'), 'sql-injection')


def test_a_page_from_a_cache_is_seen():
    def edge(**otherwise):
        return Asked({'/static/': caches.HEADERS.format(**(caches.TELLS | otherwise))})

    caches.test_a_page_is_kept_by_nobody(edge(), expected('edge-1'))
    caches.test_what_was_asked_for_once_comes_from_the_edge(edge(), expected('edge-1'))
    for page, words in (('cache-control: public\n', 'public'), ('x-cache: HIT\n', 'from the cache')):
        fails(caches.test_a_page_is_kept_by_nobody, edge(page=page), expected('edge-1'), saying=words)


def test_a_process_that_may_leave_its_memory_is_named():
    fine = Asked({'Max core file size': '  9 nginx 0\n 1 sshd 0\n--\n0\n0\n--\nend\n'})
    core_dumps.test_no_process_may_have_its_memory_written_down(fine)
    wide = Asked({'Max core file size': '  9 nginx 0\n 1 sleep unlimited\n--\n0\n0\n--\nend\n'})
    fails(core_dumps.test_no_process_may_have_its_memory_written_down, wide, saying='sleep')


def firewall(*addresses):
    return Asked({'addr': json.dumps([{'addr_info': [{'local': each} for each in addresses]}])})


def test_a_firewall_that_holds_some_of_the_addresses_that_move_is_seen():
    variables = expected('fw-1').variables['anlan_addresses'].values()
    every = expected('fw-1').topology['virtual_addresses'].values()
    moving = [each['address'] for each in every if each['tier'] == 'firewall']
    check = redundancy.test_a_firewall_holds_every_address_that_moves_or_none
    check(firewall(*variables), expected('fw-1'))
    check(firewall(*variables, *moving), expected('fw-1'))
    fails(check, firewall(*variables, moving[0]), expected('fw-1'), saying=moving[0])


def test_a_member_that_does_not_follow_is_named():
    def cluster(state):
        members = [{'name': f'db-{number}', 'role': 'quorum_standby', 'state': 'streaming'} for number in (1, 2)]
        members.append({'name': 'db-3', 'role': 'leader', 'state': 'running'})
        members[0]['state'] = state
        return Asked({'/cluster': json.dumps({'members': members})})

    check = redundancy.test_every_member_of_the_database_follows_one_leader
    check(cluster('streaming'), expected('db-1'))
    fails(check, cluster('start failed'), expected('db-1'), saying='db-1')


def test_connections_that_the_kernel_does_not_share_are_not_judged():
    reason = Asked({'zone-fault': 'connection states are not shared: no netlink\n--\n--\n0\n--\nactive\n'})
    cannot_judge(
        redundancy.test_the_other_firewall_knows_the_connections, reason, expected('fw-1'), 'failed', saying='netlink'
    )
