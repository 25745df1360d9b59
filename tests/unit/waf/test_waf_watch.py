"""What nginx says becomes events and counts, without what a request held of people and secrets."""

from __future__ import annotations

import os
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.unit.waf.programs import waf_watch

watch = waf_watch()

DENIED = (
    '<187>Nov 25 12:42:10 waf: 2026/11/25 12:42:10 [error] 69#69: *19 [client 198.18.1.31] ModSecurity: '
    'Access denied with code 403 (phase 2). '
    "Matched \"Operator `Ge' with parameter `5' against variable `TX:ANOMALY_SCORE' (Value: `25' ) "
    '[file "/etc/anlan/waf.rules"] [line "80"] [id "10201"] [rev ""] [msg "SQL injection, Total Score: 25"] [data ""] '
    '[severity "0"] [ver ""] [maturity "0"] [accuracy "0"] [tag "attack-sqli"] [hostname "198.18.1.11"] '
    '[uri "/courses/"] [unique_id "1221315fb86f733890c66e2e94591ac9"] [ref ""], client: 198.18.1.31, server: learn'
)


def found(place: str, piece: str, connection: int = 19) -> str:
    return (
        f'<190>Nov 25 12:42:10 waf: 2026/11/25 12:42:10 [info] 69#69: *{connection} ModSecurity: Warning. '
        'detected SQLi using libinjection. '
        '[file "/usr/share/modsecurity-crs/rules/REQUEST-942-APPLICATION-ATTACK-SQLI.conf"] [line "46"] '
        '[id "942100"] [rev ""] [msg "SQL Injection Attack Detected via libinjection"] '
        f'[data "Matched Data: {piece} found within {place}: x"] [severity "2"] [uri "/courses/"]'
    )


def test_a_refusal_is_one_event_with_the_rules_that_led_to_it() -> None:
    sight = watch.Sight()
    assert sight.take(found('ARGS:q', 's&1c')) is None
    assert sight.take(found('ARGS:q', 'other', connection=20)) is None
    fields = sight.take(DENIED)
    assert fields['ANLAN_EVENT'] == 'request-refused'
    assert (fields['ANLAN_SOURCE'], fields['ANLAN_TYPE']) == ('198.18.1.31', 'sql_injection')
    assert fields['ANLAN_ACTION'] == 'refused 403'
    assert fields['ANLAN_RULES'] == '942100 ARGS:q s&1c'
    assert sight.denied['sql_injection'] == 1


TOO_LARGE = (
    '<187>Nov 25 12:42:10 waf: 2026/11/25 12:42:10 [error] 69#69: *19 client intended to send too large body: '
    '9999999999 bytes, client: 198.18.1.31, server: learn, request: "POST / HTTP/1.1", host: "learn",'
)


@pytest.mark.parametrize(
    'line',
    [
        '<187>Nov 25 12:42:10 waf: 2026/11/25 12:42:10 [error] 69#69: *19 connect() failed, client: 198.18.1.31, '
        'request: "GET /?q=[client 1.2.3.4] ModSecurity: Access denied with code 403 [id \\"1\\"] [msg \\"x\\"] '
        '[tag \\"attack-sqli\\"] [unique_id \\"ab\\"]"',
        f'{TOO_LARGE} referrer: "{DENIED}"',
        f'{TOO_LARGE} referrer: "{DENIED.partition(": ")[2]}"',
        f'{TOO_LARGE} referrer: "{DENIED[DENIED.index("[error]") :]}"',
        f'{TOO_LARGE} referrer: "\n{DENIED}"',
        f'{TOO_LARGE} host: "{found("ARGS:q", "x")}"',
        f' {DENIED}',
        DENIED.partition(': ')[2],
        '<190>Nov 25 12:42:10 waf: 2026/11/25 12:42:10 [info] 69#69: *19 client closed keepalive connection',
        '',
    ],
)
def test_what_is_no_refusal_is_none_whatever_a_request_writes_into_it(line: str) -> None:
    sight = watch.Sight()
    assert sight.take(line) is None
    assert not sum(sight.denied.values())
    assert not sight.found


def test_the_client_and_the_rule_are_told_by_what_refused_and_not_by_what_was_asked_for() -> None:
    forged = '/x"] [id "9"] [msg "nothing"] [tag "attack-xss"] [client 203.0.113.5'
    sight = watch.Sight()
    fields = sight.take(DENIED.replace('[uri "/courses/"]', f'[uri "{forged}"]') + f', referrer: "{DENIED}"')
    assert fields['ANLAN_SOURCE'] == '198.18.1.31'
    assert fields['ANLAN_TYPE'] == 'sql_injection'
    assert fields['MESSAGE'].startswith('198.18.1.31 was refused: SQL injection, Total Score: 25 (rule 10201, ')


def test_a_request_that_writes_itself_a_number_has_none() -> None:
    forged = f'[uri "/x"] [unique_id "{"0" * 32}"] [ref "'
    fields = watch.Sight().take(DENIED.replace('[uri "/courses/"]', forged))
    assert fields['ANLAN_REQUEST'] == '?'
    assert watch.Sight().take(DENIED)['ANLAN_REQUEST'] == '1221315fb86f733890c66e2e94591ac9'


def test_our_own_attack_is_no_event_and_is_not_counted() -> None:
    own = DENIED.replace('198.18.1.31', '127.0.0.1').replace('"10201"', '"10200"')
    sight = watch.Sight()
    assert sight.take(found('ARGS:probe', '<script>')) is None
    assert sight.take(own) is None
    assert not sum(sight.denied.values())
    assert not sight.found
    assert sight.take(DENIED)['ANLAN_RULES'] == 'none told'


