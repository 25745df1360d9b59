"""Audits of the tests' platform, as its user starts them."""

from __future__ import annotations

import json
from typing import Any

from tests.lab.standing import Standing


def audited(standing: Standing, *words: str) -> tuple[int, dict[str, Any]]:
    done = standing.anlan('audit', 'run', '--json', *words)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def verdicts(document: dict[str, Any]) -> dict[str, str]:
    return {result['id']: result['verdict'] for result in document['results']}
