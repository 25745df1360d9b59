"""The central log: what is missing, silent, or would not last is found; of a young store nothing is said."""

from compliance.checks import test_central_log as checks
from compliance.checks.test_central_log import kept
from compliance.reading.event_stores import Store, projected_days, senders
from tests.unit.compliance.checks.asked import Asked, cannot_judge, expected, fails

NOW = 1_800_000_000
DAY = 86400


def keeper(stores, *numbers):
    lines = [f'store {name} {newest}000000 {oldest}000000 {used} 0' for name, (newest, oldest, used) in stores.items()]
    return Asked({'events.prom': '\n'.join([*lines, f'now {NOW}', *numbers]) + '\n'})


def test_every_host_but_keepers_and_learners_has_to_send():
    assert {'fw-1', 'db-3', 'ops-1', 'vault-1'} <= set(senders(expected('mon-1')))
    assert not {'mon-1', 'client-1'} & set(senders(expected('mon-1')))


def test_a_store_that_is_missing_or_silent_is_found():
    host = keeper(dict.fromkeys(senders(expected('mon-1')), (NOW - 20, NOW - DAY, 4096)))
    checks.test_there_is_a_store_of_every_host(host, expected('mon-1'))
    checks.test_every_store_was_written_to_now(host)
    silent = keeper({'fw-1': (NOW - 900, NOW - DAY, 4096)})
    fails(checks.test_every_store_was_written_to_now, silent, saying='fw-1 for 900 s')
    fails(checks.test_there_is_a_store_of_every_host, silent, expected('mon-1'), saying='db-1')
    cannot_judge(checks.test_every_store_was_written_to_now, keeper({}))


def test_room_is_projected_once_a_store_is_a_day_old():
    check = checks.test_the_room_is_enough_for_as_long_as_the_law_asks
    room = f'anlan_events_store_limit_bytes {200 * 2**20}'
    check(keeper({'fw-1': (NOW, NOW - 10 * DAY, 8 * 2**20)}, room), expected('mon-1'))
    check(keeper({'fw-1': (NOW, NOW - 200 * DAY, 199 * 2**20)}, room), expected('mon-1'))
    fails(check, keeper({'fw-1': (NOW, NOW - 10 * DAY, 100 * 2**20)}, room), expected('mon-1'), saying='fw-1: 20 days')
    cannot_judge(
        check, keeper({'fw-1': (NOW, NOW - 600, 8 * 2**20)}, room), expected('mon-1'), saying='less than a day'
    )
    cannot_judge(check, keeper({}, room), expected('mon-1'))


def test_a_projection_is_the_life_times_the_room_over_what_is_used():
    assert projected_days(Store(NOW, NOW - 2 * DAY, 100, 0), 5000) == 100


def test_the_time_of_the_keeper_is_the_hosts_own():
    assert kept(keeper({}))[2] == NOW


def test_a_record_that_waits_too_long_or_was_lost_is_found():
    fresh = [f'anlan_events_watch_written_timestamp_seconds {NOW - 5}', 'anlan_events_upload_lag_seconds{to="mon-1"} 3',
             'anlan_events_upload_lag_seconds{to="mon-2"} 3', 'anlan_events_upload_overrun{to="mon-1"} 0',
             'anlan_events_upload_overrun{to="mon-2"} 0']  # fmt: skip
    checks.test_no_record_waits_long(keeper({}, *fresh), expected('fw-1'))
    checks.test_no_record_was_lost_on_the_way(keeper({}, *fresh), expected('fw-1'))
    late = [line.replace('} 3', '} 900').replace('} 0', '} 1') for line in fresh]
    fails(checks.test_no_record_waits_long, keeper({}, *late), expected('fw-1'), saying='900')
    fails(checks.test_no_record_was_lost_on_the_way, keeper({}, *late), expected('fw-1'), saying='were gone')
    cannot_judge(checks.test_no_record_was_lost_on_the_way, keeper({}), expected('fw-1'))


def test_a_sender_that_does_not_run_or_does_not_come_back_is_found():
    unit = 'Id=anlan-event-upload@{}.service\nActiveState={}\nUnitFileState=enabled\nRestart={}\n'
    both = [unit.format('mon-1', 'active', 'always'), unit.format('mon-2', 'active', 'always')]
    check = checks.test_records_are_sent_to_every_monitoring_host
    check(Asked({'anlan-event-upload': '\n'.join(both)}), expected('fw-1'))
    fails(check, Asked({'anlan-event-upload': both[0]}), expected('fw-1'), saying='mon-2: not there')
    dead = [both[0], unit.format('mon-2', 'failed', 'always')]
    fails(check, Asked({'anlan-event-upload': '\n'.join(dead)}), expected('fw-1'), saying='failed')
