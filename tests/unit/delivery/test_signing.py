"""Signed addresses: the application, the command line and the edge's own program agree; the edge says no."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from typing import Any

import pytest

from anlan.paths import ROOT
from infra.signing import signed_path

LADDER = 'a' * 64
NOW = 1_800_000_000
FILE = ROOT / 'playbooks' / 'roles' / 'edge' / 'files' / 'signed.js'
APPLICATION = ROOT / 'app_stack' / 'learning' / 'courses' / 'signing.py'


def application() -> Any:
    specification = importlib.util.spec_from_file_location('learning_signing', APPLICATION)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def refusal(path: str, keys: list[str], now: int = NOW, ladder: str | None = None, expires: str | None = None) -> str:
    """Ask the edge's program, as the machine's own JavaScript runs it."""
    if shutil.which('node') is None:
        pytest.skip('node is not here; tests/lab asks the edges themselves')
    _, _, named_expires, signature, named_ladder, _ = path.split('/', 5)
    given = {'expires': expires or named_expires, 'signature': signature, 'ladder': ladder or named_ladder}
    source = FILE.read_text(encoding='utf-8')
    script = source.replace('export default', 'const signed =') + (
        f'\nconsole.log(JSON.stringify(signed.refusal({json.dumps(given)}, {json.dumps(keys)}, {now}, 14400, 60)));'
    )
    done = subprocess.run(
        ['node', '--input-type=module', '-'], input=script, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    answer: str = json.loads(done.stdout)
    return answer


def test_the_application_signs_as_the_command_line_does() -> None:
    assert application().signed_path('key', NOW, LADDER, 'master.m3u8') == signed_path(
        'key', NOW, LADDER, 'master.m3u8'
    )


@pytest.mark.parametrize('sign', [application().signed_path, signed_path], ids=['application', 'command line'])
def test_nothing_is_signed_without_a_key(sign: Any) -> None:
    with pytest.raises(ValueError, match='no key'):
        sign('', NOW, LADDER, 'master.m3u8')


def test_an_edge_without_a_key_lets_nobody_in() -> None:
    signature = application().signature('', NOW + 3600, LADDER)
    assert refusal(f'/signed/{NOW + 3600}/{signature}/{LADDER}/master.m3u8', ['']) == 'signature'


@pytest.mark.parametrize('seconds', [60, 600, 14400, 604800])
def test_an_address_ends_in_time_and_is_not_short_lived(seconds: int) -> None:
    for now in range(NOW, NOW + 400, 7):
        left = application().expiry(now, seconds) - now
        assert seconds / 2 <= left <= seconds


def test_a_good_address_is_served_also_by_the_key_before() -> None:
    path = signed_path('new', NOW + 3600, LADDER, 'master.m3u8')
    assert refusal(path, ['new', 'old']) == ''
    assert refusal(path, ['newer', 'new']) == ''
    assert refusal(path, ['newest', 'newer']) == 'signature'


def test_another_ladder_and_another_end_under_the_same_signature_are_refused() -> None:
    path = signed_path('key', NOW + 3600, LADDER, 'master.m3u8')
    assert refusal(path, ['key'], ladder='b' * 64) == 'signature'
    assert refusal(path, ['key'], expires=str(NOW + 3601)) == 'signature'


def test_clocks_may_differ_by_the_skew_and_not_by_more() -> None:
    path = signed_path('key', NOW, LADDER, 'master.m3u8')
    assert refusal(path, ['key'], now=NOW + 60) == ''
    assert refusal(path, ['key'], now=NOW + 61) == 'expired'
    ahead = signed_path('key', NOW + 14400 + 60, LADDER, 'master.m3u8')
    assert refusal(ahead, ['key']) == ''
    assert refusal(ahead, ['key'], now=NOW - 1) == 'too far ahead'
