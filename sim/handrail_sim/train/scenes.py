"""Draws one scene after another: arm, cubes, bins, clutter, a hand or none, light and camera."""

from __future__ import annotations

import math

import mujoco
import numpy as np

from handrail_sim.train.hands import SKINS, draw_hand
from handrail_sim.train.labels import CUBES as CUBE_NAMES
from handrail_sim.train.shapes import draw_shape, height_of
from handrail_sim.train.stage import AWAY, CLUTTER, CUBES, OWN, SHEETS, TEXTURES, Stage
from handrail_sim.world import Array

VIEW = (-0.08, 0.48, -0.38, 0.38)  # m: x and y of the table that a camera sees
EDGE = (0.0115, 0.0135)  # m, half of a cube's
PAINTS = {  # RGB, lowest and highest
    "red_cube": ((0.60, 0.02, 0.02), (1.00, 0.20, 0.18)),
    "green_cube": ((0.02, 0.40, 0.05), (0.25, 0.90, 0.35)),
    "blue_cube": ((0.02, 0.08, 0.50), (0.22, 0.38, 1.00)),
    "yellow_cube": ((0.80, 0.65, 0.00), (1.00, 0.95, 0.25)),
}
BINS = {
    "red_bin": ((0.40, 0.03, 0.03), (0.85, 0.22, 0.20)),
    "blue_bin": ((0.04, 0.10, 0.35), (0.22, 0.35, 0.80)),
}
HAND = 0.45  # of all scenes have one
ANY_WAY = 0.4  # of the hands point anywhere: of some only the forearm is in the picture
AT_ARM = 0.4  # of hands and strange things are where the arm is
LINKS = ("shoulder", "upper_arm", "lower_arm", "wrist", "gripper")
CASTS = 0.55  # of the lights throw shadows: that is half of what a picture costs
POSES = 40  # tries for a pose of the arm over the table
UPRIGHT, LYING = (1.0, 0.0, 0.0, 0.0), (math.sqrt(0.5), 0.0, math.sqrt(0.5), 0.0)


