"""Building host images: Debian's bootstrap for the base, one layer a tier, skipped where the image is there."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import requests
from docker.errors import DockerException, ImageNotFound, NotFound
from docker.types import Mount

from anlan.deadline import wait_until
from anlan.errors import AnlanError
from infra.images.recipe import FOLDER, Recipe, recipes

BUILD_SECONDS = 900
LISTS_FRESH_SECONDS = 24 * 3600
LABEL = 'anlan.image'

Report = Callable[[str], None]


@contextlib.contextmanager
def _said(what: str) -> Iterator[None]:
    """Turn what Docker or a program may do wrong into one sentence."""
    try:
        yield
    except subprocess.TimeoutExpired as error:
        raise AnlanError(f'{what}: {error.cmd[0]} did not end within {BUILD_SECONDS} s; run it again') from None
    except (DockerException, requests.RequestException) as error:
        raise AnlanError(f'{what}: Docker says: {error}') from None


def ensure_images(tiers: Iterable[str], cache_directory: Path, report: Report) -> dict[str, str]:
    """Given tiers, return the image tag of each, building what is missing. Raise AnlanError if a build fails.

    `cache_directory` keeps Debian's packages between builds. `report` is called with a line for each image built.
    """
    wanted = {tier: recipes()[tier] for tier in dict.fromkeys(tiers)}
    client = docker.from_env(timeout=BUILD_SECONDS)
    if not [recipe for recipe in wanted.values() if not _is_there(client, recipe)]:
        return {tier: recipe.tag for tier, recipe in wanted.items()}
    cache_directory.mkdir(parents=True, exist_ok=True)
    with _said('the host images could not be built'), _alone(cache_directory, report):
        _remove_leftovers(client)
        missing = [recipe for recipe in wanted.values() if not _is_there(client, recipe)]
        base = recipes()['base']
        if not _is_there(client, base):
            _build_base(client, base, report)
        _refresh_lists(client, base, cache_directory)
        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(lambda recipe: _build_tier(client, recipe, cache_directory, report), missing))
    return {tier: recipe.tag for tier, recipe in wanted.items()}


@contextlib.contextmanager
def _alone(cache_directory: Path, report: Report) -> Iterator[None]:
    """Hold the build's lock: another checkout builds the same images, and the second to come finds them there."""
    with (cache_directory / 'lock').open('w') as lock:

        def held() -> str | None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                report('another checkout builds images')
                return 'another checkout builds images'
            return None

        wait_until(held, 'the other build to end', 2 * BUILD_SECONDS, 1.0)
        yield


def _remove_leftovers(client: docker.DockerClient) -> None:
    """Remove the containers of builds that were cut off; nobody builds beside us."""
    for container in client.containers.list(all=True, filters={'label': f'{LABEL}=build'}, ignore_removed=True):
        with contextlib.suppress(NotFound):
            container.remove(force=True)


def missing_images(tiers: Iterable[str]) -> list[str]:
    """Given tiers, return the tags that are not built yet."""
    client = docker.from_env()
    tags = [recipes()[tier].tag for tier in dict.fromkeys(tiers)]
    return [tag for tag, recipe in zip(tags, (recipes()[tier] for tier in dict.fromkeys(tiers)), strict=True)
            if not _is_there(client, recipe)]  # fmt: skip


def remove_images(report: Report) -> None:
    """Remove every image that this module has built and that no container uses."""
    client = docker.from_env()
    _remove_leftovers(client)
    for image in client.images.list(filters={'label': LABEL}):
        for tag in image.tags:
            try:
                client.images.remove(tag)
            except DockerException as error:
                report(f'{tag} is kept: {error}')


def _is_there(client: docker.DockerClient, recipe: Recipe) -> bool:
    try:
        client.images.get(recipe.tag)
    except ImageNotFound:
        return False
    return True


