"""The chain over what was received: whatever is changed afterwards is found, and honest mishaps are not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.unit.events.programs import load

NOW = 1_800_000_000.0
DAY = 86400.0
JOURNALCTL = """#!{python}
import json, pathlib, sys
words = dict(word.lstrip('-').split('=', 1) for word in sys.argv if '=' in word and word.startswith('--'))
lines = (pathlib.Path(words['directory']) / 'x.journal').read_text().splitlines()
if 'BROKEN' in lines:
    sys.exit('x.journal is truncated')
after = words.get('after-cursor')
cursors = [json.loads(line)['__CURSOR'] for line in lines]
print('\\n'.join(lines[cursors.index(after) + 1 if after in cursors else 0:]))
"""


class Place:
    """A monitoring host's folders, its certificate, and a journalctl that reads lines instead of journals."""

    def __init__(self, folder: Path, chain: ModuleType, verifier: ModuleType) -> None:
        self.chain, self.verifier, self.folder = chain, verifier, folder
        self.settings = chain.Settings('mon-1', folder / 'stores', folder / 'chain', 180, 200, ('db-1',), ('mon-1',))
        (folder / 'stores' / 'db-1').mkdir(parents=True)
        self.file = folder / 'stores' / 'db-1' / 'x.journal'
        self.file.write_text('')
        self.seen = 0
        self.key, self.certificate = folder / 'host.key', folder / 'host.crt'
        self.renew()

    def renew(self) -> None:
        """Have a certificate of an authority of its own."""
        subprocess.run(
            ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1',
             '-subj', '/CN=mon-1', '-keyout', str(self.key), '-out', str(self.certificate)],
            check=True, capture_output=True,
        )  # fmt: skip

    def received(self, *numbers: int, **fields: Any) -> None:
        with self.file.open('a') as stream:
            for number in numbers:
                self.seen += 1
                stream.write(json.dumps(entry(number, self.seen, **fields)) + '\n')

    def extend(self, now: float = NOW) -> list[str]:
        _, _, unread = self.chain.extend(self.settings, now, self.key, self.certificate)
        assert isinstance(unread, list)
        return unread

    def findings(self, now: float = NOW) -> list[str]:
        return [
            f'{document.get("store", "chain")}: {finding}'
            for document in self.verifier.verify(self.settings, now, self.certificate)
            for finding in document.get('findings', ())
        ]

    def lines(self) -> list[str]:
        return self.file.read_text().splitlines()

    def rewrite(self, lines: list[str]) -> None:
        self.file.write_text(''.join(line + '\n' for line in lines))


def entry(number: int, place: int = 0, **fields: Any) -> dict[str, Any]:
    """Return an entry; one that is received twice differs in its place alone."""
    moment = int((NOW - 3600 + number) * 1e6)
    cursor = f's=aa;i={place:x};b=bb;m={number:x};t={moment:x};x={number:x}'
    return {
        '__CURSOR': cursor,
        '__SEQNUM': str(number),
        '__REALTIME_TIMESTAMP': str(moment),
        'MESSAGE': f'n{number}',
        **fields,
    }


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    if shutil.which('openssl') is None:
        pytest.skip('openssl is not here')
    (tmp_path / 'bin').mkdir()
    (tmp_path / 'bin' / 'journalctl').write_text(JOURNALCTL.format(python=sys.executable))
    (tmp_path / 'bin' / 'journalctl').chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path / 'bin'), prepend=os.pathsep)
    made = Place(tmp_path, load('event_chain.py'), load('event_verify.py'))
    made.received(1, 2, 3)
    made.extend()
    made.received(4, 5)
    made.extend()
    return made


def test_what_was_received_and_stands_as_it_was_is_right(place: Place) -> None:
    assert place.findings() == []
    place.received(6)
    assert place.findings() == []


def test_each_line_takes_up_only_what_is_new(place: Place) -> None:
    records = [json.loads(line)['record'] for line in place.chain.lines_of(place.settings.chain)]
    assert [[span['entries'] for span in record['spans']] for record in records] == [[3], [2]]
    place.extend()
    assert json.loads(place.chain.lines_of(place.settings.chain)[-1])['record']['spans'] == []
    assert place.findings() == []


def test_a_word_that_was_changed_is_found(place: Place) -> None:
    place.rewrite([line.replace('n2', 'N2') for line in place.lines()])
    (finding,) = place.findings()
    assert finding.startswith('db-1: of 3 entries from ')


