"""A host of the operations image with a small database beside its repository, for restores as of a moment.

One host is both sides, so one account has two names. What asks the leader over the network (`check`) does the same
here over the socket: a new piece of the log is begun, and waited for in the repository.
"""

from __future__ import annotations

import io
import json
import secrets
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container

from anlan.paths import cache_directory
from backup.packing import packed
from infra.images.build import ensure_images
from infra.lab.hosts import CAPABILITIES, CGROUP_V1_WORDS

TIER = 'operations'
LIVE = '/srv/live'
HELPERS = Path(__file__).parent / 'moment_files'


@dataclass(frozen=True)
class MomentHost:
    """The host that runs."""

    container: Container

    def run(self, *words: str, code: int | None = 0) -> str:
        """Run a command as root and return what it says."""
        done = self.container.exec_run(list(words), environment={'LC_ALL': 'C.UTF-8'})
        said: str = done.output.decode(errors='replace')
        assert code is None or done.exit_code == code, f'{words}: {done.exit_code}: {said}'
        return said

    def sql(self, question: str, folder: str = LIVE) -> str:
        """Ask the live database, or the one whose socket lies in a folder."""
        return self.run(
            'runuser', '-u', 'postgres', '--', 'psql', '-h', folder, '-XAtqd', 'learning', '-v', 'ON_ERROR_STOP=1',
            '-c', question,
        ).strip()  # fmt: skip

    def now(self) -> str:
        """Return the host's time as `--to-time` takes it."""
        return self.run('date', '--utc', '+%FT%T.%NZ').strip()[:26] + 'Z'

    def agent(self, *words: str) -> tuple[int, dict[str, Any]]:
        """Run the agent; return its exit code and the last of its lines."""
        done = self.container.exec_run(['python3', '-B', '/root/agent.py', *words])
        lines = done.output.decode(errors='replace').strip().splitlines()
        assert lines and lines[-1].startswith('{'), done.output.decode(errors='replace')
        document: dict[str, Any] = json.loads(lines[-1])
        return done.exit_code, document

    def moment(self, to_time: str, target: str, *more: str) -> tuple[int, dict[str, Any]]:
        """Restore as of a moment from the local place."""
        return self.agent('moment', '--place', 'local', '--to-time', to_time, '--target', target, *more)


@contextmanager
def moment_host() -> Iterator[MomentHost]:
    """A host with a database that has one full backup, a heartbeat, and the program of the hosts."""
    tag = ensure_images([TIER], cache_directory() / 'packages', print)[TIER]
    client = docker.from_env()
    words = CGROUP_V1_WORDS if str(client.info().get('CgroupVersion', '1')) == '1' else ()
    settings = client.api.create_host_config(
        cap_add=list(CAPABILITIES), security_opt=['seccomp=unconfined', 'apparmor=unconfined'], network_mode='none',
        tmpfs={'/run': 'exec,mode=755', '/run/lock': '', '/tmp': 'mode=1777'}, mem_limit='1500m',
    )  # fmt: skip
    settings['CgroupnsMode'] = 'private'
    name = f'anlan-contract-moment-{secrets.token_hex(4)}'
    made = client.api.create_container(
        tag, command=['/sbin/init', *words], name=name, environment={'container': 'docker'}, host_config=settings,
        stop_signal='SIGRTMIN+3',
    )  # fmt: skip
    container = client.containers.get(made['Id'])
    try:
        container.start()
        container.put_archive('/root', _tar())
        host = MomentHost(container)
        end = time.monotonic() + 60
        while (
            'running' not in (said := host.run('systemctl', 'is-system-running', code=None)) and 'degraded' not in said
        ):
            assert time.monotonic() < end, f'the host does not come up: {said}'
            time.sleep(0.3)
        host.run('bash', '/root/setup.sh')
        yield host
    finally:
        container.remove(force=True, v=True)


def _tar() -> bytes:
    contents = {
        'backup.pyz': packed(),
        **{file.name: file.read_bytes() for file in HELPERS.iterdir() if file.is_file()},
    }
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w') as tar:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()
