"""Inspection: the intrusion detection of the firewall pair."""

from __future__ import annotations

from typing import Literal

from anlan.platform.base import Section, key


class Inspection(Section):
    """What looks into the traffic that the firewalls let pass."""

    on_failure: Literal['open', 'closed'] = key(
        'open',
        'What becomes of traffic while nothing inspects it: `open` lets pass what the flows declare, `closed` nothing. '
        'The rules of the firewall and the block list hold either way.',
        'open',
    )
    rule_set_maximum_age_days: int = key(
        180,
        'A licensed set of rules that is older raises an alarm (guideline for high-risk items of GB/T 22239: 180 days).',
        180, unit='days', ge=1, le=3650,
    )  # fmt: skip
