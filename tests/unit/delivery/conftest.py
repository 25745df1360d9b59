"""The program as a shell calls it, here too."""

from __future__ import annotations

from tests.unit.cli.conftest import anlan, platform_file, sample

__all__ = ['anlan', 'platform_file', 'sample']
