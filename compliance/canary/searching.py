"""Searching: every host asked at its own root, and what it answers as data."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anlan.remote import Remote, Unreachable
from compliance.canary.needle import Needle
from compliance.canary.spelling import spellings

PARTS = tuple(Path(__file__).with_name(f'{name}.py') for name in ('finder', 'containers', 'search_program'))
ARGV = ('sudo', '-n', 'python3', '-I', '-')
"""Program and needles come on standard input: nothing of them is in the list of processes, a file or sudo's log."""

MEMORY_OF = ('valkey-server',)
"""Programs that keep what they are given in memory alone, so that no file shows it."""

AT_ONCE = 4
ANSWER_SECONDS = 20.0
COUNTS = (
    'files', 'bytes', 'opened', 'journals', 'memory_bytes', 'processes', 'deleted_files', 'vanished',
    'unchanged_containers',
)  # fmt: skip


@dataclass(frozen=True)
class Hit:
    """A needle that was found: which, how it was written, where. Never what stands around it."""

    needle: str
    encoding: str
    path: str
    kind: str
    offset: int
    times: int = 1


@dataclass(frozen=True)
class HostSearch:
    """What the search of one host did: how much, what it found, what it could not search, and why it is no search."""

    host: str
    hits: tuple[Hit, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    places_skipped: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    reason: str | None = None

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            'host': self.host, 'reason': self.reason, 'seconds': self.seconds, **self.counts,
            'hits': [vars(hit) for hit in self.hits], 'places_skipped': self.places_skipped,
            'skipped': [{'path': path, 'reason': reason} for path, reason in self.skipped],
        }  # fmt: skip


def search_hosts(
    remote: Remote,
    hosts: Sequence[str],
    needles: Sequence[Needle],
    deadline_seconds: float,
    *,
    since: float,
    done: Callable[[HostSearch], None] = lambda _: None,
) -> dict[str, HostSearch]:
    """Given hosts, needles, a deadline for each host, and when the needles were made, search every host as root.

    A host that is not reached, or whose answer is none, has a reason. `done` is told of each as it ends.
    """
    script = search_script(question_of(needles, deadline_seconds, since))

    def search(host: str) -> HostSearch:
        found = _search(remote, host, script, deadline_seconds + ANSWER_SECONDS)
        done(found)
        return found

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        return dict(zip(hosts, pool.map(search, hosts), strict=True))


def question_of(needles: Sequence[Needle], deadline_seconds: float, since: float) -> dict[str, Any]:
    """Given needles, a deadline and when they were made, return the question to the program."""
    words = [
        [needle.name, encoding, base64.b64encode(word).decode()]
        for needle in needles
        for word, encoding in spellings(needle.text).items()
    ]
    return {'words': words, 'deadline_seconds': deadline_seconds, 'since': since, 'memory_of': list(MEMORY_OF)}


def search_script(question: Mapping[str, Any]) -> str:
    """Given a question, return the program that answers it, whole: its parts in one, without their imports of us."""
    lines = [line for part in PARTS for line in part.read_text(encoding='utf-8').splitlines()]
    kept = [line for line in lines if not line.startswith(('from __future__ ', 'from compliance.'))]
    return '\n'.join(['from __future__ import annotations', *kept, '', f'run({json.dumps(question)!r})', ''])


def parse_search(host: str, text: str) -> HostSearch:
    """Given a host and what the program printed, return the search. Raise ValueError, KeyError or TypeError."""
    answer = json.loads(text)
    skipped = [(str(each['path']), str(each['reason'])) for each in answer['skipped']]
    reason = None
    if not answer['is_root']:
        reason = 'was not searched as root'
    elif not answer['complete']:
        reason = f'was not searched to the end within {answer["seconds"]:g} s'
    return HostSearch(
        host,
        tuple(Hit(**hit) for hit in answer['hits']),
        tuple(skipped),
        int(answer['places_skipped']),
        {name: int(answer[name]) for name in COUNTS},
        float(answer['seconds']),
        reason,
    )


def _search(remote: Remote, host: str, script: str, deadline_seconds: float) -> HostSearch:
    try:
        result = remote.run(host, ARGV, deadline_seconds, script)
    except Unreachable as error:
        return HostSearch(host, reason=str(error))
    if result.code != 0:
        # Its last line only: a traceback names no text that was searched for, and nobody has to rely on that.
        said = (result.err.strip().splitlines() or [''])[-1][:120]
        return HostSearch(host, reason=f'the search ended with {result.code}: {said}')
    try:
        return parse_search(host, result.out)
    except (ValueError, KeyError, TypeError) as error:
        return HostSearch(host, reason=f'the search answered no result: {type(error).__name__}')
