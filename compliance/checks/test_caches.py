"""Caches: the two levels between a learner and the origin, by what they answer."""

from __future__ import annotations

import pytest

from compliance.checking import clauses, not_verified, tiers, violation
from compliance.violation import answered

NAME = 'u=https://NAME:PORT; ask() { curl -sk -m 8 --resolve NAME:PORT:127.0.0.1 "$@"; }; '
FILE = NAME + (
    "file=$(ask $u/courses/ | grep -oE '/static/[A-Za-z0-9._/-]+' | head -1); ask -o /dev/null $u$file; "
    'ask -D - -o /dev/null --compressed $u$file; echo --; ask -D - -o /dev/null $u/courses/; echo --; '
    "ask -o /dev/null -w '%{http_version}' $u/courses/; echo; "
    'ask -D - -o /dev/null -H "Cookie: sessionid=x" -H "Authorization: Basic eDp5" $u$file | '
    'grep -ciE "set-cookie|vary: .*cookie"; echo end'
)
SHIELD = (
    'file=$(find /var/lib/nginx/anlan-cache -type f | head -3 | xargs -r grep -ahom1 "^KEY: /[a-zA-Z0-9._/-]*" | '
    'head -1 | cut -d" " -f2); for each in 1 2; do '
    '[ -z "$file" ] || curl -s -m 8 -D - -o /dev/null -H "Host: NAME" http://127.0.0.1:8480$file; echo --; done; '
    'echo end'
)
FIGURES = "grep -v '^#' /run/anlan/metrics/cache.prom; date +%s"
HEADERS = (
    'HTTP/2 200\r\ncache-control: {control}\r\nx-cache: {cache}\r\nalt-svc: {alt}\r\n--\n'
    '{page}--\n{version}\n{vary}\nend\n'
)
TELLS = {
    'control': 'public, max-age=31536000, immutable', 'cache': 'HIT', 'alt': 'h3=":443"',
    'page': 'cache-control: private, no-cache\n', 'version': '2', 'vary': '0',
}  # fmt: skip


def told(**otherwise):
    """Return the violation of an answer in which something is otherwise."""
    return answered('/static/', HEADERS.format(**(TELLS | otherwise)))


def filled(script, expected):
    """Given a script, return it with the name and the port of the front door."""
    door = expected.platform['front_door']
    return script.replace('NAME', door['name']).replace('PORT', str(door['port']))


