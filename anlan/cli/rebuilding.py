"""Rebuilding: the main site is lost, and the platform is made anew from its copies in the other site alone."""

from __future__ import annotations

import io
import shutil
import tarfile
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anlan.cli.backup_hosts import LISTING_SECONDS, AgentFailed, Answer, ask_agent
from anlan.cli.bring_up import bring_up
from anlan.cli.operating import operating
from anlan.cli.recovery_kit import Kit
from anlan.cli.work import Work
from anlan.console import Step, step
from anlan.errors import AnlanError, BadInput
from anlan.lock import hold
from anlan.paths import PlatformPaths
from anlan.remote import Remote
from anlan.secret_key import put_back, read_key
from backup.incoming import INCOMING
from backup.places import SCRATCH
from infra.connect import connect
from infra.outputs_file import read_outputs
from monitoring.status import Status

COMMAND = 'anlan backup rebuild'
RESEED_SECONDS = 6 * 3600.0
FILES_SECONDS = 3600.0
SECOND_FACTORS = '/var/lib/anlan/second-factor'
BROUGHT = SCRATCH / 'rebuild'


@dataclass
class Rebuilt:
    """What a rebuild came to: its phases with their seconds, what was had back, and the status that stands."""

    seconds: dict[str, float] = field(default_factory=dict)
    brought: dict[str, Any] = field(default_factory=dict)
    status: Status | None = None

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure a phase."""
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 1)

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        state = None if self.status is None else self.status.state
        return {'seconds': self.seconds, 'total_seconds': round(sum(self.seconds.values()), 1), 'status': state,
                **self.brought}  # fmt: skip


def rebuild(work: Work, kit: Kit | None) -> Rebuilt:
    """Given a platform of which the other site alone is left, and its kit, make it stand again with what is kept there.

    Without a kit the platform's folder of this machine has to be whole. Each step looks at what is there, so one that
    was killed is run again. Raise BadInput if there is nothing to begin from, AnlanError if a step fails.
    """
    if not work.topology.tier('offsite'):
        raise BadInput(f'{work.platform.name} has no off-site host, so there is nothing to be rebuilt from')
    done = Rebuilt()
    with done.phase('state'):
        done.brought['state'] = _state(work, kit)
    had_ledger = work.paths.ledger.exists()
    with done.phase('platform'):
        # Nothing is recorded yet: the ledger that goes on is still in the other site.
        done.status = bring_up(
            work, COMMAND, recover=True, may_lose_hosts=True, further={'database_rebuild': True}, recorded=had_ledger
        )
    with hold(work.paths.lock, COMMAND):
        with connect(work.platform, work.paths, read_outputs(work.paths.outputs)) as remote:
            with done.phase('local copies'), step('Local copies, from those in the other site') as shown:
                done.brought['local_copies'] = _reseed(remote, shown)
            with done.phase('second factors'), step('Second factors of operators') as shown:
                shown.result = done.brought['second_factors'] = _second_factors(remote)
            if not had_ledger:
                with done.phase('ledger'), step('Evidence ledger') as shown:
                    shown.result = done.brought['ledger'] = _ledger(remote, work.paths)
            with done.phase('database copy'), step('A full local copy of the database') as shown:
                shown.result = done.brought['database_copy'] = _database_copy(remote, shown)
        with operating(work.platform, COMMAND.removeprefix('anlan ')) as noted:
            noted.update(done.document())
    return done


def _state(work: Work, kit: Kit | None) -> str:
    """Have the platform's folder, and return where it came from."""
    paths = work.paths
    if paths.secrets.exists():
        read_key(paths.directory)
        return 'of this machine'
    if kit is None:
        raise BadInput(f'{paths.directory} has no secrets to go on with; name the recovery kit by --kit')
    if kit.platform != work.platform.name:
        raise BadInput(f'the kit is of the platform {kit.platform}, not of {work.platform.name}')
    paths.make()
    with hold(paths.lock, COMMAND), step('State, from the recovery kit') as shown:
        files = unpack(kit.state, paths.directory)
        put_back(paths.directory, kit.identities)
        read_key(paths.directory)
        shown.result = f'{files} files, as of {kit.made}'
    return f'kit of {kit.made}'


def unpack(state: bytes, folder: Path) -> int:
    """Given a tar file of a folder `var` and the platform's folder, put there what is not there yet; return the files.

    All is unpacked beside first, and the secrets come last: with them there it counts as whole. Raise BadInput.
    """
    half = folder / '.rebuild'
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o700)
    try:
        with tarfile.open(fileobj=io.BytesIO(state), mode='r:gz') as archive:
            archive.extractall(half, filter='data')
        made = half / 'var'
        entries = sorted(made.iterdir(), key=lambda each: each.name.startswith('secrets.'))
        files = sum(each.is_file() for each in made.rglob('*'))
        for entry in entries:
            target = folder / entry.name
            if target.is_dir():
                shutil.rmtree(target)
            entry.replace(target)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BadInput(f'the state in the kit is not whole: {error}') from None
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return files


