"""The operator's client: what arms, resets, approves, takes a lease away, removes torque."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Self

from handrail.v1 import rail_pb2 as rpc
from handrail.v1 import rail_pb2_grpc as stubs
from handrail_drivers.errors import MotionStopped

from handrail_bridge import run_dir
from handrail_bridge.client import Client
from handrail_bridge.client.asking import ANSWER, ask
from handrail_bridge.reports import Card, CellState, Decision
from handrail_bridge.rpc import messages


class OperatorClient(Client):
    """A client in the operator's role, over the operator's Unix socket."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._operator: stubs.OperatorAsyncStub = stubs.OperatorStub(self._channel)

    @classmethod
    def connect(cls, socket_path: str | Path | None = None) -> Self:
        """Return a client for the operator's socket; by default the running bridge's."""
        return cls(f"unix:{socket_path or run_dir.running().operator_socket}")

    async def arm(self) -> CellState:
        """Hold the arm where it is, ready to play permitted plans."""
        answer = await ask(self._operator.Arm(rpc.ArmRequest(), timeout=ANSWER))
        return messages.read_state(answer.state)

    async def disarm(self) -> CellState:
        """Write no more setpoints; torque stays, so that nothing falls."""
        answer = await ask(self._operator.Disarm(rpc.DisarmRequest(), timeout=ANSWER))
        return messages.read_state(answer.state)

    async def reset(self) -> CellState:
        """Clear a latched stop or fault; the cell is disarmed afterwards."""
        answer = await ask(self._operator.Reset(rpc.ResetRequest(), timeout=ANSWER))
        return messages.read_state(answer.state)

    async def revoke_lease(self, reason: str = "", holder: str = "") -> None:
        """End a holder's leases, or all where none is named. What they were moving stops."""
        request = rpc.RevokeLeaseRequest(reason=reason, holder=holder)
        await ask(self._operator.RevokeLease(request, timeout=ANSWER))

    async def remove_torque(self, confirm_cell: str) -> CellState:
        """Remove torque: the arm falls. ``confirm_cell`` must be the cell's name."""
        request = rpc.RemoveTorqueRequest(confirm_cell=confirm_cell)
        answer = await ask(self._operator.RemoveTorque(request, timeout=ANSWER))
        return messages.read_state(answer.state)

    async def cards(self) -> list[Card]:
        """Return the plans that wait for a person, the oldest first."""
        answer = await ask(self._operator.ListApprovals(rpc.ListApprovalsRequest(), timeout=ANSWER))
        return [messages.read_card(card) for card in answer.cards]

    async def decide(self, decision: Decision) -> None:
        """Approve or refuse a plan that waits.

        Raises:
            UnknownName: nothing waits under its number.
            PermitRefused: it is another motion than the one on the card.
        """
        request = rpc.DecideRequest(**asdict(decision))
        await ask(self._operator.Decide(request, timeout=ANSWER))

    async def park(
        self, confirm_cell: str, on_state: Callable[[CellState], None] | None = None
    ) -> CellState:
        """Lower the arm to its rest by a checked plan, then remove torque.

        Raises:
            PlanRefused, LeaseRefused, NotArmed: nothing moved.
            MotionStopped: it did not arrive; torque stays on.
        """
        async with self.lease("park"):
            receipt = await self.run({"steps": [{"tool": "arm_rest"}]}, on_state)
        if not receipt.completed:
            raise MotionStopped(
                f"The arm did not reach its rest: {receipt.reason}",
                hint="torque stays on; reset, arm and park again",
            )
        return await self.remove_torque(confirm_cell)
