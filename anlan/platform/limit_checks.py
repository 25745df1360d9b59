"""Cross-checks of the limits: a class is served, one source cannot take the service, and no limit is without effect."""

from __future__ import annotations

from collections.abc import Iterator

from anlan.errors import Problem
from anlan.platform.limits import Limits, Rate
from anlan.platform.model import Platform

BROWSER_CONNECTIONS = 6
"""What a browser opens to one host over HTTP/1.1."""

LESSON_PAGES = 6
"""What the application answers when one learner begins a lesson (monitoring/learner.py)."""

SAVE_SECONDS = 5
"""How often a player saves its position (lesson.js)."""

LARGEST_SHARE = 4
"""One source may have at most this part (a quarter) of what the service has."""


def limits(platform: Platform) -> Iterator[Problem]:
    """Given a platform, return what is wrong between its limits."""
    yield from _class(platform.limits)
    yield from _order(platform.limits)


def _class(given: Limits) -> Iterator[Problem]:
    """Whoever sits in a class behind one address is served."""
    learners = given.class_learners
    for name, have, each, why in (
        ('syns.burst', given.syns.burst, BROWSER_CONNECTIONS, 'connections of a browser'),
        ('new_connections.burst', given.new_connections.burst, BROWSER_CONNECTIONS, 'connections of a browser'),
        ('connections', given.connections, BROWSER_CONNECTIONS, 'connections of a browser'),
        ('pages.burst', given.pages.burst, LESSON_PAGES, 'pages of a lesson that begins'),
        ('expensive.burst', given.expensive.burst, 1, 'log-in of a learner'),
    ):
        if have < learners * each:
            yield Problem(
                f'limits.{name}',
                f'{have} is below class_learners × {each} ({why}) = {learners * each}; a class behind one address '
                'would be held back',
            )
    saves = learners / SAVE_SECONDS
    if given.pages.per_second < saves:
        yield Problem(
            'limits.pages.per_second',
            f'{given.pages.per_second} is below the {saves:g} a second with which class_learners players save; '
            'a class behind one address would lose progress',
        )


def _order(given: Limits) -> Iterator[Problem]:
    """What is a part of something has no larger limit than the whole, else one of the two never acts."""
    rates: tuple[tuple[str, Rate, str, Rate], ...] = (
        ('new_connections', given.new_connections, 'syns', given.syns),
        ('syns', given.syns, 'prefix_syns', given.prefix_syns),
        ('prefix_syns', given.prefix_syns, 'service_syns', given.service_syns),
        ('expensive', given.expensive, 'pages', given.pages),
        ('pages', given.pages, 'requests', given.requests),
    )
    for part, part_rate, whole, whole_rate in rates:
        for field in ('per_second', 'burst'):
            small, large = getattr(part_rate, field), getattr(whole_rate, field)
            if small > large:
                yield Problem(
                    f'limits.{part}.{field}', f'{small} is above {whole}.{field} ({large}), which would act before it'
                )
    if given.connections * LARGEST_SHARE > given.service_connections:
        yield Problem(
            'limits.connections',
            f'{given.connections} is more than a quarter of service_connections ({given.service_connections}); '
            'four sources could take an edge from everybody',
        )
