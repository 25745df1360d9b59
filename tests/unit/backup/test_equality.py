"""Equality of both places: the same is equal, whatever is less is refused. Property tests over made-up places."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backup.equality import Equality, Held, Side, compare, sample

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
MOST_LAG = timedelta(hours=2)
ROUNDS = 200


def made_up(seed: int, snapshots: int | None = None) -> Side:
    chance = random.Random(seed)
    count = snapshots if snapshots is not None else chance.randint(1, 30)
    held = tuple(
        Held(f'{chance.getrandbits(128):032x}', NOW - timedelta(hours=3 + index), chance.randint(4, 900),
             chance.randint(10**4, 10**9))
        for index in range(count)
    )  # fmt: skip
    samples = {f'{each.origin}:{name}': hashlib.sha256(f'{each.origin}{name}'.encode()).hexdigest()
               for each in held for name in 'abcd'}  # fmt: skip
    return Side('local', held, sum(each.source_bytes for each in held) // 3, samples)


def compared(local: Side, remote: Side) -> Equality:
    return compare(local, replace(remote, name='off-site'), NOW, MOST_LAG)


@pytest.mark.parametrize('seed', range(0, ROUNDS, 10))
def test_the_same_is_equal_in_any_order_and_with_what_is_kept_longer(seed: int) -> None:
    for each in range(seed, seed + 10):
        local, chance = made_up(each), random.Random(each)
        shuffled = list(local.snapshots)
        chance.shuffle(shuffled)
        older = Held('older', NOW - timedelta(days=900), 5, 100)
        remote = replace(
            local, snapshots=(*shuffled, older), stored_bytes=int(local.stored_bytes * chance.uniform(0.8, 1.5))
        )
        found = compared(local, remote)
        assert found.equal, found.reasons
        assert found.share == 1.0


def less_snapshots(side: Side, chance: random.Random) -> Side:
    gone = chance.randrange(len(side.snapshots))
    return replace(side, snapshots=side.snapshots[:gone] + side.snapshots[gone + 1 :])


def less_files(side: Side, chance: random.Random) -> Side:
    return _one(side, chance, lambda held: replace(held, files=held.files - 1))


def less_bytes(side: Side, chance: random.Random) -> Side:
    return _one(side, chance, lambda held: replace(held, source_bytes=held.source_bytes * 9 // 10))


def another_time(side: Side, chance: random.Random) -> Side:
    return _one(side, chance, lambda held: replace(held, started=held.started - timedelta(seconds=1)))


def another_hash(side: Side, chance: random.Random) -> Side:
    name = chance.choice(sorted(side.samples))
    return replace(side, samples={**side.samples, name: '0' * 64})


def unreadable(side: Side, chance: random.Random) -> Side:
    gone = chance.choice(sorted(side.samples))
    return replace(side, samples={name: value for name, value in side.samples.items() if name != gone})


def three_percent(side: Side, _: random.Random) -> Side:
    return replace(side, stored_bytes=side.stored_bytes * 3 // 100)


def twice(side: Side, chance: random.Random) -> Side:
    return replace(side, snapshots=(*side.snapshots, chance.choice(side.snapshots)))


def nothing(side: Side, _: random.Random) -> Side:
    return replace(side, snapshots=(), stored_bytes=0, samples={})


def _one(side: Side, chance: random.Random, change: Callable[[Held], Held]) -> Side:
    place = chance.randrange(len(side.snapshots))
    return replace(
        side, snapshots=tuple(change(each) if index == place else each for index, each in enumerate(side.snapshots))
    )


@pytest.mark.parametrize(
    'break_it',
    [less_snapshots, less_files, less_bytes, another_time, another_hash, unreadable, three_percent, twice, nothing],
)
def test_whatever_is_less_or_other_is_refused(break_it: Callable[[Side, random.Random], Side]) -> None:
    for seed in range(ROUNDS):
        local = made_up(seed)
        found = compared(local, break_it(local, random.Random(seed)))
        assert not found.equal, seed
        assert all(reason.strip() for reason in found.reasons)


def test_a_copy_of_three_percent_of_the_bytes_is_refused_with_the_share() -> None:
    local = made_up(1, 100)
    small = replace(local, snapshots=local.snapshots[:3], stored_bytes=local.stored_bytes * 3 // 100)
    found = compared(local, small)
    assert found.share < 0.05
    assert any('lacks 97 of 100 snapshots' in reason for reason in found.reasons)
    assert any('off-site stores 3.0% of the' in reason for reason in found.reasons)


def test_a_snapshot_younger_than_the_lag_may_lack() -> None:
    local = made_up(2, 5)
    young = Held('young', NOW - timedelta(hours=1), 5, 10**9)
    assert compared(replace(local, snapshots=(*local.snapshots, young)), local).equal
    old = replace(young, started=NOW - timedelta(hours=2))
    assert not compared(replace(local, snapshots=(*local.snapshots, old)), local).equal


def test_with_nothing_old_enough_nothing_is_shown_so_it_is_not_equal() -> None:
    empty = Side('local', (), 0)
    assert 'nothing shows that the copy works' in compared(empty, empty).reasons[0]


def test_without_samples_nothing_shows_that_content_is_the_same() -> None:
    local = replace(made_up(3, 4), samples={})
    assert compared(local, local).reasons == ('0 sampled files were compared; 4 are needed',)


def test_what_is_being_forgotten_is_left_out_and_other_storage_is_not_compared() -> None:
    local = made_up(4, 9)
    young = replace(local, snapshots=local.snapshots[:5], stored_bytes=local.stored_bytes // 9)
    left = compare(local, young, NOW, MOST_LAG, same_storage=False, forgotten_before=local.snapshots[4].started)
    assert left.equal, left.reasons


def test_the_sample_is_the_same_for_one_seed_and_another_for_another() -> None:
    names = [f'file-{index}' for index in range(1000)]
    one = sample(names, 10, 'seed')
    assert one == sample(reversed(names), 10, 'seed')
    assert len(one) == 10
    assert one != sample(names, 10, 'other')
    assert sample(names[:3], 10, 'seed') == tuple(names[:3])
