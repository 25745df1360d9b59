"""The authority: a certificate that is not good any more is renewed, a good one is left alone."""

from __future__ import annotations

import shutil
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from anlan.errors import AnlanError
from infra import authority
from infra.authority import ensure_certificates, subject_names
from infra.topology import Topology
from tests.unit.samples import lab, topology_from

DAYS, BEFORE = 90, 30


@pytest.fixture(scope='module')
def topology() -> Topology:
    return topology_from(lab())


@pytest.fixture(scope='module')
def made(tmp_path_factory: pytest.TempPathFactory, topology: Topology) -> Path:
    folder = tmp_path_factory.mktemp('made') / 'certificates'
    ensure_certificates(topology, folder, DAYS, BEFORE)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Give a folder in which every certificate is good."""
    shutil.copy(made.parent / 'recipients', tmp_path)
    return Path(shutil.copytree(made, tmp_path / 'certificates'))


def certificate(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / name / 'host.crt').read_bytes())


def test_every_host_gets_a_certificate_of_the_authority(topology: Topology, folder: Path) -> None:
    root = x509.load_pem_x509_certificate((folder / 'ca.crt').read_bytes())
    root.verify_directly_issued_by(root)
    for host in topology.hosts:
        found = certificate(folder, host.name)
        found.verify_directly_issued_by(root)
        alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert host.name in alternatives.get_values_for_type(x509.DNSName)
        assert set(host.addresses.values()) <= set(alternatives.get_values_for_type(x509.IPAddress))
        assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        life = found.not_valid_after_utc - datetime.now(UTC)
        assert timedelta(days=DAYS - 1) < life <= timedelta(days=DAYS)


def test_private_keys_are_their_owners_alone(topology: Topology, folder: Path) -> None:
    files = [folder / 'ca.key.age', *folder.glob('*/host.key'), *folder.glob('*/host.pem')]
    assert len(files) == 1 + 2 * len(topology.hosts)
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_the_bundle_has_the_certificate_the_root_and_the_key(folder: Path) -> None:
    bundle = (folder / 'db-1' / 'host.pem').read_bytes()
    for part in (folder / 'db-1' / 'host.crt', folder / 'ca.crt', folder / 'db-1' / 'host.key'):
        assert part.read_bytes() in bundle


def test_good_certificates_are_left_alone(topology: Topology, folder: Path) -> None:
    before = {file: file.read_bytes() for file in folder.rglob('*') if file.is_file()}
    assert ensure_certificates(topology, folder, DAYS, BEFORE) == []
    assert {file: file.read_bytes() for file in folder.rglob('*') if file.is_file()} == before


def test_a_certificate_near_its_end_is_renewed_and_no_other(topology: Topology, folder: Path) -> None:
    root = authority._ensure_authority(folder, 'sample')
    names = subject_names(topology, topology.host('db-2'))
    authority._issue(folder / 'db-2', root, names, BEFORE)
    assert ensure_certificates(topology, folder, DAYS, BEFORE) == ['db-2']
    assert ensure_certificates(topology, folder, DAYS, BEFORE) == []


def test_a_certificate_with_a_day_more_than_needed_is_left(topology: Topology, folder: Path) -> None:
    root = authority._ensure_authority(folder, 'sample')
    authority._issue(folder / 'db-2', root, subject_names(topology, topology.host('db-2')), BEFORE + 1)
    assert ensure_certificates(topology, folder, DAYS, BEFORE) == []


def test_a_certificate_for_other_names_is_renewed(topology: Topology, folder: Path) -> None:
    host = topology.host('app-1')
    moved = replace(host, addresses={'app': IPv4Address('198.18.20.40')})
    hosts = tuple(moved if each.name == 'app-1' else each for each in topology.hosts)
    assert ensure_certificates(replace(topology, hosts=hosts), folder, DAYS, BEFORE) == ['app-1']


def test_a_front_door_of_another_name_renews_the_edges(topology: Topology, folder: Path) -> None:
    other = replace(topology, front_door='learn.other.test')
    assert ensure_certificates(other, folder, DAYS, BEFORE) == ['edge-1', 'edge-2']


def test_certificates_of_another_authority_are_renewed(topology: Topology, folder: Path) -> None:
    for name in ('ca.crt', 'ca.key.age'):
        (folder / name).unlink()
    assert ensure_certificates(topology, folder, DAYS, BEFORE) == [host.name for host in topology.hosts]


@pytest.mark.parametrize('name', ['host.crt', 'host.key', 'host.pem'])
def test_a_certificate_with_a_missing_half_is_renewed(topology: Topology, folder: Path, name: str) -> None:
    (folder / 'lb-1' / name).unlink()
    assert ensure_certificates(topology, folder, DAYS, BEFORE) == ['lb-1']
    assert (folder / 'lb-1' / name).exists()


@pytest.mark.parametrize('name', ['host.crt', 'host.key'])
def test_a_damaged_half_is_renewed(topology: Topology, folder: Path, name: str) -> None:
    (folder / 'lb-1' / name).write_text('-----BEGIN CERTIFICATE-----\n')
    assert ensure_certificates(topology, folder, DAYS, BEFORE) == ['lb-1']


def test_a_key_of_another_host_is_renewed(topology: Topology, folder: Path) -> None:
    shutil.copy(folder / 'lb-2' / 'host.key', folder / 'lb-1' / 'host.key')
    assert ensure_certificates(topology, folder, DAYS, BEFORE) == ['lb-1']


@pytest.mark.parametrize('name', ['ca.crt', 'ca.key.age'])
def test_half_an_authority_is_refused_and_nothing_is_replaced(topology: Topology, folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(AnlanError, match=r'only one of ca\.crt and ca\.key'):
        ensure_certificates(topology, folder, DAYS, BEFORE)
    assert not (folder / name).exists()


@pytest.mark.parametrize('name', ['ca.crt', 'ca.key.age'])
def test_a_damaged_authority_is_refused(topology: Topology, folder: Path, name: str) -> None:
    (folder / name).write_text('no certificate')
    with pytest.raises(AnlanError, match='cannot be read'):
        ensure_certificates(topology, folder, DAYS, BEFORE)


def private(key: ec.EllipticCurvePrivateKey, encryption: serialization.KeySerializationEncryption) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def test_an_authoritys_key_that_is_not_its_certificates_is_refused(topology: Topology, folder: Path) -> None:
    """Certificates signed with it would be trusted by nobody, and renewed for ever."""
    key = ec.generate_private_key(ec.SECP256R1())
    authority.authority_key(folder).write(private(key, serialization.NoEncryption()))
    (folder / 'db-1' / 'host.crt').unlink()
    with pytest.raises(AnlanError):
        ensure_certificates(topology, folder, DAYS, BEFORE)


def test_an_authoritys_key_with_a_passphrase_is_refused(topology: Topology, folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    authority.authority_key(folder).write(private(key, serialization.BestAvailableEncryption(b'secret')))
    with pytest.raises(AnlanError):
        ensure_certificates(topology, folder, DAYS, BEFORE)


def test_names_are_those_that_others_use_for_the_host(topology: Topology) -> None:
    def names(host: str) -> set[str]:
        return set(map(str, subject_names(topology, topology.host(host))))

    assert {'db-1', 'database.sample.anlan.internal', 'etcd.sample.anlan.internal', '198.18.30.11'} <= names('db-1')
    assert {'balancer.sample.anlan.internal', '198.18.10.253'} <= names('lb-2')
    assert 'learn.sample.test' in names('edge-1')
    assert 'learn.sample.test' not in names('app-1')
    assert '198.18.10.253' not in names('app-1')
    assert {'198.18.20.2', '198.18.30.2'} <= names('fw-1')
