"""A way through joint space from one place to another: RRT-Connect, then shortcuts.

J. Kuffner and S. LaValle, "RRT-Connect: An efficient approach to single-query path planning",
ICRA 2000, figures 2 and 5. Shortcuts: R. Geraerts and M. Overmars, "Creating high-quality paths
for motion planning", IJRR 26(8), 2007, section 3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from handrail_sim.world import Array

SEED = 1  # any: the same way for the same question, so that a plan has one verdict
TRIES = 3000  # samples before a way counts as not found
REACH = 0.25  # rad by which a tree grows at once, in its fastest joint
SHORTCUTS = 120


class Space(Protocol):
    """What a planner has to know: the box of positions, and which straight moves are free."""

    low: Array  # (joints,) [rad]
    high: Array

    def free(self, one: Array, other: Array) -> bool:
        """Tell whether the straight way between two positions (joints,) [rad] is free."""


FindWay = Callable[[Space, Array, Array], list[Array] | None]  # a plugin in handrail.planners


def find_way(space: Space, start: Array, goal: Array) -> list[Array] | None:
    """Return positions (joints,) [rad] from start to goal with free straight ways between.

    None where no way was found in ``TRIES`` samples; there may be one.
    """
    if space.free(start, goal):
        return [start, goal]
    rng = np.random.default_rng(SEED)
    way = _connect(space, start, goal, rng)
    return None if way is None else _shortened(space, way, rng)


class _Tree:
    """Positions with free ways to their parents, from one root."""

    def __init__(self, root: Array) -> None:
        self.nodes = [root]
        self._parents = [0]

    def nearest(self, position: Array) -> int:
        return int(np.abs(np.array(self.nodes) - position).max(axis=1).argmin())

    def grow(self, space: Space, towards: Array) -> tuple[int, bool] | None:
        """Add a node nearer to a position; return it and whether it is there, or None."""
        parent = self.nearest(towards)
        start = self.nodes[parent]
        far = float(np.abs(towards - start).max())
        there = far <= REACH
        node = towards if there else start + (towards - start) * (REACH / far)
        if not space.free(start, node):
            return None
        self.nodes.append(node)
        self._parents.append(parent)
        return len(self.nodes) - 1, there

    def back(self, node: int) -> list[Array]:
        """Return the positions from a node to the root."""
        way = [self.nodes[node]]
        while node:
            node = self._parents[node]
            way.append(self.nodes[node])
        return way


def _connect(
    space: Space, start: Array, goal: Array, rng: np.random.Generator
) -> list[Array] | None:
    here, there = _Tree(start), _Tree(goal)
    forward = True
    for _ in range(TRIES):
        grown = here.grow(space, rng.uniform(space.low, space.high))
        if grown is not None:
            met = _reach_for(there, space, here.nodes[grown[0]])
            if met is not None:
                way = [*reversed(here.back(grown[0])), *there.back(met)[1:]]
                return way if forward else way[::-1]
        here, there, forward = there, here, not forward
    return None


def _reach_for(tree: _Tree, space: Space, position: Array) -> int | None:
    """Grow a tree towards a position; return the node there, None where it is blocked before."""
    while (grown := tree.grow(space, position)) is not None:
        node, there = grown
        if there:
            return node
    return None


def _shortened(space: Space, way: list[Array], rng: np.random.Generator) -> list[Array]:
    """Replace detours by straight ways where those are free."""
    for _ in range(SHORTCUTS):
        if len(way) == 2:
            break
        first, last = np.sort(rng.uniform(0, len(way) - 1, 2))
        one, other = _between(way, first), _between(way, last)
        if int(first) != int(last) and space.free(one, other):
            way = [*way[: int(first) + 1], one, other, *way[int(last) + 1 :]]
    return _without_doubles(way)


def _between(way: list[Array], at: float) -> Array:
    index = min(int(at), len(way) - 2)
    between: Array = way[index] + (at - index) * (way[index + 1] - way[index])
    return between


def _without_doubles(way: list[Array]) -> list[Array]:
    kept = [way[0]]
    for position in way[1:]:
        if float(np.abs(position - kept[-1]).max()) > 1e-9:
            kept.append(position)
    return kept
