"""Size mini: one host of each tier but three for data; it promises no availability, and comes up all the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anlan.paths import ROOT
from tests.lab.standing import Standing


@pytest.mark.long
def test_a_mini_platform_comes_up_whole_beside_the_full_one(standing: Standing, tmp_path: Path) -> None:
    file = tmp_path / 'mini.yaml'
    text = (ROOT / 'infra' / 'platforms' / 'test.yaml').read_text(encoding='utf-8')
    changed = {
        'name: test': 'name: test-mini',
        'size: full': 'size: mini',
        '198.19.': '198.19.1',
        'learn.test': 'learn.mini',
    }
    for before, after in changed.items():
        text = text.replace(before, after)
    file.write_text(text, encoding='utf-8')
    try:
        up = standing.anlan('up', '-p', str(file))
        assert up.returncode == 0, up.stdout + up.stderr
        status = json.loads(standing.anlan('status', '-p', str(file), '--json').stdout)
        assert status['state'] == 'ok'
        assert len(status['hosts']) == 11
    finally:
        down = standing.anlan('down', '--yes', '-p', str(file))
    assert down.returncode == 0, down.stderr
