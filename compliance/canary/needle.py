"""Needles: the texts that are searched for, and what it means to find one."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from enum import StrEnum

from anlan.synthetic_person import SyntheticPerson, synthetic_person

SEED_BYTES = 16


class Purpose(StrEnum):
    """What finding a needle means."""

    SECRET = 'secret'  # noqa: S105 - a purpose, not a password
    """It must not be found anywhere."""
    PRESENCE = 'presence'
    """It stands in plain beside the secrets, so that where it is found their row has been."""
    CONTROL = 'control'
    """It was put there in plain, and a search that does not find it finds nothing."""


@dataclass(frozen=True)
class Needle:
    """A text to search for. Its text is not in its repr."""

    name: str
    text: str = field(repr=False)
    purpose: Purpose = Purpose.SECRET


@dataclass(frozen=True)
class CanaryPerson:
    """A learner who is nobody: the name to log in with, a password, and personal data to search for."""

    username: str
    password: str = field(repr=False)
    person: SyntheticPerson = field(repr=False)

    @classmethod
    def hatched(cls) -> CanaryPerson:
        """Return a new one, drawn at random, so that nothing left by one before can be taken for it."""
        seed = secrets.token_hex(SEED_BYTES)
        return cls(f'canary-{seed[:16]}', secrets.token_urlsafe(SEED_BYTES), synthetic_person(seed))

    def needles(self) -> tuple[Needle, ...]:
        """Return what to search for. Of the identity number without its last character, which may be an x or an X."""
        return (
            Needle('real name', self.person.real_name),
            Needle('identity number', self.person.identity_number[:17]),
            Needle('mobile phone', self.person.mobile_phone),
            Needle('user name', self.username, Purpose.PRESENCE),
        )


def control_needle() -> Needle:
    """Return a random text that is about to be written in plain."""
    return Needle('control', f'anlan-control-{secrets.token_hex(SEED_BYTES)}', Purpose.CONTROL)
