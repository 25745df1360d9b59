"""Services: what starts, what runs and what waits on a host, held against what its tier is for."""

from __future__ import annotations

import fnmatch

import pytest

from compliance.checking import clauses, not_applicable, not_verified, tiers, violation
from compliance.reading.sections import part, question, told
from compliance.violation import run

ASKED = question({
    # What systemd says of the same takes it half a second; it looks at these links.
    'enabled': "find /etc/systemd/system /run/systemd/system -path '*.wants/*' -printf '%f\\n' -o -path '*.requires/*' "
               "-printf '%f\\n' | sort -u; echo end",
    'units': 'systemctl list-units --all --type=service,socket,timer,path --no-legend --plain --no-pager | '
             "awk '{print $1, $2, $3, $4}'; echo end",
    'replaced': "grep -lE ' /(usr|lib|opt)[^ ]* \\(deleted\\)$' /proc/[0-9]*/maps 2>/dev/null | cut -d/ -f3 | "
                'while read -r each; do cat /proc/$each/comm; done | sort | uniq -c; echo end',
})  # fmt: skip
OF_TIER = {
    'firewall': ('anlan-firewall.service', 'anlan-inspection.service', 'anlan-intrusion.service',
                 'anlan-intrusion-refused.service', 'anlan-intrusion-watch.service', 'anlan-intrusion-rules.path',
                 'anlan-zone-sight.service', 'anlan-limits.service', 'anlan-limits-watch.service', 'keepalived.service',
                 'anlan-block-list.service', 'anlan-block-list.socket'),
    'edge': ('nginx.service', 'anlan-cache-metrics.service', 'anlan-cache-metrics.socket', 'anlan-waf-watch.service',
             'anlan-limits.service', 'anlan-limits-watch.service', 'anlan-block-list.service',
             'anlan-block-list.socket'),
    'balancer': ('haproxy.service', 'keepalived.service', 'nginx.service', 'anlan-cache-metrics.service',
                 'anlan-cache-metrics.socket', 'anlan-limits-watch.service', 'anlan-block-list.service',
                 'anlan-block-list.socket'),
    'app': ('anlan-application.service', 'anlan-application.socket', 'haproxy.service', 'nginx.service',
            'anlan-block-list.service', 'anlan-block-list.socket', 'anlan-sessions-clear.timer'),
    'data': ('patroni.service', 'etcd.service', 'valkey-server.service', 'valkey-sentinel.service',
             'anlan-database-rejoin.timer', 'anlan-etcd-yield.timer', 'anlan-database-backup-server.service',
             'anlan-database-heartbeat.service', 'anlan-recovery-lag.service'),
    'monitoring': ('anlan-event-door.service', 'anlan-event-keeper.service', 'anlan-recovery-metrics.service'),
    'operations': ('anlan-snapshot-store.service', 'anlan-database-backup-server.service'),
    'offsite': ('anlan-object-store-monitor.service', 'anlan-object-store-disk.service',
                'anlan-object-store-gateway.service', 'anlan-object-store-watch.timer',
                'anlan-database-replica.service', 'anlan-database-replica-follow.timer',
                'anlan-recovery-lag.service'),
}  # fmt: skip
"""What a host of a tier is there for: each has to run, and to start by itself."""

EVERYWHERE = ('ssh.service', 'chrony.service')
ALSO = {
    'all': ('anlan-event-watch.service', 'anlan-event-upload@*.service', 'anlan-integrity.*', 'anlan-malware.*',
            'anlan-session-keeper.*', 'anlan-signatures.*', 'anlan-mounts.service', 'anlan-guard*', 'anlan-violation*',
            'auditd.service', 'audit-rules.service'),
    'firewall': ('conntrackd.service', 'anlan-intrusion-rules.service'),
    'app': ('anlan-sessions-clear.service', 'anlan-backup-*'),
    'data': ('anlan-database-rejoin.service', 'anlan-etcd-yield.service', 'anlan-etcd-yield*', 'anlan-backup-*'),
    'monitoring': ('anlan-event-store@*.service', 'anlan-event-store@*.socket', 'anlan-backup-*'),
    'operations': ('anlan-backup-*',),
    'offsite': ('anlan-object-store-watch.service', 'anlan-database-replica-follow.service'),
}  # fmt: skip
"""What may run besides: started by the above, by a timer, or where the machine lets it."""

