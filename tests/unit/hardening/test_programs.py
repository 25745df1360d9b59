"""Programs of the role on hosts: one-time codes, recorded sessions, files against their base, malware, accounts."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import time
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from anlan.paths import ROOT

FILES = ROOT / 'playbooks' / 'roles' / 'hardening' / 'files'


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_loader(name, SourceFileLoader(name, str(FILES / name)))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TestSecondFactor:
    def run(self, folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ['python3', '-B', FILES / 'second-factor', '--folder', folder, *argv],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def test_each_operator_has_a_secret_and_who_left_has_none(self, tmp_path: Path) -> None:
        assert json.loads(self.run(tmp_path, 'keep', 'li-wei', 'zhao-min').stdout)['changed'] == [
            'li-wei has a secret', 'zhao-min has a secret',
        ]  # fmt: skip
        assert json.loads(self.run(tmp_path, 'keep', 'li-wei').stdout)['changed'] == ['zhao-min has none any more']
        assert json.loads(self.run(tmp_path, 'keep', 'li-wei').stdout)['changed'] == []
        assert (tmp_path / 'li-wei').stat().st_mode & 0o777 == 0o600

    def test_making_secrets_prints_none(self, tmp_path: Path) -> None:
        said = self.run(tmp_path, 'keep', 'li-wei').stdout
        secret = (tmp_path / 'li-wei').read_text().splitlines()[0]
        assert len(secret) == 32
        assert secret not in said

    def test_a_secret_is_shown_once(self, tmp_path: Path) -> None:
        self.run(tmp_path, 'keep', 'li-wei')
        secret = (tmp_path / 'li-wei').read_text().splitlines()[0]
        assert f'secret={secret}&' in self.run(tmp_path, 'give', 'li-wei').stdout
        again = self.run(tmp_path, 'give', 'li-wei')
        assert again.returncode != 0
        assert secret not in again.stdout + again.stderr

    def test_a_renewed_secret_is_another_and_may_be_shown_again(self, tmp_path: Path) -> None:
        self.run(tmp_path, 'keep', 'li-wei')
        first = self.run(tmp_path, 'give', 'li-wei').stdout
        self.run(tmp_path, 'renew', 'li-wei')
        assert self.run(tmp_path, 'give', 'li-wei').stdout not in ('', first)

    @pytest.mark.parametrize('name', ['../li-wei', '.li-wei', 'li wei', 'nobody-there'])
    def test_a_name_that_is_no_operator_gets_nothing(self, tmp_path: Path, name: str) -> None:
        self.run(tmp_path, 'keep', 'li-wei')
        assert self.run(tmp_path, 'give', name).returncode != 0


class TestSessionKeeper:
    def session(self, folder: Path, number: int, age_seconds: float, size: int = 1000) -> Path:
        session = folder / 'li-wei' / '00' / '00' / f'{number:02}'
        session.mkdir(parents=True)
        for name, content in (('log', 'about'), ('ttyout', 'x' * size)):
            (session / name).write_text(content)
            os.utime(session / name, (time.time() - age_seconds,) * 2)
        return session

    def keep(self, folder: Path, days: int, mib: int) -> dict[str, Any]:
        argv = ['python3', '-B', FILES / 'session-keeper', folder, str(days), str(mib)]
        said: dict[str, Any] = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
        return said

    def test_what_is_too_old_goes(self, tmp_path: Path) -> None:
        old, new = self.session(tmp_path, 1, 10 * 86400), self.session(tmp_path, 2, 3600)
        assert self.keep(tmp_path, 7, 100)['removed'] == 1
        assert (old.exists(), new.exists()) == (False, True)

    def test_of_too_much_the_oldest_goes_first_and_what_still_runs_stays(self, tmp_path: Path) -> None:
        sessions = [self.session(tmp_path, number, age, 800_000) for number, age in ((1, 9000), (2, 6000), (3, 1))]
        assert self.keep(tmp_path, 7, 1)['removed'] == 2
        assert [each.exists() for each in sessions] == [False, False, True]


class TestIntegrity:
    @pytest.fixture
    def integrity(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
        module = load('integrity')
        for name in ('BASE', 'NEW_BASE', 'RESULT', 'CONVERGING', 'METRICS'):
            monkeypatch.setattr(module, name, tmp_path / name.lower())
        monkeypatch.setattr(module, 'JOURNAL', str(tmp_path / 'no-journal'))
        module.BASE.touch()
        return module

    def aide(self, monkeypatch: pytest.MonkeyPatch, code: int, report: object, error: str = '') -> None:
        done = SimpleNamespace(returncode=code, stdout=json.dumps(report), stderr=error)
        monkeypatch.setattr(subprocess, 'run', lambda *argv, **options: done)

    def test_files_that_changed_are_told_by_name(
        self, integrity: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.aide(monkeypatch, 5, {'added': {'/etc/new': 'f+'}, 'changed': {'/etc/passwd': 'f p'}})
        assert integrity.check(converge=False) == 1
        said = json.loads(capsys.readouterr().out)
        assert (said['kind'], said['found']['added']) == ('integrity_changed', ['/etc/new'])
        assert 'anlan_integrity_changed_files 2\n' in integrity.METRICS.read_text()

    def test_what_could_not_be_compared_is_never_told_as_unchanged(
        self, integrity: ModuleType, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.aide(monkeypatch, 17, {}, 'configuration error')
        assert integrity.check(converge=False) == 2
        assert integrity.METRICS.read_text().startswith('anlan_integrity_seen 0\n')

    def test_without_a_base_nothing_is_told_as_unchanged(self, integrity: ModuleType) -> None:
        integrity.BASE.unlink()
        assert integrity.check(converge=False) == 2
        assert 'anlan_integrity_changed_files' not in integrity.METRICS.read_text()

    def test_while_a_converge_writes_the_timer_waits_but_not_for_ever(
        self, integrity: ModuleType, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.aide(monkeypatch, 1, {'added': {'/etc/new': 'f+'}})
        integrity.CONVERGING.touch()
        assert integrity.check(converge=False) == 0
        os.utime(integrity.CONVERGING, (0, 0))
        assert integrity.check(converge=False) == 1

    @pytest.fixture
    def tree(self, integrity: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Two folders that AIDE looks at, one file left out, and a base that is younger than all."""
        for name in ('etc/ssh/sshd_config', 'etc/adjtime', 'home/li/.ssh/keys', 'home/li/letter'):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text('as it was')
        configuration = tmp_path / 'aide.conf'
        configuration.write_text(f'!{tmp_path}/etc/adjtime\n{tmp_path}/etc Whole\n{tmp_path}/home/[^/]+/\\.ssh Whole\n')
        monkeypatch.setattr(integrity, 'CONFIGURATION', str(configuration))
        later = time.time() + 0.01
        os.utime(integrity.BASE, (later, later))
        time.sleep(0.03)
        return tmp_path

    def test_nothing_touched_since_the_base_needs_no_comparison(self, integrity: ModuleType, tree: Path) -> None:
        assert not integrity.touched()
        (tree / 'etc/adjtime').write_text('what runs writes this')
        (tree / 'home/li/letter').write_text('nobody looks at it')
        assert not integrity.touched()

    @pytest.mark.parametrize('change', ['content', 'mode', 'new', 'removed', 'below', 'time put back'])
    def test_whatever_was_touched_since_the_base_is_compared(
        self, integrity: ModuleType, tree: Path, change: str
    ) -> None:
        file = tree / 'etc/ssh/sshd_config'
        if change == 'content':
            file.write_text('PermitRootLogin yes')
        elif change == 'mode':
            file.chmod(0o666)
        elif change == 'new':
            (tree / 'etc/ssh/new').touch()
        elif change == 'removed':
            file.unlink()
        elif change == 'below':
            (tree / 'home/li/.ssh/keys').write_text('another key')
        else:
            file.write_text('PermitRootLogin yes')
            os.utime(file, (0, 0))
        assert integrity.touched()

    def test_without_a_base_or_its_settings_everything_counts_as_touched(
        self, integrity: ModuleType, tree: Path
    ) -> None:
        (tree / 'aide.conf').unlink()
        assert integrity.touched()
        integrity.BASE.unlink()
        assert integrity.touched()


