"""Rotation: at no moment, wherever a run is cut off, does anybody use what another host does not accept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anlan.errors import AnlanError, BadInput
from anlan.secret_rotation import Stage, advance, begin, shorten, stages, under_way
from anlan.secret_store import ensure_secrets, read_all, read_secret, rotate_secret, without_notes, write_all

KEY = 'valkey_password'
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    ensure_secrets(tmp_path / 'secrets.json.age')
    return tmp_path / 'secrets.json.age'


@dataclass
class Hosts:
    """Hosts that use a secret among themselves: what each was brought last. Bringing may be cut off after any."""

    file: Path
    now: datetime = NOW
    brought: list[dict[str, str]] = field(default_factory=lambda: [{}, {}, {}])

    def bring(self, count: int = 3) -> bool:
        """Bring the secrets to the first so many hosts; return whether all have them, which is noted then."""
        handed, going_on = ensure_secrets(self.file, self.now), under_way(self.file, [KEY], self.now)
        for number in range(count):
            self.brought[number] = handed
            self.require_service()
        if count == len(self.brought):
            advance(self.file, going_on, {}, self.now)
        return count == len(self.brought)

    def require_service(self) -> None:
        known = [host for host in self.brought if host]
        for host in known:
            for other in known:
                accepted = {other.get(KEY), other.get(f'{KEY}_next'), other.get(f'{KEY}_previous')}
                assert host[KEY] in accepted, 'somebody is locked out'


def rotated(file: Path, hosts: Hosts) -> None:
    while under_way(file, [KEY], hosts.now):
        hosts.bring()


def test_a_rotation_in_three_steps_locks_nobody_out_and_ends_with_the_new_one_alone(file: Path) -> None:
    hosts = Hosts(file)
    hosts.bring()
    before = read_secret(file, KEY)
    begin(file, {KEY: 0.0}, {}, NOW)
    seen = []
    while going_on := under_way(file, [KEY], NOW):
        seen.append(going_on[KEY])
        hosts.bring()
    assert seen == [Stage.ANNOUNCED, Stage.USED, Stage.RETIRING]
    assert all(host[KEY] == read_secret(file, KEY) != before for host in hosts.brought)
    assert before not in read_all(file).values()
    assert before not in {value for host in hosts.brought for value in host.values()}


@pytest.mark.parametrize('reached', [0, 1, 2])
@pytest.mark.parametrize('run', [0, 1, 2])
def test_cut_off_after_any_host_of_any_run_it_is_run_again_and_ends_well(file: Path, run: int, reached: int) -> None:
    hosts = Hosts(file)
    hosts.bring()
    before = read_secret(file, KEY)
    begin(file, {KEY: 0.0}, {}, NOW)
    for _ in range(run):
        hosts.bring()
    stage = under_way(file, [KEY], NOW)
    assert not hosts.bring(reached)
    assert under_way(file, [KEY], NOW) == stage
    rotated(file, hosts)
    assert stages(file, [KEY], NOW) == {KEY: Stage.SETTLED}
    assert before not in read_all(file).values()


def test_without_the_step_that_makes_it_known_hosts_are_locked_out_and_that_is_seen(file: Path) -> None:
    hosts = Hosts(file)
    hosts.bring()
    begin(file, {}, {KEY: 0.0}, NOW)
    with pytest.raises(AssertionError, match='locked out'):
        hosts.bring(1)


def test_noted_twice_for_the_same_run_it_takes_one_step(file: Path) -> None:
    begin(file, {KEY: 0.0}, {}, NOW)
    going_on = under_way(file, [KEY], NOW)
    for _ in range(2):
        advance(file, going_on, {}, NOW)
    assert stages(file, [KEY], NOW) == {KEY: Stage.USED}


def test_one_before_is_accepted_for_its_time_and_then_taken_away_by_the_next_run(file: Path) -> None:
    hosts = Hosts(file)
    before = read_secret(file, KEY)
    begin(file, {KEY: 600.0}, {}, NOW)
    rotated(file, hosts)
    assert stages(file, [KEY], NOW) == {KEY: Stage.OVERLAPPING}
    hosts.now = NOW + timedelta(seconds=599)
    hosts.bring()
    assert hosts.brought[0][f'{KEY}_previous'] == before
    hosts.now = NOW + timedelta(seconds=600)
    assert stages(file, [KEY], hosts.now) == {KEY: Stage.RETIRING}
    hosts.bring()
    assert before not in {*read_all(file).values(), *hosts.brought[0].values()}


def test_what_leaked_is_accepted_no_longer_than_the_new_one_takes(file: Path) -> None:
    hosts = Hosts(file)
    leaked = read_secret(file, KEY)
    begin(file, {KEY: 600.0}, {}, NOW)
    shorten(file, [KEY], NOW)
    rotated(file, hosts)
    assert leaked not in read_all(file).values()
    begin(file, {KEY: 600.0}, {}, NOW)
    rotated(file, hosts)
    assert stages(file, [KEY], NOW) == {KEY: Stage.OVERLAPPING}
    shorten(file, [KEY], NOW)
    assert stages(file, [KEY], NOW) == {KEY: Stage.SETTLED}


def test_a_second_rotation_before_the_first_has_ended_is_refused_and_changes_nothing(file: Path) -> None:
    begin(file, {KEY: 0.0}, {}, NOW)
    known = read_all(file)
    with pytest.raises(BadInput, match='is being rotated'):
        begin(file, {'django_secret_key': 0.0, KEY: 0.0}, {}, NOW)
    assert read_all(file) == known


def test_a_secret_that_is_not_there_is_not_rotated(file: Path) -> None:
    write_all(file, {name: value for name, value in read_all(file).items() if name != KEY})
    with pytest.raises(AnlanError, match='has no valkey_password'):
        begin(file, {KEY: 0.0}, {}, NOW)


def test_the_two_logins_take_turns_and_each_password_stays_with_its_login(file: Path) -> None:
    def by_login() -> dict[str, str | None]:
        known = read_all(file)
        used = known.get(f'{KEY}_login', 'first')
        other = known.get(f'{KEY}_next') or known.get(f'{KEY}_previous')
        return {used: known[KEY], 'second' if used == 'first' else 'first': other}

    for turn in range(2):
        before = by_login()
        begin(file, {KEY: 0.0}, {}, NOW)
        announced = by_login()
        advance(file, under_way(file, [KEY], NOW), {}, NOW)
        used = by_login()
        own, other = ('first', 'second') if turn == 0 else ('second', 'first')
        assert announced[own] == before[own] == used[own]
        assert announced[other] == used[other] not in (None, before[own])
        assert read_all(file)[f'{KEY}_login'] == other
        for _ in range(2):
            advance(file, under_way(file, [KEY], NOW), {}, NOW)
        assert by_login()[own] is None


def test_notes_are_no_secrets(file: Path) -> None:
    begin(file, {KEY: 0.0}, {'block_list_key': 5.0}, NOW)
    secret = without_notes(read_all(file))
    assert {f'{KEY}_next', 'block_list_key_previous'} <= set(secret)
    assert min(map(len, secret.values())) >= 43


def test_how_long_an_earlier_one_was_accepted_does_not_count_for_the_next(file: Path) -> None:
    begin(file, {}, {KEY: 0.0}, NOW)
    while going_on := under_way(file, [KEY], NOW):
        advance(file, going_on, {KEY: 600.0}, NOW)
    rotate_secret(file, KEY, now=NOW)
    advance(file, under_way(file, [KEY], NOW), {KEY: 600.0}, NOW)
    assert stages(file, [KEY], NOW + timedelta(seconds=599)) == {KEY: Stage.OVERLAPPING}
