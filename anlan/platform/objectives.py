"""Objectives: what the platform promises, each a number that a test measures."""

from __future__ import annotations

from anlan.platform.base import Section, key


class Objectives(Section):
    """The longest times that each loss may cost a learner. Tests, alerts and drills read them from here."""

    virtual_address_move_seconds: float = key(
        1.0, 'A firewall or balancer is lost: no answer from the virtual address.', 1.0, unit='s', gt=0
    )
    backend_loss_seconds: float = key(
        3.5, 'An app host is lost: until no request is sent to it any more.', 3.5, unit='s', gt=0
    )
    edge_loss_seconds: float = key(
        5.0, "An edge is lost: until the client's next request is served by another.", 5.0, unit='s', gt=0
    )
    database_host_loss_seconds: float = key(
        35.0, "The database leader's host is lost: no acknowledged write.", 35.0, unit='s', gt=0
    )
    database_crash_seconds: float = key(
        5.0, "The leader's PostgreSQL is killed: no acknowledged write.", 5.0, unit='s', gt=0
    )
    database_switchover_seconds: float = key(
        5.0, 'Planned change of the leader: no acknowledged write.', 5.0, unit='s', gt=0
    )
    cache_loss_seconds: float = key(15.0, 'The Valkey master is lost: no cache.', 15.0, unit='s', gt=0)
    journey_mean_seconds: float = key(
        3.0,
        "Mean response of a learner's actions. The draft standard's chapter 5 names 3 s.",
        3.0, unit='s', gt=0,
    )  # fmt: skip
    whole_again_seconds: float = key(
        120.0, 'After a lost host is back: until every redundancy is there again.', 120.0, unit='s', gt=0
    )