def headers_of(text):
    """Given the head of an answer, return its status and fields; names small."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    fields = dict(line.partition(': ')[::2] for line in lines[1:])
    return (lines[0].split()[1] if lines and ' ' in lines[0] else ''), {
        key.lower(): value for key, value in fields.items()
    }


def edge(host, expected):
    """Return head of a file, head of a page, version of HTTP, and how often the answer depends on who asks."""
    parts = host.run(filled(FILE, expected)).stdout.split('--\n')
    if len(parts) != 3 or not headers_of(parts[0])[0]:
        not_verified('the edge gives no page, or a page without a file')
    version, count, *_ = [*parts[2].split(), '', '']
    return headers_of(parts[0]), headers_of('HTTP/2 200\n' + parts[1])[1], version, count


def shield(host, expected):
    """Return the heads of two answers of the shield to the same question."""
    parts = host.run(filled(SHIELD, expected)).stdout.split('--\n')
    found = [headers_of(part) for part in parts[:2]]
    if len(parts) != 3 or not found[0][0]:
        not_verified('the shield does not answer, or has not kept any file yet')
    return found


def figures(host):
    """Return the figures of the cache: value by name, and by result for requests."""
    found = {}
    for line in host.run(FIGURES).stdout.splitlines():
        name, _, value = line.rpartition(' ')
        found[
            name.partition('{')[0]
            + (f' {name.partition("result=")[2].strip(chr(34) + "}")}' if 'result=' in name else '')
        ] = value
    if 'anlan_cache_limit_bytes' not in found:
        not_verified('the cache has no figures')
    return found


@tiers('edge')
@clauses('cosha-5.5')
@violation(told(cache='MISS'))
def test_what_was_asked_for_once_comes_from_the_edge(host, expected):
    (status, fields), _, _, _ = edge(host, expected)
    assert status == '200', f'a file is answered with {status}'
    assert fields.get('x-cache') in ('HIT', 'STALE', 'UPDATING', 'REVALIDATED'), f'asked again: {fields.get("x-cache")}'


@tiers('edge')
@clauses('cosha-5.5')
@violation(told(control='no-cache'))
def test_a_file_may_be_kept_for_long_by_who_asked(host, expected):
    control = edge(host, expected)[0][1].get('cache-control', '')
    assert 'immutable' in control and 'max-age=31536000' in control, f'Cache-Control: {control}'


@tiers('edge')
@clauses('cosha-5.5', '22239-8.1.2.2-b')
@violation(told(page='cache-control: public, max-age=600\nx-cache: HIT\n'))
def test_a_page_is_kept_by_nobody(host, expected):
    fields = edge(host, expected)[1]
    assert fields, 'the edge gives no page'
    assert not fields.get('x-cache'), f'a page comes from the cache: {fields["x-cache"]}'
    assert any(word in fields.get('cache-control', '') for word in ('no-store', 'private')), (
        f'Cache-Control: {fields.get("cache-control")}'
    )


@tiers('edge')
@clauses('cosha-5.5')
@violation(told(vary='1'))
def test_what_is_kept_depends_on_nobody_who_asks(host, expected):
    count = edge(host, expected)[3]
    assert count == '0', 'an answer from the cache sets or depends on cookies'


@pytest.mark.parametrize('version', [
    pytest.param('2', id='http2', marks=violation(told(version='1.1'))),
    pytest.param('3', id='http3', marks=violation(told(alt=''))),
])  # fmt: skip
@tiers('edge')
@clauses('cosha-5.5')
def test_a_newer_http_is_offered(host, expected, version):
    (_, fields), _, spoken, _ = edge(host, expected)
    offered = spoken.startswith('2') if version == '2' else 'h3=' in fields.get('alt-svc', '')
    assert offered, f'HTTP/{version} is not offered: {spoken}, {fields.get("alt-svc") or "no Alt-Svc"}'


@tiers('balancer')
@clauses('cosha-5.5')
@violation(answered('127.0.0.1:8480', 'HTTP/1.1 200 OK\n--\nHTTP/1.1 200 OK\nX-Shield-Cache: MISS\n--\nend\n'))
def test_what_no_edge_has_comes_from_the_shield(host, expected):
    status, fields = shield(host, expected)[1]
    assert status in ('200', '206'), f'the shield answers with {status}'
    found = fields.get('x-shield-cache')
    assert found in ('HIT', 'STALE', 'UPDATING', 'REVALIDATED'), f'asked again, the shield has it not: {found}'


@tiers('edge', 'balancer')
@clauses('cosha-5.5')
@violation(
    answered(
        'cache.prom',
        'anlan_cache_limit_bytes{level="edge"} 1\nanlan_cache_updated_timestamp_seconds{level="edge"} 100\n900\n',
    )
)
def test_how_often_the_cache_has_it_is_counted(host):
    found = figures(host)
    now = int(host.run(FIGURES).stdout.split()[-1])
    age = now - float(found.get('anlan_cache_updated_timestamp_seconds', 0))
    assert age < 60, f'the figures are {age:.0f} s old'
    assert 'anlan_cache_requests_total hit' in found, 'hits are not counted'


@tiers('edge', 'balancer')
@clauses('cosha-5.5', '22239-8.1.2.1-b')
@violation(
    answered('cache.prom', 'anlan_cache_limit_bytes{level="edge"} 1\nanlan_cache_disk_full{level="edge"} 1\n900\n')
)
def test_the_cache_has_room(host):
    found = figures(host)
    assert found.get('anlan_cache_disk_full', '1') == '0', 'the disk has no room: answers are given without being kept'


@tiers('edge', 'balancer')
@clauses('cosha-5.5')
@violation(answered('cache.prom', 'anlan_cache_limit_bytes{level="edge"} 1\n900\n'))
def test_the_cache_is_as_large_as_declared(host, expected):
    wanted, found = expected.platform['delivery']['cache_bytes'], float(figures(host)['anlan_cache_limit_bytes'])
    assert found == wanted, f'{found:.0f} bytes, {wanted} declared'
