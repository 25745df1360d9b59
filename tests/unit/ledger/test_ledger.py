"""The ledger: what is appended stays, in order, whoever else writes or is killed; changes are found."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from anlan.errors import AnlanError
from anlan.ledger import Draft, Ledger, NotCanonical
from anlan.ledger.canonical import canonical, digest
from anlan.ledger.record import Record
from anlan.ledger.seal import Signer

NOW = datetime(2026, 11, 25, 8, 0, 0, 1000, UTC)


def draft(subject: str = 'test', **values: Any) -> Draft:
    return Draft('check', subject, NOW, NOW, **values)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Give a ledger of five records in two appends, one with an attachment."""
    made = Ledger(tmp_path / 'ledger')
    made.append('test', [draft('one', verdict='pass', clauses=['b', 'a', 'a']), draft('two', observed={'报文': 1.5})])
    made.append('test', [draft('three', attachments={'answer.txt': made.attach(b'an answer')})])
    return made


def subjects(ledger: Ledger) -> list[str]:
    return [str(record.document['subject']) for record in ledger.records()]


def test_records_stand_in_order_each_chained_to_the_one_before_and_sealed(ledger: Ledger) -> None:
    assert subjects(ledger) == ['test', 'one', 'two', 'ledger', 'three', 'ledger']
    records = list(ledger.records())
    assert [record.number for record in records] == [1, 2, 3, 4, 5, 6]
    assert all(after.document['previous'] == before.sha256 for before, after in itertools.pairwise(records))
    found = ledger.verify()
    assert (found.good, found.records, found.sealed, found.head) == (True, 6, 6, records[-1].sha256)
    assert records[1].document['clauses'] == ['a', 'b']
    assert records[1].document['started'] == '2026-11-25T08:00:00.001Z'


def test_what_is_appended_is_returned_as_it_stands(ledger: Ledger) -> None:
    (record,) = ledger.append('test', [draft('four')])
    assert (record.number, record.document['subject']) == (7, 'four')
    assert [each.line for each in ledger.records()][6] == record.line


def test_keys_and_records_are_their_owners_alone(ledger: Ledger) -> None:
    for name in ('records.jsonl', 'key.pem.age'):
        assert (ledger.folder / name).stat().st_mode & 0o777 == 0o600
    assert ledger.folder.stat().st_mode & 0o777 == 0o700


def test_an_attachment_is_there_by_its_hash_once(ledger: Ledger) -> None:
    sha256 = ledger.attach(b'an answer')
    assert ledger.attachment(sha256) == b'an answer'
    with pytest.raises(AnlanError, match='there is no attachment'):
        ledger.attachment('0' * 64)


def rewritten(ledger: Ledger, change: Callable[[list[bytes]], list[bytes]]) -> None:
    lines = change(list(ledger.lines()))
    ledger.file.write_bytes(b''.join(line + b'\n' for line in lines))


def resigned(lines: list[bytes], number: int, **values: Any) -> list[bytes]:
    """Forge a record as somebody does who has no key: everything behind it is chained anew."""
    documents = [json.loads(line) for line in lines]
    documents[number - 1] |= values
    previous = documents[number - 1]['previous']
    made = lines[: number - 1]
    for document in documents[number - 1 :]:
        made.append(canonical(document | {'previous': previous}))
        previous = Record(made[-1], {}).sha256
    return made


@pytest.mark.parametrize(
    ('change', 'number', 'reason'),
    [
        (lambda lines: [*lines[:2], lines[2].replace(b'two', b'tow'), *lines[3:]], 4, 'does not follow'),
        (lambda lines: [*lines[:2], lines[2].replace(b'"two"', b'"two" '), *lines[3:]], 3, 'canonical form'),
        (lambda lines: [*lines[:2], lines[2][:-3], *lines[3:]], 3, 'no JSON'),
        (lambda lines: [*lines[:2], b'{}', *lines[3:]], 3, 'no record'),
        (lambda lines: [*lines[:2], *lines[3:]], 3, 'says that it is record 4'),
        (lambda lines: [*lines[:1], lines[2], lines[1], *lines[3:]], 2, 'says that it is record 3'),
        (lambda lines: lines[1:], 1, 'says that it is record 2'),
        (lambda lines: [*lines[:2], lines[1], *lines[2:]], 3, 'says that it is record 2'),
        (lambda lines: resigned(lines, 2, verdict='fail'), 4, 'signature'),
        (lambda lines: resigned(lines, 1, kind='check'), 1, 'has to begin'),
        (lambda lines: resigned(lines, 4, key='0' * 64), 4, 'another key'),
        (lambda lines: resigned(lines, 6, signature='AAAA'), 6, 'signature'),
        (lambda lines: resigned(lines, 6, ended='2027-01-01T00:00:00.000Z'), 6, 'signature'),
    ],
    ids=['flipped', 'spaced', 'cut', 'empty', 'removed', 'swapped', 'first removed', 'doubled', 'forged',
         'another beginning', 'another key', 'no signature', 'another time'],
)  # fmt: skip
def test_the_first_wrong_place_is_named(
    ledger: Ledger, change: Callable[[list[bytes]], list[bytes]], number: int, reason: str
) -> None:
    rewritten(ledger, change)
    fault = ledger.verify().fault
    assert fault is not None
    assert (fault.number, reason in fault.reason) == (number, True), fault


