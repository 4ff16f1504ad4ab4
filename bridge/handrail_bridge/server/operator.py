"""handrail.v1.Operator: what only the operator may do. Served on the operator's socket alone."""

from __future__ import annotations

from handrail.v1 import rail_pb2, rail_pb2_grpc
from handrail_drivers.errors import InvalidValue

from handrail_bridge.parsing import require_name
from handrail_bridge.rail.rail import Rail
from handrail_bridge.reports import OPERATOR, ROADS, Decision
from handrail_bridge.rpc.messages import write_card, write_state
from handrail_bridge.server.answering import Context, answering


class OperatorService(rail_pb2_grpc.OperatorServicer):
    """Arm, disarm, reset, revoke a lease, remove torque, decide on plans that wait."""

    def __init__(self, rail: Rail) -> None:
        self._rail = rail

    @answering
    async def Arm(self, request: rail_pb2.ArmRequest, context: Context) -> rail_pb2.ArmResponse:
        await self._rail.acts.arm()
        return rail_pb2.ArmResponse(state=write_state(self._rail.state()))

    @answering
    async def Disarm(
        self, request: rail_pb2.DisarmRequest, context: Context
    ) -> rail_pb2.DisarmResponse:
        await self._rail.acts.disarm()
        return rail_pb2.DisarmResponse(state=write_state(self._rail.state()))

    @answering
    async def Reset(
        self, request: rail_pb2.ResetRequest, context: Context
    ) -> rail_pb2.ResetResponse:
        await self._rail.acts.reset()
        return rail_pb2.ResetResponse(state=write_state(self._rail.state()))

    @answering
    async def RevokeLease(
        self, request: rail_pb2.RevokeLeaseRequest, context: Context
    ) -> rail_pb2.RevokeLeaseResponse:
        await self._rail.acts.revoke_leases(request.reason[:200], request.holder)
        return rail_pb2.RevokeLeaseResponse()

    @answering
    async def RemoveTorque(
        self, request: rail_pb2.RemoveTorqueRequest, context: Context
    ) -> rail_pb2.RemoveTorqueResponse:
        cell = self._rail.cell.name
        if request.confirm_cell != cell:
            raise InvalidValue(
                f"Removing torque lets the arm fall: confirm with the cell's name, {cell!r}.",
                field="confirm_cell",
                value=request.confirm_cell,
                limit=cell,
            )
        await self._rail.acts.remove_torque()
        return rail_pb2.RemoveTorqueResponse(state=write_state(self._rail.state()))

    @answering
    async def ListApprovals(
        self, request: rail_pb2.ListApprovalsRequest, context: Context
    ) -> rail_pb2.ListApprovalsResponse:
        cards = await self._rail.approvals.cards()
        return rail_pb2.ListApprovalsResponse(cards=map(write_card, cards))

    @answering
    async def Decide(
        self, request: rail_pb2.DecideRequest, context: Context
    ) -> rail_pb2.DecideResponse:
        decision = Decision(
            request.number,
            request.trajectory_digest,
            request.approve,
            request.approver.strip()[:100],
            request.reason[:200],
            request.road or OPERATOR,
        )
        if not decision.approver:
            raise InvalidValue("Say who decides.", field="approver", value=request.approver)
        require_name("road", decision.road, ROADS, "road")
        await self._rail.approvals.decide(decision)
        return rail_pb2.DecideResponse()
