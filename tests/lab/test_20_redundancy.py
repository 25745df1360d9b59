"""Each redundant thing is lost once while a learner writes and reads through the front door.

Asked each time: is the service back within the platform file's objective, is every acknowledged write still there, and
is the platform whole again after the heal? The full drills come with the drill system; this stays small.
"""

from __future__ import annotations

import pytest

from tests.lab.losses import HOSTS, SERVICES, Loss, watch
from tests.lab.standing import Standing

MARGIN_SECONDS = 0.6
"""A learner asks every 0.1 s and one answer takes up to some 0.4 s on a busy machine: no gap is seen finer."""


EVERY_LOSS = pytest.mark.parametrize('loss', HOSTS + SERVICES, ids=lambda loss: loss.name.replace(' ', '-'))


@EVERY_LOSS
def test_a_redundant_thing_may_be_lost(whole: Standing, loss: Loss) -> None:
    lose_and_judge(whole, loss)


@pytest.mark.long
@pytest.mark.parametrize('turn', range(30))
@EVERY_LOSS
def test_a_redundant_thing_may_be_lost_again_and_again(whole: Standing, loss: Loss, turn: int) -> None:
    lose_and_judge(whole, loss)


def lose_and_judge(whole: Standing, loss: Loss) -> None:
    """Lose it and hold what a learner saw against the platform file."""
    seen = watch(whole, loss)
    objective = getattr(whole.work.platform.objectives, loss.objective)
    failed = {kind: len(seen.run.failures(kind)) for kind in seen.run.outcomes}
    print(
        f'\n  {loss.name} ({seen.victim}): longest gap of writes {seen.gap_seconds:.2f} s of {objective:g} s, '
        f'reads {seen.run.longest_gap_seconds("read"):.2f} s, failed {failed}, '
        f'{len(seen.run.acknowledged)} acknowledged, whole again after {seen.whole_again_seconds:.0f} s'
    )
    assert len(seen.run.acknowledged) > 20
    assert seen.lost_writes == set()
    assert seen.gap_seconds <= objective + MARGIN_SECONDS, [
        outcome for kind in seen.run.outcomes for outcome in seen.run.failures(kind)[:3]
    ]
