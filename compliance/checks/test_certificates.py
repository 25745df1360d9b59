"""Certificates: those that the listeners of a host show, and the files that they and the host's own calls come from."""

from __future__ import annotations

from datetime import datetime

import pytest

from compliance.checking import clauses, not_verified, tiers, violation
from compliance.reading.listeners import SELF_MADE, names_of, planted, self_made, showing
from compliance.reading.places import places, told
from compliance.violation import answered, mode, run

WITH_LISTENERS = tiers('edge', 'balancer', 'app', 'data', 'monitoring')
FOLDER = '/etc/anlan/tls'
OWN_CERTIFICATE = f"""
cd {FOLDER}
openssl verify -CAfile ca.crt -x509_strict host.crt
openssl x509 -in host.crt -noout -dates -subject -nameopt RFC2253 -dateopt iso_8601
echo sha256 $(openssl x509 -in host.crt -outform DER | sha256sum | cut -d' ' -f1)
echo pair $(openssl x509 -in host.crt -noout -pubkey | sha256sum | cut -d' ' -f1) \\
  $(openssl pkey -in host.key -pubout | sha256sum | cut -d' ' -f1)
echo now $(date -u '+%Y-%m-%d %H:%M:%SZ')
openssl x509 -in ca.crt -noout -text | grep -E 'Signature Alg|Public-Key|CA:' | sed 's/^ */authority /' | sort -u"""
"""Of keys nothing but the hash of their public half leaves the host."""


def time(text):
    """Given a time as openssl or date write it, return it."""
    return datetime.strptime(text.strip(), '%Y-%m-%d %H:%M:%SZ')


def own(host):
    """Return what the host says of its own certificate, as lines by their first word."""
    said = host.run(OWN_CERTIFICATE)
    found = {}
    for line in said.stdout.splitlines():
        name, _, value = line.replace('=', ' ', 1).partition(' ')
        found.setdefault(name, []).append(value.strip())
    assert 'now' in found and 'sha256' in found, f'the host’s certificate cannot be read: {said.stderr.strip()[-200:]}'
    return found


def replaced(prepare):
    """Return the violation that the host's own file is another certificate. Services that run have the one before."""
    saved = '/var/lib/anlan/violation'
    return run(
        f'mkdir -p {saved} && cp -p {FOLDER}/host.crt {saved}/host.crt && mkdir -p -m 0700 /run/anlan-planted && '
        f'{prepare} && cat /run/anlan-planted/crt > {FOLDER}/host.crt',
        f'[ ! -e {saved}/host.crt ] || {{ cat {saved}/host.crt > {FOLDER}/host.crt && rm -f {saved}/host.crt; }}; '
        'rm -rf /run/anlan-planted',
    )


EC = '-newkey ec -pkeyopt ec_paramgen_curve:P-256'
ENDED = self_made(f'{EC} -not_before 20250101000000Z -not_after 20250301000000Z')
LONG = self_made(f'{EC} -days 800')
SOON = self_made(f'{EC} -days 3')


@WITH_LISTENERS
@clauses('22239-8.1.4.8-a', '22239-8.1.4.7-a')
@violation(planted(SELF_MADE, self_made(EC)))
def test_what_is_shown_comes_from_the_platforms_authority(host, expected):
    for listener, certificate in showing(host, expected):
        authority = own(host)['subject']
        assert certificate['authority'] == 'FALSE', f'{listener} shows the certificate of an authority'
        assert 'internal authority' in certificate['issuer'], (
            f'{listener}: issued by {certificate["issuer"]}, not {authority}'
        )
        assert 'unable to get' not in listener.verified and 'self-signed' not in listener.verified, (
            f'{listener}: {listener.verified}'
        )


