"""A person who cannot exist: registers like a learner and is nobody, for canaries, drills and measurements."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date, timedelta

# No area of GB/T 2260 begins with 00, so nobody was ever given such a number; the form does not look areas up.
NO_AREA = '00'
# No operator has 154.
NO_OPERATOR = '154'
MARK = '测试·'
CHARACTERS = (
    '阚昝逄厍仉郄邴郗厉郤蔺訾郏鄢蒯逯緱麹璩闫'
    '骞璆瓒钊铖镐镒闳霁霈霖靖韫韬颀颢馥骁骐骥鸢鹄鹭麒黎龢曦晟晗昱昶晁杲枨栩桓楫榕樾檀汶沅'
)
EARLIEST_BIRTH = date(1960, 1, 1)
BIRTH_DAYS = 14_000
WEIGHTS = tuple(2**power % 11 for power in range(17, 0, -1))


@dataclass(frozen=True)
class SyntheticPerson:
    """What the form of signing up asks for. Not in its repr: a canary that stands in a log is no canary."""

    real_name: str = field(repr=False)
    identity_number: str = field(repr=False)
    mobile_phone: str = field(repr=False)

    def fields(self) -> dict[str, str]:
        """Return the fields of the form, with the consent."""
        return {
            'real_name': self.real_name,
            'identity_number': self.identity_number,
            'mobile_phone': self.mobile_phone,
            'consent': 'on',
        }


def synthetic_person(seed: str) -> SyntheticPerson:
    """Given a seed, return always the same person; given another, another one.

    The name is long enough (17 bytes in GBK) that no file holds it by chance.
    """
    digest = hashlib.sha256(f'anlan synthetic person {seed}'.encode()).digest()
    name = ''.join(CHARACTERS[byte % len(CHARACTERS)] for byte in digest[:8])
    number = int.from_bytes(digest[8:], 'big')
    number, area = divmod(number, 10_000)
    number, days = divmod(number, BIRTH_DAYS)
    number, sequence = divmod(number, 1_000)
    born = EARLIEST_BIRTH + timedelta(days=days)
    first = f'{NO_AREA}{area:04}{born:%Y%m%d}{sequence:03}'
    return SyntheticPerson(
        real_name=MARK + name,
        identity_number=first + check_character(first),
        mobile_phone=f'{NO_OPERATOR}{number % 100_000_000:08}',
    )


def check_character(first_seventeen: str) -> str:
    """Given the first 17 digits of an identity number, return its check character (GB 11643)."""
    total = sum(int(digit) * weight for digit, weight in zip(first_seventeen, WEIGHTS, strict=True))
    return '10X98765432'[total % 11]
