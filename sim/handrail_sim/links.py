"""Where the arm's links are, measured against boxes: the twin's geometry at the loop's pace."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import mujoco
import numpy as np
from handrail_drivers.errors import UnknownName
from handrail_drivers.reflex import Box

from handrail_sim.cell import Cell
from handrail_sim.world import Array, Scene, load_spec

NEVER = 10.0  # m: farther than that is not looked at
CORNERS = np.array(list(product((-1.0, 1.0), repeat=3)))  # (8, 3)


class Links:
    """The shapes that the joints move, as a :class:`~handrail_drivers.reflex.Geometry`.

    A few tens of microseconds a question: what bounding spheres rule out is not measured.
    """

    def __init__(self, cell: Cell, *, objects: bool = False) -> None:
        """``objects``: it can be asked about them too, once they are placed."""
        spec = load_spec(cell)
        zone = spec.worldbody.add_body(name="/zone")  # the last: shapes are numbered as elsewhere
        zone.add_geom(
            name="/zone", type=mujoco.mjtGeom.mjGEOM_BOX, size=(1, 1, 1), contype=0, conaffinity=0
        )
        self._model = spec.compile()
        self._data = mujoco.MjData(self._model)
        self._scene = Scene(self._model, cell)
        self._zone = self._model.geom("/zone").id
        self.moved = self._bodies_moved()
        carried = tuple(thing.body for thing in cell.objects.values()) if objects else ()
        self._movable = (*self.moved, *carried)
        self._shapes: dict[tuple[str, ...], Array] = {}
        home = [cell.arm.home[name] for name in cell.arm.all_joints]
        self._scene.set_joints(self._data.qpos, home)
        self._at: tuple[float, ...] = ()
        self.reach = self._far(carried)  # m a rad, or a metre, of all joints together

    def tcp(self, position: Sequence[float]) -> tuple[float, float, float]:
        """Return where the TCP is [m] with the joints at ``position``."""
        self._move(position)
        x, y, z = self._data.site_xpos[self._scene.tcp].tolist()
        return x, y, z

    def nearest(
        self, position: Sequence[float], links: Sequence[str], box: Box
    ) -> tuple[float, str]:
        """Return the least distance [m] of any link to a box, and whose.

        Negative where one is inside; not always that of the deepest.

        Raises:
            UnknownName: a link that is not in the model.
        """
        geoms = self._geoms(tuple(links))
        self._move(position)
        local = self._in_box(self._data.geom_xpos[geoms], box)
        gaps = np.maximum(np.abs(local) - np.array(box[1]) / 2, 0.0)
        bounds = np.linalg.norm(gaps, axis=1) - self._model.geom_rbound[geoms]
        best, whose = NEVER, ""
        for index in np.argsort(bounds):
            if bounds[index] >= best:
                break
            distance = self._distance(int(geoms[index]), box)
            if distance < best:
                best, whose = distance, self._scene.geom_body[geoms[index]]
        return best, whose

    def farthest_out(
        self, position: Sequence[float], links: Sequence[str], box: Box
    ) -> tuple[float, str]:
        """Return how far [m] any link's bounding box reaches out of a box, and which.

        Negative where none does.

        Raises:
            UnknownName: a link that is not in the model.
        """
        geoms = self._geoms(tuple(links))
        self._move(position)
        half = np.array(box[1]) / 2
        centers = np.abs(self._in_box(self._data.geom_xpos[geoms], box))
        spheres = (centers + self._model.geom_rbound[geoms][:, None] - half).max(axis=1)
        worst = int(np.argmax(spheres))
        if spheres[worst] < 0:  # well inside: most ticks end here
            return float(spheres[worst]), self._scene.geom_body[geoms[worst]]
        frames = self._data.geom_xmat[geoms].reshape(-1, 3, 3)
        corners = self._corners(self._data.geom_xpos[geoms], frames, geoms)
        out = (np.abs(self._in_box(corners, box)) - half).max(axis=(1, 2))
        worst = int(np.argmax(out))
        return float(out[worst]), self._scene.geom_body[geoms[worst]]

    def spheres_away(self, places: Array, links: Sequence[str], box: Box) -> Array:
        """Return how far (rows,) [m] links are from a box at least; ``places`` (rows, geoms, 3)."""
        geoms = self._geoms(tuple(links))
        gaps = np.maximum(np.abs(self._in_box(places[:, geoms], box)) - np.array(box[1]) / 2, 0.0)
        away: Array = (np.linalg.norm(gaps, axis=-1) - self._model.geom_rbound[geoms]).min(axis=1)
        return away

    def first_out(
        self, places: Array, frames: Array, links: Sequence[str], box: Box, room: float
    ) -> tuple[int, str, float] | None:
        """Return the first row in which a link's bounding box is not ``room`` [m] inside of a box.

        With its name, and how far [m] it reaches out. ``places`` (rows, geoms, 3) [m] and
        ``frames`` (rows, geoms, 3, 3) are of all shapes. What bounding spheres rule out is not
        measured.
        """
        geoms, half = self._geoms(tuple(links)), np.array(box[1]) / 2
        spheres = (np.abs(self._in_box(places[:, geoms], box)) - half).max(axis=-1)
        rows, which = np.nonzero(spheres + self._model.geom_rbound[geoms] > -room)
        shapes = geoms[which]
        corners = self._corners(places[rows, shapes], frames[rows, shapes], shapes)
        out = (np.abs(self._in_box(corners, box)) - half).max(axis=(1, 2), initial=-NEVER)
        bad = np.flatnonzero(out > -room)
        if not len(bad):
            return None
        first = bad[rows[bad] == rows[bad[0]]]
        worst = int(first[np.argmax(out[first])])
        return int(rows[worst]), self._scene.geom_body[shapes[worst]], float(out[worst])

    def corners_of(self, places: Array, frames: Array) -> Array:
        """Return the corners (rows, n, 8, 3) [m] of the bounding boxes of what joints move."""
        geoms = self._geoms(())
        return self._corners(places[:, geoms], frames[:, geoms], geoms)

    def travel(self, positions: Array) -> Array:
        """Return how far [m] any point of a link has come at most by each row of (n, joints)."""
        turned = np.abs(np.diff(positions, axis=0)).sum(axis=1)
        travel: Array = self.reach * np.concatenate([[0.0], np.cumsum(turned)])
        return travel

    def place(self, qpos: Array) -> None:
        """Put everything where a row of a rollout (nq,) has it."""
        self._data.qpos[:] = qpos
        self._at = tuple(qpos[self._scene.joint_qpos].tolist())
        mujoco.mj_kinematics(self._model, self._data)

    def _corners(self, places: Array, frames: Array, geoms: Array) -> Array:
        """Return the corners (..., n, 8, 3) of shapes at places (..., n, 3)."""
        bounds = self._model.geom_aabb[geoms]
        corners = bounds[:, None, :3] + CORNERS * bounds[:, None, 3:]
        points: Array = places[..., None, :] + corners @ np.swapaxes(frames, -1, -2)
        return points

    def _move(self, position: Sequence[float]) -> None:
        """Put the joints where they were measured; once a tick, however many rules ask."""
        if tuple(position) != self._at:
            self._at = tuple(position)
            # A bus has the first joints of all, or all; the others are taken where home has them.
            self._scene.set_joints(self._data.qpos, position)
            mujoco.mj_kinematics(self._model, self._data)

    def _distance(self, geom: int, box: Box) -> float:
        """Return the distance [m] of one shape to a box: MuJoCo's own, the zone put in place."""
        center, size, yaw = box
        model, data, zone = self._model, self._data, self._zone
        model.geom_size[zone] = np.array(size) / 2
        data.geom_xpos[zone] = center
        cosine, sine = math.cos(yaw), math.sin(yaw)
        data.geom_xmat[zone] = (cosine, -sine, 0, sine, cosine, 0, 0, 0, 1)
        return float(mujoco.mj_geomDistance(model, data, geom, zone, NEVER, None))

    def _in_box(self, points: Array, box: Box) -> Array:
        """Return points (..., 3) of the world's frame in a box's own frame [m]."""
        center, _, yaw = box
        cosine, sine = math.cos(yaw), math.sin(yaw)
        turn = np.array(((cosine, -sine, 0), (sine, cosine, 0), (0, 0, 1)))
        local: Array = (points - np.array(center)) @ turn
        return local

    def _geoms(self, links: tuple[str, ...]) -> Array:
        """Return the ids of the links' shapes; of all that the joints move where none is named."""
        if links not in self._shapes:
            for name in links:
                if name not in self._movable:
                    raise UnknownName("link", name, self.moved, field="links")
            names = links or self.moved
            whose = self._scene.geom_body
            shapes = [i for i, body in enumerate(whose) if body in names]
            self._shapes[links] = np.array(shapes)
        return self._shapes[links]

    def _far(self, carried: tuple[str, ...]) -> float:
        """Return how far [m] from the first joint any point can be, whatever is held.

        At least 1: a sliding joint moves everything by as much as itself.
        """
        model = self._model
        chain = sum(float(np.linalg.norm(model.body(name).pos)) for name in self.moved[1:])
        links = self._geoms(())
        out = np.linalg.norm(model.geom_pos[links], axis=1) + model.geom_rbound[links]
        held = 2 * model.geom_rbound[self._geoms(carried)].max() if carried else 0.0
        return max(1.0, chain + float(out.max()) + float(held))

    def _bodies_moved(self) -> tuple[str, ...]:
        """Return the names of the bodies that a joint of the arm or the gripper carries."""
        model, arm = self._model, self._scene.cell.arm
        own = self._scene.joint_dofs[: len(arm.joints) + len(arm.jaw)]
        roots = set(model.dof_bodyid[own].tolist())
        moved: set[int] = set()
        for body in range(1, model.nbody):
            if body in roots or int(model.body_parentid[body]) in moved:
                moved.add(body)
        return tuple(model.body(body).name for body in sorted(moved))
