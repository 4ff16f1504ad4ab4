"""MCP as streamable HTTP, on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from handrail_drivers.errors import Refused
from mcp.server.lowlevel.server import Server

from handrail_bridge.mcp.server import GONE
from handrail_bridge.server.server import loopback

PATH = "/mcp"
GRACE = 1  # s for running calls when it ends
KEPT = 75  # s that a connection without a call is kept: clients think for longer than uvicorn


async def serve(server: Server[Any], listen: str, ready: Callable[[str], None]) -> None:
    """Serve until cancelled; ``ready`` is told the address.

    Raises:
        NotPermittedRole: ``listen`` is no loopback address.
        Refused: the port is taken.
    """
    host = loopback(listen)
    with contextlib.closing(_bound(host, int(listen.rpartition(":")[2]))) as bound:
        # with its host on loopback, the SDK takes no request that names another (DNS rebinding)
        app: Any = server.streamable_http_app(streamable_http_path=PATH, host=host.strip("[]"))
        config = uvicorn.Config(
            _noticing(app),
            log_config=None,
            ws="none",
            timeout_graceful_shutdown=GRACE,
            timeout_keep_alive=KEPT,
        )
        ready(f"http://{host}:{bound.getsockname()[1]}{PATH}")
        serving = _Uvicorn(config)
        task = asyncio.create_task(serving.serve(sockets=[bound]))
        try:
            await asyncio.shield(task)
        finally:
            serving.should_exit = True
            await asyncio.wait({task})


class _Uvicorn(uvicorn.Server):
    """Leaves signals to whoever started it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), port), family=family)
    except OSError as error:
        raise Refused(
            f"{host}:{port} cannot be listened on: {error.strerror}.", field="http", value=port
        ) from None


def _noticing(app: Any) -> Any:
    """Have a request's scope hold an event that is set once its client has left."""

    async def noticing(scope: Any, receive: Any, send: Any) -> None:
        gone = scope[GONE] = asyncio.Event()

        async def received() -> Any:
            message = await receive()
            if message["type"] == "http.disconnect":
                gone.set()
            return message

        await app(scope, received, send)

    return noticing
