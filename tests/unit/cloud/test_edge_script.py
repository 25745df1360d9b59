"""The provider's nodes let in whom our edges let in, and nobody else, if they read the script as its reference says."""

from __future__ import annotations

import pytest

from infra.cloud.edge_script import signed_address_script
from infra.signing import signed_path
from tests.unit.cloud.edge_script_reader import answer
from tests.unit.cloud.sample import wanted

PRESENT, FORMER, FOREIGN = 'present-key_0123456789', 'former-key_0123456789', 'foreign-key_0123456789'
LADDER = 'ab' * 32
NOW = 1_800_000_000
WANTED = wanted()
GOOD_UNTIL = NOW + WANTED.signed_seconds
SCRIPT = signed_address_script([PRESENT, FORMER], WANTED)


def asked(uri: str, script: str = SCRIPT) -> int:
    return answer(script, uri, NOW)


@pytest.mark.parametrize('key', [PRESENT, FORMER])
@pytest.mark.parametrize('name', ['master.m3u8', '720p/segment-0001.ts'])
def test_an_address_that_we_signed_passes_with_every_file_of_its_lesson(key: str, name: str) -> None:
    assert asked(signed_path(key, GOOD_UNTIL, LADDER, name)) == 200


@pytest.mark.parametrize(
    'uri',
    [
        signed_path(FOREIGN, GOOD_UNTIL, LADDER, 'master.m3u8'),
        signed_path(PRESENT, GOOD_UNTIL, LADDER, 'master.m3u8').replace(LADDER, 'cd' * 32),
        signed_path(PRESENT, GOOD_UNTIL, LADDER, 'master.m3u8').replace(str(GOOD_UNTIL), str(GOOD_UNTIL + 1)),
        signed_path(PRESENT, NOW - WANTED.clock_skew_seconds - 1, LADDER, 'master.m3u8'),
        signed_path(PRESENT, GOOD_UNTIL + WANTED.clock_skew_seconds + 1, LADDER, 'master.m3u8'),
        f'/signed/{GOOD_UNTIL}/{"0" * 64}/{LADDER}/master.m3u8',
        f'/signed/{GOOD_UNTIL}//{LADDER}/master.m3u8',
        '/signed/',
        '/signed',
        f'/signed/99999999999999/{"0" * 64}/{LADDER}/master.m3u8',
    ],
    ids=['foreign', 'other-ladder', 'longer', 'expired', 'too-far', 'guessed', 'empty', 'bare', 'name', 'overflow'],
)
def test_every_other_address_of_restricted_media_is_refused(uri: str) -> None:
    assert asked(uri) == 403


@pytest.mark.parametrize('seconds', [-WANTED.clock_skew_seconds, 0])
def test_a_clock_that_differs_a_little_ends_no_lesson(seconds: int) -> None:
    assert asked(signed_path(PRESENT, NOW + seconds, LADDER, 'master.m3u8')) == 200


@pytest.mark.parametrize('uri', ['/', '/courses/', f'/media/{LADDER}/master.m3u8', '/signedness', '/a/signed/b'])
def test_what_is_not_restricted_is_none_of_its_business(uri: str) -> None:
    assert asked(uri) == 200


def test_without_a_former_key_only_the_present_one_holds() -> None:
    script = signed_address_script([PRESENT], WANTED)
    assert asked(signed_path(PRESENT, GOOD_UNTIL, LADDER, 'a.ts'), script) == 200
    assert asked(signed_path(FORMER, GOOD_UNTIL, LADDER, 'a.ts'), script) == 403


@pytest.mark.parametrize('keys', [[], [''], ['short'], [PRESENT, "', text, 'sha256')) } exit(200) #"]])
def test_no_key_and_a_key_that_ends_its_quotes_are_refused(keys: list[str]) -> None:
    with pytest.raises(ValueError, match='key'):
        signed_address_script(keys, WANTED)


def test_the_reader_of_these_tests_says_no_to_what_is_no_script() -> None:
    for broken in ("if eq($uri, '/' {", 'exit(403', '}', "if match_re($uri, '^/') { exit(403)"):
        with pytest.raises((AssertionError, KeyError, IndexError)):
            answer(broken, '/', NOW)
    assert answer("if match_re($uri, '^/') { exit(451) }", '/', NOW) == 451