@WITH_LISTENERS
@clauses('22239-8.1.4.8-a', '22239-8.1.4.7-a')
@violation(planted(SELF_MADE, self_made(f'{EC} -addext subjectAltName=DNS:another.example')))
def test_what_is_shown_is_good_for_the_hosts_name(host, expected):
    for listener, certificate in showing(host, expected):
        named = {each.strip().removeprefix('DNS:') for each in certificate['names'].split(',')}
        missing = set(names_of(expected)) - named
        assert not missing, f'{listener} is not good for {", ".join(sorted(missing))}'
        assert not listener.verified, f'{listener}: {listener.verified}'


@WITH_LISTENERS
@clauses('22239-8.1.4.8-a')
@violation(planted(f"{SELF_MADE} -cipher 'ALL:@SECLEVEL=0'", self_made('-newkey rsa:1024')))
def test_what_is_shown_has_a_strong_key(host, expected):
    for listener, certificate in showing(host, expected):
        least = 256 if 'ec' in certificate['key'].lower() else 2048
        bits = int(certificate['bits'] or 0)
        assert bits >= least, f'{listener}: a key of {bits} bits ({certificate["key"]})'


@WITH_LISTENERS
@clauses('22239-8.1.4.7-a')
@violation(planted(f"{SELF_MADE} -cipher 'ALL:@SECLEVEL=0'", self_made(f'{EC} -sha1')))
def test_what_is_shown_is_signed_with_a_strong_hash(host, expected):
    for listener, certificate in showing(host, expected):
        signature = certificate['signature'].lower()
        assert any(each in signature for each in ('sha256', 'sha384', 'sha512', 'ed25519')), f'{listener}: {signature}'


@WITH_LISTENERS
@clauses('22239-8.1.4.8-a', '22239-8.1.4.7-a')
@pytest.mark.parametrize(
    'what',
    [
        pytest.param('begun', id='begun', marks=violation(planted(SELF_MADE, self_made(
            f'{EC} -not_before 20450101000000Z -not_after 20450201000000Z')))),
        pytest.param('ended', id='not-ended', marks=violation(planted(SELF_MADE, ENDED))),
        pytest.param('soon', id='not-about-to-end', marks=violation(planted(SELF_MADE, SOON))),
        pytest.param('long', id='not-for-too-long', marks=violation(planted(SELF_MADE, LONG))),
    ],
)  # fmt: skip
def test_what_is_shown_is_valid_now_and_not_for_long(host, expected, what):
    now = time(own(host)['now'][0])
    days = expected.platform['certificates']
    for listener, certificate in showing(host, expected):
        begins, ends = time(certificate['begins']), time(certificate['ends'])
        if what == 'begun':
            assert begins <= now, f'{listener}: valid only from {begins}'
        elif what == 'ended':
            assert now < ends, f'{listener}: ended on {ends}'
        elif what == 'soon':
            # From `renew_before_days` on `up` renews; half of that is left to notice that it did not.
            left = (ends - now).total_seconds() / 86400
            assert left >= days['renew_before_days'] / 2, f'{listener}: ends in {left:.1f} days'
        else:
            life = (ends - begins).days
            assert life <= days['host_days'] + 1, f'{listener}: valid for {life} days, {days["host_days"]} are declared'


@WITH_LISTENERS
@clauses('22239-8.1.4.7-a')
@violation(planted(SELF_MADE, self_made(EC)))
def test_what_is_shown_is_what_is_on_the_disk(host, expected):
    there = own(host)['sha256'][0]
    for listener, certificate in showing(host, expected):
        assert certificate['sha256'] == there, f'{listener} shows another certificate than {FOLDER}/host.crt'


@clauses('22239-8.1.4.7-a', '22239-8.1.5.4-b')
@violation(replaced(self_made(EC)))
def test_the_hosts_own_certificate_comes_from_the_platforms_authority(host):
    said = host.run(OWN_CERTIFICATE)
    assert 'host.crt: OK' in said.stdout, f'it does not hold: {said.stderr.strip()[-200:] or said.stdout[:200]}'


