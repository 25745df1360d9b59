"""The journal of each host: kept, whole, readable by few, and every record with what a record must have."""

from __future__ import annotations

import json
import re

import pytest

from compliance.checking import clauses, not_verified, violation
from compliance.violation import answered, run, write

SETTINGS = 'systemd-analyze cat-config systemd/journald.conf | grep -E "^[A-Z]"'
NEWEST = """
journalctl -q -n 40 -o json --output-fields=PRIORITY,_HOSTNAME,SYSLOG_IDENTIFIER,_UID,_COMM,_TRANSPORT |
  sed 's/^/record /'
echo now $(date +%s)
echo dropped $(journalctl -q -b _COMM=systemd-journald -o cat --output-fields=MESSAGE -n 2000 |
  grep -cE '^Suppressed|Missed [0-9]+ kernel')
systemctl show systemd-journald.service -p ActiveState,Restart,NRestarts,WatchdogUSec"""
FILES = """
stat -c '%a %U:%G %n' /var/log/journal /var/log/journal/*
find /var/log/journal -type f \\( -perm /037 -o ! -user root \\) -printf 'loose %m %u %p\\n' | head -3
for file in /var/log/journal/*/system.journal; do
  echo file $(journalctl --header --file=$file | grep -iE 'compatible flags|State:')
done
getent group systemd-journal adm | sed 's/^/readers /'"""
DROPPED_IN = '/run/systemd/journald.conf.d/zz-planted.conf'
DAY = {
    's': 1 / 86400, 'sec': 1 / 86400, 'min': 1 / 1440, 'h': 1 / 24, 'day': 1, 'days': 1, 'd': 1, 'week': 7, 'weeks': 7,
    'w': 7, 'month': 30.44, 'months': 30.44, 'M': 30.44, 'year': 365.25, 'years': 365.25, 'y': 365.25,
}  # fmt: skip


def set_to(line):
    """Return the violation that the journal's settings have this line, read at its next start."""
    return write(DROPPED_IN, f'[Journal]\n{line}\n')


def settings(host):
    """Return the settings of the journal; of several files the last one holds."""
    said = host.run(SETTINGS)
    told = dict(line.partition('=')[::2] for line in said.stdout.splitlines() if '=' in line)
    assert told, f'the settings of the journal are not told: {said.stderr.strip()}'
    return told


def newest(host):
    """Return the newest records, the host's time, and what systemd says of the journal."""
    records, rest = [], {}
    for line in host.run(NEWEST).stdout.splitlines():
        if line.startswith('record '):
            records.append(json.loads(line.removeprefix('record ')))
        else:
            name, _, value = line.replace('=', ' ', 1).partition(' ')
            rest[name] = value
    if not records:
        not_verified('the journal has no record')
    return records, rest


def days(text):
    """Given a time span as systemd writes it, return its days."""
    return sum(float(number) * DAY[unit or 's'] for number, unit in re.findall(r'([0-9.]+)\s*([A-Za-z]*)', text))


@clauses('22239-8.1.4.3-c', '22239-8.1.5.4-d')
@violation(set_to('Storage=volatile'))
def test_records_are_kept_on_disk(host):
    storage = settings(host).get('Storage', 'auto')
    assert storage == 'persistent', f'Storage is {storage}: a restart forgets'


@clauses('22239-8.1.4.3-c', '22239-8.1.5.4-d', 'csl-23-3', 'guideline-6.5.1.2', 'practice-log-days')
@violation(set_to('MaxRetentionSec=10day'))
def test_records_are_kept_as_long_as_the_law_asks(host, expected):
    kept = settings(host).get('MaxRetentionSec', '0')
    wanted = expected.platform['configuration']['journal_retention_days']
    assert days(kept) == 0 or days(kept) >= max(180, wanted), f'records go after {kept}'


@clauses('22239-8.1.4.3-d')
@violation(set_to('RateLimitBurst=10'))
def test_a_burst_of_records_is_taken(host):
    told = settings(host)
    burst = int(told.get('RateLimitBurst', '10000'))
    assert burst == 0 or burst >= 1000, (
        f'after {burst} records in {told.get("RateLimitIntervalSec", "30s")} the rest is dropped'
    )


@clauses('22239-8.1.4.3-c')
@violation(
    answered(
        'systemd-journald.service', 'record {"__REALTIME_TIMESTAMP": "1795644000000000"}\nnow 1795645000\ndropped 7\n'
    )
)
def test_no_record_was_dropped(host):
    dropped = newest(host)[1].get('dropped')
    if dropped is None or not dropped.isdigit():
        not_verified('it is not told whether records were dropped')
    assert dropped == '0', f'records were dropped {dropped} times since the host started'


