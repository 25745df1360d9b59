"""Repositories for tests: in a folder, and behind a REST server with a login and TLS."""

from __future__ import annotations

import base64
import hashlib
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from backup.engines.restic import ResticEngine
from backup.engines.restic_settings import ResticSettings
from tests.contract.backup.tools import program

PASSWORD = 'only-for-tests'
LOGIN, LOGIN_PASSWORD = 'writer', 'login-for-tests'


def local(folder: Path, name: str = 'repository', password: str = PASSWORD, **more: Any) -> ResticEngine:
    """An engine over a folder. Without a cache: what a test damages must be what is read."""
    password_file = folder / f'{name}.password'
    password_file.write_text(password, encoding='utf-8')
    settings = ResticSettings(
        str(folder / name), password_file, program=program('restic'), lock_retry_seconds=0.2, unreachable_seconds=2
    )
    return ResticEngine(replace(settings, **more))


@dataclass(frozen=True)
class RestServer:
    """A server that runs: where it keeps what it is given, its address, its certificate."""

    data: Path
    port: int
    certificate: Path

    def engine(self, folder: Path, name: str = 'one', password: str = LOGIN_PASSWORD, **more: Any) -> ResticEngine:
        return local(
            folder, 'remote', repository=f'rest:https://127.0.0.1:{self.port}/{LOGIN}/{name}/',
            ca_file=self.certificate, **more,
            environment={'RESTIC_REST_USERNAME': LOGIN, 'RESTIC_REST_PASSWORD': password},
        )  # fmt: skip


@contextmanager
def rest_server(folder: Path, *options: str) -> Iterator[RestServer]:
    """A REST server on loopback, with TLS, one login, and each login's repositories its own."""
    data = folder / 'rest'
    data.mkdir()
    certificate, key = _certificate(folder)
    digest = base64.b64encode(hashlib.sha1(LOGIN_PASSWORD.encode()).digest()).decode()
    (data / '.htpasswd').write_text(f'{LOGIN}:{{SHA}}{digest}\n', encoding='utf-8')
    with socket.socket() as chosen:
        chosen.bind(('127.0.0.1', 0))
        port = chosen.getsockname()[1]
    process = subprocess.Popen(
        [program('restic-rest-server'), '--path', str(data), '--listen', f'127.0.0.1:{port}', '--private-repos',
         '--tls', '--tls-cert', str(certificate), '--tls-key', str(key), *options],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait(port)
        yield RestServer(data, port, certificate)
    finally:
        process.terminate()
        process.wait(10)


def _wait(port: int, deadline_seconds: float = 10) -> None:
    end = time.monotonic() + deadline_seconds
    while True:
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
        except OSError:
            assert time.monotonic() < end, f'the REST server did not listen within {deadline_seconds} s'
            time.sleep(0.05)
        else:
            return


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'rest')])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address('127.0.0.1'))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    files = folder / 'rest.crt', folder / 'rest.key'
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    files[1].chmod(0o600)
    return files
