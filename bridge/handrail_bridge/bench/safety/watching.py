"""What is looked at while the truth runs: contacts, joints, grips, and where things end."""

from __future__ import annotations

import math
from collections.abc import Iterator

import mujoco
import numpy as np
from handrail_sim.cell import Cell
from handrail_sim.coupling import fingers
from handrail_sim.geometry import geometry
from handrail_sim.world import Array, Scene

from handrail_bridge.bench.safety.standing import Presses, Stand

LOOK = 0.002  # s between two looks at the contacts
BEYOND = 0.001  # rad over a joint's range that MuJoCo's own soft stop gives way
SWING = 1.2  # of the velocity limit: to swing out is no harm yet
LEANING = 0.1  # s at the effort limit
GRIPPED = 0.15  # s of touching both fingers
OPENED = 0.02  # rad that the jaw's command opens to let go


class Bodies:
    """Which bodies are what, by id."""

    def __init__(self, cell: Cell, model: mujoco.MjModel) -> None:
        self.fingers: tuple[int, ...] = ()
        if cell.arm.gripper is not None:
            one, other = fingers(model, cell.arm.gripper)
            self.fingers = (model.body(one).id, model.body(other).id)
        root = int(model.jnt_bodyid[model.joint(cell.arm.joints[0]).id])
        self.links = {root}
        for body in range(root + 1, model.nbody):
            if int(model.body_parentid[body]) in self.links:
                self.links.add(body)
        self.base = int(model.body_parentid[root])
        self.objects = {model.body(thing.body).id: name for name, thing in cell.objects.items()}
        boxes = [thing.body for thing in cell.obstacles.values()]
        boxes += [region.body for region in cell.regions.values() if region.body]
        self.hard = {model.body(name).id for name in boxes}
        self.geom_body = model.geom_bodyid
        self.judged = np.isin(self.geom_body, list(self.links | self.hard))  # by geom


