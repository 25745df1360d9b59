"""A person: what real-name registration asks for, and how it is written when it is shown."""

from __future__ import annotations

from dataclasses import dataclass, field

SHOWN_OF_IDENTITY_NUMBER = (3, 4)
SHOWN_OF_PHONE = (3, 4)


@dataclass(frozen=True)
class Person:
    """Real name, identity number and mobile phone. Its repr holds none of them, so that no log can."""

    real_name: str = field(repr=False)
    identity_number: str = field(repr=False)
    mobile_phone: str = field(repr=False)

    def masked(self) -> MaskedPerson:
        """Return what may be shown: 张*, 110***********1234, 138****0000."""
        return MaskedPerson(
            real_name=_masked(self.real_name, 1, 0),
            identity_number=_masked(self.identity_number, *SHOWN_OF_IDENTITY_NUMBER),
            mobile_phone=_masked(self.mobile_phone, *SHOWN_OF_PHONE),
        )


@dataclass(frozen=True)
class MaskedPerson:
    """A person as pages show it."""

    real_name: str
    identity_number: str
    mobile_phone: str


def _masked(text: str, shown_first: int, shown_last: int) -> str:
    hidden = len(text) - shown_first - shown_last
    return text[:shown_first] + '*' * hidden + (text[-shown_last:] if shown_last else '')
