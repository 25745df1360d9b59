"""Collecting: asks hosts in batches, one round trip each, and judges nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anlan.errors import AnlanError
from anlan.remote import Remote, Unreachable
from compliance.answer import Answer, Silence
from compliance.violation import Violation

PROBE = Path(__file__).with_name('batch_probe.py')
COMMAND_SECONDS = 20
BATCH_SECONDS = 120.0
AT_ONCE = 2
"""Commands at a time on a host: what is asked must not be felt by who is served."""

HOSTS_AT_ONCE = 4
"""Hosts asked at a time. Hosts of a lab share a machine: all at once they would only keep each other waiting."""

HIDDEN = '[secret]'


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
                document = self._batch(host, {'commands': list(commands[host])})
            except Unreachable as error:
                return Silence(str(error))
            finally:
                self.on_host(host)
            return self._answers(document) if document is not None else Silence(f'{host}: gave no answers to a batch')

        if not commands:
            return {}
        with ThreadPoolExecutor(max_workers=min(HOSTS_AT_ONCE, len(commands))) as pool:
            return dict(zip(commands, pool.map(one, commands), strict=True))

    def with_violation(self, host: str, violation: Violation, commands: Iterable[str]) -> dict[str, Answer]:
        """Given a host, a violation and commands, plant it, ask, take it back, and return what the host said meanwhile.

        Raise AnlanError if it could not be planted or taken back; Unreachable if the host does not answer: it takes
        it back by itself then.
        """
        document = self._batch(
            host,
            {
                'commands': list(commands), 'plant': violation.plant, 'undo': violation.undo,
                'settle': violation.settle_seconds,
            },
        )  # fmt: skip
        if document is None:
            raise AnlanError(f'{host}: a violation could not be planted: no answer')
        for step in ('planted', 'undone'):
            if document[step]['code']:
                raise AnlanError(f'{host}: a violation was not {step}: {document[step]["err"].strip() or "it failed"}')
        return self._answers(document)

    def _batch(self, host: str, batch: Mapping[str, Any]) -> dict[str, Any] | None:
        text = json.dumps({'seconds': COMMAND_SECONDS, 'at_once': AT_ONCE, **batch})
        program = f'import json\nBATCH = json.loads({text!r})\n' + PROBE.read_text(encoding='utf-8')
        done = self.remote.run(host, ['sudo', '-n', 'python3', '-'], BATCH_SECONDS, stdin=program)
        try:
            document: dict[str, Any] = json.loads(done.out)
        except ValueError:
            return None
        return document

    def _answers(self, document: Mapping[str, Any]) -> dict[str, Answer]:
        return {each['command']: self._cleaned(Answer.of(each)) for each in document['answers']}

    def _cleaned(self, answer: Answer) -> Answer:
        out, err = answer.out, answer.err
        for secret in self.secrets:
            if secret in out or secret in err:
                out, err = out.replace(secret, HIDDEN), err.replace(secret, HIDDEN)
        return Answer(answer.command, answer.code, out, err, answer.asked, answer.seconds)
