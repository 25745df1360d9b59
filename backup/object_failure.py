"""What an S3 says when it fails, as one sentence and its class."""

from __future__ import annotations

import errno

import botocore.exceptions  # type: ignore[import-untyped]
import botocore.parsers  # type: ignore[import-untyped]
import urllib3.exceptions

from backup.failure import BackupFailed, ExitClass

CLASS_BY_CODE: dict[str, ExitClass] = {
    **dict.fromkeys(
        (
            'AccessDenied', 'AllAccessDisabled', 'InvalidAccessKeyId', 'SignatureDoesNotMatch', 'InvalidToken',
            'ExpiredToken', 'AccountProblem', 'UserSuspended', 'MethodNotAllowed', '401', '403', 'Forbidden',
        ),
        ExitClass.REFUSED,
    ),
    **dict.fromkeys(('NoSuchBucket', '404'), ExitClass.NO_REPOSITORY),
    **dict.fromkeys(('NoSuchKey', 'NoSuchVersion'), ExitClass.NO_SNAPSHOT),
    **dict.fromkeys(
        ('QuotaExceeded', 'InsufficientStorage', 'XMinioStorageFull', 'InsufficientCapacity', '507'), ExitClass.NO_SPACE
    ),
    **dict.fromkeys(('RequestTimeTooSkewed', 'RequestExpired'), ExitClass.CLOCK),
    **dict.fromkeys(
        ('InternalError', 'ServiceUnavailable', 'SlowDown', 'Throttling', 'TooManyRequests', 'OperationAborted'),
        ExitClass.UNREACHABLE,
    ),
    **dict.fromkeys(('BadDigest', 'InvalidDigest', 'XAmzContentSHA256Mismatch', 'IncompleteBody'), ExitClass.CORRUPT),
    'RequestTimeout': ExitClass.DEADLINE,
}  # fmt: skip


def said(what: str, error: BaseException) -> BackupFailed:
    """Given what was being done and how it failed, return the failure that says so.

    What is none of an S3's, the network's or the disk's ways to fail is a mistake of ours, and is raised as it is.
    """
    if isinstance(error, BackupFailed):
        return error
    if isinstance(error, botocore.exceptions.ClientError):
        return _answered(what, error)
    kind, sentence = _unanswered(error)
    if kind is None:
        raise error
    return BackupFailed(kind, f'{what}: {sentence}')


def _answered(what: str, error: botocore.exceptions.ClientError) -> BackupFailed:
    problem = error.response.get('Error', {})
    code = str(problem.get('Code', ''))
    status = int(error.response.get('ResponseMetadata', {}).get('HTTPStatusCode', 0))
    kind = CLASS_BY_CODE.get(code)
    if kind is None:
        kind = (
            ExitClass.UNREACHABLE if status >= 500 else ExitClass.REFUSED if status in (401, 403) else ExitClass.FAILED
        )
    message = str(problem.get('Message') or '').strip().rstrip('.')
    words = f'{code}, {message}' if message and message not in ('None', code) else code or 'an answer without a reason'
    meaning = {
        ExitClass.REFUSED: 'it is not allowed with these credentials',
        ExitClass.NO_REPOSITORY: 'there is no such bucket',
        ExitClass.NO_SNAPSHOT: 'there is no such object or version',
        ExitClass.NO_SPACE: 'the store is full, or the quota is used up',
        ExitClass.CLOCK: 'the clocks of the two sides are too far apart; set both by NTP',
        ExitClass.UNREACHABLE: 'the store answers with errors, also when asked again',
        ExitClass.CORRUPT: 'what arrived is not what was sent',
        ExitClass.DEADLINE: 'the store gave up waiting',
    }.get(kind, 'the store says no')
    return BackupFailed(kind, f'{what}: {meaning} ({status} {words})')


def _unanswered(error: BaseException) -> tuple[ExitClass | None, str]:
    if isinstance(error, botocore.exceptions.SSLError):
        return ExitClass.UNREACHABLE, f'its certificate is not trusted or TLS fails ({_short(error)})'
    if isinstance(error, botocore.exceptions.ConnectTimeoutError):
        return ExitClass.UNREACHABLE, 'it cannot be reached (no connection in time)'
    if isinstance(error, botocore.exceptions.ReadTimeoutError | urllib3.exceptions.ReadTimeoutError):
        return ExitClass.DEADLINE, 'it accepted the request and did not answer in time'
    if isinstance(
        error,
        botocore.exceptions.IncompleteReadError
        | botocore.exceptions.ResponseStreamingError
        | urllib3.exceptions.ProtocolError
        | botocore.exceptions.ConnectionClosedError,
    ):
        return ExitClass.UNREACHABLE, f'the connection was cut in the middle ({_short(error)})'
    if isinstance(error, botocore.parsers.ResponseParserError):
        return ExitClass.UNREACHABLE, f'what answers does not speak S3 ({_short(error)})'
    if isinstance(error, botocore.exceptions.HTTPClientError | botocore.exceptions.ConnectionError):
        return ExitClass.UNREACHABLE, f'it cannot be reached ({_short(error)})'
    if isinstance(error, botocore.exceptions.BotoCoreError):
        return ExitClass.FAILED, _short(error)
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return ExitClass.NO_SPACE, f'the disk here is full ({error.filename or error.strerror})'
        if isinstance(error, ConnectionError | TimeoutError):
            return ExitClass.UNREACHABLE, f'the connection was cut in the middle ({_short(error)})'
        return ExitClass.FAILED, f'{error.filename or "a file"} here: {error.strerror or error}'
    return None, ''


def _short(error: BaseException, longest: int = 200) -> str:
    text = ' '.join(str(error).split())
    return text if len(text) <= longest else text[: longest - 1] + '…'
