"""Pages of the learning platform, asked by its hosts: who is let in, what a browser is told, and what is refused."""

from __future__ import annotations

import pytest

from compliance.checking import clauses, tiers, violation
from compliance.reading.application import codes
from compliance.reading.pages import answer
from compliance.violation import answered, run, substitute

pytestmark = tiers('app')


def hidden(header):
    """Return the violation that the origin keeps a header of the application to itself."""
    planted = substitute(
        '/etc/nginx/nginx.conf',
        'proxy_read_timeout 35s;',
        f'proxy_read_timeout 35s; proxy_hide_header {header};',
        'systemctl reload nginx.service',
    )
    return run(planted.plant, planted.undo, settle_seconds=0.7)


@clauses('22239-8.1.4.2-b', '22239-8.1.4.1-a')
@pytest.mark.parametrize(
    'who',
    [
        pytest.param(who, id=who.partition(':')[0], marks=violation(answered('csrfmiddlewaretoken', f'{who} 302\n')))
        for who in ('admin:admin', 'anlan:anlan')
    ],
)
def test_a_default_password_lets_nobody_in(host, expected, who):
    code = codes(host, expected).get(who, '')
    # 200 is the page again; 403 and 429 are refusals of who tried too often.
    assert code in ('200', '403', '429'), f'{who.partition(":")[0]} is answered with {code or "nothing"}'


@clauses('22239-8.1.4.4-e')
@violation(answered('csrfmiddlewaretoken', 'forged 200\n'))
def test_a_form_that_is_not_ours_is_refused(host, expected):
    code = codes(host, expected).get('forged', '')
    assert code == '403', f'it is answered with {code or "nothing"}'


@clauses('22239-8.1.4.4-a', '22239-8.1.2.2-a')
@pytest.mark.parametrize(
    ('header', 'words'),
    [
        pytest.param(header, words, id=header, marks=violation(hidden(header)))
        for header, words in {
            'content-security-policy': ("default-src 'self'", "frame-ancestors 'none'"), 'x-frame-options': ('DENY',),
            'x-content-type-options': ('nosniff',), 'referrer-policy': ('same-origin',), 'cache-control': ('no-store',),
            'cross-origin-opener-policy': ('same-origin',),
        }.items()
    ],
)  # fmt: skip
def test_a_browser_is_told(host, expected, header, words):
    page = answer(host, expected, 'page')
    assert page.code == '200', f'the page of the log-in is answered with {page.code}'
    value = page.headers.get(header, '')
    for word in words:
        assert word in value, f'{header} is {value or "not there"}'


@clauses('22239-8.1.4.8-a')
@violation(answered('== page', '== page\nHTTP/1.1 200 OK\nSet-Cookie: csrftoken=x; Path=/\n\n'))
def test_a_cookie_goes_over_tls_alone(host, expected):
    cookie = answer(host, expected, 'page').headers.get('set-cookie', '')
    assert cookie, 'no cookie was set'
    assert 'Secure' in cookie and 'SameSite' in cookie, 'a cookie is sent without TLS, or to other sites’ requests'


@clauses('22239-8.1.4.4-e')
@pytest.mark.parametrize(
    ('page', 'code'),
    [
        pytest.param(
            'other-name',
            '400',
            id='another-name',
            marks=violation(answered('== page', '== other-name\nHTTP/1.1 200 OK\n\n')),
        ),
        pytest.param(
            'missing',
            '404',
            id='nothing-there',
            marks=violation(answered('== page', '== missing\nHTTP/1.1 500 Error\n\n')),
        ),
    ],
)
def test_what_is_not_there_is_refused(host, expected, page, code):
    given = answer(host, expected, page).code
    assert given == code, f'it is answered with {given or "nothing"}'
