"""What a reference asks of the joints: velocity, acceleration and jerk, against the cell's limits.

By differences of what will be played, whoever made it: they are means over a tick or a few, and
never larger than what a profile within the limits does.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.check.findings import violation
from handrail_sim.check.timeline import Timeline
from handrail_sim.verdict import Violation, ViolationKind
from handrail_sim.world import Array

ROUNDING = 1.001  # of a limit
KINDS = (
    (ViolationKind.JOINT_VELOCITY, "velocity", "/s"),
    (ViolationKind.JOINT_ACCELERATION, "acceleration", "/s2"),
    (ViolationKind.JOINT_JERK, "jerk", "/s3"),
)


def judge(cell: Cell, standing: Array, targets: Array, timeline: Timeline) -> Iterator[Violation]:
    """Yield what is asked of each joint beyond its limits.

    Args:
        cell: the cell.
        standing: where (j,) [rad] the arm is held when the plan begins.
        targets: the reference (rows, j) [rad].
        timeline: of its rows.
    """
    values = np.concatenate([standing[None], targets])
    for kind, name, per in KINDS:
        # Before the first row nothing moves: the next difference is taken against that.
        change = np.diff(values, axis=0) * timeline.rate
        values = np.concatenate([np.zeros((1, len(standing))), change])
        for joint, column in zip(cell.arm.all_joints, np.abs(change).T, strict=True):
            limits = cell.arm.limits[joint]
            limit = float(getattr(limits, name))
            rows = np.flatnonzero(column > ROUNDING * limit)
            if len(rows):
                worst, unit = float(column.max()), limits.unit + per
                hint = f"lower the step's speed, by {worst / limit:.1f} times at least"
                text = f"is asked for {worst:.3g} {unit}; {limit:g} {unit} are allowed"
                moment = timeline.moment(int(rows[0]) + 1)
                yield violation((kind, joint, unit, hint), worst, limit, moment, text)
