"""Logs: a failure that passes by itself is one line for each request, not eighty."""

from __future__ import annotations

import logging

from django.db import InterfaceError, InternalError, OperationalError


class PassingFailures(logging.Filter):
    """Keeps the traceback of mistakes, and says only the cause of what passes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True; a record of a passing failure loses its traceback first."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, (OperationalError, InterfaceError, InternalError)):
            cause = ' '.join(str(error).split())[:200]
            record.msg, record.args = f'{record.getMessage()} ({type(error).__name__}: {cause})', ()
            record.exc_info = None
        return True
