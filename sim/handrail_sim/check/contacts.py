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


@dataclass(frozen=True, slots=True)
class Look:
    """What the geometry of a rollout's rows shows.

    ``pairs`` are those that came within reach of one another, of which one can move; ``path``
    (n, 3) [m] is the TCP's; ``places`` (n, geoms, 3) [m] and ``frames`` (n, geoms, 3, 3) are of
    all shapes, by number as in the belief's model.
    """

    pairs: list[Pair]
    path: Array
    places: Array
    frames: Array


class Proximity:
    """Finds the distances of all pairs of bodies that can collide, and where shapes are."""

    def __init__(self, cell: Cell, scene: Scene, reach: float = REACH) -> None:
        """``reach`` [m]: farther apart is not looked at."""
        self._names = scene.geom_body
        self._tcp = scene.tcp
        self._model = model = geometry(cell, reach)
        self._data = mujoco.MjData(self._model)
        self._fixed = {
            model.body(body).name for body in range(model.nbody) if model.body_weldid[body] == 0
        }

    def look(self, qpos: Array) -> Look:
        """Return what came within reach of what over the rows of qpos (n, nq), and where all is."""
        seen = Look(
            pairs=[],
            path=np.empty((len(qpos), 3)),
            places=np.empty((len(qpos), self._model.ngeom, 3)),
            frames=np.empty((len(qpos), self._model.ngeom, 3, 3)),
        )
        rows, ones, others, distances = self._contacts(qpos, seen)
        index = {name: number for number, name in enumerate(dict.fromkeys(self._names))}
        body = np.array([index[name] for name in self._names])
        names = list(index)
        first, second = np.minimum(body[ones], body[others]), np.maximum(body[ones], body[others])
        for key in np.unique(first * len(names) + second):
            one, other = divmod(int(key), len(names))
            if names[one] in self._fixed and names[other] in self._fixed:
                continue
            mine = (first == one) & (second == other)
            seen.pairs.append(_nearest(names[one], names[other], rows[mine], distances[mine]))
        return seen

    def _contacts(
        self, qpos: Array, seen: Look
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Array]:
        model, data = self._model, self._data
        counts, geoms, distances = [], [], []
        frames = seen.frames.reshape(len(qpos), model.ngeom, 9)
        present, tcp = data.qpos, data.site_xpos[self._tcp]
        at, turned = data.geom_xpos, data.geom_xmat
        for row, positions in enumerate(qpos):
            present[:] = positions
            mujoco.mj_kinematics(model, data)
            mujoco.mj_collision(model, data)
            seen.path[row] = tcp
            seen.places[row], frames[row] = at, turned
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
