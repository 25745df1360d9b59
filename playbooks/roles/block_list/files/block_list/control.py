"""Control: questions of an operator on this host to the daemon, over a socket that root alone can open."""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from block_list.decisions import LONGEST_SECONDS, LONGEST_SPARE_SECONDS, Clocks, Refusal
from block_list.entries import OPERATOR
from block_list.prefixes import Refused

if TYPE_CHECKING:
    from block_list.node import Node

SOCKET = Path('/run/anlan/block-list/control')
QUESTION_BYTES = 16384
ANSWER_SECONDS = 5.0
SETTINGS = Path('/etc/anlan/block-list.json')
KEY = Path('/etc/anlan/block-list.key')
STATE = Path('/var/lib/anlan/block-list/entries')


def listen() -> socket.socket:
    """Return the socket of the questions, for root alone; one that a killed daemon left is replaced."""
    SOCKET.parent.mkdir(parents=True, exist_ok=True)
    SOCKET.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        door.bind(str(SOCKET))
    finally:
        os.umask(before)
    door.listen(16)
    return door


def answered(node: Node, question: bytes, clocks: Clocks) -> dict[str, Any]:
    """Given a node and a question, do what it asks for and return the answer; `error` is for the operator."""
    try:
        asked = json.loads(question)
        command = asked['command']
        if command == 'list':
            return listed(node, clocks)
        if command == 'spare':
            return spared(node, asked, clocks)
        source, reason = str(asked['source']), str(asked.get('reason', ''))
        dry = asked.get('dry_run') is True
        if not node.settings.enforces:
            return {'error': f'{node.settings.name} shuts nobody out itself: ask a firewall or an edge'}
        if command == 'remove':
            prefix = node.decisions.listed(source)
            if prefix is None:
                return {'error': f'{source} is not on the block list'}
            if not dry:
                node.decisions.remove(prefix, reason or 'by hand', clocks)
            return {'prefix': prefix}
        if command != 'add':
            return {'error': f'there is no command {command!r}'}
        seconds = float(asked.get('seconds') or node.settings.seconds)
        if not 1 <= seconds <= LONGEST_SECONDS:
            return {'error': f'{seconds:g} s is not between 1 s and {LONGEST_SECONDS:g} s'}
        prefix = node.decisions.never.prefix_of(source)
        if not dry:
            done = node.decisions.block(source, OPERATOR, reason or 'by hand', clocks, seconds)
            if isinstance(done, Refusal):
                return {'error': f'{source} is not shut out: {done.text}'}
    except Refused as refused:
        return {'error': f'{refused}'}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {'error': 'the question cannot be read'}
    return {'prefix': prefix, 'seconds': seconds}


def spared(node: Node, asked: dict[str, Any], clocks: Clocks) -> dict[str, Any]:
    """Given a node and a question with `sources` and `seconds`, spare them. Raise Refused if one is no address."""
    seconds = min(float(asked['seconds']), LONGEST_SPARE_SECONDS)
    prefixes = [node.decisions.spare(str(source), seconds, clocks) for source in asked['sources']]
    for prefix in dict.fromkeys(prefixes):
        node.spared(prefix, str(asked.get('reason') or 'by hand'), seconds)
    return {'prefixes': prefixes, 'seconds': seconds}


def listed(node: Node, clocks: Clocks) -> dict[str, Any]:
    """Given a node, return what it shuts out and what its kernel has (None: not asked, or it gave no answer)."""
    present = node.present()
    entries = []
    for entry in sorted(node.decisions.table.active(), key=lambda each: each.since):
        left = entry.ends - clocks.boot
        entries.append(
            {
                'prefix': entry.prefix, 'sensor': entry.sensor, 'reason': entry.reason, 'origin': entry.origin,
                'since': moment(entry.since), 'until': moment(clocks.wall + left), 'left_seconds': round(left, 1),
            }
        )  # fmt: skip
    return {
        'host': node.settings.name,
        'entries': entries,
        'in_kernel': None if present is None else sorted(present),
        'fault': node.fault,
        'peers': {
            peer.name: {
                'heard_seconds_ago': round(clocks.boot - peer.heard, 1), 'waiting': len(peer.waiting),
                'clock_offset_seconds': round(peer.clock_offset_seconds, 3),
            }
            for peer in node.exchange.peers.values()
        },
    }  # fmt: skip


def moment(wall: float) -> str:
    """Given seconds of the clock, return the time as text."""
    try:
        return datetime.fromtimestamp(wall, UTC).isoformat(timespec='seconds')
    except (ValueError, OverflowError, OSError):
        return 'unknown'


def reply(visitor: socket.socket, answer: dict[str, Any]) -> None:
    """Given who asked and the answer, send it without keeping the loop waiting."""

    def send() -> None:
        with visitor:
            visitor.settimeout(ANSWER_SECONDS)
            try:
                visitor.sendall(json.dumps(answer, ensure_ascii=False).encode())
            except OSError:
                return

    threading.Thread(target=send, daemon=True).start()


def ask(question: dict[str, Any]) -> dict[str, Any]:
    """Given a question, return what the daemon on this host answers; `error` if it gives no answer."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(ANSWER_SECONDS)
            link.connect(str(SOCKET))
            link.sendall(json.dumps(question).encode())
            link.shutdown(socket.SHUT_WR)
            answer = b''
            while part := link.recv(65536):
                answer += part
        return dict(json.loads(answer))
    except (OSError, ValueError, RecursionError) as error:
        return {'error': f'the block list of this host does not answer: {error or type(error).__name__}'}


def main(words: list[str]) -> int:
    """Given the words of the command line, serve or ask. Return 0, or 1 if the answer is an error."""
    parser = argparse.ArgumentParser(prog='block_list', epilog='Exit codes: 0 done · 1 refused, or no answer.')
    commands = parser.add_subparsers(dest='command', required=True)
    commands.add_parser('serve', help='run the daemon')
    commands.add_parser('list', help='print what is shut out as JSON')
    spare = commands.add_parser('spare', help='for a test of our own: let no sensor shut these out, on this host')
    spare.add_argument('sources', nargs='+', metavar='SOURCE')
    spare.add_argument('--reason', default='')
    spare.add_argument('--seconds', type=float, required=True)
    for name in ('add', 'remove'):
        each = commands.add_parser(name)
        each.add_argument('source')
        each.add_argument('--reason', default='')
        each.add_argument('--dry-run', action='store_true')
        if name == 'add':
            each.add_argument('--seconds', type=float)
    given = parser.parse_args(words)
    if given.command == 'serve':
        from block_list.service import serve

        return serve(SETTINGS, KEY, STATE)
    answer = ask(vars(given))
    json.dump(answer, sys.stdout, ensure_ascii=False)
    sys.stdout.write('\n')
    return 1 if 'error' in answer else 0
