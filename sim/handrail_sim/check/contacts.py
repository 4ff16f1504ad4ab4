"""Distances between bodies over a rollout: what touched, what came near, what was held.

A geometry pass of its own, over recorded positions, on a model whose geoms report
contacts up to ``REACH`` apart. The physics never sees these margins.

Between two boxes MuJoCo tells exactly how deep they are in one another, but not how far they
are apart (wrong by up to 15 mm in a trial). A mesh goes another way, which does: obstacles
are meshes here (then within 1 mm, and as fast).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from handrail_sim.cell import Cell
from handrail_sim.world import Array, Scene, load_spec

REACH = 0.02  # m: farther apart is not looked at
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

    def __init__(self, cell: Cell, scene: Scene) -> None:
        self._names = scene.geom_body
        self._tcp = scene.tcp
        self._model = model = _geometry(cell)
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


def _geometry(cell: Cell) -> mujoco.MjModel:
    """The world with reach: geoms as in the belief's model, by number."""
    spec = load_spec(cell)
    obstacles = [thing.body for thing in cell.obstacles.values()]
    for name in (*obstacles, *(region.body for region in cell.regions.values() if region.body)):
        for geom in spec.body(name).geoms:
            if geom.type == mujoco.mjtGeom.mjGEOM_BOX:
                _as_mesh(spec, geom)
    model = spec.compile()
    model.geom_margin[:] = REACH / 2  # MuJoCo adds the two geoms' margins
    model.body_margin[:] = REACH  # what it looks for at all; compiled from the margins in the file
    return model


def _as_mesh(spec: mujoco.MjSpec, box: mujoco.MjsGeom) -> None:
    corners = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
    mesh = spec.add_mesh(name=box.name)
    mesh.uservert = (corners * box.size).ravel()
    box.type, box.meshname = mujoco.mjtGeom.mjGEOM_MESH, box.name


def _nearest(one: str, other: str, rows: NDArray[np.int64], distance: Array) -> Pair:
    """Keep the nearest contact of each row."""
    order = np.lexsort((distance, rows))
    rows, distance = rows[order], distance[order]
    first = np.concatenate([[True], rows[1:] != rows[:-1]])
    return Pair(one, other, rows[first], distance[first])
