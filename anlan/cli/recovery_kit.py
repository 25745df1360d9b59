"""The recovery kit: all that is needed to open the off-site copies when the main site and its machine are gone.

Whoever has it and reaches the other site reads everything; it is kept offline by custodians, apart from every copy.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anlan.cli.backing import BUCKET, REGION, backup_files
from anlan.cli.handing_over import LEFT_OUT as LEFT_OUT_ALWAYS
from anlan.cli.handing_over import packed
from anlan.errors import BadInput
from anlan.files import write_atomically
from anlan.paths import PlatformPaths
from anlan.platform import Platform
from anlan.secret_key import read_key
from anlan.secret_store import read_all
from infra.topology import Topology

VERSION = 1
MOST_BYTES = 64 * 1024 * 1024
LEFT_OUT = LEFT_OUT_ALWAYS | {'ledger', 'logs', 'tasks.json'}
"""Of the platform's folder: the ledger comes back from its own copies, younger than the kit; logs are the machine's."""

STEPS_ZH = (
    '本套件可打开异地副本与平台的全部密钥，并含重建平台所需的状态。由两名保管人各自离线保存；用过或轮换任何密钥后重新导出。',
    '1. 在新机器上取得本项目，把 platform_file 存为平台文件，执行 `make setup`。',
    '2. `anlan backup rebuild --kit 本文件 --platform 平台文件`：重建主机，数据库与台账取自异地副本。',
    '只取文件时：restic --cacert ca.crt -o s3.bucket-lookup=path -r REPOSITORY restore latest --target DIR --verify'
    '（certificate 存为 ca.crt，login 放入环境，口令见 password）。',
)
STEPS_EN = (
    'This kit opens the off-site copies and all secrets of the platform, and has the state that it is rebuilt from. '
    'Two custodians keep it offline, each; export it anew after it was used, or anything was rotated.',
    '1. On a new machine get this project, save `platform_file` as the platform file, and run `make setup`.',
    '2. `anlan backup rebuild --kit THIS-FILE --platform PLATFORM-FILE`: hosts are made anew; database and ledger come '
    'from the copies in the other site.',
    'For files alone: restic --cacert ca.crt -o s3.bucket-lookup=path -r REPOSITORY restore latest --target DIR '
    '--verify (save `certificate` as ca.crt, put `login` into the environment, see `password`).',
)


@dataclass(frozen=True)
class Kit:
    """What a rebuild takes of a kit: the platform's name, its folder as a tar file, and what opens its secrets."""

    platform: str
    made: str
    state: bytes = field(repr=False)
    identities: tuple[str, ...] = field(repr=False)


def kit_of(platform: Platform, topology: Topology, paths: PlatformPaths, platform_file: str = '') -> dict[str, Any]:
    """Given a platform that stands and the text of its file, return its kit. Raise BadInput without another site."""
    vault = next(iter(topology.tier('offsite')), None)
    if vault is None:
        raise BadInput(f'{platform.name} has no off-site host, so there is nothing that a kit would open')
    secrets = read_all(paths.secrets)
    listed = backup_files(platform, topology, secrets, Path('/'))[topology.bastion.name]
    files = {each['path']: each for each in listed}
    places = json.loads(files['/etc/anlan/backup/places.json']['text'])['files']
    return {
        'version': VERSION,
        'platform': platform.name,
        'made': datetime.now(UTC).isoformat(timespec='seconds'),
        'steps': {'zh': list(STEPS_ZH), 'en': list(STEPS_EN)},
        'store': {
            'address': str(vault.address), 'bucket': BUCKET, 'region': REGION,
            'certificate': (paths.certificates / 'ca.crt').read_text(encoding='ascii'),
            'login': {
                'AWS_ACCESS_KEY_ID': secrets['object_store_restorer_key_id'],
                'AWS_SECRET_ACCESS_KEY': secrets['object_store_restorer_secret'], 'AWS_DEFAULT_REGION': REGION,
            },
        },
        'repositories': [
            {
                'repository': each['repository'], 'host': each['host'], 'address': each['address'],
                'password': _password(files, each['password_file']),
            }
            for each in places
            if each['place'] == 'offsite'
        ],
        'database': {'bucket': 'database', 'cipher_password': secrets['database_offsite_cipher_password']},
        'platform_file': platform_file,
        'state': b64encode(packed(paths.directory, LEFT_OUT)).decode('ascii'),
        'identities': [str(each) for each in read_key(paths.directory).identities],
    }  # fmt: skip


def read_kit(file: Path) -> Kit:
    """Given a file, return the kit in it. Raise BadInput if it is none, or not as it was written."""
    try:
        if not file.is_file() or file.stat().st_size > MOST_BYTES:
            raise BadInput(f'{file} is no recovery kit: it is no file, or larger than one ever is')
        try:
            document = json.loads(file.read_text(encoding='utf-8'))
        except (ValueError, RecursionError):
            raise BadInput(f'{file} is no recovery kit; `anlan backup kit` writes one') from None
        if not isinstance(document, dict) or document.get('version') is not VERSION:
            raise ValueError(f'it is no recovery kit of version {VERSION}')
        if document.pop('sha256') != digest(document):
            raise ValueError("it is not as it was written: take the other custodian's")
        identities = document['identities']
        if not isinstance(identities, list) or not all(
            isinstance(each, str) for each in (*identities, document['state'])
        ):
            raise ValueError('its state or its key is of the wrong kind')
        state = b64decode(document['state'], validate=True)
        if not state or not identities:
            raise ValueError('it has no state, or nothing that opens the secrets')
        return Kit(str(document['platform']), str(document['made']), state, tuple(identities))
    except OSError as error:
        raise BadInput(f'{file} cannot be read: {error.strerror}') from None
    except KeyError as missing:
        raise BadInput(f'{file} is no whole recovery kit: {missing} is missing') from None
    except ValueError as error:
        raise BadInput(f'{file} is no recovery kit that can be used: {error}') from None


def digest(kit: Mapping[str, Any]) -> str:
    """Given a kit without its digest, return that: SHA-256 over its JSON, in one form."""
    return hashlib.sha256(json.dumps(kit, sort_keys=True, separators=(',', ':')).encode()).hexdigest()


def write_kit(output: Path, kit: Mapping[str, Any], home: Path) -> None:
    """Given a file that is not there, a kit and the platform's folder, write it for its owner alone.

    Raise BadInput if it cannot be, or would lie in that folder: all of it is handed over and copied.
    """
    if output.exists():
        raise BadInput(f'{output} is there already; nothing was written')
    if not output.parent.is_dir():
        raise BadInput(f'{output.parent}: there is no such folder')
    if output.resolve().is_relative_to(home.resolve()):
        raise BadInput(f'{output} lies in {home}, which is copied: a kit must not lie with what it opens')
    write_atomically(output, json.dumps({**kit, 'sha256': digest(kit)}, indent=2, ensure_ascii=False) + '\n')


def _password(files: Mapping[str, Mapping[str, Any]], file: str) -> str:
    text: str = files[file]['text']
    return text.strip()
