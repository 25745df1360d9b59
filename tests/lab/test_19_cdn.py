"""The delivery network from the clients' places: who answers, who may have what, what is lost when a part is."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from anlan.deadline import wait_until
from anlan.files import write_atomically
from anlan.paths import ROOT
from anlan.secret_store import read_secret
from drills.mobile_way import SLOW, making, removal, within
from infra.signing import signed_path
from tests.lab.standing import Standing

EDGES = ('edge-1', 'edge-2')
CLIENTS = ('client-1', 'client-2')
CACHES = ('lb-1', 'lb-2', *EDGES)
COURSE, HELD = 'hazardous-chemicals-storage', 'accident-reviews'
FULL_SECONDS = 10.0


def script(name: str) -> str:
    return (ROOT / 'monitoring' / name).read_text(encoding='utf-8')


def root(standing: Standing, host: str, command: str, deadline_seconds: float = 60) -> str:
    done = standing.run(host, 'sudo', 'sh', '-c', command, deadline_seconds=deadline_seconds)
    assert done.code == 0, f'{host}: {command}: {done.out}{done.err}'
    return done.out


def fetch(standing: Standing, client: str, edge: str, *paths: str) -> list[dict[str, Any]]:
    """Ask one edge from a client for these paths."""
    question = {
        'address': str(standing.work.topology.host(edge).address), 'port': standing.work.platform.front_door.port,
        'name': standing.work.platform.front_door.name, 'paths': paths,
    }  # fmt: skip
    done = standing.remote().run(client, ['python3', '-I', '-c', script('fetch_probe.py')], 90, json.dumps(question))
    assert done.code == 0, done.err
    answers: list[dict[str, Any]] = json.loads(done.out)
    return answers


def headers(standing: Standing, client: str, edge: str, path: str, *words: str) -> tuple[int, dict[str, str]]:
    """Ask one edge from a client with curl; return status and headers, names in small letters."""
    door = standing.work.platform.front_door
    address = str(standing.work.topology.host(edge).address)
    done = standing.run(
        client, 'curl', '-s', '-D', '-', '-o', '/dev/null', '--max-time', '20', '--http1.1',
        '--resolve', f'{door.name}:{door.port}:{address}', *words, f'https://{door.name}:{door.port}{path}',
    )  # fmt: skip
    assert done.code == 0, done.err
    first, *rest = done.out.strip().splitlines()
    pairs = (line.partition(':') for line in rest if ':' in line)
    return int(first.split()[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}


def lesson(standing: Standing, course: str) -> str:
    """Return the ladder of a course's first lesson, as an app host has it."""
    release = json.loads(root(standing, 'app-1', 'cat /opt/anlan/current/manifest.json'))
    ladder: str = next(each for each in release['courses'] if each['slug'] == course)['lessons'][0]['media_sha256']
    return ladder


def files(standing: Standing, ladder: str) -> list[str]:
    listed = json.loads(root(standing, 'app-1', f'cat /var/lib/anlan/media/{ladder}/ladder.json'))
    return sorted(listed['files'])


def purge(standing: Standing, *words: str) -> tuple[int, dict[str, Any]]:
    done = standing.anlan('cdn', 'purge', '--json', *words)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}


def key(standing: Standing) -> str:
    return read_secret(standing.work.paths.secrets, 'media_signing_key')


def test_a_segment_is_fetched_once_and_then_each_level_has_it(whole: Standing) -> None:
    path = f'/media/{lesson(whole, COURSE)}/240p/000.ts'
    purge(whole, '--all')
    assert headers(whole, 'client-1', 'edge-1', path)[1]['x-cache'] == 'MISS'
    status, seen = headers(whole, 'client-1', 'edge-1', path)
    assert (status, seen['x-cache']) == (200, 'HIT')
    assert 'immutable' in seen['cache-control']
    assert not {'cache-tag', 'x-accel-expires', 'x-shield-cache', 'set-cookie'} & set(seen)
    shield = root(whole, whole.holder('balancer'), 'cat /run/anlan/metrics/cache.prom')
    assert 'level="shield",result="hit"' in shield

    def unseen() -> str | None:
        hosts = json.loads(whole.anlan('cdn', 'show', '--json').stdout)['hosts']
        files = next(each for each in hosts if each['name'] == 'edge-1')['gauges']['files']
        return None if files else 'it holds nothing'

    wait_until(unseen, 'what the edge holds to be counted', 60, 2.0)


