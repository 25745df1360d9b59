"""Events of the Pulumi engine, told as progress, changes, drift and errors."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any

from pulumi.automation.events import EngineEvent, OpType

from infra.targets.changes import Change, Drift, Operation, Report, silent

DOING = {
    OpType.CREATE: 'creating',
    OpType.CREATE_REPLACEMENT: 'creating',
    OpType.UPDATE: 'updating',
    OpType.DELETE: 'deleting',
    OpType.DELETE_REPLACED: 'deleting',
    OpType.READ: 'reading',
    OpType.REFRESH: 'reading',
    OpType.IMPORT: 'importing',
}
DONE = {
    OpType.SAME: 'unchanged',
    OpType.CREATE: 'created',
    OpType.CREATE_REPLACEMENT: 'created',
    OpType.UPDATE: 'updated',
    OpType.DELETE: 'deleted',
    OpType.DELETE_REPLACED: 'deleted',
    OpType.READ: 'read',
    OpType.REFRESH: 'read',
    OpType.IMPORT: 'imported',
}
PLANNED: dict[OpType, Operation] = {
    OpType.CREATE: 'create',
    OpType.IMPORT: 'import',
    OpType.UPDATE: 'update',
    OpType.REPLACE: 'replace',
    OpType.DELETE: 'delete',
}
REPEATED = re.compile(r'\b\d+ errors? occurred: \* ')
"""What the engine puts before our sentences."""

PROVIDER_PREFIXES = ('lab:index:', 'alicloud:')


def resource_name(urn: str) -> str | None:
    """Given a URN, return the resource's name for people (`host app-1`), or None if it is the engine's own."""
    parts = urn.split('::')
    if len(parts) < 4 or not parts[2].split('$')[-1].startswith(PROVIDER_PREFIXES):
        return None
    return f'{parts[2].rsplit(":", 1)[-1].lower()} {parts[3]}'


class EventLog:
    """Listens to one run of the engine. Events come from another thread."""

    def __init__(self, report: Report = silent) -> None:
        self._report = report
        self._lock = threading.Lock()
        self.changes: list[Change] = []
        self.drifts: list[Drift] = []
        self.errors: list[str] = []

    def listen(self, event: EngineEvent) -> None:
        """Given an event, note what it says and report progress."""
        with self._lock:
            if event.diagnostic_event is not None:
                self._diagnose(event.diagnostic_event)
            if event.resource_pre_event is not None:
                self._step(event.resource_pre_event.metadata, DOING)
                self._note_change(event.resource_pre_event.metadata)
            if event.res_outputs_event is not None:
                self._step(event.res_outputs_event.metadata, DONE)
                self._note_drift(event.res_outputs_event.metadata)
            if event.res_op_failed_event is not None:
                name = resource_name(event.res_op_failed_event.metadata.urn)
                if name is not None:
                    self._report(name, 'failed')

    def _step(self, metadata: Any, words: Mapping[OpType, str]) -> None:
        name = resource_name(metadata.urn)
        word = words.get(metadata.op)
        if name is not None and word is not None:
            self._report(name, word)

    def _note_change(self, metadata: Any) -> None:
        name = resource_name(metadata.urn)
        operation = PLANNED.get(metadata.op)
        if name is None or operation is None:
            return
        self.changes = [change for change in self.changes if change.resource != name or operation != 'replace']
        if any(change.resource == name and change.operation == 'replace' for change in self.changes):
            return
        self.changes.append(Change(name, operation, _details(metadata)))

    def _note_drift(self, metadata: Any) -> None:
        name = resource_name(metadata.urn)
        if name is None:
            return
        if metadata.op == OpType.DELETE:
            self.drifts.append(Drift(name, 'removed', 'it was made by Anlan and is gone'))
        elif metadata.op == OpType.UPDATE:
            details = _details(metadata)
            if any(detail.startswith('powered: true') for detail in details):
                self.drifts.append(Drift(name, 'stopped', 'it is there but does not run'))
            else:
                self.drifts.append(Drift(name, 'changed', '; '.join(details) or 'it differs'))

    def _diagnose(self, event: Any) -> None:
        if event.severity != 'error':
            return
        text = REPEATED.sub('', ' '.join(event.message.split()).removeprefix('error: '))
        # The engine repeats each failure: once for the resource, once for the run.
        if not text or text == 'update failed' or text in self.errors:
            return
        self.errors.append(text)


def _details(metadata: Any) -> tuple[str, ...]:
    if metadata.old is None or metadata.new is None:
        return ()
    before, after = metadata.old.inputs or {}, metadata.new.inputs or {}
    keys = sorted({key.split('.')[0].split('[')[0] for key in (metadata.detailed_diff or {})})
    if not keys:
        keys = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
    return tuple(
        f'{key}: {_shown(before.get(key))} → {_shown(after.get(key))}'
        for key in keys
        if not key.startswith('__') and before.get(key) != after.get(key)
    )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ', '.join(f'{key} {item}' for key, item in sorted(value.items()))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
