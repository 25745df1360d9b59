"""Personal data of a learner, as the database has it: unreadable."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class PersonalData(models.Model):
    """One learner's personal data, each column a ciphertext (cipher.py), apart from the account.

    A table of its own: learners from before have no row and go on learning, no code that lists learners reads it, and
    it is deleted without touching an archive that the law keeps.
    """

    learner = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name='+')
    real_name = models.BinaryField()
    identity_number = models.BinaryField()
    mobile_phone = models.BinaryField()
    # The blind index (keys.py): two learners cannot have one identity number.
    identity_index = models.CharField(max_length=64, unique=True)
    # Which keys the row is under, so that a rotation finds what is left to do; the ciphertexts say it again.
    data_key_id = models.CharField(max_length=8, db_index=True)
    index_key_id = models.CharField(max_length=8, db_index=True)
    consent_version = models.CharField(max_length=20)
    consented_at = models.DateTimeField()

    def __str__(self) -> str:
        return f'personal data of learner {self.learner_id}'
