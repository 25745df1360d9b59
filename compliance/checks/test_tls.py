"""TLS: what the listeners of a host take, tried from the host itself by handshakes that offer it for real."""

from __future__ import annotations

import json

import pytest

from compliance.checking import clauses, tiers, violation
from compliance.reading.listeners import OWN, PLAIN_PORTS, SELF_MADE, listeners, planted, refused, secure, self_made
from compliance.violation import answered, run

WITH_LISTENERS = tiers('edge', 'balancer', 'app', 'data', 'monitoring')
ON_THE_NETWORK = ('22239-8.1.2.2-a', '22239-8.1.2.2-b')
ANYTHING = "-cipher 'ALL:COMPLEMENTOFALL:@SECLEVEL=0'"
PLAIN_LISTENER = run(
    'systemd-run --quiet --collect --unit=anlan-planted --socket-property=ListenStream=0.0.0.0:9443 '
    '--socket-property=Accept=yes cat',
    'systemctl stop anlan-planted.socket 2>/dev/null; true',
    settle_seconds=0.2,
)


def offer(name, options, prepare='true'):
    """Return the parameter of one offer that a listener must refuse."""
    return pytest.param(name, id=name, marks=violation(planted(options, prepare)))


def without_tls(process, port):
    """Return the violation of an answer in which a service speaks no TLS: one that does so cannot be had in seconds."""
    seen = {
        'port': port,
        'process': process,
        'took': {},
        'refused': {},
        'verified': {},
        'plain': 'wrong version number',
    }
    return answered('shakes hands with every TCP listener', json.dumps([seen]))


@WITH_LISTENERS
@clauses('22239-8.1.4.8-a', '22239-8.1.4.7-a', '22239-8.1.4.1-c', '35273-6.3-a', *ON_THE_NETWORK)
@violation(PLAIN_LISTENER)
def test_no_listener_that_others_reach_is_without_tls(host, expected):
    allowed = PLAIN_PORTS.get(expected.tier, set())
    plain = [str(each) for each in listeners(host, expected) if each.plain and each.port not in allowed]
    assert not plain, f'without TLS: {", ".join(plain)}'


@WITH_LISTENERS
@clauses('22239-8.1.4.8-a', '22239-8.1.4.7-a', '35273-6.3-a', *ON_THE_NETWORK)
@pytest.mark.parametrize(
    'version', [offer('TLSv1', f'-tls1 {ANYTHING} {OWN}'), offer('TLSv1.1', f'-tls1_1 {ANYTHING} {OWN}')]
)
def test_an_old_version_of_tls_is_refused(host, expected, version):
    refused(version, secure(host, expected))


@WITH_LISTENERS
@clauses('22239-8.1.4.8-a', '22239-8.1.4.7-a', '35273-6.3-a', *ON_THE_NETWORK)
@pytest.mark.parametrize(
    'suite',
    [
        offer('no-encryption', f"-tls1_2 -cipher 'eNULL:@SECLEVEL=0' {OWN}"),
        offer('nobody-known', "-tls1_2 -nocert -cipher 'aNULL:@SECLEVEL=0'"),
        offer('no-forward-secrecy', f"-tls1_2 -cipher 'kRSA:@SECLEVEL=0' {SELF_MADE}", self_made('-newkey rsa:2048')),
        offer('no-authenticated-encryption', f"-tls1_2 -cipher 'ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0' {OWN}"),
    ],
)
def test_a_weak_suite_is_refused(host, expected, suite):
    refused(suite, secure(host, expected))


@WITH_LISTENERS
@clauses('22239-8.1.4.8-a', '22239-8.1.2.2-b')
@violation(planted(f'-tls1_2 {OWN}'))
def test_every_listener_speaks_the_newest_version(host, expected):
    without = [f'{each} ({each.version})' for each in secure(host, expected) if 'TLSv1.3' not in each.took]
    assert not without, f'no TLS 1.3: {", ".join(without)}'


@tiers('edge', 'balancer', 'app', 'monitoring')
@clauses('22239-8.1.4.8-a', '22239-8.1.2.2-b')
@violation(planted(f'-tls1_2 {OWN}'))
def test_no_key_of_tickets_can_open_what_was_recorded(host, expected):
    giving = [str(each) for each in secure(host, expected) if each.ticket]
    assert not giving, f'session tickets are given by {", ".join(giving)}'


@tiers('data')
@clauses('22239-8.1.4.8-a', '22239-8.1.4.7-a', '22239-8.1.4.1-c', *ON_THE_NETWORK)
@pytest.mark.parametrize(
    ('service', 'port'),
    [
        pytest.param(name, port, id=name, marks=violation(without_tls(name, port)))
        for name, port in {
            'postgresql': 5432, 'patroni': 8008, 'etcd': 2379, 'etcd-peers': 2380, 'valkey': 6379, 'sentinel': 26379,
        }.items()
    ],
)  # fmt: skip
def test_a_service_of_the_data_tier_speaks_tls(host, expected, service, port):
    found = [each for each in listeners(host, expected) if each.port == port]
    assert found, f'nothing listens on port {port}'
    assert not found[0].plain, f'{found[0]} speaks no TLS: {found[0].plain}'
