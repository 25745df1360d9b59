"""The agent of the hosts, whose leader is asked over the socket; /root/no-leader stands for one that is away."""

import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, '/root/backup.pyz')

from backup import agent
from backup.engines.pgbackrest import PgBackRestEngine
from backup.failure import BackupFailed, ExitClass

POINT = "SELECT pg_create_restore_point('check')"
SWITCH = 'SELECT pg_walfile_name(pg_switch_wal())'


def check(engine, deadline_seconds):
    if Path('/root/no-leader').exists():
        raise BackupFailed(ExitClass.NO_SOURCE, 'the database has no leader')
    words = ['runuser', '-u', 'postgres', '--', 'psql', '-h', '/srv/live', '-XAtc', POINT, '-c', SWITCH]
    piece = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[-1]
    end = time.monotonic() + min(60, deadline_seconds)
    while not list(Path('/var/lib/pgbackrest/archive').rglob(f'{piece}*')):
        if time.monotonic() > end:
            raise BackupFailed(ExitClass.DEADLINE, f'{piece} is not kept')
        time.sleep(0.2)


PgBackRestEngine.check = check
sys.exit(agent.main(sys.argv[1:]))