class Scenes:
    """Changes a stage into scene after scene; ``cubes`` has the names of those in the picture."""

    def __init__(self, stage: Stage, camera: str, rng: np.random.Generator) -> None:
        self.stage = stage
        self._rng = rng
        self._camera = camera
        model = stage.model
        self._eye = model.camera(camera).id
        self._home = {
            name: model.body_pos[model.body(name).id].copy()
            for name in ("red_bin", "blue_bin", "post")
        }
        self.cubes: dict[str, str] = {}  # spare body -> name in labels.NAMES
        self.strangers: list[str] = []  # bodies that are `other`
        self.hand = False
        self.shadows = False

    def next(self) -> None:
        """Draw the next scene."""
        self._colors()
        self._lights()
        self._look()
        self._arm()
        self._places()
        self.stage.settle()
        self._cubes()
        self._clutter()
        self._person()
        self.stage.settle()

    def _colors(self) -> None:
        rng, stage = self._rng, self.stage
        for name in OWN:
            stage.paint(name, rng.uniform(0.05, 1.0, 3))
        # Mostly the colours of the desk as it is sold: an orange arm, dark servos, grey table.
        if rng.random() < 0.6:
            stage.paint("so101/printed", np.array((1.0, 0.74, 0.10)) * rng.uniform(0.7, 1.0))
        if rng.random() < 0.7:
            stage.paint("so101/servo", rng.uniform(0.03, 0.2) * np.ones(3))
        for name, (low, high) in BINS.items():
            stage.paint(name, rng.uniform(low, high))
        grey = rng.uniform(0.2, 1.0) * np.ones(3)
        tint = np.clip(grey + rng.normal(0.0, 0.08, 3), 0.05, 1.0)
        textured = rng.random() < 0.7
        stage.paint("table", tint, _texture(rng) if textured else -1, rng.uniform(0.5, 4.0))
        stage.paint("post", np.clip(rng.uniform(0.1, 0.9) + rng.normal(0, 0.1, 3), 0, 1))
        stage.paint("floor/0", rng.uniform(0.1, 1.0, 3), _texture(rng), rng.uniform(1, 8))
        floor = stage.geoms("floor")[0]
        stage.model.geom_size[floor] = (3.0, 3.0, 0.01)
        stage.put("floor", (0, 0, -0.75) if rng.random() < 0.6 else AWAY)

    def _lights(self) -> None:
        rng, model = self._rng, self.stage.model
        bright = rng.uniform(0.65, 1.35)  # at times more than the camera can show
        model.vis.headlight.ambient[:] = bright * rng.uniform(0.15, 0.5)
        model.vis.headlight.diffuse[:] = bright * rng.uniform(0.05, 0.45)
        for light in range(model.nlight):
            model.light_pos[light] = (*rng.uniform(-1.0, 1.0, 2), rng.uniform(0.7, 2.0))
            model.light_dir[light] = (0.2, 0.0, 0.0) - model.light_pos[light]
            tone = 1 + rng.uniform(-0.15, 0.15) * np.array((1.0, 0.0, -1.0))  # warm or cold
            model.light_diffuse[light] = bright * rng.uniform(0.05, 0.7) * tone
            model.light_specular[light] = rng.uniform(0.0, 0.4)
            model.light_castshadow[light] = rng.random() < CASTS
        self.shadows = bool(model.light_castshadow.any())

    def _look(self) -> None:
        rng, model = self._rng, self.stage.model
        camera = self.stage.cell.cameras[self._camera]
        model.cam_pos[self._eye] = np.add(camera.position, rng.normal(0.0, 0.02, 3))
        turn, turned = np.zeros(4), np.zeros(4)
        mujoco.mju_euler2Quat(turn, np.radians(rng.normal(0.0, 2.0, 3)), "xyz")
        mujoco.mju_mulQuat(turned, np.array(camera.quaternion), turn)
        model.cam_quat[self._eye] = turned
        model.cam_fovy[self._eye] = camera.fovy + rng.normal(0.0, 1.0)

    def _arm(self) -> None:
        """A pose of the arm that is not in the table: home, rest, or on its way to any other."""
        rng, stage = self._rng, self.stage
        arm = stage.cell.arm
        names = (*arm.joints, *arm.jaw)
        draw = rng.random()
        known = arm.home if draw < 0.25 else arm.rest
        pose = [known[name] + rng.normal(0.0, 0.03) for name in names]
        if draw >= 0.3:
            for _ in range(POSES):
                pose = self._on_the_way(names)
                stage.scene.set_joints(stage.data.qpos, pose)
                mujoco.mj_kinematics(stage.model, stage.data)
                if stage.data.site_xpos[stage.scene.tcp, 2] > 0.01 and self._lowest() > 0.0:
                    break
        stage.scene.set_joints(stage.data.qpos, pose)

    def _on_the_way(self, names: tuple[str, ...]) -> list[float]:
        """A pose between home and anywhere: there the arm is while it works."""
        rng, arm = self._rng, self.stage.cell.arm
        gone = rng.random()
        return [
            arm.home[name]
            + gone * (rng.uniform(arm.limits[name].low, arm.limits[name].high) - arm.home[name])
            for name in names
        ]

    def _lowest(self) -> float:
        """Height of the arm's lowest moving body [m]."""
        moving = [
            self.stage.model.body(name).id
            for name in ("lower_arm", "wrist", "gripper", "moving_jaw")
        ]
        return float(self.stage.data.xpos[moving, 2].min())

    def _places(self) -> None:
        rng, model = self._rng, self.stage.model
        apart = rng.random() < 0.5
        for name, home in self._home.items():
            body = model.body(name).id
            shift = rng.uniform(-0.08, 0.08, 2) if apart else rng.normal(0.0, 0.004, 2)
            model.body_pos[body, :2] = home[:2] + shift
            if apart:
                model.body_quat[body] = _about_z(rng.uniform(-math.pi, math.pi))

    def _cubes(self) -> None:
        rng, stage = self._rng, self.stage
        self.cubes.clear()
        taken: list[Array] = []
        count = int(rng.integers(0, CUBES + 1))
        for number in range(CUBES):
            body = f"cube{number}"
            if number >= count:
                stage.put(body, AWAY)
                continue
            name = CUBE_NAMES[rng.integers(len(CUBE_NAMES))]
            low, high = PAINTS[name]
            stage.paint(f"{body}/0", rng.uniform(low, high))
            half = rng.uniform(*EDGE)
            stage.model.geom_size[stage.geoms(body)[0]] = half
            place, turn = self._cube_place(number, half, taken)
            stage.put(body, place, turn)
            taken.append(place)
            self.cubes[body] = name

    def _cube_place(self, number: int, half: float, taken: list[Array]) -> tuple[Array, Array]:
        """On the table, at times in a bin, the first at times in the gripper."""
        rng, stage = self._rng, self.stage
        draw = rng.random()
        turn = _about_z(rng.uniform(-math.pi, math.pi))
        if number == 0 and draw < 0.2:
            position, quaternion = stage.scene.tcp_pose(stage.data)
            return position, quaternion
        if draw < 0.35:
            bin_ = stage.model.body(("red_bin", "blue_bin")[rng.integers(2)]).id
            aside = rng.uniform(-0.03, 0.03, 2)
            return np.array([*(stage.data.xpos[bin_, :2] + aside), 0.003 + half]), turn
        for _ in range(20):
            place = np.array([rng.uniform(VIEW[0], VIEW[1]), rng.uniform(VIEW[2], VIEW[3]), half])
            if all(math.dist(place[:2], other[:2]) > 0.033 for other in taken):
                break
        return place, turn

    def _clutter(self) -> None:
        rng, stage = self._rng, self.stage
        self.strangers = []
        count = max(0, int(rng.integers(-4, CLUTTER + 1)))
        for number in range(CLUTTER):
            body = f"clutter{number}"
            if number >= count:
                stage.put(body, AWAY)
                continue
            lift = self._thing(body)
            stage.put(body, (*self._spot(), lift), _about_z(rng.uniform(-math.pi, math.pi)))
            self.strangers.append(body)
        for number in range(SHEETS):
            self._sheet(f"sheet{number}")

    def _thing(self, body: str) -> float:
        """Make a strange thing of one or two parts; return the height [m] of its middle."""
        rng, stage, model = self._rng, self.stage, self.stage.model
        first, second = stage.geoms(body)
        kind, size, lies = draw_shape(rng)
        model.geom_type[first], model.geom_size[first] = kind, size
        model.geom_quat[first] = LYING if lies else UPRIGHT
        model.geom_pos[first] = 0.0
        like_skin = rng.random() < 0.25  # wood, leather, and what else is no hand
        color = SKINS[rng.integers(len(SKINS))] if like_skin else rng.uniform(0.0, 1.0, 3)
        stage.paint(f"{body}/0", color, _texture(rng) if rng.random() < 0.3 else -1)
        stage.paint(f"{body}/1", rng.uniform(0.0, 1.0, 3))
        height = height_of(kind, size, lies)
        model.geom_type[second] = mujoco.mjtGeom.mjGEOM_CYLINDER
        model.geom_quat[second] = model.geom_quat[first]
        if lies:  # a shaft out of a handle
            model.geom_size[second] = (
                size[0] * rng.uniform(0.2, 0.9),
                size[1] * rng.uniform(0.3, 1.0),
                0,
            )
            model.geom_pos[second] = (size[1] * rng.uniform(0.0, 1.8), 0.0, 0.0)
        else:  # what a mug, a jar, a dish holds
            model.geom_size[second] = (0.75 * min(size[0], size[1] or size[0]), 0.001, 0.0)
            inside = rng.random() < 0.5
            model.geom_pos[second] = (0.0, 0.0, 0.0 if inside else height)
        return height

    def _sheet(self, body: str) -> None:
        """Something flat: paper, tape, a mat, a stain. Nobody is to find it."""
        rng, stage = self._rng, self.stage
        if rng.random() < 0.6:
            stage.put(body, AWAY)
            return
        geom = stage.geoms(body)[0]
        disc = rng.random() < 0.3
        stage.model.geom_type[geom] = (
            mujoco.mjtGeom.mjGEOM_ELLIPSOID if disc else mujoco.mjtGeom.mjGEOM_BOX
        )
        stage.model.geom_size[geom] = (*np.exp(rng.uniform(np.log(0.006), np.log(0.12), 2)), 0.0006)
        stage.paint(
            f"{body}/0", rng.uniform(0.0, 1.0, 3), _texture(rng) if rng.random() < 0.4 else -1
        )
        x, y = rng.uniform(VIEW[0], VIEW[1]), rng.uniform(VIEW[2], VIEW[3])
        stage.put(body, (x, y, 0.0008), _about_z(rng.uniform(-math.pi, math.pi)))

    def _spot(self) -> tuple[float, float]:
        """Anywhere on the table, or at the arm: there the arm hides most of a hand, or of a pen."""
        rng, data = self._rng, self.stage.data
        if rng.random() >= AT_ARM:
            return rng.uniform(*VIEW[:2]), rng.uniform(*VIEW[2:])
        link = self.stage.model.body(LINKS[rng.integers(len(LINKS))]).id
        x, y = data.xpos[link, :2] + rng.normal(0.0, 0.06, 2)
        return float(np.clip(x, *VIEW[:2])), float(np.clip(y, *VIEW[2:]))

    def _person(self) -> None:
        """A hand that reaches in from any side, the forearm behind it; or nobody."""
        rng, stage = self._rng, self.stage
        self.hand = bool(rng.random() < HAND)
        if not self.hand:
            stage.put("person", AWAY)
            return
        for geom, part in zip(stage.geoms("person"), draw_hand(rng), strict=True):
            stage.model.geom_type[geom], stage.model.geom_size[geom] = part.kind, part.size
            stage.model.geom_pos[geom], stage.model.geom_quat[geom] = part.position, part.quaternion
            stage.paint(stage.model.geom(geom).name, part.color)
        place = np.array([*self._spot(), rng.uniform(0.02, 0.22)])
        inward = math.atan2(-place[1], 0.2 - place[0]) + rng.normal(0.0, 0.9)
        if rng.random() < ANY_WAY:
            inward = rng.uniform(-math.pi, math.pi)
        tilt = np.zeros(4)
        mujoco.mju_euler2Quat(tilt, rng.normal(0.0, (0.6, 0.3, 0.0)), "xyz")
        turned = np.zeros(4)
        mujoco.mju_mulQuat(turned, _about_z(inward), tilt)
        stage.put("person", place, turned)


def _texture(rng: np.random.Generator) -> int:
    return int(rng.integers(TEXTURES))


def _about_z(angle: float) -> Array:
    return np.array([math.cos(angle / 2), 0.0, 0.0, math.sin(angle / 2)])
