"""Connections through the firewall pair: they live through a change of it, and one that died without a word ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.lab.connections import watched
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


# Connections to PostgreSQL that say nothing for a while, and then go on with TLS; which of them could not.
IDLE = """
import json, socket, ssl, sys, time
address, number, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
held = []
for _ in range(number):
    link = socket.create_connection((address, 5432), 5)
    link.sendall(bytes.fromhex('0000000804d2162f'))
    assert link.recv(1) == b'S'
    held.append(link)
time.sleep(seconds)
lost = []
for link in held:
    try:
        link.settimeout(10)
        context.wrap_socket(link).close()
    except OSError as error:
        lost.append(f'{type(error).__name__}: {error}')
print(json.dumps({'held': len(held), 'lost': lost}))
"""
HELD = 20


def test_every_idle_connection_lives_through_the_loss_of_the_active_firewall(whole: Standing) -> None:
    # Of our own: the application ends its connections after a minute, by itself.
    leader = str(whole.work.topology.host(whole.with_role('leader')).address)
    victim = FIREWALL_HOST.victim(whole)
    with ExitStack() as stack:
        seen = [
            stack.enter_context(watched(whole, app, IDLE, leader, str(HELD), seconds=12)) for app in ('app-1', 'app-2')
        ]
        try:
            whole.kill(victim)
            time.sleep(5)
        finally:
            whole.start(victim)
    assert [each.found for each in seen] == [{'held': HELD, 'lost': []}] * 2
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
