"""What restic says, as a class. The sentences are restic 0.18's own, of its stores and its REST server."""

from __future__ import annotations

import pytest

from backup.engines.restic_failure import MOST_CHARACTERS, class_of, said, sentence_of
from backup.failure import ExitClass

WORDS = [
    (1, 'Save(<data/5f2e>) failed: open /srv/r/data/5f/x: no space left on device', ExitClass.NO_SPACE),
    (1, 'Save(<data/5f2e>) failed: server response unexpected: 507 Insufficient Storage (507)', ExitClass.NO_SPACE),
    (1, 'client.PutObject: QuotaExceeded', ExitClass.NO_SPACE),
    (1, 'Stat: RequestTimeTooSkewed', ExitClass.CLOCK),
    (1, 'x509: certificate has expired or is not yet valid: current time 2001-01-01T00:00:00Z is before 2026-01-01',
     ExitClass.CLOCK),
    (1, 'x509: certificate signed by unknown authority', ExitClass.UNREACHABLE),
    (1, 'failed to find snapshot: no matching ID found for prefix "deadbeef"', ExitClass.NO_SNAPSHOT),
    (1, 'all source directories/files do not exist', ExitClass.NO_SOURCE),
    (1, 'client.PutObject: Access Denied.', ExitClass.REFUSED),
    (1, 'Remove(<snapshot/1c75>) failed: unexpected HTTP response (403): 403 Forbidden', ExitClass.REFUSED),
    (1, 'unable to open config file: unexpected HTTP response (401): 401 Unauthorized', ExitClass.REFUSED),
    (1, 'Head "https://x/config": dial tcp 10.0.0.1:8443: connect: connection refused', ExitClass.UNREACHABLE),
    (1, 'Get "https://x/": dial tcp: lookup vault-1: no such host', ExitClass.UNREACHABLE),
    (1, 'unexpected HTTP response (503): 503 Service Unavailable', ExitClass.UNREACHABLE),
    (1, 'client.BucketExists: The specified bucket does not exist', ExitClass.NO_REPOSITORY),
    (1, 'LoadTree(5f2e): ciphertext verification failed', ExitClass.CORRUPT),
    (1, 'config cannot be loaded: ciphertext verification failed', ExitClass.CORRUPT),
    (1, 'repository contains errors', ExitClass.CORRUPT),
    (1, 'something that nobody has seen', ExitClass.FAILED),
    (3, 'at least one source file could not be read', ExitClass.INCOMPLETE),
    (10, 'whatever', ExitClass.NO_REPOSITORY),
    (11, 'whatever', ExitClass.LOCKED),
    (12, 'whatever', ExitClass.WRONG_PASSWORD),
]  # fmt: skip


@pytest.mark.parametrize(('code', 'words', 'exit_class'), WORDS)
def test_what_restic_says_has_its_class(code: int, words: str, exit_class: ExitClass) -> None:
    assert class_of(code, said([words])) is exit_class


def test_the_last_words_count_before_tries_that_went_well_again() -> None:
    lines = said(['Save(<data/1>) returned error, retrying after 1s: connection reset by peer',
                  'Save(<data/1>) operation successful after 1 retries', 'Fatal: no space left on device'])  # fmt: skip
    assert class_of(1, lines) is ExitClass.NO_SPACE


def test_json_and_plain_lines_are_read_alike() -> None:
    lines = [
        '{"message_type":"exit_error","code":1,"message":"Fatal: wrong\\nin two lines"}',
        '{"message_type":"error","error":{"message":"open: permission denied"},"during":"archival","item":"/srv/a"}',
        'Fatal: plain',
        '{"message_type":"error","error":{},"item":""}',
        '{not json',
        '',
    ]
    assert said(lines) == ('wrong in two lines', '/srv/a: open: permission denied', 'plain', '{not json')


def test_a_long_sentence_is_cut_and_silence_is_said() -> None:
    assert len(sentence_of(['x' * 5000])) == MOST_CHARACTERS
    assert sentence_of([]) == 'it said nothing'
