"""The intrusion detection on real firewalls: what it sees and stops, and what becomes of traffic when it dies."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.lab.sensors import FIREWALLS, INLINE, SETTINGS, START_SECONDS, Sensors
from tests.lab.standing import Standing

DATABASE_PORT, UNDECLARED_PORT = 5432, 9
# More than a queue holds (four times `max-pending-packets`), then a question that a clock answers.
FILL = (
    'import socket, sys\n'
    'with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:\n'
    '    link.connect((sys.argv[1], 123))\n'
    '    link.settimeout(2)\n'
    '    for _ in range(int(sys.argv[2])): link.send(bytes(48))\n'
    '    link.send(bytes([35]) + bytes(47))\n'
    '    link.recv(100)\n'
)
QUEUE_PACKETS = 8192
# A greeting of TLS 1.0, as RFC 2246 has it: no library of a host of ours would send one.
OLD_TLS = (
    'import socket, sys\n'
    'body = bytes([3, 1]) + bytes(32) + bytes([0, 0, 2, 0, 47, 1, 0])\n'
    'hello = b"\\x01" + len(body).to_bytes(3, "big") + body\n'
    'with socket.create_connection((sys.argv[1], 443), 3) as link:\n'
    '    link.settimeout(2)\n'
    '    link.sendall(b"\\x16\\x03\\x01" + len(hello).to_bytes(2, "big") + hello)\n'
    '    try: print("answer", len(link.recv(100)))\n'
    '    except TimeoutError: print("nothing")\n'
)
CONNECT_ONCE = 'import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)'
LICENSED_RULE = 'alert tcp any any -> any 9999 (msg:"a licensed rule"; sid:2000001; rev:1;)\n'
BROKEN_RULE = 'alert tcp any any -> any 9999 (msg:"a broken rule" sid:2000002;\n'


@pytest.fixture(scope='module', autouse=True)
def forgetful(standing: Standing) -> None:
    """Have the sensors forget what they counted: of who has just tried everything (`anlan reach`) they tell once."""
    made = Sensors(standing, standing.remote())
    for firewall in FIREWALLS:
        made.done(firewall, 'systemctl', 'restart', 'anlan-intrusion-refused.service')
    for firewall in FIREWALLS:
        made.inspects(firewall)
    standing.close()


@pytest.fixture
def sensors(standing: Standing) -> Iterator[Sensors]:
    """The sensors, all at work, and no client shut out; the same afterwards."""
    made = Sensors(standing, standing.remote())
    made.release()
    for firewall in FIREWALLS:
        made.inspects(firewall)
    yield made
    made.release()
    for firewall in FIREWALLS:
        made.inspects(firewall)
    standing.close()


def learns(sensors: Sensors, client: str, edge: str) -> bool:
    """Return whether a learner gets an answer from an edge."""
    name = sensors.standing.work.platform.front_door.name
    done = sensors.run(
        client, 'curl', '-sS', '--max-time', '4', '-o', '/dev/null', '--resolve', f'{name}:443:{sensors.address(edge)}',
        f'https://{name}/courses/',
    )  # fmt: skip
    return done.code == 0


@pytest.mark.parametrize('firewall', FIREWALLS)
def test_both_firewalls_inspect_with_all_rules(sensors: Sensors, firewall: str) -> None:
    figures = sensors.figures(firewall)
    assert (
        figures['anlan_intrusion_rules_loaded{sensor="inline"}'] == figures['anlan_intrusion_rule_set_rules{set="own"}']
    )
    assert figures['anlan_intrusion_rules_loaded{sensor="refused"}'] > 0
    assert figures['anlan_intrusion_rules_failed{sensor="inline"}'] == 0
    assert figures['anlan_intrusion_queues_read'] == 2
    assert figures['anlan_intrusion_rule_set_rules{set="licensed"}'] == 0
    assert 'anlan_intrusion_rule_set_age_seconds{set="licensed"}' not in figures


def test_a_scan_from_inside_is_seen_though_nothing_of_it_passes_and_its_host_is_not_shut_out(sensors: Sensors) -> None:
    begun = time.time()
    assert sensors.opened('app-1', 'db-1', 2379, 22, *range(8100, 8112)) == set()
    event = sensors.event(9030004, begun)
    assert event['ANLAN_SOURCE'] == sensors.address('app-1')
    assert event['ANLAN_TARGET'].startswith(sensors.address('db-1'))
    assert event['ANLAN_ACTION'] == 'dropped'
    lateral = sensors.event(9030005, begun)
    assert lateral['ANLAN_TARGET'] in {f'{sensors.address("db-1")}:{port}' for port in (22, 2379)}
    assert not any(sensors.blocked(firewall, 'app-1') for firewall in FIREWALLS)


def test_a_host_of_ours_that_reaches_outside_is_seen(sensors: Sensors) -> None:
    begun = time.time()
    assert sensors.opened('db-1', '203.0.113.77', 443) == set()
    assert sensors.event(9030006, begun)['ANLAN_TARGET'] == '203.0.113.77:443'


def test_a_scan_from_outside_shuts_its_source_out_on_both_firewalls(sensors: Sensors) -> None:
    begun = time.time()
    assert learns(sensors, 'client-2', 'edge-1')
    assert sensors.opened('client-2', 'edge-1', *range(2000, 2030)) == set()
    assert sensors.event(9030001, begun)['ANLAN_SOURCE'] == sensors.address('client-2')
    assert all(sensors.blocked(firewall, 'client-2') for firewall in FIREWALLS)
    assert not learns(sensors, 'client-2', 'edge-1')
    assert learns(sensors, 'client-1', 'edge-2')


def test_old_tls_does_not_reach_the_edge_and_tls_of_today_does(sensors: Sensors) -> None:
    begun = time.time()
    assert sensors.done('client-1', 'python3', '-c', OLD_TLS, sensors.address('edge-2')).strip() == 'nothing'
    event = sensors.event(9010001, begun)
    assert (event['ANLAN_ACTION'], event['ANLAN_SOURCE']) == ('dropped', sensors.address('client-1'))
    later = time.time()
    for _ in range(20):
        assert learns(sensors, 'client-1', 'edge-2')
    time.sleep(2)
    assert not any(sensors.events(firewall, 9010001, later) for firewall in FIREWALLS)


def test_with_open_a_dead_sensor_lets_pass_what_is_declared_and_nothing_else(sensors: Sensors) -> None:
    with sensors.choice('open'), sensors.stopped():
        assert sensors.opened('app-1', 'db-1', DATABASE_PORT, UNDECLARED_PORT) == {DATABASE_PORT}
        assert learns(sensors, 'client-1', 'edge-2')
        for firewall in FIREWALLS:
            sensors.wait_for(firewall, 'anlan_intrusion_up{sensor="inline"}', 0.0)


def test_with_closed_a_dead_sensor_lets_nothing_pass(sensors: Sensors) -> None:
    with sensors.choice('closed'):
        assert sensors.opened('app-1', 'db-1', DATABASE_PORT) == {DATABASE_PORT}
        # By what the engine runs in the hosts, for the bastion's way is shut as well.
        for firewall in FIREWALLS:
            sensors.done(firewall, 'systemd-run', '--on-active=12', 'systemctl', 'start', INLINE)
            sensors.done(firewall, 'systemctl', 'stop', INLINE)
        words = ['timeout', '8', 'python3', '-c', CONNECT_ONCE, sensors.address('db-1'), str(DATABASE_PORT)]
        code, _ = sensors.standing.container('app-1').exec_run(words)
        assert code != 0
        for firewall in FIREWALLS:
            sensors.inspects(firewall)
        assert sensors.opened('app-1', 'db-1', DATABASE_PORT) == {DATABASE_PORT}


@pytest.mark.parametrize(('choice', 'passes'), [('open', True), pytest.param('closed', False, marks=pytest.mark.long)])
def test_a_full_queue_follows_the_same_choice(sensors: Sensors, choice: str, passes: bool) -> None:
    with sensors.choice(choice):
        container, clock = sensors.standing.container('app-1'), sensors.address('mon-1')

        def answered(before: int) -> bool:
            code, _ = container.exec_run(['timeout', '8', 'python3', '-c', FILL, clock, str(before)])
            return bool(code == 0)

        assert answered(0)
        for firewall in FIREWALLS:
            sensors.done(firewall, 'systemd-run', '--on-active=15', 'systemctl', 'kill', '--signal=CONT', INLINE)
        for firewall in FIREWALLS:
            sensors.done(firewall, 'systemctl', 'kill', '--signal=STOP', INLINE)
        # Both packets of an exchange wait in the queue of the two addresses.
        assert not answered(0)
        assert answered(QUEUE_PACKETS + 1000) is passes
        time.sleep(12)
        for firewall in FIREWALLS:
            sensors.inspects(firewall)


def test_a_sensor_that_is_killed_comes_back_is_noticed_and_no_learner_feels_it(sensors: Sensors) -> None:
    active = sensors.standing.holder('firewall-uplink-a')
    deaths = 'anlan_intrusion_deaths_total{sensor="inline",result="signal"}'
    before = sensors.figures(active)[deaths]
    with sensors.standing.learner('client-1') as learner:
        time.sleep(2)
        sensors.done(active, 'systemctl', 'kill', '--signal=KILL', INLINE)
        assert sensors.opened('app-1', 'db-1', UNDECLARED_PORT) == set()
        sensors.wait_for(active, deaths, before + 1, START_SECONDS)
        sensors.inspects(active)
        time.sleep(2)
    run = learner.run()
    assert not {kind: failed for kind in run.outcomes if (failed := run.failures(kind))}
    assert not run.lost(learner.read_back())


def test_a_broken_set_is_refused_and_the_one_before_stays_and_a_good_one_is_read_live(sensors: Sensors) -> None:
    firewall = sensors.standing.holder('firewall-uplink-a')
    file, loaded = f'{SETTINGS}/licensed/test.rules', 'anlan_intrusion_rules_loaded{sensor="inline"}'
    refused, rules = 'anlan_intrusion_rule_set_refused', sensors.figures(firewall)[loaded]
    started = sensors.done(firewall, 'systemctl', 'show', '-P', 'MainPID', INLINE)
    try:
        sensors.done(firewall, 'tee', file, stdin=LICENSED_RULE)
        sensors.wait_for(firewall, loaded, rules + 1, START_SECONDS)
        sensors.done(firewall, 'tee', file, stdin=LICENSED_RULE + BROKEN_RULE)
        sensors.wait_for(firewall, refused, 1.0, START_SECONDS)
        assert sensors.figures(firewall)[loaded] == rules + 1
        said = sensors.done(firewall, 'journalctl', '-o', 'cat', '-n', '20', '-u', 'anlan-intrusion-rules.service')
        assert 'refused, the rules before stay in force' in said
        sensors.done(firewall, 'tee', file, stdin=LICENSED_RULE)
        sensors.wait_for(firewall, refused, 0.0, START_SECONDS)
        # As old as its makers left it, not as old as its copy.
        sensors.done(firewall, 'touch', '--date=200 days ago', file)
        sensors.done(firewall, 'systemctl', 'start', 'anlan-intrusion-rules.service')
        time.sleep(6)
        figures = sensors.figures(firewall)
        age = figures['anlan_intrusion_rule_set_age_seconds{set="licensed"}']
        assert age > figures['anlan_intrusion_rule_set_maximum_age_seconds']
    finally:
        sensors.done(firewall, 'rm', '-f', file)
        sensors.wait_for(firewall, loaded, rules, START_SECONDS)
    assert sensors.done(firewall, 'systemctl', 'show', '-P', 'MainPID', INLINE) == started


def test_while_nobody_takes_its_alerts_suricata_lets_traffic_pass_and_tells_of_the_next_again(sensors: Sensors) -> None:
    for firewall in FIREWALLS:
        sensors.done(firewall, 'systemctl', 'stop', 'anlan-intrusion-watch.service')
    try:
        assert sensors.opened('app-2', 'db-2', *range(8100, 8112)) == set()
        assert sensors.opened('app-2', 'db-2', DATABASE_PORT) == {DATABASE_PORT}
    finally:
        for firewall in FIREWALLS:
            sensors.done(firewall, 'systemctl', 'start', 'anlan-intrusion-watch.service')
            sensors.inspects(firewall)
    time.sleep(11)
    begun = time.time()
    sensors.opened('app-2', 'db-2', *range(8100, 8112))
    assert sensors.event(9030004, begun)['ANLAN_SOURCE'] == sensors.address('app-2')


def test_the_way_is_there_once_and_gone_with_its_service(sensors: Sensors) -> None:
    (firewall,) = (name for name in FIREWALLS if name != sensors.standing.holder('firewall-uplink-a'))
    try:
        for _ in range(3):
            sensors.done(firewall, 'systemctl', 'reload', 'anlan-inspection.service')
        for tool in ('iptables-nft', 'ip6tables-nft'):
            rules = sensors.done(firewall, tool, '-t', 'security', '-S')
            assert rules.count('-j ANLAN_INSPECT') == 1
            assert rules.count('NFQUEUE') == 1
        sensors.done(firewall, 'systemctl', 'stop', 'anlan-inspection.service')
        for tool in ('iptables-nft', 'ip6tables-nft'):
            assert 'ANLAN_INSPECT' not in sensors.done(firewall, tool, '-t', 'security', '-S')
        assert 'anlan_inspection' not in sensors.done(firewall, 'nft', 'list', 'tables')
        assert 'table inet anlan\n' in sensors.done(firewall, 'nft', 'list', 'tables')
    finally:
        sensors.done(firewall, 'systemctl', 'start', 'anlan-inspection.service')


def test_what_is_encrypted_is_not_looked_at_after_its_handshake(sensors: Sensors) -> None:
    def handed_over(firewall: str) -> int:
        rules = sensors.done(firewall, 'iptables-nft', '-t', 'security', '-S', 'ANLAN_INSPECT', '-v')
        return int(next(line for line in rules.splitlines() if 'NFQUEUE' in line).split('-c ')[1].split()[0])

    def passed_by(firewall: str) -> int:
        table = sensors.done(firewall, 'nft', 'list', 'chain', 'inet', 'anlan_inspection', 'known')
        return int(table.split('packets ')[1].split()[0])

    active = sensors.standing.holder('firewall-uplink-a')
    name = sensors.standing.work.platform.front_door.name
    before = handed_over(active), passed_by(active)
    words = ['--resolve', f'{name}:443:{sensors.address("edge-2")}', *[f'https://{name}/courses/'] * 200]
    sensors.done('client-1', 'curl', '-sS', '--max-time', '60', *words)
    looked_at, not_looked_at = handed_over(active) - before[0], passed_by(active) - before[1]
    assert not_looked_at > looked_at > 0
