"""Pictures to judge a detector by, drawn by a generator that shares no line with the training's.

Other hands (fist, pointing, flat; of boxes and ellipsoids), other clutter, other surfaces, shadows
always, other faults of the camera; 640 x 480 as the desk's camera gives them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import mujoco
import numpy as np
from numpy.typing import NDArray

from handrail_sim.camera import Camera
from handrail_sim.cell import Cell
from handrail_sim.train.held_out_things import FAR, add_cubes, add_hand, add_thing, surfaces
from handrail_sim.world import Array, Scene, load_spec

Image = NDArray[np.uint8]
CAMERA = "overhead"
Edges = tuple[float, float, float, float]  # left top right bottom [px]
Vague = tuple[str, Edges]
GEOM = int(mujoco.mjtObj.mjOBJ_GEOM)
PICTURES = 6  # of one model, with the camera, the arm and the things moved in between
TABLE = (-0.05, 0.42, -0.33, 0.33)  # m that things lie on
SEEN = 0.5  # of a cube's or a bin's outline, for it to count
HAND_PIXELS = 150  # of 640 x 480 within the zone, some 2.5 cm2, for a hand to be in it


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is to be found. ``position`` [m] and ``yaw`` [rad] for cubes on the table."""

    name: str
    box: Edges
    position: tuple[float, float, float] | None = None
    yaw: float = 0.0


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture (480, 640, 3) BGR, the camera as it really hung, and what is in it."""

    image: Image
    camera: Camera
    items: list[Item]
    hand: bool  # a hand is in the zone
    vague: list[Vague] = field(default_factory=list)  # half hidden: neither there nor absent


class HeldOut:
    """Draws shots of a cell, with a hand in the zone or without. Belongs to one thread."""

    def __init__(
        self, cell: Cell, seed: int, zone: tuple[float, float, float, float] = TABLE
    ) -> None:
        """``zone``: x_min x_max y_min y_max [m] of the table in which a hand counts."""
        self._cell = cell
        self._rng = np.random.default_rng((77_000, seed))
        self._zone = zone
        self._left = 0
        self._renderer: mujoco.Renderer | None = None

    def shot(self, hand: bool) -> Shot:
        """Return the next one; tries until a hand that is asked for is seen in the zone."""
        while True:
            if self._left == 0:
                self._begin()
            self._left -= 1
            shot = self._try(hand)
            if shot.hand == hand:
                return shot

    def close(self) -> None:
        """Free the OpenGL context."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    # --- one model ----------------------------------------------------------------------------

    def _begin(self) -> None:
        self.close()
        rng = self._rng
        spec = load_spec(self._cell)
        surfaces(spec, rng)
        self._cubes = add_cubes(spec, rng)
        self._things = [add_thing(spec, number, rng) for number in range(rng.integers(0, 6))]
        add_hand(spec, rng)
        for light in spec.lights:
            light.pos = (*rng.uniform(-0.8, 1.2, 2), rng.uniform(0.9, 1.8))
            light.dir = np.subtract((rng.uniform(0, 0.3), rng.uniform(-0.2, 0.2), 0), light.pos)
            light.diffuse = rng.uniform(0.15, 0.6) * np.array(
                (1, rng.uniform(0.9, 1), rng.uniform(0.8, 1))
            )
        spec.visual.headlight.ambient = rng.uniform(0.15, 0.40) * np.ones(3)
        spec.visual.headlight.diffuse = rng.uniform(0.1, 0.35) * np.ones(3)
        self._model = spec.compile()
        self._data = mujoco.MjData(self._model)
        self._scene = Scene(self._model, self._cell)
        camera = self._cell.cameras[CAMERA]
        self._renderer = mujoco.Renderer(self._model, camera.height, camera.width)
        self._left = PICTURES

    def _try(self, hand: bool) -> Shot:
        rng, data = self._rng, self._data
        for name in self._cell.objects:
            self._scene.set_object(data, name, FAR, (1, 0, 0, 0))
        self._pose_arm()
        spots = self._spread(len(self._cubes) + len(self._things))
        for (body, _, half), spot in zip(self._cubes, spots, strict=False):
            self._move(body, (*spot, half), rng.uniform(-np.pi, np.pi))
        for (body, height), spot in zip(self._things, spots[len(self._cubes) :], strict=True):
            self._move(body, (*spot, height), rng.uniform(-np.pi, np.pi))
        self._move("intruder", FAR, 0.0)
        if hand:
            x, y = rng.uniform(TABLE[0], TABLE[1]), rng.uniform(TABLE[2], TABLE[3])
            self._move("intruder", (x, y, rng.uniform(0.03, 0.18)), rng.uniform(-np.pi, np.pi))
        camera = self._hang()
        mujoco.mj_kinematics(self._model, data)
        mujoco.mj_comPos(self._model, data)
        mujoco.mj_camlight(self._model, data)
        bodies = self._bodies()
        items, vague = self._items(camera, bodies)
        return Shot(self._picture(), camera, items, self._in_zone(camera, bodies), vague)

    def _pose_arm(self) -> None:
        rng, arm = self._rng, self._cell.arm
        names = [*arm.joints, *arm.jaw]
        for _ in range(30):
            pose = [arm.home[name] + rng.normal(0, 0.5) for name in names]
            if rng.random() < 0.3:
                pose = [arm.home[name] for name in names]
            low = [arm.limits[name].low for name in names]
            high = [arm.limits[name].high for name in names]
            self._scene.set_joints(self._data.qpos, np.clip(pose, low, high))
            mujoco.mj_kinematics(self._model, self._data)
            if self._data.site_xpos[self._scene.tcp][2] > 0.02:
                return

    def _spread(self, count: int) -> list[tuple[float, float]]:
        """Places on the table at least 45 mm apart, and off the bins and the post."""
        fixed = [self._cell.regions[name].center[:2] for name in ("red_bin", "blue_bin")]
        fixed += [thing.center[:2] for thing in self._cell.obstacles.values()]
        places: list[tuple[float, float]] = []
        while len(places) < count:
            spot = (float(self._rng.uniform(*TABLE[:2])), float(self._rng.uniform(*TABLE[2:])))
            clear = all(math.dist(spot, other) > 0.045 for other in places)
            if clear and all(math.dist(spot, other) > 0.085 for other in fixed):
                places.append(spot)
        return places

    def _move(self, body: str, position: tuple[float, ...], yaw: float) -> None:
        mocap = self._model.body(body).mocapid[0]
        self._data.mocap_pos[mocap] = position
        self._data.mocap_quat[mocap] = (math.cos(yaw / 2), 0, 0, math.sin(yaw / 2))

    def _hang(self) -> Camera:
        """Hang the camera a little elsewhere, and say where: that is what a calibration tells."""
        rng, told = self._rng, self._cell.cameras[CAMERA]
        eye = self._model.camera(CAMERA).id
        axis = rng.normal(size=3)
        tilt, turned = np.zeros(4), np.zeros(4)
        mujoco.mju_axisAngle2Quat(
            tilt, axis / np.linalg.norm(axis), math.radians(rng.uniform(0, 3))
        )
        mujoco.mju_mulQuat(turned, np.array(told.quaternion), tilt)
        place = np.array(told.position) + rng.uniform(-0.02, 0.02, 3)
        self._model.cam_pos[eye], self._model.cam_quat[eye] = place, turned
        hung = {"position": tuple(place.tolist()), "quaternion": tuple(turned.tolist())}
        return told.model_copy(update=hung)

    # --- what is seen -------------------------------------------------------------------------

    def _picture(self) -> Image:
        renderer, rng = self._renderer, self._rng
        assert renderer is not None  # noqa: S101  _begin made it
        renderer.update_scene(self._data, CAMERA)
        image = cv2.cvtColor(renderer.render(), cv2.COLOR_RGB2BGR).astype(np.float32)
        rows, columns = np.mgrid[-1 : 1 : image.shape[0] * 1j, -1 : 1 : image.shape[1] * 1j]
        vignette = 1 - rng.uniform(0, 0.25) * (rows**2 + columns**2) / 2
        image *= vignette[:, :, None] * rng.uniform(0.85, 1.12)
        image += rng.normal(0, rng.uniform(1, 6), image.shape)
        if rng.random() < 0.3:
            image = cv2.blur(image, (3, 3))
        quality = (cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 95)))
        _, data = cv2.imencode(".jpg", np.clip(image, 0, 255).astype(np.uint8), quality)
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)

    def _bodies(self) -> NDArray[np.int32]:
        """The body's number at each pixel; -1: none."""
        renderer = self._renderer
        assert renderer is not None  # noqa: S101  _begin made it
        renderer.enable_segmentation_rendering()
        renderer.update_scene(self._data, CAMERA)
        found = renderer.render()
        renderer.disable_segmentation_rendering()
        kinds = found[:, :, 1] == GEOM
        return np.where(kinds, self._model.geom_bodyid[np.where(kinds, found[:, :, 0], 0)], -1)

    def _items(self, camera: Camera, bodies: NDArray[np.int32]) -> tuple[list[Item], list[Vague]]:
        items: list[Item] = []
        vague: list[Vague] = []
        known = [(body, name, True) for body, name, _ in self._cubes]
        known += [(name, name, False) for name in ("red_bin", "blue_bin", "post")]
        for body, name, cube in known:
            number = self._model.body(body).id
            outline = self._outline(body, camera)
            hull = cv2.convexHull(outline.astype(np.float32))
            shown = float((bodies == number).sum()) / max(1.0, cv2.contourArea(hull))
            box = (*outline.min(axis=0).tolist(), *outline.max(axis=0).tolist())
            inside = box[0] > 0 and box[1] > 0 and box[2] < camera.width and box[3] < camera.height
            if shown < SEEN or not inside:
                vague.append((name, box))  # half hidden, or half out of the picture
                continue
            place = tuple(self._data.xpos[number].tolist())
            quaternion = self._data.xquat[number]
            yaw = 2 * math.atan2(quaternion[3], quaternion[0])
            items.append(Item(name, box, place if cube else None, yaw))
        mask = bodies == self._model.body("intruder").id
        if mask.sum() >= HAND_PIXELS:
            rows, columns = np.nonzero(mask)
            low, high = (float(columns.min()), float(rows.min())), (columns.max(), rows.max())
            items.append(Item("hand", (*low, float(high[0] + 1), float(high[1] + 1))))
        return items, vague

    def _outline(self, body: str, camera: Camera) -> Array:
        model, data = self._model, self._data
        found = model.body(body)
        corners = np.array([(i, j, k) for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)])
        points = []
        for geom in range(found.geomadr[0], found.geomadr[0] + found.geomnum[0]):
            turn = data.geom_xmat[geom].reshape(3, 3)
            points.append(data.geom_xpos[geom] + (corners * model.geom_size[geom]) @ turn.T)
        return self._pixels(np.concatenate(points), camera)

    def _pixels(self, points: Array, camera: Camera) -> Array:
        eye = self._model.camera(CAMERA).id
        turn = self._data.cam_xmat[eye].reshape(3, 3)
        local = (points - self._data.cam_xpos[eye]) @ turn
        focal = camera.height / 2 / math.tan(math.radians(camera.fovy / 2))
        flat: Array = local[:, :2] * (focal, -focal) / -local[:, 2:]
        return flat + np.array((camera.width / 2, camera.height / 2))

    def _in_zone(self, camera: Camera, bodies: NDArray[np.int32]) -> bool:
        x = (*self._zone[:2], *reversed(self._zone[:2]))
        y = (self._zone[2], self._zone[2], self._zone[3], self._zone[3])
        corners = self._pixels(np.column_stack([x, y, np.zeros(4)]), camera)
        mask = np.zeros(bodies.shape, np.uint8)
        cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1)
        there = (bodies == self._model.body("intruder").id) & (mask > 0)
        return bool(there.sum() >= HAND_PIXELS)
