"""Waivers: failures that somebody answers for, until a day. A waiver never turns anything into a pass."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from anlan.errors import BadInput, InvalidFile, Problem
from compliance.catalogue import Catalogue
from compliance.clause import Clause, ClauseId

LONGEST_DAYS = 366
ANY = '*'
WORDS = {
    'extra_forbidden': 'is an unknown key', 'missing': 'is missing',
    'model_type': 'has to be keys with values; the file begins with `waivers:`',
}  # fmt: skip
"""In plain words, what pydantic says of these."""

Place = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=400)]
Who = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=100)]
Use = Literal['in force', 'expired', 'matches nothing']


class Waiver(BaseModel):
    """One line of the file: what may fail where, why, who answers for it, and the last day that it holds (UTC)."""

    model_config = ConfigDict(extra='forbid', frozen=True)

    clause: ClauseId = Field(description='The clause.', examples=['22239-8.1.4.1-a'])
    check: Place = Field(
        ANY, description='The check or kind of evidence, or * for all.', examples=['ssh.has_no_password']
    )
    host: Place = Field(ANY, description='The host, or * for all.', examples=['vault-1'])
    reason: Why = Field(description='Why it may fail for now.', examples=['replaced in March, order 4711'])
    owner: Who = Field(description='The person who answers for it.', examples=['Li Wei, security'])
    expires: date = Field(description='The last day, at most a year ahead.', examples=['2027-03-31'])

    def holds(self, today: date) -> bool:
        """Given a day, return whether the waiver still holds on it."""
        return today <= self.expires

    def covers(self, clause: str, proof: str, host: str) -> bool:
        """Given a clause, one of its proofs and a host (empty: the whole platform), return whether it is about them."""
        return self.clause == clause and self.check in {ANY, proof} and self.host in {ANY, host}

    def text(self) -> str:
        """Return what it is about, on one line."""
        return f'{self.clause} {self.check} on {self.host}'


class _File(BaseModel):
    model_config = ConfigDict(extra='forbid', frozen=True)

    waivers: tuple[Waiver, ...]


@dataclass(frozen=True)
class WaiverUse:
    """A waiver, and whether it still holds and speaks of any failure."""

    waiver: Waiver
    use: Use


def waivers_file(platform_file: Path) -> Path:
    """Given a platform file, return the file of its waivers, which stands beside it and need not be there."""
    return platform_file.with_name(f'{platform_file.stem}.waivers.yaml')


def load_waivers(file: Path, catalogue: Catalogue, hosts: Collection[str], today: date) -> tuple[Waiver, ...]:
    """Given the file, the catalogue, the platform's hosts and the day, return the waivers; none without a file.

    Hosts are not looked at where none is known. Raise InvalidFile with all problems, or BadInput.
    """
    try:
        text = file.read_text(encoding='utf-8')
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f'{file}: cannot be read: {error}') from None
    return parse_waivers(text, str(file), catalogue, hosts, today)


def parse_waivers(
    text: str, source: str, catalogue: Catalogue, hosts: Collection[str], today: date
) -> tuple[Waiver, ...]:
    """Given the file's text and its name for messages, return the waivers. Raise InvalidFile with all problems."""
    try:
        document: Any = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise InvalidFile(source, [Problem('', 'is no YAML: ' + ' '.join(str(error).split()))]) from None
    try:
        waivers = _File.model_validate(document).waivers
    except ValidationError as error:
        problems = [
            Problem('.'.join(map(str, each['loc'])), WORDS.get(each['type'], each['msg'])) for each in error.errors()
        ]
        raise InvalidFile(source, problems, 'clauses, hosts and days are checked once these are right') from None
    clauses = {clause.id: clause for clause in catalogue.clauses()}
    problems = []
    seen: dict[tuple[str, str, str], int] = {}
    for index, waiver in enumerate(waivers):
        problems += [Problem(f'waivers.{index}.{key}', reason) for key, reason in _wrong(waiver, clauses, hosts, today)]
        first = seen.setdefault((waiver.clause, waiver.check, waiver.host), index)
        if first != index:
            problems.append(Problem(f'waivers.{index}', f'says the same as waivers.{first}'))
    if problems:
        raise InvalidFile(source, problems)
    return waivers


def _wrong(waiver: Waiver, clauses: dict[str, Clause], hosts: Collection[str], today: date) -> list[tuple[str, str]]:
    found = []
    clause = clauses.get(waiver.clause)
    if clause is None:
        found.append(('clause', f'there is no clause {waiver.clause}'))
    elif clause.high_risk:
        found.append(('clause', f'{waiver.clause} is a high risk that cannot be downgraded: nobody can waive it'))
    elif waiver.check != ANY and waiver.check not in provable(clause):
        found.append(('check', f'{waiver.clause} is not proved by {waiver.check}'))
    if waiver.host != ANY and hosts and waiver.host not in hosts:
        found.append(('host', f'there is no host {waiver.host}'))
    if (waiver.expires - today).days > LONGEST_DAYS:
        found.append(('expires', f'{waiver.expires} is more than a year ahead'))
    return found


def provable(clause: Clause) -> tuple[str, ...]:
    """Given a clause, return the names of its proofs that can fail."""
    return (*clause.proofs.checks, *clause.proofs.drills, *clause.proofs.alerts, *clause.proofs.evidence)


def uses_of(waivers: Sequence[Waiver], matched: Collection[Waiver], today: date) -> tuple[WaiverUse, ...]:
    """Given waivers, those that speak of a failure, and the day, return what each is good for."""
    return tuple(
        WaiverUse(
            waiver,
            'expired' if not waiver.holds(today) else 'in force' if waiver in matched else 'matches nothing',
        )
        for waiver in waivers
    )