def test_part_of_a_file_is_answered_out_of_the_cache_also_when_it_was_not_there(whole: Standing) -> None:
    path = f'/media/{lesson(whole, COURSE)}/360p/001.ts'
    purge(whole, '--all')
    for wanted in ('MISS', 'HIT'):
        status, seen = headers(whole, 'client-1', 'edge-1', path, '-r', '100-299')
        assert (status, seen['content-length'], seen['x-cache']) == (206, '200', wanted)
        assert seen['content-range'].startswith('bytes 100-299/')


def test_text_is_compressed_for_who_knows_it_and_plain_for_who_does_not(whole: Standing) -> None:
    page = whole.run('client-1', 'curl', '-s', f'{whole.work.platform.front_door_url()}courses/').out
    path = next(word for word in page.split('"') if word.startswith('/static/') and word.endswith('.css'))
    purge(whole, '--tag', 'static')
    assert headers(whole, 'client-1', 'edge-1', path, '-H', 'Accept-Encoding: gzip')[1]['content-encoding'] == 'gzip'
    assert 'content-encoding' not in headers(whole, 'client-1', 'edge-1', path)[1]


def test_pages_of_two_learners_are_never_mixed_nor_kept(whole: Standing) -> None:
    for cookie in ('sessionid=one', 'sessionid=two'):
        for path in ('/courses/', '/api/courses/'):
            status, seen = headers(whole, 'client-1', 'edge-1', path, '-H', f'Cookie: {cookie}')
            assert status == 200
            assert seen.get('x-cache', '') == ''
    for host in CACHES:
        kept = root(
            whole, host, "grep -rlaE '^KEY: /(courses|lessons|api|accounts)' /var/lib/nginx/anlan-cache | wc -l"
        )
        assert kept.strip() == '0', host
        found = root(whole, host, "grep -rlaiE '^set-cookie:' /var/lib/nginx/anlan-cache | wc -l")
        assert found.strip() == '0', host


def test_two_learners_see_their_own_pages_through_the_same_edge(whole: Standing) -> None:
    names = {}
    for client in CLIENTS:
        learner = script('learner.py').rsplit('main()', 1)[0] + (
            f'\ndevice = Device({whole.work.platform.front_door_url()!r})\n'
            f'sign_in(device, "journey-{client}", json.load(sys.stdin)["password"])\n'
            'print(device.ask("/courses/").decode())\n'
        )
        done = whole.remote().run(
            client, ['python3', '-I', '-c', learner], 60, json.dumps({'password': whole.password})
        )
        assert done.code == 0, done.err
        names[client] = {each for each in CLIENTS if f'journey-{each}' in done.out}
    assert names == {client: {client} for client in CLIENTS}


def test_what_changed_at_the_origin_is_seen_after_a_purge_from_both_carriers(whole: Standing) -> None:
    ladder = lesson(whole, COURSE)
    path, place = f'/media/{ladder}/master.m3u8', f'/var/lib/anlan/media/{ladder}/master.m3u8'
    sizes = {edge: fetch(whole, 'client-1', edge, path)[0]['bytes'] for edge in EDGES}
    try:
        for app in ('app-1', 'app-2'):
            root(whole, app, f'cp {place} /root/kept && echo "#changed" >> {place}')
        for edge in EDGES:
            assert fetch(whole, 'client-1', edge, path)[0]['bytes'] == sizes[edge], 'it was not cached'
        started = time.monotonic()
        code, done = purge(whole, '--tag', COURSE)
        assert code == 0 and done['removed'] >= 2
        seen = {
            client: fetch(whole, client, edge, path)[0]['bytes'] for client, edge in zip(CLIENTS, EDGES, strict=True)
        }
        seconds = time.monotonic() - started
        assert set(seen.values()) == {sizes['edge-1'] + len('#changed\n')}
        print(f'\nseen from both carriers {seconds:.1f} s after the purge began')
        assert seconds < 15
    finally:
        for app in ('app-1', 'app-2'):
            root(whole, app, f'[ ! -f /root/kept ] || mv /root/kept {place}')
        purge(whole, '--tag', COURSE)


