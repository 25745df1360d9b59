"""Limits: how much one source may ask before it is held back.

A source is an address; for connections and requests over IPv6 it is the /64 that a household or an office has. The
defaults let a class of 200 learners behind one address begin a lesson in the same minute.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from anlan.platform.base import Section, key

PagePath = Annotated[str, StringConstraints(pattern=r'^/[A-Za-z0-9/_-]*$')]
"""The beginning of a path, as nginx and HAProxy both take it without quoting."""


class Rate(Section):
    """So many a second for as long as one likes, and so many at once on top."""

    per_second: int = key(..., 'How many a second, without end.', 200, unit='1/s', ge=1, le=10_000_000)
    burst: int = key(..., 'How many more at once, after a while of quiet.', 1200, ge=1, le=10_000_000)


class Limits(Section):
    """What one source may do, and what a flood from it may cost the others."""

    lost_share_under_attack: float = key(
        0.01, "Share of a learner's requests that may fail while another source attacks.", 0.01, ge=0, le=1
    )
    class_learners: int = key(
        200, 'Learners behind one address (a classroom, a plant) who must be served.', 200, unit='learners', ge=1
    )
    syns: Rate = key(
        Rate(per_second=200, burst=1200),
        'TCP connections that one address may ask for. A browser opens up to six, a class so many times six.',
        {'per_second': 200, 'burst': 1200},
    )
    prefix_syns: Rate = key(
        Rate(per_second=1000, burst=4000),
        'TCP connections that one network (/24, IPv6 /64) may ask for.',
        {'per_second': 1000, 'burst': 4000},
    )
    new_connections: Rate = key(
        Rate(per_second=100, burst=1200),
        'Connections, TCP and QUIC, that one source may begin. A SYN that is sent again counts in `syns` only.',
        {'per_second': 100, 'burst': 1200},
    )
    connections: int = key(
        1200, 'Connections that one source may have at a time: six a learner.', 1200, unit='connections', ge=1
    )
    datagrams: Rate = key(
        Rate(per_second=20000, burst=40000),
        "UDP datagrams (QUIC) of one address. A class's acknowledgements of 400 Mbit/s are about 15,000 a second.",
        {'per_second': 20000, 'burst': 40000},
    )
    echo_requests: Rate = key(
        Rate(per_second=20, burst=50), 'Pings of one address.', {'per_second': 20, 'burst': 50}
    )  # fmt: skip
    service_syns: Rate = key(
        Rate(per_second=5000, burst=10000),
        'Connections, TCP and QUIC apart, that all sources together may ask for which have not held one over TCP '
        'lately (spoofed floods).',
        {'per_second': 5000, 'burst': 10000},
    )
    service_connections: int = key(
        6000, 'Requests of all sources together that an edge works on at a time. nginx holds 8192 with two workers.',
        6000,
        unit='requests', ge=1,
    )  # fmt: skip
    requests: Rate = key(
        Rate(per_second=400, burst=4000),
        'Requests of one source, whatever for. Begun lesson: about 20 a learner, most of them answered by the edge.',
        {'per_second': 400, 'burst': 4000},
    )
    pages: Rate = key(
        Rate(per_second=60, burst=1200),
        'Requests of one source that the application has to answer. A class saves its progress 40 times a second.',
        {'per_second': 60, 'burst': 1200},
    )
    expensive: Rate = key(
        Rate(per_second=10, burst=200),
        'Requests of one source for what costs most: checks of a password, searches, the archive.',
        {'per_second': 10, 'burst': 200},
    )
    expensive_paths: list[PagePath] = key(
        lambda: ['/search/', '/archive/'],
        'Beginnings of paths that are expensive however they are asked for.', ['/search/'],
        min_length=1,
    )  # fmt: skip
    expensive_posts: list[PagePath] = key(
        lambda: ['/accounts/login/', '/accounts/signup/'],
        'Beginnings of paths that are expensive when something is sent to them.', ['/accounts/login/'],
        min_length=1,
    )  # fmt: skip
    requests_at_once: int = key(
        12,
        'Requests that an app host works on at a time; more wait, those of heavy sources last. Fewer than the threads '
        'of the application (16), so that a health check never waits behind a flood and finds the host dead.', 12,
        unit='requests', ge=1,
    )  # fmt: skip
    header_seconds: int = key(10, "How long a request's header may take, all of it.", 10, unit='s', ge=1, le=120)
    body_seconds: int = key(15, "Longest pause in a request's body.", 15, unit='s', ge=1, le=300)
    send_seconds: int = key(30, 'Longest pause of a client that takes an answer.', 30, unit='s', ge=1, le=600)
    retry_after_seconds: int = key(10, 'After how long a refused source is told to ask again.', 10, unit='s', ge=1)
    meter_entries: int = key(
        65536, 'Sources that each meter tells apart. In a flood from more, those of networks and the service hold.',
        65536, ge=1024, le=4_194_304,
    )  # fmt: skip
