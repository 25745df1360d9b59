"""Block list: whether sources that attack are shut out by this host, and no host of the platform ever is."""

from __future__ import annotations

import json

from compliance.checking import clauses, not_applicable, not_verified, tiers, violation
from compliance.violation import answered, run

LIST = '''python3 -c "
import json, socket
link = socket.socket(socket.AF_UNIX)
link.settimeout(5)
link.connect('/run/anlan/block-list/control')
link.sendall(b'{\\"command\\": \\"list\\"}')
link.shutdown(socket.SHUT_WR)
said = json.loads(b''.join(iter(lambda: link.recv(65536), b'')))
never = json.load(open('/etc/anlan/block-list.json'))['never']
shut, kernel = [each['prefix'] for each in said['entries']], said['in_kernel']
print(json.dumps({
    'shut': len(shut), 'differ': None if kernel is None else len(set(kernel) ^ set(shut)),
    'ours': sorted(set(never) & set(shut + (kernel or []))), 'never': sorted(never),
    'fault': said['fault'], 'peers': said['peers'],
}))"'''
"""Numbers, and none of the sources: they may be people."""

TABLE = 'nft -j -t list table inet anlan_blocks'
SOCKETS = "stat -c '%n %F %U:%G %a' /run/anlan/block-list/*; stat -c '%n %F %U:%G %a' /etc/anlan/block-list.key"
GROUPS = {'edge': 'www-data', 'balancer': 'haproxy', 'app': 'anlan-app', 'firewall': 'root'}
ANEW = 'systemctl restart anlan-block-list.service'
ENFORCERS = ('firewall', 'edge')
LONGEST_SILENCE_SECONDS = 30


def told(**otherwise):
    """Return the violation of an answer in which something is otherwise."""
    said = {'shut': 0, 'differ': 0, 'ours': [], 'never': ['192.0.2.1'], 'fault': None, 'peers': {}}
    return answered('/run/anlan/block-list/control', json.dumps(said | otherwise))


def listed(host):
    """Return what the daemon says, in numbers."""
    said = host.run(LIST)
    if said.rc != 0:
        not_verified(f'the block list of the host does not answer: {said.stderr.strip()[-120:]}')
    return json.loads(said.stdout)


def table(host):
    """Return chains, rules and sets of the kernel."""
    said = host.run(TABLE)
    assert said.rc == 0, 'the block list is not in force: its table is missing'
    every = json.loads(said.stdout)['nftables']
    return tuple([each[kind] for each in every if kind in each] for kind in ('chain', 'rule', 'set'))


@tiers(*ENFORCERS)
@clauses('22239-8.1.3.3-a', 'cosha-5.3')
@violation(run("nft 'delete table inet anlan_blocks'", ANEW, settle_seconds=0.1))
def test_who_is_shut_out_is_dropped_before_anything_else(host):
    chains, rules, _ = table(host)
    hooked = [each for each in chains if each.get('hook') == 'prerouting']
    assert hooked, "the block list is in no packet's way"
    assert hooked[0]['prio'] < -300, f'it comes at {hooked[0]["prio"]}, after others'
    dropping = {
        part['match']['right'] for rule in rules if any('drop' in each for each in rule['expr'])
        for part in rule['expr'] if 'match' in part and isinstance(part['match']['right'], str)
    }  # fmt: skip
    assert {'@blocked_v4', '@blocked_v6'} <= dropping, f'dropped is what is in {sorted(dropping)} alone'


@tiers(*ENFORCERS)
@clauses('22239-8.1.3.3-a', '22239-8.1.10.8-b')
@violation(told(differ=3, shut=3))
def test_the_kernel_shuts_out_whom_the_daemon_knows(host):
    said = listed(host)
    if said['differ'] is None:
        not_verified('the daemon does not know what the kernel has')
    # An entry that comes or ends while the two are compared is no difference that lasts.
    assert said['differ'] <= 2, f'{said["differ"]} of {said["shut"]} entries differ'


@tiers('firewall', 'edge', 'balancer', 'app')
@clauses('22239-8.1.3.3-a', '22239-8.1.3.3-d')
@violation(told(fault='nftables: no such table'))
def test_the_daemon_knows_of_no_fault(host):
    assert listed(host)['fault'] is None, f'the daemon says: {listed(host)["fault"]}'


@tiers(*ENFORCERS)
@clauses('cosha-5.1', '22239-8.1.3.3-a')
@violation(told(ours=['198.18.10.11']))
def test_no_host_of_the_platform_is_shut_out(host):
    ours = listed(host)['ours']
    assert not ours, f'shut out, and ours: {", ".join(ours)}'


