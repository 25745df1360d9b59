"""The schedule: what each host does, its units, and when things are due."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from anlan.errors import BadInput
from anlan.platform.load import parse_platform
from backup.on_calendar import for_systemd, longest_gap_seconds, parse
from backup.schedule import hosts_of, next_runs
from backup.task import HostPlan, read_plan
from backup.unit_files import service, timer, unit_files
from tests.unit.backup.policy_samples import NOW, POLICIES, host_plans, promise
from tests.unit.samples import lab

START = datetime(2026, 11, 26, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        # As `systemd-analyze calendar --iterations=3 --base-time='2026-11-26 02:00 UTC'` of systemd 257 says.
        ('hourly', ['11-26 03:00:00', '11-26 04:00:00', '11-26 05:00:00']),
        ('Sun *-*-* 03:10:00', ['11-29 03:10:00', '12-06 03:10:00', '12-13 03:10:00']),
        ('*-*-* 01,07,13,19:15:00', ['11-26 07:15:00', '11-26 13:15:00', '11-26 19:15:00']),
        ('*-*-* *:05/20:00 UTC', ['11-26 02:05:00', '11-26 02:25:00', '11-26 02:45:00']),
        ('Mon..Fri 22:00', ['11-26 22:00:00', '11-27 22:00:00', '11-30 22:00:00']),
        ('Sat,Sun *-12-* 4:30', ['12-05 04:30:00', '12-06 04:30:00', '12-12 04:30:00']),
        ('*-*-01 00:00:30', ['12-01 00:00:30', '01-01 00:00:30', '02-01 00:00:30']),
    ],
)
def test_the_next_times_are_those_that_systemd_says(text: str, expected: list[str]) -> None:
    assert [f'{at:%m-%d %H:%M:%S}' for at in islice(parse(text).after(START), 3)] == expected


@pytest.mark.parametrize(
    'text',
    ['', 'Sun', 'Funday 10:00', '25:00', '10:61', '*-13-* 10:00', '*-02-30 10:00', '10', 'Fri..Mon 10:00', '1..x:00',
     '*-*-* 10:00 CET', '2020-01-01 10:00', '*:0/0:00'],
)  # fmt: skip
def test_what_is_no_expression_or_never_true_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r'.'):
        parse(text)


def test_gaps_are_the_longest() -> None:
    assert longest_gap_seconds(parse('*-*-* 01,07,13,19:15'), START) == 6 * 3600
    assert longest_gap_seconds(parse('Mon..Fri 22:00'), START) == 3 * 86400
    assert longest_gap_seconds(parse('*-*-* 01,04:00'), START) == 21 * 3600
    assert longest_gap_seconds(parse('2027-01-01 00:00'), START) > 360 * 86400
    # One that is soon over.
    assert longest_gap_seconds(parse('2026-*-* *:05:00'), START) > 360 * 86400


def test_every_host_gets_the_runs_of_its_files_and_ops_the_rest() -> None:
    plans = host_plans()
    assert [task.name for task in plans['app-2'].tasks] == ['media-incremental', 'records-incremental']
    names = {task.name for task in plans['ops-1'].tasks}
    assert {'database-full', 'database-incremental', 'media-copy', 'media-restore', 'platform-incremental'} <= names
    assert 'database-copy' not in names
    assert 'media-incremental' not in names
    assert 'vault-1' not in plans
    assert not [each for plan in plans.values() for each in plan.tasks if each.policy == 'face-evidence']


def test_every_active_policy_is_run_copied_or_written_twice_verified_restored_and_forgotten() -> None:
    tasks = [task for plan in host_plans().values() for task in plan.tasks]
    for policy in POLICIES:
        kinds = {task.kind for task in tasks if task.policy == policy.name}
        if policy.planned is not None:
            assert not kinds
            continue
        assert {'incremental', 'structure', 'data', 'equality', 'planting', 'restore', 'forget'} <= kinds
        assert 'copy' in kinds or policy.schedule.copy_offsite is None


def test_the_loss_of_the_writers_credentials_is_drilled_each_month_where_a_policy_says_so_and_promised() -> None:
    (task,) = [task for plan in host_plans().values() for task in plan.tasks if task.kind == 'stolen']
    assert (task.policy, task.places, task.on_calendar) == ('platform', ('offsite',), '*-*-03 04:40:00')
    assert promise('platform').stolen_within_days == 35
    assert promise('media').stolen_within_days is None


def test_a_plan_comes_back_from_its_file() -> None:
    for plan in host_plans().values():
        assert read_plan(json.loads(json.dumps(plan.document()))) == plan


@pytest.mark.parametrize('broken', [None, {}, {'version': 2}, {'version': 1, 'platform': 'x'}, []])
def test_a_broken_plan_is_refused_with_one_sentence(broken: object) -> None:
    with pytest.raises(BadInput, match=r'jobs\.json is'):
        read_plan(broken)


def test_a_plan_with_an_unknown_kind_or_key_is_refused() -> None:
    document = json.loads(json.dumps(host_plans()['app-1'].document()))
    for change in ({'kind': 'destroy'}, {'places': ['cloud']}, {'surprise': 1}):
        task = document['tasks'][0] | change
        with pytest.raises(BadInput, match='broken'):
            read_plan(document | {'tasks': [task]})


def test_a_task_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(BadInput, match="app-1 has no task 'x'; there are media-incremental"):
        host_plans()['app-1'].task('x')


def test_a_timer_makes_up_for_what_was_missed_and_counts_in_utc() -> None:
    text = timer(host_plans()['app-1'].task('media-incremental'))
    assert 'OnCalendar=*-*-* *:05:00 UTC\n' in text
    assert 'Persistent=true\n' in text
    assert 'RandomizedDelaySec=120\n' in text
    assert for_systemd('daily') == '*-*-* 00:00:00 UTC'


def test_a_service_has_a_deadline_and_names_its_task_alone() -> None:
    text = service(host_plans()['app-1'].task('media-incremental'))
    assert 'task media-incremental\n' in text
    assert f'TimeoutStartSec={2 * 3600 + 60}\n' in text


def test_every_task_has_a_timer_and_a_service() -> None:
    plan = host_plans()['ops-1']
    files = unit_files(plan)
    assert len(files) == 2 * len(plan.tasks) == 2 * len({task.name for task in plan.tasks})


def test_what_is_due_comes_in_order_and_within_its_span() -> None:
    due = next_runs(host_plans().values(), NOW, NOW + timedelta(hours=24))
    assert due == sorted(due, key=lambda each: each.at)
    assert all(NOW < each.at <= NOW + timedelta(hours=24) for each in due)
    assert sum(each.task == 'media-incremental' and each.host == 'app-1' for each in due) == 24


def test_the_hosts_of_a_platform_are_by_tier_with_the_operator() -> None:
    import yaml

    hosts = hosts_of(parse_platform(yaml.safe_dump(lab('mini')), 'sample'))
    assert hosts['app'] == ('app-1',)
    assert hosts['data'] == ('db-1', 'db-2', 'db-3')
    assert hosts['operator'] == ('ops-1',)
    assert isinstance(host_plans()['db-1'], HostPlan)
