"""`anlan cdn rotate-key` and what follows: which key the edges get, which one warming signs with, when a key ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from anlan.cli import bring_up
from anlan.cli.cdn import duration
from anlan.cli.warming import Ladder, warm_edges
from anlan.cli.work import Work
from anlan.console import Step
from anlan.errors import AnlanError, BadInput
from anlan.lock import hold
from anlan.paths import PlatformPaths
from anlan.remote import Remote, Result
from anlan.secret_store import ensure_secrets, read_all, read_secret, rotate_secret, write_all
from infra.signing import signed_path
from infra.targets import choose
from infra.topology import topology_of
from monitoring.status import Status
from tests.unit.cli.conftest import Anlan
from tests.unit.cloud.sample import clouded
from tests.unit.kernel.test_secret_store import note_rotation_at_hosts
from tests.unit.samples import lab, platform_of

KEY, BEFORE = 'media_signing_key', 'media_signing_key_previous'
PLATFORM = platform_of(lab())
OVERLAP_SECONDS = PLATFORM.delivery.signed_url_seconds + PLATFORM.delivery.clock_skew_seconds


@pytest.fixture
def paths(anlan: Anlan) -> PlatformPaths:
    """Give the paths of `sample` with its secrets."""
    paths = PlatformPaths.of('sample')
    paths.make()
    ensure_secrets(paths.secrets)
    return paths


def test_a_rotation_says_until_when_the_key_before_holds(anlan: Anlan, sample: Path, paths: PlatformPaths) -> None:
    before = read_secret(paths.secrets, KEY)
    ended = anlan('cdn', 'rotate-key', '-p', sample)
    assert ended.code == 0
    assert f'{duration(OVERLAP_SECONDS)} or more after the new one was brought' in ended.out
    assert ensure_secrets(paths.secrets)[BEFORE] == before not in ended.out


def test_a_second_rotation_before_up_is_one_sentence_and_changes_nothing(
    anlan: Anlan, sample: Path, paths: PlatformPaths
) -> None:
    anlan('cdn', 'rotate-key', '-p', sample)
    before = paths.secrets.read_bytes()
    for words in ([], ['--dry-run']):
        ended = anlan('cdn', 'rotate-key', '-p', sample, *words)
        assert ended.code == 2
        assert 'is not at the hosts yet; run `anlan up` first' in ended.said
    assert paths.secrets.read_bytes() == before


def test_a_leaked_key_is_revoked_at_once_and_what_that_costs_is_said(
    anlan: Anlan, sample: Path, paths: PlatformPaths
) -> None:
    leaked = read_secret(paths.secrets, KEY)
    anlan('cdn', 'rotate-key', '-p', sample)
    dry = anlan('cdn', 'rotate-key', '-p', sample, '--revoke', '--dry-run')
    assert leaked in read_all(paths.secrets).values()
    ended = anlan('cdn', 'rotate-key', '-p', sample, '--revoke')
    for said in (dry, ended):
        assert said.code == 0
        assert 'every address given out stops working' in said.out
    assert leaked not in read_all(paths.secrets).values()


def test_no_key_is_rotated_while_up_brings_one(anlan: Anlan, sample: Path, paths: PlatformPaths) -> None:
    before = paths.secrets.read_bytes()
    with hold(paths.lock, 'anlan up'):
        assert anlan('cdn', 'rotate-key', '-p', sample).code == 3
    assert paths.secrets.read_bytes() == before


class Edge:
    """An edge that notes what it is asked for, and has it all."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def run(self, host: str, argv: list[str], deadline_seconds: float, stdin: str) -> Result:
        paths = json.loads(stdin)['paths']
        self.asked += paths
        return Result(
            0, json.dumps([{'path': path, 'reason': '', 'bytes': 1, 'cache': 'HIT'} for path in paths]), '', 0
        )


def warmed(paths: PlatformPaths) -> list[str]:
    edge, outputs = Edge(), {'hosts': {'edge-1': {'variables': {'anlan_address': '198.18.0.1'}}}}
    warm_edges(
        cast(Remote, edge), outputs, platform=PLATFORM, paths=paths, edges=['edge-1'],
        ladders=[Ladder('a' * 64, {'master.m3u8': 'b' * 64}, restricted=True)], shown=Step(None, None),
    )  # fmt: skip
    return edge.asked


def signed_with(path: str, key: str) -> bool:
    return path == signed_path(key, int(path.split('/')[2]), 'a' * 64, 'master.m3u8')


def test_between_a_rotation_and_up_warming_signs_with_the_key_that_the_edges_know(
    anlan: Anlan, sample: Path, paths: PlatformPaths
) -> None:
    deployed = read_secret(paths.secrets, KEY)
    anlan('cdn', 'rotate-key', '-p', sample)
    assert signed_with(warmed(paths)[0], deployed)
    note_rotation_at_hosts(paths.secrets, KEY, OVERLAP_SECONDS)
    assert signed_with(warmed(paths)[0], read_secret(paths.secrets, KEY))


