"""What each host needs for its part of the backups, as files: its tasks, its ways to the copies, what opens them."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import bcrypt

from anlan.cli.telling import telling_files
from anlan.files import write_atomically
from anlan.paths import PlatformPaths
from anlan.platform import Platform
from backup.packing import packed
from backup.places import FilePlace, Places
from backup.policies_file import load_policies
from backup.schedule import hosts_of, plans
from backup.task import HostPlan
from backup.unit_files import JOBS, PROGRAM
from infra.flows import BACKUP_PORT, OBJECT_STORE_PORT
from infra.topology import Topology

FOLDER = '/etc/anlan/backup'
REPOSITORIES = '/var/lib/anlan/backup/repositories'
AUTHORITY = '/etc/anlan/tls/ca.crt'
BUCKET = 'restic'
REGION = 'default'
COST = 8
"""Of the hash of a password: it is 256 bits at random, so that guessing is hopeless at any cost."""

BCRYPT_DIGITS = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
File = Mapping[str, Any]


def backup_variables(
    platform: Platform, topology: Topology, paths: PlatformPaths, secrets: Mapping[str, str]
) -> dict[str, Any]:
    """Given a platform and its secrets, return what the role `backup` takes: the files of each host, by its name.

    The program that hosts run is packed into the platform's folder. Raise InvalidFile if a policy is wrong.
    """
    program = paths.directory / 'backup.pyz'
    content = packed()
    if not program.exists() or program.read_bytes() != content:
        write_atomically(program, content, 0o644)
    return {'backup_files': backup_files(platform, topology, secrets, program)}


def backup_files(
    platform: Platform, topology: Topology, secrets: Mapping[str, str], program: Path
) -> dict[str, list[File]]:
    """Given a platform, its secrets and the packed program, return the files of each host with a part in backups."""
    policies = load_policies()
    parts = plans(platform.name, policies, hosts_of(platform))
    keeper = topology.bastion.name
    writers = sorted({(each.repository, host) for host, plan in parts.items() for each in _file_runs(plan)})
    ways = _Ways(topology, secrets, platform.backup.upload_kib_per_second)
    packed_program: File = {'path': PROGRAM, 'source': str(program), 'mode': '0755', 'then': ['tell']}
    files: dict[str, list[File]] = {
        host: [
            packed_program,
            {'path': JOBS, 'text': _text(plan.document()), 'mode': '0600'},
            *(ways.of_keeper(keeper, writers) if host == keeper else ways.of_writer(host, writers)),
        ]
        for host, plan in parts.items()
    }
    for host, more in telling_files(topology, parts, packed_program):
        files[host] = [*files.get(host, []), *more]
    return files


def derived(secret: str, *words: str) -> str:
    """Given a secret and words, return a secret for what the words name, from which the first is not had back."""
    return hmac.digest(secret.encode(), '/'.join(words).encode(), 'sha256').hex()


def hashed(password: str) -> str:
    """Given a password of 256 random bits, return its bcrypt hash, always the same one for the same password."""
    number = int.from_bytes(hashlib.sha256(b'salt ' + password.encode()).digest()[:16], 'big')
    digits = ''.join(BCRYPT_DIGITS[number >> 6 * place & 63] for place in range(21))
    salt = f'$2b${COST:02d}${digits}{BCRYPT_DIGITS[(number >> 126 & 3) << 4]}'
    return bcrypt.hashpw(password.encode(), salt.encode()).decode()


class _Ways:
    """How hosts get to the repositories of files."""

    def __init__(self, topology: Topology, secrets: Mapping[str, str], upload_kib_per_second: int) -> None:
        self._domain = topology.internal_domain
        self._keeper = topology.bastion.name
        self._vault = next(iter(topology.tier('offsite')), None)
        self._secrets = secrets
        self._upload = upload_kib_per_second

    def of_writer(self, host: str, writers: Sequence[tuple[str, str]]) -> Iterator[File]:
        """Yield the files of a host that hands its data to the keeper: it can add to its own repositories alone."""
        own = [repository for repository, writer in writers if writer == host]
        places = tuple(
            FilePlace(
                repository, host, 'local',
                f'rest:https://{self._keeper}.{self._domain}:{BACKUP_PORT}/{host}/{repository}/',
                self._key(repository, host, 'local'), f'{FOLDER}/login', AUTHORITY,
            )
            for repository in own
        )  # fmt: skip
        yield self._places(Places(host, places))
        login = f'RESTIC_REST_USERNAME={host}\nRESTIC_REST_PASSWORD={self._login(host)}\n'
        yield {'path': f'{FOLDER}/login', 'text': login, 'mode': '0600'}
        for repository in own:
            yield self._key_file(repository, host, 'local')

    def of_keeper(self, host: str, writers: Sequence[tuple[str, str]]) -> Iterator[File]:
        """Yield the files of the host that keeps the local copies, and copies them to the other site."""
        places: list[FilePlace] = []
        for repository, writer in writers:
            places.append(
                FilePlace(
                    repository, writer, 'local', f'{REPOSITORIES}/{writer}/{repository}',
                    self._key(repository, writer, 'local'),
                )
            )  # fmt: skip
            yield self._key_file(repository, writer, 'local')
            if self._vault is not None:
                address = f's3:https://{self._vault.name}.{self._domain}:{OBJECT_STORE_PORT}/{BUCKET}'
                places.append(
                    FilePlace(
                        repository, writer, 'offsite', f'{address}/{writer}/{repository}',
                        self._key(repository, writer, 'offsite'), f'{FOLDER}/offsite-login', AUTHORITY,
                        ('s3.bucket-lookup=path',), self._upload,
                    )
                )  # fmt: skip
                yield self._key_file(repository, writer, 'offsite')
        restorer = f'{FOLDER}/offsite-restorer' if self._vault is not None else None
        yield self._places(Places(host, tuple(places), f'{FOLDER}/database.json', restorer))
        logins = sorted({writer for _, writer in writers} - {host})
        lines = ''.join(f'{login}:{hashed(self._login(login))}\n' for login in logins)
        yield {'path': f'{FOLDER}/logins', 'text': lines, 'mode': '0640', 'group': 'anlan-backup', 'then': ['serve']}
        yield {'path': f'{FOLDER}/offsite-login', 'text': self._store_login('writer'), 'mode': '0600'}
        if restorer is not None:
            yield {'path': restorer, 'text': self._store_login('restorer'), 'mode': '0600'}

    def _store_login(self, user: str) -> str:
        key_id, secret = (self._secrets[f'object_store_{user}_{word}'] for word in ('key_id', 'secret'))
        return f'AWS_ACCESS_KEY_ID={key_id}\nAWS_SECRET_ACCESS_KEY={secret}\nAWS_DEFAULT_REGION={REGION}\n'

    def _login(self, host: str) -> str:
        return derived(self._secrets['backup_login_password'], host)

    @staticmethod
    def _places(places: Places) -> File:
        return {'path': f'{FOLDER}/places.json', 'text': _text(places.document()), 'mode': '0600'}

    @staticmethod
    def _key(repository: str, host: str, place: str) -> str:
        return f'{FOLDER}/keys/{repository}-{host}-{place}'

    def _key_file(self, repository: str, host: str, place: str) -> File:
        secret = self._secrets[f'backup_{place}_password']
        text = derived(secret, repository, host) + '\n'
        return {'path': self._key(repository, host, place), 'text': text, 'mode': '0600'}


def _file_runs(plan: HostPlan) -> Iterator[Any]:
    return (each for each in plan.tasks if each.kind in {'incremental', 'full'} and each.engine != 'pgbackrest')


def _text(document: Any) -> str:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + '\n'
