"""Runs on a host, as root: shakes hands with every TCP listener of the host in several ways; prints what came of it.

Arguments: the names that the host's certificate has to be good for. What is offered is offered for real, whatever the
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

SECONDS = 2
TLS = '/etc/anlan/tls/'
NEW, OLD, OLDER = ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_1
OFFERS = {
    'TLSv1': (ssl.TLSVersion.TLSv1, 'ALL'),
    'TLSv1.1': (OLDER, 'ALL'),
    'TLSv1.2': (OLD, 'ECDHE+AESGCM:ECDHE+CHACHA20'),
    'TLSv1.3': (NEW, None),
    'no-encryption': (OLD, 'eNULL'),
    'nobody-known': (OLD, 'aNULL'),
    'no-forward-secrecy': (OLD, 'kRSA'),
    'no-authenticated-encryption': (OLD, 'ALL:!aNULL:!eNULL:!kRSA:!AESGCM:!AESCCM:!CHACHA20:!ARIAGCM'),
}


def listeners():
    """Return one address by port, with its process. Left out: what only this host reaches, SSH, the container's names."""
    found = {}
    for line in subprocess.run(['ss', '-Hltnp'], capture_output=True, text=True, check=True).stdout.splitlines():
        address, _, port = line.split()[3].rpartition(':')
        address = address.strip('[]').partition('%')[0]
        process = (re.search(r'\(\("([^"]+)"', line) or ['', ''])[1]
        if address.startswith('127.') or address == '::1' or process == 'sshd':
            continue
        if address in ('0.0.0.0', '*', '::'):
            address = '127.0.0.1'
        found.setdefault(int(port), (address, process))
    return found


def shake(address, port, offer, name=None):
    """Return the connection's data as (version, suite, certificate, ticket). Raise OSError."""
    version, suites = offer
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if suites:
        context.set_ciphers(suites + ':@SECLEVEL=0')
    if version:
        context.minimum_version = context.maximum_version = version
    if name:
        context.load_verify_locations(TLS + 'ca.crt')
        context.verify_mode, context.check_hostname = ssl.CERT_REQUIRED, True
    # Who asks for a certificate of ours gets it: what is looked at is the listener.
    context.load_cert_chain(TLS + 'host.crt', TLS + 'host.key')
    with socket.create_connection((address, port), timeout=SECONDS) as plain:
        if port == 5432:
            plain.sendall(struct.pack('!ii', 8, 80877103))
            if plain.recv(1) != b'S':
                raise OSError('it does not go over to TLS')
        with context.wrap_socket(plain, server_hostname=name) as link:
            session = link.session
            return link.version(), link.cipher()[0], link.getpeercert(True), bool(session and session.has_ticket)


def certificate(data):
    """Given a certificate in DER, return what openssl reads out of it."""
    done = subprocess.run(['openssl', 'x509', '-inform', 'DER', '-noout', '-text', '-dates', '-dateopt', 'iso_8601'],
                          input=data, capture_output=True, check=True)  # fmt: skip
    text = done.stdout.decode()
    first = {key: re.search(pattern, text) for key, pattern in PATTERNS.items()}
    return {
        'sha256': hashlib.sha256(data).hexdigest(),
        **{key: found[1] if found else '' for key, found in first.items()},
    }


PATTERNS = {
    'issuer': r'Issuer: (.*)', 'subject': r'Subject: (.*)', 'begins': r'notBefore=(.*)', 'ends': r'notAfter=(.*)',
    'signature': r'Signature Algorithm: (\S+)', 'key': r'Public Key Algorithm: (\S+)', 'bits': r'Public-Key: \((\d+) bit',
    'names': r'Subject Alternative Name: *\n\s*(.*)', 'uses': r'Extended Key Usage: *\n\s*(.*)',
    'authority': r'CA:(\w+)',
}  # fmt: skip


def look(port, address, process, names):
    """Return what a listener took, and its certificate."""
    seen = {'port': port, 'address': address, 'process': process, 'took': {}, 'refused': {}, 'verified': {}}
    try:
        version, suite, data, _ = shake(address, port, (None, None))
        seen |= {'version': version, 'suite': suite, 'certificate': certificate(data)}
    except (OSError, subprocess.SubprocessError) as error:
        # Who speaks TLS and refuses what is offered by itself may still take what is worse.
        if not isinstance(error, ssl.SSLError) or error.reason in ('WRONG_VERSION_NUMBER', 'RECORD_LAYER_FAILURE'):
            return {**seen, 'plain': str(error)}
    for name, offer in OFFERS.items():
        try:
            done = shake(address, port, offer)
            seen['took'][name] = done[1]
            if name == 'TLSv1.2':
                seen['ticket'] = done[3]
        except OSError as error:
            seen['refused'][name] = getattr(error, 'reason', None) or str(error)
    for name in names:
        try:
            shake(address, port, (None, None), name)
            seen['verified'][name] = ''
        except OSError as error:
            seen['verified'][name] = getattr(error, 'verify_message', None) or str(error)
    return seen


def main():
    found = listeners()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        looks = [pool.submit(look, port, *where, sys.argv[1:]) for port, where in sorted(found.items())]
        print(json.dumps([each.result() for each in looks]))


main()
