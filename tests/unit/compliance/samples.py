"""A realistic ledger and what it says of clauses: audits with failures, answers of a host that means ill, waivers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from anlan.ledger import Draft, Ledger
from anlan.ledger.canonical import canonical
from compliance.answer import Answer, Silence
from compliance.assessment import Assessment, Source, assess
from compliance.catalogue import Catalogue, load_catalogue
from compliance.clause import Chapter, Clause, Proofs
from compliance.evidence import ANSWERS, AUDIT, EVERY_HOST, RESULTS, evidence_of
from compliance.observation import Observation
from compliance.report.excerpt import RecordedExcerpts
from compliance.result import CheckResult
from compliance.verdicts import Situation, judge_clauses
from compliance.waivers import Waiver

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
CONFIGURATION = 'c' * 64
HOSTS = (
    'fw-1', 'fw-2', 'edge-1', 'edge-2', 'lb-1', 'lb-2', 'app-1', 'app-2', 'db-1', 'db-2', 'db-3', 'mon-1', 'mon-2',
    'ops-1', 'vault-1',
)  # fmt: skip
HOSTILE = (
    '</pre><script>alert("x")</script><img src=https://evil.example/x onerror=alert(1)>\n'
    '=HYPERLINK("https://evil.example","x")\n'
    'ab\x00\x1b[31mred\x07 \u202egnp.exe\u202c ]]> &lt; 中文 {{ 7 * 7 }} {% raw %}'
)
MET = '22239-8.1.2.1-d'
"""The clause that the reachability of zones alone proves here."""

CHECKS = ('ssh.takes_keys_alone', 'ssh.ends_a_connection_after_few_failed_tries', 'accounts.locks_after_failures',
          'audit.keeps_what_privileged_commands_do', 'kernel.hides_its_addresses', 'database.takes_encrypted_'
          'connections_alone')  # fmt: skip
FAILS = {('ssh.takes_keys_alone', 'vault-1'), ('accounts.locks_after_failures', 'db-1'),
         ('accounts.locks_after_failures', 'db-2'), ('accounts.locks_after_failures', 'db-3')}  # fmt: skip
WAIVERS = (
    Waiver(
        clause='22239-8.1.4.1-b',
        check='accounts.locks_after_failures',
        host='*',
        owner='李伟 <li@example.cn>',
        reason='数据库主机等待 PAM 更新 <b>order 4711</b>',
        expires=date(2027, 3, 31),
    ),
    Waiver(
        clause='22239-8.1.4.2-a', owner='Wang Fang', reason='was to be mended in October', expires=date(2026, 10, 31)
    ),
    Waiver(
        clause='22239-8.1.4.9-a', host='db-1', owner='Wang Fang', reason='nothing fails there', expires=date(2027, 1, 1)
    ),
)


def clause(name: str = 'x-1', **values: object) -> Clause:
    """Return a clause that a machine proves, within thirty days."""
    both = {'zh': '中文', 'en': 'English'}
    return Clause.model_validate({
        'id': name, 'title': both, 'requirement': both, 'source': {'code': 'GB/T 1', 'place': '1 a)'},
        'standing': 'practice', 'proof': 'A', 'period_days': 30, **values,
    })  # fmt: skip


def catalogue_of(*clauses: Clause, chapter: str = 'x') -> Catalogue:
    """Return a catalogue of one chapter."""
    title = {'zh': '章节', 'en': 'Chapter'}
    return Catalogue((Chapter.model_validate({'chapter': chapter, 'title': title, 'clauses': clauses}),))


@lru_cache
def catalogue() -> Catalogue:
    """Return our catalogue, with proofs of the sample's own for some clauses, whatever ours come to be."""
    checks = {
        '22239-8.1.4.1-a': CHECKS[:2], '22239-8.1.4.1-b': CHECKS[1:3], '22239-8.1.4.2-a': CHECKS[:1],
        '22239-8.1.4.3-a': CHECKS[3:4], '22239-8.1.4.4-a': CHECKS[4:5], '22239-8.1.2.2-b': CHECKS[5:6],
    }  # fmt: skip

    def changed(each: Clause) -> Clause:
        if each.id == MET:
            return each.model_copy(update={'proofs': Proofs(evidence=('reachability',)), 'gaps': (), 'proof': 'A'})
        if each.id not in checks:
            return each
        return each.model_copy(update={'proofs': Proofs(checks=checks[each.id]), 'gaps': (), 'proof': 'A'})

    ours = load_catalogue()
    return Catalogue(
        tuple(each.model_copy(update={'clauses': tuple(map(changed, each.clauses))}) for each in ours.chapters)
    )


