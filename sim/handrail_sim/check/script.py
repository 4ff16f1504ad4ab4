"""What the check plays of a plan: setpoints by row, the last of which a policy may make."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.check.rollout import Live, Rollout
from handrail_sim.verdict import PolicyPart
from handrail_sim.world import Array


@dataclass(frozen=True, slots=True)
class Script:
    """Aims, hold and lead as :meth:`Reference.setpoints` returns them, each (rows, j) [rad].

    Where there is a ``policy``, ``live`` makes the rows from its first one on.
    """

    aims: Array
    hold: Array
    lead: Array
    policy: PolicyPart | None = None
    live: Live | None = None

    @property
    def setpoints(self) -> Array:
        """What is written, at full speed."""
        return self.hold + self.lead

    @property
    def planned(self) -> Array:
        """The aims that steps ask for: a policy's are within the limits as they are made."""
        return self.aims[: self.live.first] if self.live else self.aims

    def filled(self, cell: Cell, run: Rollout) -> Script:
        """Return the script with what the policy made of a rollout; its aims are where it came.

        What a servo lags behind a setpoint that moves is its lead, as elsewhere.
        """
        if self.live is None:
            return self
        rows, first, rate = len(self.hold), self.live.first, cell.loop.rate
        servos = [cell.arm.servo[name] for name in cell.arm.all_joints]
        lag = np.array([(one.damping + one.derivative) / one.stiffness for one in servos])  # s
        lead = lag * np.diff(run.command, axis=0)[:rows] * rate
        lead[:first] = self.lead[:first]
        hold = run.command[1 : rows + 1] - lead
        hold[:first] = self.hold[:first]
        aims = np.concatenate([self.aims[:first], run.position[first + 1 : rows + 1]])
        return replace(self, aims=aims, hold=hold, lead=lead)
