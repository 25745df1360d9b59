"""TLS listeners of a host, as `handshake_probe.py` found them from the host itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from testinfra.host import Host

from compliance.checking import not_applicable, not_verified
from compliance.expected import Expected
from compliance.violation import Violation, run

PROBE = Path(__file__).with_name('handshake_probe.py').read_text(encoding='utf-8')
PLAIN_PORTS = {'edge': {80}}
"""What may answer without TLS, by tier: an edge leads http to https (`nginx.plain_http_leads_to_tls`)."""

REFUSALS = ('ALERT', 'HANDSHAKE_FAILURE', 'EOF', 'reset', 'closed')
"""What a server's refusal says. Anything else was not the server's word: the offer may never have been made."""

PLANTED_PORT = 9443


@dataclass(frozen=True)
class Listener:
    """One listener: what it took of what was offered, and what it showed."""

    port: int
    process: str
    took: Mapping[str, str]
    refused: Mapping[str, str]
    verified: str = ''
    version: str = ''
    suite: str = ''
    ticket: bool = False
    plain: str = ''
    certificate: Mapping[str, str] | None = None

    def __str__(self) -> str:
        return f'{self.process or "somebody"} on port {self.port}'


def names_of(expected: Expected) -> tuple[str, ...]:
    """Given what is declared of a host, return the names that others reach its listeners by."""
    domain = expected.outputs['variables']['internal_domain']
    first = {
        'edge': [expected.platform['front_door']['name']],
        'balancer': [f'balancer.{domain}'],
        'data': [f'database.{domain}'],
    }.get(expected.tier, [])
    return (*first, f'{expected.name}.{domain}')


def listeners(host: Host, expected: Expected) -> list[Listener]:
    """Given a host, return every TCP listener that others can reach, SSH left out. Ends the check if there is none."""
    said = host.run('python3 -W ignore -c %s %s', PROBE, names_of(expected)[0])
    if said.rc != 0:
        not_verified(f'the listeners could not be looked at: {said.stderr.strip().splitlines()[-1:]}')
    found = [Listener(**each) for each in json.loads(said.stdout)]
    if not found:
        not_applicable('nothing but SSH listens here')
    return found


def secure(host: Host, expected: Expected) -> list[Listener]:
    """Given a host, return its listeners with TLS. Ends the check if there is none."""
    found = [each for each in listeners(host, expected) if not each.plain]
    if not found:
        not_verified('no listener speaks TLS')
    return found


def showing(host: Host, expected: Expected) -> list[tuple[Listener, Mapping[str, str]]]:
    """Given a host, return its listeners that show a certificate, with it. Ends the check if there is none."""
    found = [(each, each.certificate) for each in secure(host, expected) if each.certificate is not None]
    if not found:
        not_verified('no listener shows a certificate')
    return found


def refused(offer: str, found: Sequence[Listener]) -> None:
    """Given an offer and listeners, fail if one took it; not verified if one neither took nor refused it."""
    taking = [f'{each} takes {each.took[offer]}' for each in found if offer in each.took]
    assert not taking, '; '.join(taking)
    unclear = [
        f'{each}: {each.refused.get(offer, "no answer")}'
        for each in found
        if not any(word in each.refused.get(offer, '') for word in REFUSALS)
    ]
    if unclear:
        not_verified(f'{offer} was not refused by the server: {"; ".join(unclear)}')


def planted(options: str, prepare: str = 'true', program: str = 'openssl s_server -www -quiet') -> Violation:
    """Given options of `openssl s_server`, return the violation that listens with them beside the services.

    `prepare` may make files under /run/anlan-planted.
    """
    return run(
        f'mkdir -p -m 0700 /run/anlan-planted && {prepare} && systemd-run --quiet --collect --unit=anlan-planted '
        f'{program} -accept {PLANTED_PORT} {options}',
        'systemctl stop anlan-planted.service 2>/dev/null; rm -rf /run/anlan-planted',
        settle_seconds=0.5,
    )


OWN = '-cert /etc/anlan/tls/host.crt -key /etc/anlan/tls/host.key'
SELF_MADE = '-cert /run/anlan-planted/crt -key /run/anlan-planted/key'


def self_made(options: str) -> str:
    """Given options of `openssl req`, return the command that makes a certificate for `SELF_MADE`."""
    return (
        'openssl req -x509 -nodes -subj /CN=anlan-planted -out /run/anlan-planted/crt -keyout /run/anlan-planted/key '
        f'{options} 2>/dev/null'
    )
