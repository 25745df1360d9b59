"""`anlan backup restore` of files, at a stand-in for hosts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from anlan.cli import backup
from anlan.cli.backup_hosts import AgentFailed
from anlan.errors import BadInput
from anlan.remote import Result
from backup.failure import ExitClass
from tests.unit.cli.conftest import stand_in
from tests.unit.cli.test_backup import OUTPUTS, Hosts, call

DONE = {'files': 9, 'restored_bytes': 5_000_000, 'seconds': 1.0}
WORDS = ('restore', 'media', '--host', 'app-1', '--target', '/srv/x y')


def place(host: str, where: str, *identities: str) -> dict[str, Any]:
    snapshots = [
        {'identity': each, 'policy': 'media', 'started': '2026-11-01T00:00:00+00:00', 'files': 9, 'source_bytes': 7}
        for each in identities
    ]
    return {'repository': 'media', 'host': host, 'place': where, 'snapshots': snapshots}


class Keeper(Hosts):
    """An operations host that lists what it is told to, and answers a restore with another line."""

    def __init__(self) -> None:
        super().__init__()
        self.places = [place('app-1', 'local', 'aaaaaaaa11'), place('app-1', 'offsite', 'aaaaaaaa11', '368ddce6ff'),
                       place('app-2', 'local'), place('app-3', 'local', 'cccccccc33')]  # fmt: skip
        self.answer, self.answer_code = json.dumps({'restored': DONE}), 0

    def run(self, host: str, argv: Any, deadline: float, stdin: Any = None, on_line: Any = None) -> Result:
        listing = 'list' in argv
        self.out = json.dumps({'places': self.places}) if listing else self.answer
        self.code = 0 if listing else self.answer_code
        return super().run(host, argv, deadline, stdin, on_line)


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch, sample: Any, tmp_path: Any) -> Keeper:
    monkeypatch.setenv('ANLAN_VAR', str(tmp_path / 'var'))
    made = Keeper()
    stand_in(monkeypatch, backup, made, OUTPUTS)
    return made


@pytest.mark.parametrize('further', [(), ('--dry-run',)])
def test_a_folder_that_the_host_refuses_is_refused_also_where_it_is_only_tried(
    hosts: Keeper, further: tuple[str, ...]
) -> None:
    hosts.answer = json.dumps({'failure': 'target-refused', 'sentence': 'nothing is restored: /etc is the live path'})
    hosts.answer_code = ExitClass.TARGET_REFUSED.value
    said = call(*WORDS, *further)
    assert isinstance(said.exception, AgentFailed)
    assert (str(said.exception), said.exception.exit_code) == ('nothing is restored: /etc is the live path', 18)
    assert '✓ Restoring' not in said.output
    assert ('✗ Restoring' in said.output) == (not further)
    assert 'would restore' not in said.output


def test_a_snapshot_that_only_the_other_place_has_is_said_to_be_there(hosts: Keeper) -> None:
    said = call(*WORDS, '--snapshot', '368ddce6')
    assert isinstance(said.exception, BadInput)
    assert str(said.exception).endswith('has no 368ddce6 of app-1; it is in the other: --place offsite')
    assert call(*WORDS, '--snapshot', '368ddce6', '--place', 'offsite', '--dry-run').exit_code == 0
    assert '--place' not in str(call(*WORDS, '--snapshot', '99999999').exception)


def test_a_host_of_which_nothing_is_kept_is_answered_with_those_of_which_something_is(hosts: Keeper) -> None:
    said = call('restore', 'media', '--host', 'app-9', '--target', '/srv/x')
    assert isinstance(said.exception, BadInput)
    assert str(said.exception).endswith('there is something of app-1, app-3')


def test_what_was_restored_is_said_with_its_host_and_how_it_is_removed(hosts: Keeper) -> None:
    said = call(*WORDS)
    assert said.exit_code == 0
    assert '9 files, 5.0 MB in /srv/x y on ops-1, 5 MB/s' in said.stdout
    assert "anlan ssh ops-1 -- sudo rm -r '/srv/x y'" in said.stdout
