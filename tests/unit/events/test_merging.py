"""What two monitoring hosts say of events, put together: nothing twice, and nothing that one lacks unsaid."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from anlan.errors import BadInput
from anlan.paths import ROOT
from backup.announcement import EVENT
from monitoring import events
from monitoring.events import (
    Answer,
    Event,
    EventListing,
    answer_of,
    identity_of,
    moment_of,
    monitors_of,
    name_of,
    network_of,
    request_of,
    rows_of,
)

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
SECOND = 1_000_000


def entry(number: int, store: str = 'a', **fields: Any) -> dict[str, Any]:
    """An entry as journalctl prints it; what tells the stores apart is not what tells entries apart."""
    moment = 1_795_000_000 * SECOND + number * SECOND
    same = f'b={"b" * 32};m={number:x};t={moment:x};x={number + 77:x}'
    return {
        '__CURSOR': f's={store * 32};i={number:x};{same}',
        '__REALTIME_TIMESTAMP': str(moment),
        'ANLAN_EVENT': 'block',
        'ANLAN_SOURCE': '198.18.2.31',
        'MESSAGE': f'event {number}',
    } | fields


def answer(*numbers: int, store: str = 'a', host: str = 'fw-1') -> Answer:
    return Answer({host: [entry(number, store) for number in numbers]})


def at(seconds: float) -> datetime:
    """Return the time so long after the first entry could be."""
    return datetime.fromtimestamp(1_795_000_000 + seconds, UTC)


def judge(answers: dict[str, Answer | str], limit: int, now: datetime = NOW) -> EventListing:
    return events.judge(answers, limit, now)


def test_an_event_that_both_have_is_there_once() -> None:
    listing = judge({'mon-1': answer(1, 2), 'mon-2': answer(1, 2, store='c')}, 100)
    assert [(event.message, event.on) for event in listing.events] == [
        ('event 1', ('mon-1', 'mon-2')), ('event 2', ('mon-1', 'mon-2')),
    ]  # fmt: skip
    assert listing.findings == ()


def test_what_one_got_twice_is_there_once() -> None:
    listing = judge({'mon-1': answer(1, 1, 2), 'mon-2': answer(1, 2, store='c')}, 100)
    assert len(listing.events) == 2
    assert listing.findings == ()


def test_what_one_lacks_is_shown_and_said() -> None:
    listing = judge({'mon-1': answer(1, 2, 3), 'mon-2': answer(1, store='c')}, 100)
    assert len(listing.events) == 3
    assert listing.events[2].on == ('mon-1',)
    (finding,) = listing.findings
    assert finding.startswith('mon-2: lacks 2 of 3 events, the newest of fw-1, block at 2026-')


def test_a_host_of_which_one_has_nothing_is_said() -> None:
    (finding,) = judge({'mon-1': answer(1), 'mon-2': Answer({})}, 100).findings
    assert finding.startswith('mon-2: lacks 1 of 1')


def test_the_same_words_of_two_hosts_are_two_events() -> None:
    both = {host: [entry(1)] for host in ('fw-1', 'fw-2')}
    listing = judge({'mon-1': Answer(both), 'mon-2': Answer(both)}, 100)
    assert [event.host for event in listing.events] == ['fw-1', 'fw-2']


def test_a_monitoring_host_that_is_silent_is_no_host_without_events() -> None:
    listing = judge({'mon-1': answer(1), 'mon-2': 'no SSH session'}, 100)
    assert listing.findings == ('mon-2: not observed: no SSH session',)
    assert listing.events[0].on == ('mon-1',)


def test_a_store_that_cannot_be_read_is_said() -> None:
    lines = (
        json.dumps({'host': 'fw-1', 'entry': entry(1)}) + '\n' + json.dumps({'host': 'lb-1', 'error': 'Bad message'})
    )
    heard = answer_of(lines)
    assert isinstance(heard, Answer)
    (finding,) = judge({'mon-1': heard}, 100).findings
    assert finding == 'mon-1: not observed: the store of lb-1 cannot be read: Bad message'


def test_what_is_older_than_what_was_asked_for_is_not_missed() -> None:
    """Each is asked for its newest two: one has got the third already, and so does not say the first."""
    listing = judge({'mon-1': answer(2, 3), 'mon-2': answer(1, 2, store='c')}, 2)
    assert [finding.split(':')[0] for finding in listing.findings] == ['mon-2']
    assert judge({'mon-1': answer(2, 3), 'mon-2': answer(1, 2, store='c')}, 3).findings[0].startswith('mon-2')
    assert len(judge({'mon-1': answer(2, 3), 'mon-2': answer(1, 2, store='c')}, 3).findings) == 2


def test_what_is_as_old_as_the_oldest_of_what_was_asked_for_is_not_missed() -> None:
    twin = entry(2) | {'__CURSOR': entry(2)['__CURSOR'].replace('x=4f', 'x=50')}
    heard = {'mon-1': Answer({'fw-1': [entry(2), entry(3)]}), 'mon-2': Answer({'fw-1': [twin, entry(3, 'c')]})}
    assert judge({**heard}, 2).findings == ()
    assert len(judge({**heard}, 3).findings) == 2


def test_an_event_of_seconds_ago_is_shown_and_not_missed_yet() -> None:
    listing = judge({'mon-1': answer(1, 20), 'mon-2': answer(1, store='c')}, 100, at(29))
    assert [event.on for event in listing.events] == [('mon-1', 'mon-2'), ('mon-1',)]
    assert listing.findings == ()


def test_an_event_that_had_the_time_to_arrive_is_missed() -> None:
    (finding,) = judge({'mon-1': answer(1, 20), 'mon-2': answer(1, store='c')}, 100, at(30)).findings
    assert finding.startswith('mon-2: lacks 1 of 2 events')


def test_a_real_lack_is_told_beside_what_is_under_way() -> None:
    (finding,) = judge({'mon-1': answer(1, 2, 20), 'mon-2': answer(1, store='c')}, 100, at(25)).findings
    assert finding.startswith('mon-2: lacks 1 of 3 events, the newest of fw-1')


def test_a_clock_that_is_far_ahead_hides_nothing() -> None:
    (finding,) = judge({'mon-1': answer(500), 'mon-2': Answer({})}, 100, at(0)).findings
    assert finding.startswith('mon-2: lacks 1 of 1')


def test_the_hosts_of_which_there_may_be_more_are_known_and_are_no_part_of_the_document() -> None:
    heard = Answer({'edge-1': [entry(1)], 'fw-1': [entry(1), entry(2)]})
    listing = judge({'mon-1': heard}, 2)
    assert listing.cut == ('fw-1',)
    assert set(listing.document()) == {'monitors', 'events', 'findings'}


def test_the_newest_are_left_in_their_order() -> None:
    listing = judge({'mon-1': answer(1, 2, 3)}, 9)
    assert [event.message for event in listing.newest(2).events] == ['event 2', 'event 3']
    assert listing.newest(9) == listing


def told(*moments: tuple[str, float], **fields: Any) -> list[Event]:
    given = {'event': 'block', 'type': 'waf', 'source': '198.18.2.31', 'action': 'blocked'} | fields
    rest: dict[str, Any] = {'reason': '', 'origin': '', 'message': '', 'on': ()}
    return [Event(time=at(seconds), host=host, target=host, **rest, **given) for host, seconds in moments]


def test_what_several_hosts_tell_of_one_thing_is_one_row() -> None:
    (row,) = rows_of(told(('fw-1', 0), ('fw-2', 0.1), ('edge-1', 0.2), ('fw-1', 1), ('edge-2', 2)))
    assert row.hosts == row.targets == ('fw-1', 'fw-2', 'edge-1', 'edge-2')
    assert (row.first.time, row.count) == (at(0), 5)


def test_what_is_told_later_is_another_row_however_often_it_is_told() -> None:
    assert [row.count for row in rows_of(told(*(('fw-1', number * 0.5) for number in range(10))))] == [5, 5]


@pytest.mark.parametrize('field', ['event', 'type', 'source', 'action'])
def test_what_differs_is_another_row(field: str) -> None:
    assert len(rows_of([*told(('fw-1', 0)), *told(('fw-2', 0), **{field: 'other'})])) == 2


def test_two_spellings_of_one_source_are_one_row() -> None:
    spelled = told(('fw-1', 0), source='2001:0db8:0000:0000:0000:0000:0000:0005')
    assert len(rows_of([*spelled, *told(('fw-2', 0), source='2001:db8::5')])) == 1


@pytest.mark.parametrize(
    ('text', 'usual'),
    [
        ('198.18.1.31', '198.18.1.31'),
        (' 198.18.1.31/32', '198.18.1.31'),
        ('198.18.1.31/24', '198.18.1.0/24'),
        ('2001:0DB8:0:0::5', '2001:db8::5'),
        ('2001:db8:1:2:3::/64', '2001:db8:1:2::/64'),
        ('::ffff:198.18.1.31', '198.18.1.31'),
    ],
)
def test_a_source_has_one_spelling(text: str, usual: str) -> None:
    assert network_of(text) == usual


@pytest.mark.parametrize('text', ['999.1.1.1', 'edge-1', '', '198.18.1', '198.18.1.0/33', 'fe80::1%eth0', '5'])
def test_what_is_no_source_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r'--source .*is no address or network'):
        network_of(text)


def test_an_event_that_nobody_writes_is_refused_and_those_that_there_are_are_named() -> None:
    assert name_of('request-refused') == 'request-refused'
    with pytest.raises(BadInput, match=r'--type nosuch: is no event; there are block, unblock, .*request-refused'):
        name_of('nosuch')


def test_every_event_that_a_role_or_the_agent_of_backups_writes_is_known() -> None:
    written = set()
    for file in (ROOT / 'playbooks' / 'roles').glob('*/files/**/*'):
        if file.is_file():
            text = file.read_text(encoding='utf-8', errors='replace')
            written |= set(re.findall(r"ANLAN_EVENT'?(?:=|: )'([a-z-]+)'", text))
            written |= set(re.findall(r"self\._event\(\s*'([a-z-]+)'", text))
    assert written | {EVENT} == set(events.NAMES) - {'test'}


def test_a_request_is_known_by_its_whole_number() -> None:
    assert request_of(f' {"AB" * 16} ') == 'ab' * 16
    for text in ('', 'ab', 'g' * 32, 'a' * 33, '?'):
        with pytest.raises(BadInput, match='--request'):
            request_of(text)


def test_the_number_and_the_rules_of_a_refused_request_are_kept() -> None:
    heard = Answer({'edge-1': [entry(1, ANLAN_REQUEST='ab12', ANLAN_RULES='942100 ARGS:q')]})
    (event,) = judge({'mon-1': heard}, 9).events
    assert (event.request, event.rules) == ('ab12', '942100 ARGS:q')


def test_events_stand_in_their_order_whatever_host_they_are_of() -> None:
    heard = Answer({'edge-1': [entry(5), entry(1)], 'fw-1': [entry(3)]})
    assert [event.message for event in judge({'mon-1': heard}, 9).events] == ['event 1', 'event 3', 'event 5']


@pytest.mark.parametrize(
    'line', ['no json', '{"host": "fw-1"}', '[]', '{"host": "fw-1", "entry": {"__CURSOR": "x"}}', '7']
)
def test_an_answer_that_cannot_be_read_is_no_answer(line: str) -> None:
    assert str(answer_of(line)).startswith('it gave no answer that can be read')


def test_no_line_is_an_answer_without_events() -> None:
    assert answer_of('') == Answer({})


def test_entries_that_differ_in_any_clock_boot_or_field_are_not_the_same() -> None:
    one = entry(1)
    for before, after in (('b=bb', 'b=cb'), ('m=1', 'm=2'), (';t=', ';t=f'), ('x=4e', 'x=4f')):
        changed = one['__CURSOR'].replace(before, after)
        assert changed != one['__CURSOR']
        assert identity_of(one | {'__CURSOR': changed}) != identity_of(one)


def test_fields_of_any_kind_become_text() -> None:
    heard = Answer({'fw-1': [entry(1, MESSAGE=[104, 105], ANLAN_TYPE=['waf', 'flood'], ANLAN_TARGET=None)]})
    (event,) = judge({'mon-1': heard}, 9).events
    assert (event.message, event.type, event.target, event.action) == ('hi', 'waf, flood', '', '')


def test_the_document_has_times_that_a_program_reads() -> None:
    document = judge({'mon-1': answer(1)}, 9).document()
    assert datetime.fromisoformat(document['events'][0]['time']) == datetime.fromtimestamp(1_795_000_001, UTC)


@pytest.mark.parametrize(
    ('text', 'moment'),
    [
        ('90s', NOW - timedelta(seconds=90)),
        ('1h', NOW - timedelta(hours=1)),
        ('180d', NOW - timedelta(days=180)),
        ('2026-11-25T11:00', datetime(2026, 11, 25, 11, tzinfo=UTC)),
        ('2026-11-25 11:00:00+08:00', datetime(2026, 11, 25, 3, tzinfo=UTC)),
    ],
)
def test_since_is_a_span_or_a_time(text: str, moment: datetime) -> None:
    assert moment_of(text, NOW) == moment


@pytest.mark.parametrize(
    'text', ['yesterday', '1 h', '-1h', '1w', '', '9999999d', '999999d', '0001-01-01T00:00', '2026-11-25T12:01']
)
def test_another_since_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match='--since'):
        moment_of(text, NOW)


def test_monitoring_hosts_alone_are_asked() -> None:
    assert monitors_of({'hosts': {'fw-1': {'tier': 'firewall'}, 'mon-1': {'tier': 'monitoring'}}}) == ['mon-1']


def silence(**newest: float | None) -> tuple[str, ...]:
    text = '\n'.join(json.dumps({'host': host.replace('_', '-'), 'newest': moment}) for host, moment in newest.items())
    heard = answer_of(text)
    assert isinstance(heard, Answer)
    return judge({'mon-1': heard}, 9).findings


def test_a_host_that_is_silent_is_named_though_it_has_no_events() -> None:
    moment = NOW.timestamp()
    assert silence(db_1=moment - 899, ops_1=moment + 60) == ()
    assert silence(db_1=moment - 1500, vault_1=None) == (
        'mon-1: has heard nothing of db-1 for 25 min', 'mon-1: has never heard vault-1',
    )  # fmt: skip


def test_a_time_that_is_none_is_no_answer() -> None:
    assert isinstance(answer_of('{"host": "db-1", "newest": "soon"}'), str)
