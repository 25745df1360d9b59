"""Valkey and Sentinel: who comes in, what the application may do there, and that each follows and is bounded."""

from __future__ import annotations

import pytest

from compliance.checking import clauses, not_verified, tiers, violation
from compliance.reading import units
from compliance.reading.places import shut
from compliance.reading.valkey import DRIED, asked, configured, pairs, ruled, strangers, user
from compliance.violation import answered, mode

pytestmark = tiers('data')

UNITS = {'valkey': 'valkey-server', 'sentinel': 'valkey-sentinel'}
BOTH = ('valkey', 'sentinel')


def users(host, service):
    """Return the rule of each user of a service, by name."""
    return {line.split()[1]: line.split()[2:] for line in asked(host, service)['ACL LIST'] if line.startswith('user ')}


def each_service(*violations):
    """Return both services as parameters, with the violation of each."""
    return [pytest.param(name, id=name, marks=violation(each)) for name, each in zip(BOTH, violations, strict=True)]


@clauses('22239-8.1.4.1-a', '22239-8.1.4.2-b')
@pytest.mark.parametrize('service', each_service(ruled('valkey', 'nopass'), ruled('sentinel', 'nopass')))
def test_who_shows_no_password_is_refused(host, service):
    answers = [
        line.split(' ', 2)[2]
        for line in host.run(strangers()).stdout.splitlines()
        if line.startswith(f'{service} nothing')
    ]
    if not answers:
        not_verified(f'{service} did not answer')
    assert answers[0].startswith('NOAUTH'), f'{service} answers without a password: {answers[0]}'


@clauses('22239-8.1.4.2-b', '22239-8.1.4.1-a', 'guideline-6.4.1.1')
@pytest.mark.parametrize('service', each_service(ruled('valkey', "'>foobared'"), ruled('sentinel', "'>foobared'")))
def test_no_default_password_opens_it(host, service):
    answers = [line for line in host.run(strangers()).stdout.splitlines() if line.startswith(f'{service} default')]
    refused = sum(int(line.split()[2]) for line in answers if 'WRONGPASS' in line)
    taken = [line for line in answers if 'WRONGPASS' not in line]
    assert not taken, f'{service}: {"; ".join(taken)}'
    if refused < 2:
        not_verified(f'{service} was asked in vain')


@clauses('22239-8.1.4.2-d', '22239-8.1.4.2-f')
@pytest.mark.parametrize(
    ('service', 'call'),
    [
        pytest.param(
            service,
            call,
            id=f'{service}-{"-".join(call.split()[:2]).lower().replace("*", "all")}',
            marks=violation(ruled(service, f"'+{call.split()[0].lower()}'")),
        )
        for service in BOTH
        for call in DRIED[service]
    ],
)
def test_the_application_may_not(host, service, call):
    lines = asked(host, service).get(f'ACL DRYRUN default {call}'.replace('"', "'"), [])
    said = ' '.join(lines).strip()
    if not said:
        not_verified(f'{service} does not say whether {call} is allowed')
    assert 'no permissions' in said, f'the application may {call}: {said}'


@clauses('22239-8.1.4.2-d', '22239-8.1.4.2-f')
@violation(ruled('valkey', 'allkeys'))
def test_the_application_reaches_its_own_keys_alone(host):
    said = ' '.join(asked(host, 'valkey').get('ACL DRYRUN default GET other', []))
    if not said:
        not_verified('the cache does not say which keys are reached')
    assert 'no permissions' in said, f'it reaches the keys of others: {said}'


@clauses('22239-8.1.4.2-a', '22239-8.1.4.2-c')
@pytest.mark.parametrize(
    'service', each_service(user('valkey', "on '>planted-word' +ping"), user('sentinel', "on '>planted-word' +ping"))
)
def test_there_is_no_user_but_those_declared(host, service):
    more = set(users(host, service)) - {'default', 'anlan'}
    assert not more, f'{service} knows {", ".join(sorted(more))} too'


@clauses('22239-8.1.4.1-a')
@pytest.mark.parametrize(
    'service', each_service(user('valkey', 'on nopass +ping'), user('sentinel', 'on nopass +ping'))
)
def test_every_user_has_a_password(host, service):
    every = users(host, service)
    assert every, f'{service} has no user'
    without = [name for name, rule in every.items() if 'on' in rule and ('nopass' in rule or '#hidden' not in rule)]
    assert not without, f'{service}: no password for {", ".join(without)}'


