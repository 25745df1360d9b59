"""Events reach both monitoring hosts, whatever happens in between, and nobody speaks for another host."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from anlan.deadline import wait_until
from anlan.remote import Remote
from infra.flows import EVENTS_PORT
from tests.lab.standing import Standing

ARRIVES_SECONDS = 10.0
TOLD_SECONDS = 30.0
"""A lack is told once the event is 10 s old; and each answer that tells of one takes 5 s."""

CAUGHT_UP_SECONDS = 90.0
"""After an outage: a sender pauses up to 15 s between tries, and a host has to start."""

CUT_SECONDS = 150.0
"""After a network that swallowed packets: a sender that waits is begun anew by its watchdog after 60 s."""

MONITORS = ('mon-1', 'mon-2')
SOURCE = '203.0.113.9'

HAND_OVER = (Path(__file__).parent / 'clients' / 'hand_over_events.py').read_text(encoding='utf-8')
FILL = (Path(__file__).parent / 'clients' / 'write_entries.py').read_text(encoding='utf-8')
PRODUCE = (
    'import socket, sys\n'
    'text = "".join(f"{field}\\n" for field in sys.argv[1:])\n'
    'socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(text.encode(), "/run/systemd/journal/socket")\n'
)


def produce(remote: Remote, host: str) -> str:
    """Write an event on a host, and return the word that it is known by."""
    word = uuid.uuid4().hex
    fields = (
        'ANLAN_EVENT=test', 'ANLAN_TYPE=test', f'ANLAN_SOURCE={SOURCE}', f'ANLAN_TARGET={host}', 'ANLAN_ACTION=seen',
        f'ANLAN_REASON={word}', 'MESSAGE=an event of a test', 'PRIORITY=5', 'SYSLOG_IDENTIFIER=event-test',
    )  # fmt: skip
    done = remote.run(host, ('sudo', 'python3', '-c', PRODUCE, *fields), 30)
    assert done.code == 0, done.err
    return word


def listing(standing: Standing, source: str = SOURCE) -> tuple[int, dict[str, Any]]:
    done = standing.anlan('events', '--since', '15m', '--type', 'test', '--source', source, '--json')
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def holders(remote: Remote, monitors: tuple[str, ...], word: str) -> dict[str, str]:
    """Return which monitoring hosts have an event, and of which host each says that it is; asked past the merging."""
    found = {}
    for monitor in monitors:
        argv = ('sudo', '/usr/local/lib/anlan/event-read', '--since', f'{time.time() - 900:.0f}', '--type', 'test')
        for line in remote.run(monitor, argv, 30).out.splitlines():
            document = json.loads(line)
            if document.get('entry', {}).get('ANLAN_REASON') == word:
                found[monitor] = document['host']
    return found


def wait_for(remote: Remote, monitors: tuple[str, ...], word: str, seconds: float) -> float:
    def lacking() -> str | None:
        missing = set(monitors) - set(holders(remote, monitors, word))
        return f'not on {", ".join(sorted(missing))}' if missing else None

    return wait_until(lacking, f'the event {word} to arrive', seconds, 0.2)


@pytest.fixture
def remote(whole: Standing) -> Remote:
    return whole.remote()


@pytest.mark.parametrize('host', ['fw-1', 'edge-2', 'lb-1', 'app-2'])
def test_an_event_is_on_both_monitoring_hosts_and_in_the_list(whole: Standing, remote: Remote, host: str) -> None:
    word = produce(remote, host)
    wait_for(remote, MONITORS, word, ARRIVES_SECONDS)
    code, document = listing(whole)
    (event,) = [each for each in document['events'] if each['reason'] == word]
    assert code == 0, document['findings']
    assert event['on'] == ['mon-1', 'mon-2']
    assert [event[name] for name in ('host', 'event', 'type', 'source', 'target', 'action')] == [
        host, 'test', 'test', SOURCE, host, 'seen',
    ]  # fmt: skip
    age = datetime.now(UTC) - datetime.fromisoformat(event['time'])
    assert timedelta(0) < age < timedelta(seconds=60)
    assert word not in json.dumps(listing(whole, '203.0.113.10')[1])


def test_a_monitoring_host_that_was_down_catches_up_and_its_lack_is_said(whole: Standing) -> None:
    whole.kill('mon-1')
    try:
        remote = whole.remote()
        word = produce(remote, 'fw-1')
        wait_for(remote, ('mon-2',), word, ARRIVES_SECONDS)
        code, document = listing(whole)
        assert code == 1
        assert document['findings'][0].startswith('mon-1: not observed')
        assert word in json.dumps(document['events'])
    finally:
        whole.start('mon-1')
    whole.wait_whole()
    wait_for(whole.remote(), MONITORS, word, CAUGHT_UP_SECONDS)

    def lacking() -> str | None:
        return next((each for each in listing(whole)[1]['findings'] if each.startswith('mon-1')), None)

    wait_until(lacking, 'mon-1 to lack nothing', CAUGHT_UP_SECONDS, 1.0)


@pytest.fixture
def cut(whole: Standing) -> Iterator[Standing]:
    """The platform; whatever shuts the way to mon-2 is taken away after a test."""
    yield whole
    whole.run('mon-2', 'sudo', 'nft', 'delete table inet anlan_test')
    whole.close()


def test_a_way_that_swallows_packets_is_noticed_and_caught_up(cut: Standing, remote: Remote) -> None:
    shut = (
        'table inet anlan_test { chain shut { type filter hook prerouting priority raw; '
        f'tcp dport {EVENTS_PORT} drop; }}; }}'
    )
    assert remote.run('mon-2', ('sudo', 'nft', shut), 30).code == 0
    word = produce(remote, 'edge-1')
    wait_for(remote, ('mon-1',), word, ARRIVES_SECONDS)

    def told() -> str | None:
        code, document = listing(cut)
        lacks = code == 1 and document['findings'][0].startswith('mon-2: lacks 1 of')
        return None if lacks else f'exit {code}, {document["findings"]}'

    wait_until(told, 'the lack to be told', TOLD_SECONDS, 1.0)

    def behind() -> str | None:
        metrics = remote.run('edge-1', ('cat', '/run/anlan/metrics/events.prom'), 30).out
        lags = {line.split('"')[1]: float(line.split()[1]) for line in metrics.splitlines() if '_lag_seconds{' in line}
        return None if lags.get('mon-2', 0) > 10 > lags['mon-1'] else str(lags)

    wait_until(behind, 'the lag to be told', 60, 1.0)
    assert remote.run('mon-2', ('sudo', 'nft', 'delete table inet anlan_test'), 30).code == 0
    wait_for(remote, MONITORS, word, CUT_SECONDS)


def test_a_sender_that_is_killed_sends_nothing_twice_in_the_list_and_loses_nothing(
    whole: Standing, remote: Remote
) -> None:
    words = []
    for _ in range(3):
        words.append(produce(remote, 'fw-2'))
        assert remote.run('fw-2', ('sudo', 'systemctl', 'kill', '-s', 'KILL', 'anlan-event-upload@mon-1'), 30).code == 0
        time.sleep(2)
    for word in words:
        wait_for(remote, MONITORS, word, CAUGHT_UP_SECONDS)
    reasons = [event['reason'] for event in listing(whole)[1]['events']]
    assert [reasons.count(word) for word in words] == [1, 1, 1]


def entry(word: str, **fields: str) -> str:
    """An entry as systemd-journal-upload sends it, which says of itself that it is of fw-2."""
    now = int(time.time() * 1e6)
    wanted = {
        '__REALTIME_TIMESTAMP': str(now), '__MONOTONIC_TIMESTAMP': '1000', '_BOOT_ID': '1' * 32, '_HOSTNAME': 'fw-2',
        'ANLAN_EVENT': 'test', 'ANLAN_REASON': word, 'MESSAGE': 'forged',
    } | fields  # fmt: skip
    return '\\n'.join(f'{name}={value}' for name, value in wanted.items())


def hand_over(standing: Standing, remote: Remote, host: str, credentials: str, word: str) -> str:
    address = str(standing.work.topology.host('mon-1').address)
    argv = ('sudo', 'python3', '-c', HAND_OVER, address, str(EVENTS_PORT), 'mon-1', entry(word))
    done = remote.run(host, argv, 30, credentials)
    assert done.code == 0, done.err
    return done.out.strip()


def self_signed(name: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return (certificate.public_bytes(pem) + private).decode()


def test_who_speaks_is_said_by_the_certificate_and_not_by_what_is_sent(whole: Standing, remote: Remote) -> None:
    word = uuid.uuid4().hex
    own = (whole.work.paths.certificates / 'fw-1' / 'host.pem').read_text(encoding='utf-8')
    assert hand_over(whole, remote, 'fw-1', own, word) == '202'
    wait_for(remote, ('mon-1',), word, ARRIVES_SECONDS)
    assert holders(remote, ('mon-1',), word) == {'mon-1': 'fw-1'}


@pytest.mark.parametrize(
    ('who', 'host', 'status'),
    [
        ('nobody', 'fw-1', '400'),
        ('a certificate that fw-1 signed itself', 'fw-1', '400'),
        ('a client, which is no host of the platform', 'ops-1', '403'),
        ('the certificate of fw-1, taken to another host', 'ops-1', '403'),
    ],
)
def test_others_are_refused(whole: Standing, remote: Remote, who: str, host: str, status: str) -> None:
    certificates = whole.work.paths.certificates
    credentials = {
        'nobody': '',
        'a certificate that fw-1 signed itself': self_signed('fw-1'),
        'a client, which is no host of the platform': (certificates / 'client-1' / 'host.pem').read_text(
            encoding='utf-8'
        ),
        'the certificate of fw-1, taken to another host': (certificates / 'fw-1' / 'host.pem').read_text(
            encoding='utf-8'
        ),
    }[who]
    word = uuid.uuid4().hex
    assert hand_over(whole, remote, host, credentials, word) == status
    time.sleep(1)
    assert holders(remote, MONITORS, word) == {}


@pytest.fixture
def filler(whole: Standing, remote: Remote) -> Iterator[str]:
    """A store of a host that does not exist, gone after the test."""
    unit = 'anlan-event-store@filler'
    assert remote.run('mon-2', ('sudo', 'systemctl', 'start', f'{unit}.socket'), 30).code == 0
    yield '/run/anlan/event-store/filler.sock'
    remote.run('mon-2', ('sudo', 'systemctl', 'stop', f'{unit}.socket', f'{unit}.service'), 60)
    remote.run('mon-2', ('sudo', 'rm', '-rf', '/var/log/anlan/events/filler'), 30)


def test_a_host_that_writes_too_much_loses_its_own_oldest_and_nobody_elses(
    whole: Standing, remote: Remote, filler: str
) -> None:
    def oldest(store: str) -> dict[str, Any]:
        words = ('sudo', 'journalctl', '-q', '-D', f'/var/log/anlan/events/{store}', '-n', '+1', '-o', 'json')
        document: dict[str, Any] = json.loads(remote.run('mon-2', words, 60).out)
        return document

    limit_mib = whole.work.platform.configuration.events_maximum_mib
    count = limit_mib * 1024 * 1024 // 1000
    others = oldest('fw-1')
    send = (
        f'python3 -c "$1" {count} | curl -sS --fail --unix-socket {filler} -T - -X POST '
        '-H "Content-Type: application/vnd.fdo.journal" http://store/upload'
    )
    done = remote.run('mon-2', ('sudo', 'sh', '-c', send, 'sh', FILL), 240)
    assert done.code == 0, done.err
    used = remote.run('mon-2', ('sudo', 'du', '-sm', '/var/log/anlan/events/filler'), 30).out.split()[0]
    assert limit_mib // 2 < int(used) <= limit_mib * 9 // 8 + 1
    assert int(oldest('filler')['NUMBER']) > 0
    newest = ('sudo', 'journalctl', '-q', '-D', '/var/log/anlan/events/filler', '-n', '1', '-o', 'json')
    assert f'"NUMBER":"{count - 1}"' in remote.run('mon-2', newest, 60).out
    assert oldest('fw-1')['__CURSOR'] == others['__CURSOR']
