"""What can go wrong in the lab's backend."""

from __future__ import annotations

from anlan.errors import AnlanError


class NotOurs(AnlanError):
    """A container or network has a name that we need and does not bear our label."""


class DidNotComeUp(AnlanError):
    """A host was made but does not run; it is there and can be looked at."""
