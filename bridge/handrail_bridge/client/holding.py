"""How a client holds a lease: a stream that it keeps alive, and that ends with it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
from handrail.v1 import rail_pb2 as rpc
from handrail_drivers.errors import ProcessLost

from handrail_bridge.client.asking import ANSWER, ask
from handrail_bridge.reports import OwnLease
from handrail_bridge.rpc import messages


@contextlib.asynccontextmanager
async def held(call: Any, request: rpc.HoldLeaseRequest) -> AsyncIterator[OwnLease]:
    """Keep a lease alive on a stream of its own while the block runs.

    Raises:
        LeaseRefused: another client holds one of the devices.
        NotPermittedRole: an agent cannot take over.
        ProcessLost: the bridge does not answer.
    """
    lease = await ask(_exchange(call, request, request.wait_s))
    beating = asyncio.create_task(_beat(call, request, lease.remaining / 4))
    try:
        yield lease
    finally:
        beating.cancel()
        call.cancel()  # first: who is being cancelled may not get beyond the next await
        await asyncio.gather(beating, return_exceptions=True)


async def _exchange(call: Any, request: rpc.HoldLeaseRequest, wait: float = 0.0) -> OwnLease:
    try:
        async with asyncio.timeout(ANSWER + wait):
            await call.write(request)
            answer = await call.read()
    except TimeoutError:
        raise ProcessLost(f"The bridge did not answer within {ANSWER + wait:g} s.") from None
    if answer is grpc.aio.EOF:
        raise ProcessLost("The bridge ended the lease.")
    return messages.read_own_lease(answer)


async def _beat(call: Any, request: rpc.HoldLeaseRequest, period: float) -> None:
    while True:
        await asyncio.sleep(period)
        await _exchange(call, request)
