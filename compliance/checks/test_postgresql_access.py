"""Who may come into the database, from where and how: its rules, and log-ins that it has to refuse."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from compliance.checking import clauses, not_verified, tiers, violation
from compliance.reading.database import ruled, rules
from compliance.violation import answered

pytestmark = tiers('data')

LOGINS = """
own=$(hostname -I | tr ' ' '\\n' | grep -v : | head -1)
export PGCONNECT_TIMEOUT=5 PGSSLCERT=/etc/anlan/tls/host.crt PGSSLKEY=/etc/anlan/tls/host.key
for try in plain:rewind:x tls:rewind:x tls:learning:x tls:postgres:postgres; do
  mode=${try%%:*}; rest=${try#*:}; user=${rest%%:*}; export PGPASSWORD=${rest#*:}
  [ $mode = plain ] && tls=disable || tls=require
  [ $user = learning ] && base=learning || base=postgres
  # At once: a refusal takes its time (auth_delay).
  echo "$mode $user: $(psql -XAtw "host=$own user=$user dbname=$base sslmode=$tls" -c 'SELECT 1' 2>&1 | tr '\\n' ' ')" &
done
wait"""
"""Log-ins that have to fail: without TLS, with a wrong password, and with one that everybody knows."""


@clauses('22239-8.1.4.8-a', '22239-8.1.4.7-a', '35273-6.3-a')
@violation(ruled('host all all 198.18.30.0/24 scram-sha-256'))
def test_nobody_comes_in_over_the_network_without_tls(host):
    plain = [
        f'line {each["line_number"]}: {each["type"]}'
        for each in rules(host)
        if each['type'] not in ('local', 'hostssl')
    ]
    assert not plain, f'pg_hba.conf lets in without TLS: {"; ".join(plain)}'


@clauses('22239-8.1.4.1-a', '22239-8.1.4.2-b')
@violation(ruled('hostssl learning learning 198.18.20.11/32 trust'))
def test_nobody_comes_in_without_a_strong_proof(host):
    for each in rules(host):
        wanted = ('peer',) if each['type'] == 'local' else ('scram-sha-256', 'cert', 'reject')
        assert each['auth_method'] in wanted, f'pg_hba.conf, line {each["line_number"]}: {each["auth_method"]}'


@clauses('22239-8.1.4.4-c', '22239-8.1.4.2-d')
@violation(ruled('hostssl learning learning 198.18.20.0/24 scram-sha-256'))
def test_nobody_comes_in_from_elsewhere_than_declared(host, expected):
    declared = {ip_network(each) for each in expected.addresses('app', 'data')}
    for each in rules(host):
        if each['type'] == 'local' or each['auth_method'] == 'reject':
            continue
        assert each['address'] and each['netmask'], f'line {each["line_number"]}: from {each["address"]}'
        network = ip_network(f'{each["address"]}/{each["netmask"]}', strict=False)
        assert network.is_loopback or network in declared, f'line {each["line_number"]}: {network}'


@clauses('22239-8.1.4.2-d', '22239-8.1.4.4-c')
@violation(ruled('hostssl all postgres 198.18.30.0/24 scram-sha-256'))
def test_the_superuser_does_not_come_in_over_the_network(host):
    for each in rules(host):
        named = set(each['user_name']) & {'postgres', 'all'}
        assert each['type'] == 'local' or not named, (
            f'pg_hba.conf, line {each["line_number"]} lets in {", ".join(named)}'
        )


@clauses('22239-8.1.4.1-a', '22239-8.1.4.1-c')
@violation(ruled('hostssl all rewind 198.18.30.11/32 scram-sha-256'))
def test_a_member_of_the_cluster_shows_its_certificate(host):
    members = [each for each in rules(host) if set(each['user_name']) & {'replicator', 'rewind'}]
    assert members, 'no member may come in'
    for each in members:
        shown = any(option.startswith('clientcert=verify') for option in each.get('options') or ())
        assert shown, f'pg_hba.conf, line {each["line_number"]}: {", ".join(each["user_name"])} without a certificate'


@clauses('22239-8.1.4.4-a')
@violation(ruled('hostssl nonsense'))
def test_no_rule_of_access_is_wrong(host):
    wrong = [f'line {each["line_number"]}: {each["error"]}' for each in rules(host) if each['error']]
    assert not wrong, '; '.join(wrong)


@clauses('22239-8.1.4.1-a', '22239-8.1.4.2-b', '22239-8.1.4.8-a')
@pytest.mark.parametrize(
    ('tried', 'words'),
    [
        pytest.param(
            tried, words, id=name, marks=violation(answered('sslmode=$tls', f'{tried}: 1 ')),
        )
        for name, tried, words in [
            ('without-tls', 'plain rewind', ('no encryption',)),
            ('wrong-password', 'tls rewind', ('password authentication failed',)),
            ('wrong-password-of-the-application', 'tls learning', ('authentication failed', 'no pg_hba.conf entry')),
            ('superuser-with-a-default-password', 'tls postgres', ('no pg_hba.conf entry', 'authentication failed')),
        ]
    ],
)  # fmt: skip
def test_a_log_in_is_refused(host, tried, words):
    lines = dict(line.partition(': ')[::2] for line in host.run(LOGINS).stdout.splitlines())
    answer = lines.get(tried, '')
    if not answer or 'timeout' in answer:
        not_verified(f'{tried}: no answer in time')
    assert 'FATAL' in answer and any(word in answer for word in words), f'{tried} was not refused: {answer}'
