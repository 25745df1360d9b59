"""Configuration: runs Ansible over the hosts and follows what it does."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anlan.errors import AnlanError
from anlan.files import write_json
from anlan.paths import ROOT, PlatformPaths, cache_directory

PLAYBOOKS = ROOT / 'playbooks'
POLL_SECONDS = 0.2
WITH_HANDLERS = ('site.yml',)
"""Playbooks whose changes hold only after a reload."""

Event = dict[str, Any]


@dataclass(frozen=True)
class HostFailure:
    """A task that failed on a host."""

    host: str
    task: str
    message: str

    def __str__(self) -> str:
        return f'{self.host}: {self.task}: {self.message}'


@dataclass(frozen=True)
class Run:
    """What a run of Ansible did. Counts are of tasks by host, items of loops not counted apart."""

    seconds: float
    changed: int
    ok: int
    failures: tuple[HostFailure, ...]
    changed_tasks: tuple[str, ...]
    log: Path
    statistics: dict[str, dict[str, int]] = field(default_factory=dict)


def configure(
    playbook: str,
    paths: PlatformPaths,
    variables: dict[str, Any],
    *,
    limit: Sequence[str] = (),
    tags: Sequence[str] = (),
    mitogen: bool = True,
    forks: int = 20,
    check: bool = False,
    deadline_seconds: float = 1800,
    outputs_file: Path | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
) -> Run:
    """Given a playbook (its name in playbooks/), a platform that stands and extra variables, run it and return a Run.

    The caller holds the platform's lock. `on_event` is called with each event as it happens; `outputs_file` is read in
    place of the platform's own. Raise AnlanError if Ansible itself cannot run, or `deadline_seconds` pass; hosts that
    failed are in the Run.
    """
    paths.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
    paths.journal_keys.mkdir(exist_ok=True, mode=0o700)
    stamp = time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())
    log = paths.logs / f'{stamp}-{Path(playbook).stem}-{os.getpid()}.log'
    # Secrets are among the variables: the folder is the platform's own, and a killed run's is removed here.
    shutil.rmtree(paths.run, ignore_errors=True)
    paths.run.mkdir(mode=0o700)
    try:
        events_file, variables_file = paths.run / 'events.jsonl', paths.run / 'variables.json'
        events_file.touch(mode=0o600)
        # Until a run has ended well, what it changed may not have been reloaded: the next one reloads all.
        unfinished = paths.unfinished.exists()
        if playbook in WITH_HANDLERS and not check:
            paths.unfinished.touch(mode=0o600)
        write_json(variables_file, variables | {'unfinished': unfinished})
        command = [
            # Ansible ends with us, however we end: a killed `up` must not go on beside the next one.
            'setpriv', '--pdeathsig', 'TERM',
            str(Path(sys.executable).with_name('ansible-playbook')), playbook,
            '--inventory', str(outputs_file or paths.outputs),
            '--forks', str(forks),
            '--extra-vars', f'@{variables_file}',
            *(['--limit', ','.join(limit)] if limit else []),
            *(['--tags', ','.join(tags)] if tags else []),
            *(['--check'] if check else []),
        ]  # fmt: skip
        started = time.monotonic()
        with log.open('w', encoding='utf-8') as stream:
            log.chmod(0o600)
            process = subprocess.Popen(
                command,
                cwd=PLAYBOOKS,
                env=_environment(events_file, paths.ssh / 'config', mitogen, paths.run),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
            try:
                summary = _follow(process, events_file, started + deadline_seconds, on_event)
            except BaseException:
                process.terminate()
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    process.kill()
                raise
        run = _result(summary, process.returncode, time.monotonic() - started, log)
        if playbook in WITH_HANDLERS and not check and not run.failures:
            paths.unfinished.unlink(missing_ok=True)
        return run
    finally:
        shutil.rmtree(paths.run, ignore_errors=True)


def _environment(events_file: Path, ssh_configuration: Path, mitogen: bool, folder: Path) -> dict[str, str]:
    environment = os.environ | {
        'ANSIBLE_CONFIG': str(PLAYBOOKS / 'ansible.cfg'),
        'ANSIBLE_CALLBACKS_ENABLED': 'anlan_events',
        'ANLAN_EVENTS_FILE': str(events_file),
        'ANSIBLE_SSH_ARGS': shlex.join(['-F', str(ssh_configuration)]),
        'ANSIBLE_SSH_CONTROL_PATH_DIR': str(cache_directory() / 'ssh'),
        'ANSIBLE_LOCAL_TEMP': str(folder / 'tmp'),
        'ANSIBLE_HOME': str(folder / 'home'),
        'ANSIBLE_NOCOLOR': '1',
        'ANSIBLE_PYTHON_INTERPRETER': '/usr/bin/python3',
    }
    if mitogen:
        import ansible_mitogen

        environment['ANSIBLE_STRATEGY_PLUGINS'] = str(Path(ansible_mitogen.__file__).parent / 'plugins' / 'strategy')
        environment['ANSIBLE_STRATEGY'] = 'mitogen_linear'
    return environment


@dataclass
class _Summary:
    failures: list[HostFailure] = field(default_factory=list)
    changed_tasks: list[str] = field(default_factory=list)
    statistics: dict[str, dict[str, int]] = field(default_factory=dict)


def _follow(
    process: subprocess.Popen[bytes], events_file: Path, ends: float, on_event: Callable[[Event], None]
) -> _Summary:
    summary = _Summary()
    with events_file.open(encoding='utf-8') as stream:
        rest = ''
        while True:
            finished = process.poll() is not None
            rest += stream.read()
            *lines, rest = rest.split('\n')
            for line in lines:
                event = json.loads(line)
                _note(event, summary)
                on_event(event)
            if finished:
                return summary
            if time.monotonic() > ends:
                raise AnlanError('the configuration of the hosts did not end in time; run `anlan up` again')
            time.sleep(POLL_SECONDS)


def _note(event: Event, summary: _Summary) -> None:
    kind = event['event']
    if kind in ('failed', 'unreachable') and not event.get('ignored'):
        summary.failures.append(HostFailure(event['host'], event['task'], event['message'] or kind))
    elif kind == 'changed':
        summary.changed_tasks.append(f'{event["host"]}: {event["task"]}')
    elif kind == 'stats':
        summary.statistics = event['hosts']


def _result(summary: _Summary, code: int, seconds: float, log: Path) -> Run:
    if not summary.statistics or (code != 0 and not summary.failures):
        tail = ' / '.join(log.read_text(encoding='utf-8', errors='replace').strip().splitlines()[-6:])
        raise AnlanError(f'Ansible could not run (exit code {code}): {tail}. The whole log: {log}')
    return Run(
        seconds=seconds,
        changed=sum(host['changed'] for host in summary.statistics.values()),
        ok=sum(host['ok'] for host in summary.statistics.values()),
        failures=tuple(summary.failures),
        changed_tasks=tuple(summary.changed_tasks),
        log=log,
        statistics=summary.statistics,
    )
