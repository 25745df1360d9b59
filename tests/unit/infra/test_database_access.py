"""Rules of access to the database: each says what it is about, and is applied only where it does not hold."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from anlan.paths import ROOT

FILES = ROOT / 'playbooks' / 'roles' / 'database' / 'files'
LOGINS = {'replication': ['replicator'], 'rewind': ['rewind'], 'application': ['learning', 'learning_2']}


@pytest.fixture(scope='module')
def access() -> ModuleType:
    if str(FILES) not in sys.path:
        sys.path.insert(0, str(FILES))
    return importlib.import_module('database_access')


@pytest.fixture(scope='module')
def rules(access: ModuleType) -> list[Any]:
    found: list[Any] = access.rules('learning', 'learning', LOGINS, 80)
    return found


def test_every_rule_says_something_of_its_own(rules: list[Any]) -> None:
    assert len({rule.what for rule in rules}) == len(rules)


def test_a_question_has_as_many_values_and_a_statement_as_many_names_as_it_asks_for(rules: list[Any]) -> None:
    for rule in rules:
        assert rule.holds.replace('%%', '').count('%s') == len(rule.values), rule.what
        assert rule.apply.count('{}') == len(rule.names), rule.what


def test_no_login_from_outside_has_rights_over_the_cluster(rules: list[Any]) -> None:
    denials = {rule.about: rule.apply for rule in rules if rule.what.endswith('has no rights over the cluster')}
    assert set(denials) == {'replicator', 'rewind', 'learning', 'learning_2', 'anlan_audit'}
    for login, apply in denials.items():
        assert {'NOSUPERUSER', 'NOCREATEDB', 'NOCREATEROLE', 'NOBYPASSRLS'} <= set(apply.split())
        assert ('NOREPLICATION' in apply) == (login != 'replicator')


def test_the_application_keeps_its_way_in_in_the_step_that_takes_the_database_from_it(rules: list[Any]) -> None:
    (rule,) = (rule for rule in rules if 'OWNER TO postgres' in rule.apply)
    assert 'GRANT CONNECT' in rule.apply
    (schema,) = (rule for rule in rules if 'GRANT USAGE, CREATE' in rule.apply)
    assert rules.index(schema) < rules.index(rule)
    closed = [
        place for place, each in enumerate(rules) if each.what == 'schema public of learning is closed to the public'
    ]
    assert closed[0] > rules.index(schema)


class Session:
    """A database in which the rules of `well` hold, and roles exist."""

    def __init__(self, well: set[str], roles: set[str]) -> None:
        self.well, self.roles = well, roles
        self.ran: list[str] = []

    def one(self, query: str, *values: Any) -> Any:
        if query == 'SELECT true FROM pg_roles WHERE rolname = %s':
            return values[0] in self.roles
        return query in self.well or query.startswith('SELECT true FROM pg_database')

    def run(self, text: str, *_names: str) -> None:
        self.ran.append(text)


class Run:
    def __init__(self, dry_run: bool) -> None:
        self.dry_run = dry_run
        self.said: list[str] = []
        roles = [{'name': name, 'purpose': purpose} for purpose, names in LOGINS.items() for name in names]
        parameters = {'postgresql': {'parameters': {'max_connections': 100}}}
        self.wanted = {
            'database': 'learning',
            'roles': [{'name': 'postgres'}, *roles],
            'dynamic_configuration': parameters,
        }

    def change(self, what: str) -> bool:
        self.said.append(what)
        return not self.dry_run

    def until(self, ready: Any) -> Any:
        return ready()


@pytest.fixture
def no_psycopg2(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = SimpleNamespace(UndefinedObject=KeyError, UndefinedTable=KeyError, InvalidSchemaName=KeyError)
    monkeypatch.setitem(sys.modules, 'psycopg2', SimpleNamespace(errors=errors))


EVERYONE = {'replicator', 'rewind', 'learning', 'learning_2', 'anlan_audit'}


@pytest.mark.usefixtures('no_psycopg2')
def test_what_holds_is_left_as_it_is(access: ModuleType, rules: list[Any]) -> None:
    session, run = Session({rule.holds for rule in rules}, EVERYONE), Run(dry_run=False)
    access.settle_access(run, session, lambda _: session)
    assert (run.said, session.ran) == ([], [])


@pytest.mark.usefixtures('no_psycopg2')
def test_what_does_not_hold_is_made_so_in_the_order_of_the_rules(access: ModuleType, rules: list[Any]) -> None:
    session, run = Session(set(), EVERYONE), Run(dry_run=False)
    access.settle_access(run, session, lambda _: session)
    assert run.said == [rule.what for rule in rules]
    assert session.ran == [rule.apply for rule in rules]


@pytest.mark.usefixtures('no_psycopg2')
def test_a_dry_run_says_it_and_changes_nothing(access: ModuleType, rules: list[Any]) -> None:
    session, run = Session(set(), EVERYONE), Run(dry_run=True)
    access.settle_access(run, session, lambda _: session)
    assert run.said == [rule.what for rule in rules]
    assert session.ran == []


@pytest.mark.usefixtures('no_psycopg2')
def test_a_login_that_is_not_there_is_not_asked_about(access: ModuleType) -> None:
    session, run = Session(set(), EVERYONE - {'learning_2'}), Run(dry_run=False)
    access.settle_access(run, session, lambda _: session)
    assert not any('learning_2' in said for said in run.said)
