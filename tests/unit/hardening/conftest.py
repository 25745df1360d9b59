from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.hardening.guarded import Guarded


@pytest.fixture
def guarded(tmp_path: Path) -> Guarded:
    return Guarded.make(tmp_path)
