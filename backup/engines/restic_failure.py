"""What restic says when it fails, as a class: by its exit code where that tells, else by its words."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from backup.failure import ExitClass

CODES = {
    3: ExitClass.INCOMPLETE, 10: ExitClass.NO_REPOSITORY, 11: ExitClass.LOCKED, 12: ExitClass.WRONG_PASSWORD,
}  # fmt: skip

# In this order: a full disk is told with the name of the file that could not be saved, a refusal with a retry.
WORDS: tuple[tuple[ExitClass, str], ...] = (
    (
        ExitClass.NO_SPACE,
        r'no space left on device|disk quota exceeded|QuotaExceeded|insufficient storage|\(507\)|\(413\)|'
        r'StorageFull|XMinioStorageFull|too large for the quota',
    ),
    (ExitClass.CLOCK, r'RequestTimeTooSkewed|difference between the request time|current time \S+ is before'),
    (ExitClass.NO_SOURCE, r'all source directories/files do not exist'),
    (ExitClass.NO_SNAPSHOT, r'no matching ID found|no snapshot found|failed to find snapshot|matches more than one'),
    (
        ExitClass.REFUSED,
        r'AccessDenied|access denied|403 Forbidden|\(403\)|401 Unauthorized|\(401\)|InvalidAccessKeyId|'
        r'SignatureDoesNotMatch|permission denied|read-only file system|operation not permitted',
    ),
    (ExitClass.NO_REPOSITORY, r'NoSuchBucket|specified bucket does not exist|repository does not exist'),
    (
        ExitClass.UNREACHABLE,
        r'connection refused|no such host|i/o timeout|no route to host|network is unreachable|connection reset|'
        r'TLS handshake|x509:|tls: |context deadline exceeded|server misbehaving|\(50[0-4]\)|SlowDown|broken pipe|'
        r'Client\.Timeout|unexpected EOF while reading response|transport is closing|status code 50',
    ),
    (
        ExitClass.CORRUPT,
        r'ciphertext verification failed|invalid data returned|hash does not match|does not match (?:id|hash)|'
        r'not found in index|repository contains errors|is corrupted|corrupted|unable to load|LoadBlob|LoadTree|'
        r'invalid header|unexpected EOF|config cannot be loaded|pack .* (?:does not exist|not found)|'
        r'id .* not found|decrypting|unpacking|file does not exist|no such file or directory|'
        r'integer overflow|cipher: |invalid character|invalid encoding|unsupported repository version|'
        r'Load\(<|wrong length|too short|not enough bytes|invalid file length',
    ),
)
PATTERNS = tuple((exit_class, re.compile(words, re.IGNORECASE)) for exit_class, words in WORDS)

MOST_CHARACTERS = 400


def said(lines: Sequence[str]) -> tuple[str, ...]:
    """Given the lines of restic's errors, JSON or not, return what they say, each in one line."""
    found = []
    for line in lines:
        text = line.strip()
        try:
            document = json.loads(text) if text.startswith('{') else None
        except ValueError:
            document = None
        if isinstance(document, dict):
            error = document.get('error')
            message = document.get('message') or (error.get('message') if isinstance(error, dict) else error) or ''
            item = document.get('item') or ''
            text = f'{item}: {message}' if item and item not in str(message) else str(message)
        text = ' '.join(text.removeprefix('Fatal: ').split())
        if text:
            found.append(text)
    return tuple(found)


def class_of(code: int, messages: Sequence[str]) -> ExitClass:
    """Given how restic ended and what it said, return the class of the failure.

    The last words count first: before them restic tells of tries that may have nothing to do with its end.
    """
    if code in CODES:
        return CODES[code]
    for message in (*messages[-1:], '\n'.join(messages)):
        for exit_class, pattern in PATTERNS:
            if pattern.search(message):
                return exit_class
    return ExitClass.FAILED


def sentence_of(messages: Sequence[str]) -> str:
    """Given what restic said, return its last words, short enough for an alert."""
    last = messages[-1] if messages else 'it said nothing'
    return last if len(last) <= MOST_CHARACTERS else last[: MOST_CHARACTERS - 1] + '…'
