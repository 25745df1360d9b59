"""Floods: what an attacker on a client of a lab sends, bounded in count, rate and time, ending by itself."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anlan.errors import AnlanError, BadInput
from anlan.remote import Remote, Result
from drills.targets import require_target

MOST_SECONDS = 60.0
GRACE_SECONDS = 2.0
"""After its time a program is asked to end, and so long after that it is killed."""

ANSWER_SECONDS = 5.0
"""How long after its end the word of an attack is waited for; whoever is shut out gets none through."""

CONNECTION_FLOOD = Path(__file__).with_name('connection_flood.py')
HALF_OPEN_PER_SECOND = 20_000
OPEN_FILES = 20_000


@dataclass(frozen=True)
class Aim:
    """What an attack is aimed at: an address, the front door's name and port there, and for how long."""

    address: str
    name: str
    port: int
    seconds: float


@dataclass(frozen=True)
class Attack:
    """One kind of flood. `program` gives its command; of the limits in `acts`, at least one must hold it back."""

    name: str
    about: str
    program: Callable[[Aim], list[str]]
    acts: tuple[str, ...]
    rate: str
    passes_firewall: bool = True
    """Whether it reaches another carrier's edge at all: a spoofed source does not."""

    deaf: bool = False
    """Whether the attacker's own kernel is kept from answering what comes back."""


def _hping(*words: str, per_second: int = HALF_OPEN_PER_SECOND) -> Callable[[Aim], list[str]]:
    """Given words for hping3, return the command; it sends so many packets a second and no more in all."""

    def program(aim: Aim) -> list[str]:
        count = int(per_second * aim.seconds)
        pause = f'u{1_000_000 // per_second}'
        port = [] if '-p' in words else ['-p', str(aim.port)]
        return ['hping3', '-q', '-i', pause, '-c', str(count), *port, *words, aim.address]

    return program


def _connections(wanted: int, per_second: int) -> Callable[[Aim], list[str]]:
    def program(aim: Aim) -> list[str]:
        source = CONNECTION_FLOOD.read_text(encoding='utf-8')
        numbers = (aim.port, wanted, per_second, aim.seconds)
        return ['python3', '-I', '-c', source, aim.address, *map(str, numbers)]

    return program


def _slow(*words: str) -> Callable[[Aim], list[str]]:
    """Given words for slowhttptest, return the command; 10,000 connections, 1,000 a second."""

    def program(aim: Aim) -> list[str]:
        seconds = str(max(1, int(aim.seconds)))
        url = f'https://{aim.name}:{aim.port}/accounts/login/'
        return ['slowhttptest', '-c', '10000', '-r', '1000', '-l', seconds, '-p', '3', '-u', url, *words]

    return program


def _requests(path: str, *words: str) -> Callable[[Aim], list[str]]:
    """Given a path, return the command that asks for it 2000 times a second over 40 connections of HTTP/2."""

    def program(aim: Aim) -> list[str]:
        seconds = str(max(1, int(aim.seconds)))
        url = f'https://{aim.name}:{aim.port}{path}'
        return ['h2load', '-c', '40', '-m', '50', '--rps', '50', '-D', seconds, '-T', '30', *words, url]

    return program


