"""Verdicts: what the evidence says of each clause, why, and until when. Pure. What was not observed is never a pass.

The worst that a proof says decides: fail, not-verified, stale, pass. A failure that is old, or of another
configuration, stays a failure: time mends nothing, and `stale` would take a known fault off the list of faults. Only a
newer observation takes it away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from anlan.ledger.record import Verdict, moment
from compliance.catalogue import Catalogue
from compliance.clause import Chapter, Clause
from compliance.evidence import OF_EACH, Evidence, Found, Reference
from compliance.saying import Said, grouped, verdict_word
from compliance.waivers import ANY, Waiver

CLOUD_CHAPTER = '22239-8.2'
WORST_FIRST: tuple[Verdict, ...] = ('fail', 'not-verified', 'stale', 'pass', 'inherited', 'not-applicable')
ProofKind = Literal['checks', 'drills', 'alerts', 'evidence']
KINDS: dict[ProofKind, tuple[str, str]] = {
    'checks': ('核查', 'check'), 'drills': ('演练', 'drill'), 'alerts': ('告警规则', 'alert rule'),
    'evidence': ('证据', 'record'),
}  # fmt: skip
CLOCKS_DIFFER = timedelta(minutes=5)
"""A record that is further ahead than this would stay fresh for longer than its clause lets it."""

NAMED_AS = {'drills': 'drill:', 'alerts': 'alert:', 'evidence': ''}
"""How `Evidence.runs` names a record of that kind of proof."""


@dataclass(frozen=True)
class Situation:
    """What a verdict depends on besides the evidence.

    `configuration` is the hash of the present one, None where the platform does not stand. `hosts` are those that an
    audit has to look at; none known: those that it did look at. `applies` may name, by check, the hosts it concerns,
    `subjects`, by kind of record and clause, of what there has to be a record; those of `ANY` are for other clauses.
    """

    now: datetime
    configuration: str | None
    hosts: tuple[str, ...]
    on_cloud: bool
    applies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    subjects: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)


@dataclass(frozen=True)
class ProofVerdict:
    """What one named proof says. `found`: a check's results; `record`: that of another kind of proof."""

    kind: ProofKind
    name: str
    verdict: Verdict
    reasons: tuple[Said, ...]
    found: tuple[Found, ...] = ()
    record: Reference | None = None

    def records(self) -> list[Reference]:
        """Return the records that it rests on."""
        return [each.record for each in self.found] if self.record is None else [self.record]

    def failing_places(self) -> list[str]:
        """Return the hosts where it fails; an empty name stands for the whole platform."""
        if self.verdict != 'fail':
            return []
        return sorted({each.result.host for each in self.found if each.result.verdict == 'fail'}) or ['']


@dataclass(frozen=True)
class ClauseVerdict:
    """A clause and what the evidence says of it. `waivers` are those in force that speak of its failures."""

    clause: Clause
    verdict: Verdict
    reasons: tuple[Said, ...]
    proofs: tuple[ProofVerdict, ...]
    records: tuple[Reference, ...]
    stale_from: datetime | None
    waivers: tuple[Waiver, ...] = ()
    waived: bool = False

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            'id': self.clause.id, 'verdict': self.verdict, 'waived': self.waived, 'high_risk': self.clause.high_risk,
            'title': self.clause.title.model_dump(),
            'reasons': [{'zh': said.zh, 'en': said.en} for said in self.reasons],
            'records': [{'number': each.number, 'sha256': each.sha256, 'kind': each.kind} for each in self.records],
            'stale_from': None if self.stale_from is None else moment(self.stale_from),
            'proofs': [{'kind': each.kind, 'name': each.name, 'verdict': each.verdict} for each in self.proofs],
        }  # fmt: skip


def judge_clauses(
    catalogue: Catalogue, evidence: Evidence, situation: Situation, waivers: Sequence[Waiver] = ()
) -> list[ClauseVerdict]:
    """Given the catalogue, the evidence, the situation and waivers, return the verdict of every clause, in order."""
    found = []
    for chapter in catalogue.chapters:
        for clause in chapter.clauses:
            judged = _judged(chapter, clause, evidence, situation)
            found.append(_with_waivers(judged, waivers, situation))
    return found


