"""Operators: an account that nobody has used for long is named, and what is too young to say is not judged."""

import pytest

from compliance.checks import test_operators as checks
from compliance.expected import Expected
from tests.unit.compliance.checks.asked import Asked, Said, cannot_judge, expected, fails

NOW = 1_795_645_503
DAY = 86_400


def said(oldest_days, **last_days):
    lines = [f'last {name} {"" if days is None else NOW - days * DAY}' for name, days in last_days.items()]
    return Asked({'echo oldest ': '\n'.join([*lines, f'oldest {NOW - oldest_days * DAY}', f'now {NOW}', ''])})


def of(*names):
    whole = expected('ops-1')
    platform = dict(whole.platform)
    platform['configuration'] = {**platform['configuration'], 'operators': dict.fromkeys(names, 'ssh-ed25519 AAAA')}
    variables = {**whole.outputs['variables'], 'platform': platform}
    return Expected('ops-1', {**whole.outputs, 'variables': variables})


def test_who_logged_in_lately_is_no_finding():
    checks.test_no_operator_has_been_away_for_long(said(170, lihua=89), of('lihua'))


def test_who_was_away_for_long_is_named():
    fails(
        checks.test_no_operator_has_been_away_for_long, said(170, lihua=91, wang=2), of('lihua', 'wang'),
        saying=r'for 90 days: lihua\n',
    )  # fmt: skip


def test_who_never_came_in_was_away_for_as_long_as_there_are_records():
    fails(checks.test_no_operator_has_been_away_for_long, said(91, lihua=None), of('lihua'), saying='lihua')


def test_records_that_are_younger_say_nothing_of_who_is_not_in_them():
    cannot_judge(
        checks.test_no_operator_has_been_away_for_long, said(3, lihua=None), of('lihua'), saying='records are younger'
    )


def test_records_that_cannot_be_read_say_nothing():
    for answer in ('', 'last lihua \noldest \nnow 1795645503\n'):
        host = Asked({'echo oldest ': Said(answer)})
        cannot_judge(checks.test_no_operator_has_been_away_for_long, host, of('lihua'), saying='cannot be read')


def test_without_operators_there_is_nobody_to_be_away():
    with pytest.raises(pytest.skip.Exception, match='not-applicable'):
        checks.test_no_operator_has_been_away_for_long(said(1), of())
