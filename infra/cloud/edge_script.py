"""The check of signed addresses at a provider's nodes: our own signature (infra/signing.py) in EdgeScript.

The provider's built-in signatures do not fit: they sign one file each, and a lesson's segments are named relative to
its playlist. So the nodes check what our edges check, before they look into their cache.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from infra.cloud.boundary import Wanted

SIGNED_PATH = '^/signed/([0-9]{1,11})/([0-9a-f]{64})/([0-9a-f]{64})/[0-9A-Za-z._/-]+$'
KEY_PATTERN = re.compile(r'[A-Za-z0-9_-]{16,}')
"""What anlan.secret_store makes; nothing in it has a meaning inside EdgeScript's quotes."""


def signed_address_script(keys: Sequence[str], wanted: Wanted) -> str:
    """Given the signing keys that hold (the present one first) and the boundary's times, return the script.

    Raise ValueError without a key, or for one that could end the quotes that it is written in.
    """
    if not keys:
        raise ValueError('there is no key to check signed addresses with')
    if not all(KEY_PATTERN.fullmatch(key) for key in keys):
        raise ValueError(
            'a signing key has characters that the script cannot hold; make it anew with `anlan cdn rotate-key`'
        )
    lines = [
        "if match_re($uri, '^/signed(/|$)') {",
        f"    if not(match_re($uri, '{SIGNED_PATH}')) {{",
        '        exit(403)',
        '    }',
        f"    parts = capture_re($uri, '{SIGNED_PATH}')",
        '    expires = tonumber(get(parts, 1))',
        f'    if gt(now(), add(expires, {wanted.clock_skew_seconds})) {{',
        '        exit(403)',
        '    }',
        f'    if gt(expires, add(now(), {wanted.signed_seconds + wanted.clock_skew_seconds})) {{',
        '        exit(403)',
        '    }',
        "    text = concat(get(parts, 1), '/', get(parts, 3))",
        '    given = get(parts, 2)',
    ]
    checks = [f"ne(given, tohex(hmac('{key}', text, 'sha256')))" for key in keys]
    refused = checks[0] if len(checks) == 1 else f'and({", ".join(checks)})'
    lines += [f'    if {refused} {{', '        exit(403)', '    }', '}']
    return '\n'.join(lines) + '\n'
