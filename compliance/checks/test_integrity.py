"""Integrity: files held against their base, now and by a timer; programs held against their packages."""

from __future__ import annotations

import json

import pytest

from compliance.checking import clauses, not_verified, violation
from compliance.reading.sections import part, question, told
from compliance.violation import answered, run

NOW = (
    'aide --config /etc/aide/anlan.conf --check 2>/dev/null | python3 -c "import json, sys\n'
    'said = json.load(sys.stdin)\n'
    "print(json.dumps({kind: sorted(said.get(kind, {}))[:20] for kind in ('added', 'removed', 'changed')} | "
    "{'numbers': said['number_of_entries']}))\""
)
PROGRAM = '/usr/local/lib/anlan/integrity'
PATHS = {
    'accounts': '/etc/passwd', 'rights': '/etc/sudoers', 'log-in': '/etc/pam.d/common-auth',
    'ssh': '/etc/ssh/sshd_config',
    'settings-of-the-platform': '/etc/anlan/tls/host.crt', 'programs': '/usr/bin/sudo', 'daemons': '/usr/sbin/sshd',
    'units': '/usr/lib/systemd/system/ssh.service', 'units-of-the-platform': '/etc/systemd/system/ssh.service',
    'programs-of-the-platform': '/usr/local/lib/anlan/integrity', 'keys-of-root': '/root/.ssh/authorized_keys',
    'keys-of-people': '/home/somebody/.ssh/authorized_keys', 'jobs': '/etc/cron.d/job', 'loader': '/etc/ld.so.preload',
}  # fmt: skip
ASKED = question({
    'status': 'python3 -B /usr/local/lib/anlan/integrity status; date +%s; '
              'systemctl show -P ActiveState anlan-integrity.timer; echo end',
    'modes': f"stat -c '%n %U:%G %a' /var/lib/aide /var/lib/aide/anlan.db /etc/aide/anlan.conf {PROGRAM} 2>/dev/null",
    'covered': f'for each in {" ".join(PATHS.values())}; do '
               'aide --config /etc/aide/anlan.conf --path-check f:$each; done 2>/dev/null',
})  # fmt: skip
PACKAGES = {
    'firewall': 'keepalived suricata', 'edge': 'nginx modsecurity-crs', 'balancer': 'haproxy keepalived',
    'app': 'haproxy nginx', 'data': 'etcd-server valkey-server', 'monitoring': 'nginx',
}  # fmt: skip
"""Beside those that let people in: what a tier shows to others. AIDE sees changes of all programs; this, older ones."""

VERIFY = 'dpkg --verify openssh-server sudo login passwd nftables {} 2>&1 | awk \'$2 != "c"\'; echo end'


def compared(host):
    """Return what differs from the base at this moment."""
    said = host.run(NOW)
    if said.rc != 0 or not said.stdout.strip():
        raise AssertionError('files cannot be held against a base: there is none, or AIDE does not run')
    return json.loads(said.stdout)


def status(host):
    """Return what the last check said, the time, and how its timer is."""
    lines = part(host, ASKED, 'status').splitlines()
    if len(lines) < 4:
        raise AssertionError('no check of files has been set up')
    return json.loads(lines[0]), int(lines[1]), lines[2]


def last(now=1000, **otherwise):
    """Return the violation of an answer in which something is otherwise."""
    said = {'at': 990.0, 'seen': True, 'seen_at': 990.0, 'files': 0, 'reason': None, 'found': {}, 'base': True}
    return told('integrity status', 'status', f'{json.dumps(said | otherwise)}\n{now}\nactive\nend\n')


@pytest.mark.parametrize('kind', [
    pytest.param('added', marks=violation(run('touch /etc/anlan-planted', 'rm -f /etc/anlan-planted'))),
    pytest.param('changed', marks=violation(run('chmod 0640 /etc/issue.net', 'chmod 0644 /etc/issue.net'))),
    pytest.param('removed', marks=violation(run(
        'mv /etc/issue.net /var/tmp/anlan-planted',
        '[ ! -e /var/tmp/anlan-planted ] || mv /var/tmp/anlan-planted /etc/issue.net',
    ))),
])  # fmt: skip
@clauses('22239-8.1.4.4-f', '22239-8.1.10.8-b')
def test_no_file_differs_from_its_base(host, kind):
    found = compared(host)
    assert not found[kind], f'{kind} since the last converge: {", ".join(found[kind])}'


