"""The host probe, run as a program with fakes for the commands of a host."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from anlan.paths import ROOT

PROBE = ROOT / 'monitoring' / 'host_probe.py'
FAILED = """foo.service loaded failed failed The Foo Service of this host
bar.service loaded failed failed Bar
"""

STATES = """LoadState=loaded
ActiveState=active

LoadState=loaded
ActiveState=inactive

LoadState=not-found
ActiveState=inactive
"""


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """Give a folder of programs, the only ones that the probe finds."""
    folder = tmp_path / 'bin'
    folder.mkdir()
    return folder


def put(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f'#!/bin/sh\n{script}\n')
    (folder / name).chmod(0o755)


def said(output: str) -> str:
    return ' '.join(f"printf '%s\\n' '{line}';" for line in output.splitlines())


def probe(commands: Path, services: list[str]) -> dict[str, Any]:
    question = {'tier': 'monitoring', 'services': services, 'metrics': [], 'address': '192.0.2.1', 'tls_ports': []}
    done = subprocess.run(
        [sys.executable, '-I', str(PROBE)],
        input=json.dumps(question),
        env={'PATH': str(commands)},
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_what_cannot_be_asked_is_null_and_named_never_guessed(commands: Path) -> None:
    answer = probe(commands, ['ssh.service'])
    parts = {'addresses', 'services', 'failed_units', 'certificate_days', 'stale_ports', 'clock'}
    assert {part: answer[part] for part in parts} == dict.fromkeys(parts)
    assert set(answer['errors']) == parts


def test_the_state_of_each_service_is_its_own(commands: Path) -> None:
    put(commands, 'systemctl', f'[ "$1" = show ] && {{ {said(STATES)} }}; exit 0')
    assert probe(commands, ['ssh.service', 'nginx.service', 'moon.service'])['services'] == {
        'ssh.service': 'active',
        'nginx.service': 'inactive',
        'moon.service': 'absent',
    }


def test_units_that_have_failed_are_named_whatever_their_description(commands: Path) -> None:
    put(commands, 'systemctl', f'[ "$1" = list-units ] && {{ {said(FAILED)} }}; exit 0')
    assert probe(commands, [])['failed_units'] == ['foo.service', 'bar.service']


def test_addresses_are_all_but_the_hosts_own_loop(commands: Path) -> None:
    # `ip` itself leaves out what is not of global scope: the loop, and what a link gave itself.
    links = [{}, {'addr_info': [{'local': '198.18.20.11'}, {'local': 'fd00::11'}]}, {'addr_info': [{}]}]
    put(commands, 'ip', f'[ "$*" = "-j address show scope global" ] && {{ {said(json.dumps(links))} }}; exit 0')
    assert probe(commands, [])['addresses'] == ['198.18.20.11', 'fd00::11']


def test_the_clock_is_what_chrony_says(commands: Path) -> None:
    put(commands, 'chronyc', said('C612280B,198.18.40.11,3,1700000000.1,-0.000123,0.1,0.1,0,0,0,0,0,64,Normal'))
    assert probe(commands, [])['clock'] == {'source': '198.18.40.11', 'offset_seconds': -0.000123, 'stratum': 3}


def test_metrics_that_are_not_there_have_no_age(commands: Path) -> None:
    question = {'tier': 'edge', 'services': [], 'metrics': ['moon'], 'address': '192.0.2.1', 'tls_ports': []}
    done = subprocess.run(
        [sys.executable, '-I', str(PROBE)], input=json.dumps(question), env={'PATH': str(commands)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)['metrics_seconds'] == {'moon': None}
