"""Sources that attack are shut out on every firewall and edge, by what sensors of real hosts say; ours never are."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from anlan.deadline import wait_until
from anlan.remote import Result
from tests.lab.standing import Standing

ENFORCERS = ('fw-1', 'fw-2', 'edge-1', 'edge-2')
ATTACKER = 'client-2'
PROGRAM = ('sudo', 'python3', '-B', '/usr/local/lib/anlan/block_list')
SECONDS = 10.0
SEND = (
    'import socket, sys\n'
    'line = sys.stdin.buffer.read()\n'
    'link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n'
    'for _ in range(int(sys.argv[2]) if sys.argv[2:] else 1): link.sendto(line, sys.argv[1])\n'
)
SEND_STRANGE = (
    'import socket, sys\n'
    'link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n'
    'for _ in range(50): link.sendto(b"x" * 300, (sys.argv[1], 3783))\n'
)
DENIAL = (
    '<187>Nov 25 12:00:00 edge: 2026/11/25 12:00:00 [error] 1#1: *1 [client {source}] ModSecurity: Access denied with '
    'code 403 (phase 2). [id "942100"] [msg "SQL Injection Attack"], client: {source}, server: x'
)
CLIENTS = Path(__file__).parent / 'clients'


class Lab:
    """The platform: its hosts over connections that are kept, its clients past the network that shuts them out."""

    def __init__(self, standing: Standing) -> None:
        self.work = standing.work
        self.anlan = standing.anlan
        self._remote = standing.remote()
        self._container = standing.container

    def run(self, host: str, *argv: str, stdin: str | None = None, deadline_seconds: float = 60) -> Result:
        if host.startswith('client'):
            words = ['timeout', str(deadline_seconds), *argv]
            code, (out, err) = self._container(host).exec_run(words, demux=True)
            return Result(code, (out or b'').decode(), (err or b'').decode(), 0.0)
        return self._remote.run(host, argv, deadline_seconds, stdin)


def address(lab: Lab, host: str) -> str:
    return str(lab.work.topology.host(host).address)


def told(lab: Lab, host: str, socket: str, data: str, times: int = 1) -> None:
    done = lab.run(host, 'sudo', 'python3', '-c', SEND, f'/run/anlan/block-list/{socket}', str(times), stdin=data)
    assert done.code == 0, done.err


def attacked(lab: Lab, source: str) -> None:
    """Have the WAF of edge-2 say that it refused as much of a source as shuts it out: one request does not."""
    told(lab, 'edge-2', 'nginx', DENIAL.format(source=source), times=2)


def kernels(lab: Lab, source: str) -> set[str]:
    """Return the enforcers whose kernel shuts a source out, asked past the program that is tested."""
    found = set()
    for host in ENFORCERS:
        done = lab.run(host, 'sudo', 'nft', '--json', 'list', 'set', 'inet', 'anlan_blocks', 'blocked_v4')
        if done.code == 0 and f'"{source}"' in done.out:
            found.add(host)
    return found


def wait_for(lab: Lab, source: str, hosts: set[str], seconds: float = SECONDS) -> None:
    def reason() -> str | None:
        on = kernels(lab, source)
        return None if on == hosts else f'on {sorted(on)}'

    wait_until(reason, f'{source} to be shut out on {sorted(hosts)}', seconds, 0.3)


def reached(lab: Lab, client: str, host: str) -> bool:
    url = f'https://{lab.work.platform.front_door.name}/edgez'
    place = f'{lab.work.platform.front_door.name}:443:{address(lab, host)}'
    return lab.run(client, 'curl', '-sS', '--max-time', '3', '--resolve', place, url).code == 0


def events(lab: Lab, host: str, kind: str, since: float) -> list[dict[str, Any]]:
    words = ('journalctl', '-t', 'block-list', '-o', 'json', '--since', f'@{since:.3f}', f'ANLAN_EVENT={kind}')
    done = lab.run(host, 'sudo', *words)
    return [json.loads(line) for line in done.out.splitlines() if line.startswith('{')]


@pytest.fixture
def free(standing: Standing) -> Iterator[Lab]:
    """The platform with nobody shut out, before and after."""
    lab = Lab(standing)

    def release() -> None:
        for client in ('client-1', 'client-2'):
            lab.run('fw-1', *PROGRAM, 'remove', address(lab, client), '--reason', 'end of a test')
            wait_for(lab, address(lab, client), set())

    release()
    yield lab
    release()
    standing.close()


def test_two_denials_of_the_waf_shut_the_client_out_everywhere_and_nobody_else(free: Lab) -> None:
    source = address(free, ATTACKER)
    begun = time.time()
    told(free, 'edge-2', 'nginx', DENIAL.format(source=source))
    assert reached(free, ATTACKER, 'edge-2')
    assert kernels(free, source) == set()
    told(free, 'edge-2', 'nginx', DENIAL.format(source=source))
    wait_for(free, source, set(ENFORCERS))
    assert not reached(free, ATTACKER, 'edge-2')
    assert not reached(free, ATTACKER, 'edge-1')
    assert reached(free, 'client-1', 'edge-1')
    assert reached(free, 'client-1', 'edge-2')
    for host in ENFORCERS:
        (event,) = events(free, host, 'block', begun)
        assert (event['ANLAN_SOURCE'], event['ANLAN_TYPE'], event['ANLAN_ORIGIN']) == (source, 'waf', 'edge-2')
    listed = json.loads(free.anlan('block', 'list', '--json').stdout)
    assert listed['findings'] == []
    assert listed['blocks'][0]['reason'] == 'SQL injection (rule 942100)'
    removed = free.anlan('block', 'remove', source)
    assert removed.returncode == 0, removed.stderr
    assert reached(free, ATTACKER, 'edge-2')


def test_a_connection_that_stands_is_cut_as_well(free: Lab) -> None:
    source, name = address(free, ATTACKER), free.work.platform.front_door.name
    keep = (CLIENTS / 'keep_asking.py').read_text(encoding='utf-8')
    with ThreadPoolExecutor(1) as pool:
        kept = pool.submit(free.run, ATTACKER, 'python3', '-c', keep, address(free, 'edge-2'), name)
        time.sleep(2.5)
        attacked(free, source)
        result = kept.result()
    assert result.code == 0, result.err
    assert 5 < int(result.out) < 40


def test_an_alert_of_suricata_and_a_refusal_of_haproxy_count_for_the_client(free: Lab) -> None:
    source = address(free, ATTACKER)
    alert = {'event_type': 'alert', 'src_ip': source, 'alert': {'severity': 1, 'signature': 'scan', 'signature_id': 7}}
    told(free, 'fw-2', 'eve', json.dumps(alert))
    wait_for(free, source, set(ENFORCERS))
    assert free.anlan('block', 'remove', source).returncode == 0
    line = (
        f'<131>Nov 25 12:00:00 haproxy[9]: {address(free, "edge-2")}:4000 [25/Nov/2026:12:00:00.000] https~ '
        f'too_many_requests/<NOSRV> 0/-1/-1/-1/0 429 318 - - PR-- 1/1/0/0/0 0/0 {{{source}}} "GET / HTTP/1.1"'
    )
    done = free.run('lb-1', 'sudo', 'python3', '-c', SEND, '/run/anlan/block-list/haproxy', '99', stdin=line)
    assert done.code == 0, done.err
    assert kernels(free, source) == set()
    done = free.run('lb-1', 'sudo', 'python3', '-c', SEND, '/run/anlan/block-list/haproxy', stdin=line)
    assert done.code == 0, done.err
    wait_for(free, source, set(ENFORCERS))


def test_who_guesses_passwords_through_the_front_door_is_shut_out(free: Lab) -> None:
    name = free.work.platform.front_door.name
    guess = (CLIENTS / 'guess_passwords.py').read_text(encoding='utf-8')
    done = free.run(ATTACKER, 'python3', '-c', guess, name, address(free, 'edge-2'), deadline_seconds=300)
    assert done.code == 0, done.err
    last, attempts = done.out.split()
    assert not last.isdecimal(), f'after {attempts} attempts the answer was still {last}'
    wait_for(free, address(free, ATTACKER), set(ENFORCERS))


@pytest.mark.parametrize('victim', ['edge-1', 'lb-1', 'db-1', 'ops-1', 'fw-1'])
def test_an_address_of_ours_is_refused_with_an_event(free: Lab, victim: str) -> None:
    begun = time.time()
    source = address(free, victim)
    told(free, 'edge-1', 'nginx', DENIAL.format(source=source))
    told(free, 'fw-1', 'report', json.dumps({'source': source, 'type': 'flood', 'reason': 'spoofed', 'points': 100}))

    def refused() -> str | None:
        return None if events(free, 'edge-1', 'block-refused', begun) else 'no event'

    wait_until(refused, 'the refusal in the journal', SECONDS)
    assert kernels(free, source) == set()
    added = free.anlan('block', 'add', source, '--reason', 'by mistake')
    assert added.returncode == 1
    assert 'is an address of the platform' in added.stderr


def test_messages_of_strangers_reach_no_daemon(free: Lab) -> None:
    counter = ('sudo', 'nft', 'list', 'chain', 'inet', 'anlan_blocks', 'blocked')
    before = free.run('edge-2', *counter).out
    assert free.run(ATTACKER, 'python3', '-c', SEND_STRANGE, address(free, 'edge-2')).code == 0
    after = free.run('edge-2', *counter).out
    assert before != after
    metrics = free.run('edge-2', 'cat', '/run/anlan/metrics/block_list.prom').out
    assert 'reason="stranger"' not in metrics


def test_a_killed_daemon_leaves_the_block_in_force_and_takes_it_up_again(free: Lab) -> None:
    source = address(free, ATTACKER)
    attacked(free, source)
    wait_for(free, source, set(ENFORCERS))
    for host in ENFORCERS:
        done = free.run(host, 'sudo', 'systemctl', 'kill', '-s', 'KILL', 'anlan-block-list.service')
        assert done.code == 0, done.err
    assert kernels(free, source) == set(ENFORCERS)

    def whole() -> str | None:
        done = free.anlan('block', 'list', '--json')
        if done.returncode != 0:
            return done.stdout + done.stderr
        return None if [block['reason'] for block in json.loads(done.stdout)['blocks']] else 'nobody is listed'

    wait_until(whole, 'the list on every enforcer', 30)
    assert kernels(free, source) == set(ENFORCERS)


def test_a_table_that_somebody_deletes_is_put_back_and_the_difference_is_seen_meanwhile(free: Lab) -> None:
    source = address(free, ATTACKER)
    attacked(free, source)
    wait_for(free, source, set(ENFORCERS))
    planted = ('sudo', 'nft', 'delete', 'table', 'inet', 'anlan_blocks')
    assert free.run('fw-2', *planted).code == 0
    assert kernels(free, source) == set(ENFORCERS) - {'fw-2'}
    wait_for(free, source, set(ENFORCERS), 25)
    assert free.run('fw-2', *PROGRAM, 'list').code == 0


def test_a_host_without_its_block_list_is_not_taken_for_one_that_agrees(free: Lab) -> None:
    source = address(free, ATTACKER)
    stop = ('sudo', 'systemctl', 'stop', 'anlan-block-list.service')
    assert free.run('fw-2', *stop).code == 0
    try:
        added = free.anlan('block', 'add', source, '--reason', 'while one is away', '--seconds', '300')
        assert added.returncode == 1
        assert 'fw-2' in added.stdout
        assert free.anlan('block', 'list').returncode == 1
    finally:
        assert free.run('fw-2', 'sudo', 'systemctl', 'start', 'anlan-block-list.service').code == 0
    wait_for(free, source, set(ENFORCERS), 15)
    assert free.anlan('block', 'list').returncode == 0


def test_an_edge_whose_sockets_are_gone_starts_and_serves(free: Lab) -> None:
    units = ('anlan-block-list.socket', 'anlan-block-list.service')
    try:
        assert free.run('edge-2', 'sudo', 'systemctl', 'stop', *units).code == 0
        assert free.run('edge-2', 'sudo', 'rm', '-f', '/run/anlan/block-list/nginx').code == 0
        done = free.run('edge-2', 'sudo', 'systemctl', 'restart', 'nginx.service')
        assert done.code == 0, done.err
        assert reached(free, ATTACKER, 'edge-2')
    finally:
        assert free.run('edge-2', 'sudo', 'systemctl', 'start', *units).code == 0
    attacked(free, address(free, ATTACKER))
    wait_for(free, address(free, ATTACKER), set(ENFORCERS))