def _judged(chapter: Chapter, clause: Clause, evidence: Evidence, situation: Situation) -> ClauseVerdict:
    if chapter.chapter == CLOUD_CHAPTER and not situation.on_cloud:
        said = Said('平台不使用云', 'the platform uses no cloud')
        return ClauseVerdict(clause, 'not-applicable', (said,), (), (), None)
    proofs = tuple(_proofs(clause, evidence, situation))
    verdict, more = _of(clause, proofs)
    worst_first = sorted(proofs, key=lambda proof: WORST_FIRST.index(proof.verdict))
    seen = (said for proof in worst_first if proof.records() for said in proof.reasons)
    unseen = _unseen_said(proofs)
    reasons = tuple(dict.fromkeys([*seen, *unseen, *more] if verdict == 'fail' else [*more, *seen, *unseen]))
    records = {record.number: record for proof in proofs for record in proof.records()}
    stale_from = None
    if verdict == 'pass' and clause.period_days is not None:
        stale_from = min(record.ended for record in records.values()) + timedelta(days=clause.period_days)
    return ClauseVerdict(clause, verdict, reasons, proofs, tuple(records[each] for each in sorted(records)), stale_from)


def _unseen_said(proofs: Sequence[ProofVerdict]) -> list[Said]:
    """Return, in a sentence for each kind of proof, the proofs of which nothing is on record."""
    found = []
    for kind, (zh, en) in KINDS.items():
        names = [proof.name for proof in proofs if proof.kind == kind and not proof.records()]
        if names:
            found.append(Said(
                f'{zh} {", ".join(names)}：台账中没有结果',
                f'{en}{"s" * (len(names) > 1)} {", ".join(names)}: the ledger holds no result',
            ))  # fmt: skip
    return found


def _of(clause: Clause, proofs: Sequence[ProofVerdict]) -> tuple[Verdict, list[Said]]:
    """Given a clause and what its proofs say, return its verdict and what else there is to say."""
    gaps = [
        Said(f'缺口：{gap.what.zh}（{gap.reason.zh}）', f'gap: {gap.what.en} ({gap.reason.en})') for gap in clause.gaps
    ]
    worst = worst_of([proof.verdict for proof in proofs])
    if worst == 'fail':
        return 'fail', gaps
    if clause.handled == 'inherited':
        return 'inherited', [
            Said('由机房或云服务商负责', 'who runs the machine room or the cloud answers for it'),
            *gaps,
        ]
    if clause.handled == 'document':
        return 'not-verified', [Said('由文档回答，须由人判断', 'a document answers it, and a person judges it'), *gaps]
    if clause.handled == 'manual':
        return 'not-verified', [Said('须由人现场核查', 'a person has to look at it'), *gaps]
    if gaps:
        return 'not-verified', gaps
    if worst is None:
        return 'not-verified', [Said('没有任何证明', 'nothing proves it')]
    if worst == 'pass' and clause.proof == 'P':
        said = Said(
            '机器能收集的全部通过；还须由人判断', 'all that a machine can collect passed; a person has to judge it'
        )
        return 'not-verified', [said]
    return worst, []


def worst_of(verdicts: Sequence[Verdict]) -> Verdict | None:
    """Given verdicts, return the worst of them, None without any."""
    return next((each for each in WORST_FIRST if each in verdicts), None)


def _proofs(clause: Clause, evidence: Evidence, situation: Situation) -> list[ProofVerdict]:
    period = None if clause.period_days is None else timedelta(days=clause.period_days)
    found = [_check(name, period, evidence, situation) for name in clause.proofs.checks]
    kinds: tuple[ProofKind, ...] = ('drills', 'alerts', 'evidence')
    for kind in kinds:
        for name in getattr(clause.proofs, kind):
            for each in _of_each(name, clause, evidence, situation):
                found.append(_run(kind, each, period, evidence.runs.get(NAMED_AS[kind] + each), situation))
    return found


def _of_each(name: str, clause: Clause, evidence: Evidence, situation: Situation) -> list[str]:
    """Given a proof's name, return those of the records that it takes: one of each subject, where it speaks of one."""
    if name not in OF_EACH:
        return [name]
    by_clause = situation.subjects.get(name, {})
    subjects = by_clause.get(clause.id) or by_clause.get(ANY)
    if subjects is None:
        # Of what there has to be one is not known: then of all that there is.
        subjects = tuple(sorted(each.partition(':')[2] for each in evidence.runs if each.partition(':')[0] == name))
    return [f'{name}:{subject}' for subject in subjects] or [name]


