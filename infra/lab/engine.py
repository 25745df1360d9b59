"""The Docker engine of this machine: connecting to it, and saying in words why that fails."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import docker
from docker.errors import DockerException

from anlan.errors import AnlanError, Problem

DEFAULT_SOCKET = '/var/run/docker.sock'
CALL_SECONDS = 120
"""How long one call to the engine may take; on two busy cores the start of a host takes seconds, not minutes."""

POOL_SIZE = 40
"""Connections kept open: the provider works in 32 threads."""


def connect(call_seconds: int = CALL_SECONDS) -> docker.DockerClient:
    """Return a client of this machine's Docker. Raise AnlanError if there is none, it rests, or we may not use it."""
    problem = docker_problem()
    if problem is not None:
        raise AnlanError(str(problem))
    try:
        return docker.from_env(timeout=call_seconds, max_pool_size=POOL_SIZE)
    except DockerException as error:
        raise AnlanError(f'Docker does not answer: {error}') from None


def docker_problem(socket_path: str | None = None, program: str = 'dockerd') -> Problem | None:
    """Given Docker's socket (else the one in use), return why Docker cannot be used and what to do, or None."""
    if socket_path is None:
        address = os.environ.get('DOCKER_HOST', f'unix://{DEFAULT_SOCKET}')
        if not address.startswith('unix://'):
            return Problem('docker', f'DOCKER_HOST is {address}; the lab needs the Docker of this machine, unset it')
        socket_path = address.removeprefix('unix://')
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5)
        try:
            probe.connect(socket_path)
        except PermissionError:
            return Problem(
                'docker',
                f'this user may not use Docker ({socket_path}); as root: `usermod -aG docker $USER`, then log in again',
            )
        except (FileNotFoundError, ConnectionRefusedError):
            if shutil.which(program) is None and not Path(socket_path).exists():
                return Problem(
                    'docker', 'Docker is not installed; `make setup` as root installs it, or: apt-get install docker.io'
                )
            return Problem(
                'docker', 'Docker is installed but not running; as root: `systemctl start docker`, or `dockerd &`'
            )
        except OSError as error:
            return Problem('docker', f'Docker does not answer at {socket_path}: {error}')
    return None
