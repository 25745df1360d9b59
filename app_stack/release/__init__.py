"""Packing the learning platform: one tar file with everything that an app host without a way out needs."""

from __future__ import annotations

from app_stack.release.build import build_release
from app_stack.release.identity import release_id
from app_stack.release.model import PackingFailed, Release

__all__ = ['PackingFailed', 'Release', 'build_release', 'release_id']
