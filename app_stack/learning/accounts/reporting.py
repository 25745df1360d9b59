"""Reports of sources that guess passwords to the block list of the host. Never waits, and needs nobody to listen."""

from __future__ import annotations

import json
import socket
from contextlib import suppress

from django.conf import settings

FAILURE_POINTS = 1
THROTTLED_POINTS = 2
"""At 100 within its window the block list shuts a source out: a class behind one address has throttled itself long
before, and only a program goes on at that rate."""


def report(source: str, reason: str, points: int) -> None:
    """Given a source, why, and points, hand them to the block list if the host has one."""
    path = settings.BLOCK_LIST_SOCKET
    if not path or source == 'unknown':
        return
    message = json.dumps({'source': source, 'type': 'login', 'reason': reason, 'points': points})
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.setblocking(False)
        link.sendto(message.encode(), path)
