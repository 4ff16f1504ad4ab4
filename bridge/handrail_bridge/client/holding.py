"""How a client holds a lease: a stream that it keeps alive, and that ends with it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc.aio
from handrail.v1 import rail_pb2 as rpc
from handrail_drivers.errors import HandrailError, ProcessLost

from handrail_bridge.client.asking import ANSWER, ask
from handrail_bridge.reports import OwnLease
from handrail_bridge.rpc import messages


@contextlib.asynccontextmanager
async def held(
    call: Any,
    request: rpc.HoldLeaseRequest,
    on_lost: Callable[[HandrailError], None] = lambda _: None,
) -> AsyncIterator[OwnLease]:
    """Keep a lease alive on a stream of its own while the block runs.

    ``on_lost`` is told why, should it be lost before.

    Raises:
        LeaseRefused: another client holds one of the devices.
        NotPermittedRole: an agent cannot take over.
        ProcessLost: the bridge does not answer.
    """
    lease = await ask(_exchange(call, request, ANSWER + request.wait_s))
    beating = asyncio.create_task(_beat(call, request, lease.remaining, on_lost))
    try:
        yield lease
    finally:
        beating.cancel()
        call.cancel()  # first: who is being cancelled may not get beyond the next await
        await asyncio.gather(beating, return_exceptions=True)


async def _exchange(call: Any, request: rpc.HoldLeaseRequest, patience: float) -> OwnLease:
    try:
        async with asyncio.timeout(patience):
            await call.write(request)
            answer = await call.read()
    except TimeoutError:
        raise ProcessLost(f"The bridge did not answer within {patience:g} s.") from None
    except asyncio.InvalidStateError:  # what grpc says of a stream that has ended
        raise ProcessLost("The bridge ended the lease.") from None
    if answer is grpc.aio.EOF:
        raise ProcessLost("The bridge ended the lease.")
    return messages.read_own_lease(answer)


async def _beat(
    call: Any,
    request: rpc.HoldLeaseRequest,
    life: float,
    on_lost: Callable[[HandrailError], None],
) -> None:
    period = life / 4
    try:
        while True:
            await asyncio.sleep(period)
            await ask(_exchange(call, request, life - period))  # then it has lapsed
    except HandrailError as error:
        on_lost(error)
