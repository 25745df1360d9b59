"""What can go wrong, and the exit code that a shell sees."""

from __future__ import annotations

import pytest

from anlan.errors import (
    EXIT_CODES_HELP,
    AnlanError,
    BadInput,
    Busy,
    DeadlineExceeded,
    InvalidFile,
    Problem,
)
from anlan.remote import Unreachable


@pytest.mark.parametrize(
    ('error', 'code'),
    [
        (AnlanError('x'), 1),
        (DeadlineExceeded('x'), 1),
        (Unreachable('x'), 1),
        (BadInput('x'), 2),
        (InvalidFile('x', []), 2),
        (Busy('x'), 3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_failure_has_its_exit_code(error: AnlanError, code: int) -> None:
    assert isinstance(error, AnlanError)
    assert error.exit_code == code
    assert f'{code} ' in EXIT_CODES_HELP


def test_a_problem_is_said_with_its_path_if_it_has_one() -> None:
    assert str(Problem('tiers.data.count', '2 is below 3')) == 'tiers.data.count: 2 is below 3'
    assert str(Problem('', 'is no YAML')) == 'is no YAML'


def test_problems_are_in_the_order_of_their_paths() -> None:
    assert sorted([Problem('b', 'x'), Problem('a', 'z'), Problem('a', 'y')]) == [
        Problem('a', 'y'),
        Problem('a', 'z'),
        Problem('b', 'x'),
    ]


def test_a_file_with_problems_names_the_file_and_all_of_them() -> None:
    error = InvalidFile('lab.yaml', (Problem(path, 'is missing') for path in ('name', 'zones')))
    assert str(error) == 'lab.yaml has 2 errors:\n  name: is missing\n  zones: is missing'
    assert [problem.path for problem in error.problems] == ['name', 'zones']
    assert str(InvalidFile('lab.yaml', [Problem('', 'is no YAML')])) == 'lab.yaml has 1 error:\n  is no YAML'
