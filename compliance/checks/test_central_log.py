"""The central log: every host hands its records to both monitoring hosts, where they stay as long as the law asks."""

from __future__ import annotations

import pytest

from compliance.checking import clauses, not_verified, tiers, violation
from compliance.reading import units
from compliance.reading.event_stores import LIFE_SECONDS, STORES, kept, senders, sending
from compliance.reading.places import loose, places, shut, told
from compliance.violation import answered, mode, run, substitute

SENDING = tiers('firewall', 'edge', 'balancer', 'app', 'data', 'monitoring', 'operations', 'offsite')
KEEPING = tiers('monitoring')
CHAIN = '/var/log/anlan/event-chain'
STORE = 'store {{"host": "fw-1", "newest": {0}, "oldest": {0}, "days": null, "enough": null}}'
DOOR = 'curl -sS -m 8 -o /dev/null -w "%{http_code}" --cacert /etc/anlan/tls/ca.crt'


def doors(expected):
    """Return the command that knocks at the own door without a certificate, and from where its host is not."""
    there = f'https://{expected.name}.{expected.outputs["variables"]["internal_domain"]}:19532/'
    own = '--cert /etc/anlan/tls/host.crt --key /etc/anlan/tls/host.key --interface 127.0.0.1'
    return f'echo "nobody $({DOOR} {there} 2>&1)"; echo "stranger $({DOOR} {own} {there} 2>&1)"'


def door_says(before, after):
    """Return the violation that the door's settings say something else, loaded without an interruption."""
    planted = substitute('/etc/anlan/event-door.conf', before, after, 'systemctl reload anlan-event-door.service')
    return run(planted.plant, planted.undo, settle_seconds=1.0)


def sent_so(lines):
    """Return the violation that the host tells this of what it sends."""
    return answered('anlan-event-watch.service', f'now 1795645503\n{lines}\n')


def kept_so(line):
    """Return the violation that the keeper of records tells this."""
    return answered('events.prom', f'now 1795645503\n{line}\n')


def folders(host, expected):
    """Return the stores of a monitoring host. Ends the check if there is none."""
    found = [each for each in places(host, expected).values() if each.path.startswith(f'{STORES}/')]
    if not found:
        not_verified('there is no store')
    return found


@SENDING
@clauses('22239-8.1.5.4-d', '22239-8.1.4.3-a', '22239-8.1.5.4-c', '22239-8.1.3.5-a')
@violation(
    run('systemctl stop anlan-event-upload@mon-2.service', 'systemctl start anlan-event-upload@mon-2.service', 0.2)
)
def test_records_are_sent_to_every_monitoring_host(host, expected):
    targets = expected.hosts('monitoring')
    states = sending(host, targets)[0]
    for name in targets:
        state = states.get(name, 'not there')
        assert state.startswith('active enabled'), f'to {name}: {state}'
        assert state.endswith('always'), f'to {name}: it does not start again by itself'


@SENDING
@clauses('22239-8.1.5.4-d', '22239-8.1.4.3-c')
@violation(
    sent_so('anlan_events_upload_lag_seconds{to="mon-1"} 900\nanlan_events_watch_written_timestamp_seconds 1795645500')
)
def test_no_record_waits_long(host, expected):
    targets = expected.hosts('monitoring')
    _, numbers, now = sending(host, targets)
    written = numbers.get('anlan_events_watch_written_timestamp_seconds')
    assert written and now - written <= 120, 'nobody measures whether records are sent'
    for name in targets:
        lag = numbers.get(f'anlan_events_upload_lag_seconds{{to="{name}"}}')
        assert lag is not None and lag <= 300, f'the oldest record that {name} does not have is {lag} s old'


@SENDING
@clauses('22239-8.1.4.3-c', '22239-8.1.5.4-d', 'csl-23-3', 'guideline-6.5.1.2', 'practice-log-days', '22239-8.1.3.5-c')
@violation(sent_so('anlan_events_upload_overrun{to="mon-1"} 1\nanlan_events_upload_overrun{to="mon-2"} 0'))
def test_no_record_was_lost_on_the_way(host, expected):
    numbers = sending(host, expected.hosts('monitoring'))[1]
    for name in expected.hosts('monitoring'):
        lost = numbers.get(f'anlan_events_upload_overrun{{to="{name}"}}')
        if lost is None:
            not_verified(f'it is not measured whether {name} lacks records')
        assert lost == 0, f'records were gone before {name} had them'


