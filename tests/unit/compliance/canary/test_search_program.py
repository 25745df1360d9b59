from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import os
import shutil
import subprocess
import sys
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from anlan.synthetic_person import synthetic_person
from compliance.canary import containers, finder, search_program
from compliance.canary.needle import CanaryPerson, Needle, Purpose
from compliance.canary.searching import question_of, search_script
from compliance.canary.spelling import spellings

PERSON = synthetic_person('searched for')
NEEDLES = (
    Needle('real name', PERSON.real_name),
    Needle('identity number', PERSON.identity_number[:17]),
    Needle('mobile phone', PERSON.mobile_phone),
    Needle('control', 'anlan-control-0123456789abcdef', Purpose.CONTROL),
)
NAME = PERSON.real_name.encode()
PHONE = PERSON.mobile_phone.encode()


def search(folder, **changes):
    """Run the program as it runs on a host: from standard input, in a process of its own."""
    question = {**question_of(NEEDLES, 60, time.time()), 'roots': [str(folder)], **changes}
    done = subprocess.run(
        [sys.executable, '-I', '-'],
        input=search_script(question),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert not any(needle.text in done.stdout for needle in NEEDLES)
    return json.loads(done.stdout)


def found(answer):
    return {(hit['needle'], Path(hit['path']).name) for hit in answer['hits']}


def test_every_spelling_of_every_needle_is_found_where_it_stands(tmp_path):
    wanted = {}
    for number, (word, needle) in enumerate((word, each) for each in NEEDLES for word in spellings(each.text)):
        folder = tmp_path / str(number % 7)
        folder.mkdir(exist_ok=True)
        (folder / f'{number}.bin').write_bytes(os.urandom(1000 + number) + word + os.urandom(100))
        wanted[f'{number}.bin'] = (needle.name, 1000 + number)
    answer = search(tmp_path)
    # The limit on what is listed is for each needle; what was counted is all.
    assert answer['hits'] and answer['skipped'] == [] and answer['complete']
    listed = {Path(hit['path']).name: (hit['needle'], hit['offset']) for hit in answer['hits']}
    assert all(wanted[name] == place for name, place in listed.items())
    per_needle = {needle.name: sum(name == needle.name for name, _ in wanted.values()) for needle in NEEDLES}
    for name, count in per_needle.items():
        files = {hit['path'] for hit in answer['hits'] if hit['needle'] == name}
        assert len(files) == min(count, search_program.HITS_LIMIT), name


def test_no_needle_means_no_hit_in_much_that_looks_like_them(tmp_path):
    (tmp_path / 'random').write_bytes(os.urandom(2 << 20))
    (tmp_path / 'masked').write_text('测*********** 005***********4105 154****0951\n' * 1000)
    (tmp_path / 'others').write_text(
        '\n'.join(vars(synthetic_person(str(seed)))['mobile_phone'] for seed in range(5000))
    )
    answer = search(tmp_path)
    assert (answer['hits'], answer['files']) == ([], 3)


@pytest.mark.parametrize('where', [-20, -6, -1, 0, 5])
def test_a_needle_across_the_border_of_two_reads_is_found_once(tmp_path, where):
    offset = search_program.CHUNK_BYTES + where
    (tmp_path / 'large').write_bytes(bytes(offset) + NAME + bytes(search_program.CHUNK_BYTES))
    hits = search(tmp_path)['hits']
    assert [(hit['needle'], hit['offset'], hit['times']) for hit in hits] == [('real name', offset, 1)]


def test_in_a_file_with_holes_the_offset_is_right_and_the_holes_are_not_read(tmp_path):
    with (tmp_path / 'sparse').open('wb') as file:
        file.seek(3 << 30)
        file.write(PHONE)
        file.truncate(5 << 30)
    started = time.monotonic()
    answer = search(tmp_path)
    assert [hit['offset'] for hit in answer['hits']] == [3 << 30]
    assert time.monotonic() - started < 20


# What valkey-server 8.1 saved of one session with the person of these tests; the name is in it twice, compressed.
SNAPSHOT = base64.b64decode(
    'UkVESVMwMDEx+gp2YWxrZXktdmVyBTguMS4x+gpyZWRpcy1iaXRzwED6BWN0aW1lwppeB2v6CHVzZWQtbWVtwvBCDgD6CGFv'
    'Zi1iYXNlwAD+APsBAAAHc2Vzc2lvbsNAU0CGH3sibmFtZSI6ICLmtYvor5XCt+eSqeadsumAr+mVkOmcA5bmm6YgAgPpn6sg'
    '4BcgByIsICJwaG9uYE0KMTU0MjY3MjA3NjJgCgIifWHgEAABYWH/E2bsXHTyigc='
)


def test_a_snapshot_of_a_cache_holds_its_strings_compressed_and_is_opened(tmp_path):
    assert NAME not in SNAPSHOT
    (tmp_path / 'dump.rdb').write_bytes(SNAPSHOT)
    answer = search(tmp_path)
    assert (answer['opened'], answer['skipped']) == (1, [])
    assert {(hit['needle'], hit['kind']) for hit in answer['hits']} == {
        ('real name', 'opened'), ('mobile phone', 'opened'), ('mobile phone', 'file'),
    }  # fmt: skip


def test_noise_that_begins_like_a_snapshot_opens_to_nothing(tmp_path):
    (tmp_path / 'dump.rdb').write_bytes(b'REDIS0011' + b'\xc3' * 1000 + os.urandom(100_000))
    answer = search(tmp_path)
    assert (answer['opened'], answer['hits'], answer['skipped']) == (1, [], [])


def zipped(content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('inside.txt', content)
    return buffer.getvalue()


def through(program):
    return lambda content: subprocess.run([program, '-qc'], input=content, capture_output=True, check=True).stdout


@pytest.mark.parametrize('pack', [
    gzip.compress, bz2.compress, lzma.compress, zipped,
    lambda content: gzip.compress(b'first') + gzip.compress(content),
    lambda content: gzip.compress(content) + bytes(100),
    pytest.param(through('zstd'), marks=pytest.mark.skipif(not shutil.which('zstd'), reason='no zstd here')),
    pytest.param(through('lz4'), marks=pytest.mark.skipif(not shutil.which('lz4'), reason='no lz4 here')),
])  # fmt: skip
def test_compressed_files_are_opened_whatever_their_name(tmp_path, pack):
    (tmp_path / 'old-log.1').write_bytes(pack(b'line\n' * 10_000 + NAME + b'\n' + os.urandom(10)))
    answer = search(tmp_path)
    assert answer['opened'] == 1
    # Some compressions leave a rare word as it is, so that it is found twice.
    assert ('real name', 'opened') in {(hit['needle'], hit['kind']) for hit in answer['hits']}


@pytest.mark.parametrize('content', [
    gzip.compress(os.urandom(5000))[:-2000], gzip.compress(os.urandom(5000))[:3000] + bytes(2000),
    lzma.compress(os.urandom(5000))[:-100], zipped(os.urandom(5000))[:2000], b'7z\xbc\xaf\x27\x1c' + os.urandom(50),
    b'Rar!\x1a\x07' + os.urandom(50),
])  # fmt: skip
def test_what_cannot_be_opened_is_named_with_its_reason(tmp_path, content):
    (tmp_path / 'broken').write_bytes(content)
    answer = search(tmp_path)
    assert [Path(each['path']).name for each in answer['skipped']] == ['broken']
    assert answer['skipped'][0]['reason'] and answer['places_skipped'] == 1


def test_a_container_that_nothing_opens_and_that_is_older_than_the_needles_is_counted_apart(tmp_path):
    (tmp_path / 'old').write_bytes(b'7z\xbc\xaf\x27\x1c' + os.urandom(50))
    answer = search(tmp_path, since=time.time() + 10_000)
    assert (answer['skipped'], answer['unchanged_containers']) == ([], 1)


def test_a_file_that_opens_to_more_than_anything_honest_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(containers, 'OPENED_LIMIT_BYTES', 1 << 20)
    (tmp_path / 'bomb').write_bytes(zlib.compress(bytes(50 << 20), wbits=31))
    answer = search_program.main({**question_of(NEEDLES, 60, 0), 'roots': [str(tmp_path)]})
    assert 'opens to more than' in answer['skipped'][0]['reason']


def test_a_name_of_a_file_counts_and_is_not_repeated(tmp_path):
    folder = tmp_path / f'certificate of {PERSON.real_name}'
    folder.mkdir()
    (folder / 'page').write_bytes(PHONE)
    answer = search(tmp_path)
    assert {(hit['needle'], hit['kind']) for hit in answer['hits']} == {('real name', 'name'), ('mobile phone', 'file')}
    assert {hit['path'] for hit in answer['hits']} == {f'{tmp_path}/…'}


def test_links_are_not_followed_and_one_file_under_two_names_is_searched_once(tmp_path):
    outside = tmp_path / 'outside'
    outside.write_bytes(NAME)
    inside = tmp_path / 'inside'
    inside.mkdir()
    (inside / 'link').symlink_to(outside)
    assert search(inside)['hits'] == []
    (inside / 'a').write_bytes(PHONE)
    (inside / 'b').hardlink_to(inside / 'a')
    os.mkfifo(inside / 'pipe')
    answer = search(inside)
    assert (answer['files'], len(answer['hits'])) == (1, 1)


def test_a_search_that_is_too_slow_says_that_it_was_not_finished(tmp_path):
    (tmp_path / 'file').write_bytes(NAME)
    answer = search(tmp_path, deadline_seconds=-1)
    assert (answer['complete'], answer['hits']) == (False, [])


def test_a_folder_that_may_not_be_read_is_named(tmp_path):
    if os.geteuid() == 0:
        pytest.skip('root may read everything')
    (tmp_path / 'closed').mkdir(mode=0)
    assert [Path(each['path']).name for each in search(tmp_path)['skipped']] == ['closed']


def test_many_hits_of_one_needle_do_not_crowd_out_another(tmp_path):
    for number in range(200):
        (tmp_path / f'{number:03}').write_text('anlan-control-0123456789abcdef\n' * 3)
    (tmp_path / 'zzz').write_bytes(NAME)
    answer = search(tmp_path)
    assert ('real name', 'zzz') in found(answer)


def test_a_deleted_file_that_is_still_open_is_searched(tmp_path):
    search_ = search_program.Search(question_of(NEEDLES, 60, time.time()))
    with (tmp_path / 'gone').open('w+b') as file:
        file.write(NAME)
        file.flush()
        (tmp_path / 'gone').unlink()
        search_.deleted(f'/proc/{os.getpid()}/fd/{file.fileno()}', 'python3')
    assert [hit['path'] for hit in search_.hits.values()] == ['deleted file of python3']


def test_the_memory_of_a_program_is_searched():
    keeper = subprocess.Popen(
        [sys.executable, '-c', 'import sys; kept = sys.stdin.readline(); print(flush=True); sys.stdin.read()'],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        keeper.stdin.write(PHONE + b'\n')
        keeper.stdin.flush()
        keeper.stdout.readline()
        search_ = search_program.Search(question_of(NEEDLES, 60, time.time()))
        search_.memory(str(keeper.pid), 'keeper')
    finally:
        keeper.kill()
        keeper.communicate()
    if search_.skipped:
        pytest.skip('the memory of another process may not be read here')
    assert ('mobile phone', 'memory of keeper') in {(hit['needle'], hit['path']) for hit in search_.hits.values()}


def test_the_finder_finds_words_that_overlap_and_words_within_words():
    words = finder.Finder([b'abcdefghijkl', b'cdefghijklmn', b'defghijk'])
    assert sorted(words.found(b'..abcdefghijklmn')) == [
        (2, b'abcdefghijkl'), (4, b'cdefghijklmn'), (5, b'defghijk'),
    ]  # fmt: skip


def test_the_question_and_the_program_hold_nothing_but_what_is_on_standard_input():
    canary = CanaryPerson.hatched()
    script = search_script(question_of(canary.needles(), 60, 0))
    assert canary.person.mobile_phone not in script
    assert base64.b64encode(canary.person.mobile_phone.encode()).decode() in script
