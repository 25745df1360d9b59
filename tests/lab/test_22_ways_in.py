"""Several ways in: both carriers' edges over IPv4 and IPv6, also when the active firewall loses its power."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from tests.lab.standing import Standing

# A connection every 20 ms to one address and port; prints how long none succeeded, at the longest, and how many did.
PROBE = """
import json, socket, sys, time
address, seconds = sys.argv[1], float(sys.argv[2])
end, good, count, longest = time.monotonic() + seconds, time.monotonic(), 0, 0.0
while time.monotonic() < end:
    began = time.monotonic()
    try:
        socket.create_connection((address, 443), 0.3).close()
        longest, good, count = max(longest, time.monotonic() - good), time.monotonic(), count + 1
    except OSError:
        pass
    time.sleep(max(0.0, 0.02 - (time.monotonic() - began)))
print(json.dumps({'longest_seconds': max(longest, time.monotonic() - good), 'connections': count}))
"""


def addresses(standing: Standing) -> list[str]:
    edges = standing.work.topology.tier('edge')
    return [str(each) for edge in edges for each in (edge.address, *edge.ipv6_addresses.values())]


@pytest.mark.parametrize('client', ['client-1', 'client-2'])
def test_every_edge_serves_over_both_families(standing: Standing, client: str) -> None:
    front_door = standing.work.platform.front_door
    every = addresses(standing)
    assert [':' in each for each in every] == [False, True, False, True]
    for address in every:
        place = f'[{address}]' if ':' in address else address
        done = standing.run(
            client, 'curl', '--silent', '--show-error', '--max-time', '5', '--output', '/dev/null',
            '--write-out', '%{http_code} %{remote_ip}', '--resolve', f'{front_door.name}:443:{place}',
            f'https://{front_door.name}/courses/',
        )  # fmt: skip
        assert done.code == 0, f'{client} → {address}: {done.err}'
        assert done.out.split() == ['302', address] or done.out.split() == ['200', address], done.out


def test_ipv6_inside_is_nowhere(standing: Standing) -> None:
    for host in ('app-1', 'db-1', 'lb-1', 'ops-1'):
        assert not standing.run(host, 'ip', '-6', '-o', 'address', 'show', 'scope', 'global').out.strip()


def test_the_address_of_ipv6_moves_with_the_active_firewall(whole: Standing) -> None:
    far = str(whole.work.topology.host('edge-2').ipv6_addresses['uplink-b'])
    seen: dict[str, Any] = {}

    def probe() -> None:
        done = whole.run('client-1', 'python3', '-c', PROBE, far, '10', deadline_seconds=30)
        seen.update(json.loads(done.out))

    active = whole.holder('firewall-uplink-a')
    watching = threading.Thread(target=probe)
    watching.start()
    try:
        threading.Event().wait(2)
        whole.kill(active)
    finally:
        watching.join(timeout=40)
        whole.start(active)
    assert seen['connections'] > 50
    assert seen['longest_seconds'] <= whole.work.platform.objectives.virtual_address_move_seconds, seen
    whole.wait_whole()
