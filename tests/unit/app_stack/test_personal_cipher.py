from __future__ import annotations

import subprocess
import sys

import pytest
from learning.personal.cipher import HEAD_BYTES, Undecipherable, opened, sealed
from learning.personal.keys import Key, Keyring, UnknownKey, blind_index
from learning.personal.person import Person

from tests.unit.app_stack.conftest import CHECKOUT

KEYS = Keyring.derived(('the present one', 'the one before'), 'columns')
BEFORE = Keyring.derived(('the one before',), 'columns')
PLACE = 'real_name of learner 1'
TEXT = '欧阳·张三丰'


def test_what_was_sealed_is_opened_and_never_sealed_alike_twice():
    first, second = sealed(KEYS, TEXT, PLACE), sealed(KEYS, TEXT, PLACE)
    assert opened(KEYS, first, PLACE) == opened(KEYS, memoryview(second), PLACE) == TEXT
    assert first != second
    assert TEXT.encode() not in first


def test_every_flipped_bit_is_noticed():
    ciphertext = sealed(KEYS, TEXT, PLACE)
    for bit in range(8 * len(ciphertext)):
        flipped = bytearray(ciphertext)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Undecipherable):
            opened(KEYS, bytes(flipped), PLACE)


@pytest.mark.parametrize('length', [0, 1, HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 15, -1])
def test_a_ciphertext_that_was_cut_is_refused(length):
    with pytest.raises(Undecipherable):
        opened(KEYS, sealed(KEYS, TEXT, PLACE)[:length], PLACE)


@pytest.mark.parametrize('place', ['real_name of learner 2', 'mobile_phone of learner 1'])
def test_a_ciphertext_moved_to_another_row_or_column_is_refused(place):
    with pytest.raises(Undecipherable, match=place):
        opened(KEYS, sealed(KEYS, TEXT, PLACE), place)


def test_the_key_before_is_still_read_and_a_key_that_is_gone_is_named_by_its_id():
    older = sealed(BEFORE, TEXT, PLACE)
    assert opened(KEYS, older, PLACE) == TEXT
    with pytest.raises(Undecipherable, match=BEFORE.present.id) as raised:
        opened(Keyring.derived(('the present one',), 'columns'), older, PLACE)
    assert 'the one before' not in str(raised.value)


def test_new_things_are_sealed_with_the_present_key():
    assert sealed(KEYS, TEXT, PLACE)[1:5].hex() == KEYS.present.id == Key.derived('the present one', 'columns').id


def test_one_secret_for_two_purposes_is_two_keys():
    assert Key.derived('x', 'columns').secret != Key.derived('x', 'index of identity numbers').secret


def test_the_index_is_the_same_for_one_number_and_another_under_another_key():
    key, other = KEYS.keys
    number = '11010519491231002X'
    assert blind_index(key, number) == blind_index(key, number) != blind_index(other, number)
    assert len(blind_index(key, number)) == 64


def test_a_keyring_says_which_ids_it_has_and_no_key():
    with pytest.raises(UnknownKey) as raised:
        KEYS.by_id('00000000')
    assert KEYS.keys[1].id in str(raised.value)
    assert all(key.secret.hex() not in repr(KEYS) and repr(key.secret) not in repr(KEYS) for key in KEYS.keys)


def test_a_person_does_not_show_in_its_repr():
    assert repr(Person('张三', '11010519491231002X', '13800000000')) == 'Person()'


@pytest.mark.parametrize(('person', 'masked'), [
    (Person('张三', '110105194912311234', '13812340000'), ('张*', '110***********1234', '138****0000')),
    (Person('阿卜杜拉·买买提', '11010519491231002X', '19900001234'),
     ('阿*******', '110***********002X', '199****1234')),
])  # fmt: skip
def test_a_masked_person_shows_what_may_be_shown(person, masked):
    assert tuple(vars(person.masked()).values()) == masked


def test_the_models_load_where_the_wheel_of_the_cipher_is_not():
    """A release collects its static files on a machine of another Python than the hosts'."""
    program = (
        'import sys; sys.modules["cryptography"] = None; import django; django.setup(); import learning.urls\n'
        'from django.apps import apps; print(apps.get_model("personal", "PersonalData").__name__)'
    )
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, timeout=60, check=False,
        env={'PYTHONPATH': str(CHECKOUT / 'app_stack'), 'DJANGO_SETTINGS_MODULE': 'learning.settings.testing'},
    )  # fmt: skip
    assert done.stdout.strip() == 'PersonalData', done.stderr
