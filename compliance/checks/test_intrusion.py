"""Intrusion detection of the firewalls: whether it runs, is in the way of what passes, and writes down what it must."""

from __future__ import annotations

import json

import pytest

from compliance.checking import clauses, not_verified, tiers, violation
from compliance.reading.sections import part, question, told
from compliance.violation import answered, run

SENSORS = ('inline', 'refused')
ENGINE = '''python3 -c "
import json, socket
def read(link):
    said = b''
    while True:
        said += link.recv(65536)
        try:
            return json.loads(said)
        except ValueError:
            if len(said) > 100000: raise
for sensor in ('inline', 'refused'):
    for command in ('ruleset-stats', 'iface-list', 'running-mode'):
        try:
            link = socket.socket(socket.AF_UNIX)
            link.settimeout(3)
            link.connect('/run/anlan/intrusion/' + sensor + '.command')
            link.sendall(b'{\\"version\\": \\"0.2\\"}\\n')
            read(link)
            link.sendall(json.dumps({'command': command}).encode() + b'\\n')
            print(json.dumps(read(link)))
        except (OSError, ValueError) as error:
            print(json.dumps({'return': 'NOK', 'message': str(error)}))
"'''
"""Each sensor is asked over its own socket, by one program: the tool for it is as many programs as questions."""

ASKED = question({
    'sets': 'cat /var/lib/anlan/intrusion/sets.json; echo; date +%s',
    'way': 'iptables-nft -t security -S; echo --; ip6tables-nft -t security -S; echo --; '
           'cat /proc/net/netfilter/nfnetlink_queue',
})  # fmt: skip
RENEW = '/usr/local/lib/anlan/inspection-way on'


def engine(host):
    """Return of each sensor what it says: rules, interfaces, mode."""
    answers = [json.loads(line) for line in host.run(ENGINE).stdout.splitlines()]
    if len(answers) != 6:
        not_verified('the sensors do not answer')
    return {sensor: answers[at * 3 : at * 3 + 3] for at, sensor in enumerate(SENSORS)}


def spoken(loaded=21, failed=0, interfaces=('NFQ#0', 'NFQ#1'), mode='workers', code='OK'):
    """Return the violation of an answer in which a sensor says so."""
    one = '\n'.join(json.dumps({'message': message, 'return': code}) for message in (
        [{'id': 0, 'rules_loaded': loaded, 'rules_failed': failed}],
        {'count': len(interfaces), 'ifaces': list(interfaces)}, mode,
    ))  # fmt: skip
    return answered('ruleset-stats', f'{one}\n{one}\n')


def way(host):
    """Return the rules that hand packets over, by family, and a row for each queue that somebody reads."""
    parts = part(host, ASKED, 'way').split('--\n')
    if len(parts) != 3:
        not_verified('the way to the intrusion detection is not told')
    rows = [[int(word) for word in line.split()] for line in parts[2].splitlines() if line.strip()]
    return {'ipv4': parts[0].splitlines(), 'ipv6': parts[1].splitlines()}, rows


@pytest.mark.parametrize('sensor', [pytest.param(each, marks=violation(spoken(loaded=0))) for each in SENSORS])
@tiers('firewall')
@clauses('22239-8.1.3.3-a', '22239-8.1.3.3-b', 'cosha-5.3', '22239-8.1.4.4-f', 'guideline-6.3.3.1', 'guideline-6.3.3.2')
def test_a_sensor_answers_and_has_rules(host, sensor):
    rules = engine(host)[sensor][0]
    assert rules['return'] == 'OK', f'{sensor} does not answer: {rules["message"]}'
    assert rules['message'][0]['rules_loaded'] > 0, f'{sensor} runs without a rule'


@pytest.mark.parametrize('sensor', [pytest.param(each, marks=violation(spoken(failed=3))) for each in SENSORS])
@tiers('firewall')
@clauses('22239-8.1.3.3-a', 'cosha-5.3')
def test_a_sensor_understood_each_rule(host, sensor):
    rules = engine(host)[sensor][0]
    if rules['return'] != 'OK':
        not_verified(f'{sensor} does not answer')
    assert rules['message'][0]['rules_failed'] == 0, (
        f'{sensor} did not understand {rules["message"][0]["rules_failed"]}'
    )