@pytest.mark.parametrize('gone', [0, 1, 2, 3])
def test_an_entry_that_was_removed_is_found(place: Place, gone: int) -> None:
    lines = place.lines()
    place.rewrite(lines[:gone] + lines[gone + 1 :])
    assert place.findings()


def test_the_last_entries_cut_off_are_found(place: Place) -> None:
    place.rewrite(place.lines()[:4])
    (finding,) = place.findings()
    assert finding.endswith('the last of them are gone')


def test_an_entry_put_between_is_found(place: Place) -> None:
    lines = place.lines()
    place.rewrite([*lines[:3], json.dumps(entry(77)), *lines[3:]])
    (finding,) = place.findings()
    assert finding == 'db-1: 1 entries stand between those that were received'


def test_a_store_that_is_gone_is_found(place: Place) -> None:
    place.file.unlink()
    (finding,) = place.findings()
    assert finding.startswith('db-1: 5 entries that were received from ')


def test_one_span_that_differs_does_not_hide_that_the_next_is_whole(place: Place) -> None:
    place.rewrite(place.lines()[1:])
    findings = place.findings()
    assert len(findings) == 1
    assert 'of 3 entries' in findings[0] or '3 entries that were received' in findings[0]


def test_what_is_older_than_it_has_to_be_kept_may_be_gone(place: Place) -> None:
    place.rewrite(place.lines()[3:])
    assert place.findings(NOW + 181 * DAY) == []


def test_what_was_received_twice_is_no_forgery(place: Place) -> None:
    place.received(4, 5)
    place.extend()
    place.received(5, 6)
    place.extend()
    assert place.findings() == []


def test_where_an_entry_lies_is_not_part_of_what_it_says(place: Place) -> None:
    place.rewrite([line.replace('s=aa', 's=cc').replace('"__SEQNUM": "', '"__SEQNUM": "9') for line in place.lines()])
    assert place.findings() == []


def test_a_line_of_the_chain_that_was_changed_is_found(place: Place) -> None:
    file = place.settings.chain / 'chain.jsonl'
    file.write_text(file.read_text().replace('"entries":3', '"entries":4', 1))
    findings = place.findings()
    assert 'chain: record 2: it does not follow the one before it' in findings


def test_a_last_line_that_was_changed_does_not_hold_its_signature(place: Place) -> None:
    file = place.settings.chain / 'chain.jsonl'
    file.write_text(file.read_text().replace('"entries":2', '"entries":1'))
    assert any(finding.startswith('chain: record 2: its signature does not hold') for finding in place.findings())


def test_a_line_that_was_taken_out_is_found(place: Place) -> None:
    place.received(6)
    place.extend()
    lines = place.chain.lines_of(place.settings.chain)
    (place.settings.chain / 'chain.jsonl').write_bytes(lines[0] + b'\n' + lines[2] + b'\n')
    assert any('does not follow' in finding for finding in place.findings())


def test_a_certificate_of_another_authority_is_not_believed(place: Place) -> None:
    place.received(6)
    old = place.certificate.read_bytes()
    place.renew()
    place.extend()
    place.certificate.write_bytes(old)
    assert any('its signature does not hold' in finding for finding in place.findings())


def test_a_chain_that_is_not_there_is_found(place: Place) -> None:
    (place.settings.chain / 'chain.jsonl').unlink()
    assert place.findings() == ['chain: there is no chain yet']


def test_a_store_that_cannot_be_read_is_said_and_left_for_the_next_time(place: Place) -> None:
    whole = place.lines()
    place.rewrite([*whole, json.dumps(entry(6)), 'BROKEN'])
    assert place.extend() == ['db-1: x.journal is truncated']
    assert any('cannot be read' in finding for finding in place.findings())
    place.rewrite([*whole, json.dumps(entry(6))])
    assert place.extend() == []
    assert place.findings() == []


def test_two_runs_at_once_do_not_both_write(place: Place) -> None:
    fcntl = pytest.importorskip('fcntl')
    with (place.settings.chain / 'lock').open('a') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(place.chain.ChainError, match='another run'):
            place.extend()


def test_a_key_that_cannot_sign_leaves_the_chain_as_it_is(place: Place) -> None:
    before = place.chain.lines_of(place.settings.chain)
    place.key.write_text('no key')
    with pytest.raises(place.chain.ChainError):
        place.extend()
    assert place.chain.lines_of(place.settings.chain) == before


def test_the_chain_forgets_what_is_long_past_and_still_holds(place: Place) -> None:
    place.received(900_000)
    place.extend(NOW + 211 * DAY)
    assert len(place.chain.lines_of(place.settings.chain)) == 1
    assert place.findings(NOW + 211 * DAY) == []