class TestMalware:
    def test_signatures_of_the_vendor_are_used_where_they_are_and_their_age_is_known(self, tmp_path: Path) -> None:
        (tmp_path / 'daily.cvd').write_bytes(b'ClamAV-VDB:16 Sep 2026 08-31 +0000:27404:2050000:90:x'.ljust(600))
        folder, built = load('malware').signatures(tmp_path)
        assert (folder, built) == (tmp_path, 1789547460.0)

    def test_without_them_there_is_only_our_own_of_the_test_file_and_no_age(self, tmp_path: Path) -> None:
        (tmp_path / 'daily.cvd').write_bytes(b'nothing of theirs')
        folder, built = load('malware').signatures(tmp_path)
        assert (folder.name, built) == ('own-eicar-test.ndb', None)

    def test_our_own_signature_says_that_it_is_ours_and_is_of_the_test_file(self) -> None:
        name, _, offset, signature = (FILES / 'own-eicar-test.ndb').read_text().strip().split(':')
        assert (name.startswith('Anlan.Own.'), offset) == (True, '0')
        assert bytes.fromhex(signature).endswith(b'TEST-FILE!$H+H*')


class TestAccounts:
    @pytest.fixture
    def hardening(self, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
        module = load('hardening')
        monkeypatch.setattr(module, 'command', lambda *argv: self.run.append(argv))
        self.run: list[tuple[str, ...]] = []
        users = {'root': 0, 'sync': 4, 'anlan': 1000, 'li-wei': 1001, 'wang-fang': 1002}
        entries = [
            SimpleNamespace(pw_name=name, pw_uid=uid, pw_shell='/bin/sync' if name == 'sync' else '/bin/bash')
            for name, uid in users.items()
        ]
        monkeypatch.setattr(module.pwd, 'getpwall', lambda: entries)
        return module

    def hold(self, hardening: ModuleType, monkeypatch: pytest.MonkeyPatch, shadow: str, check: bool = False) -> Any:
        monkeypatch.setattr(hardening.Path, 'read_text', lambda path, encoding: shadow)
        host = hardening.Host(check)
        hardening.accounts(host, {'minimum_days': 1, 'maximum_days': 90, 'warning_days': 7})
        return host

    def test_a_key_without_a_password_never_ends_and_a_password_does(
        self, hardening: ModuleType, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shadow = 'root:*:1:0:99999:7:::\nanlan:!:1:0:99999:7:::\nli-wei:!:1:1:90:7:::\nwang-fang:$y$x:1:0:99999:7:::\n'
        host = self.hold(hardening, monkeypatch, shadow)
        assert self.run == [
            ('chage', '-m', '0', '-M', '-1', 'li-wei'),
            ('chage', '-m', '1', '-M', '90', '-W', '7', 'wang-fang'),
        ]
        assert len(host.changed) == 2

    def test_an_empty_password_a_service_with_one_and_a_default_shell_are_shut(
        self, hardening: ModuleType, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.hold(hardening, monkeypatch, 'root:$y$x:1:0:99999:7:::\nsync:*:1:0:99999:7:::\nanlan::1:0:99999:7:::\n')
        assert ('passwd', '--lock', 'root') in self.run
        assert ('usermod', '--shell', '/usr/sbin/nologin', 'sync') in self.run
        assert ('passwd', '--lock', 'anlan') in self.run

    def test_a_check_changes_nothing(self, hardening: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        host = self.hold(hardening, monkeypatch, 'root:$y$x:1:0:99999:7:::\n', check=True)
        assert (host.changed, self.run) == (['root is locked'], [])


class TestPackages:
    @pytest.mark.parametrize(('unwanted', 'removed'), [(['telnetd', 'ftp'], ['telnetd']), (['ftp'], []), ([], [])])
    def test_of_what_is_unwanted_only_what_is_installed_is_removed_and_never_anything_else(
        self, monkeypatch: pytest.MonkeyPatch, unwanted: list[str], removed: list[str]
    ) -> None:
        module, ran = load('hardening'), []
        monkeypatch.setattr(module, 'answer', lambda *argv: 'installed dpkg\ninstalled telnetd\nconfig-files ftp\n')
        monkeypatch.setattr(module, 'command', lambda *argv: ran.append(argv))
        module.packages(module.Host(check=False), unwanted)
        assert [list(argv[4:]) for argv in ran] == ([removed] if removed else [])
