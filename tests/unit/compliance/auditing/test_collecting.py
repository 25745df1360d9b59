"""Collecting: what a host that means ill may say, what is never kept of an answer, and faults that go away again."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from anlan.errors import AnlanError
from anlan.remote import Result
from compliance import collecting
from compliance.answer import Answer, Silence
from compliance.collecting import HIDDEN, Collector
from compliance.observation import Observation
from compliance.violation import run

SECRET = 'Zq3-vB7_wK1xM9pL2sT8'


def answer(command: str = 'ask', **more: Any) -> dict[str, Any]:
    return {'command': command, 'code': 0, 'out': '', 'err': '', 'asked': 'now', 'seconds': 0.1, **more}


class Says:
    """A host that says a text to a batch."""

    def __init__(self, text: str) -> None:
        self.text = text

    def run(self, host: str, argv: list[str], deadline_seconds: float, stdin: str | None = None) -> Result:
        return Result(0, self.text, '', 0.1)


class Runs:
    """A host that runs the program of a batch: this machine, with a systemd that notes what it is told."""

    def __init__(self, folder: Path, *, leased: bool = False) -> None:
        self.log = folder / 'log'
        for name in ('systemctl', 'systemd-run'):
            file = folder / name
            file.write_text(
                f'#!/bin/sh\necho "{name} $*" >> {self.log}\n[ "$1" != is-active ] || {str(leased).lower()}\n'
            )
            file.chmod(0o755)
        self.path = f'{folder}:{os.environ["PATH"]}'

    def run(self, host: str, argv: list[str], deadline_seconds: float, stdin: str | None = None) -> Result:
        done = subprocess.run(
            [sys.executable, '-'], input=stdin, env={'PATH': self.path}, capture_output=True, text=True, check=False
        )
        return Result(done.returncode, done.stdout, done.stderr, 0.1)


def said(text: str, commands: tuple[str, ...] = ('ask',), secrets: tuple[str, ...] = (SECRET,)) -> Any:
    return Collector(Says(text), secrets).fetch({'db-1': commands})['db-1']  # type: ignore[arg-type]


@pytest.mark.parametrize(
    'text',
    [
        '', 'no JSON', '5', 'null', '[[]]', '{"answers": 5}', '{"answers": [5]}', '{"answers": [{}]}', '[' * 100_000,
        json.dumps({'answers': [answer(code='0')]}), json.dumps({'answers': [answer(code=True)]}),
        json.dumps({'answers': [answer(out=None)]}), json.dumps({'answers': [answer(more=1)]}),
        '{"answers": [' + json.dumps(answer()).replace('0.1', 'NaN') + ']}', '{"answers": [{"command": ["ask"]}]}',
    ],
)  # fmt: skip
def test_a_host_that_says_what_is_no_answer_is_silent_and_stops_nobody(text: str) -> None:
    found = said(text)
    assert isinstance(found, Silence)
    assert 'gave no answers' in found.reason


def test_what_a_host_was_not_asked_is_not_kept_for_it_would_be_asked_as_root() -> None:
    assert set(said(json.dumps({'answers': [answer(), answer('rm -rf /')]}))) == {'ask'}


def test_half_a_character_is_kept_as_one_that_can_be_written_down() -> None:
    found = said('{"answers": [' + json.dumps(answer(out='X')).replace('"X"', r'"\ud800"') + ']}')
    assert Observation('lab', '', '', {}, {'db-1': found}).packed()


@pytest.mark.parametrize(
    'spelled',
    [
        SECRET, SECRET.encode().hex(), base64.b64encode(f'anlan:{SECRET}'.encode()).decode(),
        base64.b64encode(f'u:{SECRET}\n'.encode()).decode(), base64.urlsafe_b64encode(f'{SECRET}?'.encode()).decode(),
    ],
)  # fmt: skip
def test_no_spelling_of_a_secret_is_kept(spelled: str) -> None:
    for place in ('out', 'err'):
        found = said(json.dumps({'answers': [answer(**{place: f'a {spelled} b'})]}))
        kept = getattr(found['ask'], place)
        assert HIDDEN in kept
        assert spelled[4:-6] not in kept


def test_the_part_of_a_secret_that_a_cut_left_is_not_kept() -> None:
    text = f'password {SECRET[:-3]}\n[cut: 300000 bytes in all]'
    kept = said(json.dumps({'answers': [answer(out=text)]}))['ask']
    assert SECRET[:8] not in kept.out
    assert kept.missing == 'it said more than is kept'


def test_a_fault_that_could_not_be_planted_says_why_without_a_secret() -> None:
    document = {'answers': [], 'planted': answer(code=1, err=f'no {SECRET}'), 'undone': answer()}
    with pytest.raises(AnlanError, match='was not planted: no') as raised:
        Collector(Says(json.dumps(document)), (SECRET,)).with_violation('db-1', run('a', 'b'), ['ask'])  # type: ignore[arg-type]
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize('text', ['', '{}', '{"answers": [], "planted": null, "undone": null}'])
def test_who_plants_a_fault_is_told_if_it_is_not_known_what_became_of_it(text: str) -> None:
    with pytest.raises(AnlanError, match='is not known'):
        Collector(Says(text)).with_violation('db-1', run('a', 'b'), ['ask'])  # type: ignore[arg-type]


def ran(folder: Path, *commands: str) -> dict[str, Answer]:
    found = Collector(Runs(folder)).fetch({'db-1': commands})['db-1']  # type: ignore[arg-type]
    assert not isinstance(found, Silence), found
    return found


def test_a_host_answers_with_output_errors_and_code(tmp_path: Path) -> None:
    found = ran(tmp_path, 'echo hello; echo oh >&2; exit 3')['echo hello; echo oh >&2; exit 3']
    assert (found.code, found.out, found.err, found.missing) == (3, 'hello\n', 'oh\n', '')


def test_what_a_command_writes_without_an_end_is_cut_and_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, 'COMMAND_SECONDS', 1)
    found = ran(tmp_path, 'yes', 'head -c 300000 /dev/zero')
    assert len(found['yes'].out) < 300_000
    assert (found['yes'].code, found['yes'].missing) == (124, 'it did not end in time')
    assert found['head -c 300000 /dev/zero'].missing == 'it said more than is kept'


def test_who_goes_on_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    started = time.monotonic()
    assert ran(tmp_path, 'echo here; setsid sleep 15 &')['echo here; setsid sleep 15 &'].out == 'here\n'
    assert time.monotonic() - started < 10


def test_what_there_was_no_time_for_is_left_out_and_the_rest_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, 'ALL_SECONDS', 0.5)
    assert len(ran(tmp_path, *(f'sleep 0.4; echo {number}' for number in range(8)))) in range(2, 7)


def test_a_fault_is_leased_before_it_is_planted_and_taken_back(tmp_path: Path) -> None:
    host, planted = Runs(tmp_path), tmp_path / 'planted'
    fault = run(f'grep -q systemd-run {host.log} && touch {planted}', f'rm -f {planted}')
    found = Collector(host).with_violation('db-1', fault, [f'ls {planted}'])  # type: ignore[arg-type]
    assert found[f'ls {planted}'].code == 0
    assert not planted.exists()
    assert host.log.read_text().splitlines()[-1] == 'systemctl stop anlan-violation.timer'


def test_a_fault_that_somebody_left_is_taken_back_before_another_is_planted(tmp_path: Path) -> None:
    """Its timer would be stopped for the new one's, and nobody would ever take it back."""
    host = Runs(tmp_path, leased=True)
    Collector(host).with_violation('db-1', run('true', 'true'), ['true'])  # type: ignore[arg-type]
    lines = host.log.read_text().splitlines()
    assert lines.index('systemctl start --wait anlan-violation.service') < next(
        number for number, line in enumerate(lines) if line.startswith('systemd-run')
    )


def test_two_do_not_plant_faults_on_a_host_at_once(tmp_path: Path) -> None:
    folder = os.open('/run', os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(AnlanError, match='somebody else plants'):
            Collector(Runs(tmp_path)).with_violation('db-1', run('true', 'true'), ['true'])  # type: ignore[arg-type]
    finally:
        os.close(folder)
    assert not (tmp_path / 'log').exists()


def test_a_batch_comes_back_before_it_is_given_up_and_before_its_lease_is_over() -> None:
    probe: dict[str, Any] = {'BATCH': {'commands': [], 'seconds': 1, 'seconds_in_all': 1, 'at_once': 1}}
    exec(collecting.PROBE.read_text(encoding='utf-8'), probe)
    slowest_settling, each = 1, collecting.COMMAND_SECONDS
    meanwhile = each + slowest_settling + collecting.ALL_WITH_FAULT_SECONDS + each
    assert collecting.ALL_SECONDS + each < collecting.BATCH_SECONDS
    assert meanwhile <= probe['LEASE_SECONDS'] + slowest_settling
    assert meanwhile + each < collecting.BATCH_SECONDS
