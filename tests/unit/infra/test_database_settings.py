"""PostgreSQL under Patroni: who comes in, how, and that no learner's data stands in a log."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.unit.infra.role_settings import rendered, variable


def patroni(library: bool = True, **variables: Any) -> dict[str, Any]:
    text = rendered(
        'database', 'patroni.yml.j2', 'db-1', database_audit_library={'stat': {'exists': library}}, **variables
    )
    document: dict[str, Any] = yaml.safe_load(text)
    return document


@pytest.fixture(scope='module')
def settings() -> dict[str, Any]:
    return patroni()


def test_nobody_comes_in_over_the_network_without_tls_and_a_password(settings: dict[str, Any]) -> None:
    for line in settings['postgresql']['pg_hba']:
        words = line.split()
        assert 'trust' not in words
        if words[0] != 'local':
            assert words[0] == 'hostssl'
            assert words[4] == 'scram-sha-256'


def test_every_line_is_about_one_address_and_named_logins(settings: dict[str, Any]) -> None:
    for line in settings['postgresql']['pg_hba']:
        kind, _, logins, *rest = line.split()
        assert logins != 'all', line
        if kind != 'local':
            assert rest[0].endswith('/32'), line


def test_members_show_a_certificate_and_have_one_to_show(settings: dict[str, Any]) -> None:
    lines = [line for line in settings['postgresql']['pg_hba'] if re.search(r' (replicator|rewind)', line)]
    assert len(lines) == 7
    assert all(line.endswith(' clientcert=verify-ca') for line in lines)
    for purpose in ('replication', 'rewind'):
        given = settings['postgresql']['authentication'][purpose]
        assert (given['sslcert'], given['sslkey']) == ('/etc/anlan/tls/host.crt', '/etc/anlan/tls/host.key')


def test_the_application_comes_from_its_hosts_alone_and_shows_a_certificate_where_that_is_asked_for(
    settings: dict[str, Any],
) -> None:
    lines = [line for line in settings['postgresql']['pg_hba'] if line.startswith('hostssl learning ')]
    assert len(lines) == 2
    assert not any('clientcert' in line for line in lines)
    client = {'user': 'learning', 'database': 'learning', 'tier': 'app', 'certificate': True}
    asked = patroni(database_clients=[client])['postgresql']['pg_hba']
    assert sum(line.startswith('hostssl learning ') and line.endswith('clientcert=verify-ca') for line in asked) == 2


def test_root_alone_is_the_role_that_audits_ask_by(settings: dict[str, Any]) -> None:
    assert settings['postgresql']['pg_ident'] == ['audits root anlan_audit']
    assert 'local learning,postgres anlan_audit peer map=audits' in settings['postgresql']['pg_hba']


def test_a_library_that_is_not_there_is_not_named() -> None:
    named = [patroni(library)['postgresql']['parameters']['shared_preload_libraries'] for library in (True, False)]
    assert named == ['pgaudit, auth_delay', 'auth_delay']


def test_calls_that_change_something_come_from_members_alone(settings: dict[str, Any]) -> None:
    allowed = settings['restapi']['allowlist']
    assert len(allowed) == 4
    assert '127.0.0.1' in allowed


def test_no_statement_with_values_is_logged_and_every_change_of_tables_and_rights_is() -> None:
    parameters = variable('database', 'database_dynamic_configuration', 'db-1')['postgresql']['parameters']
    assert parameters['log_min_duration_statement'] == -1
    assert parameters['log_min_error_statement'] == 'panic'
    assert parameters['log_parameter_max_length'] == parameters['log_parameter_max_length_on_error'] == 0
    assert (parameters['log_statement'], parameters['pgaudit.log']) == ('ddl', 'ddl, role')
    assert parameters['pgaudit.log_parameter'] == 'off'
    for word in ('%u', '%d', '%h', '%a', '%p'):
        assert word in parameters['log_line_prefix']
    assert parameters['log_connections'] == parameters['log_disconnections'] == 'on'


def test_etcd_takes_certificates_alone_from_clients_and_members_and_no_weak_cipher() -> None:
    text = rendered('etcd', 'etcd.env.j2', 'db-1')
    for line in ('ETCD_CLIENT_CERT_AUTH=true', 'ETCD_PEER_CLIENT_CERT_AUTH=true', 'ETCD_TLS_MIN_VERSION=TLS1.2'):
        assert line in text.splitlines()
    suites = re.search(r'^ETCD_CIPHER_SUITES=(.*)$', text, re.MULTILINE)
    assert suites is not None
    assert all(
        re.fullmatch(r'TLS_ECDHE_\w+_(GCM_SHA\d+|CHACHA20_POLY1305_SHA256)', name) for name in suites[1].split(',')
    )


def test_the_caches_application_has_its_commands_on_its_keys_and_no_other() -> None:
    text = rendered('cache', 'valkey.seed.j2', 'db-1')
    (line,) = (line for line in text.splitlines() if line.startswith('user default '))
    words = line.split()
    assert {'~learning:*', 'resetchannels', '-@all'} <= set(words)
    assert 'nopass' not in words
    allowed = {word[1:] for word in words if word.startswith('+')}
    assert not any(word.startswith('@') for word in allowed)
    refused = {
        'keys',
        'scan',
        'flushall',
        'flushdb',
        'config',
        'config|set',
        'debug',
        'eval',
        'acl',
        'shutdown',
        'client',
    }
    assert not allowed & refused
    assert 'port 0' in text.splitlines()
    assert 'enable-debug-command no' in text.splitlines()
