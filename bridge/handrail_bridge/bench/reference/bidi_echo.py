"""A bare bidirectional stream of gRPC: ``python -m ... SIZE PARENT`` answers with so many bytes.

Frozen: it is never made slower. Its event loop is uvloop's, as the bridge's is. Prints its port.
"""

from __future__ import annotations

import gc
import sys
from typing import Any

import grpc
import grpc.aio
import uvloop
from handrail_sim.lifeline import die_with

SERVICE, METHOD = "bench.Echo", "Talk"


async def _serve(size: int) -> None:
    said = bytes(size)

    async def talk(_requests: Any, context: Any) -> None:
        while await context.read() is not grpc.aio.EOF:
            await context.write(said)

    server = grpc.aio.server()
    handlers: dict[str, Any] = {METHOD: grpc.stream_stream_rpc_method_handler(talk)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)  # noqa: T201  for who waits
    await server.start()
    gc.collect()
    gc.freeze()  # as the bridge does
    await server.wait_for_termination()


if __name__ == "__main__":
    die_with(int(sys.argv[2]))
    uvloop.run(_serve(int(sys.argv[1])))
