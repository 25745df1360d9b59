"""An announcement: a record, told to the journal of the host, which goes on to the monitoring hosts.

The file of records is what counts on the host. A journal that takes nothing is a reason, never an error: no backup
fails because nobody listened.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from array import array
from pathlib import Path

from backup.record import Begun, Ended, Lagged, Looked, Record, kind_of, line_of

JOURNAL = Path('/run/systemd/journal/socket')
IDENTIFIER = 'anlan-backup'
EVENT = 'backup'
FIELD = 'ANLAN_BACKUP_RECORD'
TAKEN_SECONDS = 2.0
INFORMATION, WARNING = 6, 4
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


def announce(record: Record, journal: Path = JOURNAL, *, again: bool = False) -> str | None:
    """Given a record, write it as one entry into the journal. Return None, or why the journal did not take it.

    `again`: it was told before, and is no event any more.
    """
    try:
        entry = entry_of(record, again=again)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.settimeout(TAKEN_SECONDS)
            link.connect(str(journal))
            try:
                link.send(entry)
            except OSError as error:
                if error.errno not in (errno.EMSGSIZE, errno.ENOBUFS):
                    raise
                _send_as_file(link, entry)
    except (OSError, ValueError) as error:
        return f'the journal did not take a record: {getattr(error, "strerror", None) or error}'
    return None


def entry_of(record: Record, *, again: bool = False) -> bytes:
    """Given a record, return its entry in the journal's own protocol, every value one line.

    Measurements that come every minute are no events: they would push out of sight what is one.
    """
    kind = kind_of(record)
    failure = record.failure if isinstance(record, Ended) else None
    fields = {
        'MESSAGE': f'backup{", told again" if again else ""}: {_said(record)}',
        'PRIORITY': str(INFORMATION if failure is None or again else WARNING),
        'SYSLOG_IDENTIFIER': IDENTIFIER,
        'ANLAN_TYPE': record.what if isinstance(record, Begun) else kind,
        'ANLAN_TARGET': record.host,
        'ANLAN_ACTION': 'begun' if isinstance(record, Begun) else failure or 'done',
        **({'ANLAN_REASON': record.sentence} if isinstance(record, Ended) and record.sentence else {}),
        **({} if again or isinstance(record, Lagged) else {'ANLAN_EVENT': EVENT}),
    }
    lines = ''.join(f'{name}={_one_line(value)}\n' for name, value in fields.items())
    # As it is: a line of JSON has no end of line inside.
    return f'{lines}{FIELD}={line_of(record)}\n'.encode('utf-8', 'replace')


def _said(record: Record) -> str:
    where = f'of {record.policy} on {record.host}, {record.place}'
    match record:
        case Begun():
            return f'{record.what} {where} began'
        case Looked():
            return f'look {where}: {record.snapshots} snapshots'
        case Lagged():
            return f'the copy in real time {where} is {record.seconds:.1f} s behind'
        case _:
            end = f'{record.failure}: {record.sentence}' if record.failure else 'done'
            return f'{kind_of(record)} {where}: {end}'


def _one_line(text: str) -> str:
    return ''.join(character if character.isprintable() else '?' for character in ' '.join(text.split()))


def _send_as_file(link: socket.socket, entry: bytes) -> None:
    """Hand over what is too long for a datagram as a file in memory, sealed, as the journal asks for it."""
    descriptor = os.memfd_create('backup-record', os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        left = memoryview(entry)
        while left:
            left = left[os.write(descriptor, left) :]
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
        link.sendmsg([], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array('i', [descriptor]))])
    finally:
        os.close(descriptor)
