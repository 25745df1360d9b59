"""What characters beyond ASCII are for the rules: nothing, but for those that stand for one of ASCII."""

from __future__ import annotations

import jinja2

from anlan.paths import ROOT

FILE = ROOT / 'playbooks' / 'roles' / 'waf' / 'templates' / 'waf-unicode.mapping.j2'


def mapping() -> dict[int, str]:
    environment = jinja2.Environment(trim_blocks=True)
    environment.filters['format'] = lambda text, *values: text % values
    title, _, line = environment.from_string(FILE.read_text(encoding='utf-8')).render().partition('\n')
    assert title == '20127 (US-ASCII)'
    pairs = (each.split(':') for each in line.split())
    return {int(code, 16): chr(int(byte, 16)) for code, byte in pairs}


def test_no_chinese_character_is_a_sign_of_ascii() -> None:
    seen = mapping()
    lower_byte_is_ascii = [code for code in range(0x3400, 0xA000) if code & 0xFF < 0x80]
    assert {seen[code] for code in lower_byte_is_ascii} == {'\xfe'}
    assert {seen.get(ord(sign), '\xfe') for sign in '“”‘’——《》·…、。'} == {'\xfe'}


def test_what_stands_for_a_sign_of_ascii_is_that_sign() -> None:
    seen = mapping()
    assert ''.join(seen[ord(sign)] for sign in '＇ＯＲ　１＝１－－＜＞') == "'OR 1=1--<>"
    assert seen[0x2032] == "'"
