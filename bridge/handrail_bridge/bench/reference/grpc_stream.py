"""A bare stream of gRPC: ``python -m ... SIZE RATE PARENT`` sends so many bytes so often.

Frozen: it is never made slower. Its event loop is uvloop's, as the bridge's is. Prints its port.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import Any

import grpc
import grpc.aio
import uvloop
from handrail_sim.lifeline import die_with

SERVICE, METHOD = "bench.Echo", "Watch"


async def _serve(size: int, rate: float) -> None:
    said = bytes(size)

    async def watch(_request: bytes, context: Any) -> None:
        while True:
            await context.write(said)
            await asyncio.sleep(1 / rate)

    server = grpc.aio.server()
    handlers: dict[str, Any] = {METHOD: grpc.unary_stream_rpc_method_handler(watch)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)  # noqa: T201  for who waits
    await server.start()
    gc.collect()
    gc.freeze()  # as the bridge does
    await server.wait_for_termination()


if __name__ == "__main__":
    die_with(int(sys.argv[3]))
    uvloop.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
