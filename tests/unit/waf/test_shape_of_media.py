"""What meets no rules has one exact shape; everything else under those paths is refused by nginx itself."""

from __future__ import annotations

import re

import pytest

from tests.unit.waf.programs import ROLE

TEXT = (ROLE / 'templates' / 'nginx-media-waf.conf.j2').read_text(encoding='utf-8')
SHAPE = re.compile(re.findall(r'request_uri !~ "([^"]+)"', TEXT)[0])
LADDER, SIGNATURE = 'a1' * 32, 'b2' * 32


@pytest.mark.parametrize(
    'target',
    [
        f'/media/{LADDER}/master.m3u8',
        f'/media/{LADDER}/360p/segment-00012.ts',
        f'/media/{LADDER}/master.m3u8?v=2',
        f'/signed/1803384226/{SIGNATURE}/{LADDER}/360p/index.m3u8',
        '/static/anlan.ecae51bac542.css',
        '/static/vendor/hls.f64983956432.js',
    ],
)
def test_media_and_static_files_have_the_shape(target: str) -> None:
    assert SHAPE.search(target)


@pytest.mark.parametrize(
    'target',
    [
        f'/media/{LADDER}/../../etc/passwd',
        f'/media/{LADDER}/..%2f..%2fetc/passwd',
        f'/media/{LADDER}/.htaccess',
        f'/media/{LADDER}/a%00.ts',
        f'/media/{LADDER}//a.ts',
        f'/media/{LADDER}/a.ts?q=%3Cscript%3E',
        f"/media/{LADDER}/a.ts?q=1'",
        f'/media/{LADDER}/a.ts;x',
        f'/media/{LADDER[:-1]}/a.ts',
        f'/media/{LADDER.upper()}/a.ts',
        f'/signed/1803384226/{SIGNATURE}/master.m3u8',
        '/static/.git/config',
        '/static/....//....//etc/passwd',
        '/static/a b.css',
        '/static/',
        '/courses/',
    ],
)
def test_everything_else_has_not(target: str) -> None:
    assert not SHAPE.search(target)


def test_the_rules_are_off_there_only_with_both_conditions() -> None:
    assert 'modsecurity off;' in TEXT
    assert TEXT.count('return 403;') == 2
    assert '"^(?:GET|HEAD)$"' in TEXT
