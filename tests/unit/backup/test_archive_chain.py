"""The chain of the exported archive: whole it is verified, and each change is named by the record's number."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backup.archive_chain import EXPORT, FILE_NAME, GENESIS, NOTHING, digest, verified
from backup.file_trials import chain_of
from backup.policies_file import load_policies
from backup.port import Snapshot

from .moments import at


def export(count: int = 4) -> list[str]:
    lines, previous = [], GENESIS
    for sequence in range(1, count + 1):
        content = json.dumps(
            {'sequence': sequence, 'learner': f'王{sequence}', 'title': 'a\u2028b\tc'}, ensure_ascii=False
        )
        sha256 = digest(previous, content)
        lines.append(
            json.dumps(
                {'sequence': sequence, 'previous_sha256': previous, 'sha256': sha256, 'content': content},
                ensure_ascii=False,
            )
        )
        previous = sha256
    return [*lines, json.dumps({'head': previous, 'sequence': count})]


def changed(line: str, **values: object) -> str:
    return json.dumps(json.loads(line) | values)


def test_a_whole_chain_is_verified_from_the_first_record_to_the_head() -> None:
    found = verified(export(4))
    assert (found.records, found.checks, found.problems, found.reason, found.whole) == (4, 5, (), '', True)


def test_a_changed_content_is_named() -> None:
    lines = export()
    lines[1] = changed(lines[1], content=json.loads(lines[1])['content'].replace('王2', '李2'))
    assert verified(lines).problems == ('record 2: its content does not match its hash',)


def test_a_record_with_a_new_hash_of_its_own_is_named_by_the_one_after_it() -> None:
    lines = export()
    record = json.loads(lines[1])
    content = record['content'].replace('王2', '李2')
    lines[1] = changed(lines[1], content=content, sha256=digest(record['previous_sha256'], content))
    assert verified(lines).problems == ('record 3: does not follow the record before it',)


def test_one_flipped_byte_anywhere_is_caught() -> None:
    lines = export(2)
    for number, line in enumerate(lines):
        for place in range(len(line)):
            flipped = line[:place] + chr(ord(line[place]) ^ 1) + line[place + 1 :]
            try:
                if json.loads(flipped) == json.loads(line):
                    continue
            except ValueError:
                pass
            assert verified([*lines[:number], flipped, *lines[number + 1 :]]).problems, flipped


@pytest.mark.parametrize(
    ('gone', 'said'),
    [
        ((0,), 'record 1 is missing, the next one is 2'),
        ((1, 2), 'records 2 to 3 are missing, the next one is 4'),
        ((3,), 'record 4 is missing, the head is at 4'),
        ((1, 2, 3), 'records 2 to 4 are missing, the head is at 4'),
        ((0, 1, 2, 3), 'records 1 to 4 are missing, the head is at 4'),
        ((4,), 'the head is missing: what came after record 4 is not known'),
        ((2, 3, 4), 'the head is missing: what came after record 2 is not known'),
    ],
)
def test_what_was_removed_is_named(gone: tuple[int, ...], said: str) -> None:
    assert verified([line for number, line in enumerate(export()) if number not in gone]).problems == (said,)


def test_records_that_changed_places_are_named() -> None:
    one, two, three, four, head = export()
    assert verified([one, three, two, four, head]).problems[:2] == (
        'record 2 is missing, the next one is 3', 'record 2 stands after record 3',
    )  # fmt: skip
    swapped = [changed(three, sequence=2), changed(two, sequence=3)]
    problems = ' '.join(verified([one, *swapped, four, head]).problems)
    assert 'record 2: does not follow' in problems
    assert 'record 3: does not follow' in problems
    assert 'record 2: its content is that of record 3' in problems


def test_a_record_that_is_there_twice_is_named() -> None:
    lines = export()
    assert 'record 2 is there twice' in verified([*lines[:2], lines[1], *lines[2:]]).problems


def test_a_line_that_is_cut_in_the_middle_is_no_record() -> None:
    lines = export()
    problems = verified([*lines[:2], lines[2][:30]]).problems
    assert problems == (
        'line 3, after record 2, is neither a record nor the head',
        'the head is missing: what came after record 2 is not known',
    )


@pytest.mark.parametrize('line', ['', 'null', '[1]', '{}', '{"sequence": true}', '{"sequence": "1", "head": "x"}',
                                  '{"sequence": 1, "sha256": "a", "previous_sha256": "b"}', '[' * 100_000])  # fmt: skip
def test_what_is_no_record_is_said_and_breaks_nothing(line: str) -> None:
    assert verified([line]).problems
    assert not verified([line]).whole


def test_a_head_that_names_another_hash_or_an_earlier_record_is_refused() -> None:
    lines = export()
    assert 'is not the one that the head names' in verified([*lines[:4], changed(lines[4], head='f' * 64)]).problems[0]
    assert 'which is 3' in verified([*lines[:4], changed(lines[4], sequence=3)]).problems[0]
    assert verified([*lines, lines[4]]).problems == ('the chain has 2 heads',)


def test_without_a_record_and_a_head_nothing_is_wrong_and_nothing_is_verified() -> None:
    found = verified([])
    assert (found.checks, found.problems, found.reason, found.whole) == (0, (), NOTHING, False)


def test_a_head_that_says_that_there_is_no_record_verifies_an_empty_chain() -> None:
    found = verified([json.dumps({'head': GENESIS, 'sequence': 0})])
    assert (found.checks, found.problems, found.whole) == (1, (), True)
    assert not verified([json.dumps({'head': 'f' * 64, 'sequence': 0})]).whole


def test_many_flaws_are_counted_and_not_all_named() -> None:
    lines = [changed(line, content='{}') for line in export(40)[:-1]]
    assert verified(lines).problems[-1] == 'and 36 more flaws of the chain'


def test_the_policy_exports_by_the_statement_that_restored_databases_are_asked_by() -> None:
    policy = next(each for each in load_policies() if each.name == 'archive')
    (source,) = policy.sources
    assert source.file_name == FILE_NAME
    assert ' '.join(source.command[-1].split()) == EXPORT
    assert '--dbname=learning' in source.command


def test_the_archive_of_a_restored_snapshot_is_verified_and_of_others_nothing_is_asked(tmp_path: Path) -> None:
    def snapshot(*paths: str) -> Snapshot:
        return Snapshot('x', 'archive', 'db-1', at(0), at(1), paths)

    where = f'/var/lib/staging/{FILE_NAME}'
    assert chain_of(snapshot('/var/lib/other'), tmp_path).problems == ()
    assert chain_of(snapshot(where), tmp_path).problems == (
        f'{FILE_NAME} did not come back: No such file or directory',
    )
    file = tmp_path / where.lstrip('/')
    file.parent.mkdir(parents=True)
    file.write_text('\n'.join(export()) + '\n', encoding='utf-8')
    assert chain_of(snapshot(where), tmp_path).checks == 5
    file.write_bytes(file.read_bytes().replace(b'\xe7', b'\xff', 1))
    assert not chain_of(snapshot(where), tmp_path).whole