@tiers(*ENFORCERS)
@clauses('cosha-5.1')
@violation(told(never=['192.0.2.1']))
def test_every_host_of_the_platform_is_among_those_never_shut_out(host, expected):
    never = set(listed(host)['never'])
    tiers_of_ours = [each['tier'] for each in expected.outputs['hosts'].values() if each['tier'] != 'client']
    ours = set(expected.addresses(*tiers_of_ours))
    missing = sorted(ours - never)
    assert not missing, f'could be shut out: {", ".join(missing)}'


@tiers('firewall', 'edge', 'balancer', 'app')
@clauses('22239-8.1.3.3-a', '22239-8.1.2.1-e')
@violation(told(peers={'fw-1': {'heard_seconds_ago': 900.0, 'waiting': 0, 'clock_offset_seconds': 0.0}}))
def test_the_other_hosts_of_the_block_list_are_heard(host):
    peers = listed(host)['peers']
    if not peers:
        not_applicable('the host has no other to share decisions with')
    silent = [f'{name} ({each["heard_seconds_ago"]:.0f} s)' for name, each in peers.items()
              if each['heard_seconds_ago'] > LONGEST_SILENCE_SECONDS]  # fmt: skip
    assert not silent, f'not heard: {", ".join(silent)}'


@tiers('firewall', 'edge', 'balancer', 'app')
@clauses('22239-8.1.3.3-a')
@violation(told(peers={'fw-1': {'heard_seconds_ago': 1.0, 'waiting': 50, 'clock_offset_seconds': 0.0}}))
def test_no_decision_waits_for_another_host(host):
    peers = listed(host)['peers']
    if not peers:
        not_applicable('the host has no other to share decisions with')
    waiting = {name: each['waiting'] for name, each in peers.items() if each['waiting'] > 5}
    assert not waiting, f'decisions wait: {waiting}'


@tiers('firewall', 'edge', 'balancer', 'app')
@clauses('22239-8.1.3.5-b')
@violation(told(peers={'fw-1': {'heard_seconds_ago': 1.0, 'waiting': 0, 'clock_offset_seconds': 42.0}}))
def test_clocks_of_the_boundary_agree(host):
    peers = listed(host)['peers']
    if not peers:
        not_applicable('the host has no other to compare its clock with')
    off = {name: each['clock_offset_seconds'] for name, each in peers.items() if abs(each['clock_offset_seconds']) > 1}
    assert not off, f'clocks that are off, in seconds: {off}'


@tiers(*ENFORCERS)
@clauses('22239-8.1.2.2-a', '22239-8.1.3.1-a')
@violation(run(
    "nft -a list chain inet anlan_blocks blocked | sed -n 's/.*dport 3783.*# handle //p' | "
    'while read -r each; do nft delete rule inet anlan_blocks blocked handle $each; done',
    ANEW,
))  # fmt: skip
def test_strangers_cannot_speak_to_the_block_list(host):
    guarded = [
        rule for rule in table(host)[1] if any('drop' in part for part in rule['expr'])
        and any(part.get('match', {}).get('right') == 3783 for part in rule['expr'])
    ]  # fmt: skip
    families = {
        part['match']['left']['payload']['protocol'] for rule in guarded for part in rule['expr']
        if 'payload' in part.get('match', {}).get('left', {}) and part['match']['op'] == '!='
    }  # fmt: skip
    kinds = {
        str(part['match']['right']) for rule in guarded for part in rule['expr'] if 'meta' in str(part.get('match'))
    }
    assert 'ip' in families | kinds or 'ipv4' in kinds, 'anybody may send it messages over IPv4'
    assert 'ip6' in families or 'ipv6' in kinds, 'anybody may send it messages over IPv6'


@tiers('firewall', 'edge', 'balancer', 'app')
@clauses('22239-8.1.3.5-c', '22239-8.1.2.2-a')
@violation(run('chmod 0644 /etc/anlan/block-list.key', 'chmod 0600 /etc/anlan/block-list.key'))
def test_the_key_that_signs_its_messages_is_roots_alone(host):
    lines = [line for line in host.run(SOCKETS).stdout.splitlines() if line.startswith('/etc/anlan/block-list.key')]
    assert lines, 'there is no key: messages cannot be signed'
    assert lines[0].endswith('root:root 600'), f'the key: {lines[0]}'


@tiers('firewall', 'edge', 'balancer', 'app')
@clauses('22239-8.1.3.3-a', '22239-8.1.3.5-c')
@violation(run('chmod 0666 /run/anlan/block-list/report', 'chmod 0660 /run/anlan/block-list/report'))
def test_its_sensors_alone_can_report_to_it(host, expected):
    lines = [line for line in host.run(SOCKETS).stdout.splitlines() if ' socket ' in line]
    assert lines, 'no sensor can report'
    good = (f'root:{GROUPS[expected.tier]} 660', 'root:root 600', 'root:root 660')
    wide = [line.split()[0] + ' ' + ' '.join(line.split()[-2:]) for line in lines if not line.endswith(good)]
    assert not wide, f'open to others: {", ".join(wide)}'
