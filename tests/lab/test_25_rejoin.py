"""A replica that cannot follow any more, which Patroni alone leaves behind, is seen, named, and brought back."""

from __future__ import annotations

import time

from anlan.remote import Result
from tests.lab.standing import Standing

REJOIN = ('sudo', '/usr/local/lib/anlan/database-rejoin', '--restart-after', '0', '--copy-after', '0')
SEGMENTS = 36
"""More than `wal_keep_size` holds: 512 MB are 32 segments of 16 MB."""


def sql(standing: Standing, host: str, *statements: str) -> Result:
    words = [word for statement in statements for word in ('-c', statement)]
    done = standing.run(host, 'sudo', '-u', 'postgres', 'psql', '-At', '-v', 'ON_ERROR_STOP=1', *words)
    assert done.code == 0, done.err
    return done


def look(standing: Standing, member: str) -> tuple[str, ...]:
    """Return what its timer runs on a member, with no patience."""
    addresses = {host.name: str(host.address) for host in standing.work.topology.hosts if host.tier == 'data'}
    others = [word for name, address in addresses.items() if name != member for word in ('--other', address)]
    return (*REJOIN, *others, member, addresses[member])


def test_a_replica_whose_log_the_leader_no_longer_has_is_named_and_copied_anew(whole: Standing) -> None:
    leader, victim = whole.with_role('leader'), whole.status().database['replicas'][0]['name']
    stopped = whole.run(victim, 'sudo', 'systemctl', 'stop', 'patroni.service', deadline_seconds=60)
    assert stopped.code == 0, stopped.err
    for _ in range(SEGMENTS // 6):
        sql(whole, leader, *(["select pg_logical_emit_message(true, 'planted', 'a')", 'select pg_switch_wal()'] * 6))
    sql(whole, leader, f"select pg_drop_replication_slot('{victim.replace('-', '_')}')", 'checkpoint')
    assert whole.run(victim, 'sudo', 'systemctl', 'start', 'patroni.service', deadline_seconds=60).code == 0

    time.sleep(15)
    status = whole.status()
    assert status.state == 'degraded'
    assert status.lost_redundancy == [f'the database: 1 of 2 replicas stream; {victim} is running']

    done = whole.run(victim, *look(whole, victim), deadline_seconds=180)
    assert 'the leader no longer has the log that it asks for; copying the leader' in done.out
    whole.wait_whole()
    after = whole.run(victim, *look(whole, victim), deadline_seconds=180)
    assert (after.code, after.out) == (0, '')


def test_a_replica_whose_patroni_hangs_is_started_anew(whole: Standing) -> None:
    victim = whole.status().database['replicas'][0]['name']
    hung = whole.run(victim, 'sudo', 'systemctl', 'kill', '--kill-whom=main', '--signal', 'STOP', 'patroni.service')
    assert hung.code == 0, hung.err
    time.sleep(30)  # until its place among the members has run out
    assert whole.status().state == 'degraded'
    done = whole.run(victim, *look(whole, victim), deadline_seconds=180)
    assert 'Patroni has not answered' in done.out
    assert done.out.rstrip().endswith('starting Patroni anew')
    whole.wait_whole()
