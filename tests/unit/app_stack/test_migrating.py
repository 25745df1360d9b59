from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import migrations, models
from learning.migrating import steps
from learning.migrating.classify import contractions, is_expand
from learning.migrating.steps import Entangled, Plan, split


def migration(name, *operations, dependencies=()):
    made = migrations.Migration(name, 'courses')
    made.operations, made.dependencies = list(operations), list(dependencies)
    return made


ADD_NULLABLE = migration('0002_add', migrations.AddField('lesson', 'note', models.TextField(null=True)))
REMOVE = migration('0003_remove', migrations.RemoveField('lesson', 'note'))


@pytest.mark.parametrize('operation', [
    migrations.CreateModel('Thing', []),
    migrations.AddField('lesson', 'note', models.TextField(null=True)),
    migrations.AddField('lesson', 'note', models.TextField(db_default='')),
    migrations.AddIndex('lesson', models.Index(fields=['key'], name='lesson_key')),
    migrations.RunPython(migrations.RunPython.noop, hints={'expand': True}),
])  # fmt: skip
def test_what_old_code_does_not_notice_expands(operation):
    assert is_expand(migration('0002', operation))


@pytest.mark.parametrize('operation', [
    migrations.RemoveField('lesson', 'key'),
    migrations.DeleteModel('Lesson'),
    migrations.RenameField('lesson', 'key', 'name'),
    migrations.AddField('lesson', 'note', models.TextField(default='')),
    migrations.AlterField('lesson', 'key', models.TextField()),
    migrations.RunPython(migrations.RunPython.noop),
    migrations.RunSQL('SELECT 1'),
    migrations.SeparateDatabaseAndState(database_operations=[migrations.RemoveField('lesson', 'key')]),
])  # fmt: skip
def test_what_old_code_would_not_survive_contracts_and_says_why(operation):
    found = contractions(migration('0002', operation))
    assert len(found) == 1
    assert found[0].reason


def test_migrate_expand_refuses_a_removed_field_and_applies_nothing(database, monkeypatch):
    applied = []
    monkeypatch.setattr('learning.migrating.management.commands.migrate_expand.apply', lambda *all: applied.append(all))
    monkeypatch.setattr(
        'learning.migrating.management.commands.migrate_expand.pending_plan',
        lambda: split([ADD_NULLABLE, REMOVE], is_first=False),
    )
    with pytest.raises(CommandError, match=r'courses\.0003_remove: Remove field note from lesson'):
        call_command('migrate_expand')
    assert applied == []


def test_with_hold_the_rest_is_applied_and_the_contraction_waits(database, monkeypatch, capsys):
    applied = []
    name = 'learning.migrating.management.commands.migrate_expand'
    monkeypatch.setattr(f'{name}.apply', lambda migrations, is_first: applied.extend(migrations))
    monkeypatch.setattr(f'{name}.pending_plan', lambda: split([ADD_NULLABLE, REMOVE], is_first=False))
    call_command('migrate_expand', '--hold')
    assert applied == [ADD_NULLABLE]
    assert 'held for migrate_contract: courses.0003_remove' in capsys.readouterr().out


def test_an_expansion_behind_a_contraction_has_no_safe_order():
    behind = migration('0004_add', dependencies=[('courses', '0003_remove')])
    with pytest.raises(Entangled, match='0004_add'):
        split([REMOVE, behind], is_first=False)


def test_on_the_first_install_there_is_no_old_code():
    assert split([REMOVE], is_first=True) == Plan((REMOVE,), (), (), True)


def test_nothing_is_pending_in_a_migrated_database(database, capsys):
    call_command('migrate_expand')
    call_command('migrate_contract')
    assert capsys.readouterr().out.splitlines() == ['applied 0, held 0', 'applied 0']
    assert steps.pending_plan().expand == ()
