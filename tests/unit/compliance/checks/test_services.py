"""Checks of services: what systemd says starts and runs, held against what a tier is for."""

from compliance.checks import test_services as services
from tests.unit.compliance.checks.asked import Asked, cannot_judge, expected, fails, parts

APP = ('ssh.service', 'chrony.service', *services.OF_TIER['app'])


def host(*more, state='active running', without=''):
    names = [each for each in APP if each != without]
    lines = [f'{name} loaded {state}' for name in names] + list(more)
    return Asked({services.ASKED: parts(enabled='\n'.join([*names, 'end\n']), units='\n'.join([*lines, 'end\n']))})


def test_what_the_tier_is_for_passes():
    services.test_nothing_starts_by_itself_but_what_the_tier_is_for(host(), expected('app-1'))
    services.test_nothing_runs_but_what_the_tier_is_for(host(), expected('app-1'), 'service', ('running',))
    services.test_what_the_tier_is_for_runs(host(), expected('app-1'))
    services.test_what_the_tier_is_for_starts_by_itself(host(), expected('app-1'))
    services.test_no_unit_has_failed(host())


def test_the_service_of_another_tier_is_named():
    other = host('patroni.service loaded active running')
    check = services.test_nothing_runs_but_what_the_tier_is_for
    fails(check, other, expected('app-1'), 'service', ('running',), saying='patroni')


def test_a_service_that_is_down_or_absent_is_named():
    fails(
        services.test_what_the_tier_is_for_runs, host(state='failed failed'), expected('app-1'), saying='nginx.service'
    )
    gone = host(without='haproxy.service')
    fails(services.test_what_the_tier_is_for_runs, gone, expected('app-1'), saying=r'haproxy.service \(absent\)')
    fails(services.test_what_the_tier_is_for_starts_by_itself, gone, expected('app-1'), saying='haproxy')


def test_a_failed_unit_is_named():
    fails(services.test_no_unit_has_failed, host('backup.service loaded failed failed'), saying='backup')


def test_a_cut_answer_is_not_judged():
    cut = Asked({services.ASKED: parts(units='ssh.service loaded active running\n')})
    cannot_judge(services.test_no_unit_has_failed, cut)


def shown(**otherwise):
    """Return a host whose units have these properties."""
    names = [each for each in APP if each.endswith('.service')]
    values = {'Type': 'notify', 'Restart': 'always', 'NeedDaemonReload': 'no'}
    blocks = [[f'Id={name}', *(f'{key}={value}' for key, value in values.items())] for name in names]
    blocks[-1] = [f'Id={names[-1]}', *(f'{key}={value}' for key, value in (values | otherwise).items())]
    return Asked({'-p Id,Type': '\n\n'.join('\n'.join(block) for block in blocks)})


def test_a_unit_that_was_changed_and_not_loaded_is_named():
    services.test_each_unit_in_force_is_the_one_on_disk(shown(), expected('app-1'))
    changed = shown(NeedDaemonReload='yes')
    fails(services.test_each_unit_in_force_is_the_one_on_disk, changed, expected('app-1'), saying='anlan-block-list')


def test_a_service_that_stays_down_is_named():
    services.test_what_dies_starts_again_by_itself(shown(), expected('app-1'))
    down = shown(Restart='no')
    fails(services.test_what_dies_starts_again_by_itself, down, expected('app-1'), saying='anlan-block-list')
    services.test_what_dies_starts_again_by_itself(shown(Restart='no', Type='oneshot'), expected('app-1'))
