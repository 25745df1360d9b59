"""The platform's own certificate authority: one root, a certificate a host, renewed before it ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from anlan.encrypted_file import EncryptedFile
from anlan.errors import AnlanError
from anlan.files import write_atomically
from infra.topology import Host, Topology

ROOT_DAYS = 3650
CLOCK_SKEW = timedelta(minutes=10)

SERVICE_NAMES: dict[str, tuple[str, ...]] = {
    'data': ('database', 'cache', 'etcd'),
    'balancer': ('balancer',),
}
"""Names by tier that stand for all of its hosts, below the internal domain."""


@dataclass(frozen=True)
class Authority:
    """A root certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def ensure_certificates(topology: Topology, directory: Path, host_days: int, renew_before_days: int) -> list[str]:
    """Given a topology and the folder of its authority, issue what is missing, ends soon or names other things.

    Return the hosts that got a new certificate. Raise AnlanError if the authority's files cannot be used.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority = _ensure_authority(directory, topology.platform)
    renewed = []
    for host in topology.hosts:
        names = subject_names(topology, host)
        if not _is_good(directory / host.name, authority, names, renew_before_days):
            _issue(directory / host.name, authority, names, host_days)
            renewed.append(host.name)
    return renewed


def subject_names(topology: Topology, host: Host) -> tuple[str | IPv4Address, ...]:
    """Given a topology and a host, return every name and address that the host's certificate stands for."""
    domain = topology.internal_domain
    names: list[str | IPv4Address] = [host.name, f'{host.name}.{domain}', 'localhost']
    names += [f'{service}.{domain}' for service in SERVICE_NAMES.get(host.tier, ())]
    if host.tier == 'edge':
        names.append(topology.front_door)
    names += [*host.addresses.values(), IPv4Address('127.0.0.1')]
    names += [virtual.address for virtual in topology.virtual_addresses if virtual.tier == host.tier == 'balancer']
    return tuple(names)


def authority_key(directory: Path) -> EncryptedFile:
    """Given the folder of an authority, a folder of its platform's, return how its key is kept."""
    return EncryptedFile(directory / 'ca.key', directory.parent)


def _ensure_authority(directory: Path, platform_name: str) -> Authority:
    certificate_file, key_file = directory / 'ca.crt', authority_key(directory)
    hosts_have_certificates = any(directory.glob('*/host.crt'))
    if not certificate_file.exists() and not hosts_have_certificates:
        key_file.remove()  # of a run that was killed between the two
    if certificate_file.exists() != key_file.exists():
        raise AnlanError(f'{directory} has only one of ca.crt and ca.key; put the other back from a backup of var/')
    if certificate_file.exists():
        try:
            certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
            key = serialization.load_pem_private_key(key_file.read(), None)
        except (ValueError, TypeError) as error:
            raise AnlanError(f'{directory}: the authority cannot be read: {error}') from None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise AnlanError(f'{key_file.file}: is no elliptic-curve key')
        if key.public_key() != certificate.public_key():
            raise AnlanError(
                f'{key_file.file} does not belong to {certificate_file}; put the right one back from a backup of var/'
            )
        key_file.take_over()
        return Authority(certificate, key)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f'Anlan {platform_name} internal authority')])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=ROOT_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(for_authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    key_file.write(_private_pem(key))
    write_atomically(certificate_file, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return Authority(certificate, key)


def _is_good(folder: Path, authority: Authority, names: tuple[str | IPv4Address, ...], renew_before_days: int) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate((folder / 'host.crt').read_bytes())
        certificate.verify_directly_issued_by(authority.certificate)
        key = serialization.load_pem_private_key((folder / 'host.key').read_bytes(), None)
        complete = (folder / 'host.pem').exists()
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except Exception:
        return False
    known = {*extension.get_values_for_type(x509.DNSName), *extension.get_values_for_type(x509.IPAddress)}
    remaining = certificate.not_valid_after_utc - datetime.now(UTC)
    return (
        complete
        and key.public_key() == certificate.public_key()
        and known == set(names)
        and remaining > timedelta(days=renew_before_days)
    )


def _issue(folder: Path, authority: Authority, names: tuple[str | IPv4Address, ...], host_days: int) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    alternatives: list[x509.GeneralName] = [
        x509.IPAddress(name) if isinstance(name, IPv4Address) else x509.DNSName(name) for name in dict.fromkeys(names)
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str(names[0]))]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=host_days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(for_authority=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    folder.mkdir(exist_ok=True, mode=0o700)
    certificate_pem = certificate.public_bytes(serialization.Encoding.PEM)
    root_pem = authority.certificate.public_bytes(serialization.Encoding.PEM)
    private_pem = _private_pem(key)
    write_atomically(folder / 'host.key', private_pem)
    write_atomically(folder / 'host.pem', certificate_pem + root_pem + private_pem)
    write_atomically(folder / 'host.crt', certificate_pem, 0o644)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _key_usage(for_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not for_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=not for_authority,
        key_cert_sign=for_authority,
        crl_sign=for_authority,
        encipher_only=False,
        decipher_only=False,
    )
