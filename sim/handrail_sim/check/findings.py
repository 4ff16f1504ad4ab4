"""What a rollout shows of the joints: their limits, and how they follow."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from handrail_sim.arm import JointLimits
from handrail_sim.cell import Cell
from handrail_sim.check.rollout import Rollout
from handrail_sim.check.timeline import Timeline
from handrail_sim.verdict import Violation, ViolationKind
from handrail_sim.world import Array

BEYOND = 0.002  # rad over a joint's range that a soft stop gives way
GIVES = 0.05  # rad over it that a jaw's does, which closes on nothing with all its strength
OVERSHOOT = 1.2  # of the velocity limit: a servo swings (16 % in trials); the reference does not
SATURATED = 0.1  # s at the effort limit


class Findings:
    """Judges one rollout against the cell's limits."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    def joints(self, run: Rollout, reference: Array, timeline: Timeline) -> Iterator[Violation]:
        """Yield violations of position, velocity and effort limits, and of the tube."""
        arm = self._cell.arm
        for i, name in enumerate(arm.all_joints):
            limits = arm.limits[name]
            yield from self._position(run.position[:, i], name, limits, timeline)
            yield from self._velocity(run.velocity[:, i], name, limits, timeline)
            if name == arm.gripper:
                continue  # it presses on purpose, and lags when it does
            yield from self._effort(run, i, timeline)
            lag = np.abs(run.position[1 : len(reference) + 1, i] - reference[:, i])
            yield from _over(
                lag,
                self._cell.loop.tube_of(limits) / 2,
                (
                    ViolationKind.TRACKING,
                    name,
                    limits.unit,
                    "lower its speed, or avoid contact",
                ),
                timeline,
            )

    def _velocity(
        self, velocity: Array, name: str, limits: JointLimits, timeline: Timeline
    ) -> Iterator[Violation]:
        """A joint that swings out a little passes; what is told is the cell's own limit."""
        fast = np.flatnonzero(np.abs(velocity) > OVERSHOOT * limits.velocity)
        if len(fast):
            worst, unit = float(np.abs(velocity).max()), f"{limits.unit}/s"
            share = limits.velocity / worst
            hint = f"lower the step's speed, to {share:.2g} of what it is"
            words = (ViolationKind.JOINT_VELOCITY, name, unit, hint)
            text = f"swings out to {worst:.2f} {unit}; {limits.velocity:g} {unit} are allowed"
            yield violation(words, worst, limits.velocity, timeline.moment(int(fast[0])), text)

    def _position(
        self, position: Array, name: str, limits: JointLimits, timeline: Timeline
    ) -> Iterator[Violation]:
        """One that begins beyond its range must not go farther.

        A jaw that closes on nothing leans on its stop, as far as that gives way.
        """
        low, high, unit = limits.low, limits.high, limits.unit
        beyond, began = BEYOND * limits.lever, float(position[0])
        gives = GIVES * limits.lever if name == self._cell.arm.gripper else beyond
        under = position < min(low, began) - gives
        outside = np.flatnonzero(under | (position > max(high, began) + beyond))
        if not len(outside):
            return
        middle = (low + high) / 2
        worst = float(position[np.argmax(np.abs(position - middle))])
        words = (
            ViolationKind.JOINT_POSITION,
            name,
            unit,
            f"stay between {low:.3f} and {high:.3f} {unit}",
        )
        limit = high if worst > middle else low
        text = f"reaches {worst:.3f} {unit}; its limit is {limit:.3f} {unit}"
        yield violation(words, worst, limit, timeline.moment(int(outside[0])), text)

    def _effort(self, run: Rollout, joint: int, timeline: Timeline) -> Iterator[Violation]:
        """An effort limit that is only touched is harmless; one that is leant on is not."""
        name = self._cell.arm.all_joints[joint]
        limits = self._cell.arm.limits[name]
        limit, unit = limits.effort, limits.effort_unit
        length = round(SATURATED * timeline.rate)
        at_limit = (np.abs(run.effort[:, joint]) >= 0.999 * limit).astype(float)
        leaning = np.convolve(at_limit, np.ones(length), "valid") >= length
        rows = np.flatnonzero(leaning)
        if len(rows):
            hint = "slow down, come nearer to the base, or avoid the contact"
            yield violation(
                (ViolationKind.JOINT_EFFORT, name, unit, hint),
                limit,
                limit,
                timeline.moment(int(rows[0])),
                f"leans on its effort limit of {limit:.2f} {unit}",
            )


def _over(
    values: Array,
    limit: float,
    words: tuple[ViolationKind, str, str, str],
    timeline: Timeline,
) -> Iterator[Violation]:
    """Yield one violation where values pass the limit: its first time, its worst value."""
    rows = np.flatnonzero(values > limit)
    if len(rows):
        worst = float(values.max())
        text = f"reaches {worst:.3f} where {limit:.3f} is allowed"
        yield violation(words, worst, limit, timeline.moment(int(rows[0])), text)


def violation(
    words: tuple[ViolationKind, str, str, str],
    value: float,
    limit: float,
    when: tuple[int, float],
    text: str,
) -> Violation:
    """Return a finding: ``words`` are its kind, subject, unit and hint, ``when`` step and time."""
    kind, subject, unit, hint = words
    step, time = when
    return Violation(
        kind=kind,
        step=step,
        time=time,
        subject=subject,
        value=value,
        limit=limit,
        unit=unit,
        sentence=f"In step {step} at {time:.2f} s, {subject} {text} ({kind.replace('_', ' ')}).",
        hint=hint,
    )
