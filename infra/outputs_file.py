"""The file of outputs: written when the infrastructure stands, read by every command after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from anlan.errors import BadInput


def read_outputs(file: Path) -> dict[str, Any]:
    """Given the file of outputs, return it. Raise BadInput if it does not stand or the file is damaged."""
    try:
        document: dict[str, Any] = json.loads(file.read_text(encoding='utf-8'))
        document['hosts'], document['variables']['platform']
    except FileNotFoundError:
        raise BadInput(f'platform {file.parent.name} does not stand; bring it up with `anlan up`') from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f'{file} cannot be used ({error}); `anlan up` writes it anew') from None
    return document
