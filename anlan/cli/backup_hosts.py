"""Asking the agents of hosts for their part in the backups: one command, its lines as they come, its result."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anlan.errors import AnlanError, BadInput
from anlan.remote import Remote, Unreachable
from backup.failure import MEANING, ExitClass
from backup.record import Ended, Record, read_lines, record_of
from backup.unit_files import PROGRAM

AGENT = ('sudo', '-n', 'python3', '-B', PROGRAM)
MARGIN_SECONDS = 60.0
RECORDS_SECONDS = 30.0
LISTING_SECONDS = 300.0
Shown = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Answer:
    """What an agent said: its lines but those of progress, and its exit code."""

    host: str
    code: int
    documents: tuple[Mapping[str, Any], ...]

    def failure(self) -> str | None:
        """Return the sentence of what kept the agent from its work, if anything did."""
        told = next((each for each in self.documents if 'failure' in each and 'kind' not in each), None)
        if told is not None:
            return str(told['sentence'])
        if self.code != 0 and not self.documents:
            return f'the agent of {self.host} ended with exit code {self.code} and said nothing'
        return None


def ask_agent(
    remote: Remote, host: str, words: Sequence[str], deadline_seconds: float, progress: Shown = lambda _: None,
    stdin: bytes | None = None,
) -> Answer:  # fmt: skip
    """Given a host and the words of a command, have its agent do it. Raise Unreachable, or AnlanError without an agent.

    `progress` is called with each line of progress, as soon as it is there.
    """

    def line(text: str) -> None:
        document = _document(text)
        if document is not None and 'progress' in document:
            progress(document['progress'])

    done = remote.run(host, [*AGENT, *words], deadline_seconds + MARGIN_SECONDS, stdin, on_line=line)
    documents = [each for each in map(_document, done.out.splitlines()) if each is not None and 'progress' not in each]
    if done.code != 0 and not documents:
        said = done.err.strip().splitlines()[-1:] or ['nothing']
        raise AnlanError(f'the agent of backups on {host} could not work: {said[0][:300]}; `anlan up` sets it up')
    return Answer(host, done.code, tuple(documents))


def ends_of(answer: Answer) -> tuple[Ended, ...]:
    """Given the answer to a task, return its ends. Raise AnlanError if the agent did not come to its work."""
    reason = answer.failure()
    if reason is not None:
        raise AgentFailed(answer.code, f'{answer.host}: {reason}')
    found = [record_of(json.dumps(dict(each))) for each in answer.documents if 'kind' in each]
    return tuple(each for each in found if isinstance(each, Ended))


class AgentFailed(AnlanError):
    """An agent did not come to its work; the exit code is that of its class."""

    def __init__(self, code: int, sentence: str) -> None:
        self.exit_code = code
        super().__init__(sentence)


def class_word(code: int) -> str:
    """Given an exit code, return the class and what it means."""
    found = next((each for each in ExitClass if each.value == code), ExitClass.FAILED)
    return f'{found.word}: {MEANING[found]}'


def records_of(remote: Remote, hosts: Sequence[str]) -> tuple[list[Record], dict[str, str]]:
    """Given hosts, return the records of all, and by host why there are none of it."""
    records: list[Record] = []
    silent: dict[str, str] = {}
    answers = remote.run_on_all(hosts, [*AGENT, 'records'], RECORDS_SECONDS)
    for host, answer in answers.items():
        if isinstance(answer, Unreachable):
            silent[host] = str(answer)
        elif answer.code != 0 and f"can't open file '{PROGRAM}'" in answer.err:
            silent[host] = f'{host}: its agent of backups is not there yet; `anlan up` sets it up'
        elif answer.code != 0:
            silent[host] = f'{host}: {_said(answer.out) or answer.err.strip()[-200:]}'
        else:
            try:
                reading = read_lines(answer.out.encode(), host)
                records += reading.records
                # Its agent leaves out what is torn in its file: here a line that is no record is an answer cut off.
                if reading.torn:
                    silent[host] = f'{host}: a line of its answer is no record'
            except BadInput as error:
                silent[host] = str(error)
    return records, silent


def _said(out: str) -> str:
    documents = [each for each in map(_document, out.splitlines()) if each is not None]
    return str(documents[-1].get('sentence', '')) if documents else ''


def _document(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