@pytest.mark.parametrize('family', [
    pytest.param('ipv4', marks=violation(run('iptables-nft -t security -F ANLAN_INSPECT', RENEW))),
    pytest.param('ipv6', marks=violation(run('ip6tables-nft -t security -F ANLAN_INSPECT', RENEW))),
])  # fmt: skip
@tiers('firewall')
@clauses('22239-8.1.3.3-a', '22239-8.1.3.3-b', '22239-8.1.3.4-a', 'cosha-5.3')
def test_all_that_passes_both_ways_goes_through_the_sensor(host, family):
    rules = way(host)[0][family]
    assert '-A FORWARD -j ANLAN_INSPECT' in rules, f'what is handed on over {family} is not shown to the sensor'
    inside = [each for each in rules if each.startswith('-A ANLAN_INSPECT')]
    queue = [each for each in inside if 'NFQUEUE' in each]
    assert queue, f'nothing is queued over {family}'
    # A rule that names an address, a port or an interface would leave a direction out.
    narrow = [each for each in inside if any(word in each.split() for word in ('-s', '-d', '-p', '-i', '-o', '!'))]
    assert not narrow, f'not all is queued over {family}: {"; ".join(narrow)}'


@tiers('firewall')
@clauses('22239-8.1.3.3-a', '22239-8.1.3.3-b')
@violation(run(
    'iptables-nft -t security -I ANLAN_INSPECT -s 192.0.2.7 -j RETURN', RENEW,
))  # fmt: skip
def test_nothing_but_encrypted_connections_goes_past_the_sensor(host):
    past = [
        f'{family}: {each}' for family, rules in way(host)[0].items() for each in rules
        if ('-j RETURN' in each or '-j ACCEPT' in each) and each.startswith('-A')
        and '--mark 0x1000000/0x1000000' not in each
    ]  # fmt: skip
    assert any('NFQUEUE' in each for rules in way(host)[0].values() for each in rules), 'nothing is queued at all'
    assert not past, f'goes past the sensor: {"; ".join(past)}'


@tiers('firewall')
@clauses('22239-8.1.3.3-a', '22239-8.1.2.1-a', 'cosha-5.3')
@violation(run(
    'iptables-nft -t security -F ANLAN_INSPECT && '
    'iptables-nft -t security -A ANLAN_INSPECT -j NFQUEUE --queue-balance 2:3 --queue-bypass',
    RENEW,
))  # fmt: skip
def test_each_queue_is_read(host):
    rules, rows = way(host)
    wanted = set()
    for each in rules['ipv4']:
        if '--queue-balance ' in each:
            first, last = each.partition('--queue-balance ')[2].split()[0].split(':')
            wanted |= set(range(int(first), int(last) + 1))
    assert wanted, 'nothing is queued'
    unread = sorted(wanted - {row[0] for row in rows if row[1]})
    assert not unread, f'nobody reads the queues {unread}'


@tiers('firewall')
@clauses('22239-8.1.2.1-a', '22239-8.1.3.3-a')
@violation(
    told('sets.json', 'way', '-A FORWARD\n--\n-A FORWARD\n--\n    0   2101     0 2 65531  9000     0    21637  1\n')
)
def test_the_queues_lose_nothing(host):
    rows = way(host)[1]
    if not rows:
        not_verified('nobody reads a queue')
    lost, passed = sum(row[5] + row[6] for row in rows), sum(row[7] for row in rows)
    assert lost <= passed / 1000, f'{lost} packets of {passed} were not shown to the sensor'


