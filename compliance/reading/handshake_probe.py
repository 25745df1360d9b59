"""Runs on a host, as root: shakes hands with every TCP listener of the host in several ways; prints what came of it.

Argument: the name that the certificates have to be good for. What is offered is offered for real, whatever the
host's own policy of OpenSSL says; a listener that takes it is the finding.
"""

import concurrent.futures
import hashlib
import json
import re
import socket
import ssl
import struct
import subprocess
import sys

SECONDS, SQL_PORT = 3, 5432
TLS = '/etc/anlan/tls/'
NEW, OLD, OLDER = ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_1
OFFERS = {
    'TLSv1': (ssl.TLSVersion.TLSv1, 'ALL'),
    'TLSv1.1': (OLDER, 'ALL'),
    'TLSv1.2': (OLD, 'ECDHE+AESGCM:ECDHE+CHACHA20'),
    'TLSv1.3': (NEW, 'DEFAULT'),
    'no-encryption': (OLD, 'eNULL'),
    'nobody-known': (OLD, 'aNULL'),
    'no-forward-secrecy': (OLD, 'kRSA'),
    'no-authenticated-encryption': (OLD, 'ALL:!aNULL:!eNULL:!kRSA:!AESGCM:!AESCCM:!CHACHA20:!ARIAGCM'),
}


PATTERNS = {
    'issuer': r'Issuer: (.*)',
    'subject': r'Subject: (.*)',
    'begins': r'notBefore=(.*)',
    'ends': r'notAfter=(.*)',
    'signature': r'Signature Algorithm: (\S+)',
    'key': r'Public Key Algorithm: (\S+)',
    'bits': r'Public-Key: \((\d+) bit',
    'names': r'Subject Alternative Name: *\n\s*(.*)',
    'authority': r'CA:(\w+)',
}


def listeners() -> dict[int, tuple[str, str]]:
    """Return one address by port, with its process. Left out: SSH, and what this host alone reaches."""
    found: dict[int, tuple[str, str]] = {}
    for line in subprocess.run(['ss', '-Hltnp'], capture_output=True, text=True, check=True).stdout.splitlines():
        address, _, port = line.split()[3].rpartition(':')
        address = address.strip('[]').partition('%')[0]
        match = re.search(r'\(\("([^"]+)"', line)
        process = match[1] if match else ''
        if address.startswith('127.') or address == '::1' or process == 'sshd':
            continue
        if address in ('0.0.0.0', '*', '::'):
            address = '127.0.0.1'
        found.setdefault(int(port), (address, process))
    return found


def shake(address: str, port: int, offer: str = '', name: str = '') -> tuple[str, str, bytes, bool]:
    """Given what to offer, and the name that the certificate must be good for, shake hands.

    Return version, suite, certificate, and whether a ticket was given. Raise OSError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if offer:
        version, suites = OFFERS[offer]
        context.set_ciphers(suites + ':@SECLEVEL=0')
        context.minimum_version = context.maximum_version = version
    if name:
        context.load_verify_locations(TLS + 'ca.crt')
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = True
    # Who asks for a certificate of ours gets it: what is looked at is the listener.
    context.load_cert_chain(TLS + 'host.crt', TLS + 'host.key')
    with socket.create_connection((address, port), timeout=SECONDS) as plain:
        if port == SQL_PORT:
            plain.sendall(struct.pack('!ii', 8, 80877103))
            if plain.recv(1) != b'S':
                raise OSError('it does not go over to TLS')
        with context.wrap_socket(plain, server_hostname=name or None) as link:
            session, suite = link.session, link.cipher()
            ticket = bool(session and session.has_ticket)
            return link.version() or '', suite[0] if suite else '', link.getpeercert(True) or b'', ticket


def certificate(data: bytes) -> dict[str, str]:
    """Given a certificate in DER, return what openssl reads out of it."""
    command = ['openssl', 'x509', '-inform', 'DER', '-noout', '-text', '-dates', '-dateopt', 'iso_8601']
    text = subprocess.run(command, input=data, capture_output=True, check=True).stdout.decode()
    first = {key: re.search(pattern, text) for key, pattern in PATTERNS.items()}
    return {'sha256': hashlib.sha256(data).hexdigest(), **{key: each[1] if each else '' for key, each in first.items()}}


def look(port: int, address: str, process: str, name: str) -> dict[str, object]:
    """Return what a listener took, and its certificate. `verified` is why that is not good for the name, or empty."""
    took: dict[str, str] = {}
    refused: dict[str, str] = {}
    seen: dict[str, object] = {'port': port, 'process': process, 'took': took, 'refused': refused}
    try:
        try:
            version, suite, data, ticket = shake(address, port, name=name)
            seen['verified'] = ''
        except ssl.SSLCertVerificationError as error:
            seen['verified'] = error.verify_message
            version, suite, data, ticket = shake(address, port)
        took[version] = suite
        seen['ticket'] = ticket and version == 'TLSv1.2'
        seen |= {'version': version, 'suite': suite, 'certificate': certificate(data) if data else None}
    except (OSError, subprocess.SubprocessError) as error:
        # Who speaks TLS and refuses what is offered by itself may still take what is worse.
        if not isinstance(error, ssl.SSLError) or error.reason in ('WRONG_VERSION_NUMBER', 'RECORD_LAYER_FAILURE'):
            return {**seen, 'plain': str(error)}
    for offer in OFFERS:
        if offer in took:
            continue
        try:
            _, took[offer], _, ticket = shake(address, port, offer)
            if offer == 'TLSv1.2':
                seen['ticket'] = ticket
        except OSError as error:
            refused[offer] = getattr(error, 'reason', None) or str(error)
    return seen


def main() -> None:
    """Print what each listener took."""
    found = listeners()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        looks = [pool.submit(look, port, *where, sys.argv[1]) for port, where in sorted(found.items())]
        print(json.dumps([each.result() for each in looks]))


main()
