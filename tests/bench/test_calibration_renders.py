"""The calibrations on the twin's own pictures: where its cameras are, against the world's truth.

The arm shows its tag to one, and carries another past a tag on the table. Readings are as coarse
as a servo's encoder, pictures have 640 x 480 pixels, a lens that bends, blur, and noise.
"""

from __future__ import annotations

import math

import cv2
import mujoco
import numpy as np
import pytest
from handrail_bridge.calibration import seeing
from handrail_bridge.calibration.collecting import require_enough
from handrail_bridge.calibration.hand_eye import Shot, hand_eye
from handrail_bridge.calibration.shots import Tcp
from handrail_bridge.calibration.targets import Board, Tag, dark
from handrail_sim.cell_file import load_cell
from handrail_sim.world import Scene, load_spec
from photographed import LENS, SIZE, apart, posed, turned

BOARD, TAG, LYING = Board(), Tag(0.06), Tag(0.06, number=40)  # which the board has not
FOVY, RENDERED = 60.0, (1280, 960)  # deg and px, before the lens bends it
COUNT = 20  # pictures of each
ENCODER = 2 * math.pi / 4096  # rad
THICK = 0.00005  # m, half of what is printed: what stands higher has sides that are seen
SHOWN = posed(turned(math.pi, 0.0, 0.0), (0.0, 0.06, -0.06))  # on the TCP: beside the gripper, up
BESIDE = posed(turned(-0.25, 0.1, 0.3), (0.01, -0.06, -0.07))  # the camera on the arm, likewise
SPOT = (0.24, 0.0, 2 * THICK)  # m, of the tag on the table
AIMING = (0.0, -0.8, 0.5, 1.2, 0.0)  # rad, joints with which the camera on the arm looks there
KINDS = mujoco.mjtGeom


class Desk:
    """The twin's world with a board in the air, a tag on the gripper and one on the table.

    Two cameras see it through one lens: that of the cell, and one on the arm.
    """

    def __init__(self):
        self.cell = load_cell("desk")
        spec = load_spec(self.cell)
        site = next(one for one in spec.sites if one.name == self.cell.arm.tcp)
        board = spec.worldbody.add_body(name="board", mocap=True, pos=(0, 0, -5))
        plate(board, BOARD, np.eye(4))
        local = posed(_matrix(site.quat), np.array(site.pos)) @ SHOWN
        plate(site.parent, TAG, local)
        plate(spec.worldbody, LYING, posed(np.eye(3), SPOT))
        hand = posed(_matrix(site.quat), np.array(site.pos)) @ BESIDE
        looking = np.zeros(4)
        mujoco.mju_mat2Quat(looking, (hand[:3, :3] * (1.0, -1.0, -1.0)).ravel())
        site.parent.add_camera(name="hand", pos=hand[:3, 3], quat=looking, fovy=FOVY)
        spec.visual.global_.offwidth, spec.visual.global_.offheight = RENDERED
        spec.visual.map.znear = 0.002  # of the scene's extent, which the board is far out of
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        self.scene = Scene(self.model, self.cell)
        for name in self.cell.objects:
            self.scene.set_object(self.data, name, (0, 0, -5), (1, 0, 0, 0))
        self.eye = self.model.camera("overhead").id
        self.model.cam_fovy[self.eye] = FOVY
        self.renderer = mujoco.Renderer(self.model, RENDERED[1], RENDERED[0])
        self.rng = np.random.default_rng(12)
        self.bend = bent()
        self.move([self.cell.arm.rest[name] for name in self.cell.arm.joints])

    def move(self, joints):
        self.scene.set_joints(self.data.qpos, joints)
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)

    @property
    def camera(self):
        """Its true pose (4, 4), looking along +z."""
        turn = self.data.cam_xmat[self.eye].reshape(3, 3) * (1.0, -1.0, -1.0)
        return posed(turn, self.data.cam_xpos[self.eye])

    def hold(self, pose):
        """Hold the board at a pose (4, 4) in the camera's frame."""
        world = self.camera @ pose
        self.data.mocap_pos[0] = world[:3, 3]
        mujoco.mju_mat2Quat(self.data.mocap_quat[0], world[:3, :3].ravel())
        mujoco.mj_kinematics(self.model, self.data)

    def picture(self, camera="overhead"):
        """Return what a camera gives (480, 640, 3) BGR."""
        self.renderer.update_scene(self.data, camera)
        image = cv2.GaussianBlur(self.renderer.render()[:, :, ::-1], (0, 0), 0.8)
        image = cv2.remap(image, *self.bend, cv2.INTER_LINEAR).astype(float)
        return np.clip(image + self.rng.normal(0, 3.0, image.shape), 0, 255).astype(np.uint8)


