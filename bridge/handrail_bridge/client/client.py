"""The async client of the bridge: everything of ours that talks to it uses this one.

::

    async with Client.connect() as rail, rail.lease("me"):
        receipt = await rail.run({"steps": [{"tool": "arm_home"}]})

Every method raises the class of :mod:`handrail_drivers.errors` that the bridge raised.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self

import grpc.aio
from handrail.v1 import mail_pb2, mail_pb2_grpc
from handrail.v1 import rail_pb2 as rpc
from handrail.v1 import rail_pb2_grpc as stubs
from handrail_drivers.errors import HandrailError, ProcessLost
from handrail_sim.plan import Plan, as_json

from handrail_bridge import run_dir
from handrail_bridge.client.asking import ANSWER, ask, events
from handrail_bridge.client.holding import held
from handrail_bridge.client.tool_calls import ToolCalls, written
from handrail_bridge.loop.state import Mode
from handrail_bridge.reports import (
    CellDescription,
    CellState,
    Check,
    Frame,
    Mail,
    OwnLease,
    Permit,
    Receipt,
    Tool,
)
from handrail_bridge.rpc import messages, plan_messages

MESSAGE_LIMIT = 16 << 20  # bytes
CHECK = 120.0  # s, longest wait for a verdict


class Client:
    """One connection to a bridge, in the agent's role.

    An async context manager. Without a lease it observes, checks and stops; in the block of
    :meth:`lease` it may move.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        options = ("grpc.max_receive_message_length", MESSAGE_LIMIT), ("grpc.enable_http_proxy", 0)
        self._channel = grpc.aio.insecure_channel(address, options=options)
        self._rail: stubs.RailAsyncStub = stubs.RailStub(self._channel)
        self._calls = ToolCalls(self._rail)
        self._mail: mail_pb2_grpc.MailboxAsyncStub = mail_pb2_grpc.MailboxStub(self._channel)
        self._token = 0
        self._tools: dict[str, Tool] = {}  # as they were listed last

    @classmethod
    def connect(cls, address: str | None = None) -> Self:
        """Return a client for ``host:port``, ``unix:path``, or the bridge that runs."""
        return cls(address or run_dir.running().address)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; what this client was moving stops with its lease."""
        self._calls.close()
        await self._channel.close()

    async def cell(self) -> CellDescription:
        """Describe the cell: geometry, limits, objects, regions, obstacles."""
        answer = await ask(self._rail.DescribeCell(rpc.DescribeCellRequest(), timeout=ANSWER))
        return messages.read_cell(answer)

    async def tools(self) -> dict[str, Tool]:
        """List the tools by name, with their JSON Schemas, as they are now."""
        answer = await ask(self._rail.ListTools(rpc.ListToolsRequest(), timeout=ANSWER))
        self._tools = {tool.name: messages.read_tool(tool) for tool in answer.tools}
        return self._tools

    async def tool_lists(self) -> AsyncGenerator[None, None]:
        """Yield at once, and whenever the list of tools has become another."""
        known = -1
        async for told in events(self._rail.WatchTools(rpc.WatchToolsRequest())):
            if told.number != known:
                known = told.number
                yield

    async def call(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """Call one tool; a moving tool takes the road of a plan of one step.

        Returns the tool's result, or the receipt as a dict. Moving needs a :meth:`lease`. Where a
        person has to approve it, waits for that.

        Raises:
            InvalidRequest: the arguments have no JSON.
        """
        known = self._tools.get(tool)
        if known is None or known.effect == "move":  # else the bridge refuses what moves by now
            known = (await self.tools()).get(tool)
        if known is not None and known.effect == "move":
            return asdict(await self.run({"steps": [{"tool": tool, **arguments}]}))
        if known is not None and known.needs_approval:
            permit = await self.approval(await self.propose(tool, arguments))
            approved: dict[str, Any] = await self.call_permitted(tool, arguments, permit)
            return approved
        result: dict[str, Any] = await self._calls.call(tool, written(arguments))
        return result

    async def propose(self, tool: str, arguments: Mapping[str, Any]) -> Permit:
        """Ask a person about one call of a tool that needs approval; :meth:`approval` waits."""
        request = rpc.ProposeCallRequest(name=tool, arguments_json=written(arguments))
        answer = await ask(self._rail.ProposeCall(request, timeout=ANSWER))
        return plan_messages.read_permit(answer.permit)

    async def call_permitted(self, tool: str, arguments: Mapping[str, Any], permit: Permit) -> Any:
        """Make a call that a person has approved, exactly as it was proposed."""
        given = written(arguments)
        request = rpc.CallToolRequest(name=tool, arguments_json=given, permit_id=permit.id)
        return json.loads((await ask(self._rail.CallTool(request, timeout=ANSWER))).result_json)

    async def check(self, plan: Plan | Mapping[str, Any]) -> Check:
        """Have a plan checked from the measured state; a passing verdict brings a permit."""
        request = rpc.CheckPlanRequest(plan_json=_plan_json(plan))
        return plan_messages.read_check(await ask(self._rail.CheckPlan(request, timeout=CHECK)))

    async def approval(self, permit: Permit) -> Permit:
        """Wait until a person has approved a permit; return it with the life that this gives it.

        Raises:
            PermitRefused: nobody does.
        """
        request = rpc.AwaitApprovalRequest(permit_id=permit.id)
        patience = permit.expires_in + ANSWER
        answer = await ask(self._rail.AwaitApproval(request, timeout=patience))
        return plan_messages.read_permit(answer.permit)

    async def execute(
        self, plan: Plan | Mapping[str, Any], permit: Permit
    ) -> AsyncGenerator[CellState | Receipt, None]:
        """Run a permitted plan: states while it moves, its receipt last. Leaving stops it."""
        request = rpc.ExecutePlanRequest(
            plan_json=_plan_json(plan), permit_id=permit.id, lease_token=self._token
        )
        async for event in events(self._rail.ExecutePlan(request)):
            if event.WhichOneof("event") == "receipt":
                yield plan_messages.read_receipt(event.receipt)
            else:
                yield messages.read_state(event.state)

    async def run(
        self,
        plan: Plan | Mapping[str, Any],
        on_state: Callable[[CellState], None] | None = None,
        on_ask: Callable[[Permit], None] | None = None,
    ) -> Receipt:
        """Check a plan and run it; needs a :meth:`lease`.

        Returns its receipt, also where it ended early: ``completed`` is false. Where a person has
        to approve it waits for that, and ``on_ask`` is told.

        Raises:
            PlanRefused: the check found violations; ``verdict`` holds all of them.
            PermitRefused: a person refused it, or nobody answered.
        """
        check = await self.check(plan)
        if check.permit is None:
            raise plan_messages.refusal(check.verdict)
        permit = check.permit
        if permit.asks and not permit.approver:
            if on_ask is not None:
                on_ask(permit)
            permit = await self.approval(permit)
        return await self.play(plan, permit, on_state)

    async def play(
        self,
        plan: Plan | Mapping[str, Any],
        permit: Permit,
        on_state: Callable[[CellState], None] | None = None,
    ) -> Receipt:
        """Run a permitted plan to its receipt, as :meth:`execute` does step by step."""
        async with contextlib.aclosing(self.execute(plan, permit)) as events:
            async for event in events:
                if isinstance(event, Receipt):
                    return event
                if on_state is not None:
                    on_state(event)
        raise ProcessLost("The bridge ended the execution without a receipt.")

    async def stop(self, reason: str = "") -> Mode:
        """Bring everything to a held stop. Latched: an operator has to reset and arm."""
        answer = await ask(self._rail.Stop(rpc.StopRequest(reason=reason), timeout=ANSWER))
        return Mode(answer.mode)

    async def state(self) -> CellState:
        """Return the newest measured state."""
        async with contextlib.aclosing(self.watch(100)) as states:
            async for state in states:
                return state
        raise ProcessLost("The bridge sent no state.")

    async def watch(self, rate: float = 10.0) -> AsyncGenerator[CellState, None]:
        """Stream the measured state at ``rate`` [Hz], 1 to 100."""
        async for event in events(self._rail.WatchState(rpc.WatchStateRequest(rate_hz=rate))):
            yield messages.read_state(event.state)

    async def grab(self, camera: str, format: str = "jpeg", max_width: int = 0) -> Frame:
        """Return the newest frame of a camera, encoded; ``max_width`` [px] scales it down."""
        request = rpc.GrabFrameRequest(camera=camera, format=format, max_width=max_width)
        answer = await ask(self._rail.GrabFrame(request, timeout=ANSWER))
        return messages.read_frame(answer.frame)

    async def frames(
        self, camera: str, format: str = "jpeg", max_width: int = 0
    ) -> AsyncGenerator[Frame, None]:
        """Stream a camera's frames; a slow reader misses frames and always has the newest."""
        request = rpc.StreamFramesRequest(camera=camera, format=format, max_width=max_width)
        async for event in events(self._rail.StreamFrames(), request):
            yield messages.read_frame(event.frame)

    async def send_mail(self, sender: str, recipient: str, text: str, answers: int = 0) -> Mail:
        """Put a mail into the cell's mailbox; it is on the bridge's disk when this returns."""
        sent = mail_pb2.SendRequest(sender=sender, recipient=recipient, text=text, answers=answers)
        return messages.read_mail((await ask(self._mail.Send(sent, timeout=ANSWER))).mail)

    async def mail(
        self, recipient: str = "", after: int = 0, limit: int = 0, wait: float = 0.0
    ) -> list[Mail]:
        """Return mail newer than number ``after``, oldest first.

        Where there is none it waits up to ``wait`` [s] for some.
        """
        request = mail_pb2.ListRequest(recipient=recipient, after=after, limit=limit, wait_s=wait)
        answer = await ask(self._mail.List(request, timeout=ANSWER + wait))
        return [messages.read_mail(sent) for sent in answer.mails]

    @contextlib.asynccontextmanager
    async def lease(
        self,
        holder: str,
        heartbeat: float = 0.0,
        devices: Sequence[str] = (),
        wait: float = 0.0,
        take_over: bool = False,
        on_lost: Callable[[HandrailError], None] = lambda _: None,
    ) -> AsyncIterator[OwnLease]:
        """Hold the exclusive right to move while the block runs.

        Args:
            holder: who asks, for people.
            heartbeat: longest silence [s] after which it lapses; 0 is the cell's default.
            devices: which to move; none named is all.
            wait: s to wait for one's turn where another holds one of them.
            take_over: take them from whoever holds them; operators only.
            on_lost: told why, should the lease be lost before the block ends.

        Raises:
            LeaseRefused: another client holds one of the devices.
            NotPermittedRole: an agent cannot take over.
        """
        request = rpc.HoldLeaseRequest(
            holder=holder,
            heartbeat_s=heartbeat,
            devices=devices,
            wait_s=wait,
            take_over=take_over,
        )
        async with held(self._rail.HoldLease(), request, on_lost) as lease:
            self._token = lease.token
            try:
                yield lease
            finally:
                self._token = 0


def _plan_json(plan: Plan | Mapping[str, Any]) -> str:
    return json.dumps(as_json(plan) if isinstance(plan, Plan) else dict(plan))
