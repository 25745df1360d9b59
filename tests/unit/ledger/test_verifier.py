"""The program in a pack: it needs Python and openssl alone, and finds what the ledger's own verification finds."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from anlan.errors import AnlanError
from anlan.ledger import Draft, Ledger
from anlan.ledger.canonical import canonical, digest
from anlan.ledger.pack import VERIFIER, write_pack
from anlan.ledger.seal import Signer
from tests.unit.ledger.test_ledger import NOW, draft, resigned, rewritten


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / 'ledger')
    made.append('test', [draft('one', verdict='pass'), draft('two', observed={'报文': 1.5, 'e': 1e22, 's': 5e-324})])
    made.append('test', [draft('three', attachments={'answer.txt': made.attach(b'an answer')})])
    return made


@pytest.fixture
def pack(ledger: Ledger, tmp_path: Path) -> Path:
    file = tmp_path / 'evidence.zip'
    found = write_pack(ledger, file, {'report.html': '报告'.encode(), 'catalogue/one.yaml': b'chapter: one'})
    assert (found.records, found.sealed, found.good) == (8, 8, True)
    return file


def verified(place: Path, *words: str, path: str | None = None) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, '-I', str(VERIFIER), str(place), *words], capture_output=True, text=True, check=False,
        env=None if path is None else {'PATH': path},
    )  # fmt: skip
    assert 'Traceback' not in done.stderr
    return done.returncode, done.stdout


def repacked(pack: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    with zipfile.ZipFile(pack) as old:
        contents = {name: old.read(name) for name in old.namelist()}
    change(contents)
    with zipfile.ZipFile(pack, 'w') as new:
        for name, content in contents.items():
            new.writestr(name, content)
    return pack


def test_it_is_short_and_needs_the_standard_library_alone() -> None:
    text = VERIFIER.read_text(encoding='utf-8')
    assert len(text.splitlines()) <= 150
    imported = set()
    for node in ast.walk(ast.parse(text, feature_version=(3, 9))):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition('.')[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition('.')[0])
    assert imported <= sys.stdlib_module_names


def test_a_good_pack_is_good_and_says_its_key(ledger: Ledger, pack: Path) -> None:
    key = ledger.verify().key
    for words in ((), ('--all-seals',), ('--key', key), ('--key', key.upper())):
        assert verified(pack, *words) == (0, f'8 records, sealed up to record 8; nothing is wrong. Key {key}\n')
    assert verified(ledger.folder)[0] == 0


def test_a_pack_is_itself_a_record_and_the_newest_one_names_the_files_that_are_there(
    ledger: Ledger, pack: Path, tmp_path: Path
) -> None:
    again = tmp_path / 'again.zip'
    assert write_pack(ledger, again, {'other.html': b'new'}).records == 10
    assert [record.kind for record in ledger.records()][6::2] == ['pack', 'pack']
    for place in (pack, again, ledger.folder):
        assert verified(place)[0] == 0
    with zipfile.ZipFile(pack) as old:
        report = old.read('report.html')
    # A report of an older pack does not become one of the newer.
    assert verified(repacked(again, lambda files: files.update({'report.html': report})))[0] == 1


def test_what_a_killed_packing_left_or_another_writes_does_not_get_into_the_pack(
    ledger: Ledger, tmp_path: Path
) -> None:
    file = tmp_path / 'evidence.zip'
    left = tmp_path / '.evidence.zip.part'
    left.symlink_to(tmp_path / 'victim')
    write_pack(ledger, file)
    assert verified(file)[0] == 0
    assert not (tmp_path / 'victim').exists()
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.glob('.*')] == [left.name]


def test_an_unpacked_pack_is_as_good_as_the_file(pack: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(pack) as file:
        file.extractall(tmp_path / 'unpacked')
    assert verified(tmp_path / 'unpacked')[0] == 0
    (tmp_path / 'unpacked' / 'report.html').write_text('all is well')
    assert verified(tmp_path / 'unpacked') == (1, 'WRONG: report.html: it was changed\n')


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda files: files.update({'report.html': b'all is well'}), 'report.html: it was changed'),
        (lambda files: files.pop('report.html'), 'report.html: it is not there'),
        (lambda files: files.update({'catalogue/one.yaml': b''}), 'catalogue/one.yaml: it was changed'),
        (lambda files: files.update({'verify.py': b'print("good")'}), 'verify.py: it was changed'),
        (lambda files: files.update({'more.html': b'x'}), 'more.html: it was added'),
        (lambda files: files.update({'attachment': b'x'}), 'attachment: it was added'),
        (lambda files: files.update({'attachments/report.html': b'x'}), 'attachments/report.html: it was added'),
        (lambda files: files.update({'attachments/../r.html': b'x'}), 'attachments/../r.html: it was added'),
        (lambda files: files.update({'records.jsonl.html': b'x'}), 'records.jsonl.html: it was added'),
        (lambda files: files.update({'torn-report.html': b'x'}), 'torn-report.html: it was added'),
        (lambda files: files.update({'lock': b'x'}), 'lock: it was added'),
        (lambda files: files.update({'\x1b[2Jx\n8 records': b'x'}), '\\x1b[2Jx\\n8 records: it was added'),
        (lambda files: files.pop('verify.py'), 'verify.py: it is not there'),
        (lambda files: files.pop('key.pub'), 'key.pub: it is not there'),
        (lambda files: files.update({'key.pub': b'no key'}), 'record 4: it is sealed with another key'),
    ],
    ids=[
        'changed',
        'removed',
        'emptied',
        'verifier',
        'added',
        'alike',
        'among attachments',
        'outside',
        'as records',
        'as torn',
        'as lock',
        'escape',
        'no verifier',
        'no key',
        'bad key',
    ],
)
def test_a_file_beside_the_records_that_was_changed_added_or_removed_is_named(
    pack: Path, change: Callable[[dict[str, bytes]], None], said: str
) -> None:
    code, found = verified(repacked(pack, change))
    assert (code, said in found) == (1, True), found


def test_a_pack_is_of_no_use_without_the_record_of_it_at_its_end(pack: Path) -> None:
    def stripped(files: dict[str, bytes]) -> None:
        for name in ('report.html', 'catalogue/one.yaml', 'verify.py'):
            del files[name]

    def cut_off(files: dict[str, bytes]) -> None:
        stripped(files)
        files['records.jsonl'] = b''.join(files['records.jsonl'].splitlines(keepends=True)[:6])
        for name in [each for each in files if each.startswith('attachments/') and files[each] != b'an answer']:
            del files[name]

    def added_to(files: dict[str, bytes]) -> None:
        last = files['records.jsonl'].splitlines()[-1]
        forged = Draft('canary', 'test', NOW, NOW, 'pass').document(9, digest(last))
        files['records.jsonl'] += canonical(forged) + b'\n'

    whole = pack.read_bytes()
    for change, said in (
        (stripped, 'catalogue/one.yaml: it is not there'), (cut_off, 'record 6: the end was cut off or added to'),
        (added_to, 'record 9: the end was cut off or added to'),
    ):  # fmt: skip
        pack.write_bytes(whole)
        code, found = verified(repacked(pack, change))
        assert (code, said in found) == (1, True), found


def test_a_folder_in_the_pack_that_holds_something_itself_is_named(pack: Path) -> None:
    with zipfile.ZipFile(pack, 'a') as file:
        file.writestr('empty/', b'')
    assert verified(pack)[0] == 0
    with zipfile.ZipFile(pack, 'a') as file:
        file.writestr('report/', b'all is well')
    assert verified(pack) == (1, 'WRONG: report/: it was added; nothing that is sealed names it\n')


@pytest.mark.parametrize('manifest', [b'no list', b'[1]', b'7'])
def test_a_list_of_files_that_is_none_is_one_sentence(ledger: Ledger, tmp_path: Path, manifest: bytes) -> None:
    ledger.append('test', [Draft('pack', 'x.zip', NOW, NOW, attachments={'MANIFEST': ledger.attach(manifest)})])
    pack = tmp_path / 'x.zip'
    with zipfile.ZipFile(pack, 'w') as file:
        for each in ledger.folder.rglob('*'):
            if each.is_file() and each.name not in {'lock', 'key.pem.age'}:
                file.write(each, each.relative_to(ledger.folder))
    code, said = verified(pack)
    assert (code, said.count('\n')) == (2, 1)


def test_a_list_of_files_that_no_seal_covers_counts_for_nothing(pack: Path) -> None:
    false = b'all is well'
    manifest = canonical({'report.html': digest(false)})

    def forged(files: dict[str, bytes]) -> None:
        lines = files['records.jsonl'].splitlines()
        made = Draft('pack', 'x.zip', NOW, NOW, attachments={'MANIFEST': digest(manifest)})
        lines.append(canonical(made.document(9, digest(lines[-1]))))
        files['records.jsonl'] = b''.join(line + b'\n' for line in lines)
        files[f'attachments/{digest(manifest)[:2]}/{digest(manifest)}'] = manifest
        files['report.html'] = false

    code, said = verified(repacked(pack, forged))
    assert code == 1
    assert 'report.html: it was changed' in said or 'catalogue/one.yaml' in said


def test_a_file_that_is_there_twice_is_named(pack: Path) -> None:
    with zipfile.ZipFile(pack, 'a') as file, pytest.warns(UserWarning, match='Duplicate'):
        file.writestr('report.html', b'another')
    assert verified(pack) == (1, 'WRONG: report.html: it is there more than once\n')


def test_a_further_file_does_not_take_the_place_of_the_packs_own(ledger: Ledger, tmp_path: Path) -> None:
    for name in ('records.jsonl', 'verify.py', 'attachments/00/0'):
        with pytest.raises(ValueError, match='own'):
            write_pack(ledger, tmp_path / 'x.zip', {name: b''})


def test_a_pack_by_another_key_than_was_told_is_wrong(pack: Path, tmp_path: Path) -> None:
    code, said = verified(pack, '--key', '0' * 64)
    assert code == 1
    assert 'sealed with the key' in said
    other = Signer.ensure(tmp_path / 'other.pem').public_pem()
    code, said = verified(repacked(pack, lambda files: files.update({'key.pub': other})))
    assert (code, said) == (1, 'WRONG: record 4: it is sealed with another key\n')


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda lines: [*lines[:2], lines[2].replace(b'two', b'tow'), *lines[3:]], 'record 4: it does not follow'),
        (lambda lines: [*lines[:2], lines[2][:-1], *lines[3:]], 'record 3: it is no record'),
        (lambda lines: [*lines[:2], *lines[3:]], 'record 3: it says that it is record 4'),
        (lambda lines: [*lines[:1], lines[2], lines[1], *lines[3:]], 'record 2: it says that it is record 3'),
        (lambda lines: resigned(lines, 2, verdict='fail'), 'its signature is not right'),
        (lambda lines: resigned(lines, 6, signature='AAAA'), 'record 6: its signature is not right'),
        (lambda lines: resigned(lines, 6, signature='!'), 'record 6: its signature is not right'),
        (lambda lines: lines[:3], 'nothing is sealed'),
        (lambda lines: [b'[' * 100_000, *lines[1:]], 'record 1: it is no record'),
    ],
    ids=['flipped', 'cut', 'removed', 'swapped', 'forged', 'no signature', 'no base64', 'no seal', 'deep'],
)
def test_the_first_wrong_place_is_named(
    ledger: Ledger, change: Callable[[list[bytes]], list[bytes]], said: str
) -> None:
    rewritten(ledger, change)
    assert not ledger.verify().good or ledger.verify().sealed == 0
    code, found = verified(ledger.folder)
    assert code == 1
    assert said in found


def test_a_seal_in_the_middle_that_is_forged_is_found_by_the_chain_or_by_asking_every_seal(ledger: Ledger) -> None:
    rewritten(ledger, lambda lines: resigned(lines, 4, signature='AAAA'))
    assert verified(ledger.folder)[1].startswith('WRONG: record 6: its signature')
    assert verified(ledger.folder, '--all-seals')[1].startswith('WRONG: record 4: its signature')


def test_a_pack_that_is_cut_off_is_wrong_or_no_pack(ledger: Ledger, pack: Path) -> None:
    whole = pack.read_bytes()
    for share in (0.0, 0.3, 0.9):
        pack.write_bytes(whole[: int(len(whole) * share)])
        assert verified(pack)[0] in {1, 2}
    assert verified(pack.with_name('absent.zip'))[0] == 2
    with ledger.file.open('ab') as stream:
        stream.write(b'{')
    assert verified(ledger.folder) == (1, 'WRONG: record 9: it is cut off\n')


def test_a_flipped_byte_anywhere_in_the_pack_never_goes_unseen_in_a_record_or_attachment(pack: Path) -> None:
    whole = pack.read_bytes()
    with zipfile.ZipFile(pack) as file:
        infos = {info.filename: info for info in file.infolist()}
    start = infos['records.jsonl'].header_offset + 60
    for place in range(start, start + infos['records.jsonl'].compress_size - 30, 97):
        pack.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        assert verified(pack)[0] in {1, 2}, place


def test_an_attachment_that_was_changed_or_removed_is_named(pack: Path) -> None:
    def changed(files: dict[str, bytes]) -> None:
        files.update({name: b'else' for name in files if name.startswith('attachments/')})

    assert verified(repacked(pack, changed)) == (1, 'WRONG: record 5: its attachment answer.txt was changed\n')

    def removed(files: dict[str, bytes]) -> None:
        for name in [name for name in files if name.startswith('attachments/')]:
            del files[name]

    assert verified(repacked(pack, removed)) == (1, 'WRONG: record 5: its attachment answer.txt is not there\n')


def test_without_openssl_it_says_so(pack: Path, tmp_path: Path) -> None:
    code, said = verified(pack, path=str(tmp_path))
    assert code == 2
    assert 'openssl' in said


def test_a_ledger_that_is_not_in_order_is_not_packed(ledger: Ledger, tmp_path: Path) -> None:
    rewritten(ledger, lambda lines: [*lines[:2], *lines[3:]])
    with pytest.raises(AnlanError, match='not packed: record 3'):
        write_pack(ledger, tmp_path / 'evidence.zip')
    assert not list(tmp_path.glob('*.zip')) + list(tmp_path.glob('.*.part'))
