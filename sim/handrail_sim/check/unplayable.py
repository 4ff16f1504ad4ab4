"""Findings about steps that have no trajectory: what is wrong with them, and what to ask for."""

from __future__ import annotations

import math
from collections.abc import Sequence

from handrail_sim.check.ik import AXIS_TOLERANCE, POSITION_TOLERANCE, Solution
from handrail_sim.plan import MoveToPose
from handrail_sim.verdict import Violation, ViolationKind

FARTHEST = 2.0  # m: a coordinate so far from the arm's axis was not meant in metres


def unreachable(
    step: MoveToPose, index: int, best: Solution, nearest: MoveToPose | None
) -> Violation:
    """Return the violation of a pose beyond the arm; ``nearest``: the one that passes."""
    value, limit, unit = best.position_error, POSITION_TOLERANCE, "m"
    if value < limit:
        value, limit, unit = max(best.axis_error, best.turn_error), AXIS_TOLERANCE, "rad"
    elif nearest is not None and nearest.position != step.position:
        value = min(value, math.dist(nearest.position, step.position))
    return Violation(
        kind=ViolationKind.UNREACHABLE,
        step=index,
        time=0.0,
        subject="tcp",
        value=value,
        limit=limit,
        unit=unit,
        sentence=(
            f"Step {index} asks for {_spoken(step)}, which the arm cannot reach: "
            f"it comes within {value:.3f} {unit} of it."
        ),
        hint=_nearer(nearest),
        detail={"nearest": nearest.model_dump(exclude={"tool", "speed"}) if nearest else None},
    )


def singular(
    step: MoveToPose, index: int, dexterity: float, least: float, better: MoveToPose | None
) -> Violation:
    """Return the violation of a pose where the arm is all but singular."""
    return Violation(
        kind=ViolationKind.SINGULARITY,
        step=index,
        time=0.0,
        subject="tcp",
        value=dexterity,
        limit=least,
        unit="m/rad",
        sentence=(
            f"Step {index} asks for {_spoken(step)}, where the arm is all but singular: in one "
            f"direction the tool moves {dexterity * 1000:.2g} mm per radian of its joints."
        ),
        hint=_nearer(better) if better else "choose a place nearer to the arm, or arm_move_joints",
        detail={"nearest": better.model_dump(exclude={"tool", "speed"}) if better else None},
    )


def no_way(step: MoveToPose, index: int, why: str) -> Violation:
    """Return the violation of a pose to which no way was found."""
    return Violation(
        kind=ViolationKind.NO_WAY,
        step=index,
        time=0.0,
        subject="tcp",
        value=0.0,
        limit=1.0,
        unit="1",
        sentence=f"Step {index} asks for a way to {_spoken(step)}: {why}.",
        hint="choose another tilt or yaw, a place farther from things, or a waypoint above them",
    )


def not_metres(step: MoveToPose, index: int, away: Sequence[float]) -> Violation:
    """Return the violation of a coordinate ``away`` (3,) [m] from the arm's axis."""
    axis = max(range(3), key=lambda number: abs(away[number]))
    metres = ", ".join(f"{value / 1000:g}" for value in step.position)
    return Violation(
        kind=ViolationKind.UNREACHABLE,
        step=index,
        time=0.0,
        subject="tcp",
        value=abs(away[axis]),
        limit=FARTHEST,
        unit="m",
        sentence=f"Step {index} asks for a coordinate of {step.position[axis]:g} m, far beyond the "
        "arm.",
        hint=f"positions are in metres: if millimetres were meant, ask for ({metres}) m",
    )


def _nearer(nearest: MoveToPose | None) -> str:
    if nearest is None:
        return "choose a position nearer to the arm's middle, or another tilt"
    return f"{_spoken(nearest)} can be reached"


def _spoken(pose: MoveToPose) -> str:
    position = ", ".join(f"{value:.4f}" for value in pose.position)
    yaw = "" if pose.yaw is None else f" and yaw {pose.yaw:.5g} rad"
    return f"({position}) m with tilt {pose.tilt:.4f} rad{yaw}"


def out_of_range(name: str, index: int, position: float, bound: tuple[float, str]) -> Violation:
    """Return the violation of a joint's position beyond its ``bound``: the limit and its unit."""
    limit, unit = bound
    return Violation(
        kind=ViolationKind.JOINT_POSITION,
        step=index,
        time=0.0,
        subject=name,
        value=position,
        limit=limit,
        unit=unit,
        sentence=f"Step {index} asks {name} for {position:.5g} {unit}; "
        f"its limit is {limit:.4f} {unit}.",
        hint=f"{name} can go as far as {limit:.4f} {unit}",
    )


def no_gap(name: str, index: int, gap: float, reach: tuple[float, float]) -> Violation:
    """Return the violation of a gap [m] beyond those that the jaw can reach."""
    least, widest = reach
    narrow = gap < least
    return Violation(
        kind=ViolationKind.JOINT_POSITION,
        step=index,
        time=0.0,
        subject=name,
        value=gap,
        limit=least if narrow else widest,
        unit="m",
        sentence=f"Step {index} asks the jaw for a gap of {gap:.4f} m; it opens from {least:.4f} "
        f"to {widest:.4f} m.",
        hint="gap 0 closes it until something stops it"
        if narrow
        else f"the widest gap is {math.floor(widest * 1e4) / 1e4:.4f} m",
    )


def too_long(index: int, duration: float, limit: float, hint: str) -> Violation:
    """Return the violation of a plan that lasts too long [s]."""
    return Violation(
        kind=ViolationKind.DURATION,
        step=index,
        time=duration,
        subject="plan",
        value=duration,
        limit=limit,
        unit="s",
        sentence=f"The plan lasts longer than {limit:.0f} s at step {index}.",
        hint=hint,
    )
