"""Rebuilding: the main site is lost, and the platform is made anew from its copies in the other site alone."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anlan.cli.backup_hosts import LISTING_SECONDS, AgentFailed, Answer, ask_agent
from anlan.cli.backup_restore import bar
from anlan.cli.bring_up import bring_up
from anlan.cli.handing_over import hand_over
from anlan.cli.kit_state import take, wanted_of
from anlan.cli.operating import operating
from anlan.cli.recovery_kit import Kit
from anlan.cli.renewing import LOSSES
from anlan.cli.work import Work
from anlan.console import Step, step
from anlan.errors import AnlanError, BadInput
from anlan.files import write_json
from anlan.lock import hold
from anlan.paths import PlatformPaths
from anlan.remote import Remote
from backup.failure import ExitClass
from backup.incoming import INCOMING
from backup.places import SCRATCH
from infra.connect import connect
from infra.outputs_file import read_outputs
from monitoring.status import Status

COMMAND = 'anlan backup rebuild'
RESEED_SECONDS = 6 * 3600.0
FILES_SECONDS = 3600.0
BEGIN_SECONDS = 12 * 3600
"""So long the database may take to come back from its copy; `up` alone waits for minutes."""

SECOND_FACTORS = '/var/lib/anlan/second-factor'
BROUGHT = SCRATCH / 'rebuild'


@dataclass
class Rebuilt:
    """What a rebuild came to: its phases with their seconds, what was had back, and the status that stands."""

    seconds: dict[str, float] = field(default_factory=dict)
    brought: dict[str, Any] = field(default_factory=dict)
    undone: dict[str, str] = field(default_factory=dict)
    status: Status | None = None

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure a phase."""
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 1)

    def part(self, name: str, title: str, work: Callable[[Step], str]) -> None:
        """Do one part of it. What fails is kept by its name and keeps the others from nothing."""
        with self.phase(name), step(title) as shown:
            try:
                shown.result = self.brought[name.replace(' ', '_')] = work(shown)
            except AnlanError as error:
                self.undone[name] = str(error)
                shown.result = f'not done: {error}'

    @property
    def whole(self) -> bool:
        """Return whether all is done and the platform stands."""
        return self.status is not None and self.status.state == 'ok' and not self.undone

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        state = None if self.status is None else self.status.state
        return {'seconds': self.seconds, 'total_seconds': round(sum(self.seconds.values()), 1), 'status': state,
                'undone': self.undone, **self.brought}  # fmt: skip


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
    with hold(work.paths.lock, COMMAND):
        keep_off_site(work)
        begun = Begun.of(work.paths)
    with done.phase('platform'):
        # Nothing is recorded yet where the ledger that goes on is still in the other site.
        done.status = bring_up(
            work, COMMAND, recover=True, may_lose_hosts=True, at_once=True, recorded=not begun.ledger_to_come,
            further={'database_rebuild': True, 'database_deadline_seconds': BEGIN_SECONDS},
        )  # fmt: skip
    with hold(work.paths.lock, COMMAND):
        with connect(work.platform, work.paths, read_outputs(work.paths.outputs)) as remote:
            done.part('second factors', 'Second factors of operators', lambda _: _second_factors(remote, begun.at))
            if begun.ledger_to_come:
                done.part('ledger', 'Evidence ledger', lambda _: _ledger(remote, work.paths, begun))
            done.part(
                'local copies', 'Local copies, from those in the other site', lambda shown: _reseed(remote, shown)
            )
            done.part('database copy', 'Full copies of the database', lambda _: _database_copy(remote))
            done.part('state kept', 'What it is rebuilt from', lambda _: f'{hand_over(remote, work.paths)} bytes')
        with operating(work.platform, COMMAND.removeprefix('anlan ')) as noted:
            noted.update(done.document())
        if done.whole:
            begun.end(work.paths)
    return done


@dataclass(frozen=True)
class Begun:
    """A rebuild under way, kept in the platform's folder until it is whole: one that is run again goes on with it.

    `at`: younger copies are of hosts that it has made itself. `ledger_to_come`: the one here is not the old one.
    """

    at: datetime
    ledger_to_come: bool

    @classmethod
    def of(cls, paths: PlatformPaths) -> Begun:
        """Given a platform's paths, return the rebuild that was begun there, begun now if there is none."""
        try:
            document = json.loads(cls._file(paths).read_text(encoding='utf-8'))
            return cls(datetime.fromisoformat(document['at']), bool(document['ledger_to_come']))
        except FileNotFoundError:
            begun = cls(datetime.now(UTC), not paths.ledger.exists())
            begun.keep(paths)
            return begun
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AnlanError(
                f'{cls._file(paths)} cannot be read ({error}); remove it to begin from the start'
            ) from None

    def keep(self, paths: PlatformPaths) -> None:
        """Write it down."""
        write_json(self._file(paths), {'at': self.at.isoformat(), 'ledger_to_come': self.ledger_to_come})

    def end(self, paths: PlatformPaths) -> None:
        """Forget it: it is whole."""
        self._file(paths).unlink()

    @staticmethod
    def _file(paths: PlatformPaths) -> Path:
        return paths.directory / 'rebuild.json'


