"""What this machine needs before anything is asked of a provider: its SDK, its plugin, credentials."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from anlan.errors import Problem

PACKAGE = 'pulumi-alicloud'
CREDENTIALS = ('ALICLOUD_ACCESS_KEY', 'ALICLOUD_SECRET_KEY', 'ALICLOUD_REGION')
NOT_INSTALLED = f'{PACKAGE} is not installed; `make cloud` installs it, locked by hash'


def installed_version() -> str | None:
    """Return the version of the provider's SDK, or None if it is not installed."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return None


def problems(home: Path, environment: Mapping[str, str], sdk_version: str | None) -> list[Problem]:
    """Given Pulumi's home folder, the environment and the SDK's version, return what is missing."""
    found = []
    missing = [name for name in CREDENTIALS if not environment.get(name)]
    if missing:
        found.append(
            Problem(
                'cloud.provider', f'the environment lacks {", ".join(missing)}; credentials stand in no file of ours'
            )
        )
    if sdk_version is None:
        found.append(Problem('cloud.provider', NOT_INSTALLED))
    elif not (home / 'plugins' / f'resource-alicloud-v{sdk_version}').is_dir():
        found.append(
            Problem(
                'cloud.provider',
                f"Pulumi's plugin alicloud {sdk_version} is not under {home}/plugins; "
                f'`PULUMI_HOME={home} pulumi plugin install resource alicloud v{sdk_version}` puts it there',
            )
        )
    return found