def plate(body, target, pose):
    """Add a printed target to a body, its dark cells as thin plates on a white one."""
    cells, cell = seeing.cells(target), target.cell
    rows, columns = cells.shape
    high, wide = rows * cell, columns * cell
    # A board's origin is a corner, +y down; a tag's its middle, +y up, so it hangs upside down.
    shift = (0.0, 0.0) if target is BOARD else (-wide / 2, -high / 2)
    down = 1.0 if target is BOARD else -1.0
    ahead = -1.0 if target is BOARD else 1.0  # the side that is printed on

    def add(x, y, half, lift, shade):
        place = pose[:3, :3] @ (x, down * y, ahead * lift) + pose[:3, 3]
        quaternion = np.zeros(4)
        mujoco.mju_mat2Quat(quaternion, np.ascontiguousarray(pose[:3, :3]).ravel())
        size = (*half, THICK)
        color = (shade, shade, shade, 1)
        body.add_geom(
            type=KINDS.mjGEOM_BOX,
            pos=place,
            quat=quaternion,
            size=size,
            rgba=color,
            contype=0,
            conaffinity=0,
            mass=0,
        )

    middle = (shift[0] + wide / 2, shift[1] + high / 2)
    add(*middle, (wide / 2 + cell, high / 2 + cell), -2 * THICK, 0.95)
    for x, y, width, height in dark(cells, cell):
        centre = (shift[0] + x + width / 2, shift[1] + y + height / 2)
        add(*centre, (width / 2, height / 2), -THICK, 0.04)


def bent():
    """Return where each pixel of the picture is in the render (x and y maps)."""
    x, y = np.meshgrid(np.arange(SIZE[0], dtype=float), np.arange(SIZE[1], dtype=float))
    pixels = np.stack([x, y], axis=-1).reshape(-1, 1, 2)
    flat = cv2.undistortPoints(pixels, seeing.matrix_of(LENS), np.array(LENS.distortion))
    focal = RENDERED[1] / 2 / math.tan(math.radians(FOVY) / 2)
    found = flat.reshape(-1, 2) * focal + np.array(RENDERED) / 2 - 0.5
    return [found[:, n].reshape(SIZE[::-1]).astype(np.float32) for n in (0, 1)]


def _matrix(quaternion):
    turn = np.zeros(9)
    mujoco.mju_quat2Mat(turn, np.array(quaternion, float))
    return turn.reshape(3, 3)


@pytest.fixture(scope="module")
def desk():
    made = Desk()
    yield made
    made.renderer.close()


@pytest.fixture(scope="module")
def lens(desk):
    views = []
    for number in range(COUNT):
        side = number % 4 * math.pi / 2
        tilt = 0.5 * np.array([math.cos(side), math.sin(side)]) + desk.rng.uniform(-0.15, 0.15, 2)
        turn = turned(*tilt, desk.rng.uniform(-0.3, 0.3))
        across, down = 0.15 * (number % 3 - 1), 0.1 * (number // 3 % 3 - 1)
        desk.hold(posed(turn, np.array([across, down, 0.40]) - turn @ (0.105, 0.075, 0.0)))
        view = seeing.seen(BOARD, desk.picture())
        if view is not None:
            views.append(view)
    desk.hold(posed(np.eye(3), (0, 0, 5.0)))
    require_enough(views, SIZE)
    return seeing.fitted(views, SIZE)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_the_lens_of_the_twins_camera_is_found(lens):
    assert lens.lens.focal == pytest.approx(LENS.focal, rel=0.003)
    assert lens.lens.center == pytest.approx(LENS.center, abs=2.0)


def poses(desk, tcp, on_arm):
    """Yield joints [rad], the TCP above the table; if on the arm, the camera aimed at its tag."""
    arm = desk.cell.arm
    about = AIMING if on_arm else [arm.seeds[0][name] for name in arm.joints]
    for _ in range(100 * COUNT):
        joints = dict(zip(arm.joints, about + desk.rng.normal(0, 0.35, len(about)), strict=True))
        pose = tcp.pose(joints)
        across, down, ahead, _ = np.linalg.inv(pose @ BESIDE) @ (*SPOT, 1.0)
        aimed = ahead > 0.1 and abs(across) < 0.3 * ahead and abs(down) < 0.2 * ahead
        if pose[2, 3] > 0.06 and (aimed or not on_arm):
            yield joints


def taken(desk, on_arm):
    """Return shots of a tag, their joints as coarse as an encoder has them."""
    camera, target = ("hand", LYING) if on_arm else ("overhead", TAG)
    tcp, shots = Tcp(desk.cell), []
    for joints in poses(desk, tcp, on_arm):
        desk.move(list(joints.values()))
        view = seeing.seen(target, desk.picture(camera))
        if view is not None:
            read = {name: round(value / ENCODER) * ENCODER for name, value in joints.items()}
            shots.append(Shot(view, tcp.pose(read)))
        if len(shots) == COUNT:
            break
    assert len(shots) == COUNT
    return shots


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("on_arm", [False, True])
def test_a_camera_is_found_to_2_mm_and_half_a_degree(desk, lens, on_arm):
    found = hand_eye(taken(desk, on_arm), lens.lens, on_arm)
    metres, degrees = apart(found.camera, BESIDE if on_arm else desk.camera)
    print(f"{metres * 1e3:.2f} mm, {degrees:.3f} deg, {found.error:.2f} px, said {found.spread}")
    assert metres < 0.002
    assert degrees < 0.5