@KEEPING
@clauses(
    '22239-8.1.5.4-d',
    '22239-8.1.4.3-a',
    'csl-23-3',
    'guideline-6.5.1.2',
    'practice-log-days',
    '22239-8.1.3.5-a',
    '22239-8.1.3.5-d',
)
@violation(kept_so(STORE.format(1795645000)))
def test_there_is_a_store_of_every_host(host, expected):
    missing = set(senders(expected)) - {name for name, each in kept(host)[0].items() if each.newest is not None}
    assert not missing, f'nothing is kept of {", ".join(sorted(missing))}'


@KEEPING
@clauses('22239-8.1.5.4-d', '22239-8.1.4.3-c')
@violation(run(f'mkdir {STORES}/stranger', f'rmdir {STORES}/stranger 2>/dev/null || true'))
def test_there_is_no_store_of_a_stranger(host, expected):
    more = {each.path.rpartition('/')[2] for each in folders(host, expected)} - set(senders(expected))
    assert not more, f'stores of {", ".join(sorted(more))}'


@KEEPING
@clauses(
    '22239-8.1.5.4-c',
    '22239-8.1.5.4-d',
    '22239-8.1.4.3-a',
    'csl-23-3',
    'guideline-6.5.1.2',
    'practice-log-days',
    '22239-8.1.3.5-a',
)
@violation(kept_so(STORE.format(1795640000)))
def test_every_store_was_written_to_now(host):
    stores, _, now = kept(host)
    if not stores:
        not_verified('there is no store')
    # A sign of life every five minutes, and a minute on the way.
    quiet = [
        f'{name} {"ever" if each.newest is None else f"for {now - each.newest:.0f} s"}' for name, each in stores.items()
        if each.newest is None or now - each.newest > LIFE_SECONDS + 60
    ]  # fmt: skip
    assert not quiet, f'nothing was heard of {", ".join(quiet)}'


@KEEPING
@clauses('22239-8.1.4.9-c', '22239-8.1.2.1-e', '22239-8.1.5.4-c')
@pytest.mark.parametrize(
    'tier',
    [
        pytest.param(tier, id=tier, marks=violation(kept_so(STORE.format(1795640000))))
        for tier in ('firewall', 'edge', 'balancer', 'app', 'data', 'monitoring')
    ],
)
def test_hosts_of_a_tier_that_live_stand_in_different_fault_domains(host, expected, tier):
    stores, _, now = kept(host)
    alive = [
        name
        for name, each in stores.items()
        if each.newest is not None and now - each.newest <= LIFE_SECONDS + 60 and name in expected.hosts(tier)
    ]
    domains = {expected.outputs['hosts'][name]['variables']['anlan_fault_domain'] for name in alive}
    assert len(alive) >= 2, f'of the tier {", ".join(alive) or "nobody"} is heard'
    assert len(domains) >= 2, f'who is heard ({", ".join(alive)}) stands in one fault domain'


@KEEPING
@clauses('22239-8.1.5.4-d', '22239-8.1.4.3-c', 'csl-23-3', 'guideline-6.5.1.2', 'practice-log-days', '22239-8.1.3.5-c')
@violation(kept_so('anlan_events_store_retention_seconds 864000'))
def test_nothing_is_thrown_away_before_the_law_allows(host, expected):
    seconds = kept(host)[1].get('anlan_events_store_retention_seconds')
    if seconds is None:
        not_verified('nobody keeps the stores to their age')
    wanted = max(180, expected.platform['configuration']['journal_retention_days'])
    assert seconds >= wanted * 86400, f'records go after {seconds / 86400:.0f} days, {wanted} are asked for'


@KEEPING
@clauses('22239-8.1.5.4-d', '22239-8.1.4.3-c', 'csl-23-3', 'guideline-6.5.1.2', 'practice-log-days')
@violation(kept_so(STORE.format(1795645000).replace('"days": null, "enough": null', '"days": 20, "enough": false')))
def test_the_room_is_enough_for_as_long_as_the_law_asks(host):
    stores = kept(host)[0]
    if not stores:
        not_verified('there is no store')
    short = [f'{name}: {each.days:.0f} days' for name, each in stores.items() if each.enough is False]
    assert not short, f'the room does not last: {", ".join(short)}'
    young = [name for name, each in stores.items() if each.enough is None]
    if young:
        not_verified(f'too young for a projection: {", ".join(young)}')


