"""Django's management commands: `python -m learning verify_archive`."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line
from django.db import OperationalError
from learning.environment import IncompleteEnvironment

EXIT_BAD_INPUT = 2
# EX_TEMPFAIL of sysexits.h: nothing was done, the same command may succeed in a moment.
EXIT_DATABASE_AWAY = 75


def main() -> None:
    """Run the management command of the command line.

    Exit 2 with one sentence if the environment is incomplete, 75 if the database does not answer.
    """
    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'learning.settings.production')
    try:
        execute_from_command_line(sys.argv)
    except IncompleteEnvironment as error:
        print(error, file=sys.stderr)
        raise SystemExit(EXIT_BAD_INPUT) from None
    except OperationalError as error:
        print(f'the database does not answer: {str(error).strip()}', file=sys.stderr)
        raise SystemExit(EXIT_DATABASE_AWAY) from None


if __name__ == '__main__':
    main()
