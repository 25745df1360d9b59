"""The main site and the operator's machine are lost: the platform stands again, of the other site and the kit alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.offsite_rebuild import GOAL_SECONDS, lose_and_rebuild
from tests.lab.standing import Standing


@pytest.mark.long
def test_a_lost_site_is_rebuilt_and_no_acknowledged_write_is_gone(whole: Standing, tmp_path: Path) -> None:
    vault = whole.container('vault-1').id
    found = lose_and_rebuild(whole, tmp_path)
    print(f'\n  {found}')
    assert whole.container('vault-1').id == vault
    assert found.lost == 0
    assert found.acknowledged > 50
    assert found.records_after > found.records_before
    assert found.seconds <= GOAL_SECONDS
    whole.wait_whole(60)
