"""Assessing: what a platform's ledger says of every clause now, with all that reports and packs need of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anlan.cli.backup_evidence import clauses_of
from anlan.cli.recording import configuration_of
from anlan.errors import AnlanError, BadInput
from anlan.ledger import Ledger
from anlan.paths import PlatformPaths
from anlan.platform import Platform, load_platform
from backup.policies_file import load_policies
from backup.policy import Policy
from compliance.assessment import Assessment, Source, assess
from compliance.catalogue import load_catalogue
from compliance.check_list import list_checks
from compliance.evidence import evidence_of
from compliance.expected import NOT_OF_THE_PLATFORM
from compliance.report.excerpt import RecordedExcerpts
from compliance.verdicts import Situation, judge_clauses
from compliance.waivers import ANY, load_waivers, waivers_file
from infra.outputs_file import read_outputs

WORK = {'restore-drill': 'restore', 'ransomware-drill': 'stolen'}
"""The work on a policy that each kind of drill is of."""


@dataclass(frozen=True)
class Assessed:
    """An assessment, the ledger that it was read from, and the file of waivers as it was read, None without one."""

    assessment: Assessment
    ledger: Ledger
    waivers: bytes | None

    def excerpts(self) -> RecordedExcerpts:
        """Return the way to what hosts answered."""
        return RecordedExcerpts(self.ledger.attachment)


def assess_platform(platform_file: Path, now: datetime | None = None) -> Assessed:
    """Given a platform file, judge every clause by what its ledger holds; no host is asked.

    Raise BadInput if nothing was ever written to the ledger, AnlanError if it is not in order, InvalidFile for waivers.
    """
    platform = load_platform(platform_file)
    ledger = Ledger(PlatformPaths.of(platform.name).ledger)
    if not ledger.stands:
        raise BadInput(f'{platform.name} has no evidence yet: nothing was tried or checked (`anlan audit run`)')
    found = ledger.verify()
    if found.fault is not None:
        raise AnlanError(f'the ledger is not in order, so nothing is judged by it: {found.fault}')
    catalogue = load_catalogue()
    situation = situation_of(platform, _outputs(platform), now or datetime.now(UTC))
    file = waivers_file(platform_file)
    waivers = load_waivers(file, catalogue, situation.hosts, situation.now.date())
    # What stands behind the last seal may be anybody's.
    sealed = (record for record in ledger.records() if record.number <= found.sealed)
    evidence = evidence_of(sealed, ledger.attachment)
    verdicts = judge_clauses(catalogue, evidence, situation, waivers)
    source = Source(found.records, found.head, found.key)
    made = assess(platform.name, catalogue, situation, source, verdicts=verdicts, waivers=waivers)
    return Assessed(made, ledger, file.read_bytes() if file.exists() else None)


def situation_of(platform: Platform, outputs: Mapping[str, Any] | None, now: datetime) -> Situation:
    """Given a platform, its outputs (None where it does not stand) and the time, return what verdicts depend on."""
    on_cloud = platform.cloud.provider != 'none'
    if outputs is None:
        return Situation(now, None, (), on_cloud, subjects=subjects_of(load_policies()))
    tiers = {name: host['tier'] for name, host in outputs['hosts'].items() if host['tier'] not in NOT_OF_THE_PLATFORM}
    applies = {check.name: tuple(name for name in tiers if tiers[name] in check.tiers) for check in list_checks()}
    return Situation(
        now, configuration_of(outputs), tuple(sorted(tiers)), on_cloud, applies, subjects_of(load_policies())
    )


def subjects_of(policies: Sequence[Policy]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Given the policies of the backups, return which of them each clause needs a drill of, by kind of drill.

    A clause that no policy names is one of all of them. What is planned only is a gap of its clause already.
    """
    found = {}
    for kind, chosen in {
        'restore-drill': [each for each in policies if each.planned is None],
        'ransomware-drill': [
            each for each in policies if each.planned is None and each.verification.stolen is not None
        ],
    }.items():
        clauses = {clause for each in chosen for clause in clauses_of(each, WORK[kind])}
        found[kind] = {
            clause: tuple(each.name for each in chosen if clause in clauses_of(each, WORK[kind])) for clause in clauses
        } | {ANY: tuple(each.name for each in chosen)}
    return found


def _outputs(platform: Platform) -> dict[str, Any] | None:
    file = PlatformPaths.of(platform.name).outputs
    return read_outputs(file) if file.exists() else None
