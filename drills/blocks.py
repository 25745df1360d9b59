"""Whether the block list has shut an attacker out, and letting it in again after a drill."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from anlan.errors import AnlanError
from anlan.remote import Remote, Unreachable

PROGRAM = ['sudo', 'python3', '-B', '/usr/local/lib/anlan/block_list']
DEADLINE_SECONDS = 15.0
TIERS = ('edge', 'firewall')


def reason_in(answer: str, address: str) -> str | None:
    """Given what an enforcer lists and an address, return why it is shut out, None if it is not.

    Raise AnlanError if the answer is no list.
    """
    try:
        entries = json.loads(answer)['entries']
        return next((str(each['reason']) for each in entries if each['prefix'].split('/')[0] == address), None)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise AnlanError(f'the block list is not known: {answer[:100]!r}') from None


def released(remote: Remote, outputs: Mapping[str, Any], address: str) -> str | None:
    """Given the address of an attacker, let it in again everywhere and return why it was shut out; None if it was not.

    A platform without a block list shuts nobody out. Raise AnlanError if that is not known.
    """
    enforcers = [name for name, host in outputs['hosts'].items() if host['tier'] in TIERS]
    found: str | None = None
    unknown = []
    for host, result in remote.run_on_all(enforcers, [*PROGRAM, 'list'], DEADLINE_SECONDS).items():
        if isinstance(result, Unreachable):
            unknown.append(str(result))
        elif result.code == 0:
            reason = reason_in(result.out, address)
            if reason is not None:
                found = reason
                done = remote.run(host, [*PROGRAM, 'remove', address, '--reason', 'end of a drill'], DEADLINE_SECONDS)
                # Told by the one before, it may have let it in already.
                if done.code != 0 and 'not on the block list' not in done.out + done.err:
                    raise AnlanError(f'{host}: {address} stays shut out: {(done.err or done.out).strip()[-200:]}')
        elif 'No such file' not in result.err:
            unknown.append(f'{host}: {result.err.strip()[-200:]}')
    if unknown and found is None:
        raise AnlanError('whether the attacker was shut out is not known: ' + '; '.join(unknown))
    return found