def _build_base(client: docker.DockerClient, recipe: Recipe, report: Report) -> None:
    if shutil.which('mmdebstrap') is None:
        raise AnlanError('mmdebstrap is missing; install the Debian package mmdebstrap (make lab does it as root)')
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix='anlan-image-') as folder:
        tar = Path(folder) / 'base.tar'
        command = [
            'mmdebstrap', '--quiet', '--variant=minbase', f'--include={",".join(recipe.packages)}',
            f'--customize-hook={FOLDER / "customize-base"} "$1"',
            f'--customize-hook=upload {FOLDER / "anlan-init"} /sbin/anlan-init',
            '--customize-hook=chmod 0755 "$1/sbin/anlan-init"',
            recipe.suite, str(tar),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
        if done.returncode != 0:
            raise AnlanError(f'mmdebstrap could not build the base image: {_last_lines(done.stderr)}')
        name, tag = recipe.tag.split(':')
        client.api.import_image_from_file(
            str(tar), repository=name, tag=tag, changes=[f'LABEL {LABEL}={recipe.tier}', 'CMD ["/sbin/anlan-init"]']
        )
    report(f'image {recipe.tier} built in {time.monotonic() - started:.0f} s')


def _refresh_lists(client: docker.DockerClient, base: Recipe, cache_directory: Path) -> None:
    stamp = cache_directory / 'lists.stamp'
    if stamp.exists() and time.time() - stamp.stat().st_mtime < LISTS_FRESH_SECONDS:
        return
    _run(client, base, cache_directory, 'apt-get update -q', commit_to=None)
    stamp.touch()


def _build_tier(client: docker.DockerClient, recipe: Recipe, cache_directory: Path, report: Report) -> None:
    assert recipe.parent is not None
    started = time.monotonic()
    install = (
        'apt-get install -q -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io '
        f'{" ".join(recipe.packages)} && '
        if recipe.packages
        else ''
    )
    script = f'{install}systemctl preset-all --quiet; rm -f /usr/sbin/policy-rc.d /var/cache/apt/*.bin'
    _run(client, recipe.parent, cache_directory, script, commit_to=recipe)
    report(f'image {recipe.tier} built in {time.monotonic() - started:.0f} s')


def _run(
    client: docker.DockerClient, image: Recipe, cache_directory: Path, script: str, commit_to: Recipe | None
) -> None:
    # Two builds at once must not share dpkg's download folder: each has its own, hard-linked by apt's cache.
    archives = cache_directory / f'archives-{commit_to.tier if commit_to else "lists"}'
    lists = cache_directory / 'lists'
    for folder in (archives / 'partial', lists / 'partial'):
        folder.mkdir(parents=True, exist_ok=True)
    container = client.containers.create(
        image.tag,
        ['sh', '-ec', script],
        network_mode='host',
        environment={'DEBIAN_FRONTEND': 'noninteractive'},
        # As `mounts`: what is given as `volumes` would be a volume of every host that is made from the image.
        mounts=[
            Mount('/var/cache/apt/archives', str(archives), type='bind'),
            Mount('/var/lib/apt/lists', str(lists), type='bind'),
        ],
        labels={LABEL: 'build'},
    )
    try:
        container.start()
        code = container.wait(timeout=BUILD_SECONDS)['StatusCode']
        if code != 0:
            log = container.logs(tail=8).decode(errors='replace')
            raise AnlanError(
                f'the image of {commit_to.tier if commit_to else "base"} could not be built: {log.strip()}'
            )
        if commit_to is not None:
            name, tag = commit_to.tag.split(':')
            container.commit(
                repository=name, tag=tag, changes=[f'LABEL {LABEL}={commit_to.tier}', 'CMD ["/sbin/anlan-init"]']
            )
    finally:
        with contextlib.suppress(NotFound):
            container.remove(force=True)


def _last_lines(text: str, count: int = 5) -> str:
    return ' / '.join(text.strip().splitlines()[-count:])
