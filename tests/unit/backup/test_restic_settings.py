"""What restic is run with: nothing secret in the command line, nothing wrong let through."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from anlan.errors import BadInput
from backup.engines.restic_settings import ResticSettings

SETTINGS = ResticSettings(
    's3:https://vault-1:8443/restic', Path('/etc/anlan/restic.password'),
    environment={'AWS_ACCESS_KEY_ID': 'writer-key', 'AWS_SECRET_ACCESS_KEY': 'very-secret-key', 'AWS_REGION': 'x'},
)  # fmt: skip


def test_no_secret_is_in_the_command_line_or_in_what_is_shown() -> None:
    shown = ' '.join(SETTINGS.command(['snapshots'])) + repr(SETTINGS)
    assert 'writer-key' not in shown
    assert 'very-secret-key' not in shown
    assert SETTINGS.child_environment()['AWS_SECRET_ACCESS_KEY'] == 'very-secret-key'


def test_every_setting_is_in_the_command() -> None:
    full = replace(
        SETTINGS, ca_file=Path('/ca'), cache_directory=Path('/cache'), upload_kib_per_second=100,
        download_kib_per_second=200, options=('s3.bucket-lookup=path',), nice=10, idle_disk=True,
    )  # fmt: skip
    command = ' '.join(full.command(['check']))
    assert command.startswith('nice -n 10 ionice -c 3 restic --json --repo s3:https://vault-1:8443/restic ')
    for words in ('--cacert /ca', '--cache-dir /cache', '--limit-upload 100', '--limit-download 200',
                  '--option s3.bucket-lookup=path', '--password-file /etc/anlan/restic.password'):  # fmt: skip
        assert words in command
    assert command.endswith(' check')
    assert '--no-cache' in SETTINGS.command(['check'])


def test_who_can_only_read_sets_no_lock() -> None:
    assert '--no-lock' in replace(SETTINGS, read_only=True).command(['restore'])
    assert '--no-lock' not in SETTINGS.command(['restore'])
    assert '--no-lock' in SETTINGS.command(['snapshots'], lock=False)


@pytest.mark.parametrize(('changes', 'reason'), [
    ({'repository': ''}, 'is empty'),
    ({'repository': 'relative/path'}, 'not an absolute path'),
    ({'repository': 'rest:https://user:secret@ops-1:8444/a/'}, 'holds a login'),
    ({'upload_kib_per_second': -1}, 'upload_kib_per_second'),
    ({'environment': {'RESTIC_PASSWORD': 'x'}}, 'environment.RESTIC_PASSWORD'),
])  # fmt: skip
def test_wrong_settings_are_refused_with_their_path(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as error:
        replace(SETTINGS, **changes)  # type: ignore[arg-type]
    assert 'secret' not in str(error.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(BadInput, match=r'is empty.*nice: is below 0'):
        replace(SETTINGS, repository='', nice=-1)


def test_what_the_program_says_is_shown_without_the_values_of_the_environment() -> None:
    said = SETTINGS.scrubbed('key very-secret-key of x')
    assert said == 'key <AWS_SECRET_ACCESS_KEY> of x'
