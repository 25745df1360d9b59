"""Recording: what a command does to a platform stands in its ledger from the command's start on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from anlan.console import messages
from anlan.errors import AnlanError
from anlan.ledger import Draft, Ledger, Verdict
from anlan.ledger.canonical import canonical, digest
from anlan.paths import PlatformPaths
from anlan.platform import Platform


@dataclass(frozen=True)
class Recording:
    """A run that has begun."""

    ledger: Ledger
    platform: str
    kind: str
    subject: str
    configuration: str
    started: datetime

    @classmethod
    def begun(
        cls, platform: Platform, kind: str, subject: str, outputs: Mapping[str, Any] | None,
        observed: Mapping[str, Any] | None = None,
    ) -> Recording:  # fmt: skip
        """Given a platform, what kind of run it is, of what, and its outputs, note that the run begins.

        `outputs`: None before there are any; `observed`: what is known of the run from its start on.

        A ledger that cannot be written is said, and stops nobody: the run is then no evidence.
        """
        ledger = Ledger(PlatformPaths.of(platform.name).ledger)
        configuration = configuration_of(outputs) if outputs is not None else ''
        made = cls(ledger, platform.name, kind, subject, configuration, datetime.now(UTC))
        made._append(
            Draft(
                f'{kind} begun', subject, made.started, made.started, observed=observed or {},
                configuration=configuration,
            )
        )  # fmt: skip
        return made

    def ended(
        self, verdict: Verdict | None, observed: Mapping[str, Any], attachments: Mapping[str, bytes],
        clauses: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Given the verdict, what was observed, files by name and clauses, note how the run ended.

        The verdict is None for what only happened.
        """
        try:
            attached = {name: self.ledger.attach(content) for name, content in attachments.items()}
        except AnlanError as error:
            self._say(error)
            return
        self._append(
            Draft(
                self.kind, self.subject, self.started, datetime.now(UTC), verdict,
                clauses=clauses, observed=observed, attachments=attached, configuration=self.configuration,
            )
        )  # fmt: skip

    def _append(self, draft: Draft) -> None:
        try:
            self.ledger.append(self.platform, [draft])
        except AnlanError as error:
            self._say(error)

    def _say(self, error: AnlanError) -> None:
        messages.print(f'this run is no evidence, it could not be recorded: {error}', style='yellow', markup=False)


def configuration_of(outputs: Mapping[str, Any]) -> str:
    """Given a platform's outputs, return the hash of its configuration, as records have it."""
    return digest(canonical({'hosts': outputs['hosts'], 'variables': outputs['variables']}))
