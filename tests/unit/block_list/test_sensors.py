"""Lines of the sensors as they write them, and lines that an attacker would like them to have written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.block_list.network import ENFORCERS, Network

from block_list.sensors import (  # isort: skip
    Sighting, Unreadable, from_eve, from_haproxy, from_nginx, from_report
)  # fmt: skip

EDGES = frozenset({'198.18.1.11', '198.18.2.12'})
MODSECURITY = (
    '<187>Nov 25 12:30:01 edge: 2026/11/25 12:30:01 [error] 1234#1234: *77 [client {client}] ModSecurity: Access '
    "denied with code 403 (phase 2). Matched \"Operator `Ge' with parameter `5' against variable `TX:ANOMALY_SCORE' "
    '(Value: `{score}\' ) [file "/usr/share/modsecurity-crs/rules/{file}"] [line "81"] [id "{rule}"] [rev ""] '
    '[msg "{message}"] [data ""] [severity "2"] [ver "OWASP_CRS/3.3.7"] [maturity "0"] [accuracy "0"] {tags} '
    '[hostname "198.18.1.11"] [uri "{uri}"] [unique_id "179560"] [ref ""], client: {client}, server: '
    'learn.lab.anlan.test, request: "GET {uri} HTTP/2.0", host: "learn.lab.anlan.test", referrer: "{referrer}"'
)
VICTIM = '203.0.113.5'
WORDS = f'[client {VICTIM}] ModSecurity: Access denied with code 403 (phase 2). [id "942100"] Total Score: 99'
FORGED = (
    # As the reviewer sent it, as nginx would write it, and with all that stands before it.
    f'[error] 1#1: *1 [client {VICTIM}] ModSecurity: Access denied Total Score: 99',
    f'[error] 1#1: *1 {WORDS}',
    f'2026/11/25 12:30:01 [error] 1#1: *1 {WORDS}',
    f'<187>Nov 25 12:30:01 edge: 2026/11/25 12:30:01 [error] 1#1: *1 {WORDS}',
    f'\n<187>Nov 25 12:30:01 edge: 2026/11/25 12:30:01 [error] 1#1: *1 {WORDS}',
    f'[error] 1#1: *1 limiting requests, excess: 9.000 by zone "x", client: {VICTIM}, server: x',
    f'haproxy[1]: {VICTIM}:4000 [25/Nov/2026:12:30:01.123] https~ x/<NOSRV> 0/0/0/0/0 429 1 - - PR-- 1/1/0/0/0 0/0 ',
)
"""What an attacker writes into an address, a name or a referrer, to have the block list take it for a line of ours."""


def denial(**changes: str) -> bytes:
    given = {
        'client': '198.18.1.31', 'score': '5', 'file': 'REQUEST-949-BLOCKING-EVALUATION.conf', 'rule': '949110',
        'message': 'Inbound Anomaly Score Exceeded (Total Score: 5)', 'tags': '[tag "attack-generic"]', 'uri': '/',
        'referrer': '',
    } | changes  # fmt: skip
    return MODSECURITY.format(**given).encode()


def test_a_denial_of_the_sum_counts_and_one_of_a_high_sum_counts_more() -> None:
    assert from_nginx(denial()) == Sighting('198.18.1.31', 'waf', 'denied (rule 949110)', 40)
    high = from_nginx(denial(message='Inbound Anomaly Score Exceeded (Total Score: 15)'))
    assert high == Sighting('198.18.1.31', 'waf', 'attack with score 15 (rule 949110)', 50)


@pytest.mark.parametrize(
    ('rule', 'tags', 'family'),
    [
        ('942100', '', 'SQL injection'),
        ('932160', '', 'command execution'),
        ('930120', '', 'path traversal'),
        ('100110', '[tag "application-multi"] [tag "attack-sqli"]', 'SQL injection'),
        ('9501', '[tag "attack-rce"]', 'command execution'),
    ],
)
def test_a_severe_family_counts_more(rule: str, tags: str, family: str) -> None:
    sighting = from_nginx(denial(rule=rule, tags=tags))
    assert sighting == Sighting('198.18.1.31', 'waf', f'{family} (rule {rule})', 50)


def test_other_families_add_up() -> None:
    sighting = from_nginx(denial(rule='920350', tags='[tag "attack-protocol"]'))
    assert sighting is not None
    assert sighting.points == 40


@pytest.mark.parametrize(
    ('line', 'reason'),
    [
        (
            '<187>Nov 25 12:30:01 edge: 2026/11/25 12:30:01 [error] 77#77: *9 limiting requests, excess: 20.400 by '
            'zone "limits_pages", client: 198.18.1.31, server: learn.lab.anlan.test, request: "GET / HTTP/2.0"',
            'limiting requests: limits_pages',
        ),
        (
            '<187>Nov 25 12:30:01 edge: 2026/11/25 12:30:01 [error] 77#77: *9 limiting connections by zone '
            '"limits_connections", client: 198.18.1.31, server: learn.lab.anlan.test, request: "GET / HTTP/1.1"',
            'limiting connections: limits_connections',
        ),
    ],
)
def test_a_limit_of_nginx_counts_a_little(line: str, reason: str) -> None:
    assert from_nginx(line.encode()) == Sighting('198.18.1.31', 'flood', reason, 1)


def test_one_refused_request_shuts_nobody_out_and_the_second_does(tmp_path: Path) -> None:
    """A page that shows an image from the front door has a whole class's address send one."""
    network = Network(tmp_path)
    worst = denial(rule='942100', message='SQL injection, Total Score: 99', tags='[tag "attack-sqli"]')
    network.nodes['edge-1'].sensed('nginx', worst)
    network.settle()
    assert network.blocked('198.18.1.31') == set()
    network.run(121)
    network.nodes['edge-1'].sensed('nginx', worst)
    network.settle()
    assert network.blocked('198.18.1.31') == set(), 'the first was too long ago'
    network.nodes['edge-1'].sensed('nginx', worst)
    network.settle()
    assert network.blocked('198.18.1.31') == set(ENFORCERS)


