"""`python -m benchmarks.intrusion`: plain HTTP from zone to zone through the firewalls of a lab that stands.

Without the intrusion detection, with our rules, and with a full set: ours, those of the Debian package, and 20,000 made
for this. Each round measures all three, so that the ratios are of one run. The way between the zones, and what is taken
away or put in, is undone by a timer on the firewalls if this program is not there any more to do it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from anlan.cli.observing import observing
from anlan.deadline import wait_until
from anlan.errors import AnlanError
from anlan.platform import load_platform
from anlan.remote import Remote

HERE = Path(__file__).parent
CLIENT, SERVER, PORT = 'app-1', 'mon-1', 18080
MODES = ('off', 'own rules', 'full set')
LEAST_MEGABITS = 200.0
"""Promised for the lab, with all rules, of what is inspected as a whole."""

SYNTHETIC_RULES = 20_000
LONGEST_SECONDS = 1500.0
LOAD_SECONDS = 120.0
BACK_UNIT = 'anlan-benchmark-back'
LICENSED = '/etc/anlan/intrusion/licensed'
BACK = (
    f'rm -f {LICENSED}/benchmark*.rules; systemctl start anlan-intrusion-rules.service; '
    'systemctl start anlan-inspection.service; systemctl reload anlan-firewall.service'
)
ON, OFF = 'systemctl start anlan-inspection.service', 'systemctl stop anlan-inspection.service'
OWN = f'rm -f {LICENSED}/benchmark*.rules; systemctl start anlan-intrusion-rules.service'
FULL = f"""
for file in /etc/suricata/rules/*.rules; do cp "$file" {LICENSED}/benchmark-$(basename "$file"); done
cat > {LICENSED}/benchmark.rules
systemctl start anlan-intrusion-rules.service
"""
LEAST_PACKETS = 1000.0
"""Of a round that is inspected; without inspection there is none."""

COLUMNS = {
    'objects_megabits': 'objects, Mbit/s',
    'bulk_megabits': 'bulk, Mbit/s',
    'median_milliseconds': 'median, ms',
    'p99_milliseconds': 'p99, ms',
}

Seen = dict[str, float]


@dataclass(frozen=True)
class Lab:
    """Connections to a lab, and the addresses and firewalls of it."""

    remote: Remote
    hosts: Mapping[str, Any]

    def address(self, host: str) -> str:
        """Return a host's address."""
        return str(self.hosts[host]['variables']['anlan_address'])

    def firewalls(self) -> list[str]:
        """Return the firewalls' names."""
        return sorted(name for name, host in self.hosts.items() if host['tier'] == 'firewall')

    def done(self, host: str, script: str, stdin: str | None = None, seconds: float = LOAD_SECONDS) -> str:
        """Given a script, run it on a host as root and return what it said. Raise AnlanError if it failed."""
        done = self.remote.run(host, ['sudo', 'sh', '-ec', script], seconds, stdin)
        if done.code != 0:
            raise AnlanError(f'{host}: {(done.err or done.out).strip()[-300:]}')
        return done.out

    def figures(self, firewall: str) -> Seen:
        """Return the intrusion detection's figures of a firewall."""
        text = self.done(firewall, 'cat /run/anlan/metrics/intrusion.prom')
        rows = (line.rsplit(' ', 1) for line in text.splitlines() if not line.startswith('#'))
        return {name: float(value) for name, value in rows}


def synthetic_rules(count: int) -> str:
    """Given a number, return as many rules for plain requests that no request of the benchmark fires."""
    lines = (
        f'alert http any any -> any any (msg:"benchmark {number}"; flow:established,to_server; http.uri; '
        f'content:"/attack-{number * 7919 % 1_000_003:06d}/{number:05d}"; sid:{3_000_000 + number}; rev:1;)\n'
        for number in range(count)
    )
    return ''.join(lines)


@contextmanager
def declared_way(lab: Lab) -> Iterator[None]:
    """Let the client reach the server through the firewalls for a while; whatever happens, not for longer."""
    rule = (
        f'insert rule inet anlan forward ip saddr {lab.address(CLIENT)} ip daddr {lab.address(SERVER)} '
        f'tcp dport {PORT} counter accept comment "benchmark"'
    )
    try:
        for firewall in lab.firewalls():
            timer = f'systemd-run --quiet --collect --unit={BACK_UNIT} --on-active={LONGEST_SECONDS:g}'
            lab.done(firewall, f"{timer} /bin/sh -c '{BACK}'; nft '{rule}'")
        yield
    finally:
        for firewall in lab.firewalls():
            lab.done(firewall, f'systemctl stop {BACK_UNIT}.timer 2>/dev/null || true; {BACK}')


@contextmanager
def server(lab: Lab) -> Iterator[None]:
    """Have the server answer while the body runs, and for a while at most."""
    program = (HERE / 'plain_server.py').read_text(encoding='utf-8')
    words = f'{lab.address(SERVER)} {PORT} {LONGEST_SECONDS:g}'
    file, unit = f'/run/{BACK_UNIT}.py', f'{BACK_UNIT}-server'
    lab.done(SERVER, f'cat > {file}; systemd-run --quiet --collect --unit={unit} python3 {file} {words}', program)
    try:
        yield
    finally:
        lab.done(SERVER, f'systemctl stop {unit}.service || true; rm -f {file}')


def set_mode(lab: Lab, mode: str, own: Mapping[str, float]) -> float:
    """Given a mode, have every firewall follow it and return how many rules look at what passes."""
    rules = synthetic_rules(SYNTHETIC_RULES) if mode == 'full set' else None
    for firewall in lab.firewalls():
        if mode == 'off':
            lab.done(firewall, OFF)
        elif rules is not None:
            lab.done(firewall, f'{ON}; {FULL}', rules)
        else:
            lab.done(
                firewall, f'{ON}; rm -f {LICENSED}/benchmark*.rules; systemctl start anlan-intrusion-rules.service'
            )
    if mode == 'off':
        return 0.0

    def reason(firewall: str) -> str | None:
        loaded = lab.figures(firewall).get('anlan_intrusion_rules_loaded{sensor="inline"}', 0.0)
        good = loaded >= SYNTHETIC_RULES if mode == 'full set' else loaded == own[firewall]
        return None if good else f'it has {loaded:g}'

    for firewall in lab.firewalls():
        wait_until(partial(reason, firewall), f'{firewall} to have its rules', LOAD_SECONDS, 1.0)
    return lab.figures(lab.firewalls()[0])['anlan_intrusion_rules_loaded{sensor="inline"}']


def looked_at(lab: Lab) -> float:
    """Return how many packets the kernels of the firewalls have handed to a sensor since it started."""
    rows = [
        line.split()
        for firewall in lab.firewalls()
        for line in lab.done(firewall, 'cat /proc/net/netfilter/nfnetlink_queue').splitlines()
    ]
    return float(sum(int(row[7]) for row in rows))


def measured(lab: Lab, rounds: int) -> Iterator[tuple[str, Seen]]:
    """Given a lab, yield each mode's figures, `rounds` times each. Raise AnlanError if a mode was not in force."""
    load = (HERE / 'plain_load.py').read_text(encoding='utf-8')
    own = {name: lab.figures(name)['anlan_intrusion_rules_loaded{sensor="inline"}'] for name in lab.firewalls()}
    with declared_way(lab), server(lab):
        # A mode at a time, its rounds one after the other: rules take long to load. `off` comes again at the end.
        for mode in (*MODES, 'off'):
            rules = set_mode(lab, mode, own)
            for _ in range(max(1, rounds // 2) if mode == 'off' else rounds):
                before = looked_at(lab)
                words = ['timeout', '120', 'python3', '-', lab.address(SERVER), str(PORT)]
                done = lab.remote.run(CLIENT, words, LOAD_SECONDS + 10, load)
                if done.code != 0:
                    raise AnlanError(f'{CLIENT} could not ask {SERVER}: {done.err.strip()[-300:]}')
                packets = looked_at(lab) - before
                if (packets < LEAST_PACKETS) is (mode != 'off'):
                    raise AnlanError(f'{mode}: {packets:.0f} packets were inspected; it was not in force')
                yield mode, json.loads(done.out) | {'rules': rules, 'packets': packets}


def ratios(rows: list[tuple[str, Seen]]) -> dict[str, Seen]:
    """Given what was seen, return the median of each mode, and its ratio to `off`, by mode and column."""
    middle = {
        mode: {
            column: median(seen[column] for each, seen in rows if each == mode)
            for column in (*COLUMNS, 'rules', 'packets')
        }
        for mode in MODES
        if any(each == mode for each, _ in rows)
    }
    for seen in middle.values():
        seen |= {f'{column}_ratio': seen[column] / middle['off'][column] for column in COLUMNS}
    return middle


def report(middle: Mapping[str, Seen], as_json: bool) -> None:
    """Print the medians and their ratios."""
    if as_json:
        print(json.dumps(middle, indent=2))
        return
    table = Table(title='Plain HTTP through the firewalls, inspected or not', title_justify='left')
    for column in ('', 'rules', 'packets looked at', *COLUMNS.values()):
        table.add_column(column)
    for mode, seen in middle.items():
        cells = (f'{seen[column]:.4g} ({seen[f"{column}_ratio"]:.2f})' for column in COLUMNS)
        table.add_row(mode, f'{seen["rules"]:.0f}', f'{seen["packets"]:.0f}', *cells)
    Console(width=None if sys.stdout.isatty() else 150).print(table)


def main() -> int:
    """Measure, print, and return 0 if what is promised was kept, 1 if not."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.intrusion', description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f'Exit codes: 0 at least {LEAST_MEGABITS:g} Mbit/s with every set of rules · 1 less, or a run failed.',
    )  # fmt: skip
    parser.add_argument(
        '-p', '--platform', type=Path, default=Path('infra/platforms/lab.yaml'), help='the platform file'
    )
    parser.add_argument('--rounds', type=int, default=4, help='measurements of each mode (4)')
    parser.add_argument('--json', action='store_true', help='print JSON on standard output')
    given = parser.parse_args()
    rows: list[tuple[str, Seen]] = []
    try:
        with observing(load_platform(given.platform)) as (remote, outputs):
            for mode, seen in measured(Lab(remote, outputs['hosts']), given.rounds):
                rows.append((mode, seen))
                print(mode, *(f'{name} {value:.4g}' for name, value in seen.items()), file=sys.stderr, flush=True)
    except AnlanError as error:
        print(f'benchmark: {error}', file=sys.stderr)
        return error.exit_code
    middle = ratios(rows)
    report(middle, given.json)
    inspected = [seen for mode, seen in middle.items() if mode != 'off']
    return 0 if all(seen['objects_megabits'] >= LEAST_MEGABITS for seen in inspected) else 1


if __name__ == '__main__':
    sys.exit(main())
