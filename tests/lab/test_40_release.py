"""Releases on a running platform: deployed, rolled back and refused without a learner noticing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from anlan.paths import ROOT
from monitoring.steady import SteadyRun, settle
from tests.lab.standing import Standing

COPIED = ('anlan', 'infra', 'monitoring', 'app_stack', 'playbooks')


class Source:
    """A copy of the checkout whose application can be changed."""

    def __init__(self, standing: Standing, folder: Path) -> None:
        self.standing = standing
        self.folder = folder
        for name in COPIED:
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns('__pycache__'))

    def change(self, file: str, before: str, after: str) -> None:
        path = self.folder / 'app_stack' / 'learning' / file
        text = path.read_text(encoding='utf-8')
        assert before in text
        path.write_text(text.replace(before, after), encoding='utf-8')

    def release(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = self.standing.environment() | {'ANLAN_VAR': str(self.standing.work.paths.directory.parent)}
        return subprocess.run(
            [sys.executable, '-m', 'anlan.cli', 'release', *words], cwd=self.folder, env=environment,
            capture_output=True, text=True, timeout=400, check=False,
        )  # fmt: skip


@pytest.fixture
def source(standing: Standing, tmp_path: Path) -> Source:
    return Source(standing, tmp_path)


def current(standing: Standing) -> set[str]:
    hosts = json.loads(standing.anlan('release', 'show', '--json').stdout)['hosts']
    return {host['current'] for host in hosts.values()}


def watched(standing: Standing, *commands: list[str], source: Source) -> tuple[SteadyRun, list[int], list[str]]:
    """Run release commands while a learner works; return what it saw, and the commands' exit codes and words."""
    with standing.learner() as learner:
        settle()
        done = [source.release(*command) for command in commands]
        settle()
    assert learner.run().lost(learner.read_back()) == set()
    return learner.run(), [each.returncode for each in done], [each.stdout + each.stderr for each in done]


def test_a_rolling_deploy_and_its_rollback_lose_no_request(whole: Standing, source: Source) -> None:
    before = current(whole)
    source.change('templates/base.html', '</body>', '<!-- the next release --></body>')
    deployed, codes, said = watched(whole, ['deploy'], source=source)
    assert codes == [0], said
    assert {kind: deployed.failures(kind) for kind in deployed.outcomes} == {'write': [], 'read': [], 'media': []}
    assert current(whole) != before
    page = whole.run('client-1', 'curl', '-s', whole.work.platform.front_door_url() + 'courses/').out
    assert 'the next release' in page
    back, codes, said = watched(whole, ['rollback'], source=source)
    assert codes == [0], said
    assert {kind: back.failures(kind) for kind in back.outcomes} == {'write': [], 'read': [], 'media': []}
    assert current(whole) == before
    whole.wait_whole()


def test_a_release_that_does_not_start_is_left_by_every_host_at_once(whole: Standing, source: Source) -> None:
    before = current(whole)
    source.change('wsgi.py', '\napplication = ', '\nraise RuntimeError("broken on purpose")\napplication = ')
    seen, codes, said = watched(whole, ['deploy'], source=source)
    assert codes == [1]
    assert 'This host is back at' in said[0]
    assert {kind: seen.failures(kind) for kind in seen.outcomes} == {'write': [], 'read': [], 'media': []}
    assert current(whole) == before
    whole.wait_whole()
