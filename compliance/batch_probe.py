"""Runs on a host, as root, over standard input: every command of a batch, each with a deadline; prints the answers.

`BATCH` is put before this text: commands, seconds for each, and how many run at a time. Where a fault is to be planted,
`plant`, `undo` and `settle` stand in it: `undo` is handed to the host's own timer before `plant` runs.
"""

import concurrent.futures
import datetime
import json
import os
import signal
import subprocess
import sys
import time

LONGEST = 262144
"""Bytes kept of what a command writes; the rest is cut, and said to be."""

ENVIRONMENT = {'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL': 'C.UTF-8', 'TZ': 'UTC'}


def text(data):
    kept = data[:LONGEST].decode('utf-8', 'replace')
    return kept if len(data) <= LONGEST else kept + f'\n[cut: {len(data)} bytes in all]'


def ask(command):
    asked, started = datetime.datetime.now(datetime.timezone.utc), time.monotonic()
    process = subprocess.Popen(
        ['/bin/sh', '-c', command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=ENVIRONMENT, cwd='/', start_new_session=True,
    )  # fmt: skip
    try:
        out, err = process.communicate(timeout=BATCH['seconds'])  # noqa: F821
        code = process.returncode if process.returncode >= 0 else 128 - process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        code, err = 124, err + f'\nno end within {BATCH["seconds"]} s'.encode()  # noqa: F821
    return {
        'command': command, 'code': code, 'out': text(out), 'err': text(err),
        'asked': asked.isoformat(timespec='milliseconds'), 'seconds': round(time.monotonic() - started, 3),
    }  # fmt: skip


def lease(undo):
    # The host takes the fault back by itself: when its timer runs out, or when it starts the next time.
    subprocess.run(['systemctl', 'stop', 'anlan-violation.timer'], capture_output=True, check=False, timeout=20)
    subprocess.run(
        ['systemd-run', '--quiet', '--collect', '--unit=anlan-violation', '--on-active=60', '/bin/sh', '-c', undo],
        check=True, capture_output=True, timeout=20,
    )  # fmt: skip


def main():
    batch = BATCH  # noqa: F821
    planted = None
    undo = batch.get('undo')
    try:
        if undo:
            lease(undo)
            planted = ask(batch['plant'])
            time.sleep(batch.get('settle', 0))
        with concurrent.futures.ThreadPoolExecutor(batch['at_once']) as pool:
            answers = list(pool.map(ask, batch['commands']))
    finally:
        undone = ask(undo) if undo else None
        if undone is not None and undone['code'] == 0:
            subprocess.run(['systemctl', 'stop', 'anlan-violation.timer'], capture_output=True, check=False, timeout=20)
    json.dump({'answers': answers, 'planted': planted, 'undone': undone}, sys.stdout)


main()