@clauses('22239-8.1.4.4-f')
@violation(answered('anlan.conf --check', '{"added": [], "removed": [], "changed": [], "numbers": {"total": 3}}'))
def test_the_base_has_what_matters(host):
    total = compared(host)['numbers']['total']
    assert total > 500, f'the base has {total} files'


@pytest.mark.parametrize('what', [
    pytest.param(name, id=name, marks=violation(told('--path-check', 'covered', f"[ ] f:{path}: no matching rule\n")))
    for name, path in PATHS.items()
])  # fmt: skip
@clauses('22239-8.1.4.4-f')
def test_a_change_would_be_seen_of(host, what):
    lines = [line for line in part(host, ASKED, 'covered').splitlines() if f' f:{PATHS[what]}:' in line]
    assert lines, 'files are not held against a base'
    assert lines[0].startswith('[x]'), f'a change of {PATHS[what]} would not be seen'
    assert 'sha256' in lines[0] or 'sha512' in lines[0], f'the content of {PATHS[what]} is not compared'


@clauses('22239-8.1.4.4-f')
@violation(last(now=990 + 8 * 86400))
def test_files_were_compared_lately(host, expected):
    said, now, _ = status(host)
    assert said.get('seen_at'), f'files were never compared: {said.get("reason") or "no check has run"}'
    hours, most = (now - said['seen_at']) / 3600, expected.hardening['integrity']['check_hours']
    # The timer may be late by its random delay; a day too late it is missing.
    assert hours <= most + 1, f'compared {hours:.1f} h ago, every {most} h is declared'


@clauses('22239-8.1.4.4-f')
@violation(last(seen=False, reason='no base'))
def test_the_last_comparison_saw_everything(host):
    said = status(host)[0]
    assert said.get('seen'), f'the last comparison saw nothing: {said.get("reason") or "there was none"}'


@clauses('22239-8.1.4.4-f', '22239-8.1.10.8-b')
@violation(run('systemctl stop anlan-integrity.timer', 'systemctl start anlan-integrity.timer'))
def test_the_comparison_comes_again_by_itself(host):
    state = status(host)[2]
    assert state == 'active', f'the timer of the comparison is {state}'


@pytest.mark.parametrize(('path', 'right'), [
    pytest.param('/var/lib/aide', 'root:root 700', id='folder',
                 marks=violation(run('chmod 0755 /var/lib/aide', 'chmod 0700 /var/lib/aide'))),
    pytest.param('/var/lib/aide/anlan.db', 'root:root 600', id='base',
                 marks=violation(run('chmod 0644 /var/lib/aide/anlan.db', 'chmod 0600 /var/lib/aide/anlan.db'))),
    pytest.param('/etc/aide/anlan.conf', 'root:root 600', id='settings',
                 marks=violation(run('chmod 0644 /etc/aide/anlan.conf', 'chmod 0600 /etc/aide/anlan.conf'))),
    pytest.param('/usr/local/lib/anlan/integrity', 'root:root 755', id='program',
                 marks=violation(run(f'chmod 0777 {PROGRAM}', f'chmod 0755 {PROGRAM}'))),
])  # fmt: skip
@clauses('22239-8.1.4.4-f', '22239-8.1.3.5-c')
def test_who_changes_a_file_cannot_change_its_base(host, path, right):
    found = dict(line.split(' ', 1) for line in part(host, ASKED, 'modes').splitlines())
    assert path in found, f'{path} is missing'
    assert found[path] == right, f'{path} is {found[path]}, not {right}'


@clauses('22239-8.1.4.4-f', '22239-8.1.4.6', '22239-8.1.3.6')
@violation(answered('dpkg --verify', '??5??????   /usr/sbin/sshd\nend\n'))
def test_programs_are_as_their_packages_brought_them(host, expected):
    lines = host.run(VERIFY.format(PACKAGES.get(expected.tier, ''))).stdout.splitlines()
    if lines[-1:] != ['end']:
        not_verified('dpkg does not hold files against their packages')
    changed = [' '.join(line.split()) for line in lines[:-1]]
    assert not changed, f'changed since they were installed: {"; ".join(changed)}'
