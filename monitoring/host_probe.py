"""Host probe: what a host says of itself, as one JSON object. Runs on the host as root; standard library only.

Reads `{"tier": …, "services": […], "metrics": […], "address": …, "tls_ports": […]}` from standard
input. Every question has a deadline; what is not answered is null and named in `errors`, never guessed.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
import urllib.request

DEADLINE_SECONDS = 4
CA = '/etc/anlan/tls/ca.crt'


def command(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)
    return done.stdout


def addresses() -> list[str]:
    links = json.loads(command(['ip', '-j', 'address', 'show', 'scope', 'global']))
    return [info['local'] for link in links for info in link.get('addr_info', []) if 'local' in info]


def services(names: list[str]) -> dict[str, str]:
    if not names:
        return {}
    blocks = command(['systemctl', 'show', '--property=LoadState,ActiveState', *names]).strip().split('\n\n')
    found = [dict(line.split('=', 1) for line in block.splitlines()) for block in blocks]
    states = ['absent' if unit['LoadState'] == 'not-found' else unit['ActiveState'] for unit in found]
    return dict(zip(names, states, strict=True))


def failed_units() -> list[str]:
    lines = command(['systemctl', 'list-units', '--failed', '--no-legend', '--plain', '--no-pager']).splitlines()
    return [line.split()[0] for line in lines if line.strip()]


def certificate_days() -> float:
    information = ssl._ssl._test_decode_cert('/etc/anlan/tls/host.crt')
    return round((ssl.cert_time_to_seconds(information['notAfter']) - time.time()) / 86400, 1)


def stale_ports(address: str, ports: list[int]) -> list[int]:
    """Return the ports that serve another certificate than the one on disk."""
    with open('/etc/anlan/tls/host.crt', encoding='ascii') as file:
        wanted = ssl.PEM_cert_to_DER_cert(file.read())
    return [
        port
        for port in ports
        if ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((address, port), timeout=DEADLINE_SECONDS)) != wanted
    ]


def metrics_seconds(names: list[str]) -> dict[str, float | None]:
    """Return how long ago each file of metrics was written; None if it is not there."""
    found: dict[str, float | None] = {}
    for name in names:
        try:
            found[name] = round(time.time() - os.stat(f'/run/anlan/metrics/{name}.prom').st_mtime, 1)
        except FileNotFoundError:
            found[name] = None
    return found


def clock() -> dict[str, object]:
    fields = command(['chronyc', '-c', '-h', '127.0.0.1', 'tracking']).strip().split(',')
    return {'source': fields[1], 'offset_seconds': float(fields[4]), 'stratum': int(fields[2])}


def https(url: str) -> object:
    context = ssl.create_default_context(cafile=CA)
    context.load_cert_chain('/etc/anlan/tls/host.crt', '/etc/anlan/tls/host.key')
    try:
        with urllib.request.urlopen(url, timeout=DEADLINE_SECONDS, context=context) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as answer:
        return json.load(answer)


def database(address: str) -> object:
    return {'patroni': https(f'https://{address}:8008/patroni'), 'cluster': https(f'https://{address}:8008/cluster')}


def etcd(address: str) -> object:
    argv = [
        'env', 'ETCDCTL_API=3', 'etcdctl', '--endpoints', f'https://{address}:2379', '--cacert', CA,
        '--cert', '/etc/anlan/tls/host.crt', '--key', '/etc/anlan/tls/host.key',
        '--command-timeout', '3s', 'endpoint', 'status', '--write-out', 'json',
    ]  # fmt: skip
    status = json.loads(command(argv))[0]['Status']
    return {'is_leader': status['leader'] == status['header']['member_id'], 'has_leader': status['leader'] != 0}


def cache() -> object:
    return json.loads(command(['/usr/local/lib/anlan/cache-node', 'status']))


def application(address: str) -> object:
    with open('/opt/anlan/current/manifest.json', encoding='utf-8') as file:
        release = json.load(file)['id']
    return {'release': release, 'ready': https(f'https://{address}:8443/readyz')}


def main() -> None:
    question = json.load(sys.stdin)
    address = question['address']
    parts = {
        'addresses': addresses,
        'services': lambda: services(question['services']),
        'failed_units': failed_units,
        'certificate_days': certificate_days,
        'stale_ports': lambda: stale_ports(address, question['tls_ports']),
        'clock': clock,
        'metrics_seconds': lambda: metrics_seconds(question['metrics']),
    }
    if question['tier'] == 'data':
        parts |= {
            'database': lambda: database(address),
            'etcd': lambda: etcd(address),
            'cache': cache,
        }
    if question['tier'] == 'app':
        parts['application'] = lambda: application(address)
    answer: dict[str, object] = {}
    errors: dict[str, str] = {}
    for name, part in parts.items():
        try:
            answer[name] = part()
        except Exception as error:
            answer[name] = None
            errors[name] = f'{type(error).__name__}: {error}'[:300]
    answer['errors'] = errors
    json.dump(answer, sys.stdout)


main()
