"""The program that deploys on a host, in a root of its own, with the service and the virtual environment left out."""

from __future__ import annotations

import hashlib
import json
import tarfile

import pytest

MEMBERS = {'requirements.txt': b'', 'wheels/anlan_learning-1-py3-none-any.whl': b'wheel'}


def make_archive(folder, number, damage=None):
    """Return an archive of release `number` and its id; `damage` changes a file after the hashes were taken."""
    identity, files = f'{number:020x}', dict(MEMBERS)
    playlist = f'#EXTM3U {number}\n'.encode()
    listed = json.dumps({'files': {'master.m3u8': hashlib.sha256(playlist).hexdigest()}}).encode()
    ladder = hashlib.sha256(listed).hexdigest()
    files |= {f'media/{ladder}/ladder.json': listed, f'media/{ladder}/master.m3u8': playlist}
    files |= {f'static/site.{number}.css': b'', 'static/staticfiles.json': json.dumps(
        {'paths': {'site.css': f'site.{number}.css'}}).encode()}  # fmt: skip
    manifest = {
        'id': identity,
        'courses': [{'lessons': [{'media_sha256': ladder}]}],
        'files': {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    if damage:
        files[damage(ladder)] = b'damaged'
    tree = folder / f'tree-{number}'
    for name, content in (files | {'manifest.json': json.dumps(manifest).encode()}).items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(content)
    archive = folder / f'{identity}.tar'
    with tarfile.open(archive, 'w') as tar:
        tar.add(tree, '.')
    return archive, identity, ladder


@pytest.fixture
def host(host_program, tmp_path, monkeypatch):
    """Give the program with a host below tmp_path. `host.unready` holds releases that never get ready."""
    layout = host_program.Layout(tmp_path / 'root')
    for path in (layout.runtime, layout.root / 'proc/net', layout.environment.parent):
        path.mkdir(parents=True)
    (layout.root / 'proc/net/unix').write_text('Num RefCount Protocol Flags Type St Inode Path\n')

    def venv(release):
        (release / 'venv').mkdir()
        (release / 'venv/module.py').write_text('pass')

    host_program.layout, host_program.unready, host_program.restarts = layout, set(), []
    monkeypatch.setattr(host_program, 'READY_SECONDS', 0.0)
    monkeypatch.setattr(host_program, 'make_environment', venv)
    monkeypatch.setattr(host_program, 'is_active', lambda: True)
    monkeypatch.setattr(host_program, 'reload_origin', lambda: None)
    monkeypatch.setattr(
        host_program,
        'restart',
        lambda layout: (host_program.restarts.append(host_program.pointed(layout.current)), host_program.stamp(layout)),
    )
    monkeypatch.setattr(
        host_program, 'unreadiness',
        lambda layout: 'database: refused' if host_program.pointed(layout.current) in host_program.unready else None,
    )  # fmt: skip
    return host_program


def install(host, tmp_path, number):
    archive, identity, ladder = make_archive(tmp_path, number)
    host.install(host.layout, archive, hashlib.sha256(archive.read_bytes()).hexdigest())
    host.write_ladder_maps(host.layout, identity)
    return identity, ladder


def test_a_release_is_installed_and_rolled_out(host, tmp_path):
    identity, ladder = install(host, tmp_path, 1)
    host.roll(host.layout, identity, 0.01)
    assert (host.layout.media / ladder / 'master.m3u8').is_file()
    assert (host.layout.static / 'site.1.css').is_file()
    assert host.status(host.layout, identity)['settled']


def test_an_archive_with_another_sha256_is_refused(host, tmp_path):
    archive, _, _ = make_archive(tmp_path, 1)
    with pytest.raises(host.Refused, match='does not match its sha256'):
        host.install(host.layout, archive, '0' * 64)
    assert list(host.layout.releases.iterdir()) == []


def test_an_archive_with_a_file_that_does_not_match_the_manifest_is_refused(host, tmp_path):
    archive, _, ladder = make_archive(tmp_path, 1, damage=lambda ladder: f'media/{ladder}/master.m3u8')
    with pytest.raises(host.Refused, match=r'master\.m3u8 does not match its hash'):
        host.install(host.layout, archive, hashlib.sha256(archive.read_bytes()).hexdigest())
    assert not (host.layout.media / ladder).exists()


def test_a_tampered_file_of_an_installed_release_is_refused(host, tmp_path):
    identity, _ = install(host, tmp_path, 1)
    (host.layout.releases / identity / 'venv/module.py').write_text('evil')
    with pytest.raises(host.Refused, match=r'venv/module\.py does not match its hash'):
        host.activate(host.layout, identity)
    assert not host.layout.current.exists()


def test_a_file_that_was_slipped_into_a_release_is_refused(host, tmp_path):
    identity, _ = install(host, tmp_path, 1)
    (host.layout.releases / identity / 'venv/more.py').write_text('evil')
    with pytest.raises(host.Refused, match=r'venv/more\.py does not belong to it'):
        host.activate(host.layout, identity)


def test_tampered_media_are_refused_and_made_whole_by_installing_again(host, tmp_path):
    identity, ladder = install(host, tmp_path, 1)
    (host.layout.media / ladder / 'master.m3u8').write_text('evil')
    with pytest.raises(host.Refused, match='media are not whole'):
        host.activate(host.layout, identity)
    install(host, tmp_path, 1)
    host.activate(host.layout, identity)


def test_a_release_that_does_not_get_ready_leaves_the_host_at_the_one_before(host, tmp_path):
    good, _ = install(host, tmp_path, 1)
    bad, _ = install(host, tmp_path, 2)
    host.roll(host.layout, good, 0.01)
    host.unready.add(bad)
    with pytest.raises(host.Refused, match=f'database: refused. This host is back at {good}'):
        host.roll(host.layout, bad, 0.01)
    assert host.pointed(host.layout.current) == good
    assert host.restarts == [good, bad, good]
    assert host.drained_by(host.layout) is None


def test_a_rollback_after_a_failed_deploy_goes_to_the_release_before_the_present_one(host, tmp_path):
    first, second, bad = (install(host, tmp_path, number)[0] for number in (1, 2, 3))
    host.roll(host.layout, first, 0)
    host.roll(host.layout, second, 0)
    host.unready.add(bad)
    with pytest.raises(host.Refused):
        host.roll(host.layout, bad, 0)
    assert host.rollback(host.layout, second, 0) == first


def test_a_deploy_that_was_cut_off_while_drained_is_taken_up(host, tmp_path):
    identity, _ = install(host, tmp_path, 1)
    host.roll(host.layout, identity, 0.01)
    host.layout.drain.write_text('deploy\n')
    assert host.status(host.layout, identity)['reasons'] == ['a deploy left the host drained']
    host.roll(host.layout, identity, 0.01)
    assert host.status(host.layout, identity)['settled']


def test_a_deploy_does_not_end_somebody_elses_drain(host, tmp_path):
    identity, _ = install(host, tmp_path, 1)
    host.roll(host.layout, identity, 0.01)
    host.drain(host.layout, 'maintenance', 0)
    host.roll(host.layout, identity, 0.01)
    assert host.drained_by(host.layout) == 'maintenance'


def test_a_rollback_run_twice_goes_back_once(host, tmp_path):
    first, _ = install(host, tmp_path, 1)
    second, _ = install(host, tmp_path, 2)
    host.roll(host.layout, first, 0)
    host.roll(host.layout, second, 0)
    assert host.rollback(host.layout, second, 0) == first
    assert host.rollback(host.layout, second, 0) is None
    with pytest.raises(host.Refused, match='no release before'):
        host.rollback(host.layout, None, 0)  # not forward again to the one that was left
    assert host.pointed(host.layout.current) == first


def test_a_rollback_without_a_release_before_says_so(host, tmp_path):
    identity, _ = install(host, tmp_path, 1)
    host.roll(host.layout, identity, 0)
    with pytest.raises(host.Refused, match='no release before'):
        host.rollback(host.layout, identity, 0)


def test_a_changed_environment_is_not_settled(host, tmp_path):
    identity, _ = install(host, tmp_path, 1)
    host.roll(host.layout, identity, 0)
    host.layout.environment.write_text('A="b"\n')
    assert host.status(host.layout, identity)['reasons'] == ['the service runs with an older release or configuration']


def test_three_releases_are_kept_with_their_media_and_static_files(host, tmp_path):
    made = []
    for number in range(1, 6):
        made.append(install(host, tmp_path, number))
        host.roll(host.layout, made[-1][0], 0)
    kept = {path.name for path in host.layout.releases.iterdir()}
    assert len(kept) == 3
    assert {made[4][0], made[3][0]} <= kept
    assert {path.name for path in host.layout.media.iterdir()} == {ladder for name, ladder in made if name in kept}
    assert len(list(host.layout.static.glob('*.css'))) == 3


def test_requests_in_flight_are_counted_without_the_listening_socket(host):
    (host.layout.root / 'proc/net/unix').write_text(
        'Num RefCount Protocol Flags Type St Inode Path\n'
        '0: 00000002 00000000 00010000 0001 01 1 /run/anlan-app/gunicorn.sock\n'
        '0: 00000003 00000000 00000000 0001 03 2 /run/anlan-app/gunicorn.sock\n'
        '0: 00000003 00000000 00000000 0001 03 3 /run/other.sock\n'
        '0: 00000003 00000000 00000000 0001 03 4\n'
    )
    assert host.requests_in_flight(host.layout) == 1


def test_secrets_with_quotes_and_dollars_are_read_as_systemd_reads_them(host):
    host.layout.environment.write_text('# comment\nA="x\\"y\\\\z"\nB="p q"\n')
    variables = host.application_environment(host.layout, host.layout.releases / 'a')
    assert (variables['A'], variables['B'], variables['ANLAN_RELEASE']) == ('x"y\\z', 'p q', 'a')


def test_two_runs_at_once_are_refused_with_exit_code_3(host, tmp_path):
    with host.alone(host.layout):
        assert host.main(['roll', 'a' * 20], host.layout) == 3
