"""Print what the chain of the archive is in the restored database of a folder: chain.py FOLDER."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, '/root/backup.pyz')

from backup.scratch_database import ScratchDatabase

print(json.dumps(asdict(ScratchDatabase(Path(sys.argv[1]), '', 'learning').archive_chain())))