EXPIRE = """
import pathlib, struct, sys, time
line = b'KEY: ' + sys.argv[1].encode() + bytes([10])
for file in pathlib.Path('/var/lib/nginx/anlan-cache').glob('*/*/*'):
    if line in file.read_bytes()[:2000]:
        with file.open('r+b') as stream:
            # After the version of the format: until when it is fresh, in seconds since 1970.
            stream.seek(8)
            stream.write(struct.pack('q', int(time.time()) - 5))
        print('expired', file)
"""


def test_what_is_no_longer_fresh_is_served_at_once_and_fetched_anew_behind(whole: Standing) -> None:
    path = f'/media/{lesson(whole, COURSE)}/240p/001.ts'
    fetch(whole, 'client-1', 'edge-1', path)
    assert headers(whole, 'client-1', 'edge-1', path)[1]['x-cache'] == 'HIT'
    done = whole.run('edge-1', 'sudo', 'python3', '-c', EXPIRE, path)
    assert 'expired' in done.out, done.err
    status, seen = headers(whole, 'client-1', 'edge-1', path)
    assert (status, seen['x-cache']) == (200, 'STALE')

    def stale() -> str | None:
        found = headers(whole, 'client-1', 'edge-1', path)[1]['x-cache']
        return None if found == 'HIT' else f'it is {found}'

    wait_until(stale, 'the edge to have it fresh', 5, 0.2)


def test_a_purge_of_what_is_not_there_says_so_and_may_be_repeated(whole: Standing) -> None:
    for _ in range(2):
        code, done = purge(whole, '--tag', 'there-is-no-such-tag')
        assert (code, done['removed']) == (4, 0)
    assert whole.anlan('cdn', 'purge').returncode == 2
    assert whole.anlan('cdn', 'purge', '--tag', 'two words').returncode == 2


def test_restricted_media_are_for_who_has_a_signed_address_only(whole: Standing) -> None:
    ladder, secret, now = lesson(whole, HELD), key(whole), int(time.time())
    lifetime = whole.work.platform.delivery.signed_url_seconds
    skew = whole.work.platform.delivery.clock_skew_seconds
    good = signed_path(secret, now + 600, ladder, 'master.m3u8')
    segment = signed_path(secret, now + 600, ladder, '240p/000.ts')
    other = signed_path(secret, now + 600, lesson(whole, COURSE), 'master.m3u8')
    # Who asked before with a good address has filled the cache for nobody who has none.
    wanted = {
        good: 200, segment: 200,
        f'/media/{ladder}/master.m3u8': 404, f'/restricted/{ladder}/master.m3u8': 404,
        signed_path(secret, now - skew + 20, ladder, 'master.m3u8'): 200,
        signed_path(secret, now - skew - 20, ladder, 'master.m3u8'): 403,
        signed_path(secret, now + lifetime + skew + 60, ladder, 'master.m3u8'): 403,
        signed_path('another key', now + 600, ladder, 'master.m3u8'): 403,
        good.replace(f'/{now + 600}/', f'/{now + 601}/'): 403,
        good.replace(ladder, lesson(whole, COURSE)): 403,
        f'/signed/{now + 600}/{ladder}/master.m3u8': 403,
        # A good signature does not turn a public ladder into a restricted one.
        other: 404,
    }  # fmt: skip
    for client, edge in zip(CLIENTS, EDGES, strict=True):
        answers = {answer['path']: answer['status'] for answer in fetch(whole, client, edge, *wanted)}
        assert answers == wanted
        assert 'private' in headers(whole, client, edge, segment)[1]['cache-control']


