"""HAProxy of a host, asked over its own socket: what it says of itself, of its tables and of its servers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from testinfra.host import Host

from compliance.reading.asking import done

ASK = """import csv, json, socket
def ask(words):
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(3)
    link.connect("/run/haproxy/admin.sock")
    link.sendall(words.encode() + b"\\n")
    return b"".join(iter(lambda: link.recv(65536), b"")).decode()
info = dict(line.partition(": ")[::2] for line in ask("show info").splitlines() if ": " in line)
rows = csv.DictReader(ask("show stat").lstrip("# ").splitlines())
print(json.dumps({
    "info": {name: info.get(name) for name in ("Version", "Maxconn", "Ulimit-n", "Nbproc", "Uptime_sec", "PoolFailed")},
    "tables": ask("show table").split("\\n"),
    "servers": [[row[name] for name in ("pxname", "svname", "status", "check_status", "addr")] for row in rows],
}))"""


def told(host: Host) -> Mapping[str, Any]:
    """Return what HAProxy tells. Fail if it does not."""
    text = done(host.run('python3 -c %s', ASK), 'HAProxy does not answer on its socket')
    found: Mapping[str, Any] = json.loads(text)
    return found


def servers(host: Host, backend: str) -> dict[str, str]:
    """Given a backend, return the status of each of its servers."""
    return {
        name: status for proxy, name, status, _, _ in told(host)['servers']
        if proxy == backend and name not in ('FRONTEND', 'BACKEND')
    }  # fmt: skip
