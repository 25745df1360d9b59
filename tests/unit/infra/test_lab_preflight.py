"""Preflight of the lab says no with a reason, and nothing when all is well."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from infra.lab.engine import docker_problem
from infra.lab.model import LabNetwork
from infra.lab.preflight import (
    UsedSubnet,
    available_memory_mib,
    disk_problems,
    inotify_problems,
    memory_problems,
    routes,
    subnet_conflicts,
)

APP = LabNetwork('lab', 'app', IPv4Network('198.18.20.0/24'), IPv4Address('198.18.20.254'))


def test_a_subnet_in_use_is_named_with_its_user() -> None:
    used = [UsedSubnet('the Docker network other', IPv4Network('198.18.0.0/16'))]
    problems = subnet_conflicts([APP], used)
    assert [str(problem) for problem in problems] == [
        'zones.app.subnet: 198.18.20.0/24 overlaps 198.18.0.0/16, which the Docker network other uses; '
        'take another subnet'
    ]
    assert subnet_conflicts([APP], [UsedSubnet('other', IPv4Network('198.18.21.0/24'))]) == []


def test_memory_counts_only_hosts_that_are_still_to_start() -> None:
    assert memory_problems(0, 10, 1024) == []
    assert memory_problems(10, 3024, 1024) == []
    assert '10 hosts need about 2000 MiB' in memory_problems(10, 3023, 1024)[0].reason


def test_too_few_inotify_instances_are_said_with_the_command() -> None:
    assert inotify_problems(5, 93, 128) == []
    assert 'sysctl -w fs.inotify.max_user_instances' in inotify_problems(6, 93, 128)[0].reason
    assert inotify_problems(0, 200, 128) == []


def test_a_disk_that_is_too_small_is_said_even_if_the_folder_is_not_there_yet(tmp_path: Path) -> None:
    assert disk_problems(tmp_path / 'not' / 'yet', 0) == []
    assert '1000000 GiB are needed' in disk_problems(tmp_path / 'not' / 'yet', 1_000_000)[0].reason


def test_routes_are_read_without_the_default_route(tmp_path: Path) -> None:
    file = tmp_path / 'route'
    file.write_text(
        'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n'
        'eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n'
        'eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n'
        'tun0\t0000120A\t00000000\t0000\t0\t0\t0\t0000FFFF\t0\t0\t0\n'
    )
    assert routes(file) == [('eth0', IPv4Network('192.168.0.0/24'))]


def test_available_memory_is_what_the_kernel_says(tmp_path: Path) -> None:
    file = tmp_path / 'meminfo'
    file.write_text('MemTotal: 4096 kB\nMemAvailable:   2048 kB\n')
    assert available_memory_mib(file) == 2


def test_docker_that_is_missing_resting_or_forbidden_has_three_different_sentences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'docker.sock'
    missing = docker_problem(str(path), program='no-such-program')
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    resting = docker_problem(str(path), program='no-such-program')

    class Forbidden(socket.socket):
        def connect(self, address: object) -> None:
            raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr('infra.lab.engine.socket.socket', Forbidden)
    forbidden = docker_problem(str(path))
    sentences = [str(problem) for problem in (missing, resting, forbidden)]
    assert len(set(sentences)) == 3
    assert 'is not installed' in sentences[0]
    assert 'not running' in sentences[1]
    assert 'usermod -aG docker' in sentences[2]


def test_docker_that_answers_is_no_problem(tmp_path: Path) -> None:
    path = tmp_path / 'docker.sock'
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        assert docker_problem(str(path)) is None


def test_a_docker_of_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('DOCKER_HOST', 'tcp://192.0.2.1:2375')
    assert 'needs the Docker of this machine' in str(docker_problem())
