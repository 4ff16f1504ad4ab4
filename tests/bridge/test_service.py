"""Handlers of the gRPC service where a client does less than it should."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc.aio
import numpy as np
import pytest
from door import Facts, door
from handrail.v1 import rail_pb2, rail_pb2_grpc, state_pb2
from handrail_bridge.client import Client
from handrail_bridge.client.holding import held
from handrail_bridge.rail.leases import Leases
from handrail_bridge.server import service
from handrail_bridge.server.service import RailService
from handrail_drivers.camera.driver import CameraDriver, CameraSettings, Image
from handrail_drivers.errors import HandrailError, UnknownName
from waiting import until_async


class Silent:
    """The context of a stream whose client sends nothing."""

    async def read(self) -> None:
        await asyncio.Event().wait()

    def peer(self) -> str:
        return "ipv4:127.0.0.1:1"


async def test_a_lease_stream_without_a_first_message_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused: list[HandrailError] = []

    async def abort(_: object, error: HandrailError) -> None:
        refused.append(error)

    monkeypatch.setattr("handrail_bridge.server.answering.abort", abort)
    monkeypatch.setattr(service, "FIRST", 0.01)
    nothing: Any = None
    stream: Any = RailService(nothing, nothing, {}, tuple).HoldLease(nothing, Silent())
    await stream
    (error,) = refused
    assert (error.code, error.hint) == (
        "invalid_request",
        "say who wants the lease in its first message",
    )


async def say_no_more() -> Any:
    return grpc.aio.EOF


async def vanish() -> Any:
    raise asyncio.CancelledError  # so grpc has a handler end whose client was killed


async def fall_silent() -> Any:
    await asyncio.Event().wait()


@pytest.mark.parametrize("leave", [say_no_more, vanish, fall_silent])
async def test_who_leaves_its_lease_stream_holds_nothing_from_then_on(
    leave: Callable[[], Coroutine[Any, Any, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    leases = Leases(("arm_bus",), 2.0, lambda token, *_: told.append(token))

    async def written(_: object) -> None:
        holder.read = leave

    async def abort(*_: object) -> None:
        pass

    async def first() -> Any:
        return rail_pb2.HoldLeaseRequest(holder="me", heartbeat_s=0.05)

    monkeypatch.setattr("handrail_bridge.server.answering.abort", abort)
    holder = SimpleNamespace(read=first, write=written, peer=lambda: "ipv4:127.0.0.1:1")
    rail: Any = SimpleNamespace(situation=SimpleNamespace(leases=leases))
    nothing: Any = None
    stream: Any = RailService(rail, nothing, {}, tuple).HoldLease(nothing, holder)  # type: ignore[arg-type]
    with contextlib.suppress(asyncio.CancelledError):
        await stream
    assert [token > 0 for token in told] == [True, False], "the loops hear of it at once"
    assert not leases.current()


def revoked(leases: Leases, _: grpc.aio.Server) -> None:
    leases.revoke()


def gone(_: Leases, server: grpc.aio.Server) -> object:
    return server.stop(0)


@pytest.mark.parametrize(
    ("lose", "why"),
    [
        (revoked, "has lapsed or was revoked"),
        (gone, "does not answer|ended the lease"),
    ],
)
async def test_who_holds_a_lease_is_told_of_its_loss(
    lose: Callable[[Leases, grpc.aio.Server], Any], why: str
) -> None:
    leases, nothing = Leases(("arm_bus",), 4.0, lambda *_: None), None
    rail: Any = SimpleNamespace(situation=SimpleNamespace(leases=leases))
    server = grpc.aio.server()
    service_of_it: Any = RailService(rail, nothing, {}, tuple)  # type: ignore[arg-type]
    rail_pb2_grpc.add_RailServicer_to_server(service_of_it, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    told: asyncio.Future[HandrailError] = asyncio.get_running_loop().create_future()
    try:
        async with (
            Client.connect(f"127.0.0.1:{port}") as client,
            client.lease("me", on_lost=told.set_result),
        ):
            if (ending := lose(leases, server)) is not None:
                await ending
            assert re.search(why, (await asyncio.wait_for(told, 20)).message)
    finally:
        await server.stop(0)


async def test_a_lease_whose_bridge_falls_silent_counts_as_lost_when_it_lapses() -> None:
    told: asyncio.Future[HandrailError] = asyncio.get_running_loop().create_future()
    answers = iter([rail_pb2.HoldLeaseResponse(lease=state_pb2.Lease(remaining_s=0.1), token=7)])

    async def read() -> rail_pb2.HoldLeaseResponse:
        for answer in answers:
            return answer
        return await fall_silent()

    async def write(_: object) -> None:
        pass

    call = SimpleNamespace(read=read, write=write, cancel=lambda: None)
    async with held(call, rail_pb2.HoldLeaseRequest(holder="me"), told.set_result):
        assert "did not answer within" in (await asyncio.wait_for(told, 10)).message


class Camera(CameraDriver):
    """Gives pictures of noise, 200 a second."""

    def _open(self) -> Camera:
        self._noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
        return self

    def read(self) -> Image:
        time.sleep(0.005)  # its pace
        self._noise = np.roll(self._noise, 1, axis=0)
        return self._noise

    def release(self) -> None: ...


async def test_a_reader_that_was_away_gets_the_newest_frame_and_none_that_waited(
    tmp_path: Path,
) -> None:
    camera = Camera("overhead", CameraSettings())
    with camera:
        async with (
            door(tmp_path, Facts(), {"overhead": camera}) as address,
            Client(address) as reader,
            Client(address) as other,
            contextlib.aclosing(reader.frames("overhead")) as frames,
        ):
            seen = (await anext(frames)).sequence

            async def newer() -> int:
                newest = (await other.grab("overhead")).sequence
                return newest if newest > seen + 40 else 0

            newest = await until_async(newer)
            assert (await anext(frames)).sequence >= newest
            with pytest.raises(UnknownName, match="camera"):
                await anext(reader.frames("overhed"))
