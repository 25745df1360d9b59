"""Runs on a host, as root, over standard input: every command of a batch, each with a deadline; prints the answers.

`BATCH` is put before this text: commands, seconds for each and for all of them, and how many run at a time. What there
was no time for is left out, and asked again. Where a fault is to be planted, `plant`, `undo` and `settle` stand in it:
`undo` is handed to the host's own timer before `plant` runs, and a timer that is still there is taken to its end before
that. A host that starts anew forgets its timer: what was planted then stays.
"""

import concurrent.futures
import contextlib
import datetime
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time

LONGEST = 262144
"""Bytes kept of what a command writes; the rest is read and thrown away, and said to be."""

ENVIRONMENT = {'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL': 'C.UTF-8', 'TZ': 'UTC'}
LEASE = 'anlan-violation'
LEASE_SECONDS = 90
HELD = '/run'
"""The folder whose lock lets one planter at a time onto a host."""


class Reader(threading.Thread):
    """Reads a pipe to its end and keeps its beginning: a host has no memory to spare for what nobody will see."""

    def __init__(self, stream):
        super().__init__(daemon=True)
        self.stream, self.kept, self.total = stream, bytearray(), 0
        self.start()

    def run(self):
        with contextlib.suppress(OSError, ValueError):
            while piece := os.read(self.stream.fileno(), 65536):
                self.kept += piece[: LONGEST - len(self.kept)]
                self.total += len(piece)

    def text(self):
        # Who was started in the background may hold the pipe open for ever.
        self.join(1)
        said = bytes(self.kept).decode('utf-8', 'replace')
        return said if self.total <= LONGEST else said + f'\n[cut: {self.total} bytes in all]'


def ask(command):
    asked, started = datetime.datetime.now(datetime.timezone.utc), time.monotonic()
    process = subprocess.Popen(
        ['/bin/sh', '-c', command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=ENVIRONMENT, cwd='/', start_new_session=True,
    )  # fmt: skip
    readers = Reader(process.stdout), Reader(process.stderr)
    late = ''
    try:
        code = process.wait(BATCH['seconds'])  # noqa: F821
        code = code if code >= 0 else 128 - code
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        code, late = 124, f'\nno end within {BATCH["seconds"]} s'  # noqa: F821
    return {
        'command': command, 'code': code, 'out': readers[0].text(), 'err': readers[1].text() + late,
        'asked': asked.isoformat(timespec='milliseconds'), 'seconds': round(time.monotonic() - started, 3),
    }  # fmt: skip


def systemctl(*words, seconds=20):
    return subprocess.run(['systemctl', *words], capture_output=True, check=False, timeout=seconds).returncode


def lease(undo, seconds):
    if systemctl('is-active', '--quiet', f'{LEASE}.timer') == 0:
        # Somebody was killed here before their fault was gone: it goes now, or nobody would take it back any more.
        systemctl('start', '--wait', f'{LEASE}.service', seconds=60)
        systemctl('stop', f'{LEASE}.timer')
    subprocess.run(
        [
            'systemd-run', '--quiet', '--collect', f'--unit={LEASE}', f'--on-active={seconds:g}', '/bin/sh', '-c', undo,
        ],
        check=True, capture_output=True, timeout=20,
    )  # fmt: skip


def answers_of(batch):
    end = time.monotonic() + batch['seconds_in_all']

    def one(command):
        return ask(command) if time.monotonic() < end else None

    with concurrent.futures.ThreadPoolExecutor(batch['at_once']) as pool:
        return [answer for answer in pool.map(one, batch['commands']) if answer is not None]


def with_fault(batch):
    undo, settle = batch['undo'], batch.get('settle', 0)
    with contextlib.ExitStack() as held:
        folder = os.open(HELD, os.O_RDONLY)
        held.callback(os.close, folder)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return {'refused': 'somebody else plants a fault there now'}
        planted = None
        answers = []
        try:
            lease(undo, LEASE_SECONDS + settle)
            planted = ask(batch['plant'])
            time.sleep(settle)
            answers = answers_of(batch)
        finally:
            undone = ask(undo)
            if undone['code'] == 0:
                systemctl('stop', f'{LEASE}.timer')
        return {'answers': answers, 'planted': planted, 'undone': undone}


def main():
    batch = BATCH  # noqa: F821
    document = with_fault(batch) if batch.get('undo') else {'answers': answers_of(batch)}
    json.dump(document, sys.stdout)


main()