@clauses('22239-8.1.4.1-a', '22239-8.1.5.4-b')
@violation(replaced(self_made(f'{EC} -subj /CN=another')))
def test_the_hosts_own_certificate_has_its_name(host, expected):
    assert own(host)['subject'] == [f'CN={expected.name}'], f'it is of {own(host)["subject"]}'


@clauses('22239-8.1.4.7-a')
@violation(replaced(SOON))
def test_the_hosts_own_certificate_does_not_end_soon(host, expected):
    found = own(host)
    left = (time(found['notAfter'][0]) - time(found['now'][0])).total_seconds() / 86400
    least = expected.platform['certificates']['renew_before_days'] / 2
    assert left >= least, f'it ends in {left:.1f} days'


@clauses('22239-8.1.4.7-a')
@violation(replaced(self_made(EC)))
def test_the_hosts_key_belongs_to_its_certificate(host):
    one, other = own(host)['pair'][0].split()
    assert one == other, 'key and certificate are no pair'


@clauses('22239-8.1.4.7-a')
@violation(
    answered(
        'openssl verify', 'now 2026-01-01 00:00:00Z\nsha256 0\nauthority CA:TRUE\nauthority Public-Key: (1024 bit)\n'
    )
)
def test_the_authority_is_strong(host):
    said = ' '.join(own(host).get('authority', []))
    if 'Public-Key' not in said:
        not_verified('the authority cannot be read')
    bits = int(said.partition('Public-Key: (')[2].partition(' ')[0])
    assert 'CA:TRUE' in said, 'what hosts trust is no authority'
    assert bits >= (256 if 'ecdsa' in said.lower() else 2048), f'its key has {bits} bits'
    assert 'sha1' not in said.lower() and 'md5' not in said.lower(), f'it is signed so: {said}'


def files(host, expected):
    """Return the files of certificates."""
    return [each for each in places(host, expected).values() if each.path.startswith(FOLDER)]


@clauses('22239-8.1.4.2-f', '22239-8.1.4.8-a')
@violation(mode(f'{FOLDER}/host.key', '0644'))
def test_the_key_is_read_by_its_group_alone(host, expected):
    keys = [each for each in files(host, expected) if each.path.endswith(('.key', '.pem'))]
    assert keys, 'there is no key'
    for each in keys:
        assert not each.mode & ~0o640, str(each)
        assert each.owner.startswith('root:'), str(each)


@clauses('22239-8.1.4.2-f', '22239-8.1.4.7-a')
@violation(mode(f'{FOLDER}/ca.crt', '0666'))
def test_nobody_but_root_changes_what_is_trusted(host, expected):
    found = files(host, expected)
    assert found, 'there is no certificate'
    for each in found:
        assert not each.mode & 0o022, str(each)
        assert each.owner.startswith('root:'), str(each)


@clauses('22239-8.1.4.4-a', '22239-8.1.4.8-a')
@violation(run(f'touch {FOLDER}/ca.key', f'rm -f {FOLDER}/ca.key'))
def test_no_other_key_is_there(host, expected):
    wanted = {'ca.crt', 'host.crt', 'host.key'} | ({'host.pem'} if expected.tier == 'balancer' else set())
    there = {each.path.removeprefix(f'{FOLDER}/') for each in files(host, expected) if each.path != FOLDER}
    assert there <= wanted, f'{", ".join(sorted(there - wanted))} should not be there'


READERS = {'app': {'anlan-app'}, 'operations': {'anlan-backup', 'pgbackrest'}, 'offsite': {'ceph'}}
"""By tier, the services that are in the group which reads the host's key; others have it by their unit."""


@clauses('22239-8.1.4.2-d', '22239-8.1.4.2-f')
@violation(run('gpasswd -a nobody anlan-tls', 'gpasswd -d nobody anlan-tls 2>/dev/null || true'))
def test_services_alone_read_the_key(host, expected):
    members = set(filter(None, told(host, expected, 'members').split(',')))
    wanted = READERS.get(expected.tier, set())
    assert members <= wanted, f'{", ".join(sorted(members - wanted))} may read the key'
