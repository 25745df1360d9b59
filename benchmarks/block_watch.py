"""Runs on a firewall or edge as root: when the kernel shut an address out, and when it first dropped a packet of it.

Standard input: {"address", "rounds", "started" (time of the first round), "period_seconds", "release": true on the host
that lets the address in again after each round}. Standard output: a list, one for each round, of {"blocked": time or
null, "dropped": time or null}. Times are those of the machine's clock, which the hosts of a lab share.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time

from nftables import Nftables

NETLINK_NETFILTER = 12
GROUP_OF_NFTABLES = 7
NEW_ELEMENT = (10 << 8) | 12
RELEASE_AFTER = 0.65
"""Of a round: then the address is let in again."""

PROGRAM = ['python3', '-B', '/usr/local/lib/anlan/block_list']


def packets(nftables: Nftables) -> int:
    """Return the packets of blocked sources that were dropped until now."""
    _, out, _ = nftables.cmd('list counter inet anlan_blocks dropped_v4')
    return next(int(item['counter']['packets']) for item in json.loads(out)['nftables'] if 'counter' in item)


def watch(
    link: socket.socket, nftables: Nftables, address: bytes, begins: float, ends: float
) -> dict[str, float | None]:
    """Return when, in a round, the address came into the set, and when a packet was dropped after that."""
    blocked: float | None = None
    before = 0
    while time.time() < ends:
        link.settimeout(max(0.001, (ends if blocked is None else time.time() + 0.001) - time.time()))
        with contextlib.suppress(OSError):
            data = link.recv(65536)
            now = time.time()
            kind = int.from_bytes(data[4:6], sys.byteorder)
            if blocked is None and kind == NEW_ELEMENT and address in data and now >= begins:
                blocked, before = now, packets(nftables)
                continue
        if blocked is not None and packets(nftables) > before:
            return {'blocked': blocked, 'dropped': time.time()}
    return {'blocked': blocked, 'dropped': None}


def main() -> None:
    """Watch every round, and let the address in again between them."""
    asked = json.load(sys.stdin)
    nftables = Nftables()
    nftables.set_json_output(True)
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    link.bind((0, 1 << (GROUP_OF_NFTABLES - 1)))
    address = socket.inet_aton(asked['address'])
    found = []
    for number in range(asked['rounds']):
        begins = asked['started'] + number * asked['period_seconds']
        ends = begins + RELEASE_AFTER
        found.append(watch(link, nftables, address, begins, ends))
        time.sleep(max(0.0, ends - time.time()))
        if asked.get('release'):
            subprocess.run([*PROGRAM, 'remove', asked['address'], '--reason', 'end of a round'], check=False, stdout=2)
        link.settimeout(0.001)
        with contextlib.suppress(OSError):
            while True:
                link.recv(65536)
    json.dump(found, sys.stdout)


if __name__ == '__main__':
    main()
