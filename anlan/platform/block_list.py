"""Block list: how long a source that attacked is shut out, and who never is."""

from __future__ import annotations

from anlan.platform.base import Section, key


class BlockList(Section):
    """Sources that attacked, shut out on every firewall and edge."""

    seconds: int = key(600, 'How long a source is shut out.', 600, unit='s', ge=1, le=86400)
