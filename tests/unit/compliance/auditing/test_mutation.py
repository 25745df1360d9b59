"""Mutation: what is caught, what is missed, what could not be planted."""

import pytest

from anlan.errors import AnlanError
from compliance import judging
from compliance.answers import Answers
from compliance.judging import judge
from compliance.mutation import mutate
from tests.unit.compliance.auditing.sample import CHECKS, HOSTS, OUTPUTS, Platform, answer


@pytest.fixture(autouse=True)
def own_checks(monkeypatch):
    monkeypatch.setattr(judging.judge, '__kwdefaults__', {**judging.judge.__kwdefaults__, 'folder': CHECKS})


class Collector:
    """Plants by answering rudely; keeps what was planted. `meek`: nothing changes. `broken`: it cannot be planted."""

    def __init__(self, platform, meek=False, broken=False):
        self.platform, self.meek, self.broken = platform, meek, broken
        self.planted = []

    def with_violation(self, host, violation, commands):
        if self.broken:
            raise AnlanError(f'{host}: it was not planted')
        self.planted.append((host, violation.plant))
        rude = {} if self.meek else {'greet': 'grr', 'name': 'nobody'}
        return {
            command: answer(command, rude[command]) if command in rude else self.platform.reply(host, command)
            for command in commands
        }


def mutated(collector, platform):
    answers = Answers({}, platform.fetch)
    found = mutate(collector, OUTPUTS, answers, judge(answers, OUTPUTS, HOSTS))
    return found, {each.check: each for each in found.outcomes}


def test_a_fault_that_a_check_sees_is_caught_and_its_reason_kept():
    platform = Platform()
    collector = Collector(platform)
    _, by_check = mutated(collector, platform)
    assert (by_check['greeting.it_greets'].found, by_check['greeting.it_greets'].reason) == ('caught', 'it says grr')
    assert len(collector.planted) >= 2


def test_a_check_that_asks_more_once_the_fault_is_there_is_asked_again():
    platform = Platform()
    _, by_check = mutated(Collector(platform), platform)
    # `name` answers `nobody`, so `greet nobody` is asked, which nobody had asked before.
    assert by_check['greeting.it_greets_by_name'].found == 'caught'


def test_a_fault_that_changes_nothing_is_missed():
    platform = Platform()
    found, by_check = mutated(Collector(platform, meek=True), platform)
    assert (by_check['greeting.it_greets'].found, by_check['greeting.it_greets'].reason) == ('missed', 'pass')
    assert found.score < 1


def test_a_check_without_a_violation_counts_against_the_score():
    platform = Platform()
    _, by_check = mutated(Collector(platform), platform)
    assert by_check['greeting.a_database_greets'].found == 'not planted'


def test_a_check_that_fails_before_is_seen_to_say_no_and_counted_apart():
    platform = Platform(greet='grr')
    found, by_check = mutated(Collector(platform), platform)
    outcome = by_check['greeting.it_greets']
    assert (outcome.found, outcome.how, outcome.reason) == ('caught', 'as it stands', 'it says grr')
    assert found.count('caught', 'as it stands') >= 1


def test_what_concerns_no_host_is_no_part_of_the_score():
    platform = Platform()
    found, by_check = mutated(Collector(platform), platform)
    assert by_check['greeting.it_sings'].found == 'not applicable'
    assert found.applicable == len(found.outcomes) - found.count('not applicable')


def test_what_no_host_can_tell_is_not_planted():
    platform = Platform(silent=['app-1', 'db-1'])
    found, by_check = mutated(Collector(platform), platform)
    assert by_check['greeting.it_greets'].found == 'not planted'
    assert not found.whole


def test_in_a_container_the_answer_of_the_kernel_is_planted_and_counted_apart():
    platform = Platform(container=True)
    found, by_check = mutated(Collector(platform), platform)
    assert (by_check['greeting.the_kernel_greets'].found, by_check['greeting.the_kernel_greets'].how) == (
        'caught', 'in the answer',
    )  # fmt: skip
    assert found.count('caught', 'in the answer') == 1


def test_what_cannot_be_planted_is_said():
    platform = Platform()
    found, by_check = mutated(Collector(platform, broken=True), platform)
    assert by_check['greeting.it_greets'].reason == 'app-1: it was not planted'
    assert found.count('caught', 'on the host') == 0