SYSTEM = (
    'systemd-*', 'dbus.service', 'dbus.socket', 'dbus-org.freedesktop.*', 'user@*.service', 'getty@*.service',
    'serial-getty@*.service', 'user-runtime-dir@*.service', 'ldconfig.service', 'sshd-unix-local.socket',
    'sshd@*.service', 'kmod-static-nodes.service', 'apparmor.service', 'dpkg-db-backup.*', 'apt-daily*', 'logrotate.*',
    'fstrim.*', 'e2scrub*', 'console-setup.service', 'keyboard-setup.service', 'networking.service', 'remote-fs.target',
    'getty.target', 'modprobe@*.service', 'run-*.service', 'session-*.scope', 'ifup@*.service',
)  # fmt: skip
"""The base system's own."""

SCRATCH = run(
    "printf '[Service]\\nExecStart=/bin/sleep 60\\n[Install]\\nWantedBy=multi-user.target\\n' > "
    '/run/systemd/system/anlan-planted-unit.service && systemctl daemon-reload && systemctl enable --runtime --quiet '
    'anlan-planted-unit.service && systemctl start anlan-planted-unit.service',
    'systemctl stop anlan-planted-unit.service 2>/dev/null; '
    'systemctl disable --runtime --quiet anlan-planted-unit.service 2>/dev/null; '
    'rm -f /run/systemd/system/anlan-planted-unit.service; systemctl daemon-reload',
)


def known(name, tier):
    """Given a unit and a tier, return whether it belongs there."""
    patterns = (*EVERYWHERE, *OF_TIER[tier], *ALSO['all'], *ALSO.get(tier, ()), *SYSTEM)
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def enabled(host):
    """Return the units that start by themselves."""
    lines = part(host, ASKED, 'enabled').split()
    if lines[-1:] != ['end'] or len(lines) < 2:
        not_verified('systemd does not say what starts by itself')
    return lines[:-1]


def units(host):
    """Return of each unit its name, and how it is: loaded, active, and in detail."""
    lines = part(host, ASKED, 'units').splitlines()
    if lines[-1:] != ['end'] or len(lines) < 2:
        not_verified('systemd does not say what runs')
    return [tuple(line.split()) for line in lines[:-1] if len(line.split()) == 4]


def of_tier(host, expected):
    """Return of each service that the host is there for the properties of its unit."""
    names = [each for each in (*EVERYWHERE, *OF_TIER[expected.tier]) if each.endswith('.service')]
    said = host.run('systemctl show --no-pager -p Id,Type,Restart,NeedDaemonReload' + ' %s' * len(names), *names)
    assert said.rc == 0, f'systemd does not tell its units: {said.stderr.strip()}'
    told = said.stdout.strip().split('\n\n')
    blocks = [dict(line.partition('=')[::2] for line in block.splitlines()) for block in told]
    assert len(blocks) == len(names), f'{len(blocks)} of {len(names)} units are known'
    return blocks


@clauses('22239-8.1.4.4-b')
@violation(SCRATCH)
def test_nothing_starts_by_itself_but_what_the_tier_is_for(host, expected):
    more = [each for each in enabled(host) if not known(each, expected.tier)]
    assert not more, f'start by themselves, and nobody declared them: {", ".join(more)}'


@pytest.mark.parametrize(('kind', 'states'), [
    pytest.param('service', ('running',), id='service', marks=violation(SCRATCH)),
    pytest.param('socket', ('listening', 'running'), id='socket', marks=violation(run(
        'systemd-run --quiet --unit=anlan-planted --socket-property=ListenStream=/run/anlan-planted.sock true',
        'systemctl stop anlan-planted.socket 2>/dev/null; rm -f /run/anlan-planted.sock',
    ))),
    pytest.param('timer', ('waiting', 'running'), id='timer', marks=violation(run(
        'systemd-run --quiet --collect --unit=anlan-planted --on-active=3600 true',
        'systemctl stop anlan-planted.timer 2>/dev/null || true',
    ))),
    pytest.param('path', ('waiting', 'running'), id='path', marks=violation(run(
        'systemd-run --quiet --unit=anlan-planted --path-property=PathExists=/nowhere true',
        'systemctl stop anlan-planted.path 2>/dev/null || true',
    ))),
])  # fmt: skip
@clauses('22239-8.1.4.4-b')
def test_nothing_runs_but_what_the_tier_is_for(host, expected, kind, states):
    found = [name for name, _, _, state in units(host) if name.endswith(f'.{kind}') and state in states]
    if not found and kind == 'path':
        not_applicable('nothing waits for a file to appear')
    assert found, f'no {kind} runs at all'
    more = [each for each in found if not known(each, expected.tier)]
    assert not more, f'run, and nobody declared them: {", ".join(more)}'


