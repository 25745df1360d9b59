"""Conversations as packets: what a sample says in words, written as a capture that Suricata reads."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

logging.getLogger('scapy').setLevel(logging.ERROR)

from scapy.all import DNS, DNSQR, ICMP, IP, TCP, UDP, Packet, Raw, wrpcap  # noqa: E402 - it says much while it is loaded

QUIC_SALT = bytes.fromhex('38762cf7f55934b34d179ae6a4c80cadccbb7f0a')
"""Of QUIC version 1 (RFC 9001, 5.2)."""

TLS_VERSIONS = {'1.0': 0x0301, '1.1': 0x0302, '1.2': 0x0303, '1.3': 0x0303}
FIRST_PORT = 20000
SEGMENT_BYTES = 1400
PACKETS_PER_SECOND = 1000


def capture(conversations: list[dict[str, Any]], addresses: Mapping[str, str], file: Path) -> None:
    """Given conversations and addresses by host, write their packets to `file`. Raise KeyError for an unknown word."""
    packets: list[Packet] = []
    port = FIRST_PORT
    for conversation in conversations:
        (kind, words), *rest = conversation.items()
        times = dict(rest).get('times', 1)
        for _ in range(times):
            port += 1
            packets += KINDS[kind](words, addresses[words['from']], addresses[words['to']], port)
    for number, packet in enumerate(packets):
        packet.time = 1_700_000_000 + number / PACKETS_PER_SECOND
    wrpcap(str(file), packets, linktype=101)


def tcp(words: Mapping[str, Any], source: str, target: str, port: int) -> Iterator[Packet]:
    """A connection on which the client says `payload`, and the server takes it."""
    yield from _spoken(source, target, port, words['port'], words['payload'].encode('latin-1'))


def http(words: Mapping[str, Any], source: str, target: str, port: int) -> Iterator[Packet]:
    """A request in plain text; lines are given as people write them."""
    head, _, body = words['request'].partition('\n\n')
    request = head.strip().replace('\n', '\r\n') + '\r\nHost: learn.sample.test\r\n'
    request += f'Content-Length: {len(body)}\r\n\r\n{body}' if body else '\r\n'
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
    yield from _spoken(source, target, port, words['port'], request.encode(), answer)


def tls(words: Mapping[str, Any], source: str, target: str, port: int) -> Iterator[Packet]:
    """The first words of a TLS client; with `padding` bytes more, as those with keys against quantum computers are."""
    version = TLS_VERSIONS[words['version']]
    hello = _client_hello(version, words['name'], modern=words['version'] == '1.3', padding=words.get('padding', 0))
    # As clients do, whatever they speak (RFC 8446, 5.1).
    record = b'\x16\x03\x01' + len(hello).to_bytes(2, 'big') + hello
    yield from _spoken(source, target, port, words['port'], record)


def syns(words: Mapping[str, Any], source: str, target: str, port: int) -> Iterator[Packet]:
    """Connections that are asked for and never answered, one for each of `ports`."""
    for asked in words['ports']:
        yield IP(src=source, dst=target) / TCP(sport=port, dport=asked, flags='S', seq=1)


def udp(words: Mapping[str, Any], source: str, target: str, port: int) -> Iterator[Packet]:
    """One datagram with `hex`."""
    yield IP(src=source, dst=target) / UDP(sport=port, dport=words['port']) / Raw(bytes.fromhex(words['hex']))


def dns(words: Mapping[str, Any], source: str, target: str, port: int) -> Iterator[Packet]:
    """A question for a name."""
    yield IP(src=source, dst=target) / UDP(sport=port, dport=53) / DNS(id=port, rd=1, qd=DNSQR(qname=words['name']))


def icmp(words: Mapping[str, Any], source: str, target: str, port: int) -> Iterator[Packet]:
    """An echo request that carries `bytes` bytes."""
    yield IP(src=source, dst=target) / ICMP(type=8, id=port & 0xFFFF) / Raw(b'a' * words['bytes'])


def quic(words: Mapping[str, Any], source: str, target: str, port: int) -> Iterator[Packet]:
    """The first packet of a QUIC client (RFC 9001, A.2)."""
    destination = port.to_bytes(8, 'big')
    packet = _quic_initial(destination, _client_hello(0x0303, words['name'], modern=True))
    yield IP(src=source, dst=target) / UDP(sport=port, dport=words['port']) / Raw(packet)


KINDS = {'tcp': tcp, 'http': http, 'tls': tls, 'syns': syns, 'udp': udp, 'dns': dns, 'icmp': icmp, 'quic': quic}


def _spoken(source: str, target: str, port: int, service: int, said: bytes, answer: bytes = b'') -> Iterator[Packet]:
    client, server = 1000, 5000

    def up(flags: str, load: bytes = b'') -> Packet:
        head = IP(src=source, dst=target) / TCP(sport=port, dport=service, flags=flags, seq=client, ack=server)
        return head / Raw(load) if load else head

    def down(flags: str, load: bytes = b'') -> Packet:
        head = IP(src=target, dst=source) / TCP(sport=service, dport=port, flags=flags, seq=server, ack=client)
        return head / Raw(load) if load else head

    yield IP(src=source, dst=target) / TCP(sport=port, dport=service, flags='S', seq=client)
    client += 1
    yield down('SA')
    server += 1
    yield up('A')
    for start in range(0, len(said), SEGMENT_BYTES):
        segment = said[start : start + SEGMENT_BYTES]
        yield up('PA', segment)
        client += len(segment)
        yield down('A')
    if answer:
        yield down('PA', answer)
        server += len(answer)
        yield up('A')
    yield up('FA')
    client += 1
    yield down('FA')
    server += 1
    yield up('A')


def _client_hello(version: int, name: str, *, modern: bool, padding: int = 0) -> bytes:
    def extension(number: int, body: bytes) -> bytes:
        return number.to_bytes(2, 'big') + len(body).to_bytes(2, 'big') + body

    host = name.encode()
    entry = b'\x00' + len(host).to_bytes(2, 'big') + host
    extensions = extension(0, len(entry).to_bytes(2, 'big') + entry) if name else b''
    extensions += extension(10, b'\x00\x02\x00\x1d') + extension(13, b'\x00\x02\x04\x03')
    if modern:
        extensions += extension(43, b'\x02\x03\x04') + extension(51, b'\x00\x24\x00\x1d\x00\x20' + b'\x07' * 32)
        extensions += extension(16, b'\x00\x03\x02h3')
    extensions += extension(21, bytes(padding)) if padding else b''
    suites = b'\x13\x01\xc0\x2b\xc0\x2f'
    body = version.to_bytes(2, 'big') + b'\x05' * 32 + b'\x00' + len(suites).to_bytes(2, 'big') + suites + b'\x01\x00'
    body += len(extensions).to_bytes(2, 'big') + extensions
    return b'\x01' + len(body).to_bytes(3, 'big') + body


def _quic_initial(destination: bytes, hello: bytes) -> bytes:
    extract = HMAC(QUIC_SALT, hashes.SHA256())
    extract.update(destination)
    secret = _expand(extract.finalize(), b'client in', 32)
    key, nonce, mask_key = (
        _expand(secret, b'quic key', 16),
        _expand(secret, b'quic iv', 12),
        _expand(secret, b'quic hp', 16),
    )
    frame = b'\x06\x00' + (0x4000 | len(hello)).to_bytes(2, 'big') + hello
    frame += b'\x00' * (1162 - len(frame))
    header = b'\xc3\x00\x00\x00\x01' + bytes([len(destination)]) + destination + b'\x00\x00'
    header += (0x4000 | (4 + len(frame) + 16)).to_bytes(2, 'big') + b'\x00\x00\x00\x00'
    sealed = AESGCM(key).encrypt(nonce, frame, header)
    block = Cipher(algorithms.AES(mask_key), modes.ECB()).encryptor()
    mask = block.update(sealed[:16])
    first = bytes([header[0] ^ (mask[0] & 0x0F)])
    number = bytes(byte ^ other for byte, other in zip(header[-4:], mask[1:5], strict=True))
    return first + header[1:-4] + number + sealed


def _expand(secret: bytes, label: bytes, length: int) -> bytes:
    full = b'tls13 ' + label
    information = length.to_bytes(2, 'big') + bytes([len(full)]) + full + b'\x00'
    return HKDFExpand(hashes.SHA256(), length, information).derive(secret)
