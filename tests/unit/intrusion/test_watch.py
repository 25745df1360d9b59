"""Alerts become events with all their fields, and what cannot be seen of a sensor is never told as good."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.unit.intrusion.programs import program

watch = program('intrusion-watch')
# As Suricata 7.0.10 on a firewall of the lab wrote it.
ALERT: dict[str, Any] = {
    'timestamp': '2026-11-25T12:42:35.912345+0000', 'event_type': 'alert', 'src_ip': '198.18.20.11',
    'src_port': 40112, 'dest_ip': '198.18.30.11', 'dest_port': 2379, 'proto': 'TCP', 'pkt_src': 'wire/pcap',
    'alert': {
        'action': 'allowed', 'gid': 1, 'signature_id': 9030005, 'rev': 1,
        'signature': '横向移动 · lateral movement', 'category': 'Attempted Administrator Privilege Gain', 'severity': 1,
    },
}  # fmt: skip
COUNTERS: dict[str, Any] = {
    'uptime': 12, 'decoder': {'pkts': 500, 'invalid': 2}, 'ips': {'accepted': 490, 'blocked': 10},
    'detect': {'engines': [{'id': 0, 'rules_loaded': 21, 'rules_failed': 1}]},
}  # fmt: skip


def with_alert(**values: Any) -> dict[str, Any]:
    return ALERT | {'alert': ALERT['alert'] | values}


def test_an_alert_becomes_an_event_with_time_source_target_type_and_action() -> None:
    fields = watch.event_of(ALERT)
    assert fields['ANLAN_EVENT'] == 'intrusion'
    assert fields['ANLAN_TIME'] == '2026-11-25T12:42:35.912345+0000'
    assert fields['ANLAN_SOURCE'] == '198.18.20.11'
    assert fields['ANLAN_TARGET'] == '198.18.30.11:2379'
    assert fields['ANLAN_TYPE'] == '1:9030005'
    assert fields['PRIORITY'] == '3'


@pytest.mark.parametrize(
    ('number', 'action', 'expected'),
    [
        (9030005, 'allowed', 'dropped'),  # the policy had
        (9020006, 'allowed', 'seen'),
        (9020007, 'blocked', 'dropped'),
    ],
)
def test_the_action_is_what_became_of_the_packet(number: int, action: str, expected: str) -> None:
    assert watch.event_of(with_alert(signature_id=number, action=action))['ANLAN_ACTION'] == expected


def test_a_line_break_in_a_signature_makes_no_field_of_its_own() -> None:
    entry = watch.entry_of(watch.event_of(with_alert(signature='x\nANLAN_SOURCE=198.18.40.21')))
    lines = entry.decode().splitlines()
    assert [line for line in lines if line.startswith('ANLAN_SOURCE=')] == ['ANLAN_SOURCE=198.18.20.11']


def test_the_kernel_s_queues_are_counted_with_both_kinds_of_drops() -> None:
    text = '    0   1234     0 2 65531     3     4     9000  1\n    1   1234     0 2 65531     1     0     8000  1\n'
    assert watch.queues_of(text) == (2, 8)
    assert watch.queues_of('') == (0, 0)


def test_counters_are_told_by_sensor() -> None:
    assert dict(watch.counters_of(COUNTERS, 'inline')) == {
        ('anlan_intrusion_rules_loaded', '{sensor="inline"}'): 21.0,
        ('anlan_intrusion_rules_failed', '{sensor="inline"}'): 1.0,
        ('anlan_intrusion_packets_total', '{sensor="inline"}'): 500.0,
        ('anlan_intrusion_invalid_packets_total', '{sensor="inline"}'): 2.0,
        ('anlan_intrusion_uptime_seconds', '{sensor="inline"}'): 12.0,
        ('anlan_intrusion_refused_packets_total', '{sensor="inline"}'): 10.0,
    }


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A firewall's folders, with no sensor that answers."""
    monkeypatch.setattr(watch, 'RUN', tmp_path)
    monkeypatch.setattr(watch, 'SETS', tmp_path / 'sets.json')
    monkeypatch.setattr(watch, 'QUEUES', tmp_path / 'queues')
    monkeypatch.setattr(watch, 'JOURNAL', str(tmp_path / 'journal'))
    return tmp_path


def made() -> Any:
    return watch.Watch(180.0, {'inline': 1024, 'refused': 256})


