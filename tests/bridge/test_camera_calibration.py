"""A lens and a camera's place are found from pictures with noise and distortion, or refused."""

from __future__ import annotations

import itertools
import json
import math
import tomllib

import numpy as np
import pytest
from handrail_bridge.calibration import seeing
from handrail_bridge.calibration.collecting import Collector, require_enough
from handrail_bridge.calibration.hand_eye import Shot, hand_eye
from handrail_bridge.calibration.results import place
from handrail_bridge.calibration.shots import Tcp, keep, take
from handrail_bridge.calibration.targets import Board, Tag
from handrail_bridge.cli import reach
from handrail_bridge.cli.main import app
from handrail_bridge.reports import Frame
from handrail_bridge.vision import imaging
from handrail_bridge.vision.pinhole import Pinhole, plain_lens
from handrail_drivers.errors import InvalidRequest, InvalidValue, Refused
from handrail_sim.camera import Camera
from handrail_sim.cell_file import load_cell
from photographed import LENS, SIZE, Studio, apart, posed, turned
from typer.testing import CliRunner

BOARD, TAG = Board(), Tag(0.06)
LOOKING = posed(np.diag([1.0, -1.0, -1.0]), (0.2, 0.0, 0.75))  # the camera, from above


def board_poses():
    """The board in every corner, tilted to one side after the other; it faces the camera."""
    rng = np.random.default_rng(4)
    for number in range(16):
        side = number % 4 * math.pi / 2
        tilt = 0.5 * np.array([math.cos(side), math.sin(side)]) + rng.uniform(-0.15, 0.15, 2)
        turn = turned(*tilt, rng.uniform(-0.3, 0.3))
        across, down = 0.16 * (number % 3 - 1), 0.11 * (number // 3 % 3 - 1)
        middle = np.array([across, down, 0.36 + 0.01 * number])
        yield posed(turn, middle - turn @ (0.105, 0.075, 0.0))


@pytest.fixture(scope="module")
def board_pictures():
    studio = Studio(BOARD)
    return [studio.picture(pose) for pose in board_poses()]


@pytest.fixture(scope="module")
def lens(board_pictures):
    views = [seeing.seen(BOARD, image) for image in board_pictures]
    require_enough(views, SIZE)
    return seeing.fitted(views, SIZE)


def arm_poses(tilt, aside):
    """TCPs about a place under the camera, tilted to all sides."""
    rng = np.random.default_rng(9)
    for _ in range(11):
        turn = turned(*rng.uniform(-tilt, tilt, 2), rng.uniform(-2, 2)) @ np.diag([1, -1, -1])
        yield posed(turn, np.array([0.2, 0.0, 0.2]) + rng.uniform(-aside, aside, 3))


def shots(camera, tag, on_arm):
    """Return what is taken of a tag with the arm in each of its poses, true poses given."""
    studio = Studio(TAG, seed=2)
    for tcp in arm_poses(0.25, 0.04) if on_arm else arm_poses(0.4, 0.08):
        arm = np.linalg.inv(tcp) if on_arm else tcp
        image = studio.picture(np.linalg.inv(camera) @ arm @ tag)
        view = seeing.seen(TAG, image)
        if view is not None:
            yield Shot(view, tcp)


BESIDE = posed(turned(0.1, -0.05, 0.4), (0.03, 0.05, -0.06))  # a camera on the arm, from its TCP
LYING = posed(turned(0.02, 0.0, 0.3), (0.21, 0.01, 0.0))  # a tag on the table
SHOWN = posed(turned(math.pi + 0.1, 0.2, 0.5), (0.02, 0.03, -0.05))  # on the gripper's back, askew


@pytest.fixture(scope="module")
def taken():
    """Shots by where the camera is: on the arm, or above it."""
    return {True: list(shots(BESIDE, LYING, True)), False: list(shots(LOOKING, SHOWN, False))}


def test_the_lens_is_found(lens):
    assert lens.error < 0.4
    assert lens.lens.focal == pytest.approx(LENS.focal, rel=0.004)
    assert lens.lens.center == pytest.approx(LENS.center, abs=2.0)
    corners = np.array([(0.4, 0.3, 1.0), (-0.4, 0.3, 1.0), (0.4, -0.3, 1.0), (0.0, 0.0, 1.0)])
    off = seeing.projected(corners, lens.lens) - seeing.projected(corners, LENS)
    assert np.abs(off).max() < 2.0, "the lens bends otherwise at the corners"


@pytest.mark.parametrize("target", [BOARD, TAG])
def test_corners_are_seen_where_they_are(target):
    studio, rng, off = Studio(target, seed=6), np.random.default_rng(7), []
    facing = np.eye(3) if target is BOARD else np.diag([1.0, -1.0, -1.0])
    for _ in range(4):
        turn = turned(*rng.uniform(-0.4, 0.4, 2), 0.3) @ facing
        pose = posed(turn, (-0.1, -0.08, 0.5))
        view = seeing.seen(target, studio.picture(pose))
        true = seeing.projected(view.points @ turn.T + pose[:3, 3], LENS)
        off.append(view.pixels - true)
    assert seeing.root_mean_square(off) < 0.2
    assert np.abs(np.concatenate(off).mean(axis=0)).max() < 0.08, "all to one side"


@pytest.mark.parametrize("on_arm", [False, True])
def test_a_cameras_place_is_found_to_2_mm_and_half_a_degree(lens, taken, on_arm):
    assert len(taken[on_arm]) >= 9
    found = hand_eye(taken[on_arm], lens.lens, on_arm)
    camera = BESIDE if on_arm else LOOKING
    metres, degrees = apart(found.camera, camera)
    assert metres < 0.002
    assert degrees < 0.5
    assert found.error < 1.0
    assert metres < 5 * found.spread[1] + 0.001, "it is off by more than it says"


def test_what_says_too_little_is_refused(lens, taken):
    shots = taken[False]
    with pytest.raises(Refused, match=r"in 5 pictures; 6 are needed"):
        hand_eye(shots[:5], lens.lens, on_arm=False)
    about_one = [
        Shot(shot.view, posed(turned(math.pi, 0, 0.3 * number), (0.2, 0, 0.2)))
        for number, shot in enumerate(shots)
    ]
    with pytest.raises(Refused, match="about one axis"):
        hand_eye(about_one, lens.lens, on_arm=False)


def test_views_that_cover_too_little_are_refused(board_pictures):
    view = seeing.seen(BOARD, board_pictures[4])
    with pytest.raises(Refused, match="in 3 pictures; 8"):
        require_enough([view] * 3, SIZE)
    with pytest.raises(Refused, match="of the picture's"):
        require_enough([view] * 8, SIZE)


def test_only_a_still_board_at_a_new_place_is_taken(board_pictures):
    views = [seeing.seen(BOARD, image) for image in board_pictures]
    chosen = Collector(SIZE)
    assert not chosen.take(views[0])  # nobody knows yet whether it stands
    assert chosen.take(views[0])
    assert not chosen.take(views[0])  # there is one from there
    assert not chosen.take(views[1])  # it has just moved
    assert chosen.take(views[1])
    assert not chosen.take(None)


def test_nothing_is_seen_where_nothing_is():
    assert seeing.seen(BOARD, np.full((480, 640, 3), 128, np.uint8)) is None
    assert seeing.seen(TAG, np.full((480, 640, 3), 128, np.uint8)) is None


# --- the command ------------------------------------------------------------------------------


def run(*words):
    answer = CliRunner().invoke(app, ["calibrate", *map(str, words)], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.output


def test_pictures_become_a_lens_that_a_cell_takes(tmp_path, board_pictures):
    for number, image in enumerate(board_pictures):
        imaging.save(tmp_path / f"{number}.png", image)
    out = tmp_path / "lens.toml"
    said = run("camera", "desk", "overhead", "--pictures", tmp_path, "--out", out, "--json")
    assert json.loads(said)["error_px"] < 0.4
    part = tomllib.loads(out.read_text())["cameras"]["overhead"]["lens"]
    model = load_cell("desk").cameras["overhead"].model_dump(exclude_none=True)
    seen = Camera.model_validate({**model, "lens": {k: tuple(v) for k, v in part.items()}})
    pixels = Pinhole(seen).pixels(np.array([[0.2, 0.1, 0.0], [0.0, -0.3, 0.1]]))
    assert Pinhole(seen).on_plane(pixels[:1], 0.0)[0] == pytest.approx((0.2, 0.1, 0.0))
    assert Pinhole(seen).on_plane(pixels[1:], 0.1)[0] == pytest.approx((0.0, -0.3, 0.1), abs=1e-5)
    assert (tmp_path / "lens.png").is_file()


def test_shots_become_a_place_that_a_cell_takes(tmp_path):
    cell = load_cell("desk")
    tcp, rng = Tcp(cell), np.random.default_rng(3)
    camera = posed(np.diag([1.0, -1.0, -1.0]) @ turned(0, 0, 0.2), (0.2, 0.01, 0.74))
    tag = posed(turned(math.pi, 0.0, 0.0), (0.0, 0.06, -0.05))
    plain = plain_lens(cell.cameras["overhead"])
    studio, folder = Studio(TAG, plain, seed=5), tmp_path / "shots"
    for _ in range(25):
        joints = {name: cell.arm.seeds[0][name] + rng.normal(0, 0.3) for name in cell.arm.joints}
        view = np.linalg.inv(camera) @ tcp.pose(joints) @ tag
        if view[2, 2] < -0.7 and (np.abs(view[:2, 3]) < (0.2, 0.12)).all():
            keep(imaging.encode(studio.picture(view), "png")[0], joints, folder)
    out = tmp_path / "place.toml"
    run("hand-eye", "desk", "overhead", "--shots", folder, "--out", out)
    part = tomllib.loads(out.read_text())
    position, quaternion = place(camera)
    assert part["position"] == pytest.approx(position, abs=0.002)
    assert abs(np.dot(part["quaternion"], quaternion)) > math.cos(math.radians(0.25))
    assert out.with_suffix(".png").is_file()


def test_a_folder_without_pictures_or_joints_is_told(tmp_path):
    def refused(*words):
        CliRunner().invoke(app, ["calibrate", *map(str, words)], catch_exceptions=False)

    with pytest.raises(InvalidRequest, match="no picture in"):
        refused("camera", "desk", "overhead", "--pictures", tmp_path)
    imaging.save(tmp_path / "1.png", np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(InvalidRequest, match=r"1\.png has no 1\.json"):
        refused("hand-eye", "desk", "overhead", "--shots", tmp_path)


class Rail:
    """What a running bridge says: picture after picture, and of its arm mode and elbow [rad]."""

    def __init__(self, images, modes=("armed",), elbow=(0.1,)):
        self._modes, self._elbow = itertools.cycle(modes), itertools.cycle(elbow)
        self._images = [imaging.encode(image, "png")[0] for image in images]
        self._next = iter(self._images)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None

    async def call(self, tool):
        assert tool == "arm_state"
        joints = {name: {"position": 0.1} for name in load_cell("desk").arm.all_joints}
        joints["elbow_flex"] = {"position": next(self._elbow)}
        return {"mode": next(self._modes), "joints": joints}

    async def grab(self, camera, form):
        return self._frame(next(self._next))

    async def frames(self, camera, form):
        for image in self._images:
            yield self._frame(image)

    def _frame(self, image):
        return Frame("overhead", 1, 1, 0.0, *SIZE, "png", image)


def test_a_board_that_is_shown_to_the_running_bridge_becomes_a_lens(
    tmp_path, monkeypatch, board_pictures
):
    held = [image for image in board_pictures for _ in range(2)]
    monkeypatch.setattr(reach, "agent", lambda _: Rail(held))
    out = tmp_path / "lens.toml"
    assert "12 of 12" in run("camera", "desk", "overhead", "--count", 12, "--out", out)
    assert tomllib.loads(out.read_text())["cameras"]["overhead"]["lens"]["focal"]
    monkeypatch.setattr(reach, "agent", lambda _: Rail(held[:6]))
    with pytest.raises(Refused, match="of 12 places"):
        run("camera", "desk", "overhead", "--count", 12)
    monkeypatch.setattr(reach, "agent", lambda _: pytest.fail("it was shown in vain"))
    with pytest.raises(InvalidRequest, match="Nothing can be written"):
        run("camera", "desk", "overhead", "--count", 12, "--out", tmp_path / "missing/lens.toml")


async def test_a_shot_has_the_joints_beside_its_picture(tmp_path, board_pictures):
    rail = Rail(board_pictures[:2])
    assert (await take(rail, "overhead", tmp_path)).name == "001.png"
    path = await take(rail, "overhead", tmp_path)
    assert path.name == "002.png"
    assert json.loads(path.with_suffix(".json").read_text())["joints"]["elbow_flex"] == 0.1
    assert imaging.decode(path.read_bytes()).shape == (480, 640, 3)


@pytest.mark.parametrize(
    ("modes", "elbow"),
    [(["moving"], [0.1]), (["armed", "stopping"], [0.1]), (["disarmed"], [0.1, 0.106])],
)
async def test_a_shot_of_an_arm_that_moves_is_refused(tmp_path, board_pictures, modes, elbow):
    with pytest.raises(Refused, match="move") as refused:
        await take(Rail(board_pictures[:1], modes, elbow), "overhead", tmp_path)
    assert refused.value.field in ("mode", "elbow_flex")
    assert not list(tmp_path.iterdir())


def test_pictures_of_another_size_than_the_cells_camera_are_refused(
    tmp_path, monkeypatch, board_pictures
):
    smaller = [image[:240, :320] for image in board_pictures]
    joints = dict.fromkeys(load_cell("desk").arm.joints, 0.1)
    keep(imaging.encode(smaller[0], "png")[0], joints, tmp_path)
    monkeypatch.setattr(reach, "agent", lambda _: Rail(smaller))
    for words in (
        ("camera", "desk", "overhead", "--pictures", tmp_path),
        ("camera", "desk", "overhead", "--count", 12),
        ("hand-eye", "desk", "overhead", "--shots", tmp_path),
    ):
        with pytest.raises(InvalidValue, match="320 x 240") as refused:
            run(*words)
        assert (refused.value.value, refused.value.limit) == ((320, 240), SIZE)
        assert refused.value.field in ("pictures", "camera", "shots")
