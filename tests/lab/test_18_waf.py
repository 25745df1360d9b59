"""The web application firewall and TLS at the front door, asked by a client as a learner, an attacker and a tool do."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from anlan.deadline import wait_until
from anlan.paths import ROOT
from drills.corpus import attack_bytes, attack_samples, good_samples, request_bytes
from drills.replay import AGENT, Client, sensors_deaf, surroundings
from drills.smuggling import judged, origin_lines, samples
from infra.authority import authority_key
from infra.outputs_file import read_outputs
from tests.lab.standing import Standing

CORPORA = ROOT / 'tests' / 'corpora'
REFUSED_SHARE = 0.95
RULES, METRICS = '/etc/anlan/waf.rules', '/run/anlan/metrics/waf.prom'


@pytest.fixture(scope='module')
def client(standing: Standing) -> Iterator[Client]:
    """client-1 at its own edge, whose sensors tell nobody meanwhile."""
    made = Client(standing.remote(), read_outputs(standing.work.paths.outputs), 'client-1', 'edge-1')
    with sensors_deaf(made):
        yield made


def curl(standing: Standing, *words: str) -> tuple[int, str]:
    name, edge = standing.work.platform.front_door.name, standing.work.topology.host('edge-1').address
    done = standing.run(
        'client-1', 'curl', '--silent', '--show-error', '--max-time', '8', '--resolve', f'{name}:443:{edge}', *words
    )
    return done.code, done.out + done.err


def on_edge(standing: Standing, script: str, host: str = 'edge-1') -> str:
    done = standing.run(host, 'sudo', 'sh', '-c', script)
    assert done.code == 0, done.err
    return done.out


def test_no_honest_request_is_refused(standing: Standing, client: Client) -> None:
    share = client.replay(
        good_samples(CORPORA / 'good.yaml', surroundings(client, 'waf-corpus', standing.password))
    )  # fmt: skip
    print(share.counts())
    assert share.counts() == {'passed': len(share.verdicts)}, [v for v in share.verdicts if v.what != 'passed']
    assert [verdict for verdict in share.verdicts if verdict.status >= 400] == []


def test_attacks_are_refused(client: Client) -> None:
    share = client.replay(attack_samples(CORPORA / 'attacks.yaml', client.host))
    print(share.counts(), 'passed:', share.named('passed'))
    assert share.refused_share is not None, [v for v in share.verdicts if v.what == 'not observed']
    assert share.refused_share >= REFUSED_SHARE, share.named('passed')


def test_no_hidden_request_reaches_the_origin(client: Client) -> None:
    run = f'run{uuid.uuid4().hex[:10]}'
    sent = samples(CORPORA / 'smuggling.yaml', client.host, run)
    results = client.send(
        [{'id': each.name, 'data': each.data, 'whole': True, 'http2': each.over_http2} for each in sent]
    )  # fmt: skip
    # What were left over on a connection behind the edge would come to light with the requests after it.
    after = request_bytes(f'GET /courses/?after={run}', client.host, AGENT)
    client.send([{'id': number, 'data': after} for number in range(20)])
    time.sleep(1)
    lines = origin_lines(client.remote, ['app-1', 'app-2'], run, 120)
    seen = judged(sent, results, lines)
    assert sum('after=' in line for line in lines) == 20
    for control in (each for each in seen if 'well-formed' in each.sample.name):
        assert control.visible_at_origin == 1, f'{control.sample.name}: the log does not tell what it should'
    assert [fault for each in seen if (fault := each.fault())] == []


def test_a_refusal_is_a_page_with_a_number_an_event_and_a_count(standing: Standing, client: Client) -> None:
    count = 'awk \'/family="sql_injection"/ {print $2}\' ' + METRICS
    before = int(on_edge(standing, count))
    data = attack_bytes('query', "1' UNION SELECT password FROM accounts_learner--", client.host)
    answer = client.send([{'id': 1, 'data': data}])[0]['answers'][0]
    number = answer['headers']['x-request-refused']
    assert answer['status'] == 403
    assert number in answer['body']
    assert '请求被拒绝' in answer['body']
    assert '942' not in answer['body']
    assert 'SQL' not in answer['body']
    wait_until(
        lambda: None if int(on_edge(standing, count)) > before else 'not counted', 'the refusal to be counted', 15, 0.5
    )
    event = json.loads(on_edge(standing, f'journalctl ANLAN_REQUEST={number} -o json --no-pager'))
    assert event['ANLAN_SOURCE'] == client.outputs['hosts']['client-1']['variables']['anlan_address']
    assert event['ANLAN_TYPE'] == 'sql_injection'
    log = on_edge(standing, f'journalctl -t edge --grep {number} -o cat --no-pager')
    assert 'ModSecurity: Access denied' in log
    assert '[id "10201"]' in log


def test_a_password_in_an_attack_is_in_no_log(standing: Standing, client: Client) -> None:
    secret = f'Geheim{uuid.uuid4().hex}'
    body = f'username=%27%20or%201%3D1--&password={secret}'
    form = ['Content-Type: application/x-www-form-urlencoded']
    answer = client.ask('POST /accounts/login/', form, body)
    assert answer['headers']['x-request-refused']
    time.sleep(1)
    # In brackets, or sudo's own line about this command would be found.
    pattern = f'[{secret[0]}]{secret[1:]}'
    assert (
        on_edge(standing, f"journalctl --since=-60s --no-pager -o verbose | grep -c '{pattern}' || true").strip() == '0'
    )
    number = answer['headers']['x-request-refused']
    assert int(on_edge(standing, f'journalctl --since=-60s --no-pager -o verbose | grep -c {number}')) > 0


def test_a_broken_rule_file_is_refused_before_it_is_loaded(standing: Standing) -> None:
    broken = '/run/anlan/waf/broken'
    done = standing.run(
        'edge-1', 'sudo', 'sh', '-c',
        f'cp {RULES} {broken} && echo "SecRule ARGS @rx (" >> {broken} && /usr/local/lib/anlan/waf-check {broken}',
    )  # fmt: skip
    assert done.code != 0
    assert 'modsecurity_rules_file' in done.err
    assert standing.run('edge-1', 'sudo', '/usr/local/lib/anlan/waf-check', RULES).code == 0
    # Broken where it stands: a reload keeps what is in force.
    try:
        on_edge(standing, f'cp -p {RULES} {RULES}.kept && cp {broken} {RULES} && systemctl reload nginx || true')
        assert standing.run('edge-1', 'sudo', 'nginx', '-t').code != 0
        code, out = curl(
            standing, '--output', '/dev/null', '--write-out', '%{http_code}',
            f'https://{standing.work.platform.front_door.name}/courses/',
        )  # fmt: skip
        assert (code, out) == (0, '200')
        assert 'anlan_waf_in_force 1' in on_edge(standing, f'systemctl restart anlan-waf-watch; sleep 3; cat {METRICS}')
    finally:
        on_edge(standing, f'mv {RULES}.kept {RULES}; rm -f {broken}; systemctl reload nginx')


def test_a_front_door_without_its_rules_is_noticed(standing: Standing) -> None:
    file = '/etc/nginx/anlan-server.d/waf.conf'
    try:
        on_edge(
            standing,
            f"sed -i.kept 's/^modsecurity on/modsecurity off/' {file} && nginx -t -q && systemctl reload nginx",
        )
        wait_until(
            lambda: None if 'anlan_waf_in_force 0' in on_edge(standing, f'cat {METRICS}') else 'not noticed',
            'the missing rules to be noticed', 90, 1.0,
        )  # fmt: skip
    finally:
        on_edge(standing, f'mv {file}.kept {file} && systemctl reload nginx')
    wait_until(
        lambda: None if 'anlan_waf_in_force 1' in on_edge(standing, f'cat {METRICS}') else 'still off',
        'the rules to be back', 30, 1.0,
    )  # fmt: skip


@pytest.mark.parametrize(('word', 'version'), [('--http1.1', '1.1'), ('--http2', '2'), ('--http3-only', '3')])
def test_every_version_of_http_is_spoken(standing: Standing, word: str, version: str) -> None:
    url = f'https://{standing.work.platform.front_door.name}/courses/'
    code, out = curl(standing, word, '--output', '/dev/null', '--write-out', '%{http_code} %{http_version}', url)
    assert (code, out) == (0, f'200 {version}')


def test_the_attack_is_refused_over_every_version(standing: Standing, client: Client) -> None:
    url = f'https://{client.host}/courses/?q=%3Cscript%3Ealert(1)%3C/script%3E'
    for word in ('--http1.1', '--http2', '--http3-only'):
        code, out = curl(standing, word, '--output', '/dev/null', '--write-out', '%{http_code}', url)
        assert (code, out) == (0, '403'), word


def test_browsers_are_told_to_come_by_tls_and_that_there_is_http3(standing: Standing) -> None:
    code, out = curl(standing, '--head', f'https://{standing.work.platform.front_door.name}/courses/')
    assert code == 0, out
    assert 'strict-transport-security: max-age=31536000' in out.lower()
    assert 'alt-svc: h3=":443"' in out.lower()


def handshake(standing: Standing, *words: str) -> tuple[int, str]:
    name, edge = standing.work.platform.front_door.name, standing.work.topology.host('edge-1').address
    done = standing.run(
        'client-1', 'sh', '-c', 'exec openssl s_client "$@" </dev/null', 'sh', '-connect', f'{edge}:443',
        '-servername', name, '-CAfile', '/etc/anlan/tls/ca.crt', '-verify_return_error', '-verify_hostname', name,
        *words,
    )  # fmt: skip
    return done.code, done.out + done.err


@pytest.mark.parametrize(
    'words',
    [
        ('-tls1', '-cipher', 'ALL:@SECLEVEL=0'),
        ('-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'),
        ('-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0'),
        ('-tls1_2', '-cipher', 'ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0'),
        ('-tls1_2', '-cipher', 'AES128-GCM-SHA256:@SECLEVEL=0'),
        ('-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0'),
        ('-tls1_2', '-cipher', 'NULL-SHA256:eNULL:@SECLEVEL=0'),
        ('-tls1_3', '-ciphersuites', 'TLS_AES_128_CCM_SHA256'),
    ],
)
def test_old_versions_and_weak_suites_are_refused(standing: Standing, words: tuple[str, ...]) -> None:
    code, out = handshake(standing, *words)
    assert code != 0, out
    assert 'alert' in out, out


@pytest.mark.parametrize(
    ('words', 'suite'),
    [
        (('-tls1_2',), 'ECDHE-ECDSA-'),
        (('-tls1_2', '-cipher', 'ECDHE-ECDSA-CHACHA20-POLY1305'), 'ECDHE-ECDSA-CHACHA20-POLY1305'),
        (('-tls1_3',), 'TLS_'),
        (('-tls1_3', '-ciphersuites', 'TLS_CHACHA20_POLY1305_SHA256'), 'TLS_CHACHA20_POLY1305_SHA256'),
    ],
)
def test_named_suites_are_spoken_without_tickets_of_the_client_s_and_without_early_data(
    standing: Standing, words: tuple[str, ...], suite: str
) -> None:
    code, out = handshake(standing, *words)
    assert code == 0, out
    assert f'Cipher is {suite}' in out
    assert 'Early data was accepted' not in out
    # In TLS 1.3 what the server keeps itself is named by a ticket too (RFC 8446, 4.6.1); nothing is in it.
    assert '-tls1_3' in words or 'TLS session ticket:' not in out


def ended_certificate(standing: Standing, host: str) -> tuple[bytes, bytes]:
    """Return a certificate of the platform's own authority that ended an hour ago, and its key."""
    folder = standing.work.paths.certificates
    authority = x509.load_pem_x509_certificate((folder / 'ca.crt').read_bytes())
    signer = serialization.load_pem_private_key(authority_key(folder).read(), None)
    before = x509.load_pem_x509_certificate((folder / host / 'host.crt').read_bytes())
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    builder = (
        x509.CertificateBuilder().subject_name(before.subject).issuer_name(authority.subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2)).not_valid_after(now - timedelta(hours=1))
    )  # fmt: skip
    for extension in before.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return (
        builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, *form),
    )


