"""The state in a recovery kit: opened whole in memory first, then put where the platform's folder is to be."""

from __future__ import annotations

import io
import shutil
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyrage

from anlan.cli.recovery_kit import Kit
from anlan.cli.work import Work
from anlan.errors import AnlanError, BadInput
from anlan.secret_key import VARIABLE, given_file, put_back, read_key

MOST_BYTES = 1024 * 1024 * 1024
SECRETS, RECIPIENTS = 'secrets.json.age', 'recipients'


@dataclass(frozen=True)
class KitFile:
    """A file of the state: its bytes, and whether others may read it."""

    content: bytes
    mode: int


def opened(kit: Kit) -> dict[str, KitFile]:
    """Given a kit, return the files of its state by their place in the platform's folder.

    Raise BadInput if it is not whole, holds anything but files in folders, or its key does not open its secrets.
    """
    found: dict[str, KitFile] = {}
    total = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(kit.state), mode='r:gz') as archive:
            for entry in archive:
                place = PurePosixPath(entry.name)
                if place.is_absolute() or '..' in place.parts or place.parts[:1] != ('var',):
                    raise BadInput(f'the state in the kit leads out of the platform: {entry.name!r}')
                if entry.isdir():
                    continue
                total += entry.size
                stream = archive.extractfile(entry) if entry.isreg() else None
                if stream is None or total > MOST_BYTES:
                    raise BadInput(f'the state in the kit has what no platform has: {entry.name!r}')
                found['/'.join(place.parts[1:])] = KitFile(stream.read(), entry.mode & 0o755)
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError) as error:
        raise BadInput(f'the state in the kit is not whole: {error}') from None
    if missing := {SECRETS, RECIPIENTS} - set(found):
        raise BadInput(f'the state in the kit lacks {", ".join(sorted(missing))}')
    if not opens(found[SECRETS].content, kit):
        raise BadInput('what the kit has for it does not open its secrets: one of both was changed')
    return found


def opens(secrets: bytes, kit: Kit) -> bool:
    """Given encrypted secrets and a kit, return whether its key opens them."""
    try:
        pyrage.decrypt(secrets, [pyrage.x25519.Identity.from_str(each) for each in kit.identities])
    except (pyrage.DecryptError, pyrage.IdentityError, ValueError):
        return False
    return True


def wanted_of(work: Work, kit: Kit | None) -> dict[str, KitFile] | None:
    """Given a platform and a kit, return the files that are to come from it; None where this machine has its state.

    Nothing is written. Raise BadInput, or AnlanError, if there is nothing to go on with.
    """
    paths, name = work.paths, work.platform.name
    if kit is not None and kit.platform != name:
        raise BadInput(f'the kit is of the platform {kit.platform}, not of {name}')
    if paths.secrets.exists():
        try:
            read_key(paths.directory)
        except AnlanError:
            if kit is None or given_file() is not None or not opens(paths.secrets.read_bytes(), kit):
                raise
        return None
    if kit is None:
        raise BadInput(f'{paths.directory} has no secrets to go on with; name the recovery kit by --kit')
    if (given := given_file()) is not None:
        raise BadInput(
            f'{given} is named as the key of the secrets; a kit has its own: unset {VARIABLE} and run it again'
        )
    return opened(kit)


def take(work: Work, kit: Kit | None, wanted: Mapping[str, KitFile] | None) -> None:
    """Given what `wanted_of` returned, have the platform's folder and the key of its secrets. Raise AnlanError."""
    home = work.paths.directory
    if kit is not None:
        # The key first: with the secrets there a state counts as whole.
        put_back(home, kit.identities)
    if wanted is not None:
        put(wanted, home)
    read_key(home)


def put(wanted: Mapping[str, KitFile], folder: Path) -> None:
    """Given files and a platform's folder, put them there. All is written beside first, and the secrets come last."""
    half = folder / '.rebuild'
    shutil.rmtree(half, ignore_errors=True)
    try:
        for name, file in wanted.items():
            place = half / name
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            place.touch(file.mode)
            place.chmod(file.mode)
            place.write_bytes(file.content)
        for entry in sorted(half.iterdir(), key=lambda each: each.name == SECRETS):
            target = folder / entry.name
            if target.is_dir():
                shutil.rmtree(target)
            entry.replace(target)
    except OSError as error:
        raise AnlanError(f'{folder}: the state of the kit could not be written ({error.strerror})') from None
    finally:
        shutil.rmtree(half, ignore_errors=True)
