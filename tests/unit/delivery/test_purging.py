"""`anlan cdn purge`: what each host counted is handed on, also by one with a program of an earlier version."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from anlan.cli.cdn import purge_levels
from anlan.remote import Remote, Result

COUNTED = {'tag': 'x', 'looked_at': 4, 'removed': 3, 'removed_bytes': 300, 'removed_late': 1, 'faults': []}


class Hosts:
    """Hosts that all give the same answer."""

    def __init__(self, counted: dict[str, Any]) -> None:
        self.answer = json.dumps(counted)

    def run_on_all(self, names: Sequence[str], argv: Sequence[str], deadline_seconds: float) -> dict[str, Result]:
        return {name: Result(0, self.answer, '', 0.1) for name in names}


def purged(counted: dict[str, Any]) -> dict[str, Any]:
    return purge_levels(cast(Remote, Hosts(counted)), {'edge-1': 'edge'}, 'x')['edge-1']


def test_what_the_second_pass_removed_is_handed_on() -> None:
    assert purged(COUNTED) == {
        'level': 'edge', 'removed': 3, 'removed_bytes': 300, 'removed_late': 1, 'reason': '',
    }  # fmt: skip


def test_a_host_without_a_second_pass_has_removed_nothing_in_it() -> None:
    before = {key: value for key, value in COUNTED.items() if key != 'removed_late'}
    assert (purged(before)['removed'], purged(before)['removed_late']) == (3, 0)


def test_a_folder_that_was_not_read_is_the_reason_why_it_is_not_purged() -> None:
    assert purged(COUNTED | {'faults': ['/cache/a: Permission denied']})['reason'] == '/cache/a: Permission denied'
