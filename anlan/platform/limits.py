"""Limits: how much one source may ask before it is held back."""

from __future__ import annotations

from anlan.platform.base import Section, key


class Limits(Section):
    """What one source may do, and what a flood from it may cost the others."""

    lost_share_under_attack: float = key(
        0.01, "Share of a learner's requests that may fail while another source attacks.", 0.01, ge=0, le=1
    )
