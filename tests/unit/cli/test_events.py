"""Events on an operator's terminal: attackers have words in them, and no more than words."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from anlan.cli import events
from monitoring.events import Answer, Event, EventListing, Row
from tests.unit.cli.conftest import Anlan

HOSTILE = '\x1b[2J\x1b]0;owned\x07\x9b31m\x08\r\n\u202eabc\ud800 攻击 – ✓'
SHOWN = ('host', 'event', 'type', 'source', 'target', 'action', 'reason')
KEPT = '[2J', ']0;owned', '31m', 'abc', '攻击 – ✓'


def event(**changes: str) -> Event:
    given = dict.fromkeys((*SHOWN, 'origin', 'message'), 'word')
    return Event(time=datetime(2026, 11, 25, tzinfo=UTC), on=('mon-1',), **(given | changes))


def row(given: Event) -> Row:
    return Row(given, (given.host,), (given.target,), 1)


def blocks(count: int) -> tuple[Event, ...]:
    """Blocks a minute apart."""
    begun = datetime(2026, 11, 25, tzinfo=UTC)
    return tuple(replace(event(reason=f'reason-{n}-'), time=begun + timedelta(minutes=n)) for n in range(count))


def printed(monkeypatch: pytest.MonkeyPatch, given: EventListing, width: int = 100, limit: int = events.ROWS) -> str:
    out = io.StringIO()
    monkeypatch.setattr(events, 'results', Console(file=out, width=width))
    events.print_listing(given, limit)
    return out.getvalue()


@pytest.mark.parametrize('field', SHOWN)
def test_nothing_in_an_event_steers_the_terminal(field: str) -> None:
    cells = events.row_of(row(event(**{field: HOSTILE})))
    assert all(cell.isprintable() for cell in cells)
    assert all(any(part in cell for cell in cells) for part in KEPT)


def test_a_message_stands_for_a_reason_that_is_missing_and_is_shown_as_safely() -> None:
    assert events.row_of(row(event(reason='', message='a\x1b[31mb')))[-1] == 'a·[31mb'


def test_the_whole_listing_and_what_is_amiss_print_nothing_but_text(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(events, 'results', Console(file=out, width=200))
    every = dict.fromkeys(SHOWN, HOSTILE)
    events.print_listing(EventListing(('mon-1',), (event(**every),), (f'mon-2: not observed: {HOSTILE}',)))
    assert all(line.isprintable() for line in out.getvalue().split('\n'))
    assert out.getvalue().count('owned') == 8


@pytest.mark.parametrize('width', [40, 80, 100, 200])
def test_no_address_and_no_name_is_broken_however_narrow_the_terminal_is(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    source, target = '2001:db8:1234:5678:9abc:def0:1234:5678', '2001:db8:ffff:5678:9abc:def0:1234:5679'
    given = event(source=source, target=target, host='edge-1', event='request-refused', type='sql_injection')
    text = printed(
        monkeypatch, EventListing((), (given, replace(given, host='edge-2', reason='word ' * 40)), ()), width
    )
    for whole in (source, target, '11-25 00:00:00', 'edge-1', 'edge-2', 'request-refused', 'sql_injection'):
        assert whole in text


@pytest.mark.parametrize('width', [80, 100, 140])
def test_a_table_is_no_wider_than_a_terminal_that_has_room_for_its_words(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    given = event(source='198.18.2.31', host='fw-1', event='block', reason='a long word of explanation ' * 9)
    text = printed(monkeypatch, EventListing((), (given,), ()), width)
    assert max(map(len, text.splitlines())) <= width


def test_the_hosts_of_one_block_stand_in_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    several = tuple(event(host=host, target=host) for host in ('fw-1', 'fw-2', 'edge-1', 'edge-2'))
    text = printed(monkeypatch, EventListing((), several, ()), 200)
    assert len(text.splitlines()) == 2
    assert 'fw-1, fw-2, edge-1, edge-2' in text


def test_repeats_and_other_targets_are_counted() -> None:
    cells = events.row_of(Row(event(source='198.18.2.31'), ('fw-1',), ('192.0.2.1:80', '192.0.2.1:81'), 7))
    assert cells[3] == '198.18.2.31 → 192.0.2.1:80 and 1 more'
    assert cells[-1] == 'word (7 events)'


def test_the_newest_rows_are_shown_and_how_many_more_there_are_is_said_last(monkeypatch: pytest.MonkeyPatch) -> None:
    text = printed(monkeypatch, EventListing((), blocks(70), ('mon-2: lacks',)), 200)
    assert ('reason-19-' in text, 'reason-20-' in text, 'reason-69-' in text) == (False, True, True)
    assert text.splitlines()[-1].startswith('The newest 50 of 70 rows; `--limit 70` shows the other 20')
    assert 'at least 70 rows' in printed(monkeypatch, EventListing((), blocks(70), (), ('fw-1',)), 200)
    assert 'The newest' not in printed(monkeypatch, EventListing((), blocks(70), ()), 200, 70)


def test_what_stands_in_another_column_is_not_said_again() -> None:
    words = 'ET SCAN inbound: 198.18.2.31 → 192.0.2.1:443 (dropped)'
    alert = event(source='198.18.2.31', target='192.0.2.1:443', action='dropped', reason='', message=words)
    assert events.words_of(alert) == 'ET SCAN inbound'


NUMBER = '1221315fb86f733890c66e2e94591ac9'


def refusal() -> Event:
    words = f'198.18.1.31 was refused: SQL injection (rule 10201, request {NUMBER})'
    return replace(event(event='request-refused', reason='', message=words), request=NUMBER, rules='942100 ARGS:q')


def test_the_number_of_a_request_is_whole_in_its_details_and_not_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    listing = EventListing((), (refusal(),), ())
    text = printed(monkeypatch, listing, 200)
    assert 'was refused: SQL injection (rule 10201)' in text
    assert NUMBER not in text
    out = io.StringIO()
    monkeypatch.setattr(events, 'results', Console(file=out, width=20))
    events.print_details(listing)
    assert f' request  {NUMBER}\n' in out.getvalue()
    assert ' rules    942100 ARGS:q\n' in out.getvalue()


@pytest.mark.parametrize(
    ('arguments', 'reason'),
    [
        (['--source', '999.1.1.1'], '--source 999.1.1.1: is no address or network'),
        (['--type', 'nosuch'], '--type nosuch: is no event; there are block, '),
        (['--type', 'sql_injection'], 'request-refused'),
        (['--request', 'ab'], '--request ab: is no number of a request'),
        (['--stores', '--verify'], 'are two questions'),
        (['--stores', '--since', '1h'], 'are about all that is kept'),
        (['--verify', '--type', 'block'], 'are about all that is kept'),
    ],
)
def test_what_cannot_be_asked_for_is_one_sentence(
    anlan: Anlan, sample: Path, arguments: list[str], reason: str
) -> None:
    ended = anlan('events', '-p', sample, *arguments)
    assert (ended.code, ended.out) == (2, '')
    assert reason in ended.said
    assert 'Traceback' not in ended.err


def test_the_events_that_there_are_stand_in_the_help(anlan: Anlan) -> None:
    text = anlan('events', '--help').out
    assert all(name in text for name in ('block', 'intrusion', 'request-refused', 'block-list-unusable'))


class _Standing:
    """A platform's connections, of which one monitoring host is asked."""

    def __init__(self, listing: EventListing) -> None:
        self.listing = listing
        self.asked: list[str] = []

    def __enter__(self) -> tuple[_Standing, dict[str, Any]]:
        return self, {'hosts': {'mon-1': {'tier': 'monitoring'}}}

    def __exit__(self, *_: object) -> None:
        return None

    def settled(self, _remote: object, _monitors: object, words: list[str], _limit: int) -> EventListing:
        self.asked = words
        return self.listing


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> _Standing:
    made = _Standing(EventListing(('mon-1',), blocks(70), ()))
    monkeypatch.setattr(events, 'observing', lambda _: made)
    monkeypatch.setattr(events, 'require_bastion', lambda *_: None)
    monkeypatch.setattr(events, 'settled', made.settled)
    return made


