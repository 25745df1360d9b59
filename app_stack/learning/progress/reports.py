"""A client's report of a position: what must be in it."""

from __future__ import annotations

import json
import math
import uuid
from dataclasses import dataclass


class BadReport(ValueError):
    """A report that cannot be used; the message names every reason."""


@dataclass(frozen=True)
class Report:
    """A learner's device reached a position. The event's number makes a repetition harmless."""

    event_id: uuid.UUID
    position_seconds: float
    device: str


def read_report(body: bytes, duration_seconds: float) -> Report:
    """Given a request's body and the lesson's duration, return the report. Raise BadReport naming all that is wrong."""
    try:
        fields = json.loads(body)
    except ValueError:
        raise BadReport('the body is not JSON') from None
    if not isinstance(fields, dict):
        raise BadReport('the body is not an object')
    reasons = []
    try:
        event_id = uuid.UUID(fields.get('event_id'))
    except (ValueError, TypeError, AttributeError):
        reasons.append('event_id: not a UUID')
    position = fields.get('position_seconds')
    if isinstance(position, bool) or not isinstance(position, (int, float)) or not math.isfinite(position):
        reasons.append('position_seconds: not a number')
    elif position < 0:
        reasons.append('position_seconds: below 0')
    device = fields.get('device')
    if not isinstance(device, str) or not 0 < len(device) <= 100 or '\0' in device:
        reasons.append('device: not a text of 1 to 100 characters')
    if reasons:
        raise BadReport('; '.join(reasons))
    # Players round up: a position a little behind the end is the end.
    return Report(event_id, min(float(position), duration_seconds), device)
