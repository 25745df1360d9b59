"""What `anlan audit` prints: a line a host, what did not pass, which faults were not caught."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from anlan.cli.printable import printable
from anlan.console import results
from compliance.audit import Audit
from compliance.mutation import How, Mutation
from compliance.result import CheckResult

VERDICTS = ('pass', 'fail', 'not-verified', 'not-applicable')
WAYS: tuple[tuple[How, str], ...] = (
    ('on the host', 'planted on hosts'),
    ('in the answer', 'in the answer: a container has no kernel of its own, or none should have the fault'),
    ('as it stands', 'there already: the check fails without a fault of ours'),
)
COLOUR = {'fail': 'red', 'not-verified': 'yellow', 'pass': 'green'}


def document_of(done: Audit) -> dict[str, Any]:
    """Given an audit, return it as plain data, without the hosts' answers."""
    return {
        'platform': done.observation.platform, 'started': done.observation.started, 'ended': done.observation.ended,
        'counts': done.counts(), 'seconds_by_host': done.seconds_by_host(),
        'results': [{**result.document(), 'id': result.key} for result in done.results],
    }  # fmt: skip


def print_audit(done: Audit, seconds: float, limit: int | None) -> None:
    """Given an audit and how long it took, print a line a host and what did not pass, hosts together."""
    table = Table(box=None, padding=(0, 1), pad_edge=True)
    for column in ('host', *VERDICTS, 'seconds'):
        table.add_column(column, justify='left' if column == 'host' else 'right')
    spent = done.seconds_by_host()
    for name in sorted(done.observation.hosts):
        of_host = [sum(r.verdict == verdict and r.host == name for r in done.results) for verdict in VERDICTS]
        cells = [
            Text(str(count) if count else '·', style=COLOUR.get(verdict, '') if count else '')
            for verdict, count in zip(VERDICTS, of_host, strict=True)
        ]
        table.add_row(name, *cells, f'{spent[name]:.1f}' if name in spent else 'silent')
    results.print(table)
    counts = done.counts()
    cases = len({(result.check, result.case) for result in done.results})
    results.print(
        f'  {cases} checks, {len(done.results)} results in {seconds:.1f} s: '
        + ', '.join(f'{counts[verdict]} {verdict}' for verdict in VERDICTS if counts.get(verdict))
    )
    print_findings(done.results, limit)


def print_findings(found: Sequence[CheckResult], limit: int | None) -> None:
    """Given results, print what failed, hosts with the same reason together, and how many checks could not judge.

    What could not be verified is told by its reason and the files of its checks; without a `limit` by check.
    """
    hosts = {result.host for result in found}
    failed = _grouped([result for result in found if result.verdict == 'fail'])
    for (name, reason), where in list(failed.items())[:limit]:
        text = f'  fail {name}: {printable(reason)} ({_hosts(where, hosts)})'
        results.print(Text(text, style=COLOUR['fail']), soft_wrap=True)
    unseen = [result for result in found if result.verdict == 'not-verified']
    if limit is None:
        for (name, reason), where in _grouped(unseen).items():
            text = f'  not-verified {name}: {printable(reason)} ({_hosts(where, hosts)})'
            results.print(Text(text, style=COLOUR['not-verified']), soft_wrap=True)
        return
    by_reason: dict[str, list[CheckResult]] = {}
    for result in unseen:
        by_reason.setdefault(result.reason, []).append(result)
    for reason, every in list(by_reason.items())[:limit]:
        names = sorted({result.name for result in every})
        files = ', '.join(sorted({name.partition('.')[0] for name in names}))
        what = names[0] if len(names) == 1 else f'{len(names)} checks ({files})'
        text = f'  not-verified {what}: {printable(reason)} ({_hosts({each.host for each in every}, hosts)})'
        results.print(Text(text, style=COLOUR['not-verified']), soft_wrap=True)
    if len(failed) > limit or len(by_reason) > limit:
        results.print(f'  and {max(len(failed), len(by_reason)) - limit} more; --all prints them')


def _grouped(found: Sequence[CheckResult]) -> dict[tuple[str, str], set[str]]:
    grouped: dict[tuple[str, str], set[str]] = {}
    for result in found:
        grouped.setdefault((result.name, result.reason), set()).add(result.host)
    return grouped


def _hosts(where: Collection[str], every: Collection[str]) -> str:
    return f'all {len(every)} hosts' if len(every) > 2 and len(where) == len(every) else ', '.join(sorted(where))


def print_mutation(found: Mutation) -> None:
    """Given what became of each planted fault, print what was not caught, and the score."""
    for each in found.outcomes:
        if each.found in ('missed', 'not planted'):
            name = f'{each.check}[{each.case}]' if each.case else each.check
            text = f'  {each.found} {name} on {each.host or "no host"}: {printable(each.reason)}'
            results.print(Text(text, style='red'), soft_wrap=True)
    results.print(f'  {found.count("caught")} of {found.applicable} faults caught ({found.score:.1%}):', soft_wrap=True)
    for how, meaning in WAYS:
        results.print(f'  {found.count("caught", how):>6} {meaning}')
    if found.count('not applicable'):
        reasons = sorted({printable(each.reason) for each in found.outcomes if each.found == 'not applicable'})
        results.print(f'  {found.count("not applicable"):>6} do not concern this platform: {"; ".join(reasons)}')
