"""A stop finds room, whatever a client opens and never reads, on the real server."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from handrail.v1 import mail_pb2, mail_pb2_grpc, rail_pb2, rail_pb2_grpc
from handrail_bridge.bench.tools import instrument, watching
from handrail_bridge.bench.tools.door import Standing
from handrail_bridge.client import Client
from handrail_bridge.loop.state import Mode
from handrail_bridge.mailbox import Mailbox
from handrail_bridge.reports import Check
from handrail_bridge.server.places import LETTERS, LINES, PROBES, READERS, SLOTS, WATCHES
from handrail_bridge.server.server import CALLS, Server
from handrail_bridge.server.service import RailService
from handrail_drivers.errors import Refused
from handrail_sim.cell_file import load_cell

EACH = 150  # more than any place, and together more than calls in all
ROOM = 16  # for stops, and for what ends at once
LIMIT = 30.0  # s
PLAN = '{"steps": [{"tool": "arm_home"}]}'


class Stuck(Standing):
    """A rail whose checks never end."""

    cell = load_cell("desk")

    async def check(self, *_: object) -> Check:
        await asyncio.Event().wait()
        raise AssertionError

    async def stop(self, _: str) -> Mode:
        return Mode.STOPPED


class StuckMail(Mailbox):
    """A mailbox whose disk has gone: what takes a thread elsewhere ends never."""

    async def _found(self, *_: object) -> Any:
        await asyncio.Event().wait()


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    rail: Any = Stuck()
    mailbox = StuckMail(tmp_path)
    server = Server(RailService(rail, instrument.tools(), {}, tuple), rail, mailbox)
    await server.start("127.0.0.1:0", tmp_path / "o")
    yield server.address
    await server.close()
    mailbox.close()


def opened(channel: grpc.aio.Channel) -> list[Any]:
    """Open far too many of everything that lasts."""
    rail: Any = rail_pb2_grpc.RailStub(channel)
    mail: Any = mail_pb2_grpc.MailboxStub(channel)
    health: Any = health_pb2_grpc.HealthStub(channel)
    reflection: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    ways = (
        lambda: health.Watch(health_pb2.HealthCheckRequest()),
        reflection.ServerReflectionInfo,
        lambda: rail.WatchState(rail_pb2.WatchStateRequest(rate_hz=1)),
        rail.CallTools,
        lambda: rail.CheckPlan(rail_pb2.CheckPlanRequest(plan_json=PLAN)),
        lambda: mail.List(mail_pb2.ListRequest(wait_s=60)),
    )
    return [way() for way in ways for _ in range(EACH)]


def test_all_places_leave_room() -> None:
    lasting = SLOTS + WATCHES + LINES + READERS + LETTERS + 2 * PROBES
    assert lasting <= CALLS - ROOM


async def test_a_stop_finds_room_beside_all_that_lasts(address: str) -> None:
    async with grpc.aio.insecure_channel(address) as channel, asyncio.timeout(LIMIT):
        calls = opened(channel)
        while sum(not call.done() for call in calls) > CALLS - ROOM:
            await asyncio.sleep(0.05)
        assert not all(call.done() for call in calls)
        async with Client.connect(address) as client:
            assert await client.stop() == Mode.STOPPED
        for call in calls:
            call.cancel()


async def test_an_agent_takes_none_of_the_operators_places(address: str, tmp_path: Path) -> None:
    request = rail_pb2.WatchStateRequest(rate_hz=1)
    async with grpc.aio.insecure_channel(address) as channel, asyncio.timeout(LIMIT):
        rail: Any = rail_pb2_grpc.RailStub(channel)
        calls = [rail.WatchState(request) for _ in range(EACH)]
        while sum(call.done() for call in calls) < EACH - WATCHES:
            await asyncio.sleep(0.05)
        async with grpc.aio.insecure_channel(f"unix:{tmp_path / 'o'}") as operators:
            own: Any = rail_pb2_grpc.RailStub(operators)
            assert await own.WatchState(request).read() is not grpc.aio.EOF
        for call in calls:
            call.cancel()


async def test_fifty_watch_the_state_and_a_stop_finds_room(address: str) -> None:
    async with contextlib.AsyncExitStack() as stack, asyncio.timeout(LIMIT):
        for _ in range(watching.WATCHERS):
            client = await stack.enter_async_context(Client.connect(address))
            states = await stack.enter_async_context(contextlib.aclosing(client.watch(1.0)))
            assert (await anext(states)).mode == Mode.ARMED
        plan = client.check({"steps": [{"tool": "arm_home"}]})  # watches take no calls' places
        checking = asyncio.create_task(plan)
        assert await client.stop() == Mode.STOPPED
        assert not checking.done()
        checking.cancel()


async def test_a_benchmark_whose_watchers_are_refused_says_so(address: str) -> None:
    request = rail_pb2.WatchStateRequest(rate_hz=1)
    async with grpc.aio.insecure_channel(address) as channel, asyncio.timeout(LIMIT):
        rail: Any = rail_pb2_grpc.RailStub(channel)
        calls = [rail.WatchState(request) for _ in range(WATCHES)]
        for call in calls:
            await call.read()
        with pytest.raises(Refused, match=f"{WATCHES} watches are open"):
            await watching.ours(address, os.getpid(), LIMIT)
        for call in calls:
            call.cancel()


async def test_a_stop_finds_room_beside_calls_that_are_opened_and_never_made(address: str) -> None:
    async def nothing() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async with contextlib.AsyncExitStack() as stack, asyncio.timeout(LIMIT):
        calls: list[Any] = []
        for number in range(4):
            own = [("grpc.use_local_subchannel_pool", 1), ("number", number)]
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(address, own))
            stop: Any = channel.stream_unary("/handrail.v1.Rail/Stop")
            calls += [stop(nothing()) for _ in range(EACH)]
        async with Client.connect(address) as client:
            assert await client.stop() == Mode.STOPPED
        for call in calls:
            call.cancel()


async def test_health_and_reflection_answer_those_who_ask(address: str) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        said = await health.Check(health_pb2.HealthCheckRequest(), timeout=LIMIT)
        assert said.status == health_pb2.HealthCheckResponse.SERVING
        watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=LIMIT)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()
        reflection: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        asking = reflection.ServerReflectionInfo(timeout=LIMIT)
        await asking.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        services = (await asking.read()).list_services_response.service
        assert "handrail.v1.Rail" in [one.name for one in services]
        await asking.done_writing()
