"""Events on an operator's terminal: attackers have words in them, and no more than words."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from anlan.cli import events
from monitoring.events import Event, EventListing

HOSTILE = '\x1b[2J\x1b]0;owned\x07\x9b31m\x08\r\n\u202eabc\ud800 攻击 – ✓'
SHOWN = ('host', 'event', 'type', 'source', 'target', 'action', 'reason')
KEPT = '[2J', ']0;owned', '31m', 'abc', '攻击 – ✓'


def event(**changes: str) -> Event:
    given = dict.fromkeys((*SHOWN, 'origin', 'message'), 'word')
    return Event(time=datetime(2026, 11, 25, tzinfo=UTC), on=('mon-1',), **(given | changes))


@pytest.mark.parametrize('field', SHOWN)
def test_nothing_in_an_event_steers_the_terminal(field: str) -> None:
    row = events.row_of(event(**{field: HOSTILE}))
    assert all(cell.isprintable() for cell in row)
    assert all(any(part in cell for cell in row) for part in KEPT)


def test_a_message_stands_for_a_reason_that_is_missing_and_is_shown_as_safely() -> None:
    assert events.row_of(event(reason='', message='a\x1b[31mb'))[-1] == 'a·[31mb'


def test_the_whole_listing_and_what_is_amiss_print_nothing_but_text(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(events, 'results', Console(file=out, width=200))
    every = dict.fromkeys(SHOWN, HOSTILE)
    events.print_listing(EventListing(('mon-1',), (event(**every),), (f'mon-2: not observed: {HOSTILE}',)))
    assert all(line.isprintable() for line in out.getvalue().split('\n'))
    assert out.getvalue().count('owned') == 8