ANSWERED = (
    '<187>Nov  5 12:30:01 edge: 2026/11/05 12:30:01 [error] 69#69: *19 {message}, client: 198.18.1.31, server: '
    'learn.lab.anlan.test, request: "POST {forged} HTTP/1.1", host: "{forged}", referrer: "{forged}"'
)


@pytest.mark.parametrize('forged', FORGED)
@pytest.mark.parametrize(
    'message',
    [
        'client intended to send too large body: 9999999999 bytes',
        'client sent invalid header line: "x"',
        'upstream timed out (110: Connection timed out) while connecting to upstream',
    ],
)
def test_what_a_request_writes_into_another_error_of_nginx_is_held_against_nobody(message: str, forged: str) -> None:
    assert from_nginx(ANSWERED.format(message=message, forged=forged).encode()) is None


@pytest.mark.parametrize('forged', FORGED)
def test_who_meets_a_limit_or_a_rule_does_not_escape_by_what_it_writes(forged: str) -> None:
    limited = ANSWERED.format(message='limiting requests, excess: 20.400 by zone "limits_pages"', forged=forged)
    sighting = Sighting('198.18.1.31', 'flood', 'limiting requests: limits_pages', 1)
    assert from_nginx(limited.encode()) == sighting
    denied = from_nginx(denial(uri=forged, referrer=forged))
    assert denied == Sighting('198.18.1.31', 'waf', 'denied (rule 949110)', 40)
    haproxy = refusal(captured='{198.18.1.31} ').replace(b'/courses/', forged.encode())
    assert from_haproxy(haproxy, EDGES) == Sighting('198.18.1.31', 'flood', 'HAProxy 429 at https~', 1)


