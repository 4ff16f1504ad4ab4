"""Preparation, tracks, places and shared slots: each does what the cell file says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from handrail_bridge.perception.place import Placing
from handrail_bridge.perception.prepare import Preparation
from handrail_bridge.perception.slots import HEADER, Slots
from handrail_bridge.perception.track import Tracker
from handrail_bridge.vision.pinhole import Pinhole
from handrail_drivers.decoder import Find
from handrail_drivers.errors import DeviceFault
from handrail_sim.camera import Camera
from handrail_sim.cell_file import load_cell
from handrail_sim.sight import Picture, Place, Track, Watch
from hypothesis import given, settings
from hypothesis import strategies as st

MS = 1_000_000


@pytest.fixture(scope="module")
def camera():
    return load_cell("desk").cameras["overhead"]


def filled(picture, image):
    kind = Preparation(picture, image.shape[1], image.shape[0])
    tensor = np.zeros(picture.shape, np.dtype(picture.type))
    kind.fill(image, tensor)
    return tensor


@given(st.integers(64, 800), st.integers(64, 800), st.floats(0, 1), st.floats(0, 1))
def test_what_goes_into_a_letterbox_comes_back(width, height, x, y):
    fit = Preparation(Picture(name="x", size=(96, 64)), width, height).fit
    there = x * width * fit.scale[0] + fit.shift[0], y * height * fit.scale[1] + fit.shift[1]
    assert -1e-9 <= there[0] <= 96 + 1e-9
    assert -1e-9 <= there[1] <= 64 + 1e-9
    assert fit.back(*there) == pytest.approx((x * width, y * height), abs=1e-6)


def test_what_is_found_in_a_crop_is_told_in_the_whole_picture():
    image = np.zeros((48, 64, 3), np.uint8)
    image[20, 40] = 255
    kind = Preparation(Picture(name="x", size=(32, 16), crop=(32, 16, 64, 32)), 64, 48)
    tensor = np.zeros((1, 3, 16, 32), np.float32)
    kind.fill(image, tensor)
    row, column = np.argwhere(tensor[0, 0] == 1.0)[0]
    assert kind.fit.back(column + 0.5, row + 0.5) == (40.5, 20.5)


def test_a_letterbox_is_padded_and_a_stretch_is_not():
    image = np.full((40, 80, 3), 255, np.uint8)
    boxed = filled(Picture(name="x", size=(40, 40), type="uint8", pad=7), image)
    assert boxed[0, 0, 0, 0] == 7
    assert boxed[0, 0, 20, 20] == 255
    assert (
        filled(Picture(name="x", size=(40, 40), type="uint8", fit="stretch"), image) == 255
    ).all()


def test_order_layout_scale_mean_and_deviation_are_as_declared():
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, :, 2] = 255  # red
    plain = Picture(name="x", size=(16, 16))
    assert filled(plain, image)[0, :, 5, 5].tolist() == [1, 0, 0]
    bgr = plain.model_copy(update={"order": "bgr", "layout": "nhwc"})
    assert filled(bgr, image)[0, 5, 5].tolist() == [0, 0, 1]
    moved = plain.model_copy(update={"mean": (0.5, 0.5, 0.5), "deviation": (0.5, 0.25, 0.25)})
    assert filled(moved, image)[0, :, 5, 5].tolist() == [1, -2, -2]
    gray = plain.model_copy(update={"order": "gray"})
    assert filled(gray, image)[0, :, 5, 5] == pytest.approx([0.299], abs=0.01)


def box(x, y, label="hand", size=20.0, score=0.9):
    return Find(label, score, (x - size / 2, y - size / 2, x + size / 2, y + size / 2))


def test_a_thing_that_moves_a_little_keeps_its_number():
    tracker = Tracker(Track())
    first = tracker.follow([box(100, 100), box(200, 100)], 0)
    second = tracker.follow([box(210, 100), box(105, 100)], 50 * MS)
    assert [track.number for track in second] == [first[1].number, first[0].number]
    assert [track.hits for track in second] == [2, 2]
    (far,) = tracker.follow([box(300, 300)], 100 * MS)
    assert far.number not in (1, 2)
    (other,) = tracker.follow([box(300, 300, "cube")], 150 * MS)
    assert other.number != far.number


def test_what_is_no_more_seen_lingers_for_a_while():
    tracker = Tracker(Track(linger=0.2))
    tracker.follow([box(100, 100)], 0)
    tracker.follow([], 199 * MS)
    assert len(tracker.tracks) == 1
    tracker.follow([], 201 * MS)
    assert tracker.tracks == []


def at(camera, point, label="cube"):
    """A find whose keypoint shows a point of the world."""
    x, y = Pinhole(camera).pixels(np.array([point]))[0] + 0.5
    return Find(label, 0.9, (x - 5, y - 5, x + 5, y + 5), ((x, y, 0.9),))


def test_a_find_is_where_its_ray_meets_the_plane_of_its_label(camera):
    placing = Placing(camera, Place(heights={"cube": 0.0125}))
    point = (0.21, 0.13, 0.0125)
    (found,) = placing.placed([at(camera, point)], None)
    assert found.position == pytest.approx(point, abs=1e-9)


def test_a_find_is_as_far_as_the_depth_says(camera):
    point = np.array((0.21, 0.13, 0.09))
    depth = np.full((camera.height, camera.width), camera.position[2] - point[2], np.float32)
    placing = Placing(camera, Place(by="depth"))
    (found,) = placing.placed([at(camera, point)], depth)
    assert found.position == pytest.approx(point, abs=1e-6)


def test_a_depth_is_as_unsure_along_the_view_as_it_says_and_aside_by_its_pixels(camera):
    find = at(camera, (0.21, 0.13, 0.45))
    depth = np.full((camera.height, camera.width), camera.position[2] - 0.45, np.float32)
    unsure = Placing(camera, Place(by="depth", sigma=2.0, depth_sigma=0.05)).placed([find], depth)
    on_table = Placing(camera, Place(sigma=2.0)).placed([find], None)[0]
    ray = unsure[0].position - np.array(camera.position)
    ray /= -ray[2]
    along = np.outer(ray, ray) * 0.05**2
    aside = np.diag(unsure[0].covariance - along)
    nearer = (camera.position[2] - 0.45) / camera.position[2]
    assert np.sqrt(aside[:2]) == pytest.approx(
        np.sqrt(np.diag(on_table.covariance)[:2]) * nearer, rel=1e-6
    )
    assert aside[2] == pytest.approx(0, abs=1e-9)
    with pytest.raises(DeviceFault, match="No head tells a depth"):
        Placing(camera, Place(by="depth")).placed([find], None)


def test_covariance_grows_with_the_pixels_and_has_the_cameras(camera):
    find = at(camera, (0.2, 0.1, 0.0))
    sharp = Placing(camera, Place(sigma=1.0)).placed([find], None)[0].covariance
    metres = 0.75 / (camera.height / 2 / math.tan(math.radians(camera.fovy) / 2))  # of a pixel
    assert np.sqrt(np.diag(sharp)[:2]) == pytest.approx([metres, metres], rel=0.05)
    place = Place(sigma=2.0, camera_sigma=0.003)
    vague = Placing(camera, place).placed([find], None)[0].covariance
    assert vague[0, 0] == pytest.approx(4 * sharp[0, 0] + 0.003**2)


def test_the_direction_of_an_edge_is_the_worlds(camera):
    placing = Placing(camera, Place())
    find = at(camera, (0.2, 0.1, 0.0))
    # The camera looks down with +x of the world up and +y to the left.
    turned = Find(find.label, 0.9, find.box, find.points, (), -math.pi / 2 + 0.2, 4)
    first, second = placing.placed([turned, find], None)
    assert first.yaw == pytest.approx(-0.2, abs=1e-3)
    assert second.yaw is None
    unsure = Placing(camera, Place(turn_sigma=0.03)).placed([turned, find], None)
    assert [one.turn_sigma for one in unsure] == [0.03, None]
    assert first.turn_sigma is None, "nobody says"


def test_a_zone_is_as_near_as_what_is_seen_may_be(camera):
    placing = Placing(camera, Place())
    watch = Watch(labels=("hand",), center=(0.2, 0.1, 0.0), size=(0.1, 0.1, 0.01), heights=(0, 0))
    assert placing.distance(at(camera, (0.2, 0.1, 0.0)), watch) == 0.0
    assert placing.distance(at(camera, (0.4, 0.1, 0.0)), watch) == pytest.approx(0.15, abs=0.01)
    high = watch.model_copy(update={"heights": (0.0, 0.3)})
    assert placing.distance(at(camera, (0.4, 0.1, 0.0)), high) < 0.15


def leaning(degrees, height):
    """A camera that looks so far above straight down, along +y."""
    half = math.radians(degrees) / 2
    quaternion = (math.cos(half), math.sin(half), 0.0, 0.0)
    place = {"position": (0.0, 0.0, height), "quaternion": quaternion, "search": (-1, 1, -1, 1)}
    return Camera(device="eye", fovy=45, width=640, height=480, **place)


def densely(camera, pixels, watch):
    """The least distance by trying, and how far it may be beside the least of these pixels."""
    pinhole = Pinhole(camera)
    rays = pinhole.rays(pixels)
    with np.errstate(divide="ignore"):
        ends = (np.array(watch.heights)[:, None] - camera.position[2]) / rays[:, 2]
    near, far = np.clip(ends.min(axis=0), 0, 1e3), np.clip(ends.max(axis=0), 0, 1e3)
    near, far = (np.where(ends.max(axis=0) > 0, one, 1e3) for one in (near, far))
    steps = np.linspace(near, far, 150).T
    points = np.array(camera.position) + steps[:, :, None] * rays[:, None]
    turn = np.array([[math.cos(watch.yaw), -math.sin(watch.yaw)], [math.sin(watch.yaw)] * 2])
    turn[1, 1] = math.cos(watch.yaw)
    away = points - np.array(watch.center)
    away[..., :2] = away[..., :2] @ turn
    outside = np.maximum(np.abs(away) - np.array(watch.size) / 2, 0)
    step = (np.linalg.norm(rays, axis=1) * (far - near)).max() / 149
    return np.linalg.norm(outside, axis=-1).min(), step


EDGE = st.floats(0.02, 0.5)
PLACES = st.tuples(st.floats(-0.5, 0.5), st.floats(0, 1.5), st.floats(-0.1, 0.6))


@settings(max_examples=40)
@given(
    tilt=st.floats(0, 85),
    height=st.floats(0.1, 1.5),
    corner=st.tuples(st.floats(0, 600), st.floats(0, 440)),
    size=st.tuples(st.floats(1, 200), st.floats(1, 200)),
    zone=st.tuples(PLACES, EDGE, EDGE, EDGE, st.floats(-3, 3)),
    heights=st.tuples(st.floats(0, 0.2), st.floats(0, 0.3)),
)
def test_what_is_seen_is_never_told_farther_than_it_may_be(
    tilt, height, corner, size, zone, heights
):
    camera, (center, *sizes, yaw) = leaning(tilt, height), zone
    span = heights[0], sum(heights)
    watch = Watch(labels=("x",), center=center, size=tuple(sizes), yaw=yaw, heights=span)
    box = (*corner, min(corner[0] + size[0], 640), min(corner[1] + size[1], 480))
    grid = np.stack(np.meshgrid(*(np.linspace(box[n], box[n + 2], 12) for n in (0, 1))), axis=-1)
    pixels = grid.reshape(-1, 2)
    placing = Placing(camera, Place())
    covered = Find("x", 0.9, box, (), tuple((x, y) for x, y in pixels.tolist()))
    least, step = densely(camera, pixels - 0.5, watch)
    found = placing.distance(covered, watch)
    assert found <= least + 1e-6
    assert found == 0.0 or found >= least - step - 1e-9
    assert placing.distance(Find("x", 0.9, box), watch) <= least + 1e-6


def test_a_flat_look_at_a_point_in_the_zone_is_in_the_zone():
    camera = leaning(70, 0.4)
    watch = Watch(labels=("x",), center=(0, 0.7, 0.05), size=(0.1, 0.1, 0.1), heights=(0, 0.3))
    x, y = Pinhole(camera).pixels(np.array([(0.0, 0.68, 0.04)]))[0] + 0.5
    placing = Placing(camera, Place())
    for box in ((x, y, x, y), (x - 20, y - 20, x + 20, y + 20)):
        assert placing.distance(Find("x", 0.9, box), watch) == 0.0


def test_what_is_seen_where_its_heights_are_not_may_be_anywhere():
    watch = Watch(labels=("x",), center=(0, 9, 0), size=(0.1, 0.1, 0.1), heights=(0, 0.3))
    sky = Find("x", 0.9, (300.0, 10.0, 320.0, 20.0))
    assert Placing(leaning(90, 0.4), Place()).distance(sky, watch) == 0.0


@given(st.lists(st.binary(max_size=64), min_size=1, max_size=5))
def test_a_slot_gives_the_newest_message(messages):
    slots = Slots.create(64)
    try:
        assert slots.newest() is None
        for message in messages:
            slots.publish(message[:3], message[3:])
        assert slots.newest() == (len(messages), messages[-1])
        assert slots.newest(len(messages) - 1) == (len(messages), messages[-1])
        assert slots.newest(len(messages)) is None
    finally:
        slots.close()


def test_a_torn_message_is_not_seen():
    slots = Slots.create(16)
    try:
        slots.publish(b"whole")
        slots.publish(b"newer")
        slots._map[HEADER.size] ^= 1  # the second lies in the first slot
        assert slots.newest() == (1, b"whole")
        with pytest.raises(ValueError, match="does not fit"):
            slots.publish(bytes(17))
    finally:
        slots.close()
