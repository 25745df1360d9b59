"""Auditing: what `anlan audit` does to a platform that stands, and what its ledger keeps of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from anlan.cli.observing import observing, require_bastion
from anlan.cli.recording import Recording
from anlan.console import json_text, step
from anlan.errors import BadInput
from anlan.ledger import Ledger, Record, Verdict
from anlan.lock import hold
from anlan.paths import PlatformPaths
from anlan.platform import Platform
from anlan.secret_store import NOTES, ensure_secrets
from compliance.answers import Answers
from compliance.audit import Audit, Selection, audit, commands_of, require_results
from compliance.collecting import Collector
from compliance.evidence import ANSWERS, AUDIT, EVERY_HOST, RESULTS
from compliance.judging import judge
from compliance.mutation import Mutation, mutate
from compliance.observation import Observation
from compliance.result import CheckResult


def audit_platform(platform: Platform, selection: Selection, declared: Mapping[str, Any] | None = None) -> Audit:
    """Given a platform that stands and what to check, audit it and write the record. Raise AnlanError if it cannot.

    `declared`: outputs that hosts are held against in place of those of the last `up`.
    """
    paths = PlatformPaths.of(platform.name)
    # Beside `audit mutate` an audit would take a planted fault for one of the platform's own.
    with observing(platform) as (remote, standing), hold(paths.faults_lock, 'anlan audit run', shared=True):
        require_bastion(platform, remote)
        outputs = standing if declared is None else dict(declared)
        subject = (
            EVERY_HOST
            if selection.whole
            else 'a part: ' + ', '.join((*selection.hosts, *selection.clauses, *selection.checks))
        )
        recording = Recording.begun(platform, AUDIT, subject, outputs)
        with step('Asking every host') as shown:
            answered = [0]

            def on_host(name: str) -> None:
                answered[0] += 1
                shown.done(answered[0])

            collector = Collector(remote, secrets_of(paths), on_host)
            shown.total(len(selection.hosts_of(outputs)))
            done = audit(
                outputs, collector.fetch, selection, known_commands(paths),
                on_round=lambda number, checks: shown.note(f'round {number}: {checks} checks'),
            )  # fmt: skip
            require_results(done.results)
            shown.result = f'{len(done.results)} results'
        clauses = sorted({clause for result in done.results for clause in result.clauses})
        recording.ended(
            done.verdict(),
            {'counts': done.counts(), 'checks': len({result.check for result in done.results}),
             'seconds_by_host': done.seconds_by_host()},
            done.attachments(), clauses=clauses,
        )  # fmt: skip
    return done


def mutate_platform(platform: Platform, checks: tuple[str, ...]) -> Mutation:
    """Given a lab that stands and which checks (all without any), plant each fault and write the record."""
    paths = PlatformPaths.of(platform.name)
    command = 'anlan audit mutate'
    with (
        observing(platform) as (remote, outputs),
        hold(paths.lock, command), hold(paths.faults_lock, command),
    ):  # fmt: skip
        require_bastion(platform, remote)
        selection = Selection(checks=checks)
        subject = 'the faults that checks name' if selection.whole else f'a part: {", ".join(checks)}'
        recording = Recording.begun(platform, 'mutation', subject, outputs)
        collector = Collector(remote, secrets_of(paths))
        answers = Answers({}, collector.fetch)
        hosts = selection.hosts_of(outputs)
        with step('Judging the hosts as they are'):
            before = judge(answers, outputs, hosts, selection.chosen())
            if not before.results:
                raise BadInput(f'no check is chosen by {", ".join(checks)}; `anlan audit checks` lists them')
        with step('Planting faults') as shown:

            def on_planted(count: int, of: int) -> None:
                shown.total(of)
                shown.done(count)

            found = mutate(collector, outputs, answers, before, on_planted)
            shown.result = f'{found.count("caught")} of {found.applicable} caught'
        caught = found.whole
        # A part that was caught says nothing of the rest, and must not stand in the place of an earlier whole.
        verdict: Verdict | None = 'fail' if not caught else 'pass' if selection.whole else None
        recording.ended(
            verdict, {'score': found.document()['score'], 'outcomes': len(found.outcomes)},
            {'mutation.json': json_text(found.document()).encode()},
        )  # fmt: skip
    return found


def secrets_of(paths: PlatformPaths) -> tuple[str, ...]:
    """Given a platform's paths, return every secret, so that none is kept from an answer."""
    every = ensure_secrets(paths.secrets)
    return tuple(value for name, value in every.items() if len(value) >= 16 and not name.endswith(NOTES))


def known_commands(paths: PlatformPaths) -> Mapping[str, Sequence[str]]:
    """Given a platform's paths, return what its newest audit of every host asked each; nothing without one."""
    try:
        found = newest_audit(Ledger(paths.ledger), whole=True)
        if found is None:
            return {}
        content = Ledger(paths.ledger).attachment(found.attachments[ANSWERS])
        return commands_of(Observation.unpacked(content, ANSWERS))
    except Exception:
        # Only time is lost: the checks ask all of it again.
        return {}


def newest_audit(ledger: Ledger, *, whole: bool) -> Record | None:
    """Given a ledger, return its newest sealed audit, of every host alone if `whole`; None if there is none.

    Raise AnlanError if the ledger is not in order: what it names is asked as root, and told as evidence.
    """
    if not ledger.stands:
        return None
    found = None
    for record in ledger.sealed_records():
        if record.kind == AUDIT and (not whole or record.document['subject'] == EVERY_HOST):
            found = record
    return found


def recorded_audit(platform: Platform, name: str | None) -> tuple[list[CheckResult] | None, Observation]:
    """Given a platform and the number of a record or a file (the newest audit without), return what was recorded.

    A file has no results with it. Raise BadInput if there is no such audit, AnlanError if the ledger is not in order.
    """
    if name is not None and not name.isdecimal():
        path = Path(name)
        try:
            return None, Observation.unpacked(path.read_bytes(), name)
        except OSError as error:
            raise BadInput(f'{name}: {error.strerror or error}') from None
    ledger = Ledger(PlatformPaths.of(platform.name).ledger)
    if name is None:
        record = newest_audit(ledger, whole=False)
    elif ledger.stands:
        record = next((each for each in ledger.sealed_records() if each.number == int(name)), None)
    else:
        record = None
    if record is None or record.kind != AUDIT:
        raise BadInput(f'{platform.name}: there is no audit on record' + (f' under {name}' if name else ''))
    documents = json.loads(ledger.attachment(record.attachments[RESULTS]))
    observation = Observation.unpacked(ledger.attachment(record.attachments[ANSWERS]), ANSWERS)
    return [CheckResult.of(each) for each in documents], observation
