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