def test_a_signature_and_a_query_are_in_no_line_of_the_access_log(whole: Standing) -> None:
    started = time.time()
    segment = signed_path(key(whole), int(started) + 617, lesson(whole, HELD), '240p/000.ts')
    door = whole.work.platform.front_door_url().rstrip('/')
    words = ('-H', f'Referer: {door}{segment}?v=1')
    assert headers(whole, 'client-1', 'edge-1', segment, *words)[0] == 200
    assert (
        headers(whole, 'client-1', 'edge-1', '/courses/?q=Wang+Fang', '-H', f'Referer: {door}/courses/?q=Wang')[0]
        == 200
    )
    logged = segment.replace(segment.split('/')[3], '-')

    def missing() -> str | None:
        lines = root(
            whole, 'edge-1', f"journalctl -t edge -o cat --since=@{started:.0f} | grep '^{{' || true"
        ).splitlines()
        seen = {(line['uri'], line['referer']) for line in map(json.loads, lines)}
        assert segment.split('/')[3] not in ''.join(lines)
        assert 'Wang' not in ''.join(lines)
        wanted = {(logged, f'{door}{logged}?-'), ('/courses/?-', f'{door}/courses/?-')}
        return None if wanted <= seen else f'only {seen}'

    wait_until(missing, 'both requests to be logged', 10, 0.5)


def test_a_restricted_course_is_warmed_between_a_rotation_and_the_up_that_brings_it(whole: Standing) -> None:
    secrets = whole.work.paths.secrets
    kept = secrets.read_bytes()
    try:
        assert whole.anlan('cdn', 'rotate-key').returncode == 0
        done = whole.anlan('cdn', 'warm', HELD, '--json')
        assert done.returncode == 0, done.stderr
        again = whole.anlan('cdn', 'rotate-key')
        assert again.returncode == 2
        assert 'run `anlan up` first' in ' '.join(again.stderr.split())
    finally:
        # No host has the new key: the platform is as it was.
        write_atomically(secrets, kept)


def test_learners_share_the_bytes_of_restricted_media_each_by_an_address_of_their_own(whole: Standing) -> None:
    ladder, now = lesson(whole, HELD), int(time.time())
    purge(whole, '--tag', 'restricted')
    seen = [
        headers(whole, 'client-1', 'edge-1', signed_path(key(whole), now + 600 + number, ladder, '240p/001.ts'))[1]
        for number in range(2)
    ]
    assert [each['x-cache'] for each in seen] == ['MISS', 'HIT']


def test_without_the_shield_the_origin_is_asked_and_it_is_noticed(whole: Standing) -> None:
    path = f'/media/{lesson(whole, COURSE)}/240p/002.ts'
    balancer = whole.holder('balancer')
    try:
        root(whole, balancer, 'systemctl stop nginx.service')
        root(whole, 'edge-1', 'cache-purge --all || true')
        assert fetch(whole, 'client-1', 'edge-1', path)[0]['status'] == 200
        assert f'{balancer}: nginx.service is inactive' in whole.status().reasons
    finally:
        root(whole, balancer, 'systemctl start nginx.service')


def test_without_its_counter_an_edge_serves_and_starts(whole: Standing) -> None:
    path = f'/media/{lesson(whole, COURSE)}/240p/000.ts'
    try:
        root(whole, 'edge-1', 'systemctl stop anlan-cache-metrics.socket anlan-cache-metrics.service')
        root(whole, 'edge-1', 'systemctl restart nginx.service')
        assert fetch(whole, 'client-1', 'edge-1', path)[0]['status'] == 200
        assert whole.anlan('cdn', 'show').returncode in (0, 1)
    finally:
        root(whole, 'edge-1', 'systemctl start anlan-cache-metrics.socket anlan-cache-metrics.service')


@pytest.fixture
def small_disk(whole: Standing) -> Iterator[Standing]:
    """The platform, with a disk of 80 MB under the cache of edge-1, that a test fills."""
    folder = '/var/lib/nginx/anlan-cache'
    # Who counts has a view of the disks of its own, taken when it starts.
    anew = 'systemctl restart nginx.service anlan-cache-metrics.service'
    root(whole, 'edge-1', f'mount -t tmpfs -o size=80m,mode=0700,uid=33,gid=33 tmpfs {folder}')
    try:
        root(whole, 'edge-1', anew)
        yield whole
    finally:
        root(whole, 'edge-1', f'umount {folder} && {anew}')


