"""Fetches files of the front door through one edge, as one JSON object on standard output. Standard library only.

Reads one JSON object from standard input: `address` and `port` of the edge, `name` of the front door, `paths`, at most
`workers` at a time, and `sha256` by path where the content is known. Says for each path its status, bytes, what the
cache did, and why it failed. An answer whose bytes are not the known ones has failed, whatever its status.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import http.client
import json
import socket
import ssl
import sys
import threading

SECONDS = 20.0
TRIES = 2


class Connection(http.client.HTTPSConnection):
    """HTTPS to an address under another name."""

    def __init__(self, name: str, address: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(name, port, timeout=SECONDS, context=context)
        self.address = address
        self.context = context

    def connect(self) -> None:
        raw = socket.create_connection((self.address, self.port), SECONDS)
        self.sock = self.context.wrap_socket(raw, server_hostname=self.host)


class Fetcher:
    """Fetches paths through one edge; a connection for each worker."""

    def __init__(self, question: dict[str, object]) -> None:
        self.question = question
        self.known = dict(question.get('sha256') or {})  # type: ignore[call-overload]
        self.context = ssl.create_default_context()
        self.local = threading.local()

    def fetch(self, path: str) -> dict[str, object]:
        for left in reversed(range(TRIES)):
            try:
                return self.ask(path)
            except (OSError, http.client.HTTPException) as error:
                self.local.connection = None
                if not left:
                    reason = f'{type(error).__name__}: {error}'[:200]
                    return {'path': path, 'status': 0, 'bytes': 0, 'cache': '', 'reason': reason}
        raise AssertionError('there is always a last try')

    def ask(self, path: str) -> dict[str, object]:
        connection = getattr(self.local, 'connection', None)
        if connection is None:
            name, address, port = (self.question[key] for key in ('name', 'address', 'port'))
            connection = self.local.connection = Connection(str(name), str(address), int(str(port)), self.context)
        connection.request('GET', path)
        answer = connection.getresponse()
        body = answer.read()
        reason = '' if answer.status == 200 else f'answered {answer.status}'
        wanted = self.known.get(path)
        if not reason and wanted and hashlib.sha256(body).hexdigest() != wanted:
            reason = 'its bytes are not those of its list'
        cache = answer.getheader('X-Cache') or ''
        found = {'path': path, 'status': answer.status, 'bytes': len(body), 'cache': cache, 'reason': reason}
        return found | ({'body': body.decode()} if self.question.get('bodies') else {})


def main() -> None:
    question = json.load(sys.stdin)
    fetcher = Fetcher(question)
    with concurrent.futures.ThreadPoolExecutor(max(1, min(16, int(question.get('workers', 4))))) as pool:
        json.dump(list(pool.map(fetcher.fetch, question['paths'])), sys.stdout)


main()
