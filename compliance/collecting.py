"""Collecting: asks hosts in batches, one round trip each, and judges nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from anlan.errors import AnlanError
from anlan.remote import Remote, Unreachable
from compliance.answer import CUT, Answer, Silence
from compliance.violation import Violation

PROBE = Path(__file__).with_name('batch_probe.py')
COMMAND_SECONDS = 20
BATCH_SECONDS = 120.0
ALL_SECONDS, ALL_WITH_FAULT_SECONDS = 90, 40
"""After this no further command of a batch begins: what was answered comes back before the batch is given up."""

AT_ONCE = 2
"""Commands at a time on a host: what is asked must not be felt by who is served."""

HOSTS_AT_ONCE = 4
"""Hosts asked at a time. Hosts of a lab share a machine: all at once they would only keep each other waiting."""

HIDDEN = '[secret]'
SHORTEST_PART = 8
"""Characters of a secret that are hidden where an answer was cut within it."""


@dataclass(frozen=True)
class Collector:
    """Asks the hosts of a platform through `remote`. None of `secrets` is ever kept from an answer.

    `on_host` is called with a host's name when it has answered a batch, or has not.
    """

    remote: Remote
    secrets: tuple[str, ...] = ()
    on_host: Callable[[str], None] = lambda host: None

    def fetch(self, commands: Mapping[str, tuple[str, ...]]) -> dict[str, dict[str, Answer] | Silence]:
        """Given commands by host, ask all hosts at once and return, by host, the answers or why there are none."""

        def one(host: str) -> dict[str, Answer] | Silence:
            try:
                return self._answers(self._batch(host, commands[host], {'seconds_in_all': ALL_SECONDS}))
            except Unreachable as error:
                return Silence(self._hidden(str(error)))
            except ValueError as error:
                return Silence(self._hidden(f'{host}: gave no answers to a batch: {error}'))
            finally:
                self.on_host(host)

        if not commands:
            return {}
        with ThreadPoolExecutor(max_workers=min(HOSTS_AT_ONCE, len(commands))) as pool:
            return dict(zip(commands, pool.map(one, commands), strict=True))

    def with_violation(self, host: str, violation: Violation, commands: Iterable[str]) -> dict[str, Answer]:
        """Given a host, a violation and commands, plant it, ask, take it back, and return what the host said meanwhile.

        Raise AnlanError if it could not be planted or taken back; Unreachable if the host does not answer: it takes
        it back by itself then.
        """
        commands = tuple(commands)
        fault = {'plant': violation.plant, 'undo': violation.undo, 'settle': violation.settle_seconds}
        try:
            document = self._batch(host, commands, {**fault, 'seconds_in_all': ALL_WITH_FAULT_SECONDS})
            if 'refused' in document:
                raise AnlanError(f'{host}: a violation was not planted: {self._hidden(str(document["refused"]))}')
            for step in ('planted', 'undone'):
                done = self._answer(document.get(step))
                if done.code:
                    raise AnlanError(f'{host}: a violation was not {step}: {done.err.strip()[-300:] or "it failed"}')
            return self._answers(document)
        except ValueError as error:
            raise AnlanError(
                f'{host}: whether a violation was planted is not known, the host takes it back by itself: '
                f'{self._hidden(str(error))}'
            ) from None

    def _batch(self, host: str, commands: Iterable[str], more: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the host says to a batch, and to these commands alone. Raise ValueError if it is no answer."""
        asked = list(commands)
        known = frozenset(asked)
        text = json.dumps({'seconds': COMMAND_SECONDS, 'at_once': AT_ONCE, 'commands': asked, **more})
        program = f'import json\nBATCH = json.loads({text!r})\n' + PROBE.read_text(encoding='utf-8')
        done = self.remote.run(host, ['sudo', '-n', 'python3', '-'], BATCH_SECONDS, stdin=program)
        try:
            document = dict(json.loads(done.out))
            # A host may say anything: what it was not asked would be asked of it by the next audit.
            document['answers'] = [each for each in document.get('answers', ()) if each['command'] in known]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise ValueError(' '.join(done.err.split())[-200:] or f'exit code {done.code}') from None
        return document

    def _answers(self, document: Mapping[str, Any]) -> dict[str, Answer]:
        return {answer.command: answer for answer in map(self._answer, document['answers'])}

    def _answer(self, document: Any) -> Answer:
        answer = Answer.of(document)
        out, err = self._hidden(answer.out), self._hidden(answer.err)
        return Answer(answer.command, answer.code, out, err, self._hidden(answer.asked)[:40], answer.seconds)

    def _hidden(self, text: str) -> str:
        """Return a text as it may be kept: in UTF-8, and without a secret or what of it was left by a cut."""
        text = text.encode('utf-8', 'replace').decode()
        for secret, spellings in self._spellings.items():
            for spelling in spellings:
                text = text.replace(spelling, HIDDEN)
            if cut := CUT.search(text):
                kept, rest = text[: cut.start()], text[cut.start() :]
                part = next((n for n in range(len(secret) - 1, SHORTEST_PART - 1, -1) if kept.endswith(secret[:n])), 0)
                text = (kept[:-part] + HIDDEN if part else kept) + rest
        return text

    @cached_property
    def _spellings(self) -> Mapping[str, tuple[str, ...]]:
        return {secret: tuple(spellings_of(secret)) for secret in sorted(self.secrets, key=len, reverse=True) if secret}


def spellings_of(secret: str) -> Iterator[str]:
    """Given a secret, yield it as it is, in hex, and in base64 wherever among other bytes it begins."""
    body = secret.encode()
    yield secret
    yield body.hex()
    for shift in range(3):
        # The first and the last character are made of neighbours as well.
        whole = base64.b64encode(bytes(shift) + body).decode()
        inner = whole[(0, 2, 3)[shift] : (shift + len(body)) * 8 // 6]
        yield inner
        yield inner.translate(str.maketrans('+/', '-_'))
