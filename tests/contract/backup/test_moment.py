"""A database as of a moment, with pgBackRest and PostgreSQL as the hosts have them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from backup.archive_chain import GENESIS, digest
from backup.failure import ExitClass
from tests.contract.backup.moment_host import MomentHost, moment_host


@pytest.fixture(scope='module')
def host() -> Iterator[MomentHost]:
    with moment_host() as made:
        yield made


@pytest.fixture(autouse=True)
def _leader(host: MomentHost) -> Iterator[None]:
    yield
    host.run('rm', '-f', '/root/no-leader')


def archive(host: MomentHost, count: int) -> None:
    """Write a chain into the application's tables, with text in it that breaks lines elsewhere."""
    host.sql('TRUNCATE archive_archiverecord, archive_chainhead')
    previous = GENESIS
    for sequence in range(1, count + 1):
        text = {'sequence': sequence, 'title': '高处\u2028作\x85业\t"\\\n😀'}
        content = json.dumps(text, sort_keys=True, separators=(',', ':'), ensure_ascii=False)
        sha256 = digest(previous, content)
        host.sql(
            f'INSERT INTO archive_archiverecord VALUES ({sequence}, {sequence}, $anlan${content}$anlan$,'
            f" '{previous}', '{sha256}')"
        )
        previous = sha256
    host.sql(f"INSERT INTO archive_chainhead VALUES (1, {count}, '{previous}')")


def chain(host: MomentHost, folder: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(host.run('python3', '-B', '/root/chain.py', folder))
    return found


def test_rows_that_somebody_deleted_are_had_back_and_nothing_of_it_stays(host: MomentHost) -> None:
    archive(host, 4)
    time.sleep(1)
    before = host.now()
    time.sleep(1)
    host.sql('DELETE FROM lesson_note WHERE id <= 100')
    host.sql('DELETE FROM archive_archiverecord WHERE sequence = 4')
    time.sleep(1)
    code, tried = host.moment(before, '/srv/then', '--dry-run')
    assert (code, tried['would_restore']['backup_kind']) == (0, 'full')
    assert 'No such file' in host.run('ls', '/srv/then', code=None)
    code, told = host.moment(before, '/srv/then')
    assert code == 0, told
    point = datetime.fromisoformat(told['moment']['recovery_point'])
    assert 0 <= (datetime.fromisoformat(before) - point).total_seconds() < 5
    assert host.sql('SELECT count(*) FROM lesson_note', '/srv/then') == '5000'
    assert host.sql('SELECT count(*) FROM lesson_note') == '4900'
    as_postgres = ('runuser', '-u', 'postgres', '--')
    dump = ('pg_dump', '-h', '/srv/then', '-d', 'learning', '--data-only', '--inserts', '--on-conflict-do-nothing')
    host.run(*as_postgres, *dump, '-t', 'lesson_note', '-f', '/srv/then/rows.sql')
    host.run(*as_postgres, 'psql', '-h', '/srv/live', '-Xqd', 'learning', '-1', '-f', '/srv/then/rows.sql')
    assert host.sql('SELECT count(*) FROM lesson_note') == '5000'
    setting = "SELECT current_setting('listen_addresses') || current_setting('archive_mode')"
    assert host.sql(setting, '/srv/then') == 'off'
    assert chain(host, '/srv/then') == {'records': 4, 'checks': 5, 'problems': [], 'reason': ''}
    assert chain(host, '/srv/live')['problems'] == ['record 4 is missing, the head is at 4']
    code, told = host.moment(before, '/srv/then')
    assert (code, told['failure']) == (ExitClass.TARGET_REFUSED.value, 'target-refused')
    code, told = host.agent('discard', '--target', '/srv/then')
    assert (code, told['wiped']['runs']) == (0, False)
    assert told['wiped']['bytes'] > 1_000_000
    assert 'No such file' in host.run('ls', '/srv/then', code=None)
    assert host.run('systemctl', 'list-units', 'anlan-moment-*', '--no-legend').strip() == ''


def test_what_cannot_be_gone_back_to_is_refused_with_what_there_is_and_leaves_nothing(host: MomentHost) -> None:
    code, told = host.moment('2020-01-01T00:00:00Z', '/srv/refused')
    assert (code, told['failure']) == (ExitClass.NO_SNAPSHOT.value, 'no-snapshot')
    assert 'what is kept reaches from' in told['sentence']
    host.run('touch', '/root/no-leader')
    host.run('systemctl', 'stop', 'heart')
    time.sleep(1)
    code, told = host.moment(host.now(), '/srv/refused')
    assert (code, told['failure']) == (ExitClass.NO_SNAPSHOT.value, 'no-snapshot')
    assert 'nothing shows that the log has all' in told['sentence']
    assert 'No such file' in host.run('ls', '/srv/refused', code=None)


def test_the_latest_is_had_without_a_leader_and_what_may_be_lost_is_said(host: MomentHost) -> None:
    host.run('touch', '/root/no-leader')
    code, told = host.moment('latest', '/srv/latest')
    assert code == 0, told
    assert 'the leader gives no more of the log' in told['moment']['notes'][0]
    assert host.agent('discard', '--target', '/srv/latest')[0] == 0


def test_a_moment_after_the_last_change_of_a_quiet_database_is_that_change(host: MomentHost) -> None:
    host.run('systemctl', 'stop', 'heart', code=None)
    host.sql("INSERT INTO lesson_note VALUES (900001, 'the last')")
    time.sleep(2)
    after = host.now()
    code, told = host.moment(after, '/srv/quiet')
    assert code == 0, told
    assert host.sql('SELECT text FROM lesson_note WHERE id = 900001', '/srv/quiet') == 'the last'
    assert host.agent('discard', '--target', '/srv/quiet')[0] == 0


def test_a_restore_that_is_killed_is_noted_and_can_be_wiped(host: MomentHost) -> None:
    words = (
        'python3 -B /root/agent.py moment --place local --to-time latest --target /srv/killed > /dev/null 2>&1 & '
        'for i in $(seq 400); do [ -n "$(ls -A /srv/killed 2>/dev/null)" ] && break; sleep 0.05; done; '
        'kill -9 $!; ls -A /srv/killed'
    )
    assert host.run('bash', '-c', words).strip()
    code, told = host.agent('discard', '--target', '/srv/killed')
    assert (code, told['wiped']['was_there']) == (0, True)
    assert 'No such file' in host.run('ls', '/srv/killed', code=None)
