"""The backend that testinfra's modules run commands through: it looks answers up."""

from __future__ import annotations

from typing import Any

from testinfra.backend.base import BaseBackend, CommandResult

from compliance.answers import Answers, Silent


class RecordedBackend(BaseBackend):  # type: ignore[misc]
    """Commands of one check on one host, answered from what is known. `asked` keeps them in order."""

    NAME = 'recorded'

    def __init__(self, hostname: str, answers: Answers, item: str) -> None:
        super().__init__(hostname)
        self._answers = answers
        self._item = item
        self._encoding = 'utf-8'
        self.asked: dict[str, None] = {}

    def run(self, command: str, *args: str, **kwargs: Any) -> CommandResult:
        """Given a command (`%s` is filled with quoted `args`), return its result.

        Raise Unanswered, or Silent where there is no whole answer.
        """
        text = self.quote(command, *args)
        self.asked[text] = None
        answer = self._answers.answer(self.hostname, text, self._item)
        if answer.missing:
            raise Silent(f'{answer.missing}: {" ".join(text.split())[:160]}')
        return self.result(answer.code, text.encode(), answer.out, answer.err)
