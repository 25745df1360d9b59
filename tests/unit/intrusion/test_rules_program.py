"""A set of rules is in force only after Suricata has taken it; whatever goes wrong, the one before stays."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.unit.intrusion.programs import program

rules = program('intrusion-rules')
GOOD = 'alert tcp any any -> any any (msg:"x"; sid:9020001;)\n# alert tcp out of use\n'
BROKEN = 'alert tcp any any -> any any (msg:"x" sid:broken;)\n'
# Takes any rules in which nobody wrote `broken`, as the real one does.
SURICATA = """#!/bin/sh
echo try >> "$CALLS"
while [ $# -gt 0 ]; do [ "$1" = -S ] && file=$2; shift; done
if grep -q sid:broken "$file"; then echo 'E: detect-parse: no terminating ";" found' >&2; exit 1; fi
"""
SURICATASC = '#!/bin/sh\necho "read $3" >> "$CALLS"\nexit "${SC_CODE:-0}"\n'


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A firewall's folders with rules of ours, and programs that stand in for Suricata's."""
    settings, state, run = (tmp_path / name for name in ('etc', 'state', 'run'))
    for folder in (settings / 'rules', settings / 'licensed', state, run, tmp_path / 'bin'):
        folder.mkdir(parents=True)
    for name, text in (('suricata', SURICATA), ('suricatasc', SURICATASC)):
        file = tmp_path / 'bin' / name
        file.write_text(text)
        file.chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path / "bin"}:{os.environ["PATH"]}')
    monkeypatch.setenv('CALLS', str(tmp_path / 'calls'))
    for name, value in (('SETTINGS', settings), ('STATE', state), ('RUN', run), ('STILL_SECONDS', 0.2)):
        monkeypatch.setattr(rules, name, value)
    for name in ('learners', 'inside', 'refused'):
        (settings / 'rules' / f'{name}.rules').write_text(GOOD)
    for sensor in ('inline', 'refused'):
        (run / f'{sensor}.command').touch()
    monkeypatch.setattr('sys.argv', ['intrusion-rules'])
    return tmp_path


def calls(place: Path) -> list[str]:
    file = place / 'calls'
    found = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return found


def noted(place: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place / 'state' / 'sets.json').read_text())
    return found


def test_good_rules_are_tried_then_read_and_not_again_while_they_are_the_same(place: Path) -> None:
    assert rules.main() == 0
    assert [call.split()[0] for call in calls(place)] == ['try', 'read', 'try', 'read']
    assert noted(place)['inline'] | {'applied_at': 0} == {
        'own': 2, 'licensed': 0, 'licensed_at': None, 'applied_at': 0,
    }  # fmt: skip
    assert rules.main() == 0
    assert calls(place) == []


def test_broken_rules_are_refused_with_the_reason_and_those_before_stay(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rules.main() == 0
    before = (place / 'state' / 'inline.rules').read_text()
    calls(place)
    (place / 'etc' / 'rules' / 'inside.rules').write_text(BROKEN)
    assert rules.main() == 1
    assert 'no terminating' in capsys.readouterr().err
    assert calls(place) == ['try']
    assert (place / 'state' / 'inline.rules').read_text() == before
    assert noted(place)['failed'] == ['inline']
    assert noted(place)['inline']['own'] == 2
    assert not list((place / 'state').glob('*candidate*'))


def test_what_was_refused_is_forgotten_when_it_is_mended(place: Path) -> None:
    (place / 'etc' / 'licensed' / 'open.rules').write_text(BROKEN)
    assert rules.main() == 1
    (place / 'etc' / 'licensed' / 'open.rules').write_text(GOOD)
    assert rules.main() == 0
    assert noted(place)['failed'] == []
    assert noted(place)['inline']['licensed'] == 1


def test_a_licensed_set_is_for_the_inline_sensor_alone_and_as_old_as_its_newest_file(place: Path) -> None:
    for number, made in enumerate((1_700_000_000, 1_800_000_000)):
        file = place / 'etc' / 'licensed' / f'{number}.rules'
        file.write_text(GOOD)
        os.utime(file, (made, made))
    (place / 'etc' / 'licensed' / 'README').write_text('not rules')
    assert rules.main() == 0
    assert noted(place)['inline']['licensed_at'] == 1_800_000_000
    assert (noted(place)['inline']['licensed'], noted(place)['failed']) == (2, [])
    assert '/etc/licensed/' not in (place / 'state' / 'refused.rules').read_text()


def test_a_licensed_file_that_is_no_text_is_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / 'etc' / 'licensed' / 'x.rules').write_bytes(b'\xff\xfe\x00')
    assert rules.main() == 1
    assert 'x.rules' in capsys.readouterr().err
    assert not (place / 'state' / 'inline.rules').exists()
    assert (place / 'state' / 'refused.rules').exists()


def test_rules_that_suricata_did_not_read_are_given_to_it_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('SC_CODE', '1')
    assert rules.main() == 1
    calls(place)
    monkeypatch.setenv('SC_CODE', '0')
    assert rules.main() == 0
    assert [call.split()[0] for call in calls(place)] == ['read', 'read']
    assert rules.main() == 0
    assert calls(place) == []


def test_a_suricata_that_does_not_run_reads_them_when_it_starts(place: Path) -> None:
    for sensor in ('inline', 'refused'):
        (place / 'run' / f'{sensor}.command').unlink()
    assert rules.main() == 0
    assert calls(place) == ['try', 'try']


def test_a_file_that_is_still_being_copied_is_not_read_by_half(place: Path) -> None:
    file = place / 'etc' / 'licensed' / 'open.rules'
    file.write_text(BROKEN)

    def copy() -> None:
        for number in range(4):
            time.sleep(0.1)
            file.write_text(BROKEN * (number + 2))
        file.write_text(GOOD)

    copying = threading.Thread(target=copy)
    copying.start()
    assert rules.main() == 0
    copying.join()
    assert noted(place)['inline']['licensed'] == 1


def test_a_file_that_changes_while_it_is_tried_is_tried_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = place / 'etc' / 'licensed' / 'open.rules'
    file.write_text(BROKEN)
    tried = rules.tried

    def slow(one: Any, candidate: Path) -> None:
        try:
            tried(one, candidate)
        finally:
            file.write_text(GOOD)

    monkeypatch.setattr(rules, 'tried', slow)
    assert rules.main() == 0
    assert noted(place)['failed'] == []


def test_a_copy_without_end_is_not_waited_for_without_end(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, 'COPY_SECONDS', 0.5)
    states = iter(range(10**6))
    monkeypatch.setattr(rules, 'state_of', lambda folder: [('open.rules', next(states), 0)])
    started = time.monotonic()
    assert rules.main() == 0
    assert time.monotonic() - started < 10
