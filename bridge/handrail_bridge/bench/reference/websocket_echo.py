"""JSON on a websocket, as rosbridge layers speak: ``python -m ... SIZE PARENT``. Prints its port.

Frozen: it is never made slower. Its event loop is uvloop's, as the bridge's is. It parses what
comes, and answers with so many bytes of JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from typing import Any

import uvloop
import websockets.asyncio.server
from handrail_sim.lifeline import die_with


async def _serve(size: int) -> None:
    async def talk(socket: Any) -> None:
        async for message in socket:
            json.loads(message)
            await socket.send(json.dumps({"answer": "." * (size - 14)}))

    async with websockets.asyncio.server.serve(talk, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  for who waits
        gc.collect()
        gc.freeze()  # as the bridge does
        await asyncio.Event().wait()


if __name__ == "__main__":
    die_with(int(sys.argv[2]))
    uvloop.run(_serve(int(sys.argv[1])))