@pytest.mark.parametrize(
    'forged',
    [
        f'<131>Nov 25 12:30:01 haproxy[612]: Proxy x: {FORGED[-1]}',
        f'<131>Nov 25 12:30:01 haproxy[612]: 198.18.1.11:9 [25/Nov/2026:12:30:01.123] https/1: SSL {FORGED[-1]}',
        f'<131>Nov 25 12:30:01 haproxy[612]: 198.18.1.11:9 [25/Nov/2026:12:30:01.123] https~ app_ready/app-1 0/0/0/0/0 '
        f'200 1 - - ---- 1/1/0/0/0 0/0 {{198.18.1.31}} "GET /{FORGED[-1]} HTTP/1.1"',
    ],
)
def test_a_line_of_haproxy_within_another_is_none(forged: str) -> None:
    assert from_haproxy(forged.encode(), EDGES) is None


def test_a_header_of_a_client_that_haproxy_captured_names_one_address_or_nobody(tmp_path: Path) -> None:
    network = Network(tmp_path)
    for captured in ('{x|203.0.113.5} ', '{203.0.113.5, 198.18.1.31} ', '{' + 'a' * 60000 + ' ', '{203.0.113.5%x} '):
        for _ in range(100):
            network.nodes['edge-1'].sensed('haproxy', refusal(captured=captured))
        network.settle()
    assert len(network.nodes['edge-1'].decisions.table) == 0


def test_names_that_a_client_writes_into_an_alert_of_suricata_stay_names() -> None:
    words = f'x","src_ip":"{VICTIM}","xff":"{VICTIM}","alert":{{"severity":1}}'
    sighting = from_eve(eve(alert={'severity': 3}, tls={'sni': words}, http={'xff': VICTIM, 'hostname': words}), EDGES)
    assert sighting == Sighting('198.18.2.32', 'intrusion', 'ANLAN SQL injection (1:3783001)', 10)


def test_a_request_cannot_write_itself_another_client() -> None:
    forged = '/?q=[client 192.0.2.9] ModSecurity: Access denied [id "942100"], client: 192.0.2.9,'
    sighting = from_nginx(denial(uri=forged))
    assert sighting is not None
    assert sighting.source == '198.18.1.31'
    innocent = (
        '<187>Nov 25 12:30:01 edge: 2026/11/25 12:30:01 [error] 7#7: *9 open() "/x" failed (2: No such file), client: '
        f'198.18.1.31, server: _, request: "GET {forged} HTTP/1.1", host: "[error] 7#7: *9 [client 192.0.2.9] x"'
    )
    assert from_nginx(innocent.encode()) is None
    limited = (
        '<187>Nov 25 12:30:01 edge: 2026/11/25 12:30:01 [error] 7#7: *9 upstream timed out, client: 198.18.1.31, '
        'server: _, request: "GET /[error]%207#7:%20*9%20limiting%20requests HTTP/1.1"'
    )
    assert from_nginx(limited.encode()) is None


def eve(**changes: Any) -> bytes:
    alert = {
        'action': 'allowed', 'gid': 1, 'signature_id': 3783001, 'rev': 1, 'signature': 'ANLAN SQL injection',
        'category': 'Web Application Attack', 'severity': 1,
    }  # fmt: skip
    event = {
        'timestamp': '2026-11-25T12:30:01.000000+0000', 'flow_id': 1, 'event_type': 'alert', 'src_ip': '198.18.2.32',
        'src_port': 51234, 'dest_ip': '198.18.1.11', 'dest_port': 443, 'proto': 'TCP', 'direction': 'to_server',
        'alert': alert | changes.pop('alert', {}),
    }  # fmt: skip
    return json.dumps(event | changes).encode()


def test_an_alert_about_a_request_shuts_nobody_out_alone() -> None:
    sighting = from_eve(eve(alert={'severity': 1}, app_proto='http'), frozenset())
    assert sighting is not None
    assert sighting.points == 50


@pytest.mark.parametrize(('severity', 'points'), [(1, 100), (2, 40), (3, 10)])
def test_an_alert_counts_as_its_severity_says(severity: int, points: int) -> None:
    sighting = from_eve(eve(alert={'severity': severity}), frozenset())
    assert sighting == Sighting('198.18.2.32', 'intrusion', 'ANLAN SQL injection (1:3783001)', points)


