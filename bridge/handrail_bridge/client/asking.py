"""How a client awaits the bridge: with a limit, and with the error that the bridge raised."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable
from typing import Any

import grpc.aio
from handrail_drivers.errors import ProcessLost

from handrail_bridge.client.patience import Patience
from handrail_bridge.rpc.status import from_rpc

ANSWER = 15.0  # s, longest wait for one answer
SILENCE = 10.0  # s without a message on a stream that talks all the time


async def ask(call: Awaitable[Any]) -> Any:
    """Return the answer to a call, or raise the error of ours that its status carries."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise from_rpc(error) from None


async def events(call: Any, request: Any = None) -> AsyncGenerator[Any, None]:
    """Yield what a stream sends, after a request for each where there is one; leaving ends it.

    Raises:
        HandrailError: the bridge's own.
        ProcessLost: it fell silent.
    """
    patience = Patience(SILENCE)
    try:
        while True:
            # no wait_for: before Python 3.12 it loses a cancellation in the moment of a message
            with patience:
                if request is not None and not call.done():
                    await call.write(request)
                event = await call.read()
            if event is grpc.aio.EOF:
                return
            yield event
    except grpc.aio.AioRpcError as error:
        raise from_rpc(error) from None
    except TimeoutError:
        raise ProcessLost(f"The bridge sent nothing for {SILENCE:g} s.") from None
    finally:
        patience.close()
        call.cancel()