def test_every_byte_that_is_flipped_is_found(ledger: Ledger) -> None:
    whole = ledger.file.read_bytes()
    for place in range(0, len(whole), 7):
        ledger.file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        found = ledger.verify()
        assert not found.good or found.records < 6, place


def test_records_behind_the_last_seal_are_not_called_sealed(ledger: Ledger) -> None:
    rewritten(ledger, lambda lines: lines[:5])
    found = ledger.verify()
    assert (found.good, found.records, found.sealed) == (True, 5, 4)


def test_what_somebody_without_the_key_put_behind_the_last_seal_is_never_sealed(ledger: Ledger) -> None:
    before = ledger.file.read_bytes()
    forged = []
    for number in (7, 8):
        previous = digest(forged[-1] if forged else list(ledger.lines())[-1])
        forged.append(canonical(draft('forged', verdict='pass').document(number, previous)))
    with ledger.file.open('ab') as stream:
        stream.write(b''.join(line + b'\n' for line in forged) + b'{')
    assert (ledger.verify().good, ledger.verify().records, ledger.verify().sealed) == (True, 8, 6)
    ledger.append('test', [draft('four')])
    assert ledger.file.read_bytes().startswith(before)
    assert subjects(ledger)[6:] == ['four', 'ledger']
    assert (ledger.verify().good, ledger.verify().sealed) == (True, 8)
    (kept,) = ledger.folder.glob('torn-*')
    assert kept.read_bytes() == b''.join(line + b'\n' for line in forged) + b'{'


def test_a_first_append_that_was_cut_off_before_its_seal_begins_anew(ledger: Ledger) -> None:
    rewritten(ledger, lambda lines: lines[:2])
    ledger.append('test', [draft('again')])
    assert subjects(ledger)[1:] == ['again', 'ledger']
    assert ledger.verify().good


def test_a_ledger_that_somebody_without_the_key_chained_anew_is_not_gone_on_with(ledger: Ledger) -> None:
    rewritten(ledger, lambda lines: resigned(lines, 2, verdict='fail'))
    before = ledger.file.read_bytes()
    with pytest.raises(AnlanError, match='its last seal is not of its key'):
        ledger.append('test', [draft('four')])
    assert ledger.file.read_bytes() == before


def test_a_ledger_whose_key_is_gone_is_not_gone_on_with_by_another(ledger: Ledger) -> None:
    key = ledger.folder / 'key.pem.age'
    kept, before = key.read_bytes(), ledger.file.read_bytes()
    key.unlink()
    with pytest.raises(AnlanError, match='the key that seals, is gone; put it back'):
        ledger.append('test', [draft('four')])
    assert not key.exists()
    assert ledger.file.read_bytes() == before
    key.write_bytes(kept)
    assert ledger.append('test', [draft('four')])


def test_a_ledger_that_was_emptied_does_not_stand(ledger: Ledger) -> None:
    assert ledger.stands
    ledger.file.write_bytes(b'')
    assert not ledger.stands


def test_without_its_public_key_it_is_said_which_file_to_put_back(ledger: Ledger) -> None:
    ledger.public_key.write_bytes(b'rubbish')
    with pytest.raises(AnlanError, match=r'key\.pub holds no key; put it back'):
        ledger.verify()
    ledger.public_key.unlink()
    with pytest.raises(AnlanError, match=r'key\.pub cannot be read \(No such file or directory\); put it back'):
        ledger.verify()


def test_a_ledger_sealed_by_somebody_else_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    ledger.public_key.write_bytes(Signer.ensure(tmp_path / 'other' / 'key.pem').public_pem())
    fault = ledger.verify().fault
    assert fault is not None and 'another key' in fault.reason


def test_an_attachment_that_was_changed_or_is_gone_is_found(ledger: Ledger) -> None:
    (place,) = (file for file in (ledger.folder / 'attachments').rglob('*') if file.is_file())
    place.chmod(0o600)
    place.write_bytes(b'another answer')
    assert str(ledger.verify().fault) == 'record 5: its attachment answer.txt was changed'
    assert ledger.verify(attachments=False).good
    place.unlink()
    assert str(ledger.verify().fault) == 'record 5: its attachment answer.txt is not there'


