"""The guard on a root of its own: what comes back, what stays, and what happens when something breaks in between."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.unit.hardening.guarded import PROGRAM, Guarded


def change(guarded: Guarded) -> None:
    """Change one file, remove one, make one, in a new folder another."""
    guarded.write('etc/ssh/sshd_config', 'PermitRootLogin yes\n', 0o644)
    guarded.write('etc/ssh/sshd_config.d/00-new.conf', 'AllowUsers nobody\n')
    guarded.write('etc/sudoers.d/new', 'nobody ALL=(ALL) ALL\n', 0o440)
    (guarded.root / 'etc/pam.d/sshd').unlink()


def test_a_change_that_nobody_confirms_is_undone_with_content_modes_and_absence(guarded: Guarded) -> None:
    before = guarded.state()
    guarded.arm()
    change(guarded)
    code, answer, _ = guarded.run('revert', '--token', 'one')
    assert (code, answer['reverted']) == (0, True)
    assert guarded.state() == before
    assert 'systemctl reload-or-restart ssh.service' in guarded.calls()
    assert guarded.run('status')[1]['armed'] is False


def test_the_timer_is_set_before_arm_returns_and_calls_revert_with_the_token(guarded: Guarded) -> None:
    guarded.arm('abc')
    (call,) = [call for call in guarded.calls() if call.startswith('systemd-run')]
    assert '--on-active=60s' in call
    assert call.endswith(f'{PROGRAM} --root={guarded.root} revert --token=abc')


def test_without_a_timer_nothing_is_armed(guarded: Guarded) -> None:
    guarded.command('systemd-run', 'echo no bus >&2; exit 1')
    code, _, error = guarded.run('arm', '--seconds', '60', '--token', 'one')
    assert code == 1
    assert 'nothing is armed' in error
    assert guarded.run('status')[1]['armed'] is False


def test_a_confirmed_change_stays_and_a_late_timer_does_nothing(guarded: Guarded) -> None:
    guarded.arm()
    change(guarded)
    after = guarded.state()
    assert guarded.run('confirm', 'one')[0] == 0
    assert guarded.run('revert', '--token', 'one')[1] == {'reverted': False, 'reason': 'no change is armed'}
    assert guarded.state() == after
    assert guarded.run('confirm', 'one')[0] == 0, 'asked twice, answered twice'


def test_another_token_confirms_nothing(guarded: Guarded) -> None:
    guarded.arm()
    assert guarded.run('confirm', 'two')[0] == 3
    assert guarded.run('status')[1]['armed'] is True


def test_what_was_undone_cannot_be_confirmed_any_more(guarded: Guarded) -> None:
    guarded.arm()
    guarded.run('revert')
    assert guarded.run('confirm', 'one')[0] == 3


def test_armed_twice_the_oldest_state_comes_back_and_the_first_timer_does_nothing(guarded: Guarded) -> None:
    before = guarded.state()
    guarded.arm('one')
    change(guarded)
    guarded.arm('two')
    guarded.write('etc/ssh/sshd_config', 'worse\n')
    assert guarded.run('revert', '--token', 'one')[1]['reverted'] is False
    assert guarded.run('confirm', 'one')[0] == 3
    assert guarded.run('revert', '--token', 'two')[1]['reverted'] is True
    assert guarded.state() == before


def test_after_a_reboot_the_old_state_is_back_before_anything_is_reloaded(guarded: Guarded) -> None:
    before = guarded.state()
    guarded.arm()
    change(guarded)
    calls = len(guarded.calls())
    assert guarded.run('revert', '--boot')[1]['reverted'] is True
    assert guarded.state() == before
    assert not [call for call in guarded.calls()[calls:] if 'reload' in call]


def test_private_keys_are_not_copied(guarded: Guarded) -> None:
    guarded.arm()
    kept = [file.read_text() for file in (guarded.root / 'var').rglob('*') if file.is_file()]
    assert not [text for text in kept if 'private' in text]


def test_a_copy_that_was_tampered_with_is_never_put_back_and_the_rest_is(guarded: Guarded) -> None:
    guarded.arm()
    change(guarded)
    for copy in (guarded.root / 'var/lib/anlan/guard/pending/copies').iterdir():
        if 'PermitRootLogin' in copy.read_text():
            copy.write_text('PermitRootLogin prohibit-nobody\n')
    code, _, error = guarded.run('revert')
    assert code == 1
    assert '/etc/ssh/sshd_config: the copy is not what was saved' in error
    assert 'prohibit-nobody' not in (guarded.root / 'etc/ssh/sshd_config').read_text()
    assert (guarded.root / 'etc/pam.d/sshd').exists()
    assert guarded.run('status')[1]['armed'] is True, 'it is tried again, and not forgotten'


def test_a_list_of_entries_that_was_tampered_with_is_not_believed(guarded: Guarded) -> None:
    guarded.arm()
    entries = guarded.root / 'var/lib/anlan/guard/pending/entries.json'
    entries.write_text(entries.read_text().replace('sshd_config', 'sshd_confog'))
    code, _, error = guarded.run('revert')
    assert code == 1
    assert 'not what was saved' in error


def test_a_full_disk_while_saving_arms_nothing_and_leaves_nothing(guarded: Guarded) -> None:
    """The limit on the size of files has writing fail as a full disk does."""
    guarded.write('etc/security/large', 'x' * 100_000)
    environment = os.environ | {'PATH': f'{guarded.programs}:{os.environ["PATH"]}'}
    script = f'trap "" XFSZ; ulimit -f 20; exec python3 -B {PROGRAM} --root={guarded.root} arm --seconds 60 --token one'
    done = subprocess.run(['bash', '-c', script], env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert 'nothing is armed' in done.stderr
    assert guarded.run('status')[1]['armed'] is False
    assert not (guarded.root / 'var/lib/anlan/guard/saving').exists()


@pytest.mark.parametrize('milliseconds', [20, 60, 80, 100, 120, 160])
def test_killed_at_any_moment_while_undoing_the_next_try_brings_all_back(guarded: Guarded, milliseconds: int) -> None:
    for number in range(100):
        guarded.write(f'etc/security/limits.d/{number}.conf', f'{number}\n')
    before = guarded.state()
    guarded.arm()
    change(guarded)
    for number in range(100):
        guarded.write(f'etc/security/limits.d/{number}.conf', 'changed\n')
    process = guarded.start('revert')
    time.sleep(milliseconds / 1000)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    guarded.run('revert', '--boot')
    assert guarded.state() == before


@pytest.mark.parametrize('milliseconds', [20, 40, 60, 80, 100])
def test_killed_while_arming_the_next_run_arms_and_undoes(guarded: Guarded, milliseconds: int) -> None:
    before = guarded.state()
    process = guarded.start('arm', '--seconds', '60', '--token', 'zero')
    time.sleep(milliseconds / 1000)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    guarded.arm('one')
    change(guarded)
    assert guarded.run('revert', '--token', 'one')[1]['reverted'] is True
    assert guarded.state() == before


def test_the_last_confirmed_change_is_taken_back_and_needs_a_confirmation_itself(guarded: Guarded) -> None:
    before = guarded.state()
    guarded.arm()
    change(guarded)
    after = guarded.state()
    guarded.run('confirm', 'one')
    code, answer, _ = guarded.run('undo', '--seconds', '60', '--token', 'back')
    assert (code, answer['token']) == (0, 'back')
    assert guarded.state() == before
    guarded.run('revert', '--token', 'back')
    assert guarded.state() == after, 'nobody confirmed the way back'
    guarded.run('undo', '--seconds', '60', '--token', 'again')
    assert guarded.run('confirm', 'again')[0] == 0
    assert guarded.state() == before


def test_what_was_built_upon_is_not_taken_back_without_force(guarded: Guarded) -> None:
    guarded.arm()
    change(guarded)
    guarded.run('confirm', 'one')
    guarded.write('etc/ssh/sshd_config', 'by hand\n')
    code, _, error = guarded.run('undo', '--seconds', '60', '--token', 'back')
    assert (code, '/etc/ssh/sshd_config' in error) == (1, True)
    assert guarded.run('undo', '--seconds', '60', '--token', 'back', '--force')[0] == 0


def test_without_a_confirmed_change_there_is_nothing_to_undo(guarded: Guarded) -> None:
    assert guarded.run('undo', '--seconds', '60')[0] == 3


def test_a_link_comes_back_as_a_link(guarded: Guarded) -> None:
    link: Path = guarded.root / 'etc/ssh/sshd_config.d/link.conf'
    link.parent.mkdir()
    link.symlink_to('../sshd_config')
    guarded.arm()
    link.unlink()
    guarded.write('etc/ssh/sshd_config.d/link.conf', 'a file\n')
    guarded.run('revert')
    assert str(link.readlink()) == '../sshd_config'
