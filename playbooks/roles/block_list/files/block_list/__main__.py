"""Runs the folder that it stands in: the daemon, or a question to the daemon that runs."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from block_list.control import main  # noqa: E402 - only now can the package be found

if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