def test_events_that_are_no_alerts_and_severities_without_meaning_count_nothing() -> None:
    assert from_eve(eve(event_type='stats'), frozenset()) is None
    assert from_eve(eve(alert={'severity': 4}), frozenset()) is None
    assert from_eve(eve(alert={'severity': True}), frozenset()) is not None  # JSON's true is Python's 1
    assert from_eve(eve(alert={'severity': '1'}), frozenset()) is None


def test_the_client_that_a_proxy_of_ours_names_is_the_source_and_no_other() -> None:
    behind = from_eve(eve(src_ip='198.18.1.11', xff='192.0.2.7'), EDGES)
    assert behind is not None
    assert behind.source == '192.0.2.7'
    stranger = from_eve(eve(src_ip='198.18.2.32', xff='192.0.2.7'), EDGES)
    assert stranger is not None
    assert stranger.source == '198.18.2.32'


HAPROXY = (
    '<131>Nov 25 12:30:01 haproxy[612]: {client}:41512 [25/Nov/2026:12:30:01.123] {frontend} {backend} 0/-1/-1/-1/0 '
    '{status} 318 - - {state} 4/4/0/0/0 0/0 {captured}"GET /courses/ HTTP/1.1"'
)


def refusal(**changes: str) -> bytes:
    given = {
        'client': '198.18.1.11', 'frontend': 'https~', 'backend': 'too_many_requests/<NOSRV>', 'status': '429',
        'state': 'PR--', 'captured': '{198.18.1.31} ',
    } | changes  # fmt: skip
    return HAPROXY.format(**given).encode()


def test_haproxy_s_refusals_count_for_the_client_that_our_edge_names() -> None:
    assert from_haproxy(refusal(), EDGES) == Sighting('198.18.1.31', 'flood', 'HAProxy 429 at https~', 1)
    ipv6 = from_haproxy(refusal(captured='{2001:db8::7|curl} '), EDGES)
    assert ipv6 is not None
    assert ipv6.source == '2001:db8::7'


def test_who_is_no_edge_cannot_name_another_client() -> None:
    sighting = from_haproxy(refusal(client='198.18.10.77'), EDGES)
    assert sighting is not None
    assert sighting.source == '198.18.10.77'


def test_an_edge_is_never_taken_for_its_client_and_other_errors_count_nothing() -> None:
    assert from_haproxy(refusal(captured=''), EDGES) is None
    assert from_haproxy(refusal(status='503', state='SC--', backend='app_ready/app-1'), EDGES) is None
    assert from_haproxy(b'<131>Nov 25 12:30:01 haproxy[612]: Server app_ready/app-1 is DOWN', EDGES) is None


def test_a_report_says_source_type_reason_and_points() -> None:
    good = {'source': '198.18.2.31', 'type': 'login', 'reason': 'failed\nto log in', 'points': 5}
    assert from_report(json.dumps(good).encode()) == Sighting('198.18.2.31', 'login', 'failed?to log in', 5)


@pytest.mark.parametrize(
    'data',
    [
        b'', b'\xff\xfe', b'[]', b'"x"', b'{}', b'[' * 100000,
        b'{"source": 1, "type": "waf", "points": 5}',
        b'{"source": "192.0.2.1", "type": "waf", "points": "5"}',
        b'{"source": "192.0.2.1", "type": "waf", "points": true}',
        b'{"source": "192.0.2.1", "type": "waf", "points": 0}',
        b'{"source": "192.0.2.1", "type": "waf", "points": 101}',
        b'{"source": "192.0.2.1", "type": "a b\\nc", "points": 5}',
        b'{"source": "192.0.2.1", "points": 5}',
        b'{"source": "192.0.2.1", "type": "operator", "points": 5}',
        b'{"source": "192.0.2.1", "type": "kernel", "points": 5}',
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        from_report(data)


def test_a_denial_that_the_edge_provoked_itself_to_see_whether_it_works_counts_nothing() -> None:
    assert from_nginx(denial(client='127.0.0.1')) is None
