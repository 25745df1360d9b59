"""Runs on a host as root: at the beginning of each round an attack, or packets to hosts all through it.

Standard input: {"mode": "line", "socket", "line", "times"}, a line of a sensor written to the block list's socket as
the sensor writes it; or {"mode": "https", "address", "name", "path", "times"}, a request over a connection that stands;
or {"mode": "pings", "addresses"}; with "rounds", "started", "period_seconds". Of `times` the last begins with the
round, the others come just before. Standard output: one for each round: {"sent": time of the last, "answer": status of
the answer, or why there is none}.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import struct
import sys
import time
from typing import Any

PING_SECONDS = 0.5
PAUSE_SECONDS = 0.004
CONNECT_BEFORE = 0.35
BEFORE_SECONDS = 0.2


def line(asked: dict[str, Any], begins: float) -> dict[str, Any]:
    """Write a sensor's line at the beginning of the round."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.connect(asked['socket'])
        time.sleep(max(0.0, begins - BEFORE_SECONDS - time.time()))
        for _ in range(asked['times'] - 1):
            link.send(asked['line'].encode())
        time.sleep(max(0.0, begins - time.time()))
        sent = time.time()
        link.send(asked['line'].encode())
    return {'sent': sent, 'answer': None}


def https(asked: dict[str, Any], begins: float) -> dict[str, Any]:
    """Send a request at the beginning of the round."""
    time.sleep(max(0.0, begins - CONNECT_BEFORE - time.time()))
    context = ssl.create_default_context(cafile='/etc/anlan/tls/ca.crt')
    sent, answer = None, ''
    try:
        with socket.create_connection((asked['address'], 443), 1) as plain:
            plain.settimeout(0.6)
            with context.wrap_socket(plain, server_hostname=asked['name']) as link:
                request = f'GET {asked["path"]} HTTP/1.1\r\nHost: {asked["name"]}\r\nAccept: */*\r\n\r\n'.encode()
                for _ in range(asked['times'] - 1):
                    link.sendall(request)
                    link.recv(65536)
                time.sleep(max(0.0, begins - time.time()))
                sent = time.time()
                link.sendall(request)
                answer = link.recv(64).decode('latin-1').split(' ')[1]
    except (OSError, IndexError) as error:
        answer = str(error) or type(error).__name__
    return {'sent': sent, 'answer': answer}


def pings(asked: dict[str, Any], begins: float) -> dict[str, Any]:
    """Send echo requests all through the first part of the round."""
    time.sleep(max(0.0, begins - time.time()))
    body = struct.pack('!HH', os.getpid() & 0xFFFF, 1)
    total = 0x0800 + (os.getpid() & 0xFFFF) + 1
    packet = struct.pack('!BBH', 8, 0, ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF) + body
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as link:
        while time.time() < begins + PING_SECONDS:
            for address in asked['addresses']:
                with contextlib.suppress(OSError):
                    link.sendto(packet, (address, 0))
            time.sleep(PAUSE_SECONDS)
    return {'sent': begins, 'answer': None}


def main() -> None:
    """Act once a round."""
    asked = json.load(sys.stdin)
    act = {'line': line, 'https': https, 'pings': pings}[asked['mode']]
    rounds = (asked['started'] + number * asked['period_seconds'] for number in range(asked['rounds']))
    json.dump([act(asked, begins) for begins in rounds], sys.stdout)


if __name__ == '__main__':
    main()
