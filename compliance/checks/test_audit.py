"""Records of who did what: made at once, with all that they have to say, and read by few. `journal` says how long."""

from __future__ import annotations

import json
import re

import pytest

from compliance.checking import clauses, not_verified, violation
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
FILES = (
    "find /var/log/audit /var/log/sudo-io /var/log/wtmp /var/log/btmp -maxdepth 2 -printf '%m %u %y %p\\n' 2>/dev/null "
    '| head -n 400; true'
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


@clauses(
    '22239-8.1.4.3-a', '22239-8.1.5.1-a', '22239-8.1.10.6-i', '22239-8.1.3.5-a', '22239-8.1.10.6-e', '22239-8.1.10.6-g'
)
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
@clauses('22239-8.1.4.3-b', '22239-8.1.3.5-b')
def test_a_record_says(host, field, pattern):
    _, done, _ = records(host)
    assert done, 'there is no record of what was just done'
    assert re.search(pattern, done[-1]['MESSAGE']), f'it does not say {field}: {done[-1]["MESSAGE"].strip()[:160]}'


@clauses('22239-8.1.4.3-b', '22239-8.1.3.5-b')
@shown(WHOLE, __REALTIME_TIMESTAMP='1795640000000000')
def test_a_record_has_the_time_at_which_it_was_done(host):
    now, done, _ = records(host)
    assert done, 'there is no record of what was just done'
    seconds = abs(now - int(done[-1]['__REALTIME_TIMESTAMP']) / 1e6)
    assert seconds <= 30, f'its time is {seconds:.0f} s away from the host’s'


@clauses('22239-8.1.4.3-b', '22239-8.1.3.5-b')
@shown(WHOLE, _UID='0')
def test_a_record_has_the_user_from_the_kernel_and_not_from_the_program(host):
    _, done, _ = records(host)
    assert done, 'there is no record of what was just done'
    assert done[-1].get('_UID') not in (None, '0', ''), f'the kernel’s number of who did it is {done[-1].get("_UID")}'


@clauses('22239-8.1.4.3-b', '22239-8.1.3.5-b')
@shown(WHOLE, _HOSTNAME='elsewhere')
def test_a_record_has_the_host(host, expected):
    _, done, _ = records(host)
    assert done, 'there is no record of what was just done'
    assert done[-1].get('_HOSTNAME') == expected.name, f'it names the host {done[-1].get("_HOSTNAME")}'


@clauses('22239-8.1.4.3-b', '22239-8.1.3.5-b')
@violation(answered('anlan-audit-', 'mark anlan-audit-7\nnow 1795644141\n' + json.dumps({
    'MESSAGE': 'anlan : USER=root ; COMMAND=/bin/echo anlan-audit-7-refused', '_UID': '1000'}) + '\n'))  # fmt: skip
def test_a_refusal_differs_from_what_was_done(host):
    _, _, refused = records(host)
    assert refused, 'there is no record of what was just refused'
    assert re.search(r'unknown user|not allowed|NOT in sudoers', refused[-1]['MESSAGE']), (
        f'it does not say that it was refused: {refused[-1]["MESSAGE"].strip()[:160]}'
    )


@clauses('22239-8.1.4.3-a', '22239-8.1.10.6-h', '22239-8.1.10.6-e')
@violation(answered('COMMAND=/usr/bin/python3', 'asked 0\n'))
def test_what_the_automation_asks_is_itself_on_record(host):
    # This very question came through sudo, as a program read from its standard input.
    count = asked(host)
    if count is None:
        not_verified('the records of sudo could not be counted')
    assert count > 0, 'the question that was just asked is not on record'


@clauses('22239-8.1.4.3-b', '22239-8.1.5.1-a', '22239-8.1.3.5-a', '22239-8.1.3.5-d')
@violation(answered('grep -E "^Accepted "', 'last Accepted publickey for anlan\n'))
def test_a_log_in_is_on_record_with_address_and_key(host):
    said = last(host)
    if not said:
        not_verified('no log-in is among the last records of SSH')
    assert re.search(r'^Accepted \S+ for \S+ from \S+ port \d+ ssh2', said), f'without name or address: {said}'
    assert 'SHA256:' in said or 'keyboard-interactive' in said, f'without the key: {said}'


@clauses('22239-8.1.4.3-c', '22239-8.1.4.2-f')
@violation(mode('/var/log/btmp', '0666'))
def test_records_are_written_by_the_system_alone(host):
    every = records_on_disk(host)
    bad = [f'{path} ({bits:o})' for bits, _, path in every if bits & 0o002]
    owned = [f'{path} ({owner})' for _, owner, path in every if owner != 'root']
    assert not bad, f'written by anybody: {" ".join(bad)[:300]}'
    assert not owned, f'of others than root: {" ".join(owned)[:300]}'


@clauses('22239-8.1.4.3-c', '22239-8.1.5.2-a')
@violation(mode('/var/log/audit', '0755'))
def test_records_are_read_by_auditors_alone(host):
    private = [each for each in records_on_disk(host) if not each[2].endswith('/wtmp')]
    assert private, 'there are no records of the audit on the host'
    bad = [f'{path} ({bits:o})' for bits, _, path in private if bits & 0o004]
    assert not bad, f'read by anybody: {" ".join(bad)[:300]}'


def records_on_disk(host):
    """Mode, owner and path of records of the audit, of recorded sessions and of log-ins."""
    lines = [line.split(' ', 3) for line in host.run(FILES).stdout.splitlines()]
    found = [(int(bits, 8), owner, path) for bits, owner, kind, path in lines if kind != 'l']
    assert found, 'there are no records of the audit on the host'
    return found
