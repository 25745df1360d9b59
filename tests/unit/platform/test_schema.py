"""The schema of the platform file: every key is described, shown by an example, and has a unit if it is a quantity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, Field, TypeAdapter

from anlan.platform import Platform
from anlan.platform.base import Section, key
from anlan.platform.objectives import Objectives
from anlan.platform.targets import LabTarget, OnpremTarget
from anlan.platform.tiers import Tier
from anlan.platform.timing import PatroniTiming

QUANTITIES = ('_seconds', '_milliseconds', '_mib', '_gib', '_days', '_bytes')


def keys(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Given a JSON Schema, return every key with its own schema, by section and name."""
    for section, definition in {schema.get('title', ''): schema, **schema.get('$defs', {})}.items():
        for name, value in definition.get('properties', {}).items():
            yield f'{section}.{name}', value


def faults(model: type[BaseModel]) -> list[str]:
    """Given a model, return what its keys lack."""
    found = []
    whole = model.model_json_schema()
    for path, own in keys(whole):
        # Pydantic leaves out a description that is the same as that of the section which the key refers to.
        referred = whole.get('$defs', {}).get(own.get('$ref', '').rsplit('/', 1)[-1], {})
        schema = {'description': referred.get('description')} | own
        for needed in ('description', 'examples'):
            if not schema.get(needed):
                found.append(f'{path} has no {needed}')
        if path.endswith(QUANTITIES) and not schema.get('unit'):
            found.append(f'{path} has no unit')
    return found


def test_every_key_has_a_description_an_example_and_its_unit() -> None:
    assert faults(Platform) == []
    assert len(list(keys(Platform.model_json_schema()))) > 60


def test_a_key_that_lacks_something_is_found() -> None:
    class Bare(Section):
        plain: int = 1
        wait_seconds: float = key(1.0, 'A wait.', 1.0)
        good_days: int = key(1, 'Days.', 1, unit='days')

    class Outer(Section):
        inner: Bare = Field(description='Inner.', examples=[{}])

    assert faults(Outer) == [
        'Bare.plain has no description',
        'Bare.plain has no examples',
        'Bare.wait_seconds has no unit',
    ]


@pytest.mark.parametrize(
    ('path', 'unit'),
    [
        ('PatroniTiming.ttl_seconds', 's'),
        ('HaproxyTiming.check_timeout_milliseconds', 'ms'),
        ('Tier.memory_mib', 'MiB'),
        ('Tier.disk_gib', 'GiB'),
        ('Certificates.host_days', 'days'),
    ],
)
def test_a_unit_is_the_one_that_the_name_says(path: str, unit: str) -> None:
    assert dict(keys(Platform.model_json_schema()))[path]['unit'] == unit


@pytest.mark.parametrize('model', [Platform, Objectives, PatroniTiming, Tier, LabTarget, OnpremTarget])
def test_every_example_is_a_value_that_the_key_takes(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        annotation: Any = field.annotation
        (example,) = field.examples or [None]
        TypeAdapter(annotation).validate_python(example), name


def test_unknown_keys_are_refused_by_the_schema_too() -> None:
    schema = Platform.model_json_schema()
    assert schema['additionalProperties'] is False
    assert all(definition['additionalProperties'] is False for definition in schema['$defs'].values())
