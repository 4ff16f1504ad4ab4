"""Distances between bodies over a rollout: what touched, what came near, what was held.

A geometry pass of its own, over recorded positions, on a model whose geoms report
contacts up to a reach apart. The physics never sees these margins.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from handrail_sim.cell import Cell
from handrail_sim.geometry import geometry
from handrail_sim.world import Array, Scene

REACH = 0.02  # m: what clearances can be told
TOUCH = 0.0008  # m: nearer counts as touching, for a grip


@dataclass(frozen=True, slots=True)
class Pair:
    """Two bodies over time. ``rows`` (n,) are ticks, ``distance`` (n,) [m], negative: depth."""

    one: str
    other: str
    rows: NDArray[np.int64]
    distance: Array


class Proximity:
    """Finds the distances of all pairs of bodies that can collide, and the TCP's path."""

    def __init__(self, cell: Cell, scene: Scene, reach: float = REACH) -> None:
        """``reach`` [m]: farther apart is not looked at."""
        self._names = scene.geom_body
        self._tcp = scene.tcp
        self._model = model = geometry(cell, reach)
        self._data = mujoco.MjData(self._model)
        self._fixed = {
            model.body(body).name for body in range(model.nbody) if model.body_weldid[body] == 0
        }

    def look(self, qpos: Array) -> tuple[list[Pair], Array]:
        """Return what came within reach of what over the rows of qpos (n, nq).

        Every such pair of bodies of which one can move, and the TCP's positions (n, 3) [m].
        """
        path = np.empty((len(qpos), 3))
        rows, ones, others, distances = self._contacts(qpos, path)
        index = {name: number for number, name in enumerate(dict.fromkeys(self._names))}
        body = np.array([index[name] for name in self._names])
        names = list(index)
        first, second = np.minimum(body[ones], body[others]), np.maximum(body[ones], body[others])
        found = []
        for key in np.unique(first * len(names) + second):
            one, other = divmod(int(key), len(names))
            if names[one] in self._fixed and names[other] in self._fixed:
                continue
            mine = (first == one) & (second == other)
            found.append(_nearest(names[one], names[other], rows[mine], distances[mine]))
        return found, path

    def _contacts(
        self, qpos: Array, path: Array
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Array]:
        model, data = self._model, self._data
        counts, geoms, distances = [], [], []
        for row, positions in enumerate(qpos):
            data.qpos[:] = positions
            mujoco.mj_kinematics(model, data)
            mujoco.mj_collision(model, data)
            path[row] = data.site_xpos[self._tcp]
            contact = data.contact
            counts.append(data.ncon)
            geoms.append(contact.geom.copy())
            distances.append(contact.dist.copy())
        rows = np.repeat(np.arange(len(qpos)), counts)
        pairs = np.concatenate(geoms).reshape(-1, 2).astype(np.int64)
        return rows, pairs[:, 0], pairs[:, 1], np.concatenate(distances)


def _nearest(one: str, other: str, rows: NDArray[np.int64], distance: Array) -> Pair:
    """Keep the nearest contact of each row."""
    order = np.lexsort((distance, rows))
    rows, distance = rows[order], distance[order]
    first = np.concatenate([[True], rows[1:] != rows[:-1]])
    return Pair(one, other, rows[first], distance[first])
