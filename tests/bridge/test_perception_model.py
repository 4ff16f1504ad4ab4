"""A model is what the cell declares or is refused; what it sees is what the twin's truth has."""

from __future__ import annotations

import math
import time

import mujoco
import numpy as np
import onnxruntime
import pytest
from handrail_bridge.perception.pipeline import Pipeline
from handrail_bridge.perception.recognise import recognised
from handrail_bridge.perception.runtime import Model
from handrail_drivers.errors import InvalidModel
from handrail_sim.cell_file import cell_path, load_cell
from handrail_sim.twin.camera import Eye
from handrail_sim.twin.hand import place_hand
from handrail_sim.twin.perturbation import draw, layout, truth_model
from handrail_sim.world import Scene
from onnx import TensorProto
from small_model import EYE, SIZE, declared, model


def test_a_model_that_is_as_declared_gives_what_it_gets(tmp_path):
    path = model(tmp_path)
    loaded = Model(path, declared(path))
    loaded.input[:] = 0.25
    assert (loaded.run()["same"] == 0.25).all()
    loaded.input[:] = 0.5
    assert (loaded.run()["same"] == 0.5).all()
    assert loaded.providers == ["CPUExecutionProvider"]


@pytest.mark.parametrize(
    ("made", "changes", "field", "says"),
    [
        ({}, {"sha256": "0" * 64}, "sha256", "another file"),
        ({}, {"opset": 13}, "opset", "another opset: 17; the cell declares 13"),
        ({"shape": (1, 3, 48, 32)}, {}, "input.size", "48, 32]; the cell declares"),
        ({"kind": TensorProto.FLOAT16}, {}, "input.type", "float16"),
        ({}, {"input": {"name": "picture", "size": SIZE}}, "input.name", "picture"),
        ({}, {"outputs": {"boxes": (1, 3)}}, "outputs", "no output 'boxes'"),
        ({}, {"outputs": {"same": (1, 3, 24, 33)}}, "outputs.same", "another shape"),
        ({}, {"providers": ("TensorrtExecutionProvider",)}, "providers", "has no Tensorrt"),
    ],
)
def test_a_model_that_is_not_as_declared_is_refused(tmp_path, made, changes, field, says):
    path = model(tmp_path, **made)
    with pytest.raises(InvalidModel, match=says.replace("[", r"\[").replace("]", r"\]")) as refused:
        Model(path, declared(path, **changes))
    assert refused.value.field == field


class Elsewhere(onnxruntime.InferenceSession):
    """A session that says it runs on a device, and copies its input there when it is bound."""

    def __init__(self, data, options, providers):
        super().__init__(data, options, providers=["CPUExecutionProvider"])

    def get_providers(self):
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    def io_binding(self):
        binding = super().io_binding()
        here = binding.bind_cpu_input
        binding.bind_cpu_input = lambda name, array: here(name, array.copy())
        return binding


CUDA = {"providers": ("CUDAExecutionProvider",)}


@pytest.fixture
def with_cuda(monkeypatch):
    names = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: names)


def test_a_model_on_a_device_sees_each_picture(tmp_path, monkeypatch, with_cuda):
    monkeypatch.setattr(onnxruntime, "InferenceSession", Elsewhere)
    path = model(tmp_path)
    loaded = Model(path, declared(path, **CUDA))
    for value in (0.25, 0.5):
        loaded.input[:] = value
        assert (loaded.run()["same"] == value).all()


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_provider_that_does_not_start_is_refused(tmp_path, with_cuda):
    path = model(tmp_path)
    with pytest.raises(InvalidModel, match="CUDAExecutionProvider did not start") as refused:
        Model(path, declared(path, **CUDA))
    assert refused.value.field == "providers"


def test_outputs_that_a_decoder_does_not_read_are_refused(tmp_path):
    path = model(tmp_path, kind=TensorProto.UINT8)
    given = {"input": {"name": "image", "size": SIZE, "type": "uint8"}}
    with pytest.raises(InvalidModel, match=r"'same' is a tensor\(uint8\)") as refused:
        Model(path, declared(path, **given))
    assert "tensor(float)" in refused.value.choices
    raw = {"numbers": {"decoder": "raw", "outputs": ("same",)}}
    assert Model(path, declared(path, **given, heads=raw)).run()["same"].dtype == np.uint8


