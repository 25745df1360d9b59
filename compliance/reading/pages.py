"""Pages of the platform, asked by a host of its own front door, or of its own origin: codes and headers, no content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from testinfra.host import Host

from compliance.checking import not_verified
from compliance.expected import Expected

CURL = 'curl -s -m 8 -o /dev/null -D - --cacert /etc/anlan/tls/ca.crt'
AWAY = ('', '502', '503', '504')
"""What is answered while who should answer is away."""

LARGE = 2 * 2**20


@dataclass(frozen=True)
class Page:
    """The code of an answer and its headers, names in small letters. A header that is there twice is joined by `; `."""

    code: str
    headers: Mapping[str, str]


def port(expected: Expected) -> int:
    """Return the port of the front door."""
    return int(expected.platform['front_door']['port'])


def door(expected: Expected) -> str:
    """Return the words of curl that lead to the host's own front door or origin, and the address to ask."""
    name = expected.platform['front_door']['name']
    if expected.tier == 'edge':
        return f'--resolve {name}:{port(expected)}:127.0.0.1 https://{name}:{port(expected)}'
    own = f'{expected.name}.{expected.outputs["variables"]["internal_domain"]}'
    # The origin's certificate is of its own name; the page is the front door's.
    return f'-H "Host: {name}" https://{own}:8443'


def command(expected: Expected) -> str:
    """Return the command that asks for every page."""
    there = door(expected)
    other = '-H "Host: other.example"' if expected.tier == 'edge' else ''
    asks = {
        'page': f'{there}/accounts/login/',
        'missing': f'{there}/anlan-check-nothing',
        'trace': f'-X TRACE {there}/',
        'large': f'--data-binary @/run/anlan-large -H "Expect:" --http1.1 {there}/accounts/login/',
        'restricted': f'{there}/restricted/x',
        'hidden': f'{there}/.anlan-check',
        'signed': f'{there}/signed/1/x',
        'health': f'{there}/healthz',
    }
    if expected.tier == 'edge':
        asks['other-name'] = f'-k {other} https://127.0.0.1:{port(expected)}/accounts/login/'
        # What looks like an attack would be counted as one.
        del asks['hidden']
    else:
        asks['other-name'] = (
            there.replace(f'Host: {expected.platform["front_door"]["name"]}', 'Host: other.example') + '/courses/'
        )
        del asks['signed']
    pages = '; '.join(f'echo "== {name}"; {CURL} {words}' for name, words in asks.items())
    return f'head -c {LARGE} /dev/zero > /run/anlan-large; {pages}; rm -f /run/anlan-large'


def answer(host: Host, expected: Expected, name: str) -> Page:
    """Given the name of a page, return what was answered."""
    said = host.run(command(expected))
    for part in said.stdout.split('== ')[1:]:
        title, _, rest = part.partition('\n')
        if title.strip() == name:
            page = page_of(rest)
            if page.code in AWAY:
                not_verified(f'{name}: no answer, or only that nobody answers ({page.code or "nothing"})')
            return page
    return not_verified(f'{name} was not asked to the end')


def plain_door(host: Host) -> Page:
    """Return what the port without TLS answers."""
    page = page_of(host.run(f'{CURL} http://127.0.0.1:80/courses/').stdout)
    if not page.code:
        not_verified('the port without TLS does not answer')
    return page


def page_of(text: str) -> Page:
    """Given the head of an answer, return its code and headers."""
    lines = [line.strip() for line in text.strip().splitlines()]
    words = lines[0].split() if lines else []
    headers: dict[str, str] = {}
    for line in lines[1:]:
        key, separator, value = line.partition(':')
        if separator:
            key = key.lower()
            headers[key] = f'{headers[key]}; {value.strip()}' if key in headers else value.strip()
    return Page(words[1] if len(words) > 1 else '', headers)
