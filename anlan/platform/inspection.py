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
        'A licensed set of rules that is older raises an alarm (guideline for high-risk items of GB/T 22239: 180).',
        180, unit='days', ge=1, le=3650,
    )  # fmt: skip
    memory_mib: int = key(
        1024,
        'Memory that the inspecting process may use; beyond it the host ends it and starts it anew. Our own rules take '
        '60 MiB, 20,000 rules 160 MiB, and twice that while new ones are read.',
        1024, unit='MiB', ge=256,
    )  # fmt: skip
