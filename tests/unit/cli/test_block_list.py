"""`anlan block`: what is no source, no reason and no time is said before a host is asked; a list is shown in full."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from anlan.cli import block_list
from anlan.console import Console
from anlan.ledger import Ledger
from anlan.paths import PlatformPaths
from anlan.remote import Result
from monitoring.block_list import judge
from tests.unit.block_list.network import ATTACKER
from tests.unit.cli.conftest import Anlan, stand_in

from block_list.decisions import LONGEST_SECONDS  # isort: skip
from block_list.prefixes import IPV6_LENGTH  # isort: skip

OUTPUTS = {'hosts': {'fw-1': {'tier': 'firewall'}, 'edge-1': {'tier': 'edge'}, 'db-1': {'tier': 'data'}}}
REASON = 'SQL injection (rule 942100) in /courses/hazardous-chemicals-storage/lessons/' + 'x' * 70 + ' from a scanner'


class Enforcers:
    """Enforcers that take every decision, and list what they took."""

    def __init__(self) -> None:
        self.left: dict[str, float] = {}
        self.asked: list[list[str]] = []

    def entries(self) -> list[dict[str, Any]]:
        return [
            {
                'prefix': prefix, 'sensor': 'operator', 'origin': 'fw-1', 'reason': REASON, 'left_seconds': left,
                'since': '2026-11-25T12:00:00+00:00', 'until': '2026-11-25T12:10:00+00:00',
            }
            for prefix, left in self.left.items()
        ]  # fmt: skip

    def run(self, host: str, argv: Sequence[str], deadline_seconds: float) -> Result:
        words = list(argv[len(block_list.PROGRAM) :])
        self.asked.append(words)
        if words == ['list']:
            answer = {'entries': self.entries(), 'in_kernel': list(self.left), 'fault': None}
            return Result(0, json.dumps(answer), '', 0.1)
        source = words[words.index('--') + 1]
        prefix = '2001:db8:1:2::/64' if ':' in source else source
        if '--dry-run' not in words:
            self.left.pop(prefix, None)
            if words[0] == 'add':
                seconds = next(word for word in words if word.startswith('--seconds='))
                self.left[prefix] = float(seconds.partition('=')[2])
        return Result(0, json.dumps({'prefix': prefix}), '', 0.1)

    def run_on_all(self, names: Sequence[str], argv: Sequence[str], deadline_seconds: float) -> dict[str, Result]:
        return {name: self.run(name, argv, deadline_seconds) for name in names}


@pytest.fixture
def enforcers(monkeypatch: pytest.MonkeyPatch) -> Enforcers:
    """Give enforcers that stand in for those of a platform."""
    hosts = Enforcers()

    stand_in(monkeypatch, block_list, hosts, OUTPUTS)
    return hosts


@pytest.mark.parametrize(
    ('source', 'said'),
    [
        ('203.0.113.300', 'is no address'), ('somebody', 'is no address'), ('203.0.113.5/24', 'is no address'),
        ('fe80::1%eth0', 'is no address'), ('203.0.113.0/24', 'is wider than one IPv4 address or one IPv6 /64'),
        ('2001:db8::/48', 'is wider than'), ('::ffff:203.0.113.0/120', 'is wider than'),
    ],
)  # fmt: skip
@pytest.mark.parametrize('command', ['add', 'remove'])
def test_what_is_no_source_is_bad_input(
    anlan: Anlan, sample: Path, enforcers: Enforcers, command: str, source: str, said: str
) -> None:
    ended = anlan('block', command, source, '--reason', 'x', '-p', sample)
    assert ended.code == 2
    assert said in ended.said
    assert enforcers.asked == []


@pytest.mark.parametrize('more', [[], ['--dry-run']])
@pytest.mark.parametrize('reason', ['', '  '])
def test_an_empty_reason_is_bad_input(
    anlan: Anlan, sample: Path, enforcers: Enforcers, reason: str, more: list[str]
) -> None:
    ended = anlan('block', 'add', '203.0.113.5', '--reason', reason, '-p', sample, *more)
    assert ended.code == 2
    assert '--reason is empty' in ended.said
    assert enforcers.asked == []


@pytest.mark.parametrize('reason', ['x' * 161, 'two\nlines', '\udcff'])
def test_a_reason_that_the_list_cannot_keep_is_bad_input(
    anlan: Anlan, sample: Path, enforcers: Enforcers, reason: str
) -> None:
    ended = anlan('block', 'add', '203.0.113.5', f'--reason={reason}', '-p', sample)
    assert ended.code == 2
    assert '--reason ' in ended.said
    assert enforcers.asked == []


def test_a_reason_that_begins_with_a_dash_is_a_reason(anlan: Anlan, sample: Path, enforcers: Enforcers) -> None:
    assert anlan('block', 'add', '203.0.113.5', '--reason=-h', '-p', sample).code == 0
    assert '--reason=-h' in enforcers.asked[1]


@pytest.mark.parametrize(
    ('seconds', 'bound'), [('999999999', '2592000'), ('2592001', '2592000'), ('0', '1'), ('-5', '1')]
)
def test_a_time_out_of_bounds_is_bad_input_in_whole_numbers(
    anlan: Anlan, sample: Path, seconds: str, bound: str
) -> None:
    ended = anlan('block', 'add', '203.0.113.5', '--reason', 'x', '--seconds', seconds, '-p', sample)
    assert ended.code == 2
    assert f'equal to {bound} ' in ended.said
    assert 'e+' not in ended.said


def test_the_bounds_are_those_of_the_enforcers_and_stand_in_the_help(anlan: Anlan) -> None:
    assert (block_list.LONGEST_SECONDS, block_list.IPV6_LENGTH) == (LONGEST_SECONDS, IPV6_LENGTH)
    said = ' '.join(anlan('block', 'add', '--help').out.split())
    assert '2592000 s (30 days) at most' in said
    assert "but not a lab's clients" in said


def test_a_block_that_is_shortened_is_said_with_what_it_was(anlan: Anlan, sample: Path, enforcers: Enforcers) -> None:
    words = ['block', 'add', '203.0.113.5', '--reason', 'x', '-p', sample, '--seconds']
    first = anlan(*words, '300')
    assert (first.code, first.out.strip()) == (0, '✓ 203.0.113.5 is shut out for 300 s')
    dry = anlan(*words, '60', '--dry-run')
    assert dry.out.strip() == '203.0.113.5 would be shut out for 60 s; is shut out for another 300 s'
    assert anlan(*words, '60').out.strip() == '✓ 203.0.113.5 is shut out for 60 s; was shut out for another 300 s'
    assert 'another' not in anlan(*words, '90').out
    assert json.loads(anlan(*words, '90', '--json').out)['before_seconds'] == 90


def test_one_ipv6_address_is_said_to_stand_for_its_64(anlan: Anlan, sample: Path, enforcers: Enforcers) -> None:
    words = ['--reason', 'x', '--seconds', '60', '-p', sample]
    one = anlan('block', 'add', '2001:db8:1:2::7', *words)
    assert one.out.strip() == '✓ 2001:db8:1:2::/64 is shut out for 60 s; the whole /64 that 2001:db8:1:2::7 is in'
    assert 'whole' not in anlan('block', 'add', '2001:db8:1:2::/64', *words).out


def test_who_is_let_in_again_is_said(anlan: Anlan, sample: Path, enforcers: Enforcers) -> None:
    enforcers.left[ATTACKER] = 60.0
    ended = anlan('block', 'remove', ATTACKER, '-p', sample)
    assert (ended.code, ended.out.strip()) == (0, f'✓ {ATTACKER} is let in again')


def test_a_long_reason_is_folded_and_never_cut(
    enforcers: Enforcers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(block_list, 'results', Console(highlight=False, width=100))
    enforcers.left = {'2001:db8:1234:5678::/64': 60.0, '203.0.113.5': 60.0}
    answer = json.loads(enforcers.run('fw-1', [*block_list.PROGRAM, 'list'], 1).out)
    block_list.print_listing(judge({'fw-1': answer, 'edge-1': answer}))
    lines = capsys.readouterr().out.splitlines()
    assert '…' not in ''.join(lines)
    assert max(map(len, lines)) <= 100
    start = lines[0].index('why')
    second = next(index for index, line in enumerate(lines) if '203.0.113.5' in line)
    folded = ''.join(line[start : lines[0].index('since')] for line in lines[second:])
    assert ''.join(folded.split()) == ''.join(REASON.split())


def test_a_decision_is_on_record_with_who_made_it_and_a_dry_run_is_not(
    anlan: Anlan, sample: Path, enforcers: Enforcers
) -> None:
    assert anlan('block', 'add', ATTACKER, '--reason', 'a scanner', '--dry-run', '-p', sample).code == 0
    assert not Ledger(PlatformPaths.of('sample').ledger).stands
    assert anlan('block', 'add', ATTACKER, '--reason', 'a scanner', '-p', sample).code == 0
    (record,) = [each for each in Ledger(PlatformPaths.of('sample').ledger).records() if each.kind == 'operation']
    assert record.document['subject'] == 'block add'
    observed = record.document['observed']
    assert (observed['prefix'], observed['reason'], observed['outcome']) == (ATTACKER, 'a scanner', 'done')
    assert observed['user']