def keep_off_site(work: Work) -> None:
    """Given a platform, raise BadInput if making it stand would take a host or a network that still stands.

    What the other site keeps is the last there is: a checkout with another image for it is not the one to rebuild with.
    """
    if not work.makes_hosts:
        return
    with step('What still stands') as shown:
        target = work.target()
        target.clear()
        there = {f'host {name}' for name, state in target.hosts().items() if state != 'missing'}
        lost = [change for change in target.plan().changes if change.operation in LOSSES and change.resource in there]
        shown.result = f'{len(there)} hosts, left as they are'
    if lost:
        lines = '\n'.join(f'  {change}' for change in lost)
        raise BadInput(
            'these still stand and would be made anew, with all that they keep; nothing was done. Take the checkout '
            f'and the platform file that the platform was last brought up with:\n{lines}'
        )


def _state(work: Work, kit: Kit | None) -> str:
    """Have the platform's folder, and return where it came from."""
    wanted = wanted_of(work, kit)
    if wanted is None and kit is None:
        return 'of this machine'
    work.paths.make()
    with hold(work.paths.lock, COMMAND), step('State') as shown:
        take(work, kit, wanted)
        shown.result = (
            'of this machine' if wanted is None or kit is None else f'{len(wanted)} files of the kit of {kit.made}'
        )
    return shown.result


def _reseed(remote: Remote, shown: Step) -> str:
    """Have the keeper copy back what the other site has of each repository."""
    answer = ask_agent(
        remote, remote.bastion, ['reseed', '--seconds', f'{RESEED_SECONDS:g}'], RESEED_SECONDS, bar(shown)
    )
    found: list[Mapping[str, Any]] = list(_last(answer)['reseeded'])
    bad = [f'{each["repository"]} of {each["host"]}: {each["sentence"]}' for each in found if each['failure']]
    if bad:
        raise AnlanError('; '.join(bad))
    return f'{sum(each["copied"] for each in found)} snapshots of {len(found)} repositories'


def _second_factors(remote: Remote, before: datetime) -> str:
    """Put back the second factors as they were: those that the new host has made itself are known to nobody."""
    with _restored(remote, 'platform', SECOND_FACTORS, before) as found:
        if not found:
            return 'none are kept'
        words = f'cp -a {BROUGHT}{SECOND_FACTORS}/. {SECOND_FACTORS}/ && find {BROUGHT}{SECOND_FACTORS} -type f | wc -l'
        return f'{_root(remote, words).strip()} files, as of {found["started"][:19]} UTC'


def _ledger(remote: Remote, paths: PlatformPaths, begun: Begun) -> str:
    """Put the ledger back from its newest copy in the other site. One that was begun meanwhile is kept beside it."""
    kept = INCOMING / 'var' / 'ledger'
    with _restored(remote, 'ledger', str(kept), begun.at) as found:
        if not found:
            replace(begun, ledger_to_come=False).keep(paths)
            return 'none is kept'
        content = b64decode(_root(remote, f'tar -cz -C {BROUGHT}{kept.parent} ledger | base64 -w 0'))
        half = paths.directory / '.ledger'
        shutil.rmtree(half, ignore_errors=True)
        with tarfile.open(fileobj=io.BytesIO(content), mode='r:gz') as archive:
            archive.extractall(half, filter='data')
        if paths.ledger.exists():
            paths.ledger.rename(paths.directory / f'ledger-of-the-rebuild-{begun.at:%Y%m%dT%H%M%SZ}')
        (half / 'ledger').rename(paths.ledger)
        half.rmdir()
        replace(begun, ledger_to_come=False).keep(paths)
        return f'as of {found["started"][:19]} UTC'


def _database_copy(remote: Remote) -> str:
    answer = ask_agent(remote, remote.bastion, ['task', 'database-full'], FILES_SECONDS)
    failures = [str(each['sentence']) for each in answer.documents if each.get('failure')]
    if failures or answer.code:
        raise AnlanError(f'{failures[0] if failures else answer.failure()}; `anlan backup run database --full`')
    return 'made in both places'


@contextmanager
def _restored(remote: Remote, repository: str, path: str, before: datetime) -> Iterator[Mapping[str, Any] | None]:
    """Restore what is below a path from the newest off-site snapshot of the keeper that is older than the rebuild.

    A younger one is of the host that was made anew. Yield it, or None if there is none, or nothing is below the path.
    """
    host = remote.bastion
    words = ['list', '--policy', repository, '--repository', repository]
    listed = _last(ask_agent(remote, host, words, LISTING_SECONDS))
    there = [each for each in listed['places'] if (each['repository'], each['host'], each['place']) ==
             (repository, host, 'offsite')]  # fmt: skip
    if not there or there[0]['snapshots'] is None:
        reason = there[0]['sentence'] if there else 'no place is named'
        raise AnlanError(f'the other site does not say what it keeps of {repository}: {reason}')
    older = [each for each in there[0]['snapshots'] if datetime.fromisoformat(each['started']) < before]
    if not older:
        yield None
        return
    _root(remote, f'rm -rf {BROUGHT}')
    try:
        answer = ask_agent(
            remote, host,
            ['restore', '--repository', repository, '--host', host, '--place', 'offsite', '--snapshot',
             older[-1]['identity'], '--target', str(BROUGHT), '--path', path],
            FILES_SECONDS,
        )  # fmt: skip
        if answer.code == ExitClass.NO_SNAPSHOT.value:
            yield None
            return
        _last(answer)
        yield older[-1]
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
