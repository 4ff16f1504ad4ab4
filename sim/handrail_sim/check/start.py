"""Whether a plan can be checked from where it starts at all: the measured state makes sense."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.check.contacts import Pair
from handrail_sim.check.rollout import Rollout
from handrail_sim.verdict import StartState, Violation, ViolationKind

INSIDE = 0.006  # m: nothing is deeper in something else, unless it is not where it is believed


def judge(
    cell: Cell, start: StartState, run: Rollout, standing: Sequence[float], pairs: Sequence[Pair]
) -> Iterator[Violation]:
    """Yield what makes the start state unfit to be rolled out.

    Args:
        cell: the cell.
        start: as measured and believed.
        run: its rollout.
        standing: where (j,) [rad, or m] the standing command would hold the joints.
        pairs: of the bodies before anything settled.
    """
    if not run.finite:
        yield unsolvable()
    yield from _noisy(cell, start)
    for name, is_, held in zip(cell.arm.all_joints, start.position, standing, strict=True):
        if name == cell.arm.gripper:
            continue  # it presses on what it holds
        limits = cell.arm.limits[name]
        off, allowed, unit = abs(is_ - held), cell.loop.tube_of(limits) / 2, limits.unit
        if not off <= allowed:
            text = f"is at {is_:.3f} {unit}, its drive is told to hold {held:.3f} {unit}"
            hint = "something blocks it: an operator stops, resets and arms again"
            yield _violation(name, off, allowed, unit, text, hint)
    for pair in pairs:
        depth = float(-pair.distance.min())
        if depth > INSIDE:
            text = f"overlap by {depth * 1000:.0f} mm where they are believed to be"
            hint = "look again, so that objects are believed where they are"
            yield _violation(f"{pair.one} and {pair.other}", depth, INSIDE, "m", text, hint)


def unsolvable() -> Violation:
    """Return the finding that the physics lost its footing, here or in a world a little other."""
    text = "has no solution from this state"
    return _violation("physics", 0.0, 0.0, "1", text, "look again, or re-arm")


def unreadable(start: StartState) -> Violation | None:
    """Return a finding where the measured state holds what is no number."""
    read = (("position", start.position), ("command", start.command))
    scatter = (("noise", start.noise), ("noise", start.effort_noise))
    for what, values in (*read, *scatter):
        if not np.isfinite(values).all():
            text = f"have a {what} that is no number"
            return _violation("joints", 0.0, 0.0, "1", text, "read the state again")
    for name, belief in start.objects.items():
        pose = (*belief.position, *belief.quaternion, *(belief.held_pose or ()))
        if not np.isfinite(pose).all():
            return _violation(name, 0.0, 0.0, "1", "has a pose that is no number", "look again")
    return None


def _noisy(cell: Cell, start: StartState) -> Iterator[Violation]:
    """Yield each joint whose readings scatter too much, standing, for a tube to mean anything."""
    spread, arm = cell.check.spread, cell.arm
    hint = "let the arm stand untouched for two seconds and check again; if it stays, look at "
    for name, scatter in zip(arm.all_joints, start.noise, strict=bool(start.noise)):
        limit, unit = spread.noise_limit * arm.limits[name].lever, arm.limits[name].unit
        if scatter > limit:
            text = f"scatters by {scatter:.4f} {unit} (standard deviation) while it stands"
            yield _violation(name, scatter, limit, unit, text, f"{hint}its encoder and cable")
    limit = spread.effort_noise_limit
    for name, scatter in zip(arm.all_joints, start.effort_noise, strict=bool(start.effort_noise)):
        # One that slides may tell no force but that it presses, all or nothing.
        if scatter > limit and arm.limits[name].unit == "rad":
            text = f"has an effort that scatters by {scatter:.3f} N.m while it stands"
            yield _violation(name, scatter, limit, "N.m", text, f"{hint}its supply and load")


def _violation(
    subject: str, value: float, limit: float, unit: str, text: str, hint: str
) -> Violation:
    return Violation(
        kind=ViolationKind.START,
        step=-1,
        time=0.0,
        subject=subject,
        value=value,
        limit=limit,
        unit=unit,
        sentence=f"Before the first step, {subject} {text}.",
        hint=hint,
    )
