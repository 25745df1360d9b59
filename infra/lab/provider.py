"""The Pulumi provider plugin `lab`: a thin layer over the Docker backend, which knows nothing of Pulumi.

Calls run in threads, as Docker's do; the plugin ends by itself when the engine that started it is gone.
"""

from __future__ import annotations

import argparse
import functools
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent import futures
from typing import Any

import docker
import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from anlan.errors import AnlanError
from infra.lab import engine
from infra.lab.errors import DidNotComeUp
from infra.lab.kinds import kind_of
from infra.lab.wire import has_unknown, init_failed_metadata, to_document, to_struct

VERSION = '0.1.0'
THREADS = 32
WATCH_SECONDS = 0.5
GRACE_SECONDS = 90.0
"""A host that is coming up may still come up; then it is no leftover."""

MESSAGE_BYTES = 64 * 1024 * 1024

Call = Callable[..., Any]


def _explained(call: Call) -> Call:
    """Given a call of the servicer, return it with errors as sentences for the user."""

    @functools.wraps(call)
    def guarded(self: LabProvider, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            with self.running:
                return call(self, request, context)
        except AnlanError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except Exception as error:
            if context.code() is not None:  # abort() itself raises
                raise
            traceback.print_exc(file=sys.stderr)
            context.abort(grpc.StatusCode.INTERNAL, f'{type(error).__name__}: {error}')
        raise AssertionError('abort raises')

    return guarded


class Running:
    """Counts the calls that run, so that the end of the plugin can wait for them and for nothing else."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    def __enter__(self) -> None:
        with self._condition:
            self._count += 1

    def __exit__(self, *details: object) -> None:
        with self._condition:
            self._count -= 1
            self._condition.notify_all()

    def wait_for_none(self, seconds: float) -> bool:
        """Wait until no call runs, at most `seconds`; return whether none does."""
        with self._condition:
            return self._condition.wait_for(lambda: self._count == 0, timeout=seconds)


class LabProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Answers Pulumi's calls for networks and hosts of the lab."""

    def __init__(self, connect: Callable[[], docker.DockerClient] = engine.connect) -> None:
        self.running = Running()
        self._connect = connect
        self._client: docker.DockerClient | None = None
        self._lock = threading.Lock()

    @property
    def client(self) -> docker.DockerClient:
        """Return the connection to Docker, made at first need: a check needs none. Raise AnlanError."""
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Tell the engine what we understand."""
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Accept an engine that found us running."""
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Go on with what runs: each operation has a deadline, and one that is finished leaves no leftover."""
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Return our version."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Return a schema that names the resources."""
        return provider_pb2.GetSchemaResponse(schema='{"name": "lab", "version": "' + VERSION + '"}')

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Accept the provider's configuration; it has none."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Say that no change of configuration replaces anything."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Tell the engine what we understand. Secrets stay with the engine: it marks them again in what we return."""
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    @_explained
    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Return the inputs in canonical form, and all that is wrong with them."""
        inputs, problems = kind_of(request.urn).check(to_document(request.news))
        return provider_pb2.CheckResponse(
            inputs=to_struct(inputs),
            failures=[provider_pb2.CheckFailure(property=problem.path, reason=problem.reason) for problem in problems],
        )

    @_explained
    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Return which inputs change and which of them need a new resource."""
        before, after = to_document(request.old_inputs), to_document(request.news)
        in_place = kind_of(request.urn).changeable_in_place
        changed = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
        changed = [key for key in changed if key not in request.ignoreChanges and not key.startswith('__')]
        replaces = [key for key in changed if key not in in_place]
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=changed,
            replaces=replaces,
            # Names and addresses are fixed, so the old one must make room first.
            deleteBeforeReplace=bool(replaces),
            detailedDiff={key: _property_diff(key, before, after, key in replaces) for key in changed},
            hasDetailedDiff=True,
        )

    @_explained
    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Make the resource, or in a preview say what it will be."""
        kind, inputs = kind_of(request.urn), to_document(request.properties)
        if request.preview:
            outputs = inputs if has_unknown(inputs) else kind.outputs(inputs)
            return provider_pb2.CreateResponse(properties=to_struct(outputs))
        identifier = kind.identifier(inputs)
        try:
            outputs = kind.create(self.client, inputs)
        except DidNotComeUp as error:
            self._abort_made(context, identifier, inputs, str(error))
        return provider_pb2.CreateResponse(id=identifier, properties=to_struct(outputs))

    @_explained
    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Change the resource in place, or in a preview say what it will be."""
        kind, before, after = kind_of(request.urn), to_document(request.old_inputs), to_document(request.news)
        if request.preview:
            kept = {key: value for key, value in to_document(request.olds).items() if key not in after}
            return provider_pb2.UpdateResponse(properties=to_struct(kept | after))
        try:
            outputs = kind.update(self.client, before, after)
        except DidNotComeUp as error:
            self._abort_made(context, request.id, after, str(error))
        return provider_pb2.UpdateResponse(properties=to_struct(outputs))

    @_explained
    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Return the resource as it really is; no identifier if it is gone."""
        seen = kind_of(request.urn).read(self.client, request.id, to_document(request.inputs))
        if seen is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=request.id, properties=to_struct(seen.outputs), inputs=to_struct(seen.inputs)
        )

    @_explained
    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Remove the resource; a resource that is gone is no error."""
        kind_of(request.urn).delete(self.client, request.id)
        return empty_pb2.Empty()

    @staticmethod
    def _abort_made(context: Any, identifier: str, inputs: dict[str, Any], reason: str) -> None:
        """End the call so that the engine keeps the resource in its state, marked as not working."""
        context.set_trailing_metadata(init_failed_metadata(identifier, inputs, inputs, reason))
        context.abort(grpc.StatusCode.UNKNOWN, reason)


def _property_diff(key: str, before: dict[str, Any], after: dict[str, Any], replaces: bool) -> Any:
    word = 'ADD' if key not in before else 'DELETE' if key not in after else 'UPDATE'
    kind = provider_pb2.PropertyDiff.Kind.Value(f'{word}_REPLACE' if replaces else word)
    return provider_pb2.PropertyDiff(kind=kind, inputDiff=True)


def serve(provider: LabProvider) -> tuple[grpc.Server, int]:
    """Given the provider, start its server and return it with its port."""
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=THREADS),
        options=[('grpc.max_receive_message_length', MESSAGE_BYTES)],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port('127.0.0.1:0')
    server.start()
    return server, port


def _end_with_parent(parent: int) -> None:
    """Wait until the engine that started us is gone, however it ended, and end too: nobody else would stop us."""
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os._exit(1)


def main() -> None:
    """Run the plugin until the engine ends it."""
    arguments = argparse.ArgumentParser(description='Pulumi provider plugin of the Anlan lab; the engine starts it.')
    arguments.add_argument('engine', nargs='?', help='address of the engine')
    arguments.parse_known_args()
    stopped = threading.Event()
    # The engine ends its plugins by SIGINT and kills those that are still there after 5 s.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: stopped.set())
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    provider = LabProvider()
    server, port = serve(provider)
    print(port, flush=True)
    stopped.wait()
    server.stop(GRACE_SECONDS)
    provider.running.wait_for_none(GRACE_SECONDS)
    os._exit(0)  # waiting for the engine's connection to close would cost 5 s now and then


if __name__ == '__main__':
    main()
