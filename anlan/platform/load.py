"""Loading a platform file: all errors at once, each with its path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from anlan.errors import BadInput, InvalidFile, Problem
from anlan.platform.base import Section
from anlan.platform.checks import cross_check
from anlan.platform.model import Platform

KINDS = ('lab', 'onprem')
NO_NETWORK = frozenset({'ip_v4_network', 'ip_v6_network', 'ip_v4_address', 'ip_v6_address'})
"""Errors of pydantic that a text has which is no network, or no address, of one version of IP."""


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
        raise InvalidFile(
            source, _problems(error, document), 'what keys mean together is checked once these are right'
        ) from None
    problems = cross_check(platform)
    if problems:
        raise InvalidFile(source, problems)
    return platform


def _problems(error: ValidationError, document: Any) -> list[Problem]:
    problems: list[Problem] = []
    alternatives: dict[str, list[ErrorDetails]] = {}
    for detail in error.errors():
        path, chosen = _path_of(detail, document)
        if chosen:
            alternatives.setdefault(path, []).append(detail)
        else:
            problems.append(Problem(path, _reason_of(detail)))
    for path, details in alternatives.items():
        # A value that fits none of several types is one error, not one of each type.
        if all(detail['type'] in NO_NETWORK for detail in details):
            problems.append(Problem(path, f'{details[0]["input"]!r} is no network or address'))
        else:
            problems.append(Problem(path, _reason_of(details[0])))
    return sorted(set(problems))


def _path_of(detail: ErrorDetails, document: Any) -> tuple[str, bool]:
    """Given an error and the document, return its path in the file, and whether it stands for one type of several."""
    parts, place, chosen = [], document, False
    location = detail['loc']
    for index, part in enumerate(location):
        if index == 1 and location[0] == 'target' and part in KINDS:
            continue
        if isinstance(place, dict):
            known = part in place
        else:
            known = isinstance(place, list) and isinstance(part, int) and part < len(place)
        if known:
            place = place[part]
        elif detail['type'] not in ('missing', 'invalid_key') or index < len(location) - 1:
            # No key of the file: the name of a validator, which says nothing to who wrote it.
            chosen = chosen or part != '[key]'
            continue
        parts.append(str(part))
    return '.'.join(parts), chosen


def _reason_of(detail: ErrorDetails) -> str:
    kind, value = detail['type'], detail['input']
    if kind == 'extra_forbidden':
        return 'is an unknown key'
    if kind == 'missing':
        return 'is missing'
    reason = detail['msg'].removeprefix('Value error, ')
    if kind == 'model_type':
        reason = f'needs {_keys_of(detail["ctx"]["class_name"])}'
    elif kind in ('model_attributes_type', 'union_tag_not_found'):
        reason = f'needs kind, one of {", ".join(KINDS)}'
    elif kind in ('dict_type', 'list_type'):
        reason = 'must be a mapping of keys' if kind == 'dict_type' else 'must be a list'
    if isinstance(value, dict | list):
        return reason
    return f'{value!r}: {reason}' if kind == 'value_error' else f'{value!r}: {reason[0].lower()}{reason[1:]}'


def _keys_of(name: str) -> str:
    """Given the name of a section, return the keys that it must have, or those that it may have."""
    section = next(each for each in _sections(Section) if each.__name__ == name)
    required = [key for key, field in section.model_fields.items() if field.is_required()]
    if required:
        return ' and '.join(filter(None, [', '.join(required[:-1]), required[-1]]))
    return f'a mapping with any of {", ".join(section.model_fields)}'


def _sections(base: type[Section]) -> set[type[Section]]:
    return {each for sub in base.__subclasses__() for each in ({sub} | _sections(sub))}
