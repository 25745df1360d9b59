"""The front door: a canary registers and learns as any learner does, from a client."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anlan.errors import AnlanError
from anlan.remote import Remote, Unreachable
from compliance.canary.needle import CanaryPerson, Purpose

STEPS = Path(__file__).with_name('client_steps.py')
WALK_SECONDS = 90.0
DELETE_SECONDS = 60.0


@dataclass(frozen=True)
class Step:
    """A step of the canary at the front door, and why it failed."""

    name: str
    reason: str | None = None


def register(remote: Remote, client: str, url: str, browser: str, canary: CanaryPerson) -> tuple[Step, ...]:
    """Given a client, the front door, the source of a browser (monitoring/learner.py) and a canary, walk its way.

    Everything that is searched for goes to the client on standard input. Raise AnlanError if there is no answer.
    """
    script = browser.rpartition('\nmain()')[0] + '\n\n' + STEPS.read_text(encoding='utf-8').partition('# ---\n')[2]
    question = {
        'url': url, 'username': canary.username, 'password': canary.password, 'person': canary.person.fields(),
    }  # fmt: skip
    try:
        result = remote.run(client, ['python3', '-I', '-c', script], WALK_SECONDS, json.dumps(question))
        return parse_steps(result.out, canary)
    except Unreachable as error:
        raise AnlanError(f'the canary could not register: {error}') from None
    except (ValueError, KeyError, TypeError):
        raise AnlanError(f'the canary could not register: {client} gave no answer (exit code {result.code})') from None


def parse_steps(text: str, canary: CanaryPerson) -> tuple[Step, ...]:
    """Given what the client printed, return the steps. Raise ValueError, KeyError or TypeError.

    No reason holds what is searched for, whatever a page said.
    """
    return tuple(Step(str(each['name']), _scrubbed(each['reason'], canary)) for each in json.loads(text)['steps'])


def delete(remote: Remote, app_hosts: Sequence[str], username: str) -> dict[str, int]:
    """Given the application's hosts and a user name, delete that learner through the first that answers; return counts.

    Raise AnlanError naming why none did.
    """
    reasons = []
    for host in app_hosts:
        try:
            release = remote.run(host, ['sudo', '-n', 'anlan-release', 'current'], DELETE_SECONDS)
            argv = ['sudo', '-n', 'anlan-release', 'manage', release.out.strip(), 'delete_learner', username]
            result = remote.run(host, argv, DELETE_SECONDS)
            if result.code == 0:
                counts: dict[str, int] = json.loads(result.out)
                return counts
            reasons.append(f'{host}: {result.err.strip()[-200:]}')
        except (Unreachable, ValueError) as error:
            reasons.append(f'{host}: {error}')
    raise AnlanError(f'{username} was not deleted: {"; ".join(reasons)}')


def _scrubbed(reason: str | None, canary: CanaryPerson) -> str | None:
    if reason is None:
        return None
    secret = [needle.text for needle in canary.needles() if needle.purpose is Purpose.SECRET]
    if any(text in reason for text in (canary.password, *secret)):
        return 'failed; what it said holds personal data'
    return reason[:200]
