"""The policies, read from their files; all that is wrong with them at once, each with its path."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from anlan.errors import BadInput, InvalidFile, Problem
from backup.policy import Policy

FOLDER = Path(__file__).parent / 'policies'
NOT_POLICIES = {'exempt.yaml'}


def load_policies(folder: Path = FOLDER) -> tuple[Policy, ...]:
    """Given the folder of the files, return the policies by name. Raise InvalidFile with all problems, or BadInput."""
    problems: list[Problem] = []
    policies: list[Policy] = []
    files = [file for file in sorted(folder.glob('*.yaml')) if file.name not in NOT_POLICIES]
    if not files:
        raise BadInput(f'{folder}: there are no policies')
    for file in files:
        document = read_yaml(file, problems)
        if document is None:
            continue
        try:
            policy = Policy.model_validate(document)
        except ValidationError as error:
            problems += problems_of(file.name, error)
            continue
        if policy.name != file.stem:
            problems.append(Problem(f'{file.name}: name', f'is {policy.name}; the file is {file.name}'))
        policies.append(policy)
    problems += _shared_keys(policies)
    if problems:
        raise InvalidFile(str(folder), problems)
    return tuple(policies)


def read_yaml(file: Path, problems: list[Problem]) -> Any:
    """Given a file and a list, return what the file says, or None with the problem in the list. Raise BadInput."""
    try:
        document = yaml.safe_load(file.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f'{file}: cannot be read: {error}') from None
    except yaml.YAMLError as error:
        problems.append(Problem(file.name, 'is no YAML: ' + ' '.join(str(error).split())))
        return None
    if not isinstance(document, dict):
        problems.append(Problem(file.name, f'must be a mapping of keys, not {type(document).__name__}'))
        return None
    return document


def problems_of(file: str, error: ValidationError) -> list[Problem]:
    """Given a file's name and what pydantic refused, return each problem with its path."""
    words = {'extra_forbidden': 'is an unknown key', 'missing': 'is missing'}
    return [
        Problem(
            ': '.join(filter(None, [file, '.'.join(map(str, each['loc']))])),
            words.get(each['type'], each['msg'].removeprefix('Value error, ')),
        )
        for each in error.errors()
    ]


def _shared_keys(policies: Sequence[Policy]) -> list[Problem]:
    """Return a problem for each policy that wants a key of its own and shares its repository with another."""
    return [
        Problem(f'{policy.name}.yaml: repository', f'{policy.repository} is used by {other.name} too; own_key is true')
        for policy in policies
        if policy.own_key
        for other in policies
        if other is not policy and other.repository == policy.repository
    ]
