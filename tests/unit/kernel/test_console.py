"""Console: what a program reads is JSON, and nothing in it steers the terminal that it is printed on."""

from __future__ import annotations

import json

from anlan.console import json_text


def test_json_holds_what_it_was_given_and_no_character_that_a_terminal_obeys() -> None:
    document = {'said': 'a\x1b[31m \x9b31m \x7f \u202e gnp.exe \u2028 \ud800 中文'}
    text = json_text(document)
    assert json.loads(text) == document
    assert not set(text) & {'\x1b', '\x9b', '\x7f', '\u202e', '\u2028', '\ud800'}
    assert '中文' in text
