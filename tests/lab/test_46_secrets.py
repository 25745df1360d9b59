"""Secrets rotated by one command while a learner goes on: nothing acknowledged is lost, the old ones open nothing."""

from __future__ import annotations

import json

import pytest

from anlan.secret_store import read_all, without_notes
from monitoring.steady import settle
from tests.lab.standing import Standing

NAMES = ('database_application_password', 'database_replication_password', 'valkey_password', 'django_secret_key')
COMES_IN = (
    'import sys, psycopg2\n'
    'for line in sys.stdin:\n'
    '    user, database, word = line.split()\n'
    '    try:\n'
    '        psycopg2.connect(host=sys.argv[1], user=user, password=word, dbname=database, sslmode="require",\n'
    '                         sslcert="/etc/anlan/tls/host.crt", sslkey="/etc/anlan/tls/host.key").close()\n'
    '        print("in")\n'
    '    except psycopg2.OperationalError as error:\n'
    '        print("refused" if "password authentication failed" in str(error) else error)\n'
)


@pytest.mark.long
def test_every_secret_is_rotated_and_a_learner_sees_nothing_of_it(whole: Standing) -> None:
    before = without_notes(read_all(whole.work.paths.secrets))
    learner = whole.learner(seconds=1500)
    with learner:
        settle(3)
        done = whole.anlan('secret', 'rotate', '--all', '--json', deadline_seconds=1400)
        settle(3)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert document['status'] == 'ok'
    assert set(NAMES) <= set(document['rotated'])
    run = learner.run()
    assert run.lost(learner.read_back()) == set()
    gap = run.longest_gap_seconds('write')
    failed = {kind: len(run.failures(kind)) for kind in run.outcomes}
    print(f'\n  all secrets rotated: longest gap of writes {gap:.1f} s, failed requests {failed}')
    # No longer than a switchover, which is promised without an incident.
    assert gap <= 3
    after = read_all(whole.work.paths.secrets)
    assert all(after[name] != before[name] for name in document['rotated'])
    assert before['valkey_password'] not in after.values()


@pytest.mark.long
def test_nothing_is_left_to_bring_after_it(whole: Standing) -> None:
    done = whole.anlan('secret', 'rotate', '--json')
    assert (done.returncode, json.loads(done.stdout)['taken_up']) == (0, [])
    assert whole.anlan('drift').returncode == 0


@pytest.mark.long
def test_after_a_rotation_the_old_password_opens_nothing_and_the_new_one_does(whole: Standing) -> None:
    name = 'database_rewind_password'
    before = read_all(whole.work.paths.secrets)
    assert whole.anlan('secret', 'rotate', name, deadline_seconds=900).returncode == 0
    after = read_all(whole.work.paths.secrets)
    logins = {'first': 'rewind', 'second': 'rewind_2'}
    old, new = (logins[known.get(f'{name}_login', 'first')] for known in (before, after))
    assert old != new
    leader = whole.with_role('leader')
    address = str(whole.work.topology.host(leader).address)
    words = [(old, before[name]), (new, after[name]), (old, after[name])]
    answer = whole.remote().run(
        leader, ['sudo', 'python3', '-I', '-c', COMES_IN, address], 30,
        ''.join(f'{user} postgres {word}\n' for user, word in words),
    )  # fmt: skip
    assert answer.out.splitlines() == ['refused', 'in', 'refused'], answer.err


def test_a_secret_that_needs_one_step_is_rotated_while_a_learner_goes_on(whole: Standing) -> None:
    before = read_all(whole.work.paths.secrets)
    with whole.learner(seconds=400) as learner:
        settle(3)
        done = whole.anlan(
            'secret', 'rotate', 'patroni_rest_password', 'block_list_key', '--json', deadline_seconds=390
        )
        settle(3)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)['status'] == 'ok'
    run = learner.run()
    assert run.lost(learner.read_back()) == set()
    after = read_all(whole.work.paths.secrets)
    assert all(after[name] != before[name] for name in ('patroni_rest_password', 'block_list_key'))