def _reseed(remote: Remote, shown: Step) -> list[Mapping[str, Any]]:
    """Have the keeper copy back what the other site has of each repository, and return what came of each."""
    answer = ask_agent(remote, remote.bastion, ['reseed', '--seconds', f'{RESEED_SECONDS:g}'], RESEED_SECONDS)
    found: list[Mapping[str, Any]] = list(_last(answer)['reseeded'])
    bad = [each for each in found if each['failure']]
    shown.result = f'{sum(each["copied"] for each in found)} snapshots of {len(found)} repositories'
    if bad:
        shown.result += f'; {len(bad)} not: {bad[0]["sentence"]}'
    return found


def _second_factors(remote: Remote) -> str:
    """Put back the second factors that are not there, from the newest copy in the other site."""
    with _restored(remote, 'platform', SECOND_FACTORS) as found:
        if not found:
            return 'none are kept'
        # What is there already is of this platform too, and younger.
        words = f'cp -an {BROUGHT}{SECOND_FACTORS}/. {SECOND_FACTORS}/ && ls {BROUGHT}{SECOND_FACTORS} | wc -l'
        return f'{_root(remote, words).strip()} had back'


def _ledger(remote: Remote, paths: PlatformPaths) -> str:
    """Put the ledger back from its newest copy in the other site."""
    kept = INCOMING / 'var' / 'ledger'
    with _restored(remote, 'ledger', str(kept)) as found:
        if not found:
            return 'none is kept'
        content = b64decode(_root(remote, f'tar -cz -C {BROUGHT}{kept.parent} ledger | base64 -w 0'))
        half = paths.directory / '.ledger'
        shutil.rmtree(half, ignore_errors=True)
        with tarfile.open(fileobj=io.BytesIO(content), mode='r:gz') as archive:
            archive.extractall(half, filter='data')
        if paths.ledger.exists():
            raise AnlanError(f'{paths.ledger} is there already; the one from the other site lies in {half / "ledger"}')
        (half / 'ledger').rename(paths.ledger)
        half.rmdir()
        return f'as of {found["started"][:19]} UTC'


def _database_copy(remote: Remote, shown: Step) -> str:
    answer = ask_agent(remote, remote.bastion, ['task', 'database-full'], FILES_SECONDS)
    failures = [str(each['sentence']) for each in answer.documents if each.get('failure')]
    if failures or answer.code:
        return f'not made: {failures[0] if failures else answer.failure()}; `anlan backup run database --full`'
    return 'made'


@contextmanager
def _restored(remote: Remote, repository: str, path: str) -> Iterator[Mapping[str, Any] | None]:
    """Restore what is below a path from the newest off-site snapshot of the keeper; yield it, or None without any."""
    host = remote.bastion
    listed = _last(
        ask_agent(remote, host, ['list', '--policy', repository, '--repository', repository], LISTING_SECONDS)
    )
    there = [each for each in listed['places'] if (each['repository'], each['host'], each['place']) ==
             (repository, host, 'offsite')]  # fmt: skip
    if not there or there[0]['snapshots'] is None:
        raise AnlanError(f'the other site does not say what it keeps of {repository}: {there and there[0]["sentence"]}')
    if not there[0]['snapshots']:
        yield None
        return
    newest = there[0]['snapshots'][-1]
    _root(remote, f'rm -rf {BROUGHT}')
    try:
        _last(
            ask_agent(
                remote, host,
                ['restore', '--repository', repository, '--host', host, '--place', 'offsite', '--snapshot',
                 newest['identity'], '--target', str(BROUGHT), '--path', path],
                FILES_SECONDS,
            )
        )  # fmt: skip
        yield newest
    finally:
        _root(remote, f'rm -rf {BROUGHT}')


def _root(remote: Remote, words: str) -> str:
    done = remote.run(remote.bastion, ['sudo', '-n', 'sh', '-c', words], FILES_SECONDS)
    if done.code != 0:
        raise AnlanError(f'{remote.bastion}: {done.err.strip()[-300:] or f"exit code {done.code}"}')
    return done.out


def _last(answer: Answer) -> Mapping[str, Any]:
    if (reason := answer.failure()) is not None:
        raise AgentFailed(answer.code, f'{answer.host}: {reason}')
    return answer.documents[-1]
