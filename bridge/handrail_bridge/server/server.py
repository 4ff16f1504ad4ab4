"""The doors: Rail on loopback and on the operator's socket, Operator on the socket alone.

Health and reflection are served on both, so that foreign clients work unaided.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc
from handrail.v1 import mail_pb2, mail_pb2_grpc, rail_pb2, rail_pb2_grpc
from handrail_drivers.errors import NotPermittedRole, Refused

from handrail_bridge.mailbox import Mailbox, MailService
from handrail_bridge.rail.rail import Rail
from handrail_bridge.server.operator import OperatorService
from handrail_bridge.server.service import RailService
from handrail_bridge.server.standard import Health, Reflection

MESSAGE_LIMIT = 1 << 20  # bytes that a client may send at once
CALLS = 336  # of one connection at a time; those that may last have places (places.py)
GRACE = 1.0  # s for running calls when the server closes
RAIL = rail_pb2.DESCRIPTOR.services_by_name["Rail"].full_name
MAILBOX = mail_pb2.DESCRIPTOR.services_by_name["Mailbox"].full_name
OPERATOR = rail_pb2.DESCRIPTOR.services_by_name["Operator"].full_name


class Server:
    """Both doors of the bridge."""

    def __init__(self, service: RailService, rail: Rail, mailbox: Mailbox) -> None:
        self._mail = MailService(mailbox)
        self._service = service
        self._rail = rail
        self._servers: list[grpc.aio.Server] = []
        self._health: list[Health] = []
        self.address = ""

    async def start(self, listen: str, operator_socket: Path) -> None:
        """Serve agents on ``listen`` (loopback ``host:port``) and operators on their socket.

        Raises:
            NotPermittedRole: ``listen`` is no loopback address.
            Refused: the port is taken.
        """
        host = loopback(listen)
        agents = await self._door((RAIL, MAILBOX))
        port = _bind(agents, listen)
        operators = await self._door((RAIL, MAILBOX, OPERATOR))
        rail_pb2_grpc.add_OperatorServicer_to_server(OperatorService(self._rail), operators)
        with _umask(0o177):
            _bind(operators, f"unix:{operator_socket}")
            await operators.start()
        await agents.start()
        gc.collect()
        gc.freeze()  # what is loaded stays: no call waits while the collector looks at it again
        self.address = f"{host}:{port}"

    async def close(self) -> None:
        """Let running calls end within a moment, then close both doors."""
        for service in self._health:
            await service.enter_graceful_shutdown()
        await asyncio.gather(*(server.stop(GRACE) for server in self._servers))

    async def _door(self, services: tuple[str, ...]) -> grpc.aio.Server:
        server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", MESSAGE_LIMIT),
                ("grpc.so_reuseport", 0),  # a second bridge must not share the port
                # Not of all together: calls that are opened and never made would keep stops out.
                ("grpc.max_concurrent_streams", CALLS),
            ],
        )
        rail_pb2_grpc.add_RailServicer_to_server(self._service, server)
        mail_pb2_grpc.add_MailboxServicer_to_server(self._mail, server)
        checks = Health()
        health_pb2_grpc.add_HealthServicer_to_server(checks, server)
        for name in ("", *services):
            await checks.set(name, health_pb2.HealthCheckResponse.SERVING)
        names = (*services, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(Reflection(names), server)
        self._servers.append(server)
        self._health.append(checks)
        return server


def loopback(listen: str) -> str:
    """Return the host of ``host:port``, or refuse one that others could reach."""
    host, _, port = listen.rpartition(":")
    try:
        local = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        local = host == "localhost"
    if not local or not port.isdigit():
        raise NotPermittedRole(
            f"Handrail listens on loopback only, not on {listen!r}: "
            "beyond it, a network address would need TLS and a token.",
            field="listen",
            value=listen,
            limit="127.0.0.1:PORT",
            hint="use 127.0.0.1:0 and forward the port over ssh",
        )
    return host


def _bind(server: grpc.aio.Server, address: str) -> int:
    try:
        return int(server.add_insecure_port(address))
    except RuntimeError:
        raise Refused(
            f"{address} is taken by another program.", field="listen", value=address
        ) from None


@contextlib.contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)