def test_after_a_revocation_warming_waits_for_up(anlan: Anlan, sample: Path, paths: PlatformPaths) -> None:
    anlan('cdn', 'rotate-key', '-p', sample, '--revoke')
    with pytest.raises(BadInput, match='run `anlan up`'):
        warmed(paths)


class Up:
    """An `up` whose steps are done already, but for the configuration; `handed` are the secrets that each one gets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, paths: PlatformPaths) -> None:
        self.work = Work(PLATFORM, topology_of(PLATFORM), paths)
        self.handed: list[Mapping[str, str]] = []
        self.fails = False
        release = type('Packed', (), {'id': 'r', 'size_bytes': 1, 'path': Path('r'), 'sha256': ''})
        packing = type(
            'Packing', (), {
                '__enter__': lambda self: self, '__exit__': lambda *words: None, 'release': lambda self: release,
            },
        )  # fmt: skip
        target = type('Target', (), {'outdated': lambda self: []})
        monkeypatch.setattr(Work, 'target', lambda work: target())
        monkeypatch.setattr(bring_up, '_Packing', packing)
        for name in (
            'check_way', 'build_images', 'ask_about_losses', '_make', 'write_connections', 'issue_certificates',
            'note_deployed',
        ):  # fmt: skip
            monkeypatch.setattr(bring_up, name, lambda *words, **named: None)
        monkeypatch.setattr(bring_up, 'verify', lambda work: Status('sample', 'ok', '', '', [], [], [], {}, {}, [], []))
        monkeypatch.setattr(bring_up, 'run_playbook', self.configure)

    def configure(self, work: Work, playbook: str, release: Mapping[str, str], shown: Step, **named: Any) -> Any:
        self.handed.append(ensure_secrets(work.paths.secrets))
        if self.fails:
            raise AnlanError('app-2 was not reached')
        return type('Run', (), {'changed': 0})

    def run(self) -> None:
        bring_up.bring_up(self.work, 'anlan up')


@pytest.fixture
def up(monkeypatch: pytest.MonkeyPatch, paths: PlatformPaths) -> Up:
    return Up(monkeypatch, paths)


def until(paths: PlatformPaths) -> datetime | None:
    text = read_all(paths.secrets).get(f'{KEY}_overlap_until')
    return None if text is None else datetime.fromisoformat(text)


def test_an_up_that_was_cut_off_brings_the_same_keys_again_and_begins_no_overlap(
    anlan: Anlan, sample: Path, paths: PlatformPaths, up: Up
) -> None:
    deployed = read_secret(paths.secrets, KEY)
    anlan('cdn', 'rotate-key', '-p', sample)
    up.fails = True
    with pytest.raises(AnlanError):
        up.run()
    assert until(paths) is None
    assert signed_with(warmed(paths)[0], deployed)
    assert anlan('cdn', 'rotate-key', '-p', sample).code == 2
    up.fails = False
    up.run()
    assert [each[BEFORE] for each in up.handed] == [deployed, deployed]
    assert up.handed[0][KEY] == up.handed[1][KEY]


def test_the_first_up_after_the_last_address_has_ended_takes_the_key_from_the_edges(
    anlan: Anlan, sample: Path, paths: PlatformPaths, up: Up
) -> None:
    deployed = read_secret(paths.secrets, KEY)
    anlan('cdn', 'rotate-key', '-p', sample)
    began = datetime.now(UTC)
    up.run()
    ends = until(paths)
    assert ends is not None
    assert 0 <= (ends - began).total_seconds() - OVERLAP_SECONDS + 1 < 60
    up.run()
    assert up.handed[-1][BEFORE] == deployed
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    write_all(paths.secrets, read_all(paths.secrets) | {f'{KEY}_overlap_until': past})
    up.run()
    assert BEFORE not in up.handed[-1]
    assert deployed not in read_all(paths.secrets).values()


def test_a_provider_gets_the_same_keys_as_the_edges(paths: PlatformPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    declared: list[list[str]] = []
    programs: list[Callable[[], None]] = []
    monkeypatch.setattr(choose, 'PlatformStack', lambda place, declare: programs.append(declare))
    monkeypatch.setattr(choose.program, 'declare_boundary', lambda wanted, cloud, keys: declared.append(list(keys)))
    platform = platform_of(clouded())
    choose.target_of(
        platform, topology_of(platform), paths, pulumi_root=Path('/nowhere'), images={}, ssh_public_key=''
    )  # fmt: skip
    deployed = read_secret(paths.secrets, KEY)
    rotate_secret(paths.secrets, KEY)
    programs[0]()
    note_rotation_at_hosts(paths.secrets, KEY, OVERLAP_SECONDS, datetime.now(UTC) - timedelta(seconds=OVERLAP_SECONDS))
    programs[0]()
    present = read_secret(paths.secrets, KEY)
    assert declared == [[present, deployed], [present]]
