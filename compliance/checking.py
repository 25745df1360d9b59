"""What a check is written with: its marks, and the two ways to say that it cannot judge."""

from __future__ import annotations

from typing import NoReturn

import pytest

from compliance.violation import Violation

NOT_VERIFIED, NOT_APPLICABLE = 'not-verified: ', 'not-applicable: '


def clauses(*ids: str) -> pytest.MarkDecorator:
    """Given ids of clauses, return the mark that says which ones a check serves. Each check needs it."""
    return pytest.mark.clauses(*ids)


def tiers(*names: str) -> pytest.MarkDecorator:
    """Given tiers, return the mark that keeps a check to their hosts. Without it: every host of the platform."""
    return pytest.mark.tiers(*names)


def violation(planted: Violation) -> pytest.MarkDecorator:
    """Given a violation, return the mark that names it: planted on a host, the check must fail there."""
    return pytest.mark.violation(planted)


kernel_wide = pytest.mark.kernel_wide
"""Mark of a check of what belongs to the kernel, not to the host: in a container it is `not-verified`."""


def not_verified(reason: str) -> NoReturn:
    """Given why nothing could be observed, end the check without a judgement."""
    pytest.skip(NOT_VERIFIED + reason)


def not_applicable(reason: str) -> NoReturn:
    """Given why the check does not concern this host, end it."""
    pytest.skip(NOT_APPLICABLE + reason)
