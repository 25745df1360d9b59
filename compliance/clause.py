"""A clause: what is required, by whom, and what shows that it is met."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=400)]
Name = Annotated[str, StringConstraints(pattern=r'^[A-Za-z0-9][A-Za-z0-9_. -]*$', max_length=100)]
ClauseId = Annotated[str, StringConstraints(pattern=r'^[a-z0-9]+(?:[.-][a-z0-9]+)*$', max_length=60)]

Standing = Literal['law', 'mandatory-standard', 'recommended-standard', 'draft-standard', 'guideline', 'practice',
                   'project-default']  # fmt: skip
"""What a requirement rests on, the strongest first. A number that no text holds is `practice` or `project-default`."""

Proof = Literal['A', 'T', 'P', 'M']
"""A: a machine reads it off the platform. T: only an active test or a drill shows it. P: a machine collects, a person
judges. M: by hand, physical, or a document."""

Handling = Literal['machine', 'document', 'manual', 'inherited']
"""Who answers for it: this program, a document, a person, or who runs the machine room or the cloud."""


class _Part(BaseModel):
    model_config = ConfigDict(extra='forbid', frozen=True)


class Text(_Part):
    """The same in Chinese and in English."""

    zh: Line
    en: Line


class Source(_Part):
    """Where it stands: the code of the text, and the place in it."""

    code: Line
    place: Line


class Gap(_Part):
    """What would prove it and is not there: what, and why not."""

    what: Text
    reason: Text


class Proofs(_Part):
    """The names of what proves it. Each has to exist."""

    checks: tuple[Name, ...] = ()
    drills: tuple[Name, ...] = ()
    alerts: tuple[Name, ...] = ()
    evidence: tuple[Name, ...] = ()
    documents: tuple[Name | Annotated[str, StringConstraints(pattern=r'^[\w./#-]+$')], ...] = ()

    def named(self) -> dict[str, tuple[str, ...]]:
        """Return the names by kind of proof, kinds without a name left out."""
        found = {kind: tuple(getattr(self, kind)) for kind in PROOF_KINDS}
        return {kind: names for kind, names in found.items() if names}


HIGH_RISK_GUIDELINE = '网络安全等级保护测评高风险判定实施指引（试行）'
"""The source whose every item is a high risk where it fails."""

PROOF_KINDS = ('checks', 'drills', 'alerts', 'evidence', 'documents')


class Clause(_Part):
    """One requirement. `period_days`: how long a proof of it counts; None where it does not age."""

    id: ClauseId
    level: Annotated[int, Field(ge=1, le=4)] | None = None
    title: Text
    requirement: Text
    source: Source
    standing: Standing
    proof: Proof
    handled: Handling = 'machine'
    high_risk: bool = False
    period_days: Annotated[int, Field(ge=1, le=3660)] | None = None
    proofs: Proofs = Proofs()
    gaps: tuple[Gap, ...] = ()
    note: Text | None = None

    @property
    def may_be_downgraded(self) -> bool:
        """Return whether the guideline calls its failure a high risk that a compensating measure may downgrade."""
        return self.source.code == HIGH_RISK_GUIDELINE and not self.high_risk

    @model_validator(mode='after')
    def _ages(self) -> Clause:
        if self.proof in {'A', 'T'} and self.handled == 'machine' and self.period_days is None:
            raise ValueError('what a machine proves has a period_days, after which it is stale')
        return self


class Chapter(_Part):
    """One file of the catalogue."""

    chapter: Name
    title: Text
    clauses: tuple[Clause, ...]
