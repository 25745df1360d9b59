"""Files that are encrypted at rest (age), opened in memory only, and the plain ones of earlier versions taken over."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pyrage

from anlan.errors import AnlanError, BadInput
from anlan.files import sync_folder, write_atomically
from anlan.secret_key import ensure_key, parsed_recipient, read_key

MAGIC = b'age-encryption.org/'
VERSION = b'v1\n'
SUFFIX = '.age'


@dataclass(frozen=True)
class EncryptedFile:
    """One secret file of a platform: `plain` is where an earlier version had it, `home` the platform's folder.

    Both may be there after a kill: the encrypted one is whole then, and holds.
    """

    plain: Path
    home: Path

    @property
    def file(self) -> Path:
        """Return the encrypted file."""
        return self.plain.with_name(self.plain.name + SUFFIX)

    def exists(self) -> bool:
        """Return whether it is there, in either form."""
        return self.file.exists() or self.plain.exists()

    def read(self) -> bytes:
        """Return the content, from the plain one if it was not encrypted yet; nothing is changed.

        Raise AnlanError if it cannot be read, BadInput if the key is not there or is another's.
        """
        for _ in range(2):
            try:
                if self.file.exists():
                    return opened(self.file, self.home)
                content = self.plain.read_bytes()
            except OSError as error:
                raise AnlanError(f'{self.file} cannot be read ({error}); put it back from a backup of var/') from None
            # One that is just being encrypted by another process is read again, from its new place.
            if not (content[:1] == b'\0' and self.file.exists()):
                break
        return content

    def write(self, content: bytes, recipients: tuple[str, ...] = ()) -> None:
        """Given the content, encrypt it and replace the file in one step. Raise AnlanError.

        It is for all who can open the platform's secrets, or for `recipients`.
        """
        self.take_over()
        self._write(content, recipients)

    def take_over(self) -> None:
        """Encrypt the plain file of an earlier version, look whether that can be opened, then remove the plain one.

        The caller holds the lock of what it belongs to. Killed anywhere, one of the two can be read. Raise AnlanError
        if both are there and differ: nothing is removed then.
        """
        if not self.plain.exists():
            return
        try:
            content = self.plain.read_bytes()
            # One that begins with zeros was being overwritten when that was cut off.
            spoilt = content[:1] == b'\0'
            if not self.file.exists():
                if spoilt:
                    raise AnlanError(f'{self.plain} was overwritten and {self.file} is gone; put it back from a backup')
                self._write(content)
            kept = opened(self.file, self.home)
        except OSError as error:
            raise AnlanError(f'{self.plain} cannot be read ({error}); put it back from a backup of var/') from None
        if kept != content and not spoilt:
            raise AnlanError(
                f'{self.plain} and {self.file} are both there and differ; remove the one that is not in use '
                '(an earlier version of Anlan knows the first alone)'
            )
        overwrite(self.plain)

    def remove(self) -> None:
        """Remove it in either form; a plain one is overwritten first."""
        if self.plain.is_file():
            overwrite(self.plain)
        self.file.unlink(missing_ok=True)

    def _write(self, content: bytes, recipients: tuple[str, ...] = ()) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(self.file, closed(content, recipients or ensure_key(self.home).recipients))
        sync_folder(self.file.parent)


def closed(content: bytes, recipients: tuple[str, ...]) -> bytes:
    """Given content and public keys, return it encrypted for each of them."""
    return bytes(pyrage.encrypt(content, [parsed_recipient(each) for each in recipients]))


def opened(file: Path, home: Path) -> bytes:
    """Given an encrypted file and the folder of its platform, return its content.

    Raise BadInput if the key is not there or another's, AnlanError if the file is no whole one of a known version.
    """
    data = file.read_bytes()
    head = data[: len(MAGIC + VERSION)]
    if not head.startswith(MAGIC[: len(head)]) or not head:
        raise AnlanError(f'{file} cannot be read, it is no encrypted file; put it back from a backup of var/')
    if not (MAGIC + VERSION).startswith(head):
        version = data[len(MAGIC) :].split(b'\n')[0][:20].decode(errors='replace')
        raise AnlanError(f'{file} is encrypted in version {version} of age, this program knows v1; use a newer one')
    key = read_key(home)
    try:
        return bytes(pyrage.decrypt(data, list(key.identities)))
    except pyrage.DecryptError as error:
        if 'No matching keys' in str(error):
            raise BadInput(
                f'{file} is not opened by the key in {key.place}: it was encrypted for another one, or its beginning '
                'was changed; put the right key in place, or the file back from a backup of var/'
            ) from None
        raise AnlanError(f'{file} was changed or cut off; put it back from a backup of var/') from None


def overwrite(file: Path) -> None:
    """Given a plain file, fill it with zeros and remove it. A disk or a file system may still keep copies of it."""
    with file.open('r+b') as stream:
        stream.write(bytes(os.fstat(stream.fileno()).st_size))
        stream.flush()
        os.fsync(stream.fileno())
    file.unlink()
    sync_folder(file.parent)
