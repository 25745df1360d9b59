"""Pulumi's mocks: every resource that a program declares, as the engine would be given it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.rpc import _special_secret_sig, _special_sig_key, deserialize_properties


@dataclass(frozen=True)
class Secret:
    """A value that the engine was told to keep secret."""

    value: Any


@dataclass(frozen=True)
class Declared:
    """One resource as it was declared; secrets among its inputs stand as `Secret`."""

    kind: str
    name: str
    inputs: dict[str, Any]
    after: tuple[str, ...]
    parent: str
    secret_outputs: tuple[str, ...]


class Provider(pulumi.runtime.Mocks):  # type: ignore[misc]
    """Hand out the names that the provider would give, and answer no question."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        outputs = dict(args.inputs)
        if args.typ == 'alicloud:dcdn/domain:Domain':
            outputs['cname'] = 'delivery.provider.example'
        if args.typ == 'alicloud:ddos/domainResource:DomainResource':
            outputs['cname'] = 'shield.provider.example'
        return f'{args.name}-id', outputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        raise AssertionError(f'nothing is to be asked of the provider, but {args.token} was')


class Engine(MockMonitor):  # type: ignore[misc]
    """Note every declaration."""

    def __init__(self) -> None:
        super().__init__(Provider())
        self.declared: list[Declared] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the engine's own name
        answer = super().RegisterResource(request)
        if request.type != 'pulumi:pulumi:Stack':
            self.declared.append(
                Declared(
                    kind=request.type,
                    name=request.name,
                    inputs=_revealed(deserialize_properties(request.object)),
                    after=tuple(sorted(urn.rsplit('::', 1)[-1] for urn in request.dependencies)),
                    parent=request.parent.rsplit('::', 1)[-1],
                    secret_outputs=tuple(request.additionalSecretOutputs),
                )
            )
        return answer


def declared_by(program: Callable[[], Any]) -> tuple[list[Declared], Any, dict[str, Any]]:
    """Given a program, run it under mocks; return what it declared, its own result and its exports, resolved."""
    engine = Engine()
    pulumi.runtime.settings.reset_options()
    pulumi.runtime.set_mocks(engine.mocks, monitor=engine)
    found: list[Any] = []

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def run() -> Any:
        result = program()
        exports = pulumi.runtime.get_root_resource().outputs
        return pulumi.Output.all(result, exports).apply(found.append)

    run()
    ((result, exports),) = found
    return engine.declared, result, exports


def _revealed(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get(_special_sig_key) == _special_secret_sig:
            return Secret(_revealed(value['value']))
        return {key: _revealed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_revealed(item) for item in value]
    return value