@clauses('22239-8.1.4.4-a', '22239-8.1.4.4-b')
@pytest.mark.parametrize(
    ('name', 'good'),
    [
        pytest.param('port', ('0',), id='no-plain-port', marks=violation(configured('port', '6390'))),
        pytest.param(
            'enable-debug-command',
            ('no',),
            id='no-debugging',
            marks=violation(answered('ECHO', '-- ACL LIST\n-- CONFIG GET\nenable-debug-command\nyes\n')),
        ),
        pytest.param(
            'enable-module-command',
            ('no',),
            id='no-modules',
            marks=violation(answered('ECHO', '-- ACL LIST\n-- CONFIG GET\nenable-module-command\nyes\n')),
        ),
        pytest.param(
            'enable-protected-configs',
            ('no',),
            id='no-protected-settings',
            marks=violation(answered('ECHO', '-- ACL LIST\n-- CONFIG GET\nenable-protected-configs\nyes\n')),
        ),
        pytest.param('protected-mode', ('yes',), id='protected', marks=violation(configured('protected-mode', 'no'))),
        pytest.param(
            'tls-replication',
            ('yes',),
            id='copies-encrypted',
            marks=violation(answered('ECHO', '-- ACL LIST\n-- CONFIG GET\ntls-replication\nno\n')),
        ),
        pytest.param(
            'maxmemory-policy',
            ('allkeys-lru', 'allkeys-lfu', 'volatile-lru', 'volatile-lfu'),
            id='full-is-no-end',
            marks=violation(configured('maxmemory-policy', 'noeviction')),
        ),
        pytest.param(
            'appendonly',
            ('no',),
            id='nothing-on-disk',
            marks=violation(answered('ECHO', '-- ACL LIST\n-- CONFIG GET\nappendonly\nyes\n')),
        ),
        pytest.param('save', ('',), id='no-dump', marks=violation(configured('save', '3600 1000000'))),
    ],
)
def test_a_setting_of_the_cache_is_as_it_must_be(host, name, good):
    value = configuration(host).get(name)
    if value is None:
        not_verified(f'the cache does not tell {name}')
    assert value in good, f'{name} is {value}'


def configuration(host):
    """Return the settings of Valkey that are asked for."""
    return pairs(
        next((lines for question, lines in asked(host, 'valkey').items() if question.startswith('CONFIG GET')), [])
    )


@clauses('22239-8.1.4.4-d', '22239-8.1.2.1-a')
@pytest.mark.parametrize(
    ('name', 'least', 'most'),
    [
        pytest.param('maxmemory', 2**20, 2**36, id='memory', marks=violation(configured('maxmemory', '0'))),
        pytest.param('maxclients', 50, 2000, id='clients', marks=violation(configured('maxclients', '4000'))),
        pytest.param('tcp-keepalive', 1, 120, id='keepalive', marks=violation(configured('tcp-keepalive', '0'))),
    ],
)
def test_the_cache_has_its_bounds(host, name, least, most):
    value = configuration(host).get(name)
    assert value is not None and least <= int(value) <= most, f'{name} is {value}'


@clauses('22239-8.1.4.4-b')
@violation(answered('ECHO', '-- ACL LIST\n-- CONFIG GET\nbind\n* -::*\n'))
def test_it_listens_where_it_has_to(host, expected):
    wanted = {'127.0.0.1', expected.variables['anlan_address']}
    bound = set(configuration(host).get('bind', '').split())
    assert bound and bound <= wanted, f'it listens on {", ".join(sorted(bound)) or "everything"}'


@clauses('22239-8.1.4.9-c')
@violation(answered('ECHO', '-- ACL LIST\n-- INFO replication\nrole:slave\nmaster_link_status:down\n'))
def test_the_cache_has_its_copies(host, expected):
    told = dict(line.partition(':')[::2] for line in asked(host, 'valkey').get('INFO replication', []))
    if told.get('role') == 'master':
        copies = [key for key, value in told.items() if key.startswith('slave') and 'state=online' in value]
        assert len(copies) == len(expected.hosts('data')) - 1, f'{len(copies)} copies follow'
    else:
        assert told.get('master_link_status') == 'up', (
            f'it does not follow: {told.get("master_link_status", "no word")}'
        )


@clauses('22239-8.1.4.9-c')
@violation(answered('CKQUORUM', '-- ACL LIST\n-- SENTINEL CKQUORUM learning\n(error) NOQUORUM 1 usable Sentinels\n'))
def test_the_sentinels_can_decide(host, expected):
    said = ' '.join(asked(host, 'sentinel').get('SENTINEL CKQUORUM learning', []))
    assert said.startswith('OK'), f'no quorum: {said or "no word"}'
    assert f'{len(expected.hosts("data"))} usable' in said, said


@clauses('22239-8.1.4.2-f', '22239-8.1.4.1-a')
@pytest.mark.parametrize(
    ('path', 'bits'),
    [
        pytest.param(path, bits, id=path.rpartition('/')[2], marks=violation(mode(path, '0644')))
        for path, bits in {
            '/etc/valkey/valkey.conf': 0o640, '/etc/valkey/sentinel.conf': 0o640, '/etc/anlan/valkey.seed': 0o600,
            '/etc/anlan/sentinel.seed': 0o600, '/etc/anlan/cache-node.json': 0o600,
        }.items()
    ],
)  # fmt: skip
def test_files_with_passwords_are_shut(host, expected, path, bits):
    shut(host, expected, path, 0o7777 & ~bits, 'root:root', 'valkey:valkey', 'root:valkey')


@clauses('22239-8.1.4.4-a', '22239-8.1.4.2-d')
@pytest.mark.parametrize('name', units.shut_in('valkey-server'))
def test_the_unit_of_the_cache_is_shut_in(host, expected, name):
    units.held(host, expected, 'valkey-server', name)


@clauses('22239-8.1.4.4-a')
@pytest.mark.parametrize(
    'service', each_service(units.planted_unit('valkey-server'), units.planted_unit('valkey-sentinel'))
)
def test_it_runs_and_starts_by_itself(host, expected, service):
    units.running(host, expected, UNITS[service])


@clauses('22239-8.1.4.2-d')
@pytest.mark.parametrize(
    'service', each_service(units.answered_process('valkey-server'), units.answered_process('valkey-sentinel'))
)
def test_nothing_of_it_runs_as_root(host, expected, service):
    units.without_root(host, expected, UNITS[service])
