"""Kinds of resources that the provider knows: what Pulumi's words mean for networks and hosts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import docker

from anlan.errors import Problem
from infra.lab import files, hosts, networks
from infra.lab.model import CHANGEABLE_IN_PLACE, Document, LabHost, LabNetwork
from infra.lab.wire import has_unknown

NETWORK_TYPE = 'lab:index:Network'
HOST_TYPE = 'lab:index:Host'


@dataclass(frozen=True)
class Seen:
    """A resource as it really is."""

    inputs: Document
    outputs: Document


class Kind(Protocol):
    """What the provider must know about a kind of resource. Inputs are canonical documents."""

    changeable_in_place: tuple[str, ...]

    def check(self, inputs: Document) -> tuple[Document, list[Problem]]:
        """Given raw inputs, return them in canonical form and all that is wrong with them."""

    def identifier(self, inputs: Document) -> str:
        """Given inputs, return the identifier that the resource has or will have."""

    def outputs(self, inputs: Document) -> Document:
        """Given inputs, return the outputs that are known before anything is made."""

    def create(self, client: docker.DockerClient, inputs: Document) -> Document:
        """Given inputs, make the resource and return its outputs."""

    def read(self, client: docker.DockerClient, identifier: str, known: Document) -> Seen | None:
        """Given an identifier and the inputs as known (empty on import), return what is there, None if it is gone."""

    def update(self, client: docker.DockerClient, before: Document, after: Document) -> Document:
        """Given the inputs before and after, change the resource in place and return its outputs."""

    def delete(self, client: docker.DockerClient, identifier: str) -> None:
        """Given an identifier, remove the resource."""


class NetworkKind:
    """A zone's network. Nothing about it can change while it lives."""

    changeable_in_place: tuple[str, ...] = ()

    def check(self, inputs: Document) -> tuple[Document, list[Problem]]:
        """Given raw inputs, return them in canonical form and all that is wrong with them."""
        return _checked(inputs, lambda document: LabNetwork.from_document(document).document())

    def identifier(self, inputs: Document) -> str:
        """Given inputs, return the network's name in Docker."""
        return LabNetwork.from_document(inputs).name

    def outputs(self, inputs: Document) -> Document:
        """Given inputs, return the outputs that are known before anything is made."""
        network = LabNetwork.from_document(inputs)
        return network.document() | {'network_name': network.name, 'bridge': network.bridge}

    def create(self, client: docker.DockerClient, inputs: Document) -> Document:
        """Given inputs, make the network and return its outputs."""
        networks.create(client, LabNetwork.from_document(inputs))
        return self.outputs(inputs)

    def read(self, client: docker.DockerClient, identifier: str, known: Document) -> Seen | None:
        """Given the network's name, return what is there, None if it is gone."""
        found = networks.read(client, identifier)
        return None if found is None else Seen(found.document(), self.outputs(found.document()))

    def update(self, client: docker.DockerClient, before: Document, after: Document) -> Document:
        """Given the inputs before and after (which are the same), make sure that the network is there."""
        return self.create(client, after)

    def delete(self, client: docker.DockerClient, identifier: str) -> None:
        """Given the network's name, remove it."""
        networks.delete(client, identifier)


class HostKind:
    """A host. Its input `networks` says by zone which network it stands in; it comes from the networks' outputs."""

    changeable_in_place: tuple[str, ...] = CHANGEABLE_IN_PLACE

    def check(self, inputs: Document) -> tuple[Document, list[Problem]]:
        """Given raw inputs, return them in canonical form and all that is wrong with them."""
        rest = {key: value for key, value in inputs.items() if key != 'networks'}
        document, problems = _checked(rest, lambda raw: LabHost.from_document(raw).document())
        given = inputs.get('networks') or {}
        if set(given) != set(document.get('addresses') or {}):
            problems.append(Problem('networks', 'must name the network of each zone in addresses, and no other'))
        return document | {'networks': given}, problems

    def identifier(self, inputs: Document) -> str:
        """Given inputs, return the container's name."""
        return LabHost.from_document(inputs).container

    def outputs(self, inputs: Document) -> Document:
        """Given inputs, return the outputs that are known before anything is made; the host's key is not."""
        return dict(inputs)

    def create(self, client: docker.DockerClient, inputs: Document) -> Document:
        """Given inputs, make and start the host and return its outputs."""
        return inputs | {'ssh_host_key': hosts.create(client, LabHost.from_document(inputs))}

    def read(self, client: docker.DockerClient, identifier: str, known: Document) -> Seen | None:
        """Given the container's name and the inputs as known, return what is there, None if it is gone."""
        found = hosts.read(client, identifier, LabHost.from_document(known) if known else None)
        container = hosts.find(client, identifier)
        if found is None or container is None:
            return None
        inputs = found.document() | {'networks': found.networks}
        return Seen(inputs, inputs | {'ssh_host_key': files.host_key(container)})

    def update(self, client: docker.DockerClient, before: Document, after: Document) -> Document:
        """Given the inputs before and after, change the host in place, start it, and return its outputs."""
        key = hosts.update(client, LabHost.from_document(after), LabHost.from_document(before))
        return after | {'ssh_host_key': key}

    def delete(self, client: docker.DockerClient, identifier: str) -> None:
        """Given the container's name, remove it."""
        hosts.delete(client, identifier)


KINDS: dict[str, Kind] = {NETWORK_TYPE: NetworkKind(), HOST_TYPE: HostKind()}


def kind_of(urn: str) -> Kind:
    """Given a resource's URN, return its kind. Raise KeyError for a type that the provider does not know."""
    return KINDS[urn.split('::')[2].rsplit('$', maxsplit=1)[-1]]


def _checked(inputs: Document, canonical: Callable[[Document], Document]) -> tuple[Document, list[Problem]]:
    if has_unknown(inputs):
        return inputs, []  # checked again when everything is known
    known = {key: value for key, value in inputs.items() if not key.startswith('__')}
    try:
        document = canonical(known)
    except KeyError as error:
        return known, [Problem(str(error.args[0]), 'is missing')]
    except (ValueError, TypeError, AttributeError) as error:
        return known, [Problem('', str(error))]
    unknown_keys = sorted(set(known) - set(document))
    return document, [Problem(key, 'is an unknown key') for key in unknown_keys]
