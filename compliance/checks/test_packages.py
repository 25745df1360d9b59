"""Packages: what is installed, what of it is needed, and where it came from."""

from __future__ import annotations

import pytest

from compliance.checking import clauses, not_verified, violation
from compliance.reading.packages import QUESTION, installed, needed, packages_of
from compliance.reading.sections import part, question, told
from compliance.violation import answered, run, write

ASKED = question({
    'settings': "apt-config dump --format '%f %v%n' APT::Get Acquire | "
                "grep -iE 'Unauthenticated|Insecure|Weak'; echo end",
    'sources': 'cd /etc/apt; cat sources.list sources.list.d/*.list sources.list.d/*.sources 2>/dev/null | '
               "sed -E 's|//[^/ ]+|//…|g' | grep -v '^ *#'; echo end",
})  # fmt: skip
UPDATES = (
    'date +%s; stat -c %Y /var/lib/apt/lists/*_InRelease 2>/dev/null | sort -n | tail -1; echo --; '
    "apt-get -s -o Debug::NoLocking=1 dist-upgrade 2>&1 | grep -E '^(Inst|E:)' | cut -d' ' -f1-3"
)
LISTS_DAYS = 7
PLANTED_SETTING = '/etc/apt/apt.conf.d/zz-violation'
SIGNATURES = (
    'APT::Get::AllowUnauthenticated', 'Acquire::AllowInsecureRepositories', 'Acquire::AllowWeakRepositories',
    'Acquire::AllowDowngradeToInsecureRepositories',
)  # fmt: skip
"""Settings of apt, each of which would let in what nobody signed."""

HARMFUL = {
    'remote-access-in-the-open': ('telnetd', 'inetutils-telnetd', 'telnetd-ssl', 'rsh-server', 'xrdp', 'x11vnc'),
    'file-shares': ('samba', 'nfs-kernel-server', 'vsftpd', 'proftpd-core', 'pure-ftpd', 'tftpd-hpa', 'atftpd'),
    'mail': ('exim4-daemon-light', 'exim4-daemon-heavy', 'postfix', 'sendmail-bin', 'opensmtpd', 'dovecot-core'),
    'directories-and-portmapper': ('rpcbind', 'nis', 'ypserv', 'slapd', 'bind9', 'dnsmasq', 'isc-dhcp-server', 'snmpd'),
    'desktop-and-printing': ('xserver-xorg-core', 'gdm3', 'lightdm', 'cups', 'cups-daemon', 'avahi-daemon'),
    'compilers': ('gcc', 'g++', 'clang', 'make', 'golang-go', 'rustc', 'default-jdk', 'build-essential'),
    'sniffers-and-scanners': ('tcpdump', 'wireshark', 'tshark', 'nmap', 'ettercap-common', 'masscan', 'sqlmap'),
    'containers-and-hypervisors': ('docker.io', 'docker-ce', 'podman', 'containerd', 'lxc', 'qemu-system-x86'),
    'other-interpreters': ('php-cli', 'ruby', 'nodejs', 'tcl', 'lua5.4'),
}  # fmt: skip


def packaged(name):
    """Given a name, return the violation that an empty package of that name is installed."""
    folder = '/run/anlan-planted'
    control = (
        f'Package: {name}\\nVersion: 1\\nArchitecture: all\\nMaintainer: nobody <nobody@invalid>\\n'
        'Description: planted\\n'
    )
    return run(
        f"mkdir -p {folder}/DEBIAN && chmod 0755 {folder}/DEBIAN && printf '{control}' > {folder}/DEBIAN/control && "
        f'dpkg-deb -b {folder} {folder}.deb && dpkg --force-conflicts -i {folder}.deb',
        f'if [ -e {folder}.deb ]; then dpkg -P --force-depends {name}; fi; rm -rf {folder} {folder}.deb',
    )


def of_host(host):
    """Return the packages of a host, by name."""
    said = host.run(QUESTION)
    found = installed(packages_of(said.stdout))
    if said.rc != 0 or not found:
        not_verified(f'dpkg does not say what is installed: {said.stderr.strip()}')
    return found


@clauses('22239-8.1.4.4-a', '22239-8.1.10.8-b')
@violation(packaged('anlan-planted'))
def test_nothing_is_installed_that_nobody_needs(host, expected):
    # `apt-get autoremove` believes marks; here every package must be of the base system, declared, or depended on.
    found = of_host(host)
    more = sorted(set(found) - needed(found, expected.packages))
    assert not more, f'{len(more)} package(s) that nobody declared and nothing declared depends on: {", ".join(more)}'


