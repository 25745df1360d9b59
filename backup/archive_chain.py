"""The chain of the learning archive as it was exported: each record's hash made anew, from the first to the head. Pure.

Read in six years without the application: standard library alone. A record's hash is made in the way that the
application makes it (learning/archive/chain.py); a test holds both against each other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

FILE_NAME = 'learning-archive.jsonl'
"""As the policy `archive` keeps it."""

EXPORT = (
    "SELECT line FROM ( SELECT 0 AS part, sequence, json_build_object('sequence', sequence, 'previous_sha256',"
    " previous_sha256, 'sha256', sha256, 'content', content)::text AS line FROM archive_archiverecord UNION ALL"
    " SELECT 1, sequence, json_build_object('head', sha256, 'sequence', sequence)::text FROM archive_chainhead"
    ' ) AS export ORDER BY part, sequence'
)
"""The statement of the policy `archive`: one, so one moment. Restored databases are asked by the same."""

GENESIS = '0' * 64
MOST_NAMED = 5
NOTHING = 'the archive holds no record and no head yet: nothing of its chain could be verified'


@dataclass(frozen=True)
class Chain:
    """What an exported chain is. `checks`: records and heads that were verified; of none, `reason` says why."""

    records: int
    checks: int
    problems: tuple[str, ...]
    reason: str = ''

    @property
    def whole(self) -> bool:
        """Return whether something was verified and nothing is wrong."""
        return self.checks > 0 and not self.problems


def verified(lines: Iterable[str]) -> Chain:
    """Given the lines of an export in its order, return what its chain is; each flaw names the record by its sequence.

    A chain without a record is whole if its head says so. Without a head as well there is nothing that could say it.
    """
    problems: list[str] = []
    heads: list[tuple[int, str]] = []
    count, sequence, previous = 0, 0, GENESIS
    # What stands before a record that is missing or no record is not known: its successor is held against nothing.
    known = True
    for number, line in enumerate(lines, start=1):
        document = _document(line)
        if document is None:
            problems.append(f'line {number}, after record {sequence}, is neither a record nor the head')
            known = False
            continue
        if 'head' in document:
            heads.append((document['sequence'], document['head']))
            continue
        count += 1
        here = document['sequence']
        if heads:
            problems.append(f'record {here} stands after the head')
        problems += _misplaced(here, sequence)
        known = known and here == sequence + 1
        if known and document['previous_sha256'] != previous:
            problems.append(f'record {here}: does not follow the record before it')
        problems += _changed(document)
        sequence, previous, known = here, document['sha256'], True
    problems += _wrong_head(heads, count, sequence, previous)
    if not count and not heads and not problems:
        return Chain(0, 0, (), NOTHING)
    return Chain(count, count + len(heads), _named(problems))


def digest(previous_sha256: str, content: str) -> str:
    """Given the hash of the record before and a record's content as it was hashed, return the record's hash."""
    text = json.dumps(
        {'content': content, 'previous': previous_sha256}, sort_keys=True, separators=(',', ':'), ensure_ascii=False
    )
    return hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()


def _document(line: str) -> dict[str, Any] | None:
    """Given a line, return what it says if it is a record or a head with all that belongs to one, else None."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or type(found.get('sequence')) is not int:
        return None
    texts = ('head',) if 'head' in found else ('previous_sha256', 'sha256', 'content')
    return found if all(isinstance(found.get(name), str) for name in texts) else None


def _misplaced(here: int, before: int) -> list[str]:
    if here == before + 1:
        return []
    if here == before:
        return [f'record {here} is there twice']
    if here < before:
        return [f'record {here} stands after record {before}']
    gone = f'record {before + 1} is' if here == before + 2 else f'records {before + 1} to {here - 1} are'
    return [f'{gone} missing, the next one is {here}']


def _changed(document: dict[str, Any]) -> list[str]:
    here = document['sequence']
    if document['sha256'] != digest(document['previous_sha256'], document['content']):
        return [f'record {here}: its content does not match its hash']
    try:
        told = json.loads(document['content'])['sequence']
    except (ValueError, KeyError, TypeError, RecursionError):
        return [f'record {here}: its content does not say which record it is']
    return [] if told == here else [f'record {here}: its content is that of record {told}']


def _wrong_head(heads: list[tuple[int, str]], count: int, sequence: int, previous: str) -> list[str]:
    if len(heads) > 1:
        return [f'the chain has {len(heads)} heads']
    if not heads:
        return [f'the head is missing: what came after record {sequence} is not known'] if count else []
    named, sha256 = heads[0]
    if named > sequence:
        gone = f'record {named} is' if named == sequence + 1 else f'records {sequence + 1} to {named} are'
        return [f'{gone} missing, the head is at {named}']
    if (named, sha256) != (sequence, previous):
        return [f'record {sequence} is not the one that the head names, which is {named}']
    return []


def _named(problems: list[str]) -> tuple[str, ...]:
    if len(problems) <= MOST_NAMED:
        return tuple(problems)
    return (*problems[:MOST_NAMED], f'and {len(problems) - MOST_NAMED} more flaws of the chain')
