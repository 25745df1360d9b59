"""A stand-in for the cloud's provider plugin: takes what Pulumi's engine asks for and keeps it in a file.

It knows nothing of the cloud: what it proves is our part, between the platform file and the plugin.
"""

# ruff: noqa: N802 - the names are those of the engine's interface
from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from infra.lab.wire import to_document, to_struct

STATE = 'ANLAN_STAND_IN_STATE'
ALIASES = {'Domain': 'delivery.provider.example', 'DomainResource': 'shield.provider.example'}


@contextmanager
def kept(file: Path) -> Iterator[dict[str, Any]]:
    """Given the file of what stands, hand it out to be changed; nobody else changes it meanwhile."""
    with file.open('r+', encoding='utf-8') as open_file:
        fcntl.flock(open_file, fcntl.LOCK_EX)
        text = open_file.read()
        state: dict[str, Any] = json.loads(text) if text else {}
        yield state
        open_file.seek(0)
        open_file.truncate()
        open_file.write(json.dumps(state))


class StandIn(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine's calls for any kind of resource."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version='4.0.0')

    def GetSchema(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema='{"name": "alicloud", "version": "4.0.0"}')

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def Check(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:
        before, after = to_document(request.old_inputs), to_document(request.news)
        changed = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
        changed = [key for key in changed if not key.startswith('__')]
        kind = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=kind, diffs=changed)

    def Create(self, request: Any, context: Any) -> Any:
        inputs = to_document(request.properties)
        kind, name = request.urn.split('::')[2].rsplit(':', 1)[-1], request.urn.rsplit('::', 1)[-1]
        outputs = inputs | ({'cname': ALIASES[kind]} if kind in ALIASES else {})
        if request.preview:
            return provider_pb2.CreateResponse(properties=to_struct(outputs))
        identifier = f'{kind}/{name}'
        with kept(self._file) as state:
            state[identifier] = inputs
        return provider_pb2.CreateResponse(id=identifier, properties=to_struct(outputs))

    def Update(self, request: Any, context: Any) -> Any:
        after = to_document(request.news)
        kind = request.id.split('/')[0]
        if not request.preview:
            with kept(self._file) as state:
                state[request.id] = after
        return provider_pb2.UpdateResponse(
            properties=to_struct(after | ({'cname': ALIASES[kind]} if kind in ALIASES else {}))
        )

    def Read(self, request: Any, context: Any) -> Any:
        with kept(self._file) as state:
            seen = state.get(request.id)
        if seen is None:
            return provider_pb2.ReadResponse()
        kind = request.id.split('/')[0]
        outputs = seen | ({'cname': ALIASES[kind]} if kind in ALIASES else {})
        return provider_pb2.ReadResponse(id=request.id, properties=to_struct(outputs), inputs=to_struct(seen))

    def Delete(self, request: Any, context: Any) -> Any:
        with kept(self._file) as state:
            state.pop(request.id, None)
        return empty_pb2.Empty()


def main() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(StandIn(Path(os.environ[STATE])), server)
    port = server.add_insecure_port('127.0.0.1:0')
    server.start()
    sys.stdout.write(f'{port}\n')
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == '__main__':
    main()
