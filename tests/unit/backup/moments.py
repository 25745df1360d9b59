"""Moments for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def at(seconds: float) -> datetime:
    """Given seconds, return the moment so long after the beginning of all tests."""
    return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=seconds)
