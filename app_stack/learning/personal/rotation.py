"""Rotation: every row under the present keys, in batches, taken up where it was cut off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from learning.personal.cipher import Undecipherable
from learning.personal.keys import Keyring, data_keys, index_keys
from learning.personal.models import PersonalData
from learning.personal.registering import read_person, write_person


@dataclass
class Outcome:
    """What became of the rows: how many were changed or found good, and why others were not, by learner."""

    good: int = 0
    failures: dict[int, str] = field(default_factory=dict)


def outdated(data: Keyring, index: Keyring) -> QuerySet[PersonalData]:
    """Return the rows under other keys than the present ones."""
    return PersonalData.objects.filter(~Q(data_key_id=data.present.id) | ~Q(index_key_id=index.present.id))


def reencrypt(batch_rows: int, report: Callable[[Outcome], None]) -> Outcome:
    """Given how many rows to take at once, put every outdated row under the present keys; return what became of them.

    Each batch is a transaction of its own, and what is done is not found again: cut off anywhere, it is run again.
    Rows that cannot be read stay as they are and are named.
    """
    data, index = data_keys(), index_keys()
    outcome, after = Outcome(), 0
    while True:
        with transaction.atomic():
            rows = list(
                outdated(data, index)
                .filter(learner_id__gt=after)
                .order_by('learner_id')
                .select_for_update()[:batch_rows]
            )
            for row in rows:
                _renew(row, data, index, outcome)
        if not rows:
            return outcome
        after = rows[-1].learner_id
        report(outcome)


def verify(batch_rows: int, report: Callable[[Outcome], None]) -> Outcome:
    """Given how many rows to take at once, open every row and change nothing. A row under older keys is no good one."""
    data, index = data_keys(), index_keys()
    outcome, after = Outcome(), 0
    while rows := list(PersonalData.objects.filter(learner_id__gt=after).order_by('learner_id')[:batch_rows]):
        for row in rows:
            try:
                read_person(row, data)
            except Undecipherable as error:
                outcome.failures[row.learner_id] = str(error)
                continue
            if (row.data_key_id, row.index_key_id) != (data.present.id, index.present.id):
                outcome.failures[row.learner_id] = f'learner {row.learner_id} is under an older key'
                continue
            outcome.good += 1
        after = rows[-1].learner_id
        report(outcome)
    return outcome


def _renew(row: PersonalData, data: Keyring, index: Keyring, outcome: Outcome) -> None:
    try:
        write_person(row, read_person(row, data), data, index)
        with transaction.atomic():
            row.save(force_update=True)
    except Undecipherable as error:
        outcome.failures[row.learner_id] = str(error)
    except IntegrityError:
        outcome.failures[row.learner_id] = f'learner {row.learner_id} has the identity number of another learner'
    else:
        outcome.good += 1
