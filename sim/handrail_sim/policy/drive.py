"""One run of a policy, tick by tick: the same in the check's rollouts and in the loop."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.cell_file import cell_path
from handrail_sim.policy.declared import Source
from handrail_sim.policy.model import PolicyModel
from handrail_sim.policy.shaper import Shaper
from handrail_sim.verdict import PolicyPart
from handrail_sim.world import Array


class Policies:
    """A cell's policies, loaded and warm.

    Raises:
        InvalidModel: a file is not what the cell declares.
    """

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._models = {
            name: PolicyModel(cell_path(cell.folder, one.model), one, len(cell.arm.joints))
            for name, one in cell.policies.items()
        }

    def sha256(self, name: str) -> str:
        """Return the digest of a policy's file; empty where there is no such policy."""
        return self._cell.policies[name].sha256 if name in self._models else ""

    def budget_ns(self, name: str) -> int:
        """Return how long an answer of a policy may take [ns]."""
        return int(self._cell.policies[name].budget * 1e9)

    def drive(self, part: PolicyPart, rows: int, setpoint: Sequence[float]) -> Drive:
        """Begin a part of a trajectory of ``rows`` rows, at the setpoints (joints,) that stand.

        One at a time for each policy: they share its tensors.
        """
        return Drive(self._cell, self._models[part.policy], part, rows, setpoint)


class Drive:
    """What a policy makes of one part of a trajectory.

    On every tick it is asked, where that is :attr:`due`, and then advanced by that tick. Before
    its end it is asked no more, and comes to a stand.
    """

    def __init__(
        self,
        cell: Cell,
        model: PolicyModel,
        part: PolicyPart,
        rows: int,
        setpoint: Sequence[float],
    ) -> None:
        limits = [cell.arm.limits[name] for name in cell.arm.joints]
        count, rate = len(limits), cell.loop.rate
        self._model = model
        self._shaper = Shaper(limits, rate, part.speed, setpoint[:count])
        self._others = np.array(setpoint[count:], dtype=float)  # stand
        self._every = rate // cell.policies[part.policy].rate
        self._last = rows - math.ceil(self._shaper.braking * rate)
        self._wish = np.zeros(count)
        self._tick, self._row = 0, part.first
        given = model.inputs
        if Source.TARGET in given:
            given[Source.TARGET][0] = part.target
        if Source.THING in given:
            given[Source.THING][0] = part.thing

    @property
    def due(self) -> bool:
        """Whether the policy is asked on this tick."""
        return self._tick % self._every == 0 and self._row < self._last

    def ask(self, position: Sequence[float] | Array, velocity: Sequence[float] | Array) -> bool:
        """Ask the policy, the joints being measured at (n,) [rad], [rad/s].

        Return whether it answered in numbers; what else it answered is not followed.
        """
        given, count = self._model.inputs, len(self._wish)
        if Source.JOINT_POSITION in given:
            given[Source.JOINT_POSITION][0] = position[:count]
        if Source.JOINT_VELOCITY in given:
            given[Source.JOINT_VELOCITY][0] = velocity[:count]
        if Source.SETPOINT in given:
            given[Source.SETPOINT][0] = self._shaper.setpoint
        answer = self._model.ask()
        if not np.isfinite(answer).all():
            return False
        self._wish[:] = answer
        return True

    def coast(self) -> None:
        """Follow the policy no more: keep the present velocity, for whoever scales it down."""
        self._wish[:] = self._shaper.velocity

    def advance(self, row: int, scale: float = 1.0) -> Array:
        """Go on by one tick, at a row of the trajectory; return the setpoints (joints,) [rad].

        ``scale`` is what reflexes and stops leave of the speed.
        """
        self._row = row
        wish = self._wish if row < self._last else np.zeros_like(self._wish)
        self._tick += 1
        return np.concatenate([self._shaper.advance(wish, scale), self._others])
