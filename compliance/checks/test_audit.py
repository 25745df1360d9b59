"""Records of who did what: whether they are made, what they hold, and whether they are kept from harm."""

from __future__ import annotations

import json
import re

import pytest

from compliance.checking import clauses, not_applicable, not_verified, violation
from compliance.reading.log_ins import asked, last
from compliance.violation import answered, mode, write

# Something is done and something is refused (nobody has the number 4242), and the journal is asked for both. By the
# name that a program gives itself: one that ends at once is gone before the journal looks for its own.
TRIED = (
    'mark=anlan-audit-$$; as="setpriv --reuid $(id -u anlan) --regid $(id -g anlan) --clear-groups"; '
    '$as sudo -n /bin/echo $mark >/dev/null; $as sudo -n -u "#4242" /bin/echo $mark-refused >/dev/null 2>&1; '
    'echo "mark $mark"; date +"now %s"; for try in 1 2 3 4 5; do said=$(journalctl -q --since -30s -t sudo -o json '
    '--output-fields=MESSAGE,_UID,_HOSTNAME | grep -F "$mark"); '
    'echo "$said" | grep -qF "$mark-refused" && break; sleep 0.2; done; echo "$said"'
)
UNITS = (
    'systemctl show systemd-journald.service auditd.service "anlan-event-upload@*.service" '
    '-p Id,ActiveState,Restart,UnitFileState'
)
JOURNAL = (
    "journalctl --header | grep -E '^(File path|Compatible flags|Disk usage)'; date +'now %s'; "
    "journalctl -q -o short-unix | head -n 1 | cut -d' ' -f1 | sed 's/^/oldest /'; "
    "systemd-analyze cat-config systemd/journald.conf | grep -E '^[A-Z][A-Za-z]+='"
)
FILES = (
    "find /var/log/journal /var/log/audit /var/log/sudo-io -maxdepth 2 -printf '%m %u %g %y %p\\n' 2>/dev/null "
    "| head -n 400; stat -c '%a %U %G - %n' /var/log/wtmp /var/log/btmp /var/log/lastlog 2>/dev/null; true"
)


def records(host):
    """The mark, the host's time and what the journal has of the act and of the refusal."""
    lines = host.run(TRIED).stdout.splitlines()
    said = dict(line.split(' ', 1) for line in lines if line.startswith(('mark ', 'now ')))
    if 'mark' not in said or 'now' not in said:
        not_verified('nothing could be tried on the host')
    found = [json.loads(line) for line in lines if line.startswith('{')]
    refused = [each for each in found if f'{said["mark"]}-refused' in each['MESSAGE']]
    done = [each for each in found if each not in refused]
    return int(said['now']), done, refused


def sudo_off(setting):
    return violation(write('/etc/sudoers.d/zz-violation', f'Defaults {setting}\n'))


@clauses('22239-8.1.4.3-a', '22239-8.1.5.1-a', '22239-8.1.10.6-i')
@sudo_off('!syslog')
def test_what_is_done_as_root_is_on_record_at_once(host):
    _, done, _ = records(host)
    assert done, 'a command was run as root a moment ago, and the journal has nothing of it'


@clauses('22239-8.1.4.3-a', '22239-8.1.4.3-b')
@sudo_off('!syslog')
def test_what_is_refused_is_on_record_at_once(host):
    _, _, refused = records(host)
    assert refused, 'a command was refused a moment ago, and the journal has nothing of it'


def shown(message, **fields):
    entry = {
        'MESSAGE': message,
        '_UID': '1000',
        '_HOSTNAME': 'app-1',
        '__REALTIME_TIMESTAMP': '1795644141346392',
        **fields,
    }
    return violation(answered('anlan-audit-', f'mark anlan-audit-7\nnow 1795644141\n{json.dumps(entry)}\n'))


WHOLE = '   anlan : PWD=/ ; USER=root ; COMMAND=/bin/echo anlan-audit-7'


@pytest.mark.parametrize(
    ('field', 'pattern'),
    [
        pytest.param(
            'who', r'^\s*anlan : ', id='who', marks=shown('PWD=/ ; USER=root ; COMMAND=/bin/echo anlan-audit-7')
        ),
        pytest.param(
            'as whom', r'USER=root', id='as-whom', marks=shown('anlan : PWD=/ ; COMMAND=/bin/echo anlan-audit-7')
        ),
        pytest.param('what', r'COMMAND=/\S*echo ', id='what', marks=shown('anlan : PWD=/ ; USER=root ; anlan-audit-7')),
        pytest.param('where', r'PWD=/', id='where', marks=shown('anlan : USER=root ; COMMAND=/bin/echo anlan-audit-7')),
    ],
)
@clauses('22239-8.1.4.3-b')
def test_a_record_says(host, field, pattern):
    _, done, _ = records(host)
    assert done, 'there is no record of what was just done'
    assert re.search(pattern, done[-1]['MESSAGE']), f'it does not say {field}: {done[-1]["MESSAGE"].strip()[:160]}'


