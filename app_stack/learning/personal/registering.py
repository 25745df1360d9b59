"""Registering: personal data into the database and out of it, encrypted on the way."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone
from learning.accounts.models import Learner
from learning.personal.cipher import opened, sealed
from learning.personal.consent import VERSION
from learning.personal.keys import Keyring, blind_index, data_keys, index_keys
from learning.personal.models import PersonalData
from learning.personal.person import Person

COLUMNS = ('real_name', 'identity_number', 'mobile_phone')


class AlreadyRegistered(Exception):
    """The identity number, or the learner, has personal data already. Says nothing of either."""


def register_person(learner: Learner, person: Person) -> None:
    """Given a learner and who they are, with their consent, keep it. Raise AlreadyRegistered."""
    data, index = data_keys(), index_keys()
    # Under each key: while a rotation runs, rows of both are there.
    taken = [blind_index(key, person.identity_number) for key in index.keys]
    if PersonalData.objects.filter(identity_index__in=taken).exists():
        raise AlreadyRegistered
    row = PersonalData(learner=learner, consent_version=VERSION, consented_at=timezone.now())
    write_person(row, person, data, index)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        # Somebody registered the same number between the question and the insert.
        raise AlreadyRegistered from None


def write_person(row: PersonalData, person: Person, data: Keyring, index: Keyring) -> None:
    """Given a row of a learner, a person and keys, put the person into the row under the present keys."""
    for column in COLUMNS:
        setattr(row, column, sealed(data, getattr(person, column), place_of(row, column)))
    row.identity_index = blind_index(index.present, person.identity_number)
    row.data_key_id, row.index_key_id = data.present.id, index.present.id


def read_person(row: PersonalData, data: Keyring | None = None) -> Person:
    """Given a row, return the person. Raise Undecipherable."""
    keyring = data or data_keys()
    return Person(**{column: opened(keyring, getattr(row, column), place_of(row, column)) for column in COLUMNS})


def place_of(row: PersonalData, column: str) -> str:
    """Given a row and a column, return the place that its ciphertext is bound to."""
    return f'{column} of learner {row.learner_id}'
