from __future__ import annotations

import json
from dataclasses import replace

import pytest

from compliance.canary.judging import judge, places_of
from compliance.canary.needle import CanaryPerson, Purpose, control_needle
from compliance.canary.searching import COUNTS, Hit, HostSearch

CANARY = CanaryPerson.hatched()
NEEDLES = (*CANARY.needles(), control_needle())
DUMP = '/var/lib/postgresql/anlan-canary/dump.sql'
PLACES = places_of('db-1', DUMP)
PATHS = ('/var/lib/postgresql/17/lab/base/1/2', '/var/lib/postgresql/17/lab/pg_wal/000000010000000000000001', DUMP)
COUNTED = dict.fromkeys(COUNTS, 1)


def hit(needle, path, kind='file'):
    return Hit(needle, 'UTF-8', path, kind, 0)


SEEN = tuple(hit(needle, path) for needle in ('control', 'user name') for path in PATHS)
GOOD = {'db-1': HostSearch('db-1', SEEN, counts=COUNTED), 'app-1': HostSearch('app-1', counts=COUNTED)}


def judged(searches=None, **changes):
    given = {'username': CANARY.username, 'needles': NEEDLES, 'places': PLACES, 'searches': searches or GOOD}
    return judge(**given | changes)


def test_found_nowhere_although_the_search_sees_what_is_there_is_a_pass():
    found = judged()
    assert (found.verdict, found.reasons) == ('pass', ())


@pytest.mark.parametrize('needle', [needle.name for needle in NEEDLES if needle.purpose is Purpose.SECRET])
@pytest.mark.parametrize('kind', ['file', 'opened', 'journal', 'memory', 'name', 'process', 'deleted', 'swap'])
def test_a_secret_found_anywhere_fails(needle, kind):
    found = judged(GOOD | {'app-1': replace(GOOD['app-1'], hits=(hit(needle, '/var/log/x', kind),))})
    assert found.verdict == 'fail'
    assert found.reasons == (f'app-1: {needle} in plain (UTF-8) in /var/log/x',)


@pytest.mark.parametrize('place', range(3))
@pytest.mark.parametrize('needle', ['control', 'user name'])
def test_a_search_that_does_not_find_what_is_there_is_not_verified(place, needle):
    seen = tuple(each for each in SEEN if (each.needle, each.path) != (needle, PATHS[place]))
    found = judged(GOOD | {'db-1': replace(GOOD['db-1'], hits=seen)})
    assert found.verdict == 'not-verified'
    assert found.reasons == (f'db-1: the {needle} is in the {PLACES[place].name} and was not found there',)


def test_a_control_that_only_the_journal_shows_is_not_found_in_the_files():
    seen = (*SEEN[1:], replace(SEEN[0], kind='journal'))
    assert judged(GOOD | {'db-1': replace(GOOD['db-1'], hits=seen)}).verdict == 'not-verified'


@pytest.mark.parametrize('search', [
    HostSearch('app-1', reason='app-1: no SSH session'),
    HostSearch('app-1', counts=COUNTED, reason='was not searched to the end within 300 s'),
    HostSearch('app-1', counts=COUNTED, skipped=(('/dev/vda2', 'swap'),), places_skipped=1),
    HostSearch('app-1', counts=COUNTED | {'files': 0}),
])  # fmt: skip
def test_a_host_that_was_not_searched_whole_is_not_verified_with_its_reason(search):
    found = judged(GOOD | {'app-1': search})
    assert found.verdict == 'not-verified'
    assert len(found.reasons) == 1 and found.reasons[0].startswith('app-1: ')


def test_what_was_found_counts_although_much_was_not_searched():
    broken = HostSearch('app-1', (hit('real name', '/x'),), reason='was not searched to the end within 300 s')
    assert judged(GOOD | {'app-1': broken}).verdict == 'fail'


@pytest.mark.parametrize('changes', [
    {'doubts': ('the canary: sign_up: refused',)}, {'searches': {}}, {'places': ()},
    {'needles': CANARY.needles()}, {'needles': [each for each in NEEDLES if each.purpose is not Purpose.PRESENCE]},
])  # fmt: skip
def test_a_doubt_no_host_no_place_and_no_control_are_not_verified(changes):
    found = judge(
        **{'username': CANARY.username, 'needles': NEEDLES, 'places': PLACES, 'searches': GOOD} | changes,
    )
    assert found.verdict == 'not-verified' and found.reasons


def test_many_places_that_were_not_searched_are_counted():
    skipped = tuple((f'/x/{number}', 'no permission') for number in range(9))
    found = judged(GOOD | {'app-1': HostSearch('app-1', counts=COUNTED, skipped=skipped, places_skipped=400)})
    assert found.reasons[-1] == 'app-1: 395 more places were not searched'


def test_the_document_holds_nothing_that_was_searched_for():
    text = json.dumps(judged().document(), ensure_ascii=False)
    assert not [needle for needle in NEEDLES if needle.purpose is Purpose.SECRET and needle.text in text]
    assert CANARY.password not in text and CANARY.person.identity_number not in text