DEAF = (
    'table inet flood {{ set deaf {{ type ipv4_addr; flags timeout; }}; chain input {{ '
    'type filter hook input priority raw; ip saddr @deaf tcp flags & (syn | ack) == (syn | ack) drop; }}; }}; '
    'add element inet flood deaf {{ {address} timeout {seconds}s }}'
)
FORM = '/run/flood-form'
ATTACKS = (
    Attack('SYN flood', 'half-open connections of one source', _hping('-S'), ('syns',), '20,000 SYN/s', deaf=True),
    Attack(
        'spoofed SYN flood', 'half-open connections of sources that do not exist', _hping('-S', '--rand-source'),
        ('service_syns', 'prefix_syns', 'SYN cookies'), '20,000 SYN/s', passes_firewall=False,
    ),
    Attack(
        'connection flood', 'connections that say nothing', _connections(15_000, 2_000),
        ('connections', 'new_connections', 'syns'), '2,000 connections/s up to 15,000',
    ),
    Attack(
        'slow headers', 'requests whose headers never end', _slow('-H', '-i', '5', '-x', '24'),
        ('connections', 'new_connections', 'syns', 'slow'), '1,000 connections/s up to 10,000',
    ),
    Attack(
        'slow bodies', 'requests whose bodies never end', _slow('-B', '-i', '5', '-s', '8192', '-x', '10'),
        ('connections', 'new_connections', 'syns', 'slow', 'delayed', 'refused'), '1,000 connections/s up to 10,000',
    ),
    Attack(
        'slow reading', 'answers that nobody takes',
        _slow('-X', '-w', '1', '-y', '32', '-n', '5', '-z', '8', '-k', '3'),
        ('connections', 'new_connections', 'syns', 'slow', 'delayed', 'refused'), '1,000 connections/s up to 10,000',
    ),
    Attack(
        'flood of log-ins', 'passwords to be checked', _requests('/accounts/login/', '-d', FORM),
        ('refused', 'delayed'), '2,000 requests/s',
    ),
    Attack(
        'flood of searches', 'pages that the database is asked for', _requests('/search/?q=%E5%AE%89%E5%85%A8'),
        ('refused', 'delayed'), '2,000 requests/s',
    ),
    Attack(
        'UDP flood', 'datagrams at the port of QUIC',
        _hping('--udp', '-d', '200', '--keep', '-s', '40000', per_second=40_000),
        ('datagrams', 'new_connections', 'undeclared'), '40,000 datagrams/s',
    ),
    Attack(
        'amplification', 'answers of resolvers that nobody asked', _hping('--udp', '-d', '1200', '--keep', '-s', '53'),
        ('amplified',), '20,000 datagrams/s of 1200 bytes',
    ),
)  # fmt: skip


def attack_named(name: str) -> Attack:
    """Given a name, return the attack. Raise BadInput if there is none."""
    found = next((attack for attack in ATTACKS if attack.name == name), None)
    if found is None:
        raise BadInput(f'there is no attack {name!r}; there are ' + ', '.join(attack.name for attack in ATTACKS))
    return found


def command_of(attack: Attack, outputs: Mapping[str, Any], address: str, seconds: float) -> list[str]:
    """Given an attack and whom it is aimed at, return what the attacker's host is asked to run, as root.

    It ends there after `seconds`, whether or not anybody still listens. The name of the front door leads to the one
    address for it alone. Raise BadInput if the target is no host of a lab or the time is too long.
    """
    if not 0 < seconds <= MOST_SECONDS:
        raise BadInput(f'an attack lasts more than 0 s and at most {MOST_SECONDS:g} s, not {seconds:g} s')
    door = outputs['variables']['platform']['front_door']
    aim = Aim(require_target(outputs, address), door['name'], door['port'], seconds)
    steps = (
        'printf "username=flood&password=flood" > ' + FORM,
        f'printf "%s\\n" "127.0.0.1 localhost" {shlex.quote(f"{aim.address} {aim.name}")} > /run/flood-hosts',
        'mount --bind /run/flood-hosts /etc/hosts',
        # An attacker lets nobody know that a connection is not wanted; forgotten with the attack.
        f'nft {shlex.quote(DEAF.format(address=aim.address, seconds=int(seconds) + 1))}' if attack.deaf else ':',
        f'exec timeout --kill-after={GRACE_SECONDS:g} {seconds + 1:g} prlimit --nofile={OPEN_FILES} '
        + shlex.join(attack.program(aim)),
    )
    return ['sudo', 'unshare', '--mount', 'sh', '-ec', '; '.join(steps)]


def flood(remote: Remote, attacker: str, command: list[str], seconds: float) -> Result:
    """Given an attacker's host, the command of an attack and its length, carry it out and return what was said.

    Raise AnlanError if it did not begin, or if the attacker's host is not reached any more.
    """
    result = remote.run(attacker, command, seconds + GRACE_SECONDS + ANSWER_SECONDS)
    if result.code in (126, 127) or (result.code != 0 and 'unshare' in result.err):
        raise AnlanError(f'the attack did not begin on {attacker}: {result.err.strip()[-300:]}')
    return result


def sent_of(result: Result) -> str:
    """Given what the program of an attack said, return in a few words how much it sent; empty if it does not say."""
    text = result.out + result.err
    if result.out.startswith('{'):
        said = json.loads(result.out)
        return f'{said["asked"]} connections asked for, {said["held"]} held at once'
    for line in text.splitlines():
        if 'packets transmitted' in line or line.startswith('requests:'):
            return line.partition(',')[0].removeprefix('requests: ').strip()
        if line.strip().startswith('connected:') or 'status codes' in line:
            return line.strip()
    return 'not said'
