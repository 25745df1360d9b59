"""`python -m benchmarks.waf`: what TLS and the web application firewall cost at an edge of a lab that stands.

Four servers beside the front door, with the same cache and the same balancers behind: without both, with the rules,
with TLS alone, with both. They are asked in turn, several times over, and go away by themselves. Besides: the corpora.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from anlan.cli.observing import observing
from anlan.errors import AnlanError
from anlan.paths import ROOT, PlatformPaths
from anlan.platform import Platform, load_platform
from anlan.secret_store import read_secret
from drills.corpus import attack_samples, good_samples
from drills.replay import Client, Share, sensors_deaf, surroundings

CORPORA = ROOT / 'tests' / 'corpora'
FILE = '/etc/nginx/conf.d/waf-benchmark.conf'
UNIT = 'anlan-waf-benchmark-end'
MOST_SECONDS = 600
GUARD = 'include /etc/nginx/anlan-server.d/waf.conf;'
GUARD_OF_MEDIA = 'include /etc/nginx/anlan-media*.conf;'
VARIANTS = {'neither': ('80', ''), 'rules': ('80', GUARD), 'TLS': ('443 ssl', ''), 'TLS and rules': ('443 ssl', GUARD)}
SERVER = """server {{
    listen {listen};
    server_name {name};
    {guard}
    location ~ ^/(media|static)/ {{ {media} proxy_pass https://platform; proxy_cache media; }}
    location / {{ proxy_pass https://platform; }}
}}
"""
RATE = re.compile(r'Requests/sec:\s+([0-9.]+)')
LATENCY = re.compile(r'50%\s+([0-9.]+)(us|ms|s)')
UNITS = {'us': 1e-6, 'ms': 1e-3, 's': 1.0}


@dataclass(frozen=True)
class Row:
    """One thing asked for of one server: requests a second and the median latency of each run."""

    what: str
    variant: str
    rates: tuple[float, ...]
    latencies_seconds: tuple[float, ...]


def name_of(variant: str) -> str:
    """Given a variant, return its server's name."""
    return f'{variant.lower().replace(" ", "-")}.benchmark.invalid'


@contextmanager
def servers(client: Client) -> Iterator[None]:
    """Given a client, run the four servers on its edge during the body; at most MOST_SECONDS. Raise AnlanError."""
    text = ''.join(
        SERVER.format(listen=listen, name=name_of(variant), guard=guard, media=GUARD_OF_MEDIA if guard else '')
        for variant, (listen, guard) in VARIANTS.items()
    )
    end = f'rm -f {FILE}; systemctl reload nginx'
    begin = (
        f"systemd-run --quiet --collect --unit={UNIT} --on-active={MOST_SECONDS}s sh -c '{end}' && "
        f'cat > {FILE} && nginx -t -q && systemctl reload nginx'
    )
    try:
        _do(client, begin, text)
        yield
    finally:
        _do(client, f'systemctl stop {UNIT}.timer; {end}', '')


def measure(client: Client, variant: str, path: str, connections: int, seconds: int) -> tuple[float, float]:
    """Given a server and a path, return requests a second and the median latency in seconds. Raise AnlanError."""
    address = client.outputs['hosts'][client.edge]['variables']['anlan_address']
    scheme = 'https' if 'ssl' in VARIANTS[variant][0] else 'http'
    done = client.remote.run(
        client.name,
        ['wrk', '-t1', f'-c{connections}', f'-d{seconds}s', '--latency', '-H', f'Host: {name_of(variant)}',
         '-H', 'User-Agent: Mozilla/5.0', '-H', 'Accept: */*', f'{scheme}://{address}{path}'],
        seconds + 30,
    )  # fmt: skip
    rate, latency = RATE.search(done.out), LATENCY.search(done.out)
    if done.code != 0 or rate is None or latency is None or 'Non-2xx' in done.out or 'Socket errors' in done.out:
        raise AnlanError(f'{variant} {path}: not measured: {(done.out + done.err).strip()[-300:]}')
    return float(rate[1]), float(latency[1]) * UNITS[latency[2]]


def measured(client: Client, paths: dict[str, str], runs: int, seconds: int) -> list[Row]:
    """Given paths by what they are, return each asked of each server, the servers in turn within a run."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for _ in range(runs):
        for what, path in paths.items():
            # The limits count what asks the application; four at a time stay below them.
            connections = 1 if what == 'page' else 8
            for variant in VARIANTS:
                found.setdefault((what, variant), []).append(measure(client, variant, path, connections, seconds))
    return [
        Row(what, variant, tuple(rate for rate, _ in values), tuple(latency for _, latency in values))
        for (what, variant), values in found.items()
    ]


def share_of(rows: list[Row], row: Row) -> float:
    """Given a row, return its rate as a share of the server's that has neither rules nor TLS, in the same run."""
    base = next(each for each in rows if each.what == row.what and each.variant == 'neither')
    return median(mine / other for mine, other in zip(row.rates, base.rates, strict=True))


def main() -> int:
    """Measure, print, and return 0 if no honest request was refused and enough attacks were, 1 if not."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.waf', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Exit codes: 0 no honest request was refused, 95 % of the attacks were · 1 not, or a run failed.',
    )  # fmt: skip
    parser.add_argument('-p', '--platform', type=Path, default=Path('infra/platforms/lab.yaml'), help='platform file')
    parser.add_argument('--runs', type=int, default=3, help='repetitions of each measurement (3)')
    parser.add_argument('--seconds', type=int, default=4, help='how long each lasts (4)')
    parser.add_argument('--json', action='store_true', help='print JSON on standard output')
    given = parser.parse_args()
    try:
        rows, good, attacks = run(load_platform(given.platform), given.runs, given.seconds)
    except AnlanError as error:
        print(f'benchmark: {error}', file=sys.stderr)
        return error.exit_code
    report(rows, good, attacks, given.json)
    return 0 if set(good.counts()) == {'passed'} and (attacks.refused_share or 0) >= 0.95 else 1


def run(platform: Platform, runs: int, seconds: int) -> tuple[list[Row], Share, Share]:
    """Given a lab that stands, return the measurements and the verdicts of both corpora. Raise AnlanError."""
    password = read_secret(PlatformPaths.of(platform.name).secrets, 'journey_password')
    with observing(platform) as (remote, outputs):
        client = Client(remote, outputs, 'client-1', 'edge-1')
        with sensors_deaf(client):
            found = surroundings(client, 'waf-corpus', password)
            good = client.replay(good_samples(CORPORA / 'good.yaml', found))
            attacks = client.replay(attack_samples(CORPORA / 'attacks.yaml', client.host))
            paths = {'segment': found['segment'], 'small file': found['style'], 'page': '/courses/'}
            with servers(client):
                return measured(client, paths, runs, seconds), good, attacks


def report(rows: list[Row], good: Share, attacks: Share, as_json: bool) -> None:
    """Print what was found."""
    if as_json:
        document = {
            'rows': [{**asdict(row), 'share': share_of(rows, row)} for row in rows],
            'good': good.counts(), 'attacks': attacks.counts(), 'refused_share': attacks.refused_share,
            'attacks_passed': attacks.named('passed'),
        }  # fmt: skip
        print(json.dumps(document, indent=2))
        return
    table = Table(title='An edge with and without TLS and rules', title_justify='left')
    for column in ('what', 'with', 'requests/s, median', 'share of neither', 'latency ms, median'):
        table.add_column(column)
    for row in rows:
        latency = 1000 * median(row.latencies_seconds)
        table.add_row(row.what, row.variant, f'{median(row.rates):.0f}', f'{share_of(rows, row):.2f}', f'{latency:.2f}')
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table)
    share = 'not known' if attacks.refused_share is None else f'{attacks.refused_share:.1%}'
    console.print(f'honest requests: {good.counts()} · attacks: {attacks.counts()}, refused {share}')


def _do(client: Client, script: str, text: str) -> None:
    done = client.remote.run(client.edge, ['sudo', 'sh', '-c', script], 60.0, text)
    if done.code != 0:
        raise AnlanError(f'{client.edge}: {(done.err or done.out).strip()[-300:]}')


if __name__ == '__main__':
    sys.exit(main())
