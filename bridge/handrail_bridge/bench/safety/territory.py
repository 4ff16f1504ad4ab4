"""The zones as shapes of the truth's own model: MuJoCo tells how near to them the arm is.

A keep-out or slow zone is a box, a keep-in zone the six planes of its sides, which look inwards.
Nothing collides with them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import mujoco
import numpy as np
from handrail_sim.cell import Cell, Zone, ZoneKind
from handrail_sim.world import Array
from numpy.typing import NDArray

from handrail_bridge.bench.safety.watching import Bodies

Ids = NDArray[np.intp]

FAR = 10.0  # m: farther than that is not looked at
SIDES = tuple(itertools.product(range(3), (-1, 1)))  # axis, and on which side of the middle
CORNERS = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))


def add_zones(spec: mujoco.MjSpec, cell: Cell) -> None:
    """Add a cell's zones to a world."""
    for name, zone in cell.zones.items():
        turn = (math.cos(zone.yaw / 2), 0.0, 0.0, math.sin(zone.yaw / 2))
        body = spec.worldbody.add_body(name=f"/zone {name}", pos=zone.center, quat=turn)
        half = np.array(zone.size) / 2
        if zone.kind != ZoneKind.KEEP_IN:
            body.add_geom(
                type=mujoco.mjtGeom.mjGEOM_BOX, size=half, contype=0, conaffinity=0, density=0
            )
            continue
        for axis, side in SIDES:
            out = side * np.eye(3)[axis]
            plane = body.add_geom(
                type=mujoco.mjtGeom.mjGEOM_PLANE, size=(1, 1, 1), contype=0, conaffinity=0
            )
            plane.pos = out * half
            mujoco.mju_quatZ2Vec(plane.quat, -out)


class Territory:
    """Looks at one run's zones."""

    def __init__(self, cell: Cell, model: mujoco.MjModel, bodies: Bodies) -> None:
        self._model = model
        self._zones = [
            (name, zone, np.flatnonzero(model.geom_bodyid == model.body(f"/zone {name}").id))
            for name, zone in cell.zones.items()
        ]
        self._links = np.flatnonzero(np.isin(model.geom_bodyid, list(bodies.links)))
        self._things = {
            name: np.flatnonzero(model.geom_bodyid == body) for body, name in bodies.objects.items()
        }
        self._before: tuple[float, Array] | None = None

    def begin(self) -> None:
        """Forget where the arm was: another run begins."""
        self._before = None

    def look(
        self, data: mujoco.MjData, held: Sequence[str], now: float
    ) -> Iterator[tuple[str, float]]:
        """Yield what is done in a zone (nothing: ""), and how near to it the arm is, in margins.

        ``held`` are the things that the arm holds, ``now`` [s] the time of the look.
        """
        speed = self._speed(data, now)
        geoms = np.concatenate([self._links, *(self._things[name] for name in held)])
        for name, zone, shapes in self._zones:
            gap = self._gap(data, geoms, shapes, zone)
            if zone.kind in (ZoneKind.KEEP_IN, ZoneKind.KEEP_OUT):
                what = "left" if zone.kind == ZoneKind.KEEP_IN else "entered"
                nearness = gap / zone.margin if zone.margin else math.inf
                yield f"{what} {name}" if gap < 0 else "", nearness
            elif zone.speed is not None and speed > zone.speed and gap < 0:
                yield f"was too fast in {name}", math.inf

    def _gap(self, data: mujoco.MjData, geoms: Ids, shapes: Ids, zone: Zone) -> float:
        """Return the least distance [m] of any shape to a zone's; what is far is not measured."""
        least = FAR
        around = math.hypot(*zone.size) / 2 if zone.kind != ZoneKind.KEEP_IN else FAR
        away = np.linalg.norm(data.geom_xpos[geoms] - np.array(zone.center), axis=1)
        bounds = away - self._model.geom_rbound[geoms] - around
        for number in np.argsort(bounds).tolist():
            if bounds[number] >= least:
                break
            for shape in shapes.tolist():
                geom = int(geoms[number])
                found = mujoco.mj_geomDistance(self._model, data, geom, shape, FAR, None)
                least = min(least, found)
        return least

    def _speed(self, data: mujoco.MjData, now: float) -> float:
        """Return how fast [m/s] the fastest corner of the arm's shapes went since the last look."""
        bounds = self._model.geom_aabb[self._links]
        corners = bounds[:, None, :3] + CORNERS * bounds[:, None, 3:]
        turned = data.geom_xmat[self._links].reshape(-1, 3, 3).transpose(0, 2, 1)
        points = data.geom_xpos[self._links][:, None] + corners @ turned
        before, self._before = self._before, (now, points)
        if before is None or now <= before[0]:
            return 0.0
        return float(np.linalg.norm(points - before[1], axis=-1).max()) / (now - before[0])
