"""Traces of persons where none may be: in the journals of hosts, and in what the front door writes down."""

from __future__ import annotations

import pytest

from compliance.checking import clauses, not_verified, tiers, violation
from compliance.reading.traces import IDENTITY, PHONE
from compliance.violation import answered

LOOKED_AT = 2000
"""Lines of a journal that are searched: the newest, for a search must not be felt."""

JOURNAL = f"""
f=$(mktemp -p /run)
journalctl -q -n {LOOKED_AT} -o cat --output-fields=MESSAGE | grep -v NOT_LOGGING_PARAMETER > $f
echo lines $(wc -l < $f)
echo phone $(grep -cE '{PHONE}' $f)
echo identity $(grep -cE '{IDENTITY}' $f)
echo password $(grep -ciE '(password|passwd|sessionid|csrfmiddlewaretoken)(=|": *")[A-Za-z0-9!@#$%^+/]{{6,}}' $f)
echo query $(grep -cE '"uri":"[^"]*[?][^"-]' $f)
rm -f $f"""
"""Of what is found only how often it is there leaves the host."""


def counted(host):
    """Return how often something is found among the newest lines of the journal."""
    told = dict(line.split() for line in host.run(JOURNAL).stdout.splitlines() if len(line.split()) == 2)
    if not told.get('lines', '0').isdigit() or int(told.get('lines', '0')) < 20:
        not_verified(f'the journal has {told.get("lines", "no")} lines')
    return {name: int(count) for name, count in told.items()}


@tiers('edge', 'balancer', 'app', 'data')
@clauses('22239-8.1.4.11-b', '35273-6.3-a', '22239-8.1.4.11-a')
@pytest.mark.parametrize(
    ('what', 'name'),
    [
        pytest.param(what, name, id=what, marks=violation(answered('mktemp -p /run', f'lines 900\n{what} 3\n')))
        for what, name in {'phone': 'phone number', 'identity': 'identity number', 'password': 'password'}.items()
    ],
)
def test_the_journal_has_nothing_of_a_person(host, what, name):
    count = counted(host).get(what)
    if count is None:
        not_verified('it was not counted')
    assert count == 0, f'{count} of the newest {LOOKED_AT} lines look like a {name}'


@tiers('edge')
@clauses('22239-8.1.4.11-b', '35273-6.3-a')
@violation(answered('mktemp -p /run', 'lines 900\nquery 3\n'))
def test_the_front_door_writes_down_no_query(host):
    count = counted(host).get('query')
    if count is None:
        not_verified('it was not counted')
    assert count == 0, f'{count} of the newest lines have a query, where names and searches are'
