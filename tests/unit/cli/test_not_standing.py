"""Commands on a platform that does not stand, or of which something is lost: one sentence, never a traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anlan.remote import Remote, Unreachable
from anlan.secret_store import write_all
from tests.unit.cli.conftest import Anlan
from tests.unit.samples import lab, platform_of, stand

ASKING = {
    'status': ['status'],
    'status --json': ['status', '--json'],
    'reach': ['reach'],
    'reach --json': ['reach', '--json'],
    'ssh': ['ssh', 'db-1'],
    'release show': ['release', 'show'],
    'release deploy': ['release', 'deploy'],
    'release deploy --dry-run': ['release', 'deploy', '--dry-run'],
    'release rollback': ['release', 'rollback'],
}


@pytest.fixture(autouse=True)
def no_packing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('anlan.cli.release.release_id', lambda: 'present')


def with_file(arguments: list[str], file: Path) -> list[str | Path]:
    """Given a command, put the platform's file behind its words and before a host."""
    words = 2 if arguments[0] == 'release' else 1
    return [*arguments[:words], '-p', file, *arguments[words:]]


@pytest.mark.parametrize('arguments', ASKING.values(), ids=ASKING)
def test_a_platform_that_does_not_stand_is_one_sentence(anlan: Anlan, sample: Path, arguments: list[str]) -> None:
    ended = anlan(*with_file(arguments, sample))
    assert ended.code == 2
    assert 'platform sample does not stand; bring it up with `anlan up`' in ended.said
    assert 'Traceback' not in ended.err
    assert ended.out == ''


@pytest.mark.parametrize('arguments', ASKING.values(), ids=ASKING)
def test_a_wrong_platform_file_is_bad_input(anlan: Anlan, tmp_path: Path, arguments: list[str]) -> None:
    file = tmp_path / 'wrong.yaml'
    file.write_text('name: 5\n')
    ended = anlan(*with_file(arguments, file))
    assert ended.code == 2
    assert 'front_door: is missing' in ended.said
    assert not (tmp_path / 'var').exists()


@pytest.mark.parametrize('arguments', [['status'], ['release', 'show']], ids=' '.join)
def test_outputs_that_are_damaged_are_one_sentence(anlan: Anlan, sample: Path, arguments: list[str]) -> None:
    stand(platform_of(lab())).outputs.write_text('{"hosts"')
    ended = anlan(*with_file(arguments, sample))
    assert ended.code == 2
    assert '`anlan up` writes it anew' in ended.said
    assert 'Traceback' not in ended.err


@pytest.mark.parametrize('arguments', [['status'], ['reach'], ['status', '--json']], ids=' '.join)
def test_a_bastion_that_does_not_answer_is_one_sentence_and_never_all_is_well(
    anlan: Anlan, sample: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(remote: Remote, host: str, *words: object, **options: object) -> None:
        raise Unreachable(f'{host}: no SSH session at 198.18.40.21: no route')

    write_all(stand(platform_of(lab())).secrets, {'journey_password': 'x'})
    monkeypatch.setattr(Remote, 'run', refuse)
    ended = anlan(*with_file(arguments, sample))
    assert ended.code == 2
    assert ended.out == ''
    assert ended.said.count('no route') == 1
    assert 'sample cannot be observed, all ways lead through its bastion: ops-1' in ended.said


@pytest.mark.parametrize('content', [None, '', '{}', '[]'], ids=['none', 'empty', 'without a password', 'a list'])
def test_lost_secrets_are_one_sentence(anlan: Anlan, sample: Path, content: str | None) -> None:
    paths = stand(platform_of(lab()))
    if content is not None:
        paths.secrets.write_text(content)
    ended = anlan('status', '-p', sample)
    assert ended.code == 1
    assert 'Traceback' not in ended.err
    assert 'secrets.json' in ended.said


def test_a_host_that_is_none_is_bad_input_and_the_hosts_are_named(anlan: Anlan, sample: Path) -> None:
    stand(platform_of(lab()))
    ended = anlan('ssh', '-p', sample, 'db-9')
    assert ended.code == 2
    assert 'there is no host db-9; hosts are fw-1' in ended.said


class Became(Exception):
    """The program became another."""


@pytest.mark.parametrize(
    ('typed', 'remote'),
    [
        ([], []),
        (['uptime'], ['uptime']),
        (['--', 'uptime', '-p'], ['uptime -p']),
        (['--', 'sh', '-c', 'echo $HOME; id'], ["sh -c 'echo $HOME; id'"]),
        (['uptime', '--json'], ['uptime --json']),
        (['git', 'log', '--', 'file'], ['git log -- file']),
        (['--', 'git', 'log', '--', 'file'], ['git log -- file']),
    ],
    ids=lambda words: ' '.join(words) or 'nothing',
)
def test_a_host_runs_just_what_was_typed(
    anlan: Anlan, sample: Path, monkeypatch: pytest.MonkeyPatch, typed: list[str], remote: list[str]
) -> None:
    paths = stand(platform_of(lab()))
    became: list[list[str]] = []

    def become(program: str, argv: list[str]) -> None:
        became.append(argv)
        raise Became

    monkeypatch.setattr(os, 'execv', become)
    monkeypatch.setattr('shutil.which', lambda name: f'/usr/bin/{name}')
    anlan('ssh', '-p', sample, 'db-1', *typed)
    assert became == [['/usr/bin/ssh', '-F', str(paths.ssh / 'config'), 'db-1', *remote]]


def test_a_machine_without_ssh_is_told_what_to_install(
    anlan: Anlan, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand(platform_of(lab()))
    monkeypatch.setattr('shutil.which', lambda name: None)
    ended = anlan('ssh', '-p', sample, 'db-1')
    assert ended.code == 1
    assert 'install openssh-client' in ended.said
