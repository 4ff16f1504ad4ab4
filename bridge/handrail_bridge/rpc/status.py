"""HandrailError <-> google.rpc.Status, so that a client raises the class that the bridge raised.

``handrail.v1.ErrorDetail`` rides in the status details and carries the machine-readable part.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

import grpc.aio
from google.protobuf import any_pb2
from google.rpc import status_pb2
from handrail.v1 import error_pb2
from handrail_drivers.errors import (
    HandrailError,
    InvalidRequest,
    MotionStopped,
    NotPermittedRole,
    ProcessLost,
    error_class,
)

TRAILER = "grpc-status-details-bin"
SENTENCE, FIELD, CHOICES = 1000, 200, 40  # trailers are short: what a client sent may not be


def to_status(error: HandrailError) -> status_pb2.Status:
    """Return the status of an error, its detail packed."""
    detail = error_pb2.ErrorDetail(
        code=error.code,
        message=error.message[:SENTENCE],
        field=error.field[:FIELD],
        value_json=_bounded(error.value),
        limit_json=_bounded(error.limit),
        unit=error.unit,
        hint=error.hint[:SENTENCE],
        choices=error.choices[:CHOICES],
    )
    packed = any_pb2.Any()
    packed.Pack(detail)
    code: int = grpc.StatusCode[error.status].value[0]
    return status_pb2.Status(code=code, message=str(error)[:SENTENCE], details=[packed])


def _bounded(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= FIELD else json.dumps(f"{text[:FIELD]}...")


def from_status(status: status_pb2.Status) -> HandrailError:
    """Return the error that :func:`to_status` was given: same class, same parts."""
    detail = error_pb2.ErrorDetail()
    if not any(packed.Unpack(detail) for packed in status.details):
        return HandrailError(status.message)
    parts = {
        "message": detail.message,
        "field": detail.field,
        "value": json.loads(detail.value_json or "null"),
        "limit": json.loads(detail.limit_json or "null"),
        "unit": detail.unit,
        "hint": detail.hint,
        "choices": tuple(detail.choices),
    }
    return error_class(detail.code).restore(parts)


def from_rpc(error: grpc.aio.AioRpcError) -> HandrailError:
    """Return what the bridge raised, or, where it had no say, what happened to the call."""
    for key, value in error.trailing_metadata() or ():
        if key == TRAILER and isinstance(value, bytes):
            return from_status(status_pb2.Status.FromString(value))
    sentence = error.details() or error.code().name
    match error.code():
        case grpc.StatusCode.UNIMPLEMENTED:
            return NotPermittedRole(
                "This address does not offer that service.",
                hint="acts of the operator go over the operator's Unix socket",
            )
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.INTERNAL:  # grpc's own, of a cut stream
            return ProcessLost("The bridge does not answer.", hint="start it: handrail up CELL")
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return ProcessLost("The bridge did not answer in time.")
        case grpc.StatusCode.RESOURCE_EXHAUSTED | grpc.StatusCode.INVALID_ARGUMENT:
            return InvalidRequest(sentence)
        case grpc.StatusCode.CANCELLED:
            return MotionStopped("The call was cancelled.")
    return HandrailError(sentence)


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: HandrailError) -> NoReturn:
    """End a call with this error. Raises, as grpc's own abort does."""
    status = to_status(error)
    trailer = ((TRAILER, status.SerializeToString()),)
    await context.abort(grpc.StatusCode[error.status], status.message, trailer)