@pytest.mark.parametrize('torn', [b'{', b'{"number": 7', b'\xff\xfe', b'x' * 200_000])
def test_half_a_line_is_put_aside_and_never_was_a_record(ledger: Ledger, torn: bytes) -> None:
    with ledger.file.open('ab') as stream:
        stream.write(torn)
    assert ledger.verify().good
    ledger.append('test', [draft('four')])
    assert subjects(ledger)[6:] == ['four', 'ledger']
    assert ledger.verify().good
    (kept,) = ledger.folder.glob('torn-*')
    assert kept.read_bytes() == torn


def test_a_ledger_whose_end_is_damaged_is_not_gone_on_with(ledger: Ledger) -> None:
    with ledger.file.open('ab') as stream:
        stream.write(b'rubbish\n')
    with pytest.raises(AnlanError, match='its last record cannot be read'):
        ledger.append('test', [draft()])


@pytest.mark.parametrize(
    ('observed', 'path'),
    [
        ({'a': float('nan')}, 'observed.a: nan'), ({'a': [1, {2: 3}]}, r'observed.a\[1\]: the key 2'),
        ({'a': b'x'}, 'observed.a: bytes'), ({'a': '\udcff'}, 'observed.a: is no text'),
    ],
)  # fmt: skip
def test_what_is_no_plain_data_is_refused_with_its_path_and_nothing_is_written(
    ledger: Ledger, observed: dict[str, Any], path: str
) -> None:
    before = ledger.file.read_bytes()
    with pytest.raises(NotCanonical, match=path):
        ledger.append('test', [draft(), draft(observed=observed)])
    assert ledger.file.read_bytes() == before


def test_times_are_written_in_utc_and_one_without_a_zone_is_refused(ledger: Ledger) -> None:
    beijing = NOW.astimezone(timezone(timedelta(hours=8)))
    (record,) = ledger.append('test', [Draft('check', 'zone', beijing, beijing)])
    assert record.document['started'] == '2026-11-25T08:00:00.001Z'
    with pytest.raises(ValueError, match='no time zone'):
        ledger.append('test', [Draft('check', 'zone', datetime(2026, 1, 1), NOW)])


def test_a_number_is_written_one_way() -> None:
    assert canonical({'b': 2.0, 'a': 2, 'c': 2.5, '键': None}) == '{"a":2,"b":2,"c":2.5,"键":null}'.encode()


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from anlan.ledger import Draft, Ledger
ledger, name = Ledger(Path(sys.argv[1])), sys.argv[2]
for turn in range(int(sys.argv[3])):
    now = datetime.now(UTC)
    (record,) = ledger.append('test', [Draft('check', f'{name} {turn}', now, now, observed={'filler': 'x' * 5000})])
    print(record.number, record.sha256, flush=True)
"""


def writer(folder: Path, name: str, turns: int) -> subprocess.Popen[str]:
    words = [sys.executable, '-c', WRITER, str(folder), name, str(turns)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / 'ledger')
    both = [writer(ledger.folder, name, 20) for name in ('a', 'b')]
    said = [each.communicate(timeout=60)[0] for each in both]
    assert [each.returncode for each in both] == [0, 0]
    told = {tuple(line.split()) for text in said for line in text.splitlines()}
    kept = {(str(record.number), record.sha256) for record in ledger.records()}
    assert len(told) == 40
    assert told <= kept
    assert ledger.verify().good


def test_what_was_told_is_kept_when_the_writer_is_killed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / 'ledger')
    told = set()
    for turn in range(4):
        process = writer(ledger.folder, f'run {turn}', 10_000)
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(0.05 + turn * 0.03)
        os.kill(process.pid, signal.SIGKILL)
        rest, _ = process.communicate(timeout=30)
        # The last line may be half: what was not told whole was not told.
        told |= {tuple(line.split()) for line in (first + rest).splitlines(keepends=True) if line.endswith('\n')}
    ledger.append('test', [draft('after')])
    kept = {(str(record.number), record.sha256) for record in ledger.records()}
    assert len(told) > 4
    assert told <= kept
    found = ledger.verify()
    assert (found.good, found.sealed) == (True, found.records)


def test_a_full_disk_is_one_sentence_and_what_stood_still_stands(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, 'No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr(os, 'fsync', full)
        with pytest.raises(AnlanError, match='nothing could be written'):
            ledger.append('test', [draft('four')])
    assert ledger.verify().good
    ledger.append('test', [draft('five')])
    assert subjects(ledger)[-2:] == ['five', 'ledger']
    assert ledger.verify().good