def answering(file: Path, answers: list[dict[str, Any]]) -> None:
    """Stand in for a Suricata: take one who asks, and give the answers one after the other."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(file))
    server.listen()

    def serve() -> None:
        link, _ = server.accept()
        with link, server:
            for answer in answers:
                link.recv(4096)
                link.sendall(json.dumps(answer).encode() + b'\n')

    threading.Thread(target=serve, daemon=True).start()


def test_a_sensor_that_does_not_answer_is_down_and_has_no_figures(place: Path) -> None:
    values = made().values()
    for sensor in ('inline', 'refused'):
        assert values['anlan_intrusion_up', f'{{sensor="{sensor}"}}'] == 0
        assert ('anlan_intrusion_rules_loaded', f'{{sensor="{sensor}"}}') not in values
    assert ('anlan_intrusion_queues_read', '') not in values
    assert ('anlan_intrusion_rule_set_rules', '{set="own"}') not in values


def test_a_sensor_that_answers_is_up(place: Path) -> None:
    answering(place / 'inline.command', [{'return': 'OK'}, {'return': 'OK', 'message': COUNTERS}])
    (place / 'inline.pid').write_text('1\n')
    values = made().values()
    assert values['anlan_intrusion_up', '{sensor="inline"}'] == 1
    assert values['anlan_intrusion_memory_bytes', '{sensor="inline"}'] > 0
    assert values['anlan_intrusion_up', '{sensor="refused"}'] == 0


@pytest.mark.parametrize(
    'answers',
    [
        [{'return': 'NOK', 'message': 'wrong version'}],
        [{'return': 'OK'}, {'return': 'NOK', 'message': 'stats not yet synchronized'}],
        [{'return': 'OK'}, {'return': 'OK', 'message': {'uptime': 3}}],
        [],
    ],
    ids=['refuses us', 'refuses the question', 'says half of it', 'hangs up'],
)
def test_half_an_answer_is_none(place: Path, answers: list[dict[str, Any]]) -> None:
    answering(place / 'inline.command', answers)
    (place / 'inline.pid').write_text('1\n')
    assert made().values()['anlan_intrusion_up', '{sensor="inline"}'] == 0


def test_deaths_are_counted_by_their_cause(place: Path) -> None:
    (place / 'inline.deaths').write_text('signal\noom-kill\nsignal\n')
    values = made().values()
    assert values['anlan_intrusion_deaths_total', '{sensor="inline",result="signal"}'] == 2
    assert values['anlan_intrusion_deaths_total', '{sensor="inline",result="oom-kill"}'] == 1
    # From the start, so that the first death is an increase.
    assert values['anlan_intrusion_deaths_total', '{sensor="refused",result="signal"}'] == 0


@pytest.mark.parametrize(('hours_ago', 'age'), [(None, None), (1, 3600.0), (-1, 0.0)])
def test_the_age_of_a_licensed_set_is_told_and_none_where_there_is_none(
    place: Path, hours_ago: int | None, age: float | None
) -> None:
    licensed_at = None if hours_ago is None else time.time() - 3600 * hours_ago
    inline = {'own': 21, 'licensed': 0 if licensed_at is None else 900, 'licensed_at': licensed_at}
    (place / 'sets.json').write_text(json.dumps({'inline': inline, 'failed': []}))
    values = made().values()
    assert values['anlan_intrusion_rule_set_rules', '{set="licensed"}'] == inline['licensed']
    told = values.get(('anlan_intrusion_rule_set_age_seconds', '{set="licensed"}'))
    assert told is None if age is None else told == pytest.approx(age, abs=60)


def test_an_alert_is_counted_and_written_to_the_journal_and_rubbish_is_counted_apart(place: Path) -> None:
    journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    journal.bind(str(place / 'journal'))
    journal.settimeout(2)
    one = made()
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    for datagram in (json.dumps(ALERT).encode(), b'{', b'[]', b'{"event_type": "alert"}', b'{"event_type": "flow"}'):
        sender.sendto(datagram, str(place / 'eve'))
    one.listen_until(time.monotonic() + 0.2)
    assert b'ANLAN_SOURCE=198.18.20.11\n' in journal.recv(65536)
    values = one.values()
    assert values['anlan_intrusion_alerts_total', '{severity="1"}'] == 1
    assert values['anlan_intrusion_alerts_unreadable_total', ''] == 3
    assert values['anlan_intrusion_events_lost_total', ''] == 0


def test_an_event_that_the_journal_does_not_take_is_counted(place: Path) -> None:
    one = made()
    one.take(json.dumps(ALERT).encode())
    assert one.values()['anlan_intrusion_events_lost_total', ''] == 1


def test_the_file_is_what_node_exporter_reads() -> None:
    text = watch.text_of({('a_total', '{b="c"}'): 3.0, ('a_total', '{b="d"}'): 4.0, ('e_bytes', ''): 60000000.0})
    assert text == (
        '# TYPE a_total counter\na_total{b="c"} 3\na_total{b="d"} 4\n# TYPE e_bytes gauge\ne_bytes 60000000\n'
    )