def test_an_ended_certificate_is_refused_and_noticed_and_the_other_edge_serves(standing: Standing) -> None:
    ended, key = ended_certificate(standing, 'edge-1')
    certificate = base64.b64encode(ended).decode()
    url = f'https://{standing.work.platform.front_door.name}/courses/'
    other = standing.work.topology.host('edge-2').address
    ends = f"awk '/^anlan_edge_certificate_expires/ {{print $2}}' {METRICS}"
    back = 'cd /etc/anlan/tls && mv host.crt.kept host.crt && mv host.key.kept host.key && systemctl reload nginx'
    try:
        # The way back comes first; the key goes by standard input.
        script = (
            f"systemd-run --quiet --collect --unit=certificate-back --on-active=120s sh -c '{back}' && "
            'cd /etc/anlan/tls && cp -p host.crt host.crt.kept && cp -p host.key host.key.kept && '
            f'echo {certificate} | base64 -d > host.crt && cat > host.key && systemctl reload nginx'
        )
        done = standing.remote().run('edge-1', ['sudo', 'sh', '-c', script], 30, key.decode())
        assert done.code == 0, done.err
        time.sleep(1)
        code, out = curl(standing, url)
        assert code == 60, out
        assert 'expired' in out
        assert (
            standing.run('client-1', 'curl', '-sf', '--resolve', f'{url[8:].split("/")[0]}:443:{other}', url).code == 0
        )
        wait_until(
            lambda: None if int(on_edge(standing, ends) or 0) < time.time() else 'not noticed',
            'the end of the certificate to be noticed', 20, 1.0,
        )  # fmt: skip
    finally:
        on_edge(standing, f'systemctl stop certificate-back.timer; {back}')
    wait_until(
        lambda: None if int(on_edge(standing, ends) or 0) > time.time() + 86400 else 'still ended',
        'the good certificate to be seen', 20, 1.0,
    )  # fmt: skip
    assert curl(standing, '--output', '/dev/null', url)[0] == 0


@pytest.mark.parametrize('years', [-3, 3])
def test_a_client_whose_clock_is_wrong_does_not_take_the_certificate(standing: Standing, years: int) -> None:
    moment = int(time.time() + years * 365 * 86400)
    code, out = handshake(standing, '-attime', str(moment))
    assert code != 0
    assert 'certificate has expired' in out or 'not yet valid' in out, out
    assert handshake(standing, '-attime', str(int(time.time())))[0] == 0
