"""The central log: what is missing, silent, or would not last is found; of a young store nothing is said."""

import json

from compliance.checks import test_central_log as checks
from compliance.reading.event_stores import senders
from tests.unit.compliance.checks.asked import Asked, cannot_judge, expected, fails

NOW = 1_800_000_000


def store(host, age=20, days=None, enough=None):
    newest = None if age is None else NOW - age
    return {'host': host, 'newest': newest, 'oldest': newest, 'days': days, 'enough': enough}


def keeper(*stores, numbers=()):
    return Asked(
        {'events': '\n'.join([*(f'store {json.dumps(each)}' for each in stores), f'now {NOW}', *numbers]) + '\n'}
    )


def test_every_host_but_learners_has_to_send():
    assert {'fw-1', 'db-3', 'ops-1', 'vault-1', 'mon-1'} <= set(senders(expected('mon-1')))
    assert 'client-1' not in senders(expected('mon-1'))


def test_a_store_that_is_missing_or_silent_is_found():
    host = keeper(*map(store, senders(expected('mon-1'))))
    checks.test_there_is_a_store_of_every_host(host, expected('mon-1'))
    checks.test_every_store_was_written_to_now(host)
    silent = keeper(store('fw-1', 900), store('db-1', None))
    fails(checks.test_every_store_was_written_to_now, silent, saying='fw-1 for 900 s, db-1 ever')
    fails(checks.test_there_is_a_store_of_every_host, silent, expected('mon-1'), saying='db-1')
    cannot_judge(checks.test_every_store_was_written_to_now, keeper())


def test_room_that_does_not_last_is_found_and_a_young_store_is_not_judged():
    check = checks.test_the_room_is_enough_for_as_long_as_the_law_asks
    check(keeper(store('fw-1', days=400, enough=True)))
    fails(check, keeper(store('fw-1', days=20, enough=False), store('fw-2')), saying='fw-1: 20 days')
    cannot_judge(check, keeper(store('fw-1')), saying='fw-1')
    cannot_judge(check, keeper())


def test_a_chain_that_is_not_extended_is_found():
    chained = 'anlan_events_chain_extended_timestamp_seconds'
    checks.test_what_came_in_is_chained(keeper(numbers=[f'{chained} {NOW - 60}']))
    fails(checks.test_what_came_in_is_chained, keeper(numbers=[f'{chained} {NOW - 36000}']), saying='10.0 hours')
    old = store('fw-1', 7200)
    fails(checks.test_what_came_in_is_chained, keeper(old), saying='nothing of what came in')
    cannot_judge(checks.test_what_came_in_is_chained, keeper(store('fw-1')), saying='less than an hour')


def test_a_record_that_waits_too_long_or_was_lost_is_found():
    fresh = [
        f'anlan_events_watch_written_timestamp_seconds {NOW - 5}', 'anlan_events_upload_lag_seconds{to="mon-1"} 3',
        'anlan_events_upload_lag_seconds{to="mon-2"} 3', 'anlan_events_upload_overrun{to="mon-1"} 0',
        'anlan_events_upload_overrun{to="mon-2"} 0',
    ]  # fmt: skip
    checks.test_no_record_waits_long(keeper(numbers=fresh), expected('fw-1'))
    checks.test_no_record_was_lost_on_the_way(keeper(numbers=fresh), expected('fw-1'))
    late = keeper(numbers=[line.replace('} 3', '} 900').replace('} 0', '} 1') for line in fresh])
    fails(checks.test_no_record_waits_long, late, expected('fw-1'), saying='900')
    fails(checks.test_no_record_was_lost_on_the_way, late, expected('fw-1'), saying='were gone')
    cannot_judge(checks.test_no_record_was_lost_on_the_way, keeper(), expected('fw-1'))


def test_a_sender_that_does_not_run_or_does_not_come_back_is_found():
    unit = 'Id=anlan-event-upload@{}.service\nActiveState={}\nUnitFileState=enabled\nRestart={}\n'
    both = [unit.format('mon-1', 'active', 'always'), unit.format('mon-2', 'active', 'always')]
    check = checks.test_records_are_sent_to_every_monitoring_host
    check(Asked({'anlan-event-upload': '\n'.join(both)}), expected('fw-1'))
    fails(check, Asked({'anlan-event-upload': both[0]}), expected('fw-1'), saying='mon-2: not there')
    dead = [both[0], unit.format('mon-2', 'failed', 'always')]
    fails(check, Asked({'anlan-event-upload': '\n'.join(dead)}), expected('fw-1'), saying='failed')
