"""Health and reflection as gRPC defines them, for so many clients at a time.

Both are streams that last as long as a client likes: without a limit one client takes all calls.
"""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Any

from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection

from handrail_bridge.server.answering import Context, streaming
from handrail_bridge.server.places import PROBES, Places


class Health(health.aio.HealthServicer):  # type: ignore[misc]  # it has no types
    """grpc.health.v1.Health."""

    def __init__(self) -> None:
        super().__init__()
        self._places = Places(PROBES, "watches of the bridge's health")

    @streaming
    async def Watch(self, request: health_pb2.HealthCheckRequest, context: Context) -> None:
        with self._places:
            await super().Watch(request, context)


class Reflection(reflection.aio.ReflectionServicer):  # type: ignore[misc]  # it has no types
    """grpc.reflection.v1alpha.ServerReflection."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(names)
        self._places = Places(PROBES, "streams of reflection")

    @streaming
    async def ServerReflectionInfo(self, requests: AsyncIterable[Any], context: Context) -> None:
        with self._places:
            async for answer in super().ServerReflectionInfo(requests, context):
                await context.write(answer)
