"""Timing: the settings that decide how long a failover takes, and the worst case that they allow."""

from __future__ import annotations

from typing import ClassVar

from anlan.platform.base import Section, key


class VrrpTiming(Section):
    """keepalived's timing (VRRP version 3, RFC 9568)."""

    advert_interval_seconds: float = key(
        0.1,
        'Interval of VRRP advertisements.',
        0.1,
        unit='s',
        ge=0.05,
        le=10,
    )

    def detection_seconds(self) -> float:
        """Return the longest time after which a backup takes over: 3 adverts and up to one of skew (RFC 9568, 6.1)."""
        return 4 * self.advert_interval_seconds


class HaproxyTiming(Section):
    """HAProxy's health checks."""

    check_interval_milliseconds: int = key(500, 'Interval of checks of a server that is up.', 500, unit='ms', ge=100)
    fast_interval_milliseconds: int = key(200, 'Interval of checks of a server in transition.', 200, unit='ms', ge=50)
    down_interval_milliseconds: int = key(200, 'Interval of checks of a server that is down.', 200, unit='ms', ge=50)
    check_timeout_milliseconds: int = key(1000, 'Time after which a check has failed.', 1000, unit='ms', ge=100)
    fall: int = key(2, 'Failed checks until a server is down.', 2, unit='checks', ge=1, le=10)
    rise: int = key(1, 'Good checks until a server is up.', 1, unit='checks', ge=1, le=10)

    def detection_seconds(self) -> float:
        """Return the longest time until a dead server is down: the first check's wait, then `fall` time-outs."""
        waits = self.check_interval_milliseconds + (self.fall - 1) * self.fast_interval_milliseconds
        return (waits + self.fall * self.check_timeout_milliseconds) / 1000

    def recovery_seconds(self) -> float:
        """Return the longest time until a server that answers again is up."""
        return self.rise * (self.down_interval_milliseconds + self.check_timeout_milliseconds) / 1000


class PatroniTiming(Section):
    """Patroni's leader lease."""

    ttl_seconds: int = key(20, "Time to live of the leader's lease.", 20, unit='s', ge=20)
    loop_wait_seconds: int = key(1, 'Pause between two rounds of Patroni.', 1, unit='s', ge=1)
    retry_timeout_seconds: int = key(3, 'How long etcd and PostgreSQL may not answer.', 3, unit='s', ge=3)
    primary_start_timeout_seconds: int = key(
        0, 'How long a crashed leader may try to start before a replica takes over.', 0, unit='s', ge=0
    )
    maximum_lag_mib: int = key(1, 'Replicas further behind than this do not become leader.', 1, unit='MiB', ge=1)

    REST_TIMEOUT_SECONDS: ClassVar[float] = 2.0
    PROMOTION_SECONDS: ClassVar[float] = 3.0

    def host_loss_seconds(self) -> float:
        """Return the longest time without a leader after the loss of its host.

        The lease, renewed in full once more when etcd's leader was lost with it (its successor needs up to an
        election), the fixed 2 s of Patroni's REST time-out to the dead member, one loop, and the promotion. Measured:
        worst 29.5 s of 23 runs with ttl 20, loop_wait 1.
        """
        election_seconds = 4.0
        return (
            self.ttl_seconds + election_seconds + self.REST_TIMEOUT_SECONDS
            + self.loop_wait_seconds + self.PROMOTION_SECONDS
        )  # fmt: skip

    def crash_seconds(self) -> float:
        """Return the longest time without a leader after a crash of PostgreSQL alone."""
        return 2 * self.loop_wait_seconds + self.primary_start_timeout_seconds + self.PROMOTION_SECONDS - 1


class SentinelTiming(Section):
    """Valkey Sentinel."""

    down_after_milliseconds: int = key(3000, 'Silence after which a master is down.', 3000, unit='ms', ge=500)
    failover_timeout_milliseconds: int = key(10000, 'Time for one try of a failover.', 10000, unit='ms', ge=1000)


class Timing(Section):
    """Every setting that a recovery time comes from."""

    vrrp: VrrpTiming = key(VrrpTiming, 'Virtual addresses.', {'advert_interval_seconds': 0.1})
    haproxy: HaproxyTiming = key(HaproxyTiming, 'Health checks.', {'fall': 2})
    patroni: PatroniTiming = key(PatroniTiming, 'Leader lease of the database.', {'ttl_seconds': 20})
    sentinel: SentinelTiming = key(SentinelTiming, 'Failover of the cache.', {'down_after_milliseconds': 3000})
