"""Forces over a rollout: what is held may be gripped, and must not be pressed on anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import mujoco
import numpy as np
from numpy.typing import NDArray

from handrail_sim.cell import Cell
from handrail_sim.check.grips import Fingers, Grip
from handrail_sim.check.rollout import Rollout
from handrail_sim.check.timeline import Timeline
from handrail_sim.forces import Press, presses
from handrail_sim.verdict import Violation, ViolationKind
from handrail_sim.world import Array

TOUCHED = 0.05  # N: a finger that presses with more moves the thing


class Pressure:
    """Judges forces between the bodies of one cell."""

    def __init__(self, cell: Cell, model: mujoco.MjModel, fingers: Fingers) -> None:
        self._pairs = presses(model)
        self._fingers = set(fingers.bodies)
        self._objects = {thing.body: name for name, thing in cell.objects.items()}
        boxes = {box.body: name for name, box in cell.obstacles.items()}
        bins = {box.body: name for name, box in cell.regions.items() if box.body}
        self._names = {**boxes, **bins, **self._objects}
        self._limits = [self._limit(cell, pair) for pair in self._pairs]

    def judge(
        self, run: Rollout, grips: Mapping[str, Grip], timeline: Timeline
    ) -> Iterator[Violation]:
        """Yield one violation for each pair that presses harder than it may."""
        loads = self._loads(run, grips)
        for pair, limit, force in zip(self._pairs, self._limits, loads, strict=True):
            rows = np.flatnonzero(force > limit)
            if len(rows):
                first = int(rows[0])
                held = any(
                    grips[name].held[first]
                    for body, name in self._objects.items()
                    if body in (pair.one, pair.other)
                )
                moment = timeline.moment(first)
                yield self._violation(pair, float(force.max()), limit, moment, held)

    def hardest(self, run: Rollout, grips: Mapping[str, Grip]) -> tuple[float, str]:
        """Return the largest force [N], and between whom."""
        peaks = [float(force.max()) for force in self._loads(run, grips)]
        if not peaks:
            return 0.0, ""
        worst = self._pairs[int(np.argmax(peaks))]
        return max(peaks), " and ".join(self._names.get(b, b) for b in (worst.one, worst.other))

    def _loads(self, run: Rollout, grips: Mapping[str, Grip]) -> Iterator[Array]:
        """Yield each pair's force [N] by row; what falls, or lies, presses without the arm."""
        moved: dict[str, NDArray[np.bool_]] = {
            body: np.logical_or(grips[name].held, self._touched(run, body))
            for body, name in self._objects.items()
        }
        for column, pair in enumerate(self._pairs):
            both = [moved[body] for body in (pair.one, pair.other) if body in moved]
            yield np.where(np.any(both, axis=0), run.forces[:, column], 0.0)

    def _touched(self, run: Rollout, body: str) -> NDArray[np.bool_]:
        """Tell by row whether a finger presses on an object."""
        columns = [
            column
            for column, pair in enumerate(self._pairs)
            if pair.one == body and pair.other in self._fingers
        ]
        touched: NDArray[np.bool_] = np.greater(
            run.forces[:, columns].max(axis=1, initial=0.0), TOUCHED
        )
        return touched

    def _limit(self, cell: Cell, pair: Press) -> float:
        for own in cell.check.forces:
            if {own.one, own.other} == {pair.one, pair.other}:
                return own.force
        gripped = pair.other in self._fingers
        return cell.check.grip_force if gripped else cell.check.force

    def _violation(
        self, pair: Press, value: float, limit: float, moment: tuple[int, float], held: bool
    ) -> Violation:
        one, other = (self._names.get(body, body) for body in (pair.one, pair.other))
        if pair.other in self._fingers:
            text = f"{other} presses on {one} with {value:.1f} N; {limit:.1f} N are allowed"
            hint = "close the jaw to a wider gap, or go beside it or above it"
        elif not held:
            text = f"a finger presses {one} on {other} with {value:.1f} N; {limit:.1f} are allowed"
            hint = (
                f"pass {one} by: a pose halfway straightens the fingers' way; or raise the target"
            )
        else:
            text = f"{one} is pressed on {other} with {value:.1f} N; {limit:.1f} N are allowed"
            hint = f"let go of {one} higher above {other}, or raise the target"
        step, time = moment
        return Violation(
            kind=ViolationKind.FORCE,
            step=step,
            time=time,
            subject=f"{one} and {other}",
            value=value,
            limit=limit,
            unit="N",
            sentence=f"In step {step} at {time:.2f} s, {text}.",
            hint=hint,
        )
