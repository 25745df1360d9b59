"""Coverage: every stateful resource is in one policy or exempt, and every policy and exemption names what there is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import StringConstraints, ValidationError

from anlan.errors import InvalidFile, Problem
from anlan.platform.base import Section, key
from backup.policies_file import FOLDER, problems_of, read_yaml
from backup.policy import Name, Policy, Text
from backup.stateful import STATEFUL, Stateful, Where

EXEMPT = FOLDER / 'exempt.yaml'
Place = Annotated[str, StringConstraints(pattern=r'^[~/a-z][A-Za-z0-9~/._-]*[A-Za-z0-9]$', max_length=200)]

ROOTS = (
    '/var/lib', '/var/log', '/var/spool', '/var/cache', '/var/www', '/var/opt', '/var/local', '/usr/local/var',
    '/srv', '/opt', '/data', '/mnt',
)  # fmt: skip
"""Where state may lie. What stands in /etc is written by roles, what in /run is gone with the host."""

SHARED = frozenset({*ROOTS, '/var/lib/anlan', '/var/lib/private', '/var/lib/private/anlan', '/var/log/anlan'})
"""Folders that hold places of several resources and nothing else; naming one of them says nothing."""

_PATH = re.compile(rf'(?<![\w/.~-])(?:{"|".join(ROOTS)})(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*/?(?![\w])')
_DIRECTIVE = re.compile(r'^\s*(State|Logs|Cache)Directory\s*=\s*(.+)$', re.MULTILINE)
_DIRECTIVE_ROOT = {'State': '/var/lib', 'Logs': '/var/log', 'Cache': '/var/cache'}


class Exemption(Section):
    """One thing that keeps something and is not backed up."""

    name: Name = key(..., 'Name, unlike that of any stateful resource.', 'cache')
    where: tuple[Where, ...] = key(..., 'The tiers that have it.', ['data'], min_length=1)
    places: tuple[Place, ...] = key(..., 'Where it lies; folders end below it.', ['/var/lib/valkey'], min_length=1)
    reason: Text = key(..., 'Why nothing is lost without a backup.', {'zh': '只是缓存', 'en': 'only a cache'})


class Exemptions(Section):
    """The file of exemptions."""

    exempt: tuple[Exemption, ...] = key(..., 'All of them.', [])


def load_exemptions(file: Path = EXEMPT) -> tuple[Exemption, ...]:
    """Given the file, return the exemptions. Raise InvalidFile with all problems, or BadInput."""
    problems: list[Problem] = []
    document = read_yaml(file, problems)
    if document is not None:
        try:
            return Exemptions.model_validate(document).exempt
        except ValidationError as error:
            problems += problems_of(file.name, error)
    raise InvalidFile(str(file), problems)


def findings(
    policies: Sequence[Policy], exemptions: Sequence[Exemption], stateful: Sequence[Stateful] = STATEFUL
) -> list[Problem]:
    """Given policies, exemptions and what keeps state, return all that is not covered, not there, or there twice."""
    problems = []
    resources = {each.name: each for each in stateful}
    covering: dict[str, str] = {}
    for policy in policies:
        for index, name in enumerate(policy.covers):
            path = f'{policy.name}.yaml: covers.{index}'
            resource = resources.get(name)
            if resource is None:
                problems.append(Problem(path, f'there is no stateful resource {name}'))
                continue
            if name in covering:
                problems.append(Problem(path, f'{name} is covered by {covering[name]} already'))
            covering.setdefault(name, policy.name)
            problems += _as_planned(path, policy, resource)
        problems += _right_hosts(policy, resources)
    problems += [
        Problem(f'stateful: {each.name}', 'is in no policy and not exempt')
        for each in stateful
        if each.name not in covering
    ]
    seen: set[str] = set()
    for index, each in enumerate(exemptions):
        if each.name in resources or each.name in seen:
            problems.append(Problem(f'exempt.yaml: exempt.{index}.name', f'{each.name} stands for something already'))
        seen.add(each.name)
        problems += _exempt_and_stateful(index, each, stateful)
    return problems


def places_in(text: str) -> set[str]:
    """Given a text of a role (tasks, a template, a unit, a program), return the places for state that it names."""
    plain = re.sub('(?<!:)/{2,}', '/', text)
    found = {match.group().rstrip('/') for match in _PATH.finditer(plain)}
    for kind, names in _DIRECTIVE.findall(text):
        found |= {f'{_DIRECTIVE_ROOT[kind]}/{name.split("%")[0].rstrip("/")}' for name in names.split()}
    return found - SHARED


def unaccounted(
    named: Mapping[str, Iterable[str]],
    exemptions: Sequence[Exemption],
    stateful: Sequence[Stateful] = STATEFUL,
) -> list[Problem]:
    """Given the places that each file names, return those that are neither stateful nor exempt, by file."""
    known = [*(place for each in stateful for place in each.places), *(p for each in exemptions for p in each.places)]
    return [
        Problem(file, f'{place} keeps state and is neither in backup/stateful.py nor in backup/policies/exempt.yaml')
        for file, places in sorted(named.items())
        for place in sorted(places)
        if not any(place == each or place.startswith(f'{each}/') for each in known)
    ]


def _as_planned(path: str, policy: Policy, resource: Stateful) -> list[Problem]:
    if policy.planned is None and not resource.there:
        return [Problem(path, f'{resource.name} is not there yet, so the policy has to say why it is planned')]
    if policy.planned is not None and resource.there:
        return [Problem(path, f'{resource.name} is there; a policy that is only planned covers nothing')]
    return []


def _right_hosts(policy: Policy, resources: Mapping[str, Stateful]) -> list[Problem]:
    """Return a problem for each tier that has a resource of the policy and is no source of it, and the other way."""
    covered = [resources[name] for name in policy.covers if name in resources]
    if not covered:
        return []
    wanted = {tier for each in covered for tier in each.where}
    given = {source.tier for source in policy.sources}
    return [
        *(Problem(f'{policy.name}.yaml: sources', f'lack the tier {tier}') for tier in sorted(wanted - given)),
        *(
            Problem(f'{policy.name}.yaml: sources', f'name the tier {tier}, which has nothing that it covers')
            for tier in sorted(given - wanted)
        ),
        *(
            Problem(f'{policy.name}.yaml: sources', f'leave out {place} of {each.name} on {tier}')
            for each in covered
            for tier in each.where
            for place in each.places
            if policy.engine == 'restic' and not _kept(policy, tier, place)
        ),
    ]


def _kept(policy: Policy, tier: str, place: str) -> bool:
    """Return whether files of a place on a tier are kept: it is below a path, or a command makes what is kept."""
    return any(
        source.tier == tier
        and (source.prepare or any(place == path or place.startswith(f'{path}/') for path in source.paths))
        for source in policy.sources
    )


def _exempt_and_stateful(index: int, exemption: Exemption, stateful: Sequence[Stateful]) -> list[Problem]:
    return [
        Problem(f'exempt.yaml: exempt.{index}.places', f'{place} on {tier} is {each.name}, which is to be covered')
        for each in stateful
        for place in exemption.places
        for tier in sorted(set(exemption.where) & set(each.where))
        if any(place == own or own.startswith(f'{place}/') for own in each.places)
    ]
