"""Valkey and Sentinel of a host, asked with their administrator's password, which stays there, and without one."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from testinfra.host import Host

from compliance.answer import UNFINISHED
from compliance.checking import not_verified
from compliance.violation import Violation, run

PORTS = {'valkey': 6379, 'sentinel': 26379}
MARK = '-- '
MASTER = 'learning'
AS_ADMINISTRATOR = (
    'REDISCLI_AUTH=$(python3 -c \'import json; print(json.load(open("/etc/anlan/cache-node.json"))["password"])\')'
)
"""From a file to an environment: in no list of processes and no answer."""

DRIED = {
    'valkey': (
        'CONFIG GET maxmemory',
        'ACL LIST',
        'FLUSHALL',
        'KEYS *',
        'DEBUG SLEEP 0',
        'SHUTDOWN NOSAVE',
        'REPLICAOF NO ONE',
        'EVAL "return 1" 0',
        'MODULE LIST',
        'SAVE',
        'MONITOR',
        'CLIENT LIST',
    ),
    'sentinel': (
        'SENTINEL FAILOVER learning',
        'SENTINEL REMOVE learning',
        'SENTINEL SET learning quorum 1',
        'ACL LIST',
        'SHUTDOWN NOSAVE',
        'SENTINEL CONFIG GET port',
    ),
}
"""What the application has no business with. It is asked whether it may, not done."""

CONFIGURED = (
    'port', 'bind', 'protected-mode', 'tls-replication', 'tls-protocols', 'maxmemory', 'maxmemory-policy', 'maxclients',
    'appendonly', 'save', 'enable-debug-command', 'enable-module-command', 'enable-protected-configs', 'tcp-keepalive',
)  # fmt: skip
WORDS = ('', 'foobared', 'valkey', 'redis', 'password', '123456', 'default', 'anlan', 'learning', 'admin')


def _client(service: str, user: str = '--user anlan') -> str:
    return f'valkey-cli --no-auth-warning --tls --cacert /etc/anlan/tls/ca.crt -h 127.0.0.1 -p {PORTS[service]} {user}'


def questions(service: str) -> str:
    """Given a service, return the command that asks it all at once. Hashes of passwords are left out of its answers."""
    every = ['ACL LIST', *(f'ACL DRYRUN default {each}' for each in ('GET other', *DRIED[service]))]
    if service == 'valkey':
        every += [f'CONFIG GET {" ".join(CONFIGURED)}', 'INFO replication']
        lines = [line for each in every for line in (f'ECHO "{MARK}{each.replace(chr(34), chr(39))}"', each)]
        asks = f"printf '%s\\n' {shlex.quote(chr(10).join(lines))} | {_client(service)}"
    else:
        # Sentinel has no ECHO: a call for each question.
        every.append(f'SENTINEL CKQUORUM {MASTER}')
        asks = '{ ' + ' '.join(f'echo "{MARK}{each}"; {_client(service)} {each};' for each in every) + ' }'
    return f"export {AS_ADMINISTRATOR}; {asks} | sed -E 's/#[0-9a-f]{{64}}/#hidden/g'"


def asked(host: Host, service: str) -> Mapping[str, list[str]]:
    """Given a service, return the lines of its answers by question. Fail if it does not answer."""
    said = host.run(questions(service))
    found: dict[str, list[str]] = {}
    question = ''
    for line in said.stdout.splitlines():
        if line.startswith(MARK):
            question = line.removeprefix(MARK)
            found[question] = []
        else:
            found.setdefault(question, []).append(line)
    if said.rc == UNFINISHED:
        not_verified(f'{service} did not answer in time')
    assert 'ACL LIST' in found, f'{service} does not answer: {(said.stderr or said.stdout).strip()[-200:]}'
    return found


def pairs(lines: Sequence[str]) -> dict[str, str]:
    """Given lines of names and values in turn, return them by name."""
    return dict(zip(lines[::2], lines[1::2], strict=False))


def strangers() -> str:
    """Return the command that comes to both services without a password, and with passwords that everybody knows."""
    return '; '.join(
        f'echo "{service} nothing $({_client(service, "")} PING 2>&1 | head -1)"; printf "%s\\n" '
        + ' '.join(f'\'AUTH default "{word}"\' \'AUTH anlan "{word}"\'' for word in WORDS)
        + f' | {_client(service, "")} 2>&1 | grep . | sort | uniq -c | sed "s/^ */{service} default /"'
        for service in PORTS
    )


def ruled(service: str, rule: str) -> Violation:
    """Given a service and a change of its user `default`, return the violation; its rule is put back from the seed."""
    client = f'export {AS_ADMINISTRATOR}; {_client(service)} -e'
    back = f"$(sed -n 's/^user default //p' /etc/anlan/{service}.seed)"
    return run(
        f'{client} ACL SETUSER default {rule} > /dev/null',
        f'set -f; {client} ACL SETUSER default reset {back} > /dev/null',
        settle_seconds=0.1,
    )


def user(service: str, rule: str) -> Violation:
    """Given a service and a rule, return the violation that there is a user of that rule."""
    client = f'export {AS_ADMINISTRATOR}; set -f; {_client(service)} -e'
    return run(f'{client} ACL SETUSER planted {rule} > /dev/null', f'{client} ACL DELUSER planted > /dev/null')


def configured(name: str, value: str) -> Violation:
    """Given a setting of Valkey and a value, return the violation that it has it; the one before is put back."""
    client = f'export {AS_ADMINISTRATOR}; {_client("valkey")} -e'
    saved = '/run/anlan-planted-setting'
    return run(
        f"{client} CONFIG GET {name} | sed -n 2p > {saved} && {client} CONFIG SET {name} '{value}' > /dev/null",
        f'if [ -e {saved} ]; then {client} CONFIG SET {name} "$(cat {saved})" > /dev/null && rm -f {saved}; fi',
    )
