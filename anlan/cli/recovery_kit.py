"""The recovery kit: all that is needed to open the off-site copies when the main site and its machine are gone.

Whoever has it and reaches the other site reads everything; it is kept offline by custodians, apart from every copy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anlan.cli.backing import BUCKET, REGION, backup_files
from anlan.errors import BadInput
from anlan.files import write_atomically
from anlan.paths import PlatformPaths
from anlan.platform import Platform
from anlan.secret_key import read_key
from anlan.secret_store import read_all
from infra.topology import Topology

STEPS_ZH = (
    '本套件可打开异地副本与平台的全部密钥。由两名保管人各自离线保存；用过或轮换后重新导出。',
    '1. 在新机器上安装 restic、age 和本项目；把下面的 certificate 存为 ca.crt，login 中的变量放入环境。',
    '2. restic --cacert ca.crt -o s3.bucket-lookup=path -r REPOSITORY restore latest --target DIR --verify '
    '（口令见 password）。',
    '3. 把还原出的 var 放回 var/<平台名>，把 identities 存为文件并设 ANLAN_SECRET_KEY_FILE 指向它，然后 `anlan up`。',
)
STEPS_EN = (
    'This kit opens the off-site copies and all secrets of the platform. Two custodians keep it offline, each; export '
    'it anew after it was used, or anything was rotated.',
    '1. On a new machine install restic, age and this project; save `certificate` as ca.crt, put `login` into the '
    'environment.',
    '2. restic --cacert ca.crt -o s3.bucket-lookup=path -r REPOSITORY restore latest --target DIR --verify '
    '(see `password`).',
    '3. Put what came back as `var` to var/<platform>, save `identities` as a file and name it in '
    'ANLAN_SECRET_KEY_FILE, then `anlan up`.',
)


def kit_of(platform: Platform, topology: Topology, paths: PlatformPaths) -> dict[str, Any]:
    """Given a platform that stands, return its kit. Raise BadInput where there is no other site."""
    vault = next(iter(topology.tier('offsite')), None)
    if vault is None:
        raise BadInput(f'{platform.name} has no off-site host, so there is nothing that a kit would open')
    secrets = read_all(paths.secrets)
    listed = backup_files(platform, topology, secrets, Path('/'))[topology.bastion.name]
    files = {each['path']: each for each in listed}
    places = json.loads(files['/etc/anlan/backup/places.json']['text'])['files']
    return {
        'platform': platform.name,
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
        'identities': [str(each) for each in read_key(paths.directory).identities],
    }  # fmt: skip


def write_kit(output: Path, kit: Mapping[str, Any]) -> None:
    """Given a file that is not there and a kit, write it for its owner alone. Raise BadInput if it cannot be."""
    if output.exists():
        raise BadInput(f'{output} is there already; nothing was written')
    if not output.parent.is_dir():
        raise BadInput(f'{output.parent}: there is no such folder')
    write_atomically(output, json.dumps(kit, indent=2, ensure_ascii=False) + '\n')


def _password(files: Mapping[str, Mapping[str, Any]], file: str) -> str:
    text: str = files[file]['text']
    return text.strip()