@clauses('22239-8.1.4.4-a', '22239-8.1.10.8-a')
@violation(answered('dpkg-query', 'install\tinstalled\tdpkg\t1\trequired\tyes\tno\t, \t\n'))
def test_each_declared_package_is_installed(host, expected):
    found = of_host(host)
    names = set(found) | {name for each in found.values() for name in each.provides}
    missing = sorted(set(expected.packages) - names)
    assert not missing, f'declared and not installed: {", ".join(missing)}'


@clauses('22239-8.1.10.8-a')
@violation(answered('dpkg-query', 'install\tinstalled\tdpkg\t\trequired\tyes\tno\t, \t\n'))
def test_each_program_is_known_with_its_version(host):
    without = [name for name, each in of_host(host).items() if not each.version]
    assert not without, f'without a version: {", ".join(without)}'


@clauses('22239-8.1.10.8-b')
@violation(answered('dpkg-query', 'install\thalf-configured\tdpkg\t1\trequired\tyes\tno\t, \t\n'))
def test_no_package_is_half_installed(host):
    broken = [f'{name} ({each.status})' for name, each in of_host(host).items() if each.status != 'installed']
    assert not broken, f'not wholly installed: {", ".join(broken)}'


@clauses('22239-8.1.4.4-e', '22239-8.1.10.5-a', '22239-8.1.7.5')
@violation(run('apt-mark hold sudo', 'apt-mark unhold sudo'))
def test_no_package_is_kept_from_updates(host):
    held = [name for name, each in of_host(host).items() if each.want == 'hold']
    assert not held, f'kept from updates: {", ".join(held)}'


@pytest.mark.parametrize(
    'kind', [pytest.param(name, id=name, marks=violation(packaged(every[0]))) for name, every in HARMFUL.items()]
)
@clauses('22239-8.1.4.4-a', '22239-8.1.4.4-b')
def test_nothing_is_installed_that_helps_an_attack(host, kind):
    found = sorted(set(of_host(host)) & set(HARMFUL[kind]))
    assert not found, f'{kind}: {", ".join(found)}'


@pytest.mark.parametrize('setting', [
    pytest.param(name, id=name.rpartition('::')[2], marks=violation(write(PLANTED_SETTING, f'{name} "true";\n')))
    for name in SIGNATURES
])  # fmt: skip
@clauses('22239-8.1.4.6', '22239-8.1.4.4-e')
def test_packages_without_a_good_signature_are_refused(host, setting):
    lines = part(host, ASKED, 'settings').splitlines()
    if lines[-1:] != ['end']:
        not_verified('apt does not say how it works')
    values = dict(line.partition(' ')[::2] for line in lines[:-1])
    assert values.get(setting, '0').lower() in ('0', 'false', 'no', ''), f'{setting} is {values[setting]}'


@clauses('22239-8.1.4.6', '22239-8.1.4.4-e')
@violation(write('/etc/apt/sources.list.d/violation.list', 'deb [trusted=yes] http://127.0.0.1/nothing ./\n'))
def test_no_source_of_packages_is_believed_without_a_signature(host):
    lines = part(host, ASKED, 'sources').splitlines()
    if lines[-1:] != ['end']:
        not_verified('the sources of packages cannot be read')
    bad = [line for line in lines if 'trusted=yes' in line.replace(' ', '').lower() or 'trusted: yes' in line.lower()]
    assert not bad, f'believed without a signature: {"; ".join(bad)}'


@clauses('22239-8.1.4.4-e', '22239-8.1.10.5-a')
@violation(told('apt-config', 'sources', 'deb http://…/debian trixie main\nend\n'))
def test_updates_of_security_are_among_the_sources(host):
    lines = part(host, ASKED, 'sources').splitlines()
    if len(lines) < 2:
        not_verified('the host has no source of packages')
    assert any('security' in line for line in lines), 'no source has updates of security'


@clauses('22239-8.1.4.4-e', '22239-8.1.10.5-a', '22239-8.1.5.4-e', '22239-8.1.7.5')
@violation(answered('dist-upgrade', '1795644103\n1795640000\n--\nInst openssl [3.0.0]\n'))
def test_no_update_is_waiting(host):
    head, _, tail = host.run(UPDATES).stdout.partition('--\n')
    times = head.split()
    if len(times) != 2:
        not_verified('the host has no list of packages, so which updates there are is not known')
    age = (int(times[0]) - int(times[1])) / 86400
    if age > LISTS_DAYS:
        not_verified(f'the list of packages is {age:.0f} days old: which updates there are is not known')
    lines = tail.splitlines()
    if any(line.startswith('E:') for line in lines):
        not_verified('apt does not say which updates there are')
    waiting = [line.split()[1] for line in lines if line.startswith('Inst')]
    assert not waiting, f'{len(waiting)} update(s) are waiting: {", ".join(waiting[:12])}'
