"""Runs on a host: answers plain HTTP with bodies of the size that the path names, for a while, then ends by itself.

Arguments: address, port, seconds. `GET /262144` is answered with that many bytes.
"""

from __future__ import annotations

import socket
import sys
import threading
import time

LARGEST_BYTES = 256 * 1024 * 1024
CHUNK = bytes(range(256)) * 256
IDLE_SECONDS = 20.0


def serve(link: socket.socket) -> None:
    """Answer the requests of one connection until it ends."""
    link.settimeout(IDLE_SECONDS)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    waiting = b''
    try:
        with link:
            while True:
                while b'\r\n\r\n' not in waiting:
                    part = link.recv(65536)
                    if not part:
                        return
                    waiting += part
                head, _, waiting = waiting.partition(b'\r\n\r\n')
                left = min(int(head.split(b' ', 2)[1].strip(b'/')), LARGEST_BYTES)
                link.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n' % left)
                while left > 0:
                    link.sendall(CHUNK[:left])
                    left -= len(CHUNK)
    except (OSError, ValueError, IndexError):
        return


def main() -> None:
    """Serve until the time is over."""
    address, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    ends = time.monotonic() + seconds
    with socket.create_server((address, port), backlog=64) as server:
        while (left := ends - time.monotonic()) > 0:
            server.settimeout(left)
            try:
                link, _ = server.accept()
            except TimeoutError:
                return
            threading.Thread(target=serve, args=(link,), daemon=True).start()


if __name__ == '__main__':
    main()