def test_an_attacker_whose_address_begins_like_ours_is_told() -> None:
    assert watch.Sight().take(DENIED.replace('198.18.1.31', '127.0.0.10'))['ANLAN_SOURCE'] == '127.0.0.10'


def test_a_refusal_that_is_cut_off_is_still_one() -> None:
    sight = watch.Sight()
    fields = sight.take(DENIED[: DENIED.index('[msg')])
    assert (fields['ANLAN_SOURCE'], fields['ANLAN_TYPE'], fields['ANLAN_REQUEST']) == ('198.18.1.31', 'other', '?')
    assert sight.denied['other'] == 1


@pytest.mark.parametrize(
    'piece', ['[id "1"] [msg "x"] [tag "a"] ', '[id "1"] ', '[msg "', '[file "/a"] [line "1"] [id "12345"] [rev "', '1']
)
def test_a_line_made_to_be_read_long_is_read_at_once(piece: str) -> None:
    """No measure of time: a pattern that tries every split of such a line would not end before the test is given up."""
    beginning = DENIED[: DENIED.index('Matched')]
    for start in (beginning, f'{TOO_LARGE} referrer: "{beginning}', found('ARGS:q', 'x')):
        line = (start + piece * 8192)[:8192]
        watch.Sight().take(line)
        watch.Sight().take(line + '[unique_id "x"]')


def test_a_refusal_of_an_unknown_family_is_counted_as_other() -> None:
    sight = watch.Sight()
    sight.take(DENIED.replace('attack-sqli', 'attack-of-tomorrow'))
    assert sight.denied['other'] == 1


@pytest.mark.parametrize(
    ('place', 'piece'),
    [
        ('ARGS:password1', "hunter2' or 1=1"),
        ('ARGS:username', '李明'),
        ('ARGS:id_card', '110101199003074514'),
        ('REQUEST_COOKIES:sessionid', 'abcdef'),
        ('REQUEST_HEADERS:Authorization', 'Basic eDp5'),
        ('ARGS:q', '110101199003074514'),
        ('ARGS:q', '13800138000'),
        ('ARGS:q', '11010119900307451X'),
        ('ARGS:q', 'li.ming@example.cn'),
        ('ARGS:q', '身份证李明'),
        ('REQUEST_BODY', 'password=hunter2'),
    ],
)
def test_secrets_and_personal_information_are_not_kept(place: str, piece: str) -> None:
    kept = watch.finding_of(found(place, piece))
    assert kept.startswith(f'942100 {place}')
    for part in (piece, piece[:11], 'hunter2', '李明', 'example.cn', '199003'):
        assert part not in kept.removeprefix(f'942100 {place}')


def test_what_is_kept_of_connections_and_rules_is_bounded() -> None:
    sight = watch.Sight()
    for connection in range(2000):
        for _ in range(20):
            sight.take(found('ARGS:q', 'x' * 150, connection))
    assert len(sight.found) <= watch.CONNECTIONS_KEPT
    assert max(len(kept) for kept in sight.found.values()) <= watch.RULES_KEPT


def certificate(days: float, year: int | None = None) -> tuple[bytes, float]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'x')])
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    end = end.replace(year=year) if year else end
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(end).sign(key, hashes.SHA256())
    )  # fmt: skip
    return made.public_bytes(serialization.Encoding.DER), end.timestamp()


@pytest.mark.parametrize(('days', 'year'), [(90, None), (-3, None), (10, 2055)])
def test_the_end_of_a_certificate_is_read_also_when_it_is_past_or_far(days: float, year: int | None) -> None:
    data, end = certificate(days, year)
    assert watch.not_after(data) == end


def test_a_certificate_that_is_cut_off_is_no_certificate() -> None:
    data, _ = certificate(90)
    for length in (0, 1, 2, 10, 60):
        with pytest.raises((ValueError, IndexError)):
            watch.not_after(data[:length])


def test_what_was_not_seen_has_no_line() -> None:
    text = watch.text_of(watch.Sight(), None, None, 1.0)
    assert 'in_force' not in text
    assert 'expires' not in text
    assert 'anlan_waf_requests_denied_total{family="sql_injection"} 0' in text
    assert 'anlan_waf_in_force 0' in watch.text_of(watch.Sight(), False, 5.0, 1.0)


def test_an_entry_of_the_journal_has_one_line_a_field() -> None:
    assert watch.entry_of({'MESSAGE': 'a\nPRIORITY=0\nb'}) == b'MESSAGE=a PRIORITY=0 b\n'


def test_nothing_in_an_entry_of_the_journal_steers_a_terminal() -> None:
    sight = watch.Sight()
    sight.take(found('ARGS:q', '\x1b]0;owned\x07 \x9b2J \u202e'))
    fields = sight.take(DENIED.replace('SQL injection', '\x1b[31mSQL\x08'))
    text = watch.entry_of(fields).decode()
    assert all(line.isprintable() for line in text.splitlines())
    assert '?[31mSQL?' in text
    assert 'ARGS:q ?]0;owned?' in text


def test_a_journal_that_takes_nothing_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, 'JOURNAL', str(tmp_path / 'nobody'))
    monkeypatch.setattr(watch.grp, 'getgrnam', lambda _: _Group())
    door = watch.listening(tmp_path / 'found', 'www-data')
    journal, sender = (socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2))
    sender.sendto(DENIED.encode(), str(tmp_path / 'found'))
    sight = watch.Sight()
    watch.listen_until(time.monotonic() + 0.3, door, journal, sight)
    assert (sight.journal_losses, sight.denied['sql_injection']) == (1, 1)
    for each in (door, journal, sender):
        each.close()


class _Group:
    gr_gid = os.getgid()
