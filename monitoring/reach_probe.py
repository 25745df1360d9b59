"""Runs on a host: opens connections to many addresses at once and says what came of each; the standard library alone.

Standard input: {"attempts": [[protocol, address, port or null], ...], "seconds": 2.5}. Standard output: a list of
`open` (a connection or an answer), `refused` (the destination itself says no), `silent`, or `unreachable`, why.
"""

from __future__ import annotations

import errno
import json
import os
import selectors
import socket
import struct
import sys
import time

NTP_QUESTION = b'\x23' + 47 * b'\0'
# A version that nobody speaks, in a datagram of the least size: QUIC names the ones it speaks (RFC 9000, 6 and 14.1).
QUIC_QUESTION = (b'\xc0\x0a\x0a\x0a\x0a\x08reach-me\x08reach-me').ljust(1200, b'\0')
SHORT_QUESTION_PORTS = (123, 3783)
ECHO_REQUEST, ECHO_REPLY = 8, 0
IPV6_ECHO_REQUEST, IPV6_ECHO_REPLY = 128, 129
IDENTIFIER = os.getpid() & 0xFFFF
Attempt = tuple[str, str, 'int | None']


class OtherAnswerError(Exception):
    """An echo that another attempt asked for: every raw socket hears every answer."""


def echo(number: int) -> bytes:
    total = (ECHO_REQUEST << 8) + IDENTIFIER + number
    total = (total >> 16) + (total & 0xFFFF)
    return struct.pack('!BBHHH', ECHO_REQUEST, 0, ~(total + (total >> 16)) & 0xFFFF, IDENTIFIER, number)


def word(code: int) -> str:
    if code == 0:
        return 'open'
    if code in (errno.ECONNREFUSED, errno.ECONNRESET):
        return 'refused'
    return 'silent' if code == errno.ETIMEDOUT else f'unreachable: {os.strerror(code)}'


def begin(attempt: Attempt, number: int) -> socket.socket:
    protocol, address, port = attempt
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    if protocol == 'icmp' and family == socket.AF_INET6:
        sock = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        sock.setblocking(False)
        # The kernel fills in the checksum, which covers addresses that it chooses.
        sock.sendto(struct.pack('!BBHHH', IPV6_ECHO_REQUEST, 0, 0, IDENTIFIER, number), (address, 0))
    elif protocol == 'icmp':
        sock = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        sock.setblocking(False)
        sock.sendto(echo(number), (address, 0))
    elif protocol == 'udp':
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.connect((address, port))
        sock.send(NTP_QUESTION if port in SHORT_QUESTION_PORTS else QUIC_QUESTION)
    else:
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        code = sock.connect_ex((address, port))
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))
    return sock


def end(protocol: str, sock: socket.socket, number: int) -> str:
    if protocol == 'tcp':
        return word(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
    packet = sock.recv(1500)
    if protocol == 'icmp':
        # An IPv6 socket leaves the header of the packet out.
        offset = 0 if sock.family == socket.AF_INET6 else (packet[0] & 15) * 4
        expected = IPV6_ECHO_REPLY if sock.family == socket.AF_INET6 else ECHO_REPLY
        kind, _, _, identifier, sequence = struct.unpack('!BBHHH', packet[offset : offset + 8])
        if (kind, identifier, sequence) != (expected, IDENTIFIER, number):
            raise OtherAnswerError
    return 'open'


def main() -> None:
    question = json.load(sys.stdin)
    attempts: list[Attempt] = [(protocol, address, port) for protocol, address, port in question['attempts']]
    answers = ['silent'] * len(attempts)
    waiting = selectors.DefaultSelector()
    for number, attempt in enumerate(attempts):
        try:
            event = selectors.EVENT_WRITE if attempt[0] == 'tcp' else selectors.EVENT_READ
            waiting.register(begin(attempt, number), event, number)
        except OSError as error:
            answers[number] = word(error.errno or errno.EIO)
    deadline = time.monotonic() + question['seconds']
    while waiting.get_map() and time.monotonic() < deadline:
        for key, _ in waiting.select(max(0.0, deadline - time.monotonic())):
            sock, number = key.fileobj, key.data
            assert isinstance(sock, socket.socket)
            try:
                answers[number] = end(attempts[number][0], sock, number)
            except OtherAnswerError:
                continue
            except OSError as error:
                answers[number] = word(error.errno or errno.EIO)
            waiting.unregister(sock)
            sock.close()
    json.dump(answers, sys.stdout)


if __name__ == '__main__':
    main()
