"""The provider's answers, without an engine and without Docker."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2, status_pb2
from pulumi.runtime.rpc import UNKNOWN

from anlan.errors import AnlanError
from infra.lab import kinds
from infra.lab.errors import DidNotComeUp
from infra.lab.model import LabHost, LabNetwork
from infra.lab.provider import LabProvider
from infra.lab.wire import to_document, to_struct

NETWORK = LabNetwork('lab', 'app', IPv4Network('198.18.20.0/24'), IPv4Address('198.18.20.254'))
HOST = LabHost('lab', 'app-1', 'image:1', {'app': IPv4Address('198.18.20.11')}, 256, 'ssh-x A b')
INPUTS = HOST.document() | {'networks': HOST.networks}
NETWORK_URN = f'urn:pulumi:lab::anlan::{kinds.NETWORK_TYPE}::app'
HOST_URN = f'urn:pulumi:lab::anlan::{kinds.HOST_TYPE}::app-1'


class Aborted(Exception):
    pass


class Context:
    """As much of a gRPC context as the provider uses."""

    def __init__(self) -> None:
        self.status: grpc.StatusCode | None = None
        self.details = ''
        self.metadata: Any = ()

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        self.status, self.details = code, details
        raise Aborted(details)

    def code(self) -> grpc.StatusCode | None:
        return self.status

    def set_trailing_metadata(self, metadata: Any) -> None:
        self.metadata = metadata


@pytest.fixture
def provider() -> LabProvider:
    def no_docker() -> Any:
        raise AnlanError('Docker is not running')

    return LabProvider(no_docker)


def diff(provider: LabProvider, urn: str, before: dict[str, Any], after: dict[str, Any]) -> Any:
    request = provider_pb2.DiffRequest(urn=urn, old_inputs=to_struct(before), news=to_struct(after))
    return provider.Diff(request, Context())


def test_the_wire_keeps_whole_numbers_whole() -> None:
    document = {'a': 1, 'b': [2.5, True], 'c': {'d': 3}}
    kept = to_document(to_struct(document))
    assert json.dumps(kept, sort_keys=True) == json.dumps(document, sort_keys=True)


def test_the_same_inputs_are_no_change(provider: LabProvider) -> None:
    answer = diff(provider, HOST_URN, INPUTS, INPUTS)
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert not answer.detailedDiff


@pytest.mark.parametrize('change', [{'memory_mib': 512}, {'ssh_public_key': 'ssh-x B c'}, {'powered': False}])
def test_memory_key_and_power_change_in_place(provider: LabProvider, change: dict[str, Any]) -> None:
    answer = diff(provider, HOST_URN, INPUTS, INPUTS | change)
    assert list(answer.replaces) == []
    assert not answer.deleteBeforeReplace
    assert {key: entry.kind for key, entry in answer.detailedDiff.items()} == dict.fromkeys(
        change, provider_pb2.PropertyDiff.UPDATE
    )


@pytest.mark.parametrize(
    'change', [{'image': 'image:2'}, {'addresses': {'app': '198.18.20.12'}}, {'networks': {'app': UNKNOWN}}]
)
def test_image_addresses_and_networks_need_a_new_host_after_the_old_is_gone(
    provider: LabProvider, change: dict[str, Any]
) -> None:
    answer = diff(provider, HOST_URN, INPUTS, INPUTS | change)
    assert list(answer.replaces) == list(change)
    assert answer.deleteBeforeReplace
    assert answer.detailedDiff[next(iter(change))].kind == provider_pb2.PropertyDiff.UPDATE_REPLACE


def test_every_change_of_a_network_replaces_it(provider: LabProvider) -> None:
    after = NETWORK.document() | {'gateway': '198.18.20.253'}
    assert list(diff(provider, NETWORK_URN, NETWORK.document(), after).replaces) == ['gateway']


def check(provider: LabProvider, inputs: dict[str, Any]) -> list[str]:
    request = provider_pb2.CheckRequest(urn=HOST_URN, news=to_struct(inputs))
    return [f'{failure.property}: {failure.reason}' for failure in provider.Check(request, Context()).failures]


def test_check_says_what_is_wrong() -> None:
    provider = LabProvider()
    assert check(provider, INPUTS) == []
    assert check(provider, INPUTS | {'colour': 'red'}) == ['colour: is an unknown key']
    assert 'is below 64' in check(provider, INPUTS | {'memory_mib': 1})[0]
    assert check(provider, {key: value for key, value in INPUTS.items() if key != 'image'})[0] == 'image: is missing'
    assert check(provider, INPUTS | {'networks': {}})[0].startswith('networks: must name')


def test_check_waits_with_what_is_not_known_yet(provider: LabProvider) -> None:
    assert check(provider, INPUTS | {'networks': {'app': UNKNOWN}}) == []
    assert check(provider, INPUTS | {'ssh_public_key': UNKNOWN, 'memory_mib': 1}) == []


def test_a_preview_needs_no_docker(provider: LabProvider) -> None:
    request = provider_pb2.CreateRequest(urn=NETWORK_URN, properties=to_struct(NETWORK.document()), preview=True)
    assert to_document(provider.Create(request, Context()).properties)['network_name'] == 'anlan-lab-app'


def test_an_error_of_ours_reaches_the_user_as_its_sentence(provider: LabProvider) -> None:
    context = Context()
    request = provider_pb2.CreateRequest(urn=NETWORK_URN, properties=to_struct(NETWORK.document()))
    with pytest.raises(Aborted):
        provider.Create(request, context)
    assert (context.status, context.details) == (grpc.StatusCode.UNKNOWN, 'Docker is not running')


def test_a_host_that_does_not_come_up_is_handed_to_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object) -> str:
        raise DidNotComeUp('host app-1: ended')

    monkeypatch.setattr('infra.lab.kinds.hosts.create', fail)
    context = Context()
    with pytest.raises(Aborted):
        LabProvider(lambda: object()).Create(  # type: ignore[arg-type, return-value]
            provider_pb2.CreateRequest(urn=HOST_URN, properties=to_struct(INPUTS)), context
        )
    ((key, packed),) = context.metadata
    status, detail = status_pb2.Status.FromString(packed), provider_pb2.ErrorResourceInitFailed()
    assert key == 'grpc-status-details-bin'
    assert status.details[0].Unpack(detail)
    assert (detail.id, list(detail.reasons)) == ('anlan-lab-app-1', ['host app-1: ended'])
    assert to_document(detail.inputs) == INPUTS
