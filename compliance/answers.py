"""The answers that checks are judged by: looked up, never fetched while a check runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from compliance.answer import Answer, Silence

Fetch = Callable[[Mapping[str, tuple[str, ...]]], Mapping[str, Mapping[str, Answer] | Silence]]
"""Given commands by host, ask each host all of its own in one round trip, and return the answers or its silence."""

Planted = Callable[[str], Answer | None]
"""Given a command, the answer that was planted for it, None if there is none."""


def _nothing(command: str) -> Answer | None:
    return None


class Unanswered(Exception):
    """A check asked what is not known yet: it is judged again when it is."""


class Silent(Exception):
    """A check asked a host that does not answer, or whose answer is not whole: a half of it would look like good."""


class Answers:
    """Answers by host and command. With `fetch` what is missing can be had, without (a replay) never."""

    def __init__(
        self, known: Mapping[str, Mapping[str, Answer] | Silence], fetch: Fetch | None = None,
        planted: Mapping[str, Planted] | None = None,
    ) -> None:  # fmt: skip
        self.known: dict[str, dict[str, Answer] | Silence] = {
            host: said if isinstance(said, Silence) else dict(said) for host, said in known.items()
        }
        self._fetch = fetch
        self._planted = dict(planted or {})
        self._missing: dict[str, dict[str, None]] = {}

    def answer(self, host: str, command: str, item: str) -> Answer:
        """Given a host, a command and the check that asks, return the answer.

        What was planted for this check comes before what is known. Raise Unanswered or Silent.
        """
        planted = self._planted.get(item, _nothing)(command)
        if planted is not None:
            return planted
        said = self.known.get(host, {})
        if isinstance(said, Silence):
            raise Silent(said.reason)
        if command not in said:
            self._missing.setdefault(host, {})[command] = None
            raise Unanswered(command)
        return said[command]

    def plant(self, planted: Mapping[str, Planted]) -> None:
        """Given planted answers by check, let these checks see them from now on, and no others."""
        self._planted = dict(planted)

    def fetch_missing(self) -> bool:
        """Ask the hosts what checks wanted to know; return whether anything new is known."""
        missing, self._missing = self._missing, {}
        if not missing or self._fetch is None:
            return False
        self.add(self._fetch({host: tuple(commands) for host, commands in missing.items()}))
        return any(self._knows(host, commands) for host, commands in missing.items())

    def _knows(self, host: str, commands: Iterable[str]) -> bool:
        said = self.known.get(host, {})
        return isinstance(said, Silence) or any(command in said for command in commands)

    def fetch(self, commands: Mapping[str, Iterable[str]]) -> None:
        """Ask each host these commands, before any check asks for them. Nothing without a way to fetch."""
        wanted = {host: tuple(dict.fromkeys(every)) for host, every in commands.items()}
        if self._fetch is not None and wanted:
            self.add(self._fetch(wanted))

    def add(self, said: Mapping[str, Mapping[str, Answer] | Silence]) -> None:
        """Take up what hosts said. A host that fell silent stays so: half of its answers would be from before."""
        for host, every in said.items():
            before = self.known.setdefault(host, {})
            if isinstance(every, Silence):
                self.known[host] = every
            elif isinstance(before, dict):
                before.update(every)
