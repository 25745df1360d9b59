"""Delivery: caches between the learners and the origin, and who may fetch what."""

from __future__ import annotations

from anlan.platform.base import Section, key


class Delivery(Section):
    """The content delivery network: edges (level 1), shield on the balancers (level 2), origin on the app hosts."""

    signed_url_seconds: int = key(
        14400, 'How long the address of restricted media is good.', 14400, unit='s', ge=60, le=604800
    )
    clock_skew_seconds: int = key(
        60, 'How far the clocks of an edge and of who signs may differ.', 60, unit='s', ge=0, le=3600
    )
    revalidate_seconds: int = key(
        86400,
        'After how long an edge asks the origin whether what it has still holds; meanwhile it serves what it has.',
        86400, unit='s', ge=1, le=31536000,
    )  # fmt: skip
    cache_bytes: int = key(
        1_073_741_824, 'How much each edge and each balancer keeps on disk.', 1_073_741_824, unit='bytes', ge=16_777_216
    )
    disk_reserve_bytes: int = key(
        67_108_864, 'Room on the disk of a cache below which nothing more is stored.', 67_108_864, unit='bytes',
        ge=1_048_576,
    )  # fmt: skip
