"""Lines of the sensors as they write them, and lines that an attacker would like them to have written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.block_list import network  # noqa: F401 - makes the program importable

from block_list.sensors import Sighting, Unreadable, from_eve, from_haproxy, from_nginx, from_report  # isort: skip

EDGES = frozenset({'198.18.1.11', '198.18.2.12'})
MODSECURITY = (
    '<187>Nov 25 12:30:01 edge: 2026/11/25 12:30:01 [error] 1234#1234: *77 [client {client}] ModSecurity: Access '
    "denied with code 403 (phase 2). Matched \"Operator `Ge' with parameter `5' against variable `TX:ANOMALY_SCORE' "
    '(Value: `{score}\' ) [file "/usr/share/modsecurity-crs/rules/{file}"] [line "81"] [id "{rule}"] [rev ""] '
    '[msg "{message}"] [data ""] [severity "2"] [ver "OWASP_CRS/3.3.7"] [maturity "0"] [accuracy "0"] {tags} '
    '[hostname "198.18.1.11"] [uri "{uri}"] [unique_id "179560"] [ref ""], client: {client}, server: '
    'learn.lab.anlan.test, request: "GET {uri} HTTP/2.0", host: "learn.lab.anlan.test"'
)


def denial(**changes: str) -> bytes:
    given = {
        'client': '198.18.1.31', 'score': '5', 'file': 'REQUEST-949-BLOCKING-EVALUATION.conf', 'rule': '949110',
        'message': 'Inbound Anomaly Score Exceeded (Total Score: 5)', 'tags': '[tag "attack-generic"]', 'uri': '/',
    } | changes  # fmt: skip
    return MODSECURITY.format(**given).encode()


def test_a_denial_of_the_sum_counts_and_a_high_sum_blocks_at_once() -> None:
    assert from_nginx(denial()) == Sighting('198.18.1.31', 'waf', 'denied (rule 949110)', 40)
    high = from_nginx(denial(message='Inbound Anomaly Score Exceeded (Total Score: 15)'))
    assert high == Sighting('198.18.1.31', 'waf', 'attack with score 15 (rule 949110)', 100)


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
def test_a_severe_family_blocks_at_once(rule: str, tags: str, family: str) -> None:
    sighting = from_nginx(denial(rule=rule, tags=tags))
    assert sighting == Sighting('198.18.1.31', 'waf', f'{family} (rule {rule})', 100)


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
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        from_report(data)


def test_a_denial_that_the_edge_provoked_itself_to_see_whether_it_works_counts_nothing() -> None:
    assert from_nginx(denial(client='127.0.0.1')) is None
