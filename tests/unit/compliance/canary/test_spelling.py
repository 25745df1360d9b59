from __future__ import annotations

import base64
import hashlib
import html
import json
from urllib.parse import quote, quote_plus

import pytest

from anlan.synthetic_person import check_character, synthetic_person
from compliance.canary.needle import CanaryPerson, Purpose, control_needle
from compliance.canary.spelling import spellings

PERSON = synthetic_person('a test')
TEXTS = [PERSON.real_name, PERSON.identity_number[:17], PERSON.mobile_phone]


def holds(written, text):
    return any(word in written for word in spellings(text))


@pytest.mark.parametrize('text', TEXTS)
@pytest.mark.parametrize('encoding', ['utf-8', 'utf-16', 'utf-16-le', 'utf-16-be', 'gbk', 'gb18030'])
def test_a_text_is_found_in_every_encoding_and_in_their_hex_and_base64(text, encoding):
    written = f'前{text}后'.encode(encoding)
    assert holds(written, text)
    if encoding not in ('utf-16', 'utf-16-be'):
        assert holds(written.hex().encode(), text)
        assert holds(written.hex().upper().encode(), text)
        for before in range(6):
            assert holds(base64.b64encode(b'x' * before + written), text)
            assert holds(base64.urlsafe_b64encode(b'\xff' * before + written), text)


@pytest.mark.parametrize('text', TEXTS)
@pytest.mark.parametrize('write', [
    json.dumps, lambda text: json.dumps(json.dumps(text)), quote, quote_plus, lambda text: quote(text).lower(),
    repr, ascii, lambda text: json.dumps(ascii(text)), lambda text: repr(text.encode()),
    lambda text: quote(text.encode('gb18030')), lambda text: quote(text).replace('%', '='),
    lambda text: ''.join(f'\\{byte:03o}' for byte in text.encode()) if not text.isascii() else text,
    lambda text: text.encode('ascii', 'xmlcharrefreplace').decode(), html.escape,
    lambda text: ''.join(f'&#x{ord(each):X};' for each in text) if not text.isascii() else text,
])  # fmt: skip
def test_a_text_is_found_as_logs_and_forms_write_it(text, write):
    assert holds(write(f'前{text}后' if not text.isascii() else f'=1 {text}&').encode(), text)


@pytest.mark.parametrize('kind', ['md5', 'sha1', 'sha256'])
def test_a_hash_without_a_key_is_as_good_as_the_number(kind):
    digest = hashlib.new(kind, TEXTS[1].encode(), usedforsecurity=False)
    assert holds(b'x' + digest.digest(), TEXTS[1])
    assert holds(digest.hexdigest().encode(), TEXTS[1])


@pytest.mark.parametrize('text', TEXTS)
def test_masked_or_keyed_it_is_not_found(text):
    masked = text[:3] + '*' * (len(text) - 7) + text[-4:]
    keyed = hashlib.blake2b(text.encode(), key=b'a key').hexdigest()
    assert not holds(f'{masked} {keyed}'.encode(), text)


def test_no_word_to_search_for_is_so_short_that_a_file_has_it_by_chance():
    canary = CanaryPerson.hatched()
    assert min(len(word) for needle in canary.needles() for word in spellings(needle.text)) >= 11


def test_a_synthetic_person_is_always_the_same_for_a_seed_and_could_be_nobody():
    assert PERSON == synthetic_person('a test') != synthetic_person('another')
    assert PERSON.identity_number.startswith('00') and PERSON.mobile_phone.startswith('154')
    assert check_character(PERSON.identity_number[:17]) == PERSON.identity_number[17]
    assert len(PERSON.identity_number) == 18 and len(PERSON.mobile_phone) == 11


def test_a_thousand_synthetic_persons_have_a_thousand_numbers():
    persons = [synthetic_person(str(seed)) for seed in range(1000)]
    assert len({each.identity_number for each in persons}) == len({each.real_name for each in persons}) == 1000


def test_nothing_of_a_canary_stands_in_its_repr():
    canary = CanaryPerson.hatched()
    shown = repr(canary) + repr(canary.needles()) + repr(control_needle())
    secret = [needle.text for needle in canary.needles() if needle.purpose is Purpose.SECRET]
    assert not [text for text in (*secret, canary.password, canary.person.identity_number) if text in shown]
