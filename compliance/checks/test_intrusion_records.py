"""Records of the intrusion detection: what it writes down of attacks, and that nothing of it is lost."""

from __future__ import annotations

import pytest

from compliance.checking import clauses, not_applicable, not_verified, tiers, violation
from compliance.reading.sections import part, question, told

SENSORS = ('inline', 'refused')
FIELDS = ('ANLAN_SOURCE', 'ANLAN_TARGET', 'ANLAN_TYPE', 'ANLAN_TIME', 'ANLAN_SEVERITY', 'ANLAN_ACTION')
RECORDS = (
    'journalctl ANLAN_EVENT=intrusion -n 50 -o json --no-pager -q | python3 -c "import json, sys\n'
    'fields = sys.argv[1:]\n'
    'for line in sys.stdin:\n'
    '    each = json.loads(line)\n'
    "    print(*[name for name in fields if str(each.get(name) or '').strip()])\" "
    + ' '.join(FIELDS) + '; echo end'
)  # fmt: skip
"""Which fields each record has: what they hold may be a person's address."""

ASKED = question({'records': RECORDS, 'figures': "grep -v '^#' /run/anlan/metrics/intrusion.prom; date +%s"})


def figures(host):
    """Return the figures of the watch, by name with labels, and the host's time."""
    lines = part(host, ASKED, 'figures').splitlines()
    if len(lines) < 5:
        not_verified('the intrusion detection has no figures')
    return {line.rpartition(' ')[0]: float(line.rpartition(' ')[2]) for line in lines[:-1]}, int(lines[-1])


@pytest.mark.parametrize('field', [
    pytest.param(each, id=each.removeprefix('ANLAN_').lower(), marks=violation(told(
        'intrusion.prom', 'records', f'{" ".join(name for name in FIELDS if name != each)}\nend\n'
    )))
    for each in FIELDS
])  # fmt: skip
@tiers('firewall')
@clauses('22239-8.1.3.3-d', '22239-8.1.3.5-b', '22239-8.1.4.4-f')
def test_each_record_of_an_attack_says(host, field):
    lines = part(host, ASKED, 'records').splitlines()
    if lines[-1:] != ['end']:
        not_verified('the journal does not answer')
    if len(lines) == 1:
        not_verified('no attack was recorded yet')
    without = sum(field not in line.split() for line in lines[:-1])
    assert not without, f'{without} of the last {len(lines) - 1} records of attacks have no {field}'


@tiers('firewall')
@clauses('22239-8.1.3.3-d', '22239-8.1.3.5-c')
@violation(
    told(
        'intrusion.prom',
        'figures',
        'anlan_intrusion_events_lost_total 4\na 1\nb 1\nanlan_intrusion_alerts_unreadable_total 0\n1\n',
    )
)
def test_no_record_of_an_attack_was_lost(host):
    found = figures(host)[0]
    names = ('anlan_intrusion_events_lost_total', 'anlan_intrusion_alerts_unreadable_total')
    lost = {name: found[name] for name in names if name in found}
    assert len(lost) == 2, 'whether records were lost is not counted'
    assert not sum(lost.values()), f'lost: {lost}'


@tiers('firewall')
@clauses('22239-8.1.3.3-a', 'cosha-5.3')
@violation(told('intrusion.prom', 'figures', 'anlan_intrusion_looked_timestamp_seconds 1\na 1\nb 1\nc 0\n900\n'))
def test_the_sensors_are_watched(host):
    found, now = figures(host)
    age = now - found.get('anlan_intrusion_looked_timestamp_seconds', 0)
    assert age < 60, f'nobody looked at the sensors for {age:.0f} s'


@tiers('firewall')
@clauses('22239-8.1.2.1-a', '22239-8.1.3.3-a')
@violation(told('intrusion.prom', 'figures', 'anlan_intrusion_memory_bytes{sensor="inline"} 99\n'
                    'anlan_intrusion_memory_maximum_bytes{sensor="inline"} 100\n'
                    'c 0\nd 0\n1\n'))  # fmt: skip
def test_the_sensors_have_memory_left(host):
    found = figures(host)[0]
    shares = {}
    for sensor in SENSORS:
        used, most = (
            found.get(f'anlan_intrusion_memory_{name}{{sensor="{sensor}"}}') for name in ('bytes', 'maximum_bytes')
        )
        if used and most:
            shares[sensor] = used / most
    if not shares:
        not_applicable('no sensor tells its memory')
    full = {sensor: f'{share:.0%}' for sensor, share in shares.items() if share > 0.9}
    assert not full, f'memory used: {full}'
