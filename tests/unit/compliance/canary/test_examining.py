from __future__ import annotations

import json
import re
import threading

import pytest

from anlan.errors import AnlanError
from anlan.remote import Result, Unreachable
from compliance.canary import Hosts, Step, examine, front_door
from compliance.canary.front_door import parse_steps
from compliance.canary.needle import CanaryPerson
from compliance.canary.searching import COUNTS, parse_search

HOSTS = Hosts(('db-1', 'db-2', 'app-1', 'client-1'), ('db-1', 'db-2'), ('app-1',))
STEPS = (Step('sign_up'), Step('learn'))
DUMP = '/var/lib/postgresql/anlan-canary/dump.sql'


class Platform:
    """A platform as `Remote` shows it: a leader, a replica, an application, and files that the search reports."""

    def __init__(self, leaks=(), broken=()):
        self.leaks, self.broken = dict(leaks), broken
        self.learners, self.tables, self.dump = set(), set(), False
        self.asked, self.lock = [], threading.Lock()

    def register(self, canary):
        self.learners.add(canary.username)
        return STEPS

    def run(self, host, argv, deadline_seconds, stdin=None):
        with self.lock:
            self.asked.append((host, list(argv), stdin or ''))
        for where, words in self.broken:
            if where == host and any(words in part for part in (*argv, stdin or '')):
                raise Unreachable(f'{host}: the connection broke')
        try:
            return Result(0, self.answer(host, list(argv), stdin or ''), '', 0.1)
        except LookupError as error:
            return Result(1, '', str(error), 0.1)

    def answer(self, host, argv, stdin):
        if argv[-1] == '-':
            return json.dumps(self.searched(host))
        if 'psql' in argv:
            return self.sql(host, stdin)
        if 'sh' in argv:
            self.dump = True
        elif 'rm' in argv:
            self.dump = False
        elif argv[-1] == 'current':
            return 'abc\n'
        elif 'delete_learner' in argv:
            self.learners.discard(argv[-1])
            return '{"learners": 1}'
        return ''

    def sql(self, host, sql):
        if 'pg_is_in_recovery' in sql:
            return 'f' if host == 'db-1' else 't'
        if 'wal_compression' in sql:
            return 'off'
        if 'personal_personaldata' in sql:
            return str(len(self.learners))
        if 'starts_with' in sql:
            return '\n'.join(self.learners)
        table = re.search(r'(anlan_canary_\w+)', sql)
        if table and sql.startswith('CREATE'):
            self.tables.add(table[1])
        elif table and sql.startswith('DROP'):
            self.tables.discard(table[1])
        elif table and 'to_regclass' in sql:
            return table[1] if table[1] in self.tables else ''
        return ''

    def searched(self, host):
        hits = []
        if host == 'db-1':
            paths = ['/x/base/1', '/x/pg_wal/1', *([DUMP] if self.dump else [])]
            for path in paths if self.tables else ():
                hits += [self.hit('control', path), self.hit('user name', path)]
        if host in self.leaks:
            hits.append(self.hit(*self.leaks[host]))
        return {
            **dict.fromkeys(COUNTS, 1), 'hits': hits, 'skipped': [], 'places_skipped': 0, 'complete': True,
            'is_root': True, 'seconds': 1.0,
        }  # fmt: skip

    @staticmethod
    def hit(needle, path):
        return {'needle': needle, 'encoding': 'UTF-8', 'path': path, 'kind': 'file', 'offset': 0, 'times': 1}


def run(platform, register=None):
    return examine(platform, HOSTS, register or platform.register)


def is_clean(platform):
    return not (platform.learners or platform.tables or platform.dump)


def test_a_platform_that_keeps_personal_data_unreadable_passes_and_is_left_as_it_was():
    platform = Platform()
    found = run(platform)
    assert (found.verdict, found.reasons) == ('pass', ())
    assert found.steps == ('sign_up', 'learn')
    assert set(found.searches) == set(HOSTS.every)
    assert is_clean(platform)


@pytest.mark.parametrize(
    'leak', [('real name', '/var/log/x'), ('identity number', '/x/base/1'), ('mobile phone', '/tmp/core')]
)
def test_personal_data_in_plain_anywhere_fails(leak):
    platform = Platform(leaks={'app-1': leak})
    found = run(platform)
    assert found.verdict == 'fail'
    assert found.reasons == (f'app-1: {leak[0]} in plain (UTF-8) in {leak[1]}',)
    assert is_clean(platform)


