"""How a handler of the gRPC services ends: with its answer, or with a status of ours."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar, cast

import grpc.aio
from handrail_drivers.errors import HandrailError

from handrail_bridge.rpc.status import abort

log = logging.getLogger(__name__)

S = TypeVar("S")
Q = TypeVar("Q")
A = TypeVar("A")
Context = grpc.aio.ServicerContext[Any, Any]
Handler = Callable[[S, Q, Context], Awaitable[A]]


def is_operators(context: Context) -> bool:
    """Tell whether a call came in by the operator's socket: there is no other Unix socket."""
    return bool(context.peer().startswith("unix:"))


def answering(handler: Handler[S, Q, A]) -> Handler[S, Q, A]:
    """Turn an error of ours into its status; a fault of ours is logged and says so."""

    @functools.wraps(handler)
    async def call(self: S, request: Q, context: Context) -> A:
        try:
            return await handler(self, request, context)
        except HandrailError as error:
            return await abort(context, error)
        except grpc.aio.AbortError:
            raise
        except grpc.aio.InternalError:  # of a write to a client that has just gone
            raise asyncio.CancelledError from None
        except Exception:  # a traceback belongs into our log, never into an answer
            log.exception("%s failed", handler.__name__)
            return await abort(context, HandrailError("The bridge failed; its log says how."))

    return call


def streaming(handler: Handler[S, Q, None]) -> Callable[[S, Q, Context], AsyncIterator[Any]]:
    """As :func:`answering`, for a handler that writes to its stream by itself.

    Such a handler is cancelled at once where its client leaves. grpc takes it as it takes
    generators, which is all that its type stubs know.
    """
    return cast(Any, answering(handler))  # type: ignore[no-any-return]  # see above