def results() -> list[CheckResult]:
    """Return what the checks find: most pass, some fail, mon-2 does not answer."""
    found = []
    for check in CHECKS:
        for host in HOSTS:
            verdict, reason = 'pass', ''
            if host == 'mon-2':
                verdict, reason = 'not-verified', 'mon-2: no answer within 20 s'
            elif check.startswith('kernel'):
                verdict, reason = (
                    'not-verified',
                    'it belongs to the kernel of the machine, and this host is a container',
                )
            elif check.startswith('database') and not host.startswith('db'):
                continue
            elif (check, host) in FAILS:
                verdict, reason = 'fail', f'says {HOSTILE.splitlines()[0]!r}, must say no'
            found.append(CheckResult(check, '', host, (), verdict, reason, ('sshd -T', f'faillock --user "{host}"')))
    return found


def observation() -> Observation:
    """Return what the hosts answered."""
    asked = '2026-11-25T07:00:00+00:00'
    said: dict[str, dict[str, Answer] | Silence] = {
        host: {
            'sshd -T': Answer('sshd -T', 0, HOSTILE + '\npermitrootlogin yes' * 40, '', asked, 0.1),
            f'faillock --user "{host}"': Answer(f'faillock --user "{host}"', 3, '', 'no such user\n', asked, 0.1),
        }
        for host in HOSTS
    }
    said['mon-2'] = Silence('no answer within 20 s')
    return Observation('sample', asked, asked, {'hosts': {}, 'variables': {}}, said)


@dataclass(frozen=True)
class Sample:
    """A ledger, and an assessment of it."""

    ledger: Ledger
    assessment: Assessment

    def excerpts(self) -> RecordedExcerpts:
        """Return the way to its answers."""
        return RecordedExcerpts(self.ledger.attachment)


def write_ledger(folder: Path, configuration: str = CONFIGURATION) -> Ledger:
    """Given a folder, write the ledger: an audit of every host, and that only declared traffic passes."""
    ledger = Ledger(folder)
    attached = {
        RESULTS: ledger.attach(canonical([result.document() for result in results()])),
        ANSWERS: ledger.attach(observation().packed()),
    }
    hour = timedelta(hours=1)
    ledger.append('sample', [
        Draft('reachability', 'every zone', NOW - 3 * hour, NOW - 2 * hour, 'pass', configuration=configuration),
        Draft(AUDIT, EVERY_HOST, NOW - 2 * hour, NOW - hour, 'fail', attachments=attached, configuration=configuration),
    ])  # fmt: skip
    return ledger


def sample(folder: Path) -> Sample:
    """Given a folder, return the sample."""
    ledger = write_ledger(folder)
    situation = Situation(NOW, CONFIGURATION, HOSTS, on_cloud=False)
    evidence = evidence_of(ledger.records(), ledger.attachment)
    verdicts = judge_clauses(catalogue(), evidence, situation, WAIVERS)
    found = ledger.verify()
    source = Source(found.records, found.head, found.key)
    made = assess('sample', catalogue(), situation, source, verdicts=verdicts, waivers=WAIVERS)
    return Sample(ledger, made)