@KEEPING
@clauses('22239-8.1.4.3-c', '22239-8.1.5.4-d', '22239-8.1.3.5-c', '22239-8.1.10.6-g')
@violation(kept_so('anlan_events_chain_extended_timestamp_seconds 1795600000'))
def test_what_came_in_is_chained(host):
    stores, numbers, now = kept(host)
    chained = numbers.get('anlan_events_chain_extended_timestamp_seconds')
    began = min((each.oldest for each in stores.values() if each.oldest is not None), default=now)
    if not chained and now - began < 3600:
        not_verified('the stores are less than an hour old: what came in is chained every hour')
    assert chained, 'nothing of what came in is chained: a change would not be noticed'
    # Every hour; the first time five minutes after a start.
    assert now - chained <= 2 * 3600, f'the chain was last extended {(now - chained) / 3600:.1f} hours ago'


@KEEPING
@clauses('22239-8.1.4.3-c', '22239-8.1.4.2-f', '22239-8.1.3.5-c')
@violation(run(
    f'cd {STORES}/fw-1 && touch planted && chmod 0644 planted', f'rm -f {STORES}/fw-1/planted'))  # fmt: skip
def test_no_stored_record_is_loose(host, expected):
    assert folders(host, expected)
    found = loose(host, expected, 'events')
    assert not found, '; '.join(found)


@KEEPING
@clauses('22239-8.1.4.3-c', '22239-8.1.4.2-f', '22239-8.1.3.5-c')
@violation(mode(f'{STORES}/fw-1', '0777'))
def test_stores_are_shut_to_others(host, expected):
    for path in (STORES, CHAIN):
        shut(host, expected, path, 0o027)
    for each in folders(host, expected):
        assert not each.mode & 0o027, str(each)
        assert each.owner.partition(':')[0] in ('systemd-journal-remote', 'root'), str(each)


@KEEPING
@clauses('22239-8.1.4.3-c', '22239-8.1.4.2-d', '22239-8.1.3.5-c')
@violation(run('gpasswd -a www-data systemd-journal', 'gpasswd -d www-data systemd-journal 2>/dev/null || true'))
def test_who_takes_records_in_cannot_read_them(host, expected):
    door = told(host, expected, 'door')
    assert 'systemd-journal' not in door, f'the door reads what it passes on: {door}'


@KEEPING
@clauses('22239-8.1.4.3-c', '22239-8.1.4.1-a', '22239-8.1.5.4-b', '22239-8.1.3.5-c')
@pytest.mark.parametrize(
    ('who', 'codes'),
    [
        pytest.param('nobody', ('400',), id='without-a-certificate', marks=violation(
            door_says('ssl_verify_client on;', 'ssl_verify_client off;'))),
        pytest.param('stranger', ('403',), id='from-another-address', marks=violation(
            door_says("default '';", 'default nobody;'))),
    ],
)  # fmt: skip
def test_nobody_hands_in_records(host, expected, who, codes):
    answers = dict(line.split()[:2] for line in host.run(doors(expected)).stdout.splitlines() if len(line.split()) >= 2)
    code = answers.get(who, '')
    if code in ('', '000'):
        not_verified('the door did not answer')
    assert code in codes, f'the door answers {code}'


@KEEPING
@clauses('22239-8.1.4.3-d', '22239-8.1.5.4-d', 'csl-23-3', 'guideline-6.5.1.2', 'practice-log-days')
@violation(kept_so('anlan_events_store_vacuum_failed 2\nanlan_events_keeper_written_timestamp_seconds 1795645500'))
def test_the_stores_are_kept_to_their_age(host):
    _, numbers, now = kept(host)
    written = numbers.get('anlan_events_keeper_written_timestamp_seconds')
    assert written and now - written <= 120, 'the keeper of the stores is silent'
    failed = numbers.get('anlan_events_store_vacuum_failed')
    assert failed == 0, f'from {failed} stores what is too old is not removed'


@KEEPING
@clauses('22239-8.1.4.3-d', '22239-8.1.4.4-a')
@pytest.mark.parametrize('name', units.shut_in('anlan-event-door'))
def test_the_unit_of_the_door_is_shut_in(host, expected, name):
    units.held(host, expected, 'anlan-event-door', name)


@KEEPING
@clauses('22239-8.1.4.3-d')
@pytest.mark.parametrize(
    'service',
    [
        pytest.param(name, id=name, marks=violation(units.planted_unit(name)))
        for name in ('anlan-event-door', 'anlan-event-keeper')
    ],
)
def test_it_runs_and_starts_by_itself(host, expected, service):
    units.running(host, expected, service)


@KEEPING
@clauses('22239-8.1.4.3-d', '22239-8.1.4.2-d')
@violation(units.answered_process('anlan-event-door', uid=0))
def test_the_door_does_not_run_as_root(host, expected):
    units.without_root(host, expected, 'anlan-event-door')
