"""Delivery: caches between the learners and the origin, and who may fetch what."""

from __future__ import annotations

from anlan.platform.base import Section, key


class Delivery(Section):
    """The content delivery network: edges (level 1), shield on the balancers (level 2), origin on the app hosts."""

    signed_url_seconds: int = key(
        14400, 'How long the address of restricted media is good.', 14400, unit='s', ge=60, le=604800
    )