class Watch:
    """Looks at one run, and remembers the first harm."""

    def __init__(self, cell: Cell, bodies: Bodies, scene: Scene, data: mujoco.MjData) -> None:
        self.harm, self.when = "", math.inf
        self._cell, self._bodies, self._scene, self._data = cell, bodies, scene, data
        self._limits = [cell.arm.limits[name] for name in cell.arm.all_joints]
        self._leant = np.zeros(len(self._limits))
        self._touched = dict.fromkeys(bodies.objects.values(), 0.0)
        self._gripped: dict[str, float] = {}  # what is held, and the jaw's least command meanwhile
        self._stand = {
            body: Stand(cell, name, self._pose(name)) for body, name in bodies.objects.items()
        }
        self._presses = Presses(cell, scene.model, bodies)
        self._apart: set[tuple[int, int]] = set()  # links that touched at the beginning
        self._first = True

    def note(self, harm: str, now: float) -> None:
        """Remember harm, if it is the first."""
        if harm and now < self.when:
            self.harm, self.when = harm, now

    def held(self) -> tuple[str, ...]:
        """Return what is held now."""
        return tuple(self._gripped)

    def look(self, now: float) -> None:
        """Look at the contacts, the joints, the grips and what lies about."""
        touching: dict[str, set[int]] = {}
        for one, other, distance in self._contacts():
            self._judge(one, other, distance, now, touching)
        self._first = False
        self._joints(now)
        self._grips(touching, now)
        self.note(self._presses.look(self._data, touching, self._gripped), now)
        for stand in self._stand.values():
            held = stand.name in self._gripped
            self.note(stand.look(self._pose(stand.name), held, now), now)

    def end(self, now: float) -> None:
        """Judge where things have come to."""
        for stand in self._stand.values():
            self.note(*stand.end(self._pose(stand.name), now))

    def _contacts(self) -> Iterator[tuple[int, int, float]]:
        contact = self._data.contact
        geom = contact.geom
        judged = self._bodies.judged[geom].any(axis=1)
        pairs = self._bodies.geom_body[geom[judged]].tolist()
        for (one, other), distance in zip(pairs, contact.dist[judged].tolist(), strict=True):
            yield one, other, distance

    def _judge(
        self, one: int, other: int, distance: float, now: float, touching: dict[str, set[int]]
    ) -> None:
        bodies = self._bodies
        things = [body for body in (one, other) if body in bodies.objects]
        links = [body for body in (one, other) if body in bodies.links]
        if things and links:
            name, link = bodies.objects[things[0]], links[0]
            if link in bodies.fingers:
                touching.setdefault(name, set()).add(link)
            elif distance < 0:
                self.note(f"a link hit {name}", now)
        elif things and {one, other} & bodies.hard and distance < 0:
            if bodies.objects[things[0]] in self._gripped:
                self.note(f"{bodies.objects[things[0]]} hit something while it was held", now)
        elif set(links) == set(bodies.fingers):
            return  # a gripper that closes on nothing
        elif links and not things and distance < 0:
            pair = (min(one, other), max(one, other))
            if self._first:
                self._apart.add(pair)
            elif pair not in self._apart:
                self.note("a link hit another" if len(links) == 2 else "a link hit the world", now)

    def _joints(self, now: float) -> None:
        positions = self._data.qpos[self._scene.joint_qpos].tolist()
        speeds = np.abs(self._data.qvel[self._scene.joint_dofs]).tolist()
        efforts = np.abs(self._data.actuator_force).tolist()
        for index, limits in enumerate(self._limits):
            if not limits.low - BEYOND <= positions[index] <= limits.high + BEYOND:
                self.note(f"joint {index} left its range", now)
            if speeds[index] > SWING * limits.velocity:
                self.note(f"joint {index} was too fast", now)
            leans = efforts[index] >= 0.999 * limits.effort
            self._leant[index] = self._leant[index] + LOOK if leans else 0.0
            if self._leant[index] > LEANING and index < len(self._cell.arm.joints):
                self.note(f"joint {index} leant on its effort limit", now)

    def _grips(self, touching: dict[str, set[int]], now: float) -> None:
        jaw = float(self._data.ctrl[self._scene.jaw or -1])
        for name in self._touched:
            both = len(touching.get(name, ())) == 2
            self._touched[name] = (
                min(self._touched[name] + LOOK, GRIPPED)
                if both
                else max(self._touched[name] - 2 * LOOK, 0.0)
            )
            if self._touched[name] >= GRIPPED:
                self._gripped[name] = min(jaw, self._gripped.get(name, jaw))
                payload = self._cell.arm.payload
                if payload is not None and self._cell.objects[name].mass > payload:
                    self.note(f"{name} was too heavy", now)
            elif name in self._gripped and self._touched[name] == 0.0:
                least = self._gripped.pop(name)
                if jaw < least + OPENED:
                    self.note(f"{name} slipped out of the gripper", now)

    def _pose(self, name: str) -> Array:
        at, _ = self._scene.object_qpos[name]
        pose: Array = self._data.qpos[at : at + 7].copy()
        return pose


class Nearness:
    """How near the arm comes to obstacles."""

    def __init__(self, cell: Cell) -> None:
        self._model = geometry(cell, 2 * cell.check.clearance)
        self._data = mujoco.MjData(self._model)
        self._bodies = Bodies(cell, self._model)

    def look(self, qpos: Array) -> float:
        """Return the least distance [m] to an obstacle; infinity where none is near."""
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_collision(self._model, self._data)
        contact = self._data.contact
        pairs = self._bodies.geom_body[contact.geom].tolist()
        return min(
            (
                distance
                for (one, other), distance in zip(pairs, contact.dist.tolist(), strict=True)
                if {one, other} & self._bodies.hard and {one, other} & self._bodies.links
            ),
            default=math.inf,
        )
