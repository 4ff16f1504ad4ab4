"""Between the messages of ``plan.proto`` and our dataclasses: checks, permits, receipts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from handrail.v1 import plan_pb2, rail_pb2
from handrail_drivers.errors import PlanRefused
from handrail_sim.verdict import GoalResult, Robustness, Verdict, Violation, ViolationKind

from handrail_bridge.reports import Check, Permit, Receipt


def write_check(check: Check) -> rail_pb2.CheckPlanResponse:
    """Encode a verdict and, where it passed, its permit."""
    answer = rail_pb2.CheckPlanResponse(verdict=_write_verdict(check.verdict))
    if check.permit is not None:
        answer.permit.CopyFrom(write_permit(check.permit))
        answer.verdict.trajectory_digest = check.permit.trajectory_digest
    return answer


def read_check(answer: rail_pb2.CheckPlanResponse) -> Check:
    """Decode a verdict (its trajectory stays with the bridge) and its permit."""
    permit = read_permit(answer.permit) if answer.HasField("permit") else None
    return Check(_read_verdict(answer.verdict), permit)


def refusal(verdict: Verdict) -> PlanRefused:
    """Return the error of a verdict that did not pass: its first violation leads."""
    first, *others = verdict.violations
    more = f" ({len(others)} more: {', '.join(v.kind for v in others)}.)" if others else ""
    return PlanRefused(
        first.sentence + more,
        verdict=verdict,
        field=f"steps[{first.step}]" if first.step >= 0 else first.kind,
        value=first.value,
        limit=first.limit,
        unit=first.unit,
        hint=first.hint,
    )


def write_permit(permit: Permit) -> plan_pb2.Permit:
    """Encode a permit."""
    return plan_pb2.Permit(
        id=permit.id,
        plan_digest=permit.plan_digest,
        trajectory_digest=permit.trajectory_digest,
        expires_in_s=permit.expires_in,
        asks=permit.asks,
        approver=permit.approver,
        number=permit.number,
    )


def read_permit(sent: plan_pb2.Permit) -> Permit:
    """Decode a permit."""
    return Permit(
        id=sent.id,
        plan_digest=sent.plan_digest,
        trajectory_digest=sent.trajectory_digest,
        expires_in=sent.expires_in_s,
        asks=tuple(sent.asks),
        approver=sent.approver,
        number=sent.number,
    )


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
        unseen=verdict.unseen,
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
        robustness=_read_robustness(sent),
        unseen=tuple(sent.unseen),
    )


def _write_robustness(found: Robustness | None) -> plan_pb2.Robustness | None:
    if found is None:
        return None
    return plan_pb2.Robustness(passed=found.passed, worlds=found.worlds, worst=found.worst)


def _read_robustness(sent: plan_pb2.Verdict) -> Robustness | None:
    if not sent.HasField("robustness"):
        return None
    found = sent.robustness
    return Robustness(passed=found.passed, worlds=found.worlds, worst=found.worst)


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
    return tuple(
        GoalResult(
            predicate=item.predicate,
            met=item.met,
            sentence=item.sentence,
            predicted=item.predicted,
        )
        for item in sent
    )


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
        peak_slide_error=receipt.peak_slide_error,
        reflexes=receipt.reflexes,
        end_position=receipt.end_position,
        goal=_write_goal(receipt.goal),
        approver=receipt.approver,
        sensors=receipt.sensors,
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
        peak_slide_error=sent.peak_slide_error,
        reflexes=tuple(sent.reflexes),
        end_position=dict(sent.end_position),
        goal=_read_goal(sent.goal),
        approver=sent.approver,
        sensors=dict(sent.sensors),
    )
