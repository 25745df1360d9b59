"""Opens TCP connections and holds them, silent. Runs on a client of a lab; standard library only.

Arguments: address, port, connections, connections a second, seconds. Ends after these seconds whatever happens, and
prints how many it held at the most.
"""

from __future__ import annotations

import contextlib
import json
import resource
import select
import socket
import sys
import time

MOST_CONNECTIONS = 20000
MOST_SECONDS = 120.0


def main() -> None:
    """Read the arguments and open."""
    address, port, *rest = sys.argv[1:]
    wanted, per_second = (min(int(word), MOST_CONNECTIONS) for word in rest[:2])
    ends = time.monotonic() + min(float(rest[2]), MOST_SECONDS)
    limit = min(wanted + 64, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    events = select.epoll()
    waiting: dict[int, socket.socket] = {}
    held: dict[int, socket.socket] = {}
    most = asked = 0
    started = time.monotonic()
    while (now := time.monotonic()) < ends:
        due = min(wanted - len(waiting) - len(held), int((now - started) * per_second) - asked)
        for _ in range(max(0, due)):
            link = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            link.setblocking(False)
            link.connect_ex((address, int(port)))
            events.register(link, select.EPOLLOUT | select.EPOLLRDHUP)
            waiting[link.fileno()] = link
            asked += 1
        for number, event in events.poll(0.01, 4096):
            if event & (select.EPOLLERR | select.EPOLLHUP | select.EPOLLRDHUP):
                with contextlib.suppress(OSError):
                    events.unregister(number)
                (waiting.pop(number, None) or held.pop(number)).close()
            elif number in waiting:
                events.modify(number, select.EPOLLRDHUP)
                held[number] = waiting.pop(number)
        most = max(most, len(held))
    json.dump({'asked': asked, 'held': most, 'seconds': round(time.monotonic() - started, 1)}, sys.stdout)


main()
