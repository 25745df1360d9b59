"""How passwords are kept."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class LearnerHasher(Argon2PasswordHasher):
    """Argon2id with 19 MiB and two passes, the least that OWASP's password storage sheet asks for.

    Django's own 100 MiB and eight lanes would let eight logins at once fill a small host.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1
