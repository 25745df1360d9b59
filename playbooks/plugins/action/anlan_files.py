"""Action plugin: renders a list of files here, has the host hold them in one round, and confirms what was guarded.

The confirmation is a log-in of its own through the bastion: new connections, not the one over which the files came.
"""

from __future__ import annotations

import base64
import os
import secrets
import shlex
import subprocess
import time
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template
from ansible.utils.vars import merge_hash

PROGRAM = '/usr/local/lib/anlan/guard'
STATE = '/var/lib/anlan/guard'
TREES = [
    '/etc/ssh', '/etc/pam.d', '/etc/security', '/etc/sudoers', '/etc/sudoers.d', '/etc/nftables.conf',
    '/etc/nftables.d', '/etc/anlan/firewall.nft',
]  # fmt: skip
TRY_SECONDS = 25
PAUSE_SECONDS = 2
MARGIN_SECONDS = 10
"""So long before the host undoes a change no log-in is begun any more."""


class ActionModule(ActionBase):  # type: ignore[misc]
    """Takes `files`, `commands`, `run_all` and `guard_seconds`; files and templates are the role's."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Given the arguments of the task, return what changed. The result has failed if no log-in confirmed it."""
        variables = task_vars or {}
        result: dict[str, Any] = super().run(tmp, variables)
        arguments = dict(self._task.args)
        seconds = int(arguments.pop('guard_seconds', 0))
        arguments['files'] = [self._wanted(dict(one), variables) for one in arguments.get('files', []) if one]
        token = secrets.token_hex(8)
        if seconds:
            arguments['guard'] = {
                'program': PROGRAM, 'state': STATE, 'trees': TREES, 'seconds': seconds, 'token': token,
            }  # fmt: skip
        started = time.monotonic()
        result = merge_hash(
            result, self._execute_module(module_name='anlan_files', module_args=arguments, task_vars=variables)
        )
        if result.get('armed') and not result.get('failed'):
            reason = confirm(self._log_in(variables), token, started + seconds - MARGIN_SECONDS)
            if reason is not None:
                left = max(0, round(started + seconds - time.monotonic()))
                result['failed'] = True
                result['msg'] = (
                    f'no new log-in confirmed the change ({reason}); '
                    f'the host puts its old state back by itself within {left + 1} s'
                )
        return result

    def _wanted(self, file: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Given one file of the task, return it with its content. Raise AnsibleActionFail if it has none."""
        template, source, text = file.pop('template', None), file.pop('source', None), file.pop('text', None)
        if file.get('state', 'file') != 'file':
            return file
        try:
            if template is not None:
                content = self._render(self._find_needle('templates', template), file['path'], variables)
            elif source is not None:
                content = Path(self._find_needle('files', source)).read_bytes()
            elif text is not None:
                content = str(text).encode()
            else:
                raise AnsibleActionFail(f'{file.get("path")} has neither template nor source nor text')
        except OSError as error:
            raise AnsibleActionFail(f'{file.get("path")}: {error}') from error
        return file | {'content': base64.b64encode(content).decode()}

    def _render(self, source: str, destination: str, variables: dict[str, Any]) -> bytes:
        text = trust_as_template(Path(source).read_text(encoding='utf-8'))
        # Jinja takes the last end of line of a template away, unless it is told not to.
        overrides = {'trim_blocks': True, 'lstrip_blocks': False, 'keep_trailing_newline': True}
        templar = self._templar.copy_with_new_env(
            searchpath=[str(Path(source).parent)],
            available_variables=variables | {'ansible_managed': 'Ansible managed', 'template_destpath': destination},
        )
        rendered = templar.template(text, escape_backslashes=False, overrides=overrides)
        return str(rendered).encode()

    @staticmethod
    def _log_in(variables: dict[str, Any]) -> list[str]:
        """Return the command that logs in at the host anew: no shared connection, not to the bastion either."""
        name = variables['inventory_hostname']
        fresh = [
            *shlex.split(os.environ.get('ANSIBLE_SSH_ARGS', '')),
            '-o', 'ControlMaster=no', '-o', 'ControlPath=none', '-o', 'BatchMode=yes',
        ]  # fmt: skip
        bastions = [other for other in variables['groups'].get('operations', []) if other != name]
        jump: list[str] = []
        if name not in variables['groups'].get('operations', []) and bastions:
            bastion = variables['hostvars'][bastions[0]]['ansible_host']
            jump = ['-o', 'ProxyCommand=' + shlex.join(['ssh', *fresh, '-W', '[%h]:%p', bastion])]
        return ['ssh', *fresh, *jump, variables.get('ansible_host', name)]


def confirm(log_in: list[str], token: str, ends: float) -> str | None:
    """Given a way to log in and a token, confirm before `ends` (monotonic). Return None, or why it was not possible."""
    command = [*log_in, shlex.join(['sudo', '-n', PROGRAM, 'confirm', token])]
    reason = 'there was no time for it'
    while (left := ends - time.monotonic()) > 0:
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=min(left, TRY_SECONDS),
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            reason = f'it did not end within {min(left, TRY_SECONDS):.0f} s'
            continue
        except OSError as error:
            return str(error)
        if done.returncode == 0:
            return None
        reason = ' / '.join((done.stderr or done.stdout).strip().splitlines()[-3:]) or f'exit code {done.returncode}'
        if done.returncode == 3:
            return reason
        time.sleep(PAUSE_SECONDS)
    return reason
