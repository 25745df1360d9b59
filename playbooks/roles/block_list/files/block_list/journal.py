"""Journal: every decision as an entry with fields, in the journal's own protocol. Never waits."""

from __future__ import annotations

import socket

SOCKET = '/run/systemd/journal/socket'
NOTICE, WARNING, ERROR = 5, 4, 3


class Journal:
    """Writes entries; what the journal does not take is counted."""

    def __init__(self, path: str = SOCKET) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self.lost = 0

    def write(self, message: str, priority: int = NOTICE, **fields: str) -> None:
        """Given a sentence and fields, write an entry; lines in a value are joined."""
        wanted = {'MESSAGE': message, 'PRIORITY': str(priority), 'SYSLOG_IDENTIFIER': 'block-list', **fields}
        text = ''.join(f'{name}={" ".join(value.splitlines())}\n' for name, value in wanted.items())
        try:
            self._socket.sendto(text.encode(), self._path)
        except OSError:
            self.lost += 1