@clauses('22239-8.1.4.3-a', '22239-8.1.4.3-d')
@violation(
    answered('systemd-journald.service', 'record {"__REALTIME_TIMESTAMP": "1795640000000000"}\nnow 1795645000\n')
)
def test_records_are_written_now(host):
    records, rest = newest(host)
    age = int(rest['now']) - max(int(each['__REALTIME_TIMESTAMP']) for each in records) / 1e6
    # Each host writes a sign of life every five minutes.
    assert -60 <= age <= 900, f'the newest record is {age:.0f} s old'


@clauses('22239-8.1.4.3-b')
@pytest.mark.parametrize(
    ('what', 'fields'),
    [
        pytest.param(
            what,
            fields,
            id=what,
            marks=violation(
                answered(
                    'systemd-journald.service', 'record {"MESSAGE": "x", "__REALTIME_TIMESTAMP": ""}\nnow 1795645000\n'
                )
            ),
        )
        for what, fields in {
            'time': ('__REALTIME_TIMESTAMP',),
            'host': ('_HOSTNAME',),
            'who': ('_UID', '_TRANSPORT'),
            'importance': ('PRIORITY',),
            'program': ('SYSLOG_IDENTIFIER', '_COMM'),
        }.items()
    ],
)
def test_a_record_says(host, what, fields):
    records = newest(host)[0]
    without = [each for each in records if not any(each.get(field) for field in fields)]
    # A line of a program that dies may lack its importance; a rule is what nearly all follow.
    assert len(without) * 10 <= len(records), f'{len(without)} of {len(records)} records do not say {what}'


@clauses('22239-8.1.4.3-d')
@violation(run(
    'mkdir -p /run/systemd/system/systemd-journald.service.d && printf "[Service]\\nRestart=no\\n" > '
    '/run/systemd/system/systemd-journald.service.d/zz-planted.conf && systemctl daemon-reload',
    'rm -f /run/systemd/system/systemd-journald.service.d/zz-planted.conf; systemctl daemon-reload',
))  # fmt: skip
def test_who_writes_records_comes_back_by_itself(host):
    told = newest(host)[1]
    assert told.get('ActiveState') == 'active', f'the journal is {told.get("ActiveState")}'
    assert told.get('Restart') == 'always', f'it does not start again: Restart is {told.get("Restart")}'


@clauses('22239-8.1.4.3-c', '22239-8.1.4.2-f')
@violation(
    run(
        'cd /var/log/journal/*/ && touch anlan-planted && chmod 0644 anlan-planted',
        'rm -f /var/log/journal/*/anlan-planted',
    )
)
def test_records_are_read_and_changed_by_few(host):
    lines = host.run(FILES).stdout.splitlines()
    if not any(line.endswith(' /var/log/journal') for line in lines):
        not_verified('there is no journal on disk')
    loose = [line for line in lines if line.startswith('loose')]
    assert not loose, '; '.join(loose)
    for line in lines:
        if line[:1].isdigit():
            bits, owner, path = line.split()
            assert not int(bits, 8) & 0o022, f'{path} has mode {bits}'
            assert owner.startswith('root:'), f'{path} belongs to {owner}'


@clauses('22239-8.1.4.3-c', '22239-8.1.4.2-d')
@violation(run('gpasswd -a nobody systemd-journal', 'gpasswd -d nobody systemd-journal 2>/dev/null || true'))
def test_those_who_read_all_records_are_declared(host, expected):
    lines = [line.split(':') for line in host.run(FILES).stdout.splitlines() if line.startswith('readers')]
    if not lines:
        not_verified('the groups are not told')
    roles = expected.hardening['administrators']
    allowed = {
        name
        for name in expected.platform['configuration']['operators']
        if roles.get(name, 'system') in ('audit', 'system')
    }
    readers = {name for each in lines for name in each[3].split(',') if name}
    assert readers <= allowed, f'{", ".join(sorted(readers - allowed))} may read every record'


@clauses('22239-8.1.4.3-c')
@violation(
    answered(
        'journalctl --header',
        '755 root:root /var/log/journal\nfile Compatible flags: TAIL_ENTRY_BOOT_ID State: ONLINE\n',
    )
)
def test_records_are_sealed(host):
    files = [line for line in host.run(FILES).stdout.splitlines() if line.startswith('file ') and 'lags' in line]
    if not files:
        not_verified('the journal does not tell of its files')
    plain = [line for line in files if 'SEALED' not in line]
    assert not plain, 'the journal is not sealed: what was changed in it would not be found'