@tiers('firewall')
@clauses('22239-8.1.3.2-a', '22239-8.1.3.3-a')
@violation(run(
    'if grep -q open /etc/anlan/intrusion/way; then bypass=; else bypass=--queue-bypass; fi; '
    'for each in iptables-nft ip6tables-nft; do $each -t security -F ANLAN_INSPECT; '
    '$each -t security -A ANLAN_INSPECT -j NFQUEUE --queue-balance 0:1 $bypass; done',
    RENEW,
))  # fmt: skip
def test_what_becomes_of_traffic_that_nobody_inspects_is_as_declared(host, expected):
    queues = [each for rules in way(host)[0].values() for each in rules if 'NFQUEUE' in each]
    assert queues, 'nothing is queued'
    wanted = expected.platform['inspection']['on_failure'] == 'open'
    wrong = [each for each in queues if ('--queue-bypass' in each) is not wanted]
    assert not wrong, (
        f'{"passes" if not wanted else "is dropped"}, {expected.platform["inspection"]["on_failure"]} is declared'
    )


@tiers('firewall')
@clauses('22239-8.1.3.3-a', '22239-8.1.3.3-b')
@violation(spoken(mode='single'))
def test_the_sensor_in_the_way_reads_as_many_queues_as_there_are(host):
    _, interfaces, mode = engine(host)['inline']
    if interfaces['return'] != 'OK':
        not_verified('inline does not answer')
    assert mode['message'] == 'workers', f'it works in the mode {mode["message"]}'
    assert interfaces['message']['count'] >= 2, f'it reads {interfaces["message"]["ifaces"]}'


@tiers('firewall')
@clauses('22239-8.1.3.3-b', '22239-8.1.3.5-a', '22239-8.1.3.1-c')
@violation(spoken(interfaces=()))
def test_what_the_policy_refuses_is_looked_at(host):
    interfaces = engine(host)['refused'][1]
    if interfaces['return'] != 'OK':
        not_verified('refused does not answer')
    assert interfaces['message']['count'] >= 1, 'nobody reads what the policy drops'


@tiers('firewall')
@clauses(
    '22239-8.1.3.3-a',
    '22239-8.1.3.4-a',
    'cosha-5.3',
    '22239-8.1.5.4-e',
    'guideline-6.3.3.1',
    'guideline-6.3.3.2',
    'guideline-6.3.3.3',
)
@violation(
    told(
        'sets.json',
        'sets',
        '{"failed": [], "inline": {"own": 21, "licensed": 0, "licensed_at": null, "applied_at": 1}}\n1795644103\n',
    )
)
def test_rules_are_not_too_old(host, expected):
    text, _, now = part(host, ASKED, 'sets').strip().rpartition('\n')
    if not text.strip():
        not_verified('what rules are in force is not known')
    inline = json.loads(text)['inline']
    when = inline['licensed_at'] if inline['licensed'] else inline['applied_at']
    days = (int(now) - float(when)) / 86400
    most = expected.platform['inspection']['rule_set_maximum_age_days']
    assert days <= most, (
        f'the {"licensed set" if inline["licensed"] else "own rules"} is {days:.0f} days old, {most} at most'
    )


@tiers('firewall')
@clauses('22239-8.1.3.3-a', 'guideline-6.3.3.1', 'guideline-6.3.3.2')
@violation(
    told(
        'sets.json',
        'sets',
        '{"failed": ["inline: refused"], "inline": {"own": 1, "licensed": 0, "licensed_at": null}}\n1\n',
    )
)
def test_no_set_of_rules_was_refused(host):
    text = part(host, ASKED, 'sets').strip().rpartition('\n')[0]
    if not text.strip():
        not_verified('what rules are in force is not known')
    failed = json.loads(text)['failed']
    assert not failed, f'refused, the rules before are in force: {"; ".join(map(str, failed))}'


@tiers('firewall')
@clauses('22239-8.1.3.3-c', 'guideline-6.3.3.3')
@violation(
    told(
        'sets.json',
        'sets',
        '{"failed": [], "inline": {"own": 0, "licensed": 0}, "refused": {"own": 0, "licensed": 0}}\n1\n',
    )
)
def test_rules_about_behaviour_are_in_force(host):
    text = part(host, ASKED, 'sets').strip().rpartition('\n')[0]
    if not text.strip():
        not_verified('what rules are in force is not known')
    sets = json.loads(text)
    # Ours are about rates, ways and refused connections: what no signature of an attack knows.
    assert sets['inline']['own'] and sets['refused']['own'], 'rules about rates and refused connections are missing'
