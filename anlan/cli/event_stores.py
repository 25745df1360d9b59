"""What the monitoring hosts keep of every host, and whether it is what came in: `anlan events --stores`, `--verify`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from rich.table import Table
from rich.text import Text

from anlan.cli.observing import observing, require_bastion
from anlan.cli.printable import printable
from anlan.console import print_json, results
from anlan.errors import EXIT_FAILED
from anlan.platform import Platform
from anlan.remote import Remote, Unreachable
from monitoring.event_stores import StoreListing, Verification, judge_proofs, judge_stores, kept_of, proof_of
from monitoring.events import monitors_of

STORES = ('sudo', '/usr/local/lib/anlan/event_stores.py')
VERIFY = ('sudo', '/usr/local/lib/anlan/event_verify.py')
STORES_SECONDS, VERIFY_SECONDS = 60.0, 1800.0
Found = TypeVar('Found')


def show_stores(platform: Platform, json: bool) -> int:
    """Given a platform that stands, print what is kept of each host, and return the exit code."""
    with observing(platform) as (remote, outputs):
        require_bastion(platform, remote)
        answers = _asked(remote, monitors_of(outputs), STORES, STORES_SECONDS, kept_of)
        listing = judge_stores(answers, senders_of(outputs), time.time())
    if json:
        print_json(listing.document())
    else:
        results.print(_table(listing))
        _print_findings(listing.findings)
        if listing.unknown:
            words = f'For how long the room of {len(listing.unknown)} stores will do is not known in their first hour.'
            results.print(words, markup=False, soft_wrap=True)
    return EXIT_FAILED if listing.findings else 0


def show_verification(platform: Platform, json: bool) -> int:
    """Given a platform that stands, hold stores and chains against each other, print it and return the exit code."""
    with observing(platform) as (remote, outputs):
        require_bastion(platform, remote)
        answers = _asked(
            remote, monitors_of(outputs), VERIFY, VERIFY_SECONDS, lambda _, text: proof_of(text)
        )  # fmt: skip
        verification = judge_proofs(answers, senders_of(outputs), time.time())
    if json:
        print_json(verification.document())
    else:
        _print_verification(verification)
    return EXIT_FAILED if verification.findings else 0


def senders_of(outputs: Mapping[str, Any]) -> list[str]:
    """Given the outputs of an `up`, return the hosts whose records are kept: all but clients."""
    return [name for name, host in outputs['hosts'].items() if host['tier'] != 'client']


def _asked(
    remote: Remote,
    monitors: Sequence[str],
    command: Sequence[str],
    seconds: float,
    read: Callable[[str, str], Found | str],
) -> dict[str, Found | str]:
    answers: dict[str, Found | str] = {}
    for monitor, result in remote.run_on_all(monitors, list(command), seconds).items():
        if isinstance(result, Unreachable):
            answers[monitor] = str(result)
        elif not result.out.strip():
            answers[monitor] = (result.err.strip().splitlines() or ['it gave no answer'])[-1][-200:]
        else:
            answers[monitor] = read(monitor, result.out)
    return answers


def _table(listing: StoreListing) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=True)
    for column in ('kept on', 'host', 'since (UTC)', 'newest (UTC)', 'MiB', 'will do, days'):
        table.add_column(column, justify='right' if column in ('MiB', 'will do, days') else 'left', no_wrap=True)
    for store in listing.kept:
        table.add_row(
            store.monitor, store.host, _moment(store.oldest), _moment(store.newest),
            f'{store.disk_bytes / 1024 / 1024:.0f}', '–' if store.days is None else f'{store.days:.0f}',
        )  # fmt: skip
    return table


def _moment(moment: float | None) -> str:
    return '–' if moment is None else f'{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M}'


def _print_verification(verification: Verification) -> None:
    for monitor, entries in verification.chained.items():
        results.print(f'  {monitor}: {entries} records were held against its chain', markup=False)
    for note in verification.notes:
        results.print(Text(f'  {printable(note)}', style='yellow'), soft_wrap=True)
    _print_findings(verification.findings)


def _print_findings(findings: Sequence[str]) -> None:
    for finding in findings:
        results.print(Text(f'  {printable(finding)}', style='red'), soft_wrap=True)