def test_needles_and_control_stand_in_no_argument_of_any_command():
    platform = Platform()
    seen = []
    run(platform, lambda canary: (seen.append(canary), platform.register(canary))[1])
    arguments = ' '.join(word for _, argv, _ in platform.asked for word in argv)
    assert not [needle.text for needle in seen[0].needles()[:3] if needle.text in arguments]
    assert 'anlan-control-' not in arguments


@pytest.mark.parametrize(('broken', 'reason'), [
    (('app-1', '-I'), 'app-1: the connection broke'),
    (('db-2', 'CHECKPOINT'), 'db-2: its memory was not written out'),
    (('db-1', 'pg_dump'), 'db-1: the connection broke'),
    (('db-1', 'CREATE'), 'db-1: the connection broke'),
    (('db-1', 'DROP'), 'may still be there'),
    (('app-1', 'delete_learner'), 'the canary may still be there'),
])  # fmt: skip
def test_what_breaks_on_the_way_is_a_reason_and_never_a_pass(broken, reason):
    platform = Platform(broken=[broken])
    found = run(platform)
    assert found.verdict == 'not-verified'
    assert any(reason in each for each in found.reasons), found.reasons
    if broken[1] not in ('DROP', 'delete_learner'):
        assert is_clean(platform)


def test_a_canary_that_never_got_in_is_not_verified():
    platform = Platform()
    found = run(platform, lambda canary: (Step('sign_up', 'the sign-up was refused'),))
    assert found.verdict == 'not-verified'
    assert 'the canary: sign_up: the sign-up was refused' in found.reasons
    assert any('there was nothing to find' in reason for reason in found.reasons)


def test_an_interrupt_takes_everything_away_first():
    platform = Platform()

    def interrupted(canary):
        platform.register(canary)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(platform, interrupted)
    assert is_clean(platform)


def test_without_one_leader_nothing_is_touched():
    platform = Platform(broken=[('db-1', 'psql')])
    with pytest.raises(AnlanError, match='0 leaders, wanted one: db-1'):
        run(platform)
    assert not platform.learners


@pytest.mark.parametrize('changes', [{'complete': False}, {'is_root': False}])
def test_a_search_that_was_none_has_a_reason(changes):
    answer = Platform().searched('app-1') | changes
    assert parse_search('app-1', json.dumps(answer)).reason


class Client:
    def __init__(self, out, code=0):
        self.result, self.asked = Result(code, out, '', 0.1), []

    def run(self, host, argv, deadline_seconds, stdin=None):
        self.asked.append((argv, stdin))
        return self.result


BROWSER = 'import json\n\n\nclass Device: ...\n\n\nmain()\n'


def test_the_canary_goes_to_the_client_on_standard_input_behind_the_browser_of_the_journey():
    canary = CanaryPerson.hatched()
    client = Client(json.dumps({'steps': [{'name': 'sign_up', 'reason': None}]}))
    assert front_door.register(client, 'client-1', 'https://learn.test/', BROWSER, canary) == (Step('sign_up'),)
    argv, stdin = client.asked[0]
    assert json.loads(stdin)['person']['mobile_phone'] == canary.person.mobile_phone
    assert not any(canary.person.mobile_phone in word or canary.password in word for word in argv)
    compile(argv[-1], 'client', 'exec')
    assert '\nmain()' not in argv[-1] and 'class Canary' in argv[-1]


@pytest.mark.parametrize('out', ['', 'Traceback', '[]', '{"steps": [{}]}'])
def test_a_client_that_gives_no_answer_is_an_error(out):
    with pytest.raises(AnlanError, match='client-1 gave no answer'):
        front_door.register(Client(out, 1), 'client-1', 'https://learn.test/', BROWSER, CanaryPerson.hatched())


def test_a_reason_that_holds_personal_data_is_not_repeated():
    canary = CanaryPerson.hatched()
    text = json.dumps({'steps': [{'name': 'learn', 'reason': f'LookupError: {canary.person.real_name}'}]})
    assert parse_steps(text, canary)[0].reason == 'failed; what it said holds personal data'