def _check(name: str, period: timedelta | None, evidence: Evidence, situation: Situation) -> ProofVerdict:
    found = [
        each for each in evidence.checks.get(name, ()) if not situation.hosts or each.result.host in situation.hosts
    ]
    # Whom a check concerns is seen from an audit of every host that knew it; without one it may concern every host.
    concerned = situation.applies.get(name, tuple(set(situation.hosts) - evidence.audited.get(name, frozenset())))
    missing = set(concerned) - {each.result.host for each in found}
    if not found:
        return ProofVerdict('checks', name, 'not-verified', ())
    verdicts: list[Verdict] = []
    reasons: list[Said] = []
    said: dict[tuple[str, Verdict, str], list[str]] = {}
    for each in found:
        old = _old(each.record, period, situation)
        result = each.result
        if result.verdict == 'fail' or old is None or result.verdict == 'not-verified':
            verdicts.append(result.verdict)
            if result.verdict != 'pass':
                said.setdefault((result.name, result.verdict, result.reason), []).append(result.host)
        else:
            verdicts.append('stale')
        if old is not None and result.verdict != 'not-verified':
            reasons.append(old)
    if missing:
        verdicts.append('not-verified')
        hosts = grouped(missing)
        reasons.append(Said(f'{name}：未在 {hosts} 上核查', f'{name}: was not run on {hosts}'))
    worst = worst_of(verdicts) or 'not-verified'
    # A host that a check does not concern takes nothing away, and is spoken of only where it concerns none.
    results = [
        _result_said(*key, said[key])
        for key in sorted(said, key=lambda each: WORST_FIRST.index(each[1]))
        if key[1] != 'not-applicable' or worst == key[1]
    ]
    return ProofVerdict('checks', name, worst, (*results, *dict.fromkeys(reasons)), tuple(found))


def _result_said(name: str, verdict: Verdict, reason: str, hosts: Sequence[str]) -> Said:
    where = grouped(hosts)
    why = reason or '–'
    return Said(
        f'{name}：在 {where} 上{verdict_word(verdict, "zh")}：{why}',
        f'{name}: {"fails" if verdict == "fail" else verdict_word(verdict, "en")} on {where}: {why}',
    )


def _run(
    kind: ProofKind, name: str, period: timedelta | None, record: Reference | None, situation: Situation
) -> ProofVerdict:
    what = KINDS[kind]
    if record is None:
        return ProofVerdict(kind, name, 'not-verified', ())
    old = _old(record, period, situation)
    verdict: Verdict = 'not-verified'
    if record.verdict == 'fail':
        verdict = 'fail'
    elif record.verdict in {'pass', 'not-applicable'}:
        verdict = 'stale' if old else 'pass' if record.verdict == 'pass' else 'not-applicable'
    reasons = []
    if verdict != 'pass' and record.verdict != 'pass':
        zh, en = (verdict_word(record.verdict or 'not-verified', language) for language in ('zh', 'en'))
        reasons.append(
            Said(f'{what[0]} {name}：{zh}（记录 {record.number}）', f'{what[1]} {name}: {en} (record {record.number})')
        )
    if old is not None:
        reasons.append(old)
    return ProofVerdict(kind, name, verdict, tuple(reasons), record=record)


def _old(record: Reference, period: timedelta | None, situation: Situation) -> Said | None:
    """Given a record, return why it no longer speaks of the platform as it is, None if it does."""
    number = record.number
    if record.ended - situation.now > CLOCKS_DIFFER:
        when = f'{record.ended:%Y-%m-%d %H:%M} UTC'
        return Said(f'记录 {number} 的时间（{when}）在将来', f'record {number} ({when}) is of a time to come')
    if period is not None and situation.now - record.ended > period:
        when = f'{record.ended:%Y-%m-%d %H:%M} UTC'
        days = period.days
        return Said(
            f'记录 {number}（{when}）早于证明有效的 {days} 天',
            f'record {number} ({when}) is older than the {days} day{"s" * (days > 1)} that a proof counts',
        )
    if situation.configuration is None:
        return Said(
            f'平台当前未运行，无法确认其配置仍与记录 {number} 相同',
            f'the platform does not stand now: whether its configuration is still that of record {number} is not known',
        )
    if record.configuration != situation.configuration:
        return Said(f'记录 {number} 之后配置已改变', f'the configuration was changed after record {number}')
    return None


def _with_waivers(judged: ClauseVerdict, waivers: Sequence[Waiver], situation: Situation) -> ClauseVerdict:
    """Given a verdict, say which waivers speak of its failures. It stays what it is: `fail`."""
    places = [
        (proof.name.partition(':')[0] if proof.kind == 'evidence' else proof.name, place)
        for proof in judged.proofs
        for place in proof.failing_places()
    ]
    today = situation.now.date()
    speaking = [
        [waiver for waiver in waivers if waiver.holds(today) and waiver.covers(judged.clause.id, name, place)]
        for name, place in places
    ]
    matched = tuple(dict.fromkeys(waiver for each in speaking for waiver in each))
    if not matched:
        return judged
    return ClauseVerdict(
        judged.clause, judged.verdict, judged.reasons, judged.proofs, judged.records, judged.stale_from,
        matched, all(speaking),
    )  # fmt: skip
