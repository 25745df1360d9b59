"""What two monitoring hosts say of events, put together: nothing twice, and nothing that one lacks unsaid."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from anlan.errors import BadInput
from monitoring.events import Answer, answer_of, identity_of, judge, moment_of, monitors_of

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