@clauses('22239-8.1.2.1-e', 'cosha-5.1', '22239-8.1.7.5')
@violation(told('list-units', 'units', 'dbus.service loaded active running\nend\n'))
def test_what_the_tier_is_for_runs(host, expected):
    states = {name: (active, state) for name, _, active, state in units(host)}
    wanted = (*EVERYWHERE, *OF_TIER[expected.tier])
    if len(expected.hosts('firewall')) < 2:
        wanted = tuple(each for each in wanted if each != 'anlan-zone-sight.service')
    down = [
        f'{each} ({states.get(each, ("absent", ""))[0]})'
        for each in wanted
        if states.get(each, ('', ''))[0] != 'active'
    ]
    assert not down, f'does not run: {", ".join(down)}'


@clauses('22239-8.1.2.1-e', 'cosha-5.1')
@violation(told('list-units', 'enabled', 'ssh.service\nend\n'))
def test_what_the_tier_is_for_starts_by_itself(host, expected):
    found = enabled(host)
    wanted = (*EVERYWHERE, *OF_TIER[expected.tier])
    if len(expected.hosts('firewall')) < 2:
        wanted = tuple(each for each in wanted if each != 'anlan-zone-sight.service')
    # A timer or a door of its own starts some of them.
    missing = [each for each in wanted if each not in found and each.replace('.service', '.socket') not in found]
    assert not missing, f'do not start by themselves: {", ".join(missing)}'


@clauses('cosha-5.1', '22239-8.1.2.1-e', '22239-8.1.7.5')
@violation(run(
    'systemd-run --quiet --unit=anlan-planted-failure false; sleep 0.3',
    'systemctl reset-failed anlan-planted-failure.service 2>/dev/null || true',
))  # fmt: skip
def test_no_unit_has_failed(host):
    found = units(host)
    assert found, 'no unit is known'
    failed = [name for name, _, active, _ in found if active == 'failed']
    assert not failed, f'failed: {", ".join(failed)}'


@clauses('22239-8.1.10.8-b')
@violation(run(
    'mkdir -p /run/systemd/system/ssh.service.d && echo > /run/systemd/system/ssh.service.d/zz-anlan-planted.conf',
    'rm -f /run/systemd/system/ssh.service.d/zz-anlan-planted.conf; '
    'rmdir /run/systemd/system/ssh.service.d 2>/dev/null; systemctl daemon-reload',
))  # fmt: skip
def test_each_unit_in_force_is_the_one_on_disk(host, expected):
    changed = [each['Id'] for each in of_tier(host, expected) if each['NeedDaemonReload'] != 'no']
    assert not changed, f'changed on disk and not loaded: {", ".join(changed)}'


@clauses('22239-8.1.4.4-e', '22239-8.1.10.5-a', '22239-8.1.5.4-e')
@violation(run(
    'cp /bin/sleep /usr/local/bin/anlan-planted && systemd-run --quiet --collect --unit=anlan-planted '
    '/usr/local/bin/anlan-planted 60 && sleep 0.2 && rm /usr/local/bin/anlan-planted',
    'systemctl stop anlan-planted.service 2>/dev/null; rm -f /usr/local/bin/anlan-planted',
    settle_seconds=0.2,
))  # fmt: skip
def test_no_process_runs_what_an_update_has_replaced(host):
    lines = part(host, ASKED, 'replaced').splitlines()
    if lines[-1:] != ['end']:
        not_verified('what processes run cannot be seen')
    old = [' '.join(line.split()[1:]) for line in lines[:-1]]
    assert not old, f'run files that were replaced since: {", ".join(old)}'


@tiers('edge', 'balancer', 'app', 'data', 'firewall')
@clauses('cosha-5.1', '22239-8.1.2.1-e')
@violation(run(
    'for each in nginx haproxy patroni keepalived; do '
    'mkdir -p /run/systemd/system/$each.service.d && printf "[Service]\\nRestart=no\\n" > '
    '/run/systemd/system/$each.service.d/zz-anlan-planted.conf; done; systemctl daemon-reload',
    'for each in nginx haproxy patroni keepalived; do rm -f /run/systemd/system/$each.service.d/zz-anlan-planted.conf; '
    'rmdir /run/systemd/system/$each.service.d 2>/dev/null; done; systemctl daemon-reload',
))  # fmt: skip
def test_what_dies_starts_again_by_itself(host, expected):
    lasting = [each for each in of_tier(host, expected) if each['Type'] != 'oneshot']
    still = [each['Id'] for each in lasting if each['Restart'] not in ('always', 'on-failure')]
    assert not still, f'stay down once they died: {", ".join(still)}'
