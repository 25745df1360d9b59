from __future__ import annotations

from datetime import date

import pytest
from learning.personal.identity_number import check_character, is_identity_number

TODAY = date(2026, 11, 25)
# The example of GB 11643 itself.
EXAMPLE = '11010519491231002X'


def numbered(first_seventeen):
    return first_seventeen + check_character(first_seventeen)


def test_the_example_of_the_standard_is_a_number():
    assert is_identity_number(EXAMPLE, TODAY)


@pytest.mark.parametrize('position', range(17))
def test_one_wrong_digit_anywhere_is_found(position):
    for digit in '0123456789':
        if digit != EXAMPLE[position]:
            assert not is_identity_number(EXAMPLE[:position] + digit + EXAMPLE[position + 1 :], TODAY)


@pytest.mark.parametrize('position', range(16))
def test_two_digits_swapped_are_found(position):
    swapped = EXAMPLE[:position] + EXAMPLE[position + 1] + EXAMPLE[position] + EXAMPLE[position + 2 :]
    assert swapped == EXAMPLE or not is_identity_number(swapped, TODAY)


@pytest.mark.parametrize('first', [
    '11010519490230002', '11010519491331002', '11010518991231002', '11010520261126002', '11010500000000002',
])  # fmt: skip
def test_a_day_that_nobody_can_be_born_on_is_refused(first):
    assert not is_identity_number(numbered(first), TODAY)


def test_somebody_born_today_has_a_number():
    assert is_identity_number(numbered('11010520261125002'), TODAY)


@pytest.mark.parametrize('text', [
    '', '110105491231002', EXAMPLE[:-1], EXAMPLE + '0', EXAMPLE.lower(), ' ' + EXAMPLE, EXAMPLE + '\n',
    '１１０１０５１９４９１２３１００２X', 'X1010519491231002X', '٠' * 18,
])  # fmt: skip
def test_what_has_another_shape_is_refused(text):
    assert not is_identity_number(text, TODAY)