@clauses('22239-8.1.4.3-b')
@shown(WHOLE, __REALTIME_TIMESTAMP='1795640000000000')
def test_a_record_has_the_time_at_which_it_was_done(host):
    now, done, _ = records(host)
    assert done, 'there is no record of what was just done'
    seconds = abs(now - int(done[-1]['__REALTIME_TIMESTAMP']) / 1e6)
    assert seconds <= 30, f'its time is {seconds:.0f} s away from the host’s'


@clauses('22239-8.1.4.3-b')
@shown(WHOLE, _UID='0')
def test_a_record_has_the_user_from_the_kernel_and_not_from_the_program(host):
    _, done, _ = records(host)
    assert done, 'there is no record of what was just done'
    assert done[-1].get('_UID') not in (None, '0', ''), f'the kernel’s number of who did it is {done[-1].get("_UID")}'


@clauses('22239-8.1.4.3-b')
@shown(WHOLE, _HOSTNAME='elsewhere')
def test_a_record_has_the_host(host, expected):
    _, done, _ = records(host)
    assert done, 'there is no record of what was just done'
    assert done[-1].get('_HOSTNAME') == expected.name, f'it names the host {done[-1].get("_HOSTNAME")}'


@clauses('22239-8.1.4.3-b')
@violation(answered('anlan-audit-', 'mark anlan-audit-7\nnow 1795644141\n' + json.dumps({
    'MESSAGE': 'anlan : USER=root ; COMMAND=/bin/echo anlan-audit-7-refused', '_UID': '1000'}) + '\n'))  # fmt: skip
def test_a_refusal_differs_from_what_was_done(host):
    _, _, refused = records(host)
    assert refused, 'there is no record of what was just refused'
    assert re.search(r'unknown user|not allowed|NOT in sudoers', refused[-1]['MESSAGE']), (
        f'it does not say that it was refused: {refused[-1]["MESSAGE"].strip()[:160]}'
    )


@clauses('22239-8.1.4.3-a', '22239-8.1.10.6-h')
@violation(answered('COMMAND=/usr/bin/python3', 'asked 0\n'))
def test_what_the_automation_asks_is_itself_on_record(host):
    # This very question came through sudo, as a program read from its standard input.
    count = asked(host)
    if count is None:
        not_verified('the records of sudo could not be counted')
    assert count > 0, 'the question that was just asked is not on record'


@clauses('22239-8.1.4.3-b', '22239-8.1.5.1-a')
@violation(answered('grep -E "^Accepted "', 'last Accepted publickey for anlan\n'))
def test_a_log_in_is_on_record_with_address_and_key(host):
    said = last(host)
    if not said:
        not_verified('no log-in is among the last records of SSH')
    assert re.search(r'^Accepted \S+ for \S+ from \S+ port \d+ ssh2', said), f'without name or address: {said}'
    assert 'SHA256:' in said or 'keyboard-interactive' in said, f'without the key: {said}'


def units(host):
    blocks = [
        dict(line.partition('=')[::2] for line in block.splitlines()) for block in host.run(UNITS).stdout.split('\n\n')
    ]
    found = {block['Id']: block for block in blocks if 'Id' in block}
    assert 'systemd-journald.service' in found, 'the host does not say whether it keeps a journal'
    return found


@clauses('22239-8.1.4.3-a', '22239-8.1.4.3-d')
@violation(
    answered('systemd-journald.service auditd', 'Restart=no\nId=systemd-journald.service\nActiveState=inactive\n')
)
def test_the_journal_runs_and_comes_back(host):
    found = units(host)['systemd-journald.service']
    assert found['ActiveState'] == 'active', f'it is {found["ActiveState"]}'
    assert found['Restart'] in {'always', 'on-failure'}, f'when it ends it is started again: {found["Restart"]}'


@clauses('22239-8.1.4.3-c', '22239-8.1.4.3-d')
@violation(
    answered('systemd-journald.service auditd', 'Id=systemd-journald.service\nActiveState=active\nRestart=always\n')
)
def test_records_are_sent_to_both_keepers_at_once(host, expected):
    keepers = expected.hosts('monitoring')
    if expected.tier == 'monitoring':
        not_applicable('this host keeps the records of others; who keeps its own is asked of the store')
    found = units(host)
    silent = [
        keeper
        for keeper in keepers
        if found.get(f'anlan-event-upload@{keeper}.service', {}).get('ActiveState') != 'active'
    ]
    assert keepers and not silent, (
        f'nothing is sent to {" ".join(silent) or "anybody"}: who is root here removes every record'
    )


@clauses('22239-8.1.4.3-d')
@violation(answered('systemd-journald.service auditd', 'Id=systemd-journald.service\n\n'
    'Restart=no\nId=anlan-event-upload@mon-1.service\nActiveState=active\n'))  # fmt: skip
def test_what_sends_records_comes_back(host):
    senders = {name: each for name, each in units(host).items() if name.startswith('anlan-event-upload@')}
    if not senders:
        not_applicable('nothing sends records from here: audit.records_are_sent_to_both_keepers_at_once judges that')
    bad = [name for name, each in senders.items() if each['Restart'] != 'always']
    assert not bad, f'not started again when they end: {" ".join(bad)}'


