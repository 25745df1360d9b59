"""What an edge logs of a request: its path without a signature, and that there was a query, in address and referrer."""

from __future__ import annotations

import re

import pytest

from infra.signing import signed_path
from tests.unit.floods.rendering import rendered
from tests.unit.samples import lab

SETTINGS = rendered(lab(), 'edge', 'nginx.conf.j2', 'edge-1')
LADDER = 'a1' * 32
GOOD = signed_path('key', 1803384226, LADDER, '240p/000.ts')
SIGNATURE = GOOD.split('/')[3]
LOGGED = f'/signed/1803384226/-/{LADDER}/240p/000.ts'
DISGUISED = GOOD.replace('/signed/', '/%73igned/')


def mapped(name: str, request: dict[str, str]) -> str:
    """Given a variable that a `map` makes and those of a request, return its value, as nginx looks for it."""
    found = re.search(r'map (\S+|"[^"]+") \$' + name + r' \{\n(.*?)\n    \}', SETTINGS, re.DOTALL)
    assert found is not None, name
    source, default = filled(found[1].strip('"'), request), ''
    for key, value in re.findall(r'^ +("[^"]+"|\S+) (.+);$', found[2], re.MULTILINE):
        pattern, value = key.strip('"'), value.strip('"')
        if pattern == 'default':
            default = value
            continue
        folded = re.IGNORECASE if pattern.startswith('~*') else 0
        match = re.search(pattern.lstrip('~*').replace('(?<', '(?P<'), source, folded)
        if match is not None:
            return filled(value, request | match.groupdict())
    return filled(default, request)


def filled(text: str, request: dict[str, str]) -> str:
    return re.sub(
        r'\$([a-z_]+)', lambda found: request[found[1]] if found[1] in request else mapped(found[1], request), text
    )


def logged(request_uri: str, uri: str, referrer: str = '') -> tuple[str, str]:
    """Given an address as sent, as nginx reads it, and a referrer, return what the log has of address and referrer."""
    form = re.search(r'log_format edge escape=json\n(.*?);\n', SETTINGS, re.DOTALL)
    assert form is not None
    line = ''.join(re.findall(r"'([^']*)'", form[1]))
    parts = dict(re.findall(r'"(\w+)":"([^"]*)"', line))
    request = {'request_uri': request_uri, 'uri': uri, 'http_referer': referrer}
    return filled(parts['uri'], request), filled(parts['referer'], request)


def test_no_variable_with_all_of_an_address_is_logged() -> None:
    formats = re.findall(r'log_format \w+ (.*?);\n', SETTINGS, re.DOTALL)
    for name in ('request', 'request_uri', 'args', 'query_string', 'http_referer', 'http_cookie'):
        assert not any(re.search(rf'\${name}\b', form) for form in formats), name


@pytest.mark.parametrize(
    ('request_uri', 'uri', 'wanted'),
    [
        (GOOD, f'/restricted/{LADDER}/240p/000.ts', LOGGED),
        (f'{GOOD}?v=2', f'/restricted/{LADDER}/240p/000.ts', f'{LOGGED}?-'),
        (GOOD, GOOD, LOGGED),
        (f'/{GOOD}', GOOD, f'/{LOGGED}'),
        (f'/courses{GOOD}', f'/courses{GOOD}', f'/courses{LOGGED}'),
        (DISGUISED, f'/restricted/{LADDER}/240p/000.ts', '/signed/-'),
        (DISGUISED, GOOD, '/signed/-'),
        (f'/signed/1803384226/{SIGNATURE}', f'/signed/1803384226/{SIGNATURE}', '/signed/-'),
        (f'/restricted/{LADDER}/a.ts', f'/restricted/{LADDER}/a.ts', f'/restricted/{LADDER}/a.ts'),
        (f'/media/{LADDER}/240p/000.ts', f'/media/{LADDER}/240p/000.ts', f'/media/{LADDER}/240p/000.ts'),
        ('/courses/?q=%E5%BC%A0&phone=13800000000', '/courses/', '/courses/?-'),
        ('/accounts/login/#phone=13800000000', '/accounts/login/', '/accounts/login/?-'),
        ('/courses/?', '/courses/', '/courses/?-'),
        ('/courses/', '/courses/', '/courses/'),
        ('/a%2fb/../c', '/c', '/a%2fb/../c'),
        ('', '', ''),
    ],
)
def test_an_address_is_logged_without_what_is_secret_or_personal(request_uri: str, uri: str, wanted: str) -> None:
    assert logged(request_uri, uri)[0] == wanted


@pytest.mark.parametrize(
    ('referrer', 'wanted'),
    [
        (f'https://learn.example.cn{GOOD}', f'https://learn.example.cn{LOGGED}'),
        (f'https://learn.example.cn:8443{GOOD}?v=2', f'https://learn.example.cn:8443{LOGGED}?-'),
        (f'https://learn.example.cn{DISGUISED}', 'https://learn.example.cn/-'),
        (f'https://learn.example.cn/signed/1803384226/{SIGNATURE}', 'https://learn.example.cn/-'),
        (DISGUISED, '/-'),
        ('https://learn.example.cn/courses/?q=name&phone=13800000000', 'https://learn.example.cn/courses/?-'),
        ('https://www.baidu.com/s?wd=%E5%BC%A0', 'https://www.baidu.com/s?-'),
        ('https://learn.example.cn/lessons/3/', 'https://learn.example.cn/lessons/3/'),
        ('', ''),
    ],
)
def test_a_referrer_is_logged_without_what_is_secret_or_personal(referrer: str, wanted: str) -> None:
    assert logged('/courses/', '/courses/', referrer)[1] == wanted
