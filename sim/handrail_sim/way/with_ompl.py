"""The same question answered by OMPL's RRT-Connect: the extra ``ompl``.

Another opinion than :mod:`handrail_sim.way.planner`, and an oracle for it in the tests. Its
Python bindings have open reports of memory errors, which is why it is not the planner that
Handrail brings.
"""

from __future__ import annotations

import numpy as np
from handrail_drivers.errors import InvalidCell

from handrail_sim.way.planner import SEED, Space
from handrail_sim.world import Array

LONGEST = 5.0  # s
FINE = 0.005  # of the space's extent between two states that are looked at


def find_way(space: Space, start: Array, goal: Array) -> list[Array] | None:
    """Return positions (joints,) [rad] from start to goal with free straight ways between.

    Raises:
        InvalidCell: OMPL is not installed.
    """
    try:
        from ompl import base, geometric, util
    except ImportError as error:
        raise InvalidCell(
            "check.planner: OMPL is not installed.",
            field="check.planner",
            value="ompl",
            hint="pip install -e '.[ompl]' in Handrail's folder, or take another planner",
        ) from error
    util.RNG.setSeed(SEED)
    count = len(start)
    states = base.RealVectorStateSpace(count)
    bounds = base.RealVectorBounds(count)
    for joint in range(count):
        bounds.setLow(joint, float(space.low[joint]))
        bounds.setHigh(joint, float(space.high[joint]))
    states.setBounds(bounds)
    setup = geometric.SimpleSetup(states)
    setup.setStateValidityChecker(lambda state: _is_free(space, np.array(state[0:count])))
    setup.getSpaceInformation().setStateValidityCheckingResolution(FINE)
    ends = []
    for position in (start, goal):
        end = states.allocState()
        end[0:count] = position.tolist()
        ends.append(end)
    setup.setStartAndGoalStates(*ends)
    setup.setPlanner(geometric.RRTConnect(setup.getSpaceInformation()))
    setup.solve(LONGEST)
    if not setup.haveExactSolutionPath():
        return None
    setup.simplifySolution()
    way = setup.getSolutionPath().getStates()
    return [np.array(state[0:count]) for state in way]


def _is_free(space: Space, position: Array) -> bool:
    return space.free(position, position)
