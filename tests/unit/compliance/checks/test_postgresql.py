"""The database: settings, rules and roles that are too weak are found; a replica is not asked for the leader's."""

import json

import pytest

from compliance.checks import test_postgresql as checks
from compliance.checks import test_postgresql_access as access
from compliance.checks import test_postgresql_roles as roles
from compliance.checks import test_replication as replication
from tests.unit.compliance.checks.asked import Asked, Said, cannot_judge, expected, fails

RULE = {
    'line_number': 3, 'type': 'hostssl', 'database': ['learning'], 'user_name': ['learning'], 'address': '198.18.20.11',
    'netmask': '255.255.255.255', 'auth_method': 'scram-sha-256', 'error': None,
}  # fmt: skip


def member(settings=(), rules=(RULE,), **state):
    told = {'settings': dict(settings), 'waiting': None, 'ignored': None, 'rules': list(rules), **state}
    return Asked({'pending_restart': json.dumps(told)})


def leader(**parts):
    return Asked({'pg_stat_wal_receiver': json.dumps({**replication.GOOD, **parts})})


@pytest.mark.parametrize(
    ('check', 'rule', 'saying'),
    [
        (access.test_nobody_comes_in_over_the_network_without_tls, {'type': 'host'}, 'without TLS'),
        (access.test_nobody_comes_in_without_a_strong_proof, {'auth_method': 'trust'}, 'trust'),
        (access.test_the_superuser_does_not_come_in_over_the_network, {'user_name': ['all']}, 'all'),
        (access.test_no_rule_of_access_is_wrong, {'error': 'nonsense'}, 'nonsense'),
    ],
)
def test_a_rule_that_lets_too_many_in_is_found(check, rule, saying):
    check(member())
    fails(check, member(rules=[RULE, {**RULE, **rule}]), saying=saying)


@pytest.mark.parametrize('address', [('0.0.0.0', '0.0.0.0'), ('198.18.20.0', '255.255.255.0'), ('all', None)])
def test_a_rule_for_others_than_the_declared_zones_is_found(address):
    check = access.test_nobody_comes_in_from_elsewhere_than_declared
    check(member(), expected('db-1'))
    wide = {**RULE, 'address': address[0], 'netmask': address[1]}
    fails(check, member(rules=[wide]), expected('db-1'), saying='line 3')


def test_a_database_without_any_rule_is_not_judged():
    cannot_judge(access.test_no_rule_of_access_is_wrong, member(rules=[]))


def test_the_audit_has_to_be_loaded_and_to_record_the_kind():
    check = checks.test_the_audit_of_the_database_records_each_kind_of_statement
    loaded = {'shared_preload_libraries': 'pgaudit', 'pgaudit.log': 'ddl, role, -read'}
    check(member(loaded), 'ddl')
    fails(check, member(loaded), 'write', saying='write is not recorded')
    fails(check, member(loaded), 'read', saying='leaves out read')
    fails(check, member({'shared_preload_libraries': ''}), 'ddl', saying='not loaded')


def test_a_log_in_that_succeeds_is_found_and_one_without_an_answer_is_not_judged():
    check = access.test_a_log_in_is_refused
    words = ('password authentication failed',)
    check(
        Asked({'sslmode': 'tls rewind: FATAL:  password authentication failed for user "rewind"\n'}),
        'tls rewind',
        words,
    )
    fails(check, Asked({'sslmode': 'tls rewind: 1 \n'}), 'tls rewind', words, saying='was not refused')
    cannot_judge(check, Asked({'sslmode': 'tls rewind: timeout expired \n'}), 'tls rewind', words)


def test_a_database_that_ran_out_of_time_is_not_judged_and_one_that_fails_is_a_failure():
    cannot_judge(access.test_no_rule_of_access_is_wrong, Asked({'pending_restart': Said('', 124)}))
    fails(access.test_no_rule_of_access_is_wrong, Asked({'pending_restart': Said('', 2, 'gone')}), saying='gone')


def test_a_replica_is_not_asked_for_what_is_the_leaders():
    with pytest.raises(pytest.skip.Exception, match='not-applicable'):
        replication.test_no_replica_is_far_behind(leader(leader=False), expected('db-1'))


def test_a_lag_a_missing_follower_and_a_plain_copy_are_found():
    member_of_three = expected('db-3')
    far = leader(followers=replication.follower(behind=10**9))
    fails(replication.test_no_replica_is_far_behind, far, member_of_three, saying='bytes behind')
    fails(replication.test_every_other_member_follows_the_leader, leader(), member_of_three, saying='db-2')
    fails(
        replication.test_the_log_travels_encrypted,
        leader(followers=replication.follower(tls=None)),
        saying='without TLS',
    )
    cannot_judge(replication.test_the_log_travels_encrypted, leader(followers=None))


def test_a_role_too_many_and_a_right_too_much_are_found():
    own = {'login': True, 'superuser': False, 'kept': 'scram', 'member_of': None}
    told = {'roles': {'learning': own, 'stranger': own, 'mighty': {**own, 'superuser': True}}, 'databases': {}}
    host = Asked({'pg_stat_wal_receiver': json.dumps(replication.GOOD), 'rolcanlogin': json.dumps(told)})
    fails(roles.test_nobody_may_log_in_but_those_declared, host, saying='mighty, stranger')
    fails(roles.test_a_right_that_is_above_all_is_held_by_few, host, 'superuser', saying='held by mighty')
