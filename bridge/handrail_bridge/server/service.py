"""handrail.v1.Rail: what every client may do, from messages to the rail and back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import grpc.aio
from handrail.v1 import rail_pb2, rail_pb2_grpc
from handrail_drivers.camera.driver import CameraDriver
from handrail_drivers.errors import (
    HandrailError,
    InvalidRequest,
    InvalidValue,
    LeaseRefused,
    NotPermittedRole,
)

from handrail_bridge.answers import Answer
from handrail_bridge.loop.state import Mode
from handrail_bridge.parsing import require_name
from handrail_bridge.rail.measured import age
from handrail_bridge.rail.rail import Rail
from handrail_bridge.rail.requests import parse_plan
from handrail_bridge.reports import Frame, OwnLease
from handrail_bridge.rpc import messages, plan_messages
from handrail_bridge.rpc.status import to_status
from handrail_bridge.senses import describe
from handrail_bridge.server.answering import Context, answering, is_operators, streaming
from handrail_bridge.server.places import LINES, SLOTS, WATCHES, Places
from handrail_bridge.server.telling import Telling
from handrail_bridge.tools import Tools
from handrail_bridge.vision import imaging

PROGRESS = 0.05  # s between two states of a running plan
FRAME = 3.0  # s to wait for a frame
FIRST = 5.0  # s for a lease's first message
REPEAT = 4.0  # s without a change after which the number of the tool list is told again
OPERATOR = "the operator's own request"

Response = TypeVar("Response", rail_pb2.CallToolResponse, rail_pb2.CallToolsResponse)


class RailService(rail_pb2_grpc.RailServicer):
    """handrail.v1.Rail: what every client may do."""

    def __init__(
        self,
        rail: Rail,
        tools: Tools,
        cameras: dict[str, CameraDriver],
        notices: Callable[[], tuple[str, ...]],
    ) -> None:
        self._rail = rail
        self._tools = tools
        self._cameras = cameras
        self._notices = notices
        # The operator's are apart: no agent takes them.
        self._slots = {who: Places(SLOTS, "streams and long calls") for who in (True, False)}
        self._watches = {who: Places(WATCHES, "watches") for who in (True, False)}
        self._lines = {who: Places(LINES, "streams of calls or frames") for who in (True, False)}
        self._telling = Telling(lambda: rail.state())  # asked of a rail that moves, alone

    @answering
    async def DescribeCell(
        self, request: rail_pb2.DescribeCellRequest, context: Context
    ) -> rail_pb2.DescribeCellResponse:
        return rail_pb2.DescribeCellResponse(
            name=self._rail.cell.name,
            digest=self._rail.situation.digest,
            cell_json=json.dumps(describe(self._rail.cell)),
            notices=self._notices(),
        )

    @answering
    async def ListTools(
        self, request: rail_pb2.ListToolsRequest, context: Context
    ) -> rail_pb2.ListToolsResponse:
        return rail_pb2.ListToolsResponse(
            tools=[messages.write_tool(tool) for tool in self._tools.listed.values()]
        )

    @streaming
    async def WatchTools(self, request: rail_pb2.WatchToolsRequest, context: Context) -> None:
        known = -1
        with self._watches[is_operators(context)]:
            while True:
                known = await self._tools.changed(known, REPEAT)
                await context.write(rail_pb2.WatchToolsResponse(number=known))

    @answering
    async def CallTool(
        self, request: rail_pb2.CallToolRequest, context: Context
    ) -> rail_pb2.CallToolResponse:
        with self._slots[is_operators(context)]:
            answer = await self._tools.result(
                request.name, request.arguments_json, request.permit_id
            )
            return _told(answer, rail_pb2.CallToolResponse)

    @streaming
    async def CallTools(
        self, requests: AsyncIterator[rail_pb2.CallToolsRequest], context: Context
    ) -> None:
        with self._lines[is_operators(context)]:
            while (request := await context.read()) is not grpc.aio.EOF:
                await context.write(await self._answered(request, context))

    async def _answered(
        self, request: rail_pb2.CallToolsRequest, context: Context
    ) -> rail_pb2.CallToolsResponse:
        try:
            with self._slots[is_operators(context)]:
                answer = await self._tools.result(request.name, request.arguments_json)
                return _told(answer, rail_pb2.CallToolsResponse)
        except HandrailError as error:
            return rail_pb2.CallToolsResponse(error=to_status(error).SerializeToString())

    @answering
    async def ProposeCall(
        self, request: rail_pb2.ProposeCallRequest, context: Context
    ) -> rail_pb2.ProposeCallResponse:
        approver = OPERATOR if is_operators(context) else ""
        with self._slots[is_operators(context)]:
            permit = await self._tools.propose(request.name, request.arguments_json, approver)
        return rail_pb2.ProposeCallResponse(permit=plan_messages.write_permit(permit))

    @answering
    async def CheckPlan(
        self, request: rail_pb2.CheckPlanRequest, context: Context
    ) -> rail_pb2.CheckPlanResponse:
        plan = parse_plan(request.plan_json, self._rail.cell)
        approver = OPERATOR if is_operators(context) else ""
        with self._slots[is_operators(context)]:
            return plan_messages.write_check(await self._rail.check(plan, approver))

    @answering
    async def AwaitApproval(
        self, request: rail_pb2.AwaitApprovalRequest, context: Context
    ) -> rail_pb2.AwaitApprovalResponse:
        with self._slots[is_operators(context)]:
            permit = await self._rail.approvals.wait(request.permit_id)
        return rail_pb2.AwaitApprovalResponse(permit=plan_messages.write_permit(permit))

    @streaming
    async def ExecutePlan(self, request: rail_pb2.ExecutePlanRequest, context: Context) -> None:
        plan = parse_plan(request.plan_json, self._rail.cell)
        with self._slots[is_operators(context)]:
            running = self._rail.execute(plan, request.permit_id, request.lease_token)
            try:
                while not running.done():
                    await asyncio.wait({running}, timeout=PROGRESS)
                    if not running.done():
                        state = self._telling.now().state
                        await context.write(rail_pb2.ExecutePlanResponse(state=state))
                receipt = plan_messages.write_receipt(running.result())
                await context.write(rail_pb2.ExecutePlanResponse(receipt=receipt))
            finally:
                if not running.done():  # the client left, or cancelled
                    self._rail.abort()

    @answering
    async def Stop(self, request: rail_pb2.StopRequest, context: Context) -> rail_pb2.StopResponse:
        reason = request.reason[:200] or "asked for by a client"
        return rail_pb2.StopResponse(mode=_mode(await self._rail.stop(reason)))

    @streaming
    async def WatchState(self, request: rail_pb2.WatchStateRequest, context: Context) -> None:
        rate = request.rate_hz or 10.0
        if not 1 <= rate <= 100:
            raise InvalidValue(
                "The state comes 1 to 100 times a second.",
                field="rate_hz",
                value=rate,
                limit=100 if rate > 100 else 1,
                unit="Hz",
            )
        with self._watches[is_operators(context)]:
            await context.write(self._telling.now())
            while True:
                await context.write(await self._telling.next(rate))

    @answering
    async def GrabFrame(
        self, request: rail_pb2.GrabFrameRequest, context: Context
    ) -> rail_pb2.GrabFrameResponse:
        with self._slots[is_operators(context)]:
            frame = await self._frame(request, time.monotonic_ns())
        return rail_pb2.GrabFrameResponse(frame=messages.write_frame(frame))

    @streaming
    async def StreamFrames(
        self, requests: AsyncIterator[rail_pb2.StreamFramesRequest], context: Context
    ) -> None:
        last = 0
        with self._lines[is_operators(context)]:
            while (request := await context.read()) is not grpc.aio.EOF:
                with self._slots[is_operators(context)]:  # one that only waits takes none
                    frame = await self._frame(request, last)
                last = frame.time_ns
                await context.write(
                    rail_pb2.StreamFramesResponse(frame=messages.write_frame(frame))
                )

    @streaming
    async def HoldLease(
        self, requests: AsyncIterator[rail_pb2.HoldLeaseRequest], context: Context
    ) -> None:
        with self._slots[is_operators(context)]:
            first = await self._first(context)
            if first is grpc.aio.EOF:
                return
            lease = await self._take(first, context)
            heartbeat = first.heartbeat_s or self._rail.situation.leases.heartbeat
            try:
                while True:
                    await context.write(messages.write_own_lease(lease))
                    if await asyncio.wait_for(context.read(), heartbeat) is grpc.aio.EOF:
                        return
                    lease = self._rail.situation.leases.beat(lease.token)
            except TimeoutError:
                raise LeaseRefused(f"No heartbeat for {heartbeat:g} s: the lease lapsed.") from None
            finally:
                self._rail.situation.leases.release(lease.token)

    async def _first(self, context: Context) -> Any:
        """Return a lease stream's first message, or its end."""
        try:
            return await asyncio.wait_for(context.read(), FIRST)
        except TimeoutError:
            raise InvalidRequest(
                f"A lease's stream began without a message for {FIRST:g} s.",
                hint="say who wants the lease in its first message",
            ) from None

    async def _take(self, first: rail_pb2.HoldLeaseRequest, context: Context) -> OwnLease:
        """Return the lease that a stream's first message asks for."""
        leases = self._rail.situation.leases
        wish = leases.wish(first.holder, first.devices, first.heartbeat_s)
        if first.take_over:
            if not is_operators(context):
                raise NotPermittedRole(
                    "Only an operator takes a lease over.",
                    field="take_over",
                    hint="wait for it (wait_s), or ask the operator",
                )
            return await self._rail.acts.take_over(wish)
        return await leases.wait(wish, first.wait_s) if first.wait_s else leases.acquire(wish)

    async def _frame(
        self, request: rail_pb2.GrabFrameRequest | rail_pb2.StreamFramesRequest, after_ns: int
    ) -> Frame:
        """Return the newest frame captured after ``after_ns``, as the request wants it."""
        require_name("camera", request.camera, self._cameras, "camera")
        form = request.format or "jpeg"
        require_name("format", form, imaging.FORMATS, "format")
        if not 0 <= request.max_width <= 4096:
            raise InvalidValue(
                "max_width goes from 1 to 4096; 0 leaves the width as captured.",
                field="max_width",
                value=request.max_width,
                limit=4096,
                unit="{pixel}",
            )
        camera = self._cameras[request.camera]
        taken = await asyncio.to_thread(camera.newest, after_ns, timeout_s=FRAME)
        image, width, height = await asyncio.to_thread(
            imaging.encode, taken.image, form, request.max_width
        )
        return Frame(
            camera=request.camera,
            sequence=taken.sequence,
            time_ns=taken.time_ns,
            age=age(taken.time_ns),
            width=width,
            height=height,
            format=form,
            image=image,
        )


def _told(answer: Answer, response: type[Response]) -> Response:
    """Return a tool's answer as a message."""
    text, time_ns = answer
    age_s = (time.monotonic_ns() - time_ns) * 1e-9
    return response(result_json=text, time_ns=time_ns, age_s=age_s)


def _mode(mode: Mode) -> Any:
    """The enums have the same numbers."""
    return int(mode)
