"""Requests sent byte by byte, each on a connection of its own, as JSON. Runs on a client; standard library only.

Reads from standard input: `address`, `port`, `name` (of the server), and `requests`, each with `id`, `data` (base64),
`whole`: true to tell every answer until the other side closes or is silent, false to tell the first, and `http2`.
Writes for each: `answers` (status, headers, beginning of the body), whether the other side `closed`, and `failure`, if
it could not be observed: a connection that is not made or gives no answer says nothing about the request.
"""

from __future__ import annotations

import base64
import http.client
import io
import json
import socket
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 10.0
SILENCE_SECONDS = 1.5
AT_ONCE = 4
EXCERPT_BYTES = 400
LARGEST_BYTES = 4 * 1024 * 1024
GIVE_UP_AFTER = 8
"""So many failures in a row: the front door does not answer us any more, and the rest is not tried."""


class Recorded:
    """Bytes that were received, as what http.client takes for a socket."""

    def __init__(self, stream: io.BytesIO) -> None:
        self.stream = stream

    def makefile(self, *_: object, **__: object) -> io.BytesIO:
        """Return the bytes, as http.client asks for them."""
        return self.stream


def answers_in(data: bytes, method: str, whole: bool, excerpt_bytes: int) -> tuple[list[dict[str, object]], int]:
    """Given all that was received, return the answers in it (the first alone unless `whole`), and how much is left."""
    found: list[dict[str, object]] = []
    stream = io.BytesIO(data)
    while (whole or not found) and data[stream.tell() :].startswith(b'HTTP/'):
        start = stream.tell()
        answer = http.client.HTTPResponse(Recorded(stream), method=method)  # type: ignore[arg-type]
        if whole:
            # It closes its file at the end, and would read ahead into what follows.
            answer.fp = io.BufferedReader(Unclosed(stream), 1)  # type: ignore[arg-type]
        try:
            answer.begin()
            body = answer.read()
        except (http.client.HTTPException, ValueError, OSError):
            stream = io.BytesIO(data)
            stream.seek(start)
            break
        headers: dict[str, str] = {}
        for name, value in answer.getheaders():
            headers[name.lower()] = '\n'.join(filter(None, (headers.get(name.lower()), value)))
        excerpt = body[:excerpt_bytes].decode('utf-8', 'replace')
        found.append({'status': answer.status, 'headers': headers, 'body': excerpt})
    return found, len(data) - stream.tell() if whole else 0


class Unclosed(io.RawIOBase):
    """A stream that reads on after whoever read from it has closed it."""

    def __init__(self, stream: io.BytesIO) -> None:
        self.stream = stream

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        """Read one byte: what is left belongs to the next answer."""
        return self.stream.readinto(memoryview(buffer)[:1])


class Door:
    """The front door at one address."""

    def __init__(self, question: dict[str, object]) -> None:
        self.address = (str(question['address']), int(str(question['port'])))
        self.name = str(question['name'])
        self.context, self.http2 = ssl.create_default_context(), ssl.create_default_context()
        self.http2.set_alpn_protocols(['h2'])
        self.failures = 0

    def ask(self, request: dict[str, object]) -> dict[str, object]:
        """Given a request, send it and return what came of it."""
        result: dict[str, object] = {'id': request['id'], 'answers': [], 'closed': False, 'failure': ''}
        if self.failures >= GIVE_UP_AFTER:
            return {**result, 'failure': 'not sent: the front door did not answer the ones before'}
        data = base64.b64decode(str(request['data']))
        whole = bool(request.get('whole'))
        try:
            with socket.create_connection(self.address, CONNECT_SECONDS) as raw:
                raw.settimeout(ANSWER_SECONDS)
                context = self.http2 if request.get('http2') else self.context
                with context.wrap_socket(raw, server_hostname=self.name) as link:
                    link.sendall(data)
                    received, closed = self.receive(link, whole)
        except OSError as error:
            self.failures += 1
            return {**result, 'failure': f'{type(error).__name__}: {error}'}
        method = data.split(b' ', 1)[0].decode('latin-1')
        excerpt_bytes = int(str(request.get('excerpt') or EXCERPT_BYTES))
        answers, left = answers_in(received, method, whole, excerpt_bytes)
        if not answers and not closed and not received:
            self.failures += 1
            return {**result, 'failure': f'no answer within {ANSWER_SECONDS:g} s'}
        self.failures = 0
        return {**result, 'answers': answers, 'closed': closed, 'left': left}

    def receive(self, link: ssl.SSLSocket, whole: bool) -> tuple[bytes, bool]:
        """Given a connection on which a request was sent, return what came, and whether the other side closed."""
        data = b''
        while len(data) < LARGEST_BYTES:
            try:
                part = link.recv(65536)
            except TimeoutError:
                return data, False
            except ConnectionError:
                return data, True
            if not part:
                return data, True
            data += part
            if whole:
                link.settimeout(SILENCE_SECONDS)
        return data, False


def main() -> None:
    """Read the requests, send them, write what came of each."""
    question = json.load(sys.stdin)
    door = Door(question)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        json.dump(list(pool.map(door.ask, question['requests'])), sys.stdout)


if __name__ == '__main__':
    main()
