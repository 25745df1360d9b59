"""Callback plugin: what happens in a run, as one JSON object a line in the file named by ANLAN_EVENTS_FILE.

Results marked `no_log` appear without their content, as Ansible's own callbacks show them.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: anlan_events
type: aggregate
short_description: Events of a run as JSON lines
description: One JSON object a line, written as it happens, for progress bars and for finding what failed.
requirements: [environment variable ANLAN_EVENTS_FILE]
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Writes `play`, `task`, `ok`, `changed`, `failed`, `unreachable` and `stats` events."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = 'aggregate'
    CALLBACK_NAME = 'anlan_events'
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        path = os.environ.get('ANLAN_EVENTS_FILE')
        if path is None:
            self.disabled = True
            return
        self._file = open(path, 'a', encoding='utf-8', buffering=1)  # noqa: SIM115 - lives as long as the run

    def _write(self, event: str, **values: Any) -> None:
        self._file.write(json.dumps({'event': event, 'at': round(time.time(), 3), **values}) + '\n')

    def _result(self, event: str, result: Any, ignored: bool = False) -> None:
        message = None
        if event in ('failed', 'unreachable'):
            content = json.loads(self._dump_results(result.result, indent=0))
            texts = [str(content[key]) for key in ('msg', 'stderr', 'stdout', 'censored') if content.get(key)]
            texts += [str(item['msg']) for item in content.get('results', []) if item.get('failed') and item.get('msg')]
            message = '\n'.join(dict.fromkeys(texts))[:4000]
        self._write(event, host=result.host.get_name(), task=result.task.get_name(), message=message, ignored=ignored)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Note a play."""
        self._write('play', name=play.get_name())

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Note a task."""
        self._write('task', name=task.get_name())

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """Note a handler."""
        self._write('task', name=task.get_name())

    def v2_runner_on_ok(self, result: Any) -> None:
        """Note a task that went well on a host."""
        self._result('changed' if result.result.get('changed') else 'ok', result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Note a task that failed on a host, with its message."""
        self._result('failed', result, ignored=bool(ignore_errors))

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Note a host that did not answer."""
        self._result('unreachable', result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Note the sums by host."""
        self._write('stats', hosts={host: stats.summarize(host) for host in sorted(stats.processed)})
        self._file.close()