def test_an_edge_with_a_full_disk_serves_and_it_is_noticed(small_disk: Standing) -> None:
    ladder = lesson(small_disk, COURSE)
    paths = [f'/media/{ladder}/{name}' for name in files(small_disk, ladder)]
    root(
        small_disk, 'edge-1', 'dd if=/dev/zero of=/var/lib/nginx/anlan-cache/full.of-nothing bs=1M 2>/dev/null || true'
    )

    def missing() -> str | None:
        shown = json.loads(small_disk.anlan('cdn', 'show', '--json').stdout)
        return None if any('edge-1: the disk' in reason for reason in shown['reasons']) else 'nobody noticed'

    wait_until(missing, 'the full disk to be noticed', FULL_SECONDS + 20, 1.0)
    answers = fetch(small_disk, 'client-1', 'edge-1', *paths)
    assert [answer['reason'] for answer in answers if answer['reason']] == []
    assert fetch(small_disk, 'client-1', 'edge-1', paths[0])[0]['cache'] != 'HIT'


def test_a_warmed_course_plays_while_no_origin_lives(whole: Standing) -> None:
    warmed = whole.anlan('cdn', 'warm', COURSE, '--json')
    assert warmed.returncode == 0, warmed.stderr
    assert all(each['files'] > 10 and not each['failures'] for each in json.loads(warmed.stdout)['edges'])
    ladder = lesson(whole, COURSE)
    paths = [f'/media/{ladder}/{name}' for name in files(whole, ladder)]
    try:
        for app in ('app-1', 'app-2'):
            root(whole, app, 'systemctl stop nginx.service anlan-application.socket anlan-application.service')
        for client, edge in zip(CLIENTS, EDGES, strict=True):
            answers = fetch(whole, client, edge, *paths)
            assert {answer['status'] for answer in answers} == {200}
        # It is the origin that is dead, and not a test that looked elsewhere.
        assert headers(whole, 'client-1', 'edge-1', '/courses/')[0] == 503
    finally:
        for app in ('app-1', 'app-2'):
            root(whole, app, 'systemctl start nginx.service anlan-application.socket anlan-application.service')
        whole.wait_whole()


def test_the_course_that_is_warmed_has_to_exist(whole: Standing) -> None:
    done = whole.anlan('cdn', 'warm', 'absent')
    assert done.returncode == 2
    assert 'there is no course' in done.stderr


@pytest.fixture
def phone(whole: Standing) -> Iterator[Standing]:
    """The platform, with a slow phone behind client-2 for at most 150 s."""
    root(whole, 'client-2', making(SLOW, lease_seconds=150))
    try:
        yield whole
    finally:
        root(whole, 'client-2', f'systemctl stop anlan-phone.timer; ({removal()}) 2>/dev/null')


def play(standing: Standing, argv: list[str], playlist: str) -> dict[str, Any]:
    question = {'url': standing.work.platform.front_door_url(), 'playlist': playlist, 'seconds': 120}
    done = standing.remote().run(
        'client-2', [*argv, 'python3', '-I', '-c', script('hls_player.py')], 140, json.dumps(question)
    )
    assert done.code == 0, done.err
    seen: dict[str, Any] = json.loads(done.out)
    print(f'\n{seen}')
    return seen


@pytest.mark.long
def test_on_a_slow_mobile_way_a_lesson_adapts_and_plays_without_a_stall(phone: Standing) -> None:
    playlist = signed_path(key(phone), int(time.time()) + 600, lesson(phone, HELD), 'master.m3u8')
    slow = play(phone, within([]), playlist)
    assert (slow['stalls'], slow['loaded_seconds'] > 55) == (0, True)
    assert set(slow['played'][5:]) == {0}, 'it does not fit, and was chosen'
    quick = play(phone, [], playlist)
    assert (quick['stalls'], quick['played'][-1]) == (0, 1), 'on a good way it takes the better one'
