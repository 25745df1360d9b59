"""Loading a platform file: all errors at once, each with its path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from anlan.errors import BadInput, InvalidFile, Problem
from anlan.platform.checks import cross_check
from anlan.platform.model import Platform


class _UniqueKeyLoader(yaml.SafeLoader):
    """A safe YAML loader that refuses a key that stands twice in one mapping."""


def _mapping_without_duplicates(loader: _UniqueKeyLoader, node: yaml.MappingNode, deep: bool = False) -> Any:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        name = loader.construct_object(key_node, deep=True)
        if not isinstance(name, str | int | float | bool | None):
            raise yaml.constructor.ConstructorError(None, None, 'a key is no plain word', key_node.start_mark)
        if name in seen:
            raise yaml.constructor.ConstructorError(None, None, f'the key {name!r} stands twice', key_node.start_mark)
        seen.add(name)
    return loader.construct_mapping(node, deep)


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_without_duplicates)


def load_platform(file: Path) -> Platform:
    """Given a platform file, return the platform. Raise BadInput if unreadable, InvalidFile with all problems."""
    try:
        text = file.read_text(encoding='utf-8')
    except FileNotFoundError:
        raise BadInput(f'{file}: there is no such file. An example: infra/platforms/lab.yaml') from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f'{file}: cannot be read: {error}') from None
    return parse_platform(text, str(file))


def parse_platform(text: str, source: str) -> Platform:
    """Given the text of a platform file and its name for messages, return the platform. Raise InvalidFile."""
    try:
        document = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 - a subclass of SafeLoader
    except RecursionError:
        raise InvalidFile(source, [Problem('', 'is nested too deeply for a platform file')]) from None
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise InvalidFile(source, [Problem('', 'is no YAML: ' + ' '.join(str(error).split()))]) from None
    if not isinstance(document, dict):
        raise InvalidFile(source, [Problem('', f'must be a mapping of keys, not {type(document).__name__}')])
    try:
        platform = Platform.model_validate(document)
    except ValidationError as error:
        raise InvalidFile(source, _problems(error), 'what keys mean together is checked once these are right') from None
    problems = cross_check(platform)
    if problems:
        raise InvalidFile(source, problems)
    return platform


def _problems(error: ValidationError) -> list[Problem]:
    problems = []
    for detail in error.errors():
        path = '.'.join(
            str(part) for part in detail['loc'] if part not in ('lab', 'onprem') or detail['loc'][0] != 'target'
        )
        reason = detail['msg']
        if detail['type'] == 'extra_forbidden':
            reason = 'is an unknown key'
        elif detail['type'] == 'missing':
            reason = 'is missing'
        elif 'input' in detail and not isinstance(detail['input'], dict | list):
            reason = f'{detail["input"]!r}: {reason[0].lower()}{reason[1:]}'
        problems.append(Problem(path, reason))
    return sorted(problems)
