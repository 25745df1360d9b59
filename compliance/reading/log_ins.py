"""Log-ins over SSH that are on record, and how many questions of the automation are."""

from __future__ import annotations

from typing import Any

LOG_INS = (
    'journalctl -q -n 4000 -t sshd-session -t sshd -o cat --output-fields=MESSAGE | grep -E "^Accepted " '
    '| { all=$(cat); echo "$all" | tail -n 1 | cut -c 1-200 | sed "s/^/last /"; '
    'echo "$all" | sed -nE \'s/^Accepted ([a-z/-]+) for ([^ ]+) from ([^ ]+) port.*$/one \\1 \\2 \\3/p\' '
    '| sort | uniq -c; }; '
    'journalctl -q -n 400 -t sudo -o cat --output-fields=MESSAGE | cut -c 1-200 '
    '| grep -cE "^ *[a-z0-9_-]+ : .*COMMAND=/usr/bin/python3 -( |$)" | sed "s/^/asked /"; true'
)


def log_ins(host: Any) -> list[tuple[str, str, str]]:
    """Given a host, return way, name and address of each kind of log-in among its last records."""
    lines = [line.split() for line in host.run(LOG_INS).stdout.splitlines()]
    return [(each[2], each[3], each[4]) for each in lines if len(each) == 5 and each[1] == 'one']


def last(host: Any) -> str:
    """Given a host, return the record of its last log-in; empty if there is none."""
    lines = [line for line in host.run(LOG_INS).stdout.splitlines() if line.startswith('last ')]
    return lines[0].partition(' ')[2] if lines else ''


def asked(host: Any) -> int | None:
    """Given a host, return how many of its last records of sudo are questions of the automation; None if unknown."""
    lines = [line.split() for line in host.run(LOG_INS).stdout.splitlines() if line.startswith('asked ')]
    return int(lines[0][1]) if lines else None
