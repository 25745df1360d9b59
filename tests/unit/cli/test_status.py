"""What `anlan status` prints on a narrow terminal: no mark and no name is ever cut."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from anlan.cli import status
from monitoring.status import HostStatus, Status

STEPS = ('open', 'log_in', 'courses', 'lesson_page', 'video', 'save_progress', 'other_device')
CLIENTS = ('client-1', 'client-2')


def found() -> Status:
    hosts = [
        HostStatus('monitoring-1', 'monitoring', 'management', 'degraded', [], ['prometheus', 'event store', 'alerts'],
                   341.0, 0.0012, 'abcdef0123456789'),
        HostStatus('db-1', 'data', 'data', 'down', [], ['leader', 'etcd'], 341.0, -0.0123, None),
    ]  # fmt: skip
    journey = [
        {'client': name, 'ok': name == CLIENTS[0], 'mean_seconds': 0.1234,
         'steps': [{'name': step, 'seconds': 1.234, 'ok': name == CLIENTS[0]} for step in STEPS]}
        for name in CLIENTS
    ]  # fmt: skip
    addresses = [{'name': 'front-door-of-learners', 'zone': 'boundary of the internet',
                  'address': '2001:db8:aaaa::1234', 'holders': ['balancer-1', 'balancer-2']}]  # fmt: skip
    reasons = ['client-2 cannot save progress, and it says so in a sentence that is longer than a line']
    return Status(
        'lab', 'down', '198.51.100.10', '2026-11-26T12:00:00+00:00', hosts, journey, addresses, {}, {}, [], reasons
    )


@pytest.mark.parametrize('width', [80, 100, 200])
def test_no_mark_and_no_name_is_cut_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    stream = StringIO()
    monkeypatch.setattr(status, 'results', Console(file=stream, width=width, highlight=False))
    status.print_status(found())
    lines = stream.getvalue().splitlines()
    assert all(len(line) <= width for line in lines)
    for mark, name in (('!', 'monitoring-1'), ('✗', 'db-1'), ('!', 'front-door-of-learners'), ('✓', CLIENTS[0]),
                       ('✗', CLIENTS[1])):  # fmt: skip
        assert [line for line in lines if line.split()[:2] == [mark, name]], (mark, name, lines)
    assert '…' not in stream.getvalue()
