"""An S3 on loopback that has one trouble: silent, dripping, overloaded, cut off, of another clock, full, or no S3."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CONTENT = bytes(range(256)) * 4096
LISTING = f"""<?xml version="1.0" encoding="UTF-8"?>
<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix></Prefix><MaxKeys>1000</MaxKeys>
<IsTruncated>false</IsTruncated><Version><Key>pack</Key><VersionId>v1</VersionId><IsLatest>true</IsLatest>
<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>"{hashlib.md5(CONTENT).hexdigest()}"</ETag>
<Size>{len(CONTENT)}</Size><StorageClass>STANDARD</StorageClass></Version></ListVersionsResult>"""


@dataclass
class Trouble:
    """What a store does wrong: an error's status and code, or a way to answer; `times` limits how often (0: always)."""

    way: str = 'error'
    status: int = 500
    code: str = 'InternalError'
    times: int = 0
    asked: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    """Answers every request with the trouble of its server, or well once that is over."""

    protocol_version = 'HTTP/1.1'

    def log_message(self, format: str, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer."""
        trouble: Trouble = self.server.trouble  # type: ignore[attr-defined]
        trouble.asked.append(self.headers.get('Range') or self.path)
        if trouble.way == 'cut':
            self._object_or_listing(trouble)
        elif trouble.times and len(trouble.asked) > trouble.times:
            self._send(200, LISTING.encode())
        elif trouble.way == 'silent':
            trouble.over.wait(30)
        elif trouble.way == 'drip':
            self._drip(trouble)
        elif trouble.way == 'page':
            self._send(200, b'<html><body>It works!</body></html>')
        else:
            self._send(trouble.status, f'<Error><Code>{trouble.code}</Code><Message>no</Message></Error>'.encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header('Content-Type', 'application/xml')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _drip(self, trouble: Trouble) -> None:
        """One byte after the other: no socket's own timeout ever comes."""
        self.send_response(200)
        self.send_header('Content-Length', '100000')
        self.end_headers()
        while not trouble.over.is_set():
            self.wfile.write(b' ')
            self.wfile.flush()
            time.sleep(0.1)

    def _object_or_listing(self, trouble: Trouble) -> None:
        """The listing whole; of the object a third of what was asked for, as often as the trouble lasts."""
        if 'versions' in self.path:
            trouble.asked.pop()
            self._send(200, LISTING.encode())
            return
        begin = int(self.headers.get('Range', 'bytes=0-').removeprefix('bytes=').rstrip('-'))
        body = CONTENT[begin:]
        self.send_response(206 if begin else 200)
        self.send_header('Content-Length', str(len(body)))
        if begin:
            self.send_header('Content-Range', f'bytes {begin}-{len(CONTENT) - 1}/{len(CONTENT)}')
        self.end_headers()
        over = trouble.times and len(trouble.asked) > trouble.times
        self.wfile.write(body if over else body[: len(body) // 3])
        self.close_connection = True


@contextmanager
def troubled(trouble: Trouble) -> Iterator[str]:
    """Yield the address of a store with this trouble."""
    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.trouble = trouble  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f'http://127.0.0.1:{server.server_address[1]}'
    finally:
        trouble.over.set()
        server.shutdown()
        server.server_close()