def journal(host):
    said = host.run(JOURNAL)
    lines = said.stdout.splitlines()
    found = {key: line.split(' ', 1)[1] for line in lines for key in ('now', 'oldest') if line.startswith(key + ' ')}
    found['paths'] = [line.partition(': ')[2] for line in lines if line.startswith('File path')]
    found['flags'] = [line for line in lines if line.startswith('Compatible flags')]
    assert found['paths'] and 'oldest' in found, f'the journal cannot be read: {said.stderr.strip()[:200]}'
    return found


@clauses('22239-8.1.4.3-c')
@violation(
    answered(
        'journalctl --header',
        'File path: /run/log/journal/x/system.journal\nCompatible flags: SEALED\nnow 2\noldest 1\n',
    )
)
def test_records_outlive_a_start_of_the_host(host):
    volatile = [path for path in journal(host)['paths'] if not path.startswith('/var/log/journal/')]
    assert not volatile, f'gone with the next start: {" ".join(volatile)}'


@clauses('22239-8.1.4.3-c')
@violation(answered('journalctl --header', 'File path: /var/log/journal/x/system.journal\n'
    'Compatible flags: TAIL_ENTRY_BOOT_ID\nnow 2\noldest 1\n'))  # fmt: skip
def test_the_journal_is_sealed(host):
    found = journal(host)
    system = [
        flags for path, flags in zip(found['paths'], found['flags'], strict=True) if path.endswith('/system.journal')
    ]
    assert system, 'there is no journal of the system'
    assert all('SEALED' in flags for flags in system), (
        'a record that is changed afterwards is not found out: it is not sealed'
    )


def settings(host):
    lines = host.run(JOURNAL).stdout.splitlines()
    found = dict(line.partition('=')[::2] for line in lines if re.match('[A-Z][A-Za-z]+=', line))
    assert found, 'the journal does not say how it is kept'
    return found


@clauses('22239-8.1.4.3-c', '22239-8.1.5.4-d')
@violation(write('/etc/systemd/journald.conf.d/zz-violation.conf', '[Journal]\nMaxRetentionSec=7day\n'))
def test_the_journal_is_not_cut_before_its_time(host, expected):
    wanted = expected.platform['configuration']['journal_retention_days']
    said = settings(host).get('MaxRetentionSec', '0')
    match = re.fullmatch(r'(\d+)\s*(day|days|d|month|months|year|years|week|weeks|w|s|sec)?', said)
    assert match, f'MaxRetentionSec is {said}, which is no time that is known here'
    unit = {'d': 1, 'w': 7, 'm': 30, 'y': 365}.get((match[2] or 's')[0], 1 / 86400)
    days = int(match[1]) * unit
    assert days == 0 or days >= wanted, f'records go after {days:g} days, {wanted} at least'


@clauses('22239-8.1.4.3-c')
@violation(write('/etc/systemd/journald.conf.d/zz-violation.conf', '[Journal]\nRateLimitBurst=10\n'))
def test_a_flood_of_records_does_not_push_others_out_at_once(host):
    said = settings(host)
    burst = int(said.get('RateLimitBurst', '10000'))
    assert burst == 0 or burst >= 10000, (
        f'after {burst} records of a service in {said.get("RateLimitIntervalSec", "30s")} others go'
    )


@clauses('22239-8.1.4.3-c', '22239-8.1.4.2-f')
@violation(mode('/var/log/btmp', '0666'))
def test_records_are_written_by_the_system_alone(host):
    lines = [line.split(' ', 4) for line in host.run(FILES).stdout.splitlines()]
    assert any(path.startswith('/var/log/journal') for *_, path in lines), 'there are no records on the host'
    bad = [f'{path} ({bits})' for bits, _, _, kind, path in lines if kind != 'l' and int(bits, 8) & 0o002]
    owned = [f'{path} ({owner})' for _, owner, _, _, path in lines if owner != 'root']
    assert not bad, f'written by anybody: {" ".join(bad)[:300]}'
    assert not owned, f'of others than root: {" ".join(owned)[:300]}'


@clauses('22239-8.1.4.3-c', '22239-8.1.5.2-a')
@violation(mode('/var/log/audit', '0755'))
def test_records_are_read_by_auditors_alone(host):
    lines = [line.split(' ', 4) for line in host.run(FILES).stdout.splitlines()]
    private = ('/var/log/audit', '/var/log/sudo-io', '/var/log/btmp')
    found = [(bits, path) for bits, _, _, kind, path in lines if path.startswith(private) and kind != 'l']
    found += [(bits, path) for bits, _, _, kind, path in lines if path.startswith('/var/log/journal') and kind == 'f']
    assert found, 'there are no records on the host'
    bad = [f'{path} ({bits})' for bits, path in found if int(bits, 8) & 0o004]
    assert not bad, f'read by anybody: {" ".join(bad)[:300]}'
