"""Connections through the firewall pair: they live through a change of it, and one that died without a word ends."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.lab.losses import FIREWALL_HOST
from tests.lab.standing import Standing

SILENCE_SECONDS = 22.0
"""An idle connection is asked for 10 s, then a request may use it, and that waits 10 s (playbooks/roles/application).

PostgreSQL's own keepalive ends it after 25 s.
"""


def to_the_database(standing: Standing, host: str) -> dict[str, int]:
    """Return a host's connections to PostgreSQL: by its own address and port, how many bytes wait for an answer."""
    done = standing.run(host, 'sudo', 'ss', '-Htn', 'state', 'established', 'dport', '=', ':5432')
    assert done.code == 0, done.err
    rows = [line.split() for line in done.out.splitlines()]
    return {local: int(unanswered) for _, unanswered, local, peer in rows if not peer.startswith('127.')}


@pytest.fixture
def planted(whole: Standing) -> Iterator[Standing]:
    """The platform; whatever a test does to the rules of the firewalls is undone."""
    yield whole
    for firewall in ('fw-1', 'fw-2'):
        assert whole.run(firewall, 'sudo', 'systemctl', 'reload', 'anlan-firewall.service').code == 0


def test_every_connection_lives_through_the_loss_of_the_active_firewall(whole: Standing) -> None:
    before = {app: set(to_the_database(whole, app)) for app in ('app-1', 'app-2')}
    assert all(before.values())
    victim = FIREWALL_HOST.victim(whole)
    try:
        whole.kill(victim)
        time.sleep(5)
        after = {app: to_the_database(whole, app) for app in before}
    finally:
        whole.start(victim)
    for app, connections in before.items():
        assert connections <= set(after[app]), f'{app} lost connections'
    whole.wait_whole()


def test_a_connection_that_died_without_a_word_ends_and_the_application_goes_on(planted: Standing) -> None:
    application = planted.work.topology.host('app-2').address
    before = set(to_the_database(planted, 'app-2'))
    assert before
    for firewall in ('fw-1', 'fw-2'):
        for way in (f'ip saddr {application} tcp dport 5432', f'ip daddr {application} tcp sport 5432'):
            rule = f'insert rule inet anlan forward {way} counter drop'
            assert planted.run(firewall, 'sudo', 'nft', rule).code == 0
    time.sleep(SILENCE_SECONDS)
    assert not before & set(to_the_database(planted, 'app-2')), 'a connection waits on for an answer that never comes'
    for firewall in ('fw-1', 'fw-2'):
        assert planted.run(firewall, 'sudo', 'systemctl', 'reload', 'anlan-firewall.service').code == 0
    planted.wait_whole(15)
