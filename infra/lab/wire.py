"""The provider's wire: plain data to and from Pulumi's messages, and errors as Pulumi reads them."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2
from pulumi.runtime.rpc import UNKNOWN

from infra.lab.model import Document

STATUS_DETAILS_KEY = 'grpc-status-details-bin'
INIT_FAILED_CODE = 2
"""gRPC's UNKNOWN, the code under which Pulumi looks for the details of a partial failure."""


def to_document(struct: Any) -> Document:
    """Given a message's properties, return plain data; whole numbers are int, which the wire does not know."""
    document: Document = _whole(json_format.MessageToDict(struct))
    return document


def to_struct(document: Document) -> Any:
    """Given plain data, return a message's properties."""
    struct = struct_pb2.Struct()
    json_format.ParseDict(document, struct)
    return struct


def has_unknown(value: Any) -> bool:
    """Given plain data, return whether a part of it is known only after another resource is made."""
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return bool(value == UNKNOWN)


def init_failed_metadata(
    identifier: str, inputs: Document, outputs: Document, reason: str
) -> tuple[tuple[str, bytes], ...]:
    """Given a resource that was made but does not work, return the metadata that keep it in Pulumi's state."""
    detail = provider_pb2.ErrorResourceInitFailed(
        id=identifier, properties=to_struct(outputs), inputs=to_struct(inputs), reasons=[reason]
    )
    status = status_pb2.Status(code=INIT_FAILED_CODE, message=reason)
    status.details.add().Pack(detail)
    return ((STATUS_DETAILS_KEY, status.SerializeToString()),)


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
