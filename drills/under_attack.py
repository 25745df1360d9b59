"""A learner under attack: what becomes of the requests of one client while another floods."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import mean
from typing import Any

from anlan.errors import AnlanError
from anlan.remote import Remote, Unreachable
from drills.acts import FRESH_SECONDS, acts_since, read_counts
from drills.blocks import released
from drills.floods import Attack, command_of, flood, sent_of
from monitoring.steady import SteadyLearner, SteadyRun

BEGIN_SECONDS = 2.0
"""The learner has logged in, and the attack is at its full rate."""


@dataclass(frozen=True)
class Seen:
    """What the learner saw while the attack went on, and what held it back.

    `journey_seconds` are those of the steps of a way begun under the attack; `journey_reason` says why it broke off.
    """

    attack: str
    sent: str
    requests: int
    lost: int
    mean_seconds: float
    p99_seconds: float
    journey_seconds: tuple[float, ...]
    journey_reason: str
    acted: Mapping[str, int]
    reasons: tuple[str, ...]

    @property
    def lost_share(self) -> float:
        """Return the share of the learner's requests that failed; all of them if there were none."""
        return self.lost / self.requests if self.requests else 1.0

    def faults(self, mean_seconds: float, lost_share: float) -> list[str]:
        """Given what is promised, return what was not kept."""
        found = []
        if not self.requests:
            found.append('the learner asked for nothing: not observed')
        if self.mean_seconds > mean_seconds:
            found.append(f'requests took {self.mean_seconds:.2f} s in the mean, {mean_seconds:g} s are promised')
        if self.journey_seconds and mean(self.journey_seconds) > mean_seconds:
            found.append(f'the journey took {mean(self.journey_seconds):.2f} s a step, {mean_seconds:g} s are promised')
        if self.journey_reason:
            found.append(f'the journey broke off: {self.journey_reason}')
        if self.lost_share > lost_share:
            found.append(
                f'{self.lost} of {self.requests} requests were lost ({self.lost_share:.1%}), {lost_share:.1%} may be: '
                + '; '.join(self.reasons[:3])
            )
        return found


def percentile(values: list[float], share: float) -> float:
    """Given values, return the smallest that is not below this share of them; 0 if there are none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def judged(
    attack: str,
    sent: str,
    run: SteadyRun,
    window: tuple[float, float],
    *,
    journey: Mapping[str, Any],
    acted: Mapping[str, int],
) -> Seen:
    """Given what a learner noted and when the attack was, return what was seen of it."""
    begun, ended = window
    during = [each for each in run.all() if each.ended >= begun and each.started <= ended]
    seconds = [each.ended - each.started for each in during]
    steps = journey.get('steps', [])
    return Seen(
        attack=attack,
        sent=sent,
        requests=len(during),
        lost=sum(not each.ok for each in during),
        mean_seconds=mean(seconds) if seconds else 0.0,
        p99_seconds=percentile(seconds, 0.99),
        journey_seconds=tuple(step['seconds'] for step in steps),
        journey_reason=next((f'{step["name"]}: {step["reason"]}' for step in steps if not step['ok']), ''),
        acted=acted,
        reasons=tuple(sorted({each.reason for each in during if not each.ok})),
    )


@dataclass(frozen=True)
class Place:
    """Who attacks whom: the attacker's and the learner's hosts, and the edge that both speak to."""

    attacker: str
    learner: str
    edge: str


def watch(
    remotes: tuple[Remote, Remote],
    outputs: Mapping[str, Any],
    attack: Attack,
    place: Place,
    *,
    password: str,
    seconds: float,
) -> Seen:
    """Given a lab and a place, let a learner learn while the attack goes on, and return what it saw.

    The second of `remotes` is for the attacker alone: its connections may be lost in the flood. Raise AnlanError if
    nothing could be seen.
    """
    remote, attackers = remotes
    variables = outputs['variables']['platform']
    address = outputs['hosts'][place.edge]['variables']['anlan_address']
    port = variables['front_door']['port']
    url = f'https://{variables["front_door"]["name"]}' + ('/' if port == 443 else f':{port}/')
    command = command_of(attack, outputs, address, seconds)
    attacker, learning = (
        outputs['hosts'][host]['variables']['anlan_address'] for host in (place.attacker, place.learner)
    )
    for each in (attacker, learning):
        released(remote, outputs, each)
    before = read_counts(remote, outputs)
    learner = SteadyLearner(remote, place.learner, url, password, seconds=seconds + 10, edge=address)
    with learner, ThreadPoolExecutor(1) as pool:
        time.sleep(BEGIN_SECONDS)
        begun = time.time()
        flooding = pool.submit(_said, attackers, place.attacker, command, seconds)
        time.sleep(BEGIN_SECONDS)
        journey = learner.journey()
        sent = flooding.result()
        ended = time.time()
        learner.stop()
    blocked = released(remote, outputs, attacker)
    wronged = released(remote, outputs, learning)
    if wronged is not None:
        raise AnlanError(f'{place.learner} was shut out itself ({wronged}): what a flood did to it was not observed')
    time.sleep(FRESH_SECONDS)
    acted = acts_since(before, read_counts(remote, outputs)) | ({f'block list ({blocked})': 1} if blocked else {})
    return judged(attack.name, sent, learner.run(), (begun, ended), journey=journey, acted=acted)


def _said(attackers: Remote, attacker: str, command: list[str], seconds: float) -> str:
    """Return what the attack says of itself. One that was shut out cannot say; that it did not begin is an error."""
    try:
        return sent_of(flood(attackers, attacker, command, seconds))
    except Unreachable as error:
        return f'not said: {error}'
