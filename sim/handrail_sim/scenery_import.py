"""What stands, lies and looks on in somebody's own MJCF, as parts of a cell file."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator

import mujoco

from handrail_sim.joint_names import LegalNames
from handrail_sim.kinematic_chain import FREE
from handrail_sim.world import Array

GUESS = "  # guessed"
TABLE = re.compile("table|desk|bench|counter|floor|ground")
COLORS = {
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
    "yellow": (1.0, 1.0, 0.0),
}


class Scenery:
    """Writes the things of one model; ``ask`` is told what a person has to look at."""

    def __init__(
        self, model: mujoco.MjModel, data: mujoco.MjData, ask: Callable[[str], None]
    ) -> None:
        self._model, self._data, self._ask = model, data, ask
        self._tables: list[str] = []

    def objects(self) -> Iterator[str]:
        """Yield what can move freely and is one box."""
        model, legal = self._model, LegalNames("thing")
        for joint in range(model.njnt):
            if int(model.jnt_type[joint]) != FREE:
                continue
            body = model.body(int(model.jnt_bodyid[joint]))
            geoms = _boxes(model, body.id)
            if len(geoms) != 1:
                self._ask(f"objects: {body.name!r} can move, and is no single box: left out")
                continue
            name = legal.of(body.name)
            size = (2 * model.geom_size[geoms[0]]).tolist()
            yield f"\n[objects.{name}]\nbody = {quoted(body.name)}"
            yield f"color = {quoted(_color(model.geom_rgba[geoms[0]]))}{GUESS}"
            yield f"size = {listed(size)}\nmass = {float(model.body_mass[body.id]):.6g}"

    def obstacles(self) -> Iterator[str]:
        """Yield what stands still, upright, and is one box."""
        model, legal = self._model, LegalNames("box")
        for body in range(1, model.nbody):
            geoms = _boxes(model, body)
            name = model.body(body).name
            if int(model.body_weldid[body]) != 0 or not len(geoms):
                continue
            if TABLE.search(name.lower()):  # as an obstacle it would keep away what lies on it
                self._tables.append(name)
                continue
            if len(geoms) > 1:
                self._ask(f"obstacles: {name} has several parts; it is collided with, not named")
                continue
            rotation = self._data.geom_xmat[geoms[0]].reshape(3, 3)
            if rotation[2, 2] < math.cos(0.01):
                self._ask(f"obstacles: {name} does not stand upright; it is collided with")
                continue
            yaw = math.atan2(rotation[1, 0], rotation[0, 0])
            size = (2 * model.geom_size[geoms[0]]).tolist()
            yield f"\n[obstacles.{legal.of(name)}]\nbody = {quoted(name)}"
            yield f"center = {listed(self._data.geom_xpos[geoms[0]].tolist())}"
            yield f"size = {listed(size)}\nyaw = {yaw:.6g}"

    def tables(self) -> Iterator[str]:
        """Yield from what things are taken: to be asked for after the obstacles."""
        if self._tables:
            yield f"\n[check]\ntables = [{', '.join(map(quoted, self._tables))}]{GUESS}"
            self._ask(f"check.tables: things are taken to lie on {', '.join(self._tables)}")

    def cameras(self) -> Iterator[str]:
        """Yield a comment on the model's cameras."""
        names = [self._model.camera(number).name for number in range(self._model.ncam)]
        if names:
            listed = ", ".join(map(quoted, names))
            yield f"\n# Cameras of the model, each of which needs a device to see with: {listed}"
            self._ask(
                f"cameras: {', '.join(names)} are of the model; a camera of a cell needs a device"
            )


def _boxes(model: mujoco.MjModel, body: int) -> list[int]:
    """Return a body's geoms that collide, where all of them are boxes."""
    first, count = int(model.body_geomadr[body]), int(model.body_geomnum[body])
    solid = [g for g in range(first, first + count) if model.geom_contype[g]]
    box = int(mujoco.mjtGeom.mjGEOM_BOX)
    return solid if all(int(model.geom_type[g]) == box for g in solid) else []


def _color(rgba: Array) -> str:
    return min(COLORS, key=lambda name: math.dist(COLORS[name], rgba[:3].tolist()))


def quoted(text: str) -> str:
    """Return a text as TOML writes it."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def listed(values: list[float]) -> str:
    """Return numbers as TOML writes them."""
    return f"[{', '.join(f'{value:.6g}' for value in values)}]"


def table(values: dict[str, float]) -> str:
    """Return numbers by name as TOML writes them in a line."""
    return f"{{ {', '.join(f'{name} = {value:.6g}' for name, value in values.items())} }}"