def test_json_has_every_event_or_the_newest_of_all_hosts(anlan: Anlan, sample: Path, standing: _Standing) -> None:
    every = json.loads(anlan('events', '-p', sample, '--json').out)['events']
    assert len(every) == 70
    assert standing.asked[2:] == ['--limit', '10000']
    assert json.loads(anlan('events', '-p', sample, '--json', '--limit', '3').out)['events'] == every[-3:]
    assert standing.asked[2:] == ['--limit', '3']


def test_sources_are_asked_for_in_their_usual_spelling_and_a_request_in_all_that_is_kept(
    anlan: Anlan, sample: Path, standing: _Standing
) -> None:
    anlan('events', '-p', sample, '--source', '2001:0DB8::5', '--source', '198.18.1.3/24', '--type', 'block')
    assert standing.asked[2:] == [
        '--limit', '1000', '--type', 'block', '--source', '2001:db8::5', '--source', '198.18.1.0/24',
    ]  # fmt: skip
    anlan('events', '-p', sample, '--request', NUMBER.upper())
    assert standing.asked == ['--since', '0.000000', '--limit', '1000', '--request', NUMBER]


def test_what_is_asked_again_is_judged_by_when_it_was_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    moments: list[datetime] = []

    def judge(_answers: object, _limit: int, now: datetime) -> EventListing:
        moments.append(now)
        return EventListing((), (), ('mon-2: lacks',) if len(moments) < 3 else ())

    monkeypatch.setattr(events, 'asked', lambda *_: {'mon-1': Answer({})})
    monkeypatch.setattr(events, 'judge', judge)
    monkeypatch.setattr('anlan.cli.events.time.sleep', lambda _: None)
    assert events.settled(None, ['mon-1'], [], 9).findings == ()  # type: ignore[arg-type]
    assert len(moments) == 3
    assert len(set(moments)) == 1