@pytest.mark.parametrize("damage", ["cut", "text", "empty"])
def test_a_file_that_is_no_model_is_refused(tmp_path, damage):
    path = model(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(
        {"cut": whole[: len(whole) // 2], "text": b"hello\n" * 40, "empty": b""}[damage]
    )
    with pytest.raises(InvalidModel):
        Model(path, declared(path))


def test_numbers_that_are_none_are_a_fault_and_no_answer(tmp_path):
    path = model(tmp_path, node="nan")
    pipeline = Pipeline("eyes", declared(path), EYE, path)
    seen = pipeline.look(np.zeros((64, 64, 3), np.uint8), 1, time.monotonic_ns())
    assert "numbers that are none" in seen.fault
    assert not seen.values
    assert not seen.distances
    seen = pipeline.look(np.full((64, 64, 3), 255, np.uint8), 2, time.monotonic_ns())
    assert "numbers that are none" in seen.fault  # the letterbox is dark


def test_a_picture_of_another_size_is_a_fault(tmp_path):
    path = model(tmp_path)
    pipeline = Pipeline("eyes", declared(path), EYE, path)
    seen = pipeline.look(np.zeros((48, 64, 3), np.uint8), 1, 1)
    assert "64 x 48 px; the cell says 64 x 64" in seen.fault


def test_a_decoder_that_does_not_fit_the_model_is_a_fault(tmp_path):
    path = model(tmp_path)
    head = {"decoder": "classification", "outputs": ("same",), "settings": {"labels": ("a",)}}
    pipeline = Pipeline("eyes", declared(path, heads={"kinds": head}), EYE, path)
    assert "this decoder reads" in pipeline.look(np.zeros((64, 64, 3), np.uint8), 1, 1).fault


# --- the model of our own ---------------------------------------------------------------------

SEEDS = range(200, 212)


@pytest.fixture(scope="module")
def desk():
    return load_cell("desk_watched")


@pytest.fixture(scope="module")
def pipeline(desk):
    eyes = desk.perception["eyes"]
    path = cell_path(desk.folder, eyes.model)
    return Pipeline("eyes", eyes, desk.cameras["overhead"], path)


@pytest.fixture(scope="module")
def pictures(desk):
    """Pictures of the twin by seed without and with its hand, and where the cubes really lie."""
    return {seed: _pictures(desk, seed) for seed in SEEDS}


def _pictures(desk, seed):
    hidden = draw(desk, seed, perturb=True)
    still = dict.fromkeys(desk.cameras, (0.0, 0.0, 0.0))
    object.__setattr__(hidden, "camera_shift", still)  # as calibrated: the model is on trial
    object.__setattr__(hidden, "camera_turn", still)
    world = truth_model(desk, hidden)
    data, scene = mujoco.MjData(world), Scene(world, desk)
    scene.set_joints(data.qpos, [desk.arm.home[name] for name in desk.arm.all_joints])
    places = layout(desk, seed)
    for name, (x, y, yaw) in places.items():
        turn = (math.cos(yaw / 2), 0, 0, math.sin(yaw / 2))
        scene.set_object(data, name, (x, y, 0.0125), turn)
    mujoco.mj_forward(world, data)
    renderer = mujoco.Renderer(world, 480, 640)
    eye = Eye(renderer, "overhead", hidden.image_noise, seed)
    alone = eye.picture(data)
    rng = np.random.default_rng(seed)
    where = (rng.uniform(0.05, 0.32), rng.uniform(-0.2, 0.25), 0.08)
    place_hand(world, data, where, rng.uniform(-math.pi, math.pi))
    mujoco.mj_forward(world, data)
    reached = eye.picture(data)
    renderer.close()
    return alone, reached, places


def _look(pipeline, image):
    for _ in range(2):  # what the picture before has left lingers
        seen = pipeline.look(image, 1, time.monotonic_ns())
    assert seen.fault == ""
    return seen


def test_every_cube_is_found_where_it_lies_and_nothing_else(desk, pipeline, pictures):
    errors, turns = [], []
    for alone, _, places in pictures.values():
        seen = _look(pipeline, alone)
        camera = desk.cameras["overhead"]
        found = recognised(seen, desk.perception["eyes"].colors, camera.search)
        assert sorted(one.color for one in found) == ["blue", "red", "red"]
        for name, (x, y, yaw) in places.items():
            mine = [one for one in found if one.color == desk.objects[name].color]
            best = min(mine, key=lambda one, x=x, y=y: math.dist(one.position[:2], (x, y)))
            errors.append(math.dist(best.position[:2], (x, y)))
            turns.append(abs(math.remainder(best.yaw - yaw, math.pi / 2)))
    assert np.median(errors) < 0.002
    assert np.percentile(errors, 95) < 0.005
    assert np.percentile(np.degrees(turns), 90) < 10


def test_a_hand_is_seen_in_the_zone_and_none_where_none_is(pipeline, pictures):
    for seed, (alone, reached, _) in pictures.items():
        pipeline._tracker.tracks.clear()
        assert _look(pipeline, alone).distances["hand"] is None, f"seed {seed}"
        assert _look(pipeline, reached).distances["hand"] == 0.0, f"seed {seed}"
