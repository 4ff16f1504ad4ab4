"""Between the generated messages of ``handrail.v1`` and our dataclasses, both directions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, fields

from handrail.v1 import plan_pb2, rail_pb2, state_pb2
from handrail_sim.verdict import GoalResult, Robustness, Verdict, Violation, ViolationKind

from handrail_bridge.loop.state import Mode
from handrail_bridge.reports import (
    CellDescription,
    CellState,
    Check,
    Counters,
    Frame,
    Joint,
    Lease,
    Permit,
    Receipt,
    Tool,
)


def write_check(check: Check) -> rail_pb2.CheckPlanResponse:
    """Encode a verdict and, where it passed, its permit."""
    answer = rail_pb2.CheckPlanResponse(verdict=_write_verdict(check.verdict))
    if check.permit is not None:
        answer.permit.CopyFrom(
            plan_pb2.Permit(
                id=check.permit.id,
                plan_digest=check.permit.plan_digest,
                trajectory_digest=check.permit.trajectory_digest,
                expires_in_s=check.permit.expires_in,
            )
        )
        answer.verdict.trajectory_digest = check.permit.trajectory_digest
    return answer


def read_check(answer: rail_pb2.CheckPlanResponse) -> Check:
    """Decode a verdict (its trajectory stays with the bridge) and its permit."""
    permit = None
    if answer.HasField("permit"):
        sent = answer.permit
        permit = Permit(sent.id, sent.plan_digest, sent.trajectory_digest, sent.expires_in_s)
    return Check(_read_verdict(answer.verdict), permit)


def _write_verdict(verdict: Verdict) -> plan_pb2.Verdict:
    return plan_pb2.Verdict(
        passed=verdict.passed,
        plan_digest=verdict.plan_digest,
        violations=[_write_violation(violation) for violation in verdict.violations],
        goal=_write_goal(verdict.goal),
        duration_s=verdict.duration,
        clearance_m=verdict.clearance,
        clearance_pair=verdict.clearance_pair,
        peak_velocity=verdict.peak_velocity,
        peak_effort=verdict.peak_effort,
        check_time_s=verdict.check_time,
        robustness=_write_robustness(verdict.robustness),
    )


def _read_verdict(sent: plan_pb2.Verdict) -> Verdict:
    return Verdict(
        passed=sent.passed,
        plan_digest=sent.plan_digest,
        violations=tuple(_read_violation(violation) for violation in sent.violations),
        goal=_read_goal(sent.goal),
        duration=sent.duration_s,
        clearance=sent.clearance_m if sent.HasField("clearance_m") else None,
        clearance_pair=sent.clearance_pair,
        peak_velocity=dict(sent.peak_velocity),
        peak_effort=dict(sent.peak_effort),
        check_time=sent.check_time_s,
        trajectory=None,
        end_objects={},
        end_command=(),
        robustness=_read_robustness(sent),
    )


def _write_robustness(found: Robustness | None) -> plan_pb2.Robustness | None:
    if found is None:
        return None
    return plan_pb2.Robustness(passed=found.passed, worlds=found.worlds, worst=found.worst)


def _read_robustness(sent: plan_pb2.Verdict) -> Robustness | None:
    if not sent.HasField("robustness"):
        return None
    found = sent.robustness
    return Robustness(found.passed, found.worlds, found.worst)


def _write_violation(violation: Violation) -> plan_pb2.Violation:
    return plan_pb2.Violation(
        kind=violation.kind,
        step=violation.step,
        time_s=violation.time,
        subject=violation.subject,
        value=violation.value,
        limit=violation.limit,
        unit=violation.unit,
        sentence=violation.sentence,
        hint=violation.hint,
        detail_json=json.dumps(violation.detail),
    )


def _read_violation(sent: plan_pb2.Violation) -> Violation:
    return Violation(
        kind=ViolationKind(sent.kind),
        step=sent.step,
        time=sent.time_s,
        subject=sent.subject,
        value=sent.value,
        limit=sent.limit,
        unit=sent.unit,
        sentence=sent.sentence,
        hint=sent.hint,
        detail=json.loads(sent.detail_json or "{}"),
    )


def _write_goal(goal: tuple[GoalResult, ...]) -> list[plan_pb2.GoalResult]:
    return [plan_pb2.GoalResult(**asdict(result)) for result in goal]


def _read_goal(sent: Iterable[plan_pb2.GoalResult]) -> tuple[GoalResult, ...]:
    return tuple(GoalResult(item.predicate, item.met, item.sentence) for item in sent)


def write_receipt(receipt: Receipt) -> plan_pb2.Receipt:
    """Encode a receipt."""
    return plan_pb2.Receipt(
        id=receipt.id,
        plan_digest=receipt.plan_digest,
        permit_id=receipt.permit_id,
        completed=receipt.completed,
        reason=receipt.reason,
        fault_code=receipt.fault_code,
        duration_s=receipt.duration,
        peak_following_error=receipt.peak_following_error,
        reflexes=receipt.reflexes,
        end_position=receipt.end_position,
        goal=_write_goal(receipt.goal),
    )


def read_receipt(sent: plan_pb2.Receipt) -> Receipt:
    """Decode a receipt."""
    return Receipt(
        id=sent.id,
        plan_digest=sent.plan_digest,
        permit_id=sent.permit_id,
        completed=sent.completed,
        reason=sent.reason,
        fault_code=sent.fault_code,
        duration=sent.duration_s,
        peak_following_error=sent.peak_following_error,
        reflexes=tuple(sent.reflexes),
        end_position=dict(sent.end_position),
        goal=_read_goal(sent.goal),
    )


def write_state(state: CellState) -> state_pb2.CellState:
    """Encode the measured state."""
    return state_pb2.CellState(
        time_ns=state.time_ns,
        age_s=state.age,
        mode=state_pb2.Mode.ValueType(state.mode),
        reason=state.reason,
        fault_code=state.fault_code,
        joints=[state_pb2.JointReading(**asdict(joint)) for joint in state.joints],
        tcp_position=state.tcp_position,
        holding=state.holding,
        loop=state_pb2.LoopCounters(
            ticks=state.loop.ticks,
            overruns=state.loop.overruns,
            late_reads=state.loop.late_reads,
            retries=state.loop.retries,
            clamps=state.loop.clamps,
            rate_hz=state.loop.rate,
        ),
        leases=[write_lease(lease) for lease in state.leases],
        reflexes=state.reflexes,
        speed_scale=state.speed_scale,
        progress=state.progress,
        plan_digest=state.plan_digest,
    )


def read_state(sent: state_pb2.CellState) -> CellState:
    """Decode the measured state."""
    loop = sent.loop
    return CellState(
        time_ns=sent.time_ns,
        age=sent.age_s,
        mode=Mode(sent.mode),
        reason=sent.reason,
        fault_code=sent.fault_code,
        joints=tuple(_read_joint(joint) for joint in sent.joints),
        tcp_position=tuple(sent.tcp_position),
        holding=sent.holding,
        loop=Counters(
            loop.ticks, loop.overruns, loop.late_reads, loop.retries, loop.clamps, loop.rate_hz
        ),
        leases=tuple(read_lease(lease) for lease in sent.leases),
        reflexes=tuple(sent.reflexes),
        speed_scale=sent.speed_scale,
        progress=sent.progress,
        plan_digest=sent.plan_digest,
    )


def _read_joint(sent: state_pb2.JointReading) -> Joint:
    return Joint(**{part.name: getattr(sent, part.name) for part in fields(Joint)})


def write_lease(lease: Lease) -> state_pb2.Lease:
    """Encode a lease."""
    return state_pb2.Lease(
        holder=lease.holder,
        token=lease.token,
        remaining_s=lease.remaining,
        devices=lease.devices,
        waiting=lease.waiting,
    )


def read_lease(sent: state_pb2.Lease) -> Lease:
    """Decode a lease."""
    return Lease(
        sent.holder, sent.token, sent.remaining_s, tuple(sent.devices), tuple(sent.waiting)
    )


def write_tool(tool: Tool) -> rail_pb2.Tool:
    """Encode a tool."""
    return rail_pb2.Tool(
        name=tool.name,
        description=tool.description,
        effect=tool.effect,
        device=tool.device,
        input_schema_json=json.dumps(tool.input_schema),
        output_schema_json=json.dumps(tool.output_schema),
    )


def read_tool(sent: rail_pb2.Tool) -> Tool:
    """Decode a tool."""
    return Tool(
        sent.name,
        sent.description,
        sent.effect,
        sent.device,
        json.loads(sent.input_schema_json or "{}"),
        json.loads(sent.output_schema_json or "{}"),
    )


def write_frame(frame: Frame) -> rail_pb2.Frame:
    """Encode a camera frame."""
    return rail_pb2.Frame(
        camera=frame.camera,
        sequence=frame.sequence,
        time_ns=frame.time_ns,
        age_s=frame.age,
        width=frame.width,
        height=frame.height,
        format=frame.format,
        image=frame.image,
    )


def read_frame(sent: rail_pb2.Frame) -> Frame:
    """Decode a camera frame."""
    return Frame(
        sent.camera,
        sent.sequence,
        sent.time_ns,
        sent.age_s,
        sent.width,
        sent.height,
        sent.format,
        sent.image,
    )


def read_cell(sent: rail_pb2.DescribeCellResponse) -> CellDescription:
    """Decode the cell's description."""
    return CellDescription(sent.name, sent.digest, json.loads(sent.cell_json), tuple(sent.notices))
