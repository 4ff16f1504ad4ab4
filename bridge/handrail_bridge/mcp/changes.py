"""Clients are told when the list of tools has changed, in both protocols.

From 2026-07-28 on a client asks for it (``subscriptions/listen``); those of before are told on
their connection, as the capability promises them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Any

import mcp_types as types
from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.server.session import ServerSession
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged

from handrail_bridge.mcp.approval import Context

MOST = 64  # connections of the old protocol, and streams of the new one
PATIENCE = 2.0  # s for one client to take it


class ChangingServer(Server[Any]):
    """A server whose clients of the old protocol, too, are promised word of changed tools."""

    def get_capabilities(
        self, notification_options: NotificationOptions | None = None, *more: Any, **named: Any
    ) -> types.ServerCapabilities:
        """Return what it can do."""
        del notification_options
        return super().get_capabilities(NotificationOptions(tools_changed=True), *more, **named)


class ListChanges:
    """Everybody who is to be told. What one client does not take costs the others nothing."""

    def __init__(self) -> None:
        self._bus = InMemorySubscriptionBus()
        self.listen = ListenHandler(self._bus, max_subscriptions=MOST)
        # A connection does not say when it ends; telling one that has ended does nothing.
        self._sessions: deque[ServerSession] = deque(maxlen=MOST)

    def hear(self, server: Server[Any]) -> None:
        """Have the server's clients of the old protocol remembered from their handshake on."""
        server.add_notification_handler(
            "notifications/initialized", types.NotificationParams, self._began
        )

    async def _began(self, context: Context, _: types.NotificationParams) -> None:
        self._sessions.append(context.session)

    async def tell(self) -> None:
        """Tell that there are other tools now."""
        await self._bus.publish(ToolsListChanged())
        await asyncio.gather(*(_told(session) for session in tuple(self._sessions)))


async def _told(session: ServerSession) -> None:
    changed = types.ToolListChangedNotification()
    with contextlib.suppress(TimeoutError):  # it reads nothing
        async with asyncio.timeout(PATIENCE):
            await session.send_notification(changed)
