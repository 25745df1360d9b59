"""TLS: what a listener takes is its fault, what it did not refuse in its own words is no proof."""

import json

from compliance.checks import test_certificates as certificates
from compliance.checks import test_tls as checks
from tests.unit.compliance.checks.asked import Asked, Said, cannot_judge, expected, fails

NAMES = 'DNS:edge-1, DNS:edge-1.sample.anlan.internal, DNS:learn.sample.test'
CERTIFICATE = {
    'sha256': 'f00', 'issuer': 'CN=Anlan lab internal authority', 'begins': '2026-11-25 00:00:00Z',
    'ends': '2027-02-23 00:00:00Z', 'signature': 'ecdsa-with-SHA256', 'key': 'id-ecPublicKey', 'bits': '256',
    'names': NAMES, 'authority': 'FALSE',
}  # fmt: skip
LISTENER = {
    'port': 443, 'process': 'nginx', 'version': 'TLSv1.3', 'suite': 'X', 'ticket': False, 'certificate': CERTIFICATE,
    'took': {'TLSv1.3': 'X', 'TLSv1.2': 'Y'},
    'refused': {
        'TLSv1': 'TLSV1_ALERT_PROTOCOL_VERSION', 'TLSv1.1': 'TLSV1_ALERT_PROTOCOL_VERSION',
        'no-encryption': 'SSLV3_ALERT_HANDSHAKE_FAILURE',
    },
}  # fmt: skip
OWN = 'host.crt: OK\nnotAfter=2027-02-23 00:00:00Z\nsubject=CN=edge-1\nsha256 f00\npair a a\nnow 2026-11-26 00:00:00Z\n'


def edge(own=OWN, **parts):
    return Asked({'shakes hands': json.dumps([{**LISTENER, **parts}]), 'openssl verify': own})


def test_an_old_version_that_is_refused_is_well_and_one_that_is_taken_is_not():
    checks.test_an_old_version_of_tls_is_refused(edge(), expected('edge-1'), 'TLSv1')
    taking = edge(took={'TLSv1': 'AES128-SHA'}, refused={})
    fails(checks.test_an_old_version_of_tls_is_refused, taking, expected('edge-1'), 'TLSv1', saying='takes AES128-SHA')


def test_an_offer_that_was_never_made_proves_nothing():
    unclear = edge(refused={'no-encryption': 'NO_CIPHERS_AVAILABLE'})
    cannot_judge(checks.test_a_weak_suite_is_refused, unclear, expected('edge-1'), 'no-encryption')


def test_a_listener_without_tls_is_found_and_the_way_to_https_is_none():
    plain = {'certificate': None, 'took': {}, 'refused': {}, 'plain': 'wrong version number'}
    checks.test_no_listener_that_others_reach_is_without_tls(edge(port=80, **plain), expected('edge-1'))
    fails(
        checks.test_no_listener_that_others_reach_is_without_tls, edge(port=8080, **plain), expected('edge-1'),
        saying='8080',
    )  # fmt: skip


def test_a_probe_that_did_not_end_is_no_answer():
    host = Asked({'shakes hands': Said('', 124, 'no end within 20 s')})
    cannot_judge(checks.test_every_listener_speaks_the_newest_version, host, expected('edge-1'), saying='no end')


def test_a_certificate_is_held_against_name_time_and_file():
    for check in (
        certificates.test_what_is_shown_is_good_for_the_hosts_name,
        certificates.test_what_is_shown_is_what_is_on_the_disk,
        certificates.test_what_is_shown_comes_from_the_platforms_authority,
    ):
        check(edge(), expected('edge-1'))
    other = {**CERTIFICATE, 'names': 'DNS:edge-1', 'sha256': 'bad', 'issuer': 'CN=edge-1'}
    fails(certificates.test_what_is_shown_is_good_for_the_hosts_name, edge(certificate=other), expected('edge-1'),
          saying='learn.sample')  # fmt: skip
    fails(certificates.test_what_is_shown_is_what_is_on_the_disk, edge(certificate=other), expected('edge-1'),
          saying='another certificate')  # fmt: skip


def test_a_certificate_that_ends_soon_or_lives_too_long_is_found():
    check = certificates.test_what_is_shown_is_valid_now_and_not_for_long
    for what in ('begun', 'ended', 'soon', 'long'):
        check(edge(), expected('edge-1'), what)
    late = OWN.replace('now 2026-11-26', 'now 2027-02-20')
    fails(check, edge(late), expected('edge-1'), 'soon', saying='ends in 3.0 days')
    fails(check, edge(OWN.replace('now 2026', 'now 2028')), expected('edge-1'), 'ended', saying='ended on')
    long = {**CERTIFICATE, 'ends': '2036-01-01 00:00:00Z'}
    fails(check, edge(certificate=long), expected('edge-1'), 'long', saying='90 are declared')
