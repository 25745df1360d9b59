"""`python -m app_stack.release build`: pack the present source."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from app_stack.release.build import build_release
from app_stack.release.identity import release_id
from app_stack.release.model import PackingFailed


def main() -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(
        prog='python -m app_stack.release', epilog='Exit codes: 0 done · 1 failed, can be run again · 2 bad input.'
    )
    commands = parser.add_subparsers(dest='command', required=True)
    build = commands.add_parser('build', help='pack the present source, unless it is packed already')
    build.add_argument('--output', type=Path, required=True, help='folder of the releases')
    build.add_argument('--cache', type=Path, required=True, help='folder of what may be kept between builds')
    build.add_argument('--json', action='store_true', help='print the release as JSON')
    build.add_argument('--dry-run', action='store_true', help='print only the id that the release would have')
    arguments = parser.parse_args()
    try:
        if arguments.dry_run:
            print(json.dumps({'id': release_id()}) if arguments.json else release_id())
            return 0
        release = build_release(arguments.output, arguments.cache, lambda text: print(text, file=sys.stderr))
    except PackingFailed as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(release.as_json(), indent=1) if arguments.json else f'{release.path} {release.sha256}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
