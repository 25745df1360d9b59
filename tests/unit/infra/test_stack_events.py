"""The engine's events become progress, changes, drift and errors in our words."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.automation.events import EngineEvent

from infra.engine_events import EventLog, resource_name
from infra.targets.changes import Change, Drift

URN = 'urn:pulumi:lab::anlan::lab:index:Host::app-1'


def event(kind: str, operation: str, before: dict[str, Any] | None = None, after: dict[str, Any] | None = None) -> Any:
    def state(inputs: dict[str, Any] | None) -> dict[str, Any] | None:
        return None if inputs is None else {'urn': URN, 'type': 'lab:index:Host', 'inputs': inputs}

    metadata = {'op': operation, 'urn': URN, 'type': 'lab:index:Host', 'provider': ''}
    metadata |= {'old': state(before), 'new': state(after)}  # type: ignore[dict-item]
    return EngineEvent.from_json({'sequence': 1, 'timestamp': 1, kind: {'metadata': metadata}})


def diagnostic(message: str, severity: str = 'error') -> Any:
    document = {'message': message, 'severity': severity, 'color': 'never'}
    return EngineEvent.from_json({'sequence': 1, 'timestamp': 1, 'diagnosticEvent': document})


def test_a_resource_is_named_for_people_and_the_engines_own_are_not() -> None:
    assert resource_name(URN) == 'host app-1'
    assert resource_name('urn:pulumi:lab::anlan::lab:index:Network::uplink-a') == 'network uplink-a'
    assert resource_name('urn:pulumi:lab::anlan::pulumi:providers:lab::default') is None
    assert resource_name('') is None


def test_progress_is_reported_as_it_happens() -> None:
    seen: list[tuple[str, str]] = []
    log = EventLog(lambda resource, state: seen.append((resource, state)))
    log.listen(event('resourcePreEvent', 'create', None, {}))
    log.listen(event('resOutputsEvent', 'create', None, {}))
    assert seen == [('host app-1', 'creating'), ('host app-1', 'created')]


def test_a_change_shows_old_and_new_values() -> None:
    log = EventLog()
    log.listen(event('resourcePreEvent', 'update', {'memory_mib': 256, 'x': 1}, {'memory_mib': 512, 'x': 1}))
    assert log.changes == [Change('host app-1', 'update', ('memory_mib: 256 → 512',))]


@pytest.mark.parametrize('operations', [('delete-replaced', 'replace', 'create-replacement'), ('replace', 'delete')])
def test_a_replacement_is_one_change(operations: tuple[str, ...]) -> None:
    log = EventLog()
    for operation in operations:
        log.listen(event('resourcePreEvent', operation, {'image': 'a'}, {'image': 'b'}))
    assert [(change.resource, change.operation) for change in log.changes] == [('host app-1', 'replace')]


def test_drift_tells_removed_stopped_and_changed_apart() -> None:
    log = EventLog()
    log.listen(event('resOutputsEvent', 'delete', {}, None))
    log.listen(event('resOutputsEvent', 'update', {'powered': True}, {'powered': False}))
    log.listen(event('resOutputsEvent', 'update', {'memory_mib': 1}, {'memory_mib': 2}))
    log.listen(event('resOutputsEvent', 'refresh', {'memory_mib': 1}, {'memory_mib': 1}))
    assert [drift.kind for drift in log.drifts] == ['removed', 'stopped', 'changed']
    assert log.drifts[2] == Drift('host app-1', 'changed', 'memory_mib: 1 → 2')


def test_an_error_is_said_once_and_without_the_engines_frame() -> None:
    log = EventLog()
    for message in ('error: 1 error occurred:\n\t* host app-1: ended\n', 'error: 1 error occurred: * host app-1: ended',
                    'error: update failed'):  # fmt: skip
        log.listen(diagnostic(message))
    log.listen(diagnostic('only a warning', 'warning'))
    assert log.errors == ['host app-1: ended']
