from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from learning.accounts.models import Learner
from learning.personal.cipher import Undecipherable
from learning.personal.identity_number import check_character
from learning.personal.models import PersonalData
from learning.personal.person import Person
from learning.personal.registering import AlreadyRegistered, read_person, register_person

OLD = {'PERSONAL_DATA_KEYS': ('old data',), 'PERSONAL_DATA_INDEX_KEYS': ('old index',)}
BOTH = {'PERSONAL_DATA_KEYS': ('new data', 'old data'), 'PERSONAL_DATA_INDEX_KEYS': ('new index', 'old index')}
NEW = {'PERSONAL_DATA_KEYS': ('new data',), 'PERSONAL_DATA_INDEX_KEYS': ('new index',)}


def person(number):
    first = f'00000019900101{number:03}'
    return Person('张三', first + check_character(first), f'138{number:08}')


def register(number):
    learner = Learner.objects.create(username=f'learner-{number}')
    register_person(learner, person(number))
    return learner


@pytest.fixture
def five(database):
    with override_settings(**OLD):
        return [register(number) for number in range(5)]


def test_while_both_keys_are_there_rows_of_both_are_read(five):
    with override_settings(**BOTH):
        register(5)
        assert [read_person(row).mobile_phone[-1] for row in PersonalData.objects.order_by('learner_id')] == list(
            '012345'
        )
        with pytest.raises(AlreadyRegistered):
            register_person(Learner.objects.create(username='again'), person(0))


def test_after_re_encrypting_the_old_keys_are_not_needed(five, capsys):
    with override_settings(**BOTH):
        call_command('reencrypt_personal_data', '--batch-rows', '2')
    assert capsys.readouterr().out.splitlines() == [
        'changed 2, failed 0', 'changed 4, failed 0', 'changed 5, failed 0', 'changed 5, none left under an older key',
    ]  # fmt: skip
    with override_settings(**NEW):
        assert {read_person(row).real_name for row in PersonalData.objects.all()} == {'张三'}
        with pytest.raises(AlreadyRegistered):
            register_person(Learner.objects.create(username='again'), person(0))
        call_command('reencrypt_personal_data', '--check')
        call_command('reencrypt_personal_data')
    assert capsys.readouterr().out.splitlines()[-1] == 'changed 0, none left under an older key'


def test_a_run_that_was_cut_off_is_taken_up(five, monkeypatch):
    save, saved = PersonalData.save, []

    def breaking(row, **options):
        if len(saved) == 3:
            raise KeyboardInterrupt
        saved.append(row.learner_id)
        save(row, **options)

    with override_settings(**BOTH):
        monkeypatch.setattr(PersonalData, 'save', breaking)
        with pytest.raises(KeyboardInterrupt):
            call_command('reencrypt_personal_data', '--batch-rows', '2')
        monkeypatch.setattr(PersonalData, 'save', save)
        # The batch that was cut off is as it was, the one before it is done.
        assert PersonalData.objects.filter(data_key_id=PersonalData.objects.first().data_key_id).count() == 2
        call_command('reencrypt_personal_data', '--batch-rows', '2')
    with override_settings(**NEW):
        assert len([read_person(row) for row in PersonalData.objects.all()]) == 5


def test_a_row_that_cannot_be_read_is_named_left_alone_and_stops_no_other(five):
    broken = five[1].id
    PersonalData.objects.filter(learner_id=broken).update(mobile_phone=b'\x01garbage')
    with override_settings(**BOTH):
        with pytest.raises(CommandError, match=f'1 rows failed.*mobile_phone of learner {broken}'):
            call_command('reencrypt_personal_data')
        assert bytes(PersonalData.objects.get(learner_id=broken).mobile_phone) == b'\x01garbage'
    with override_settings(**NEW):
        assert len([read_person(row) for row in PersonalData.objects.exclude(learner_id=broken)]) == 4


def test_the_check_says_no_while_a_row_is_under_an_older_key_and_changes_nothing(five):
    before = list(PersonalData.objects.order_by('learner_id').values_list('real_name', flat=True))
    with override_settings(**BOTH), pytest.raises(CommandError, match='5 rows failed, keep the keys before'):
        call_command('reencrypt_personal_data', '--check')
    assert list(PersonalData.objects.order_by('learner_id').values_list('real_name', flat=True)) == before


def test_a_key_forgotten_too_early_is_an_error_and_never_an_empty_person(five):
    with override_settings(**NEW):
        with pytest.raises(Undecipherable, match='which is not there'):
            read_person(PersonalData.objects.first())
        with pytest.raises(CommandError, match='5 rows failed'):
            call_command('reencrypt_personal_data')
