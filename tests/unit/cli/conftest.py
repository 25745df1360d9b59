"""The program as a shell calls it, in this process: its exit code and what it says."""

from __future__ import annotations

import io
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from anlan.cli.app import main
from anlan.paths import ROOT
from anlan.platform import Platform
from anlan.remote import Remote
from tests.unit.samples import Document, lab, platform_of

LAB = ROOT / 'infra' / 'platforms' / 'lab.yaml'


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Return what was said to people, on one line however wide the terminal is."""
        return ' '.join(self.err.split())


Anlan = Callable[..., Ended]


def _refuse(*arguments: object) -> None:
    raise AssertionError('a host was to be asked')


@pytest.fixture
def anlan(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Anlan:
    """Give a function that runs `anlan` with arguments; all that a platform makes goes to the test's own folder."""
    monkeypatch.setenv('ANLAN_VAR', str(tmp_path / 'var'))
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('COLUMNS', '200')
    monkeypatch.delenv('ANLAN_PLATFORM', raising=False)
    # The samples have the lab's addresses: a test that goes too far must not reach a lab that stands here.
    monkeypatch.setattr(Remote, '_connect', _refuse)

    def run(*arguments: str | Path, stdin: str = '') -> Ended:
        monkeypatch.setattr(sys, 'argv', ['anlan', *map(str, arguments)])
        monkeypatch.setattr(sys, 'stdin', io.StringIO(stdin))
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
        except Exception:
            # What Python itself would do; a test then sees the traceback in what was said.
            traceback.print_exc()
            code = 1
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return Ended(code, *capsys.readouterr())

    return run


@pytest.fixture
def platform_file(tmp_path: Path) -> Callable[[Document], Path]:
    """Give a function that writes a platform's document to a file."""

    def write(document: Document) -> Path:
        file = tmp_path / 'platform.yaml'
        file.write_text(yaml.safe_dump(document, sort_keys=False), encoding='utf-8')
        return file

    return write


@pytest.fixture
def sample(platform_file: Callable[[Document], Path]) -> Path:
    """Give the file of a good platform named `sample`."""
    file = platform_file(lab())
    assert platform_of(lab()).name == 'sample'
    return file


def stand_in(monkeypatch: pytest.MonkeyPatch, module: ModuleType, hosts: object, outputs: dict[str, Any]) -> None:
    """Have a command's module observe `hosts` with these outputs, in place of a platform that stands."""

    @contextmanager
    def observing(platform: Platform) -> Iterator[tuple[object, dict[str, Any]]]:
        yield hosts, outputs

    monkeypatch.setattr(module, 'observing', observing)
    monkeypatch.setattr(module, 'require_bastion', lambda platform, remote: None)
