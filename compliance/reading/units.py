"""Units of systemd: how a service is shut in, as systemd says it, and as its process says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from testinfra.host import Host

from compliance.answer import UNFINISHED
from compliance.checking import not_verified, violation
from compliance.expected import Expected
from compliance.reading.asking import done
from compliance.violation import answered, run

SERVICES: Mapping[str, tuple[str, ...]] = {
    'edge': ('nginx',),
    'balancer': ('haproxy', 'nginx'),
    'app': ('anlan-application', 'nginx', 'haproxy'),
    'data': ('patroni', 'etcd', 'valkey-server', 'valkey-sentinel'),
    'monitoring': ('anlan-event-door', 'anlan-event-keeper'),
}
"""The services of a tier that others reach, or that keep what must not be lost."""

HELD: Mapping[str, tuple[str, ...]] = {
    'NoNewPrivileges': ('yes',),
    'ProtectSystem': ('strict', 'full', 'yes'),
    'ProtectHome': ('yes', 'tmpfs', 'read-only'),
    'PrivateTmp': ('yes', 'disconnected'),
    'PrivateDevices': ('yes',),
    'ProtectKernelTunables': ('yes',),
    'ProtectKernelModules': ('yes',),
    'ProtectControlGroups': ('yes', 'private', 'strict'),
    'RestrictSUIDSGID': ('yes',),
    'RestrictRealtime': ('yes',),
    'LockPersonality': ('yes',),
    'SystemCallArchitectures': ('native',),
    'Restart': ('always', 'on-failure', 'on-abnormal'),
}
"""Properties of a unit, and what each may be."""

ASKED = ','.join(
    ('Id', 'MainPID', 'ActiveState', 'UnitFileState', 'NeedDaemonReload', 'User', 'CapabilityBoundingSet', *HELD)
)
PROCESSES = (
    'for unit in %s; do pid=$(systemctl show -P MainPID $unit); '
    'sed -n "s|^|$unit |; /Uid\\|NoNewPrivs\\|Seccomp:\\|CapEff/p" /proc/$pid/status; '
    'echo "$unit root $(readlink /proc/$pid/root)"; '
    'for child in $(cat /proc/$pid/task/*/children); do '
    'sed -n "s|^|$unit child |; /Uid\\|NoNewPrivs/p" /proc/$child/status; done; done 2>/dev/null'
)


def unit(host: Host, expected: Expected, name: str) -> dict[str, str]:
    """Given a host and a service, return the properties of its unit. All services of the tier are asked at once."""
    names = [f'{each}.service' for each in SERVICES[expected.tier]]
    said = host.run('systemctl show --no-pager -p ' + ASKED + ' %s' * len(names), *names)
    for block in done(said, 'systemd does not tell its units').strip().split('\n\n'):
        properties = dict(line.partition('=')[::2] for line in block.splitlines())
        if properties.get('Id') == f'{name}.service':
            return properties
    raise AssertionError(f'systemd does not know {name}.service')


def processes(host: Host, expected: Expected, name: str) -> list[dict[str, str]]:
    """Given a host and a service, return of its main process and its children what the kernel says of each."""
    said = host.run(PROCESSES % ' '.join(SERVICES[expected.tier]))
    found: list[dict[str, str]] = []
    for line in said.stdout.splitlines():
        if not line.startswith(f'{name} '):
            continue
        rest = line.removeprefix(f'{name} ')
        key, _, value = rest.removeprefix('child ').partition(':')
        if rest.startswith('root '):
            found[-1]['root'] = rest.removeprefix('root ')
        elif key == 'Uid':
            found.append({'Uid': value.split()[1], 'kind': 'child' if rest.startswith('child ') else 'main'})
        elif found:
            found[-1][key] = value.strip()
    if said.rc == UNFINISHED:
        not_verified('the processes were not told in time')
    assert found, f'{name} has no process'
    return found


def shut_in(service: str, without: tuple[str, ...] = ()) -> list[Any]:
    """Given a service, return a case of pytest for each property that its unit must have, but those `without`."""
    bad = {'SystemCallArchitectures': 'native x86', 'Restart': 'no'}
    return [
        pytest.param(name, id=f'{service}-{name}', marks=violation(dropped_in(service, name, bad.get(name, 'no'))))
        for name in HELD
        if name not in without
    ]


def dropped_in(service: str, name: str, value: str) -> Any:
    """Given a service, a property and a value, return the violation that its unit says so. What runs is left alone."""
    folder = f'/run/systemd/system/{service}.service.d'
    return run(
        f'mkdir -p {folder} && printf "[Service]\\n{name}={value}\\n" > {folder}/zz-anlan-planted.conf && '
        'systemctl daemon-reload',
        f'rm -f {folder}/zz-anlan-planted.conf; rmdir {folder} 2>/dev/null; systemctl daemon-reload',
    )


def held(host: Host, expected: Expected, service: str, name: str) -> None:
    """Given a service and a property, fail if its unit does not have it."""
    value = unit(host, expected, service).get(name, '')
    assert value in HELD[name], f'{service}: {name} is {value or "not set"}, and must be {" or ".join(HELD[name])}'


def without_root(host: Host, expected: Expected, service: str, master: bool = False) -> None:
    """Given a service, fail if a process of it runs as root. `master`: the first one may, which starts the others."""
    wrong = [
        each
        for each in processes(host, expected, service)
        if each['Uid'] == '0' and not (master and each['kind'] == 'main')
    ]
    assert not wrong, f'{service}: {len(wrong)} process(es) run as root'
    if master:
        workers = [each for each in processes(host, expected, service) if each['kind'] == 'child']
        assert workers, f'{service} has no process without root'


def confined(host: Host, expected: Expected, service: str) -> None:
    """Given a service, fail if a process of it can come to more rights, as the kernel says."""
    wrong = [each for each in processes(host, expected, service) if each.get('NoNewPrivs') != '1']
    assert not wrong, f'{service}: {len(wrong)} process(es) may come to more rights (NoNewPrivs is 0)'


def running(host: Host, expected: Expected, service: str) -> None:
    """Given a service, fail if it does not run, does not start by itself, or runs with what is no longer its unit."""
    properties = unit(host, expected, service)
    assert properties['ActiveState'] == 'active', f'{service} is {properties["ActiveState"]}'
    assert properties['UnitFileState'] == 'enabled', (
        f'{service} does not start by itself: {properties["UnitFileState"]}'
    )
    assert properties['NeedDaemonReload'] == 'no', f'the unit of {service} was changed and is not loaded'


def answered_process(service: str, uid: int = 0, rights: int = 1, child: bool = True) -> Any:
    """Given what a process of a service is to be, return the violation of the answer."""
    kinds = ('', 'child ') if child else ('',)
    out = ''.join(f'{service} {kind}Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n{service} {kind}NoNewPrivs:\t{rights}\n'
                  for kind in kinds)  # fmt: skip
    return answered('/proc/$pid/status', out)


def planted_unit(service: str) -> Any:
    """Given a service, return the violation that its unit was changed and is not loaded."""
    folder = f'/run/systemd/system/{service}.service.d'
    return run(
        f'mkdir -p {folder} && printf "[Unit]\\nDescription=planted\\n" > {folder}/zz-anlan-planted.conf',
        f'rm -f {folder}/zz-anlan-planted.conf; rmdir {folder} 2>/dev/null; systemctl daemon-reload',
    )


def capabilities(properties: Mapping[str, str]) -> set[str]:
    """Given the properties of a unit, return the capabilities that its processes may have."""
    return set(re.findall(r'cap_\w+', properties.get('CapabilityBoundingSet', '')))
